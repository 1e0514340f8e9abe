# SPDX-License-Identifier: Apache-2.0
# The conformance kit.  To have a module tested by make check, add a file
# NAME.modtest (see run-kit) and its line to KIT_TESTS.
bin_PROGRAMS += impel-modtest
impel_modtest_SOURCES = core/prog/impel-modtest.c \
	tests/kit/accounts.c \
	tests/kit/describe.c \
	tests/kit/filterside.c \
	tests/kit/hostside.c \
	tests/kit/intakeside.c \
	tests/kit/kit.c tests/kit/kit.h \
	tests/kit/life.c \
	tests/kit/load.c \
	tests/kit/manners.c \
	tests/kit/parts.c \
	tests/kit/peer.c \
	tests/kit/script.c tests/kit/script.h tests/kit/script_int.h \
	tests/kit/scriptfilter.c \
	tests/kit/shape.c \
	tests/kit/sweep.c \
	tests/kit/tap.c \
	tests/kit/value.c tests/kit/value.h \
	tests/kit/values.c \
	tests/kit/verify.c \
	tests/kit/wire.c \
	tests/kit/word.c tests/kit/word.h \
	tests/kit/world.c tests/kit/world.h tests/kit/world_int.h
impel_modtest_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/kit
impel_modtest_LDADD = $(BASE_LA) $(LTDL_LIBS) $(BASE_LIBS)

KIT_TESTS = \
	tests/kit/apn.modtest tests/kit/esmtp.modtest \
	tests/kit/ecstream.modtest tests/kit/lmtp.modtest \
	tests/kit/milter.modtest tests/kit/mm7.modtest \
	tests/kit/null.modtest \
	tests/kit/standin.modtest \
	tests/kit/good.modtest \
	tests/kit/fetches.modtest \
	tests/kit/twice.modtest \
	tests/kit/filter.modtest \
	tests/kit/forgets.modtest \
	tests/kit/blocks.modtest
dist_check_SCRIPTS += tests/kit/docs.test tests/kit/imports.test
TESTS += $(KIT_TESTS) tests/kit/docs.test tests/kit/imports.test
MODTEST_LOG_COMPILER = $(SHELL) $(srcdir)/tests/kit/run-kit
EXTRA_DIST += $(KIT_TESTS) tests/kit/run-kit tests/kit/scripts \
	docs/modules/apn.md docs/modules/ecstream.md docs/modules/null.md docs/modules/esmtp.md docs/modules/lmtp.md \
	docs/modules/milter.md docs/modules/mm7.md

# null.c in the place of modules/lmtp, for tests of routing: found by use of
# the method LMTP when its folder is on the module path.  Never installed.
check_LTLIBRARIES += tests/kit/standin/lmtp.la
tests_kit_standin_lmtp_la_SOURCES = modules/null/null.c
tests_kit_standin_lmtp_la_CPPFLAGS = $(MODULE_CPP) -DNULL_ID=lmtp \
	-DNULL_METHOD='"LMTP"' -DNULL_DIAL='"true"' -DNULL_PORT=2003
tests_kit_standin_lmtp_la_CFLAGS = $(MODULE_CC)
tests_kit_standin_lmtp_la_LDFLAGS = $(MODULE_LD) -rpath /nonexistent
CLEANFILES += tests/abi/layout.now tests/kit/*.now

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-kit-script
TESTS += tests/unit/test-kit-script
tests_unit_test_kit_script_SOURCES = tests/unit/test-kit-script.c \
	tests/kit/script.c tests/kit/scriptfilter.c tests/kit/word.c
tests_unit_test_kit_script_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/kit
tests_unit_test_kit_script_LDADD = $(BASE_LA) $(CMOCKA_LIBS) $(BASE_LIBS)
endif
