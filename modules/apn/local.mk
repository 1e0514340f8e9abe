# SPDX-License-Identifier: Apache-2.0
# apn.so: notifications to devices of Apple.
impelmodule_LTLIBRARIES += modules/apn/apn.la
modules_apn_apn_la_SOURCES = \
	modules/apn/apn.c modules/apn/apn.h \
	modules/apn/binary.c modules/apn/binary.h \
	modules/apn/http.c \
	modules/apn/notice.c modules/apn/notice.h \
	modules/apn/provider.c modules/apn/provider.h \
	modules/apn/reason.c modules/apn/reason.h \
	modules/apn/session.c modules/apn/session.h
modules_apn_apn_la_CPPFLAGS = $(MODULE_CPP) -I$(top_srcdir)/modules/apn
modules_apn_apn_la_CFLAGS = $(MODULE_CC) $(STRICT_CFLAGS) $(GNUTLS_CFLAGS) \
	$(JANSSON_CFLAGS)
modules_apn_apn_la_LDFLAGS = $(MODULE_LD)
modules_apn_apn_la_LIBADD = modules/lib/libpushconn.la modules/lib/libjws.la \
	modules/lib/libh2.la modules/lib/libpush.la \
	modules/lib/libmodule.la \
	$(GNUTLS_LIBS) $(JANSSON_LIBS)
EXTRA_DIST += modules/apn/apn.md

APN_SOURCES = $(modules_apn_apn_la_SOURCES)
APN_LIBS = $(modules_apn_apn_la_LIBADD)
if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-apn
TESTS += tests/unit/test-apn
tests_unit_test_apn_SOURCES = tests/unit/test-apn.c \
	tests/unit/jws_support.c tests/unit/jws_support.h $(APN_SOURCES)
tests_unit_test_apn_CPPFLAGS = $(modules_apn_apn_la_CPPFLAGS)
tests_unit_test_apn_LDADD = $(APN_LIBS) $(CMOCKA_LIBS)
endif

# FUZZ_MAIN and FUZZ_LINK are those of modules/lib.
check_PROGRAMS += tests/fuzz/fuzz-apn
if !FUZZ
TESTS += tests/fuzz/fuzz-apn
endif
tests_fuzz_fuzz_apn_SOURCES = tests/fuzz/fuzz-apn.c $(APN_SOURCES) \
	$(FUZZ_MAIN)
tests_fuzz_fuzz_apn_CPPFLAGS = $(modules_apn_apn_la_CPPFLAGS) \
	-DFUZZ_CORPUS='"$(top_srcdir)/tests/fuzz/corpus/apn"'
tests_fuzz_fuzz_apn_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_apn_LDADD = $(APN_LIBS)
