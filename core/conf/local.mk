# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += core/conf/libconf.a
core_conf_libconf_a_SOURCES = \
	core/conf/absent.c core/conf/absent.h \
	core/conf/build.c \
	core/conf/checks.c core/conf/checks.h \
	core/conf/ecconf.c core/conf/ecconf.h \
	core/conf/generation.c core/conf/generation.h \
	core/conf/generation_int.h \
	core/conf/include.c \
	core/conf/kind.c core/conf/kind.h \
	core/conf/lexer.c core/conf/lexer.h \
	core/conf/lookup.c \
	core/conf/names.c \
	core/conf/option.c core/conf/option.h \
	core/conf/query.h \
	core/conf/rename.c core/conf/rename.h \
	core/conf/report.c core/conf/report_int.h \
	core/conf/scope.c core/conf/scope.h \
	core/conf/secretref.c core/conf/secretref.h \
	core/conf/tree.c core/conf/tree.h \
	core/conf/uninstalled.c core/conf/uninstalled.h \
	core/conf/value.c core/conf/value.h \
	core/conf/yaml.c core/conf/yaml.h core/conf/yaml_int.h \
	core/conf/yaml_print.c core/conf/yaml_tree.c
core_conf_libconf_a_CFLAGS = $(AM_CFLAGS) $(STRICT_CFLAGS)
if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-cidr
TESTS += tests/unit/test-cidr
tests_unit_test_cidr_SOURCES = tests/unit/test-cidr.c
tests_unit_test_cidr_LDADD = $(BASE_LA) $(CMOCKA_LIBS) $(BASE_LIBS)
endif
