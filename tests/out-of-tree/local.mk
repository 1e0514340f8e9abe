# SPDX-License-Identifier: Apache-2.0
# Modules that are built with what is installed, and nothing else of this tree.
dist_check_SCRIPTS += tests/out-of-tree/template.test
TESTS += tests/out-of-tree/template.test
# File by file: the objects of fuzz-webhook lie in that folder of a build.
WEBHOOK = tests/out-of-tree/webhook
EXTRA_DIST += $(WEBHOOK)/Makefile.am $(WEBHOOK)/README.md $(WEBHOOK)/answer.h \
	$(WEBHOOK)/configure.ac $(WEBHOOK)/document.h $(WEBHOOK)/http.h \
	$(WEBHOOK)/result.c $(WEBHOOK)/result.h $(WEBHOOK)/session.c \
	$(WEBHOOK)/text.h $(WEBHOOK)/webhook.c $(WEBHOOK)/webhook.h \
	$(WEBHOOK)/kit

# What that module reads of strangers.
check_PROGRAMS += tests/fuzz/fuzz-webhook
if !FUZZ
TESTS += tests/fuzz/fuzz-webhook
endif
tests_fuzz_fuzz_webhook_SOURCES = tests/fuzz/fuzz-webhook.c \
	tests/out-of-tree/webhook/answer.c \
	tests/out-of-tree/webhook/document.c tests/out-of-tree/webhook/http.c \
	tests/out-of-tree/webhook/text.c $(FUZZ_MAIN)
tests_fuzz_fuzz_webhook_CPPFLAGS = $(FEATURES) -I$(top_srcdir)/include \
	-I$(top_srcdir)/tests/out-of-tree/webhook \
	-DFUZZ_CORPUS='"$(top_srcdir)/tests/fuzz/corpus/webhook"'
tests_fuzz_fuzz_webhook_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_fuzz_fuzz_webhook_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_webhook_LDADD = $(JANSSON_LIBS)
