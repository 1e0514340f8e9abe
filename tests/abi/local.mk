# SPDX-License-Identifier: Apache-2.0
# The frozen layout of the ABI, the header on its own, and modules that the
# loader and the kit must refuse or name.
check_PROGRAMS += tests/abi/abi-layout tests/abi/ecstream-layout
tests_abi_abi_layout_SOURCES = build-aux/abi-layout.c
tests_abi_ecstream_layout_SOURCES = tests/abi/ecstream-layout.c

dist_check_SCRIPTS += tests/abi/layout.test tests/abi/header.test \
	tests/abi/growth.test tests/abi/older.test
CLEANFILES += tests/abi/ecstream-layout.now tests/abi/*.now tests/abi/layout-32.c
EXTRA_DIST += tests/abi/layout.txt tests/abi/layout-32.txt \
	tests/abi/module.cc tests/abi/1.0 tests/abi/next-header \
	tests/abi/ecstream-layout.txt
TESTS += tests/abi/layout.test tests/abi/header.test tests/abi/growth.test tests/abi/older.test

# The kit and the loader in a host of the next minor.
tests/abi/next/impel/module.h: include/impel/module.h tests/abi/next-header
	$(AM_V_GEN)$(SHELL) $(srcdir)/tests/abi/next-header \
	    $(srcdir)/include/impel/module.h $@
check_PROGRAMS += tests/abi/modtest-next tests/abi/serves-next
ABI_NEXT_CPP = -Itests/abi/next $(AM_CPPFLAGS) -I$(top_srcdir)/tests/kit
tests_abi_modtest_next_SOURCES = core/prog/impel-modtest.c $(KIT_SOURCES)
tests_abi_modtest_next_CPPFLAGS = $(ABI_NEXT_CPP)
tests_abi_modtest_next_LDADD = $(BASE_LA) $(LTDL_LIBS) $(BASE_LIBS)
$(tests_abi_modtest_next_OBJECTS): tests/abi/next/impel/module.h
tests_abi_serves_next_SOURCES = core/prog/impel-serves.c \
	core/xport/loader.c core/xport/vet.c
tests_abi_serves_next_CPPFLAGS = $(ABI_NEXT_CPP)
tests_abi_serves_next_LDADD = $(CONF_LA) $(LTDL_LIBS) $(CONF_LIBS)
$(tests_abi_serves_next_OBJECTS): tests/abi/next/impel/module.h
CLEANFILES += tests/abi/next/impel/module.h tests/abi/next/mod_good.so

ABI_MOD_FLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nonexistent

check_LTLIBRARIES += tests/abi/mod-good.la
tests_abi_mod_good_la_SOURCES = tests/abi/mod.h tests/abi/mod-good.c
tests_abi_mod_good_la_CPPFLAGS = $(MODULE_CPP)
tests_abi_mod_good_la_CFLAGS = $(MODULE_CC)
tests_abi_mod_good_la_LDFLAGS = $(ABI_MOD_FLAGS)
check_LTLIBRARIES += tests/abi/mod-fetches.la
tests_abi_mod_fetches_la_SOURCES = tests/abi/mod.h tests/abi/mod-fetches.c
tests_abi_mod_fetches_la_CPPFLAGS = $(MODULE_CPP)
tests_abi_mod_fetches_la_CFLAGS = $(MODULE_CC)
tests_abi_mod_fetches_la_LDFLAGS = $(ABI_MOD_FLAGS)
check_LTLIBRARIES += tests/abi/mod-magic.la
tests_abi_mod_magic_la_SOURCES = tests/abi/mod.h tests/abi/mod-magic.c
tests_abi_mod_magic_la_CPPFLAGS = $(MODULE_CPP)
tests_abi_mod_magic_la_CFLAGS = $(MODULE_CC)
tests_abi_mod_magic_la_LDFLAGS = $(ABI_MOD_FLAGS)
check_LTLIBRARIES += tests/abi/mod-major.la
tests_abi_mod_major_la_SOURCES = tests/abi/mod.h tests/abi/mod-major.c
tests_abi_mod_major_la_CPPFLAGS = $(MODULE_CPP)
tests_abi_mod_major_la_CFLAGS = $(MODULE_CC)
tests_abi_mod_major_la_LDFLAGS = $(ABI_MOD_FLAGS)
check_LTLIBRARIES += tests/abi/mod-minor.la
tests_abi_mod_minor_la_SOURCES = tests/abi/mod.h tests/abi/mod-minor.c
tests_abi_mod_minor_la_CPPFLAGS = $(MODULE_CPP)
tests_abi_mod_minor_la_CFLAGS = $(MODULE_CC)
tests_abi_mod_minor_la_LDFLAGS = $(ABI_MOD_FLAGS)
check_LTLIBRARIES += tests/abi/mod-short.la
tests_abi_mod_short_la_SOURCES = tests/abi/mod.h tests/abi/mod-short.c
tests_abi_mod_short_la_CPPFLAGS = $(MODULE_CPP)
tests_abi_mod_short_la_CFLAGS = $(MODULE_CC)
tests_abi_mod_short_la_LDFLAGS = $(ABI_MOD_FLAGS)
check_LTLIBRARIES += tests/abi/mod-undefined.la
tests_abi_mod_undefined_la_SOURCES = tests/abi/mod.h tests/abi/mod-undefined.c
tests_abi_mod_undefined_la_CPPFLAGS = $(MODULE_CPP)
tests_abi_mod_undefined_la_CFLAGS = $(MODULE_CC)
tests_abi_mod_undefined_la_LDFLAGS = $(ABI_MOD_FLAGS) -Wl,-z,now
check_LTLIBRARIES += tests/abi/mod-twice.la
tests_abi_mod_twice_la_SOURCES = tests/abi/mod.h tests/abi/mod-twice.c
tests_abi_mod_twice_la_CPPFLAGS = $(MODULE_CPP)
tests_abi_mod_twice_la_CFLAGS = $(MODULE_CC)
tests_abi_mod_twice_la_LDFLAGS = $(ABI_MOD_FLAGS)
check_LTLIBRARIES += tests/abi/mod-filter.la
tests_abi_mod_filter_la_SOURCES = tests/abi/mod-filter.c
tests_abi_mod_filter_la_CPPFLAGS = $(MODULE_CPP)
tests_abi_mod_filter_la_CFLAGS = $(MODULE_CC)
tests_abi_mod_filter_la_LDFLAGS = $(ABI_MOD_FLAGS)
check_LTLIBRARIES += tests/abi/mod-forgets.la
tests_abi_mod_forgets_la_SOURCES = tests/abi/mod.h tests/abi/mod-forgets.c
tests_abi_mod_forgets_la_CPPFLAGS = $(MODULE_CPP)
tests_abi_mod_forgets_la_CFLAGS = $(MODULE_CC)
tests_abi_mod_forgets_la_LDFLAGS = $(ABI_MOD_FLAGS)
check_LTLIBRARIES += tests/abi/mod-blocks.la
tests_abi_mod_blocks_la_SOURCES = tests/abi/mod.h tests/abi/mod-blocks.c
tests_abi_mod_blocks_la_CPPFLAGS = $(MODULE_CPP)
tests_abi_mod_blocks_la_CFLAGS = $(MODULE_CC)
tests_abi_mod_blocks_la_LDFLAGS = $(ABI_MOD_FLAGS)
check_LTLIBRARIES += tests/abi/mod-nosymbol.la
tests_abi_mod_nosymbol_la_SOURCES = tests/abi/mod.h tests/abi/mod-nosymbol.c
tests_abi_mod_nosymbol_la_CPPFLAGS = $(MODULE_CPP)
tests_abi_mod_nosymbol_la_CFLAGS = $(MODULE_CC)
tests_abi_mod_nosymbol_la_LDFLAGS = $(ABI_MOD_FLAGS)
check_LTLIBRARIES += tests/abi/mod-junk.la
tests_abi_mod_junk_la_SOURCES = tests/abi/mod.h tests/abi/mod-junk.c
tests_abi_mod_junk_la_CPPFLAGS = $(MODULE_CPP)
tests_abi_mod_junk_la_CFLAGS = $(MODULE_CC)
tests_abi_mod_junk_la_LDFLAGS = $(ABI_MOD_FLAGS)
check_LTLIBRARIES += tests/abi/mod-leaks.la
tests_abi_mod_leaks_la_SOURCES = tests/abi/mod.h tests/abi/mod-leaks.c
tests_abi_mod_leaks_la_CPPFLAGS = $(MODULE_CPP)
tests_abi_mod_leaks_la_CFLAGS = $(MODULE_CC)
tests_abi_mod_leaks_la_LDFLAGS = $(ABI_MOD_FLAGS)
check_LTLIBRARIES += tests/abi/mod-thread.la
tests_abi_mod_thread_la_SOURCES = tests/abi/mod.h tests/abi/mod-thread.c
tests_abi_mod_thread_la_CPPFLAGS = $(MODULE_CPP)
tests_abi_mod_thread_la_CFLAGS = $(MODULE_CC)
tests_abi_mod_thread_la_LDFLAGS = $(ABI_MOD_FLAGS)
check_LTLIBRARIES += tests/abi/mod-worker.la
tests_abi_mod_worker_la_SOURCES = tests/abi/mod.h tests/abi/mod-worker.c
tests_abi_mod_worker_la_CPPFLAGS = $(MODULE_CPP)
tests_abi_mod_worker_la_CFLAGS = $(MODULE_CC)
tests_abi_mod_worker_la_LDFLAGS = $(ABI_MOD_FLAGS)
check_LTLIBRARIES += tests/abi/mod-crashes.la
tests_abi_mod_crashes_la_SOURCES = tests/abi/mod.h tests/abi/mod-crashes.c
tests_abi_mod_crashes_la_CPPFLAGS = $(MODULE_CPP)
tests_abi_mod_crashes_la_CFLAGS = $(MODULE_CC)
tests_abi_mod_crashes_la_LDFLAGS = $(ABI_MOD_FLAGS)
check_LTLIBRARIES += tests/abi/mod-keeps.la
tests_abi_mod_keeps_la_SOURCES = tests/abi/mod.h tests/abi/mod-keeps.c
tests_abi_mod_keeps_la_CPPFLAGS = $(MODULE_CPP)
tests_abi_mod_keeps_la_CFLAGS = $(MODULE_CC)
tests_abi_mod_keeps_la_LDFLAGS = $(ABI_MOD_FLAGS)
check_LTLIBRARIES += tests/abi/mod-greedy.la
tests_abi_mod_greedy_la_SOURCES = tests/abi/mod.h tests/abi/mod-greedy.c
tests_abi_mod_greedy_la_CPPFLAGS = $(MODULE_CPP)
tests_abi_mod_greedy_la_CFLAGS = $(MODULE_CC)
tests_abi_mod_greedy_la_LDFLAGS = $(ABI_MOD_FLAGS)
