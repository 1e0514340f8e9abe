# SPDX-License-Identifier: Apache-2.0
noinst_PROGRAMS += tests/bench/source tests/bench/sink
tests_bench_source_SOURCES = tests/bench/source.c tests/bench/bench.c \
	tests/bench/bench.h
tests_bench_sink_SOURCES = tests/bench/sink.c tests/bench/bench.c \
	tests/bench/bench.h
EXTRA_DIST += tests/bench/run tests/bench/postfix.py

.PHONY: bench
# make bench BENCH="--runs 3 --peer postfix"
bench: all
	srcdir=$(abs_srcdir) builddir=$(abs_builddir) \
	    $(srcdir)/tests/bench/run $(BENCH)
