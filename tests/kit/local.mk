# SPDX-License-Identifier: Apache-2.0
# The conformance kit.  To have a module tested by make check, add a file
# NAME.modtest (see run-kit) and its line to KIT_TESTS.
bin_PROGRAMS += impel-modtest
# The kit itself: of the installed program, of one with modules linked in, and
# of fuzzing.
noinst_LTLIBRARIES += tests/kit/libkit.la
KIT_SOURCES = \
	tests/kit/accounts.c \
	tests/kit/callback.c \
	tests/kit/crash.c tests/kit/crash.h \
	tests/kit/describe.c \
	tests/kit/filterside.c \
	tests/kit/fuzz.c \
	tests/kit/hostside.c \
	tests/kit/intakeside.c \
	tests/kit/kit.c tests/kit/kit.h \
	tests/kit/layout.c \
	tests/kit/life.c \
	tests/kit/load.c \
	tests/kit/mangle.c \
	tests/kit/manners.c \
	tests/kit/memory.c tests/kit/memory.h \
	tests/kit/parts.c \
	tests/kit/peer.c \
	tests/kit/pressure.c \
	tests/kit/script.c tests/kit/script.h tests/kit/script_int.h \
	tests/kit/scriptfilter.c \
	tests/kit/shape.c \
	tests/kit/sweep.c tests/kit/sweep.h \
	tests/kit/tap.c \
	tests/kit/threads.c \
	tests/kit/value.c tests/kit/value.h \
	tests/kit/values.c \
	tests/kit/verify.c \
	tests/kit/wire.c \
	tests/kit/word.c tests/kit/word.h \
	tests/kit/world.c tests/kit/world.h tests/kit/world_int.h
tests_kit_libkit_la_SOURCES = $(KIT_SOURCES)
tests_kit_libkit_la_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/kit
impel_modtest_SOURCES = core/prog/impel-modtest.c
impel_modtest_CPPFLAGS = $(tests_kit_libkit_la_CPPFLAGS)
impel_modtest_LDADD = tests/kit/libkit.la $(BASE_LA) $(LTDL_LIBS) $(BASE_LIBS)

# The modules in one program.  Each once more as an archive of the objects that
# it is made of anyway, sealed: names that are hidden in a shared object (all
# but the descriptor's) are its own here too, so that two modules may have a
# server_answer() each.  Groups are dissolved, as what gcc for 32 bits has in them
# (__x86.get_pc_thunk.ax) is hidden, too: of two modules' one would be dropped.
STATIC_LD = $(AM_LDFLAGS) -module -avoid-version -static -rpath /nonexistent
STATIC_MODULES = \
	tests/static/apn.la \
	tests/static/ecstream.la \
	tests/static/esmtp.la \
	tests/static/gcm.la \
	tests/static/lmtp.la \
	tests/static/milter.la \
	tests/static/mm7.la \
	tests/static/null.la
check_LTLIBRARIES += $(STATIC_MODULES)
tests_static_apn_la_SOURCES =
tests_static_apn_la_LIBADD = $(modules_apn_apn_la_OBJECTS) \
	$(modules_apn_apn_la_LIBADD)
tests_static_apn_la_LDFLAGS = $(STATIC_LD)
tests_static_ecstream_la_SOURCES =
tests_static_ecstream_la_LIBADD = $(modules_ecstream_ecstream_la_OBJECTS) \
	$(modules_ecstream_ecstream_la_LIBADD)
tests_static_ecstream_la_LDFLAGS = $(STATIC_LD)
tests_static_esmtp_la_SOURCES =
tests_static_esmtp_la_LIBADD = $(modules_esmtp_esmtp_la_OBJECTS) \
	$(modules_esmtp_esmtp_la_LIBADD)
tests_static_esmtp_la_LDFLAGS = $(STATIC_LD)
tests_static_gcm_la_SOURCES =
tests_static_gcm_la_LIBADD = $(modules_gcm_gcm_la_OBJECTS) \
	$(modules_gcm_gcm_la_LIBADD)
tests_static_gcm_la_LDFLAGS = $(STATIC_LD)
tests_static_lmtp_la_SOURCES =
tests_static_lmtp_la_LIBADD = $(modules_lmtp_lmtp_la_OBJECTS) \
	$(modules_lmtp_lmtp_la_LIBADD)
tests_static_lmtp_la_LDFLAGS = $(STATIC_LD)
tests_static_milter_la_SOURCES =
tests_static_milter_la_LIBADD = $(modules_milter_milter_la_OBJECTS) \
	$(modules_milter_milter_la_LIBADD)
tests_static_milter_la_LDFLAGS = $(STATIC_LD)
tests_static_mm7_la_SOURCES =
tests_static_mm7_la_LIBADD = $(modules_mm7_mm7_la_OBJECTS) \
	$(modules_mm7_mm7_la_LIBADD)
tests_static_mm7_la_LDFLAGS = $(STATIC_LD)
tests_static_null_la_SOURCES =
tests_static_null_la_LIBADD = $(modules_null_null_la_OBJECTS) \
	$(modules_null_null_la_LIBADD)
tests_static_null_la_LDFLAGS = $(STATIC_LD)
tests/static/sealed: $(STATIC_MODULES)
	$(AM_V_GEN)for m in $(STATIC_MODULES); do \
	    a=tests/static/.libs/`basename $$m .la`.a; \
	    $(LD) -r --force-group-allocation -o $@.o --whole-archive $$a && \
	    objcopy --localize-hidden $@.o && rm -f $$a && \
	    $(AR) rcs $$a $@.o || exit 1; \
	done; rm -f $@.o; touch $@
CLEANFILES += tests/static/sealed
check_PROGRAMS += tests/kit/modtest-static
tests_kit_modtest_static_SOURCES = tests/kit/modtest-static.c
tests_kit_modtest_static_CPPFLAGS = $(tests_kit_libkit_la_CPPFLAGS)
tests_kit_modtest_static_LDFLAGS = $(AM_LDFLAGS) \
	-dlpreopen tests/static/apn.la \
	-dlpreopen tests/static/ecstream.la \
	-dlpreopen tests/static/esmtp.la \
	-dlpreopen tests/static/gcm.la \
	-dlpreopen tests/static/lmtp.la \
	-dlpreopen tests/static/milter.la \
	-dlpreopen tests/static/mm7.la \
	-dlpreopen tests/static/null.la
EXTRA_tests_kit_modtest_static_DEPENDENCIES = tests/static/sealed
tests_kit_modtest_static_LDADD = $(impel_modtest_LDADD)

# Those archives and the scripts, for fuzzing.
check_PROGRAMS += tests/fuzz/fuzz-kit
if !FUZZ
TESTS += tests/fuzz/fuzz-kit
endif
tests_fuzz_fuzz_kit_SOURCES = tests/fuzz/fuzz-kit.c $(FUZZ_MAIN)
tests_fuzz_fuzz_kit_CPPFLAGS = $(tests_kit_libkit_la_CPPFLAGS) \
	-DKIT_SCRIPTS='"$(top_srcdir)/tests/kit/scripts"' \
	-DFUZZ_CORPUS='"$(top_srcdir)/tests/fuzz/corpus/kit"'
tests_fuzz_fuzz_kit_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_kit_LDADD = $(STATIC_MODULES) $(impel_modtest_LDADD)
EXTRA_tests_fuzz_fuzz_kit_DEPENDENCIES = tests/static/sealed

KIT_TESTS = \
	tests/kit/apn.modtest tests/kit/esmtp.modtest \
	tests/kit/ecstream.modtest tests/kit/gcm.modtest \
	tests/kit/lmtp.modtest \
	tests/kit/milter.modtest tests/kit/mm7.modtest \
	tests/kit/null.modtest \
	tests/kit/standin.modtest \
	tests/kit/good.modtest \
	tests/kit/fetches.modtest \
	tests/kit/twice.modtest \
	tests/kit/filter.modtest \
	tests/kit/forgets.modtest \
	tests/kit/blocks.modtest
dist_check_SCRIPTS += tests/kit/docs.test tests/kit/flaws.test \
	tests/kit/imports.test tests/kit/static.test
TESTS += $(KIT_TESTS) tests/kit/docs.test tests/kit/flaws.test \
	tests/kit/imports.test tests/kit/static.test
MODTEST_LOG_COMPILER = $(SHELL) $(srcdir)/tests/kit/run-kit
EXTRA_DIST += $(KIT_TESTS) tests/kit/run-kit tests/kit/scripts \
	docs/modules/apn.md docs/modules/ecstream.md docs/modules/null.md docs/modules/esmtp.md docs/modules/lmtp.md \
	docs/modules/gcm.md docs/modules/milter.md docs/modules/mm7.md

# What the kit says of each module of ours, with its scripts.
kit-report: impel-modtest $(impelmodule_LTLIBRARIES)
	@for m in $(impelmodule_LTLIBRARIES); do m=`basename $$m .la`; \
	  echo "== $$m"; \
	  KIT_OPTIONS=--summary srcdir=$(srcdir) $(SHELL) \
	    $(srcdir)/tests/kit/run-kit $(srcdir)/tests/kit/$$m.modtest || exit 1; \
	done
.PHONY: kit-report

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
tests_unit_test_kit_script_SOURCES = tests/unit/test-kit-script.c
tests_unit_test_kit_script_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/kit
tests_unit_test_kit_script_LDADD = tests/kit/libkit.la $(BASE_LA) $(CMOCKA_LIBS) $(BASE_LIBS)
endif
