# SPDX-License-Identifier: Apache-2.0
# mm7.so: multimedia messages to and from an MMSC.
noinst_LTLIBRARIES += modules/mm7/libmm7.la
modules_mm7_libmm7_la_SOURCES = \
	modules/mm7/answer.c modules/mm7/answer.h \
	modules/mm7/auth.c modules/mm7/auth.h modules/mm7/authserver.c \
	modules/mm7/call.c modules/mm7/call.h \
	modules/mm7/letter.c modules/mm7/letter.h \
	modules/mm7/letter_int.h modules/mm7/letterbody.c \
	modules/mm7/parts.c modules/mm7/parts.h \
	modules/mm7/reportkey.c modules/mm7/reportkey.h \
	modules/mm7/soap.c modules/mm7/soap.h \
	modules/mm7/text.c modules/mm7/text.h
modules_mm7_libmm7_la_CPPFLAGS = $(MODULE_CPP) -I$(top_srcdir)/modules/mm7
modules_mm7_libmm7_la_CFLAGS = $(MODULE_CC) $(STRICT_CFLAGS) \
	$(GNUTLS_CFLAGS) $(LIBXML_CFLAGS)
modules_mm7_libmm7_la_LIBADD = $(GNUTLS_LIBS) $(LIBXML_LIBS)

impelmodule_LTLIBRARIES += modules/mm7/mm7.la
modules_mm7_mm7_la_SOURCES = \
	modules/mm7/admit.c \
	modules/mm7/content.c \
	modules/mm7/digests.c modules/mm7/digests.h \
	modules/mm7/incoming.c \
	modules/mm7/job.c \
	modules/mm7/mm7.c modules/mm7/mm7.h \
	modules/mm7/options.c \
	modules/mm7/report.c \
	modules/mm7/request.c \
	modules/mm7/server.c modules/mm7/server.h \
	modules/mm7/session.c modules/mm7/session.h \
	modules/mm7/submit.c modules/mm7/submit.h \
	modules/mm7/taking.c modules/mm7/taking.h
modules_mm7_mm7_la_CPPFLAGS = $(MODULE_CPP) -I$(top_srcdir)/modules/mm7
modules_mm7_mm7_la_CFLAGS = $(MODULE_CC) $(STRICT_CFLAGS) $(GNUTLS_CFLAGS) \
	$(LIBXML_CFLAGS)
modules_mm7_mm7_la_LDFLAGS = $(MODULE_LD)
modules_mm7_mm7_la_LIBADD = modules/mm7/libmm7.la modules/lib/libhttp1.la \
	modules/lib/libpush.la modules/lib/libmodule.la \
	$(GNUTLS_LIBS) $(LIBXML_LIBS)
EXTRA_DIST += modules/mm7/mm7.md

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-mm7 tests/unit/test-mm7in
TESTS += tests/unit/test-mm7 tests/unit/test-mm7in
tests_unit_test_mm7in_SOURCES = tests/unit/test-mm7in.c
tests_unit_test_mm7in_CPPFLAGS = $(MODULE_CPP) -I$(top_srcdir)/modules/mm7 \
	-I$(top_srcdir)/core
tests_unit_test_mm7in_CFLAGS = $(AM_CFLAGS) $(LIBXML_CFLAGS)
tests_unit_test_mm7in_LDADD = modules/mm7/libmm7.la modules/lib/libpush.la \
	modules/lib/libmodule.la $(CMOCKA_LIBS)
tests_unit_test_mm7_SOURCES = tests/unit/test-mm7.c
tests_unit_test_mm7_CPPFLAGS = $(MODULE_CPP) -I$(top_srcdir)/modules/mm7
tests_unit_test_mm7_LDADD = modules/mm7/libmm7.la modules/lib/libpush.la \
	modules/lib/libmodule.la $(CMOCKA_LIBS)
endif
if !FUZZ
TESTS += tests/fuzz/fuzz-mm7 tests/fuzz/fuzz-mm7in
endif
check_PROGRAMS += tests/fuzz/fuzz-mm7 tests/fuzz/fuzz-mm7in
tests_fuzz_fuzz_mm7in_SOURCES = tests/fuzz/fuzz-mm7in.c $(FUZZ_MAIN)
tests_fuzz_fuzz_mm7in_CPPFLAGS = $(MODULE_CPP) -I$(top_srcdir)/modules/mm7 \
	-DFUZZ_CORPUS='"$(top_srcdir)/tests/fuzz/corpus/mm7in"'
tests_fuzz_fuzz_mm7in_CFLAGS = $(AM_CFLAGS) $(LIBXML_CFLAGS)
tests_fuzz_fuzz_mm7in_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_mm7in_LDADD = modules/mm7/libmm7.la modules/lib/libpush.la \
	modules/lib/libmodule.la
tests_fuzz_fuzz_mm7_SOURCES = tests/fuzz/fuzz-mm7.c $(FUZZ_MAIN)
tests_fuzz_fuzz_mm7_CPPFLAGS = $(MODULE_CPP) -I$(top_srcdir)/modules/mm7 \
	-DFUZZ_CORPUS='"$(top_srcdir)/tests/fuzz/corpus/mm7"'
tests_fuzz_fuzz_mm7_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_mm7_LDADD = modules/mm7/libmm7.la modules/lib/libpush.la \
	modules/lib/libmodule.la
