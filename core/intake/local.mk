# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += core/intake/libintake.a
core_intake_libintake_a_SOURCES = \
	core/intake/assign.c core/intake/assign.h \
	core/intake/auth_options.c core/intake/auth_options.h \
	core/intake/bounces.c core/intake/bounces.h \
	core/intake/chain.c core/intake/chain.h \
	core/intake/credits.c core/intake/credits.h \
	core/intake/fields.c core/intake/fields.h \
	core/intake/filecache.c core/intake/filecache.h \
	core/intake/filtered.c core/intake/filtered.h \
	core/intake/inbound_throttle.c core/intake/inbound_throttle.h \
	core/intake/intake.c core/intake/intake.h core/intake/intake_int.h \
	core/intake/intake_options.c core/intake/intake_options.h \
	core/intake/intakeapi.c core/intake/intakeapi.h \
	core/intake/listener.c core/intake/listener.h \
	core/intake/jwt.c core/intake/jwt.h \
	core/intake/login.c core/intake/login.h core/intake/logincheck.c \
	core/intake/loginlimit.c core/intake/loginlimit.h \
	core/intake/mcmt.c core/intake/mcmt.h \
	core/intake/needs.c core/intake/needs.h \
	core/intake/newbody.c core/intake/newbody.h \
	core/intake/oob.c core/intake/oob.h \
	core/intake/policy.c core/intake/policy.h \
	core/intake/proxied.c core/intake/proxied.h \
	core/intake/qualify.c core/intake/qualify.h \
	core/intake/incoming.c core/intake/incoming.h \
	core/intake/receive.c core/intake/receive.h \
	core/intake/reject.c core/intake/reject.h \
	core/intake/receive_int.h \
	core/intake/secure.c core/intake/secure.h \
	core/intake/trace.c core/intake/trace.h \
	core/intake/trust.c core/intake/trust.h \
	core/intake/users.c core/intake/users.h

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-jwt tests/unit/test-users
TESTS += tests/unit/test-jwt tests/unit/test-users
tests_unit_test_jwt_SOURCES = tests/unit/test-jwt.c
tests_unit_test_jwt_LDADD = core/intake/libintake.a $(NET_LA) \
	$(CMOCKA_LIBS) $(XPORT_LIBS)
tests_unit_test_users_SOURCES = tests/unit/test-users.c
tests_unit_test_users_LDADD = $(tests_unit_test_jwt_LDADD)
check_PROGRAMS += tests/unit/test-filter-order tests/unit/test-newbody \
	tests/unit/test-filtered
TESTS += tests/unit/test-filter-order tests/unit/test-newbody \
	tests/unit/test-filtered
tests_unit_test_filtered_SOURCES = tests/unit/test-filtered.c \
	tests/unit/fake_disk.c tests/unit/fake_disk.h
tests_unit_test_filtered_LDADD = core/intake/libintake.a $(BASE_LA) \
	$(CMOCKA_LIBS) $(BASE_LIBS)
tests_unit_test_newbody_SOURCES = tests/unit/test-newbody.c
tests_unit_test_newbody_LDADD = core/intake/libintake.a $(BASE_LA) \
	$(CMOCKA_LIBS) $(BASE_LIBS)
tests_unit_test_filter_order_SOURCES = tests/unit/test-filter-order.c \
	tests/unit/fake_filtering.c tests/unit/fake_filtering.h
tests_unit_test_filter_order_LDADD = core/intake/libintake.a $(BASE_LA) \
	$(CMOCKA_LIBS) $(BASE_LIBS)
intake_tests = tests/unit/test-assign tests/unit/test-fields \
	tests/unit/test-filter-chain \
	tests/unit/test-intakeapi tests/unit/test-judged \
	tests/unit/test-listener tests/unit/test-oob \
	tests/unit/test-policy tests/unit/test-receive tests/unit/test-trace
check_PROGRAMS += $(intake_tests)
TESTS += $(intake_tests)
tests_unit_test_fields_SOURCES = tests/unit/test-fields.c
tests_unit_test_fields_LDADD = core/intake/libintake.a $(BASE_LA) \
	$(CMOCKA_LIBS) $(BASE_LIBS)
tests_unit_test_oob_SOURCES = tests/unit/test-oob.c
tests_unit_test_oob_LDADD = core/intake/libintake.a $(BASE_LA) \
	$(CMOCKA_LIBS) $(BASE_LIBS)
tests_unit_test_trace_SOURCES = tests/unit/test-trace.c \
	tests/unit/conf_support.c tests/unit/conf_support.h
tests_unit_test_trace_LDADD = $(INTAKE_LA) core/ctl/libctl.a $(INTAKE_LA) \
	$(CMOCKA_LIBS) $(XPORT_LIBS)
tests_unit_test_policy_SOURCES = tests/unit/test-policy.c \
	tests/unit/conf_support.c tests/unit/conf_support.h
tests_unit_test_policy_LDADD = $(tests_unit_test_trace_LDADD)
tests_unit_test_assign_SOURCES = tests/unit/test-assign.c \
	tests/unit/conf_support.c tests/unit/conf_support.h
tests_unit_test_assign_LDADD = $(tests_unit_test_trace_LDADD)
tests_unit_test_receive_SOURCES = tests/unit/test-receive.c \
	tests/unit/fake_builder.c tests/unit/fake_builder.h \
	tests/unit/fake_tls.c tests/unit/fake_tls.h \
	tests/unit/fake_filters.c \
	tests/unit/receive_support.c tests/unit/receive_support.h \
	tests/unit/conf_support.c tests/unit/conf_support.h
tests_unit_test_receive_LDADD = $(tests_unit_test_trace_LDADD)
tests_unit_test_judged_SOURCES = tests/unit/test-judged.c \
	tests/unit/fake_builder.c tests/unit/fake_builder.h \
	tests/unit/fake_tls.c tests/unit/fake_tls.h \
	tests/unit/receive_support.c tests/unit/receive_support.h \
	tests/unit/conf_support.c tests/unit/conf_support.h
tests_unit_test_judged_LDADD = $(tests_unit_test_trace_LDADD)
tests_unit_test_filter_chain_SOURCES = tests/unit/test-filter-chain.c \
	tests/unit/fake_builder.c tests/unit/fake_builder.h \
	tests/unit/fake_tls.c tests/unit/fake_tls.h \
	tests/unit/receive_support.c tests/unit/receive_support.h \
	tests/unit/conf_support.c tests/unit/conf_support.h
tests_unit_test_filter_chain_LDADD = $(tests_unit_test_trace_LDADD)
tests_unit_test_intakeapi_SOURCES = tests/unit/test-intakeapi.c \
	tests/unit/fake_filters.c \
	tests/unit/conf_support.c tests/unit/conf_support.h
tests_unit_test_intakeapi_LDADD = $(tests_unit_test_trace_LDADD)
tests_unit_test_listener_SOURCES = tests/unit/test-listener.c \
	tests/unit/conf_support.c tests/unit/conf_support.h
tests_unit_test_listener_LDADD = $(tests_unit_test_trace_LDADD)
endif
