# SPDX-License-Identifier: Apache-2.0
# What modules share: protocol text in and out, over <impel/module.h> alone.
noinst_LTLIBRARIES += modules/lib/libmodule.la
modules_lib_libmodule_la_SOURCES = \
	modules/lib/authority.c modules/lib/authority.h \
	modules/lib/calendar.c modules/lib/calendar.h \
	modules/lib/capability.c modules/lib/capability.h \
	modules/lib/line.c modules/lib/line.h \
	modules/lib/optionrow.h \
	modules/lib/out.c modules/lib/out.h \
	modules/lib/outcome.c modules/lib/outcome.h \
	modules/lib/param.c modules/lib/param.h \
	modules/lib/reply.c modules/lib/reply.h \
	modules/lib/retryafter.c modules/lib/retryafter.h \
	modules/lib/verb.c modules/lib/verb.h
modules_lib_libmodule_la_CPPFLAGS = $(MODULE_CPP)
modules_lib_libmodule_la_CFLAGS = $(MODULE_CC) $(STRICT_CFLAGS)

# The dialogue that esmtp and lmtp speak, client and server.
noinst_LTLIBRARIES += modules/lib/libdialogue.la
modules_lib_libdialogue_la_SOURCES = \
	modules/lib/alabel.c modules/lib/alabel.h \
	modules/lib/client.c modules/lib/client.h \
	modules/lib/client_auth.c modules/lib/client_auth.h \
	modules/lib/client_needs.c modules/lib/client_needs.h \
	modules/lib/deadline.h \
	modules/lib/dialogue.c modules/lib/dialogue.h \
	modules/lib/limits.c modules/lib/limits.h \
	modules/lib/newline.c modules/lib/newline.h \
	modules/lib/options.c modules/lib/options.h \
	modules/lib/pipeline.c \
	modules/lib/server.c modules/lib/server.h \
	modules/lib/server_auth.c \
	modules/lib/server_command.c modules/lib/server_data.c \
	modules/lib/server_params.c modules/lib/server_params.h \
	modules/lib/server_reject.c \
	modules/lib/server_tls.c modules/lib/server_xclient.c \
	modules/lib/starttls.c modules/lib/starttls.h \
	modules/lib/wording.c modules/lib/wording.h \
	modules/lib/xclient.c modules/lib/xclient.h
modules_lib_libdialogue_la_CPPFLAGS = $(MODULE_CPP)
modules_lib_libdialogue_la_CFLAGS = $(MODULE_CC) $(IDN2_CFLAGS)
modules_lib_libdialogue_la_LIBADD = modules/lib/libmodule.la $(IDN2_LIBS)

# What messages are to services that are no mail.
noinst_LTLIBRARIES += modules/lib/libpush.la
modules_lib_libpush_la_SOURCES = \
	modules/lib/mime.c modules/lib/mime.h \
	modules/lib/mimehead.c modules/lib/mimetext.c \
	modules/lib/push.c modules/lib/push.h
modules_lib_libpush_la_CPPFLAGS = $(MODULE_CPP)
modules_lib_libpush_la_CFLAGS = $(MODULE_CC) $(STRICT_CFLAGS)

# Connections to push services, by HTTP/2 and otherwise.
noinst_LTLIBRARIES += modules/lib/libpushconn.la
modules_lib_libpushconn_la_SOURCES = \
	modules/lib/pushconn.c modules/lib/pushconn.h \
	modules/lib/pushh2.c modules/lib/pushh2.h \
	modules/lib/pushrow.c modules/lib/pushrow.h \
	modules/lib/pushwords.c modules/lib/pushwords.h
modules_lib_libpushconn_la_CPPFLAGS = $(MODULE_CPP)
modules_lib_libpushconn_la_CFLAGS = $(MODULE_CC) $(STRICT_CFLAGS) \
	$(JANSSON_CFLAGS)
modules_lib_libpushconn_la_LIBADD = $(JANSSON_LIBS)

# Signed tokens.
noinst_LTLIBRARIES += modules/lib/libjws.la
modules_lib_libjws_la_SOURCES = modules/lib/jws.c modules/lib/jws.h
modules_lib_libjws_la_CPPFLAGS = $(MODULE_CPP)
modules_lib_libjws_la_CFLAGS = $(MODULE_CC) $(STRICT_CFLAGS) $(GNUTLS_CFLAGS)
modules_lib_libjws_la_LIBADD = $(GNUTLS_LIBS)

# HTTP/2, as a client.  Whoever links these links libmodule.la, too.
noinst_LTLIBRARIES += modules/lib/libh2.la
modules_lib_libh2_la_SOURCES = \
	modules/lib/h2.c modules/lib/h2.h modules/lib/h2words.c
modules_lib_libh2_la_CPPFLAGS = $(MODULE_CPP)
modules_lib_libh2_la_CFLAGS = $(MODULE_CC) $(STRICT_CFLAGS) $(NGHTTP2_CFLAGS)
modules_lib_libh2_la_LIBADD = $(NGHTTP2_LIBS)

# HTTP/1.1, both ends.
noinst_LTLIBRARIES += modules/lib/libhttp1.la
modules_lib_libhttp1_la_SOURCES = \
	modules/lib/http1.c modules/lib/http1.h \
	modules/lib/http1head.c modules/lib/http1head.h \
	modules/lib/http1out.c
modules_lib_libhttp1_la_CPPFLAGS = $(MODULE_CPP)
modules_lib_libhttp1_la_CFLAGS = $(MODULE_CC) $(STRICT_CFLAGS)

LIB_TEST_CPP = $(MODULE_CPP)
if HAVE_CMOCKA
LIB_TESTS = tests/unit/test-capability tests/unit/test-line \
	tests/unit/test-h2 tests/unit/test-http1 tests/unit/test-mime \
	tests/unit/test-reply tests/unit/test-verb
check_PROGRAMS += $(LIB_TESTS)
TESTS += $(LIB_TESTS)
tests_unit_test_capability_SOURCES = tests/unit/test-capability.c
tests_unit_test_capability_CPPFLAGS = $(LIB_TEST_CPP)
tests_unit_test_capability_LDADD = modules/lib/libmodule.la $(CMOCKA_LIBS)
tests_unit_test_line_SOURCES = tests/unit/test-line.c
tests_unit_test_line_CPPFLAGS = $(LIB_TEST_CPP)
tests_unit_test_line_LDADD = modules/lib/libmodule.la $(CMOCKA_LIBS)
tests_unit_test_h2_SOURCES = tests/unit/test-h2.c
tests_unit_test_h2_CPPFLAGS = $(LIB_TEST_CPP) $(NGHTTP2_CFLAGS)
tests_unit_test_h2_LDADD = modules/lib/libh2.la modules/lib/libmodule.la \
	$(CMOCKA_LIBS)
tests_unit_test_http1_SOURCES = tests/unit/test-http1.c
tests_unit_test_http1_CPPFLAGS = $(LIB_TEST_CPP)
tests_unit_test_http1_LDADD = modules/lib/libhttp1.la \
	modules/lib/libmodule.la $(CMOCKA_LIBS)
tests_unit_test_mime_SOURCES = tests/unit/test-mime.c
tests_unit_test_mime_CPPFLAGS = $(LIB_TEST_CPP)
tests_unit_test_mime_LDADD = modules/lib/libpush.la modules/lib/libmodule.la \
	$(CMOCKA_LIBS)
tests_unit_test_reply_SOURCES = tests/unit/test-reply.c
tests_unit_test_reply_CPPFLAGS = $(LIB_TEST_CPP)
tests_unit_test_reply_LDADD = modules/lib/libmodule.la $(CMOCKA_LIBS)
tests_unit_test_verb_SOURCES = tests/unit/test-verb.c
tests_unit_test_verb_CPPFLAGS = $(LIB_TEST_CPP)
tests_unit_test_verb_LDADD = modules/lib/libmodule.la $(CMOCKA_LIBS)
endif

# Fuzz targets: over their corpus in every check, with libFuzzer if asked for
# (--enable-fuzz and clang).
if FUZZ
FUZZ_MAIN =
FUZZ_LINK = -fsanitize=fuzzer
else
FUZZ_MAIN = tests/fuzz/standalone.c
FUZZ_LINK =
TESTS += tests/fuzz/fuzz-h2 tests/fuzz/fuzz-http1 tests/fuzz/fuzz-mime \
	tests/fuzz/fuzz-reply \
	tests/fuzz/fuzz-verb
endif
check_PROGRAMS += tests/fuzz/fuzz-h2 tests/fuzz/fuzz-http1 tests/fuzz/fuzz-mime \
	tests/fuzz/fuzz-reply \
	tests/fuzz/fuzz-verb
tests_fuzz_fuzz_h2_SOURCES = tests/fuzz/fuzz-h2.c $(FUZZ_MAIN)
tests_fuzz_fuzz_h2_CPPFLAGS = $(MODULE_CPP) \
	-DFUZZ_CORPUS='"$(top_srcdir)/tests/fuzz/corpus/h2"'
tests_fuzz_fuzz_h2_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_h2_LDADD = modules/lib/libh2.la modules/lib/libmodule.la
tests_fuzz_fuzz_http1_SOURCES = tests/fuzz/fuzz-http1.c $(FUZZ_MAIN)
tests_fuzz_fuzz_http1_CPPFLAGS = $(MODULE_CPP) \
	-DFUZZ_CORPUS='"$(top_srcdir)/tests/fuzz/corpus/http1"'
tests_fuzz_fuzz_http1_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_http1_LDADD = modules/lib/libhttp1.la \
	modules/lib/libmodule.la
tests_fuzz_fuzz_mime_SOURCES = tests/fuzz/fuzz-mime.c $(FUZZ_MAIN)
tests_fuzz_fuzz_mime_CPPFLAGS = $(MODULE_CPP) \
	-DFUZZ_CORPUS='"$(top_srcdir)/tests/fuzz/corpus/mime"'
tests_fuzz_fuzz_mime_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_mime_LDADD = modules/lib/libpush.la modules/lib/libmodule.la
tests_fuzz_fuzz_reply_SOURCES = tests/fuzz/fuzz-reply.c $(FUZZ_MAIN)
tests_fuzz_fuzz_reply_CPPFLAGS = $(MODULE_CPP) \
	-DFUZZ_CORPUS='"$(top_srcdir)/tests/fuzz/corpus/reply"'
tests_fuzz_fuzz_reply_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_reply_LDADD = modules/lib/libmodule.la
tests_fuzz_fuzz_verb_SOURCES = tests/fuzz/fuzz-verb.c $(FUZZ_MAIN)
tests_fuzz_fuzz_verb_CPPFLAGS = $(MODULE_CPP) \
	-DFUZZ_CORPUS='"$(top_srcdir)/tests/fuzz/corpus/verb"'
tests_fuzz_fuzz_verb_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_verb_LDADD = modules/lib/libmodule.la
