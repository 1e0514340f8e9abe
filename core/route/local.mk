# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += core/route/libroute.a
core_route_libroute_a_SOURCES = \
	core/route/binding.c core/route/binding.h \
	core/route/dane.c core/route/dane.h \
	core/route/domain.c core/route/domainshow.c \
	core/route/domainsts.c core/route/domainsts.h \
	core/route/fit.c core/route/fit.h \
	core/route/hop.c \
	core/route/marks.c core/route/marks.h \
	core/route/hoptls.c core/route/hoptls.h \
	core/route/hostlimits.c core/route/hostlimits.h \
	core/route/hosts.c core/route/hosts.h \
	core/route/method.c core/route/method.h \
	core/route/mx.c core/route/mx.h \
	core/route/mxshare.c core/route/mxshare.h \
	core/route/relay.c core/route/relay.h \
	core/route/resolve.c core/route/resolve.h \
	core/route/resolver.c core/route/route_int.h \
	core/route/route_check.c core/route/route_check.h \
	core/route/route_options.c core/route/route_options.h \
	core/route/rules.c core/route/rules.h \
	core/route/self.c core/route/self.h \
	core/route/sts.c core/route/sts.h core/route/sts_int.h \
	core/route/sts_options.c core/route/sts_options.h \
	core/route/stsask.c core/route/ststore.c core/route/stsshow.c \
	core/route/stspolicy.c core/route/stspolicy.h \
	core/route/way.c core/route/way.h
core_route_libroute_a_CFLAGS = $(AM_CFLAGS)
if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-route-check tests/unit/test-resolve \
	tests/unit/test-hop tests/unit/test-levels tests/unit/test-hostlimits \
	tests/unit/test-self tests/unit/test-mxip tests/unit/test-mxshare \
	tests/unit/test-sts tests/unit/test-stspolicy
TESTS += tests/unit/test-route-check tests/unit/test-resolve \
	tests/unit/test-hop tests/unit/test-levels tests/unit/test-hostlimits \
	tests/unit/test-self tests/unit/test-mxip tests/unit/test-mxshare \
	tests/unit/test-sts tests/unit/test-stspolicy
check_PROGRAMS += tests/unit/test-dane
TESTS += tests/unit/test-dane
tests_unit_test_dane_SOURCES = tests/unit/test-dane.c \
	tests/unit/route_world.c tests/unit/route_world.h \
	tests/unit/fake_fetch.c tests/unit/fake_state.c \
	tests/unit/fake_state.h \
	tests/unit/fake_dns.c tests/unit/fake_dns.h
tests_unit_test_dane_LDADD = core/route/libroute.a $(NET_LA) \
	$(CMOCKA_LIBS) $(NET_LIBS)
check_PROGRAMS += tests/unit/test-way
TESTS += tests/unit/test-way
tests_unit_test_way_SOURCES = tests/unit/test-way.c $(CONF_ROWS)
tests_unit_test_way_LDADD = core/route/libroute.a $(NET_LA) $(CONF_LA) \
	$(CMOCKA_LIBS) $(LOOP_LIBS) $(CONF_LIBS)
tests_unit_test_route_check_SOURCES = tests/unit/test-route-check.c \
	core/route/route_check.c core/route/method.c
tests_unit_test_route_check_LDADD = $(BASE_LA) $(CMOCKA_LIBS) $(BASE_LIBS)
tests_unit_test_stspolicy_SOURCES = tests/unit/test-stspolicy.c \
	core/route/stspolicy.c
tests_unit_test_stspolicy_LDADD = $(BASE_LA) $(CMOCKA_LIBS) $(BASE_LIBS)
tests_unit_test_sts_SOURCES = tests/unit/test-sts.c \
	tests/unit/route_world.c tests/unit/route_world.h \
	tests/unit/fake_fetch.c tests/unit/fake_state.c \
	tests/unit/fake_state.h \
	tests/unit/fake_dns.c tests/unit/fake_dns.h
tests_unit_test_sts_LDADD = core/route/libroute.a $(NET_LA) \
	$(CMOCKA_LIBS) $(NET_LIBS)
# fake_dns.c stands in for core/net/dns.c: same symbols, answers of a table.
tests_unit_test_resolve_SOURCES = tests/unit/test-resolve.c \
	tests/unit/route_world.c tests/unit/route_world.h \
	tests/unit/fake_fetch.c tests/unit/fake_state.c \
	tests/unit/fake_state.h \
	tests/unit/fake_dns.c tests/unit/fake_dns.h
tests_unit_test_resolve_LDADD = core/route/libroute.a $(NET_LA) \
	$(CMOCKA_LIBS) $(NET_LIBS)
tests_unit_test_hop_SOURCES = tests/unit/test-hop.c \
	tests/unit/route_world.c tests/unit/route_world.h \
	tests/unit/fake_fetch.c tests/unit/fake_state.c \
	tests/unit/fake_state.h \
	tests/unit/fake_dns.c tests/unit/fake_dns.h
tests_unit_test_hostlimits_SOURCES = tests/unit/test-hostlimits.c \
	tests/unit/route_world.c tests/unit/route_world.h \
	tests/unit/fake_fetch.c tests/unit/fake_state.c \
	tests/unit/fake_state.h \
	tests/unit/fake_dns.c tests/unit/fake_dns.h
tests_unit_test_hostlimits_LDADD = core/route/libroute.a $(NET_LA) \
	$(CMOCKA_LIBS) $(NET_LIBS)
tests_unit_test_hop_LDADD = core/route/libroute.a $(NET_LA) \
	$(CMOCKA_LIBS) $(NET_LIBS)
tests_unit_test_levels_SOURCES = tests/unit/test-levels.c \
	tests/unit/route_world.c tests/unit/route_world.h \
	tests/unit/fake_fetch.c tests/unit/fake_state.c \
	tests/unit/fake_state.h \
	tests/unit/fake_dns.c tests/unit/fake_dns.h
tests_unit_test_levels_LDADD = core/route/libroute.a $(NET_LA) \
	$(CMOCKA_LIBS) $(NET_LIBS)
tests_unit_test_self_SOURCES = tests/unit/test-self.c \
	tests/unit/route_world.c tests/unit/route_world.h \
	tests/unit/fake_fetch.c tests/unit/fake_state.c \
	tests/unit/fake_state.h \
	tests/unit/fake_dns.c tests/unit/fake_dns.h
tests_unit_test_self_LDADD = core/route/libroute.a $(NET_LA) \
	$(CMOCKA_LIBS) $(NET_LIBS)
tests_unit_test_mxip_SOURCES = tests/unit/test-mxip.c \
	tests/unit/route_world.c tests/unit/route_world.h \
	tests/unit/fake_fetch.c tests/unit/fake_state.c \
	tests/unit/fake_state.h \
	tests/unit/fake_dns.c tests/unit/fake_dns.h
tests_unit_test_mxip_LDADD = core/route/libroute.a $(NET_LA) \
	$(CMOCKA_LIBS) $(NET_LIBS)
tests_unit_test_mxshare_SOURCES = tests/unit/test-mxshare.c \
	tests/unit/route_world.c tests/unit/route_world.h \
	tests/unit/fake_fetch.c tests/unit/fake_state.c \
	tests/unit/fake_state.h \
	tests/unit/fake_dns.c tests/unit/fake_dns.h
tests_unit_test_mxshare_LDADD = core/route/libroute.a $(NET_LA) \
	$(CMOCKA_LIBS) $(NET_LIBS)
endif

# MTA-STS: records and policies.
check_PROGRAMS += tests/fuzz/fuzz-sts
if !FUZZ
TESTS += tests/fuzz/fuzz-sts
endif
tests_fuzz_fuzz_sts_SOURCES = tests/fuzz/fuzz-sts.c core/route/stspolicy.c \
	$(FUZZ_MAIN)
tests_fuzz_fuzz_sts_CPPFLAGS = $(AM_CPPFLAGS) \
	-DFUZZ_CORPUS='"$(top_srcdir)/tests/fuzz/corpus/sts"'
tests_fuzz_fuzz_sts_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_sts_LDADD = $(BASE_LA) $(BASE_LIBS)
