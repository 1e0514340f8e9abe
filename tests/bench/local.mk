# SPDX-License-Identifier: Apache-2.0
noinst_PROGRAMS += tests/bench/source tests/bench/sink
tests_bench_source_SOURCES = tests/bench/source.c tests/bench/bench.c \
	tests/bench/bench.h
tests_bench_sink_SOURCES = tests/bench/sink.c tests/bench/bench.c \
	tests/bench/bench.h
