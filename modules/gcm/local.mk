# SPDX-License-Identifier: Apache-2.0
# gcm.so: notifications by Google's service.
impelmodule_LTLIBRARIES += modules/gcm/gcm.la
modules_gcm_gcm_la_SOURCES = \
	modules/gcm/account.c modules/gcm/account.h \
	modules/gcm/answer.c modules/gcm/answer.h \
	modules/gcm/data.c modules/gcm/data.h \
	modules/gcm/gcm.c modules/gcm/gcm.h \
	modules/gcm/legacy.c \
	modules/gcm/notice.c modules/gcm/notice.h \
	modules/gcm/oauth.c modules/gcm/oauth.h \
	modules/gcm/quota.c modules/gcm/quota.h \
	modules/gcm/session.c modules/gcm/session.h \
	modules/gcm/v1.c
modules_gcm_gcm_la_CPPFLAGS = $(MODULE_CPP) -I$(top_srcdir)/modules/gcm
modules_gcm_gcm_la_CFLAGS = $(MODULE_CC) $(STRICT_CFLAGS) $(GNUTLS_CFLAGS) \
	$(JANSSON_CFLAGS)
modules_gcm_gcm_la_LDFLAGS = $(MODULE_LD)
modules_gcm_gcm_la_LIBADD = modules/lib/libpushconn.la modules/lib/libjws.la \
	modules/lib/libh2.la modules/lib/libhttp1.la modules/lib/libpush.la \
	modules/lib/libmodule.la \
	$(GNUTLS_LIBS) $(JANSSON_LIBS)
EXTRA_DIST += modules/gcm/gcm.md

GCM_SOURCES = $(modules_gcm_gcm_la_SOURCES)
GCM_LIBS = $(modules_gcm_gcm_la_LIBADD)
if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-gcm tests/unit/test-oauth
TESTS += tests/unit/test-gcm tests/unit/test-oauth
tests_unit_test_gcm_SOURCES = tests/unit/test-gcm.c $(GCM_SOURCES)
tests_unit_test_gcm_CPPFLAGS = $(modules_gcm_gcm_la_CPPFLAGS)
tests_unit_test_gcm_LDADD = $(GCM_LIBS) $(CMOCKA_LIBS)
tests_unit_test_oauth_SOURCES = tests/unit/test-oauth.c \
	tests/unit/jws_support.c tests/unit/jws_support.h $(GCM_SOURCES)
tests_unit_test_oauth_CPPFLAGS = $(modules_gcm_gcm_la_CPPFLAGS)
tests_unit_test_oauth_LDADD = $(GCM_LIBS) $(CMOCKA_LIBS)
endif

# FUZZ_MAIN and FUZZ_LINK are those of modules/lib.
check_PROGRAMS += tests/fuzz/fuzz-gcm
if !FUZZ
TESTS += tests/fuzz/fuzz-gcm
endif
tests_fuzz_fuzz_gcm_SOURCES = tests/fuzz/fuzz-gcm.c $(GCM_SOURCES) \
	$(FUZZ_MAIN)
tests_fuzz_fuzz_gcm_CPPFLAGS = $(modules_gcm_gcm_la_CPPFLAGS) \
	-DFUZZ_CORPUS='"$(top_srcdir)/tests/fuzz/corpus/gcm"'
tests_fuzz_fuzz_gcm_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_gcm_LDADD = $(GCM_LIBS)
