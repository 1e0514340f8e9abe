# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += core/conf/libconf.a
core_conf_libconf_a_SOURCES = \
	core/conf/absent.c core/conf/absent.h \
	core/conf/build.c \
	core/conf/change.c \
	core/conf/checks.c core/conf/checks.h \
	core/conf/convert.c \
	core/conf/describe.c core/conf/describe.h \
	core/conf/ecconf.c core/conf/ecconf.h \
	core/conf/generation.c core/conf/generation.h \
	core/conf/generation_int.h \
	core/conf/include.c \
	core/conf/kind.c core/conf/kind.h \
	core/conf/lexer.c core/conf/lexer.h \
	core/conf/lookup.c \
	core/conf/names.c \
	core/conf/option.c core/conf/option.h \
	core/conf/overlay.c core/conf/overlay.h \
	core/conf/override.c core/conf/override.h \
	core/conf/query.c core/conf/query.h core/conf/query_int.h \
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

# All rows of the core, wherever they stand.
CONF_ROWS = tests/unit/conf_support.c tests/unit/conf_support.h \
	core/spool/spool_options.c core/route/route_options.c \
	core/route/sts_options.c \
	core/route/route_check.c core/route/method.c \
	core/xport/dkim_options.c core/xport/tlsin_options.c \
	core/xport/outlogin_options.c \
	core/xport/xport_options.c \
	core/queue/queue_options.c \
	core/queue/maillog_options.c core/queue/adaptive_options.c \
	core/queue/tlsrpt_options.c \
	core/intake/auth_options.c core/intake/intake_options.c \
	core/net/saslname.c \
	core/ctl/ctl_options.c

check_PROGRAMS += tests/unit/test-generation tests/unit/test-notation \
	tests/unit/test-option tests/unit/test-override tests/unit/test-query
TESTS += tests/unit/test-generation tests/unit/test-notation \
	tests/unit/test-option tests/unit/test-override tests/unit/test-query
tests_unit_test_override_SOURCES = tests/unit/test-override.c $(CONF_ROWS)
tests_unit_test_override_LDADD = $(CONF_LA) $(CMOCKA_LIBS) $(CONF_LIBS)
tests_unit_test_option_SOURCES = tests/unit/test-option.c \
	tests/unit/mc_options.c tests/unit/mc_options.h $(CONF_ROWS)
tests_unit_test_option_LDADD = $(CONF_LA) $(CMOCKA_LIBS) $(CONF_LIBS)
tests_unit_test_query_SOURCES = tests/unit/test-query.c $(CONF_ROWS)
tests_unit_test_query_LDADD = $(CONF_LA) $(CMOCKA_LIBS) $(CONF_LIBS)
tests_unit_test_notation_SOURCES = tests/unit/test-notation.c $(CONF_ROWS)
tests_unit_test_notation_LDADD = $(CONF_LA) $(CMOCKA_LIBS) $(CONF_LIBS)
tests_unit_test_generation_SOURCES = tests/unit/test-generation.c $(CONF_ROWS)
tests_unit_test_generation_LDADD = $(CONF_LA) $(CMOCKA_LIBS) $(CONF_LIBS)
endif
EXTRA_DIST += tests/data/seeds tests/data/conf tests/data/mc-options.txt \
	tests/data/spool

check_PROGRAMS += tests/fuzz/fuzz-ecconf tests/fuzz/fuzz-yaml
if !FUZZ
TESTS += tests/fuzz/fuzz-ecconf tests/fuzz/fuzz-yaml
endif
tests_fuzz_fuzz_ecconf_SOURCES = tests/fuzz/fuzz-conf.c $(FUZZ_MAIN)
tests_fuzz_fuzz_ecconf_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_YAML=false \
	-DFUZZ_CORPUS='"$(top_srcdir)/tests/fuzz/corpus/ecconf"'
tests_fuzz_fuzz_ecconf_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_ecconf_LDADD = $(FUZZ_CORE_LA)
tests_fuzz_fuzz_yaml_SOURCES = tests/fuzz/fuzz-conf.c $(FUZZ_MAIN)
tests_fuzz_fuzz_yaml_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_YAML=true \
	-DFUZZ_CORPUS='"$(top_srcdir)/tests/fuzz/corpus/yaml"'
tests_fuzz_fuzz_yaml_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_yaml_LDADD = $(FUZZ_CORE_LA)

# Examples of configurations; test-notation loads them.
examplesdir = $(docdir)/examples
nodist_examples_DATA = etc/impel.yaml
dist_examples_DATA = etc/impel-minimal.yaml
EXTRA_DIST += docs/options.md
