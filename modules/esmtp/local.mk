# SPDX-License-Identifier: Apache-2.0
# esmtp.so: SMTP out and in.  All but the descriptor is in modules/lib.
impelmodule_LTLIBRARIES += modules/esmtp/esmtp.la
modules_esmtp_esmtp_la_SOURCES = modules/esmtp/esmtp.c
modules_esmtp_esmtp_la_CPPFLAGS = $(MODULE_CPP)
modules_esmtp_esmtp_la_CFLAGS = $(MODULE_CC)
modules_esmtp_esmtp_la_LDFLAGS = $(MODULE_LD)
modules_esmtp_esmtp_la_LIBADD = modules/lib/libdialogue.la

# A session against any bytes, both ways, over the smallest host there is.
ESMTP_FUZZ_CPP = $(MODULE_CPP)
ESMTP_FUZZ_HOST = tests/unit/esmtp_host.c tests/unit/esmtp_host.h \
	tests/unit/host_text.c tests/unit/host_text.h
ESMTP_FUZZ_LIB = modules/lib/libdialogue.la
check_PROGRAMS += tests/fuzz/fuzz-esmtp-client tests/fuzz/fuzz-esmtp-server
if !FUZZ
TESTS += tests/fuzz/fuzz-esmtp-client tests/fuzz/fuzz-esmtp-server
endif
tests_fuzz_fuzz_esmtp_client_SOURCES = tests/fuzz/fuzz-esmtp-client.c \
	$(ESMTP_FUZZ_HOST) $(FUZZ_MAIN)
tests_fuzz_fuzz_esmtp_client_CPPFLAGS = $(ESMTP_FUZZ_CPP) \
	-DFUZZ_CORPUS='"$(top_srcdir)/tests/fuzz/corpus/esmtp-client"'
tests_fuzz_fuzz_esmtp_client_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_esmtp_client_LDADD = $(ESMTP_FUZZ_LIB)
tests_fuzz_fuzz_esmtp_server_SOURCES = tests/fuzz/fuzz-esmtp-server.c \
	$(ESMTP_FUZZ_HOST) $(FUZZ_MAIN)
tests_fuzz_fuzz_esmtp_server_CPPFLAGS = $(ESMTP_FUZZ_CPP) \
	-DFUZZ_CORPUS='"$(top_srcdir)/tests/fuzz/corpus/esmtp-server"'
tests_fuzz_fuzz_esmtp_server_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_esmtp_server_LDADD = $(ESMTP_FUZZ_LIB)

if HAVE_CMOCKA
ESMTP_TESTS = tests/unit/test-authdialogue tests/unit/test-esmtp tests/unit/test-newline \
	tests/unit/test-extensions
check_PROGRAMS += $(ESMTP_TESTS)
TESTS += $(ESMTP_TESTS)
tests_unit_test_authdialogue_SOURCES = tests/unit/test-authdialogue.c \
	$(ESMTP_FUZZ_HOST)
tests_unit_test_authdialogue_CPPFLAGS = $(ESMTP_FUZZ_CPP)
tests_unit_test_authdialogue_LDADD = $(ESMTP_FUZZ_LIB) $(CMOCKA_LIBS)
tests_unit_test_esmtp_SOURCES = tests/unit/test-esmtp.c $(ESMTP_FUZZ_HOST)
tests_unit_test_esmtp_CPPFLAGS = $(ESMTP_FUZZ_CPP)
tests_unit_test_esmtp_LDADD = $(ESMTP_FUZZ_LIB) $(CMOCKA_LIBS)
tests_unit_test_extensions_SOURCES = tests/unit/test-extensions.c \
	$(ESMTP_FUZZ_HOST)
tests_unit_test_extensions_CPPFLAGS = $(ESMTP_FUZZ_CPP)
tests_unit_test_extensions_LDADD = $(ESMTP_FUZZ_LIB) $(CMOCKA_LIBS)
tests_unit_test_newline_SOURCES = tests/unit/test-newline.c
tests_unit_test_newline_CPPFLAGS = $(ESMTP_FUZZ_CPP)
tests_unit_test_newline_LDADD = $(ESMTP_FUZZ_LIB) $(CMOCKA_LIBS)
endif
