# SPDX-License-Identifier: Apache-2.0
noinst_PROGRAMS += tests/bench/source tests/bench/sink \
	tests/bench/nameserver tests/bench/milter tests/bench/stream-source \
	tests/bench/apns
tests_bench_apns_SOURCES = tests/bench/apns.c tests/bench/bench.c \
	tests/bench/bench.h
tests_bench_apns_LDADD = $(NGHTTP2_LIBS) $(GNUTLS_LIBS)
tests_bench_source_SOURCES = tests/bench/source.c tests/bench/bench.c \
	tests/bench/bench.h tests/bench/letter.c tests/bench/letter.h tests/bench/wire.c tests/bench/wire.h
tests_bench_source_LDADD = $(XXHASH_LIBS) $(GNUTLS_LIBS)
tests_bench_stream_source_SOURCES = tests/bench/stream-source.c \
	tests/bench/letter.c tests/bench/letter.h \
	tests/bench/bench.c tests/bench/bench.h
tests_bench_stream_source_LDADD = lib/ecstream/libimpel-ecstream.a \
	$(GNUTLS_LIBS) $(XXHASH_LIBS)
tests_bench_sink_LDADD = $(XXHASH_LIBS) $(GNUTLS_LIBS)
tests_bench_sink_SOURCES = tests/bench/sink.c tests/bench/once.c \
	tests/bench/once.h tests/bench/tally.c tests/bench/tally.h \
	tests/bench/bench.c tests/bench/bench.h tests/bench/wire.c \
	tests/bench/wire.h
tests_bench_nameserver_SOURCES = tests/bench/nameserver.c \
	tests/bench/bench.c tests/bench/bench.h
tests_bench_milter_SOURCES = tests/bench/milter.c \
	tests/bench/bench.c tests/bench/bench.h
EXTRA_DIST += tests/bench/run tests/bench/lib tests/bench/sections

.PHONY: bench
# make bench BENCH="relay --runs 3 --peer postfix"; "--help" tells the rest
bench: all-am tests/shim/shim.la
	srcdir=$(abs_srcdir) builddir=$(abs_builddir) \
	    $(srcdir)/tests/bench/run $(BENCH)
