# SPDX-License-Identifier: Apache-2.0
# The frozen layout of the ABI, the header on its own, and modules that the
# loader and the kit must refuse or name.
check_PROGRAMS += tests/abi/abi-layout
tests_abi_abi_layout_SOURCES = build-aux/abi-layout.c

dist_check_SCRIPTS += tests/abi/layout.test tests/abi/header.test
EXTRA_DIST += tests/abi/layout.txt
TESTS += tests/abi/layout.test tests/abi/header.test

ABI_MOD_FLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nonexistent

check_LTLIBRARIES += tests/abi/mod-good.la
tests_abi_mod_good_la_SOURCES = tests/abi/mod.h tests/abi/mod-good.c
tests_abi_mod_good_la_CPPFLAGS = $(MODULE_CPP)
tests_abi_mod_good_la_CFLAGS = $(MODULE_CC)
tests_abi_mod_good_la_LDFLAGS = $(ABI_MOD_FLAGS)
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
