# SPDX-License-Identifier: Apache-2.0
# ecstream.so: ECSTREAM out and in (docs/ecstream.md).
noinst_LTLIBRARIES += modules/ecstream/libstream.la
modules_ecstream_libstream_la_SOURCES = \
	modules/ecstream/client.c modules/ecstream/client.h \
	modules/ecstream/envelope.c modules/ecstream/envelope.h \
	modules/ecstream/flying.c \
	modules/ecstream/frame.c modules/ecstream/frame.h \
	modules/ecstream/known.c modules/ecstream/known.h \
	modules/ecstream/receipt.c \
	modules/ecstream/sending.c \
	modules/ecstream/server.c modules/ecstream/server.h \
	modules/ecstream/server_frames.c \
	modules/ecstream/tags.c modules/ecstream/tags.h
modules_ecstream_libstream_la_CPPFLAGS = $(MODULE_CPP)
modules_ecstream_libstream_la_CFLAGS = $(MODULE_CC)
modules_ecstream_libstream_la_LIBADD = modules/lib/libmodule.la

impelmodule_LTLIBRARIES += modules/ecstream/ecstream.la
modules_ecstream_ecstream_la_SOURCES = \
	modules/ecstream/ecstream.c modules/ecstream/ecstream.h
modules_ecstream_ecstream_la_LIBADD = modules/ecstream/libstream.la
modules_ecstream_ecstream_la_CPPFLAGS = $(MODULE_CPP)
modules_ecstream_ecstream_la_CFLAGS = $(MODULE_CC)
modules_ecstream_ecstream_la_LDFLAGS = $(MODULE_LD)
EXTRA_DIST += modules/ecstream/ecstream.py

# Frames of both sides; FUZZ_MAIN and FUZZ_LINK are those of modules/lib.
ECSTREAM_HOST = tests/unit/ecstream_host.c tests/unit/ecstream_host.h \
	tests/unit/host_text.c tests/unit/host_text.h
ECSTREAM_TEST_CPP = $(MODULE_CPP) -I$(top_srcdir)/modules/ecstream
ECSTREAM_FUZZ = tests/fuzz/fuzz-ecstream-client \
	tests/fuzz/fuzz-ecstream-server
check_PROGRAMS += $(ECSTREAM_FUZZ)
if !FUZZ
TESTS += $(ECSTREAM_FUZZ)
endif
tests_fuzz_fuzz_ecstream_client_SOURCES = tests/fuzz/fuzz-ecstream-client.c \
	$(ECSTREAM_HOST) $(FUZZ_MAIN)
tests_fuzz_fuzz_ecstream_client_CPPFLAGS = $(ECSTREAM_TEST_CPP) \
	-DFUZZ_CORPUS='"$(top_srcdir)/tests/fuzz/corpus/ecstream-client"'
tests_fuzz_fuzz_ecstream_client_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_ecstream_client_LDADD = modules/ecstream/libstream.la
tests_fuzz_fuzz_ecstream_server_SOURCES = tests/fuzz/fuzz-ecstream-server.c \
	$(ECSTREAM_HOST) $(FUZZ_MAIN)
tests_fuzz_fuzz_ecstream_server_CPPFLAGS = $(ECSTREAM_TEST_CPP) \
	-DFUZZ_CORPUS='"$(top_srcdir)/tests/fuzz/corpus/ecstream-server"'
tests_fuzz_fuzz_ecstream_server_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_ecstream_server_LDADD = modules/ecstream/libstream.la

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-ecstream
TESTS += tests/unit/test-ecstream
tests_unit_test_ecstream_SOURCES = tests/unit/test-ecstream.c $(ECSTREAM_HOST)
tests_unit_test_ecstream_CPPFLAGS = $(ECSTREAM_TEST_CPP) $(AM_CPPFLAGS)
tests_unit_test_ecstream_LDADD = modules/ecstream/libstream.la $(BASE_LA) \
	$(CMOCKA_LIBS) $(BASE_LIBS)
endif
