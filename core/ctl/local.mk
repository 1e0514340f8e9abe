# SPDX-License-Identifier: Apache-2.0
CTL_CPPFLAGS = $(AM_CPPFLAGS) \
	-DIMPEL_RUN_DIR='"$(runstatedir)/impel"' \
	-DPACKAGE_VERSION='"$(PACKAGE_VERSION)"'

noinst_LIBRARIES += core/ctl/libctl.a
core_ctl_libctl_a_SOURCES = \
	core/ctl/agree.c core/ctl/agree.h \
	core/ctl/command_list.c core/ctl/command_list.h \
	core/ctl/commands.c core/ctl/commands.h core/ctl/commands_int.h \
	core/ctl/commands_config.c \
	core/ctl/commands_message.c \
	core/ctl/commands_process.c \
	core/ctl/commands_queue.c \
	core/ctl/commands_dns.c core/ctl/commands_tlsrpt.c \
	core/ctl/commands_select.c core/ctl/commands_sts.c core/ctl/commands_suspend.c \
	core/ctl/commands_trace.c \
	core/ctl/control.c core/ctl/control.h core/ctl/control_int.h \
	core/ctl/control_session.c \
	core/ctl/ctl_options.c core/ctl/ctl_options.h \
	core/ctl/health.c \
	core/ctl/jsontext.c core/ctl/jsontext.h \
	core/ctl/metrics.c core/ctl/metrics.h \
	core/ctl/reload.c core/ctl/reload.h \
	core/ctl/request.c core/ctl/request.h \
	core/ctl/summary.c
core_ctl_libctl_a_CPPFLAGS = $(CTL_CPPFLAGS)

if HAVE_CMOCKA
ctl_tests = \
	tests/unit/test-client \
	tests/unit/test-commands \
	tests/unit/test-control \
	tests/unit/test-metrics
check_PROGRAMS += $(ctl_tests)
TESTS += $(ctl_tests)
ctl_fakes = tests/unit/fake_scheduler.c tests/unit/fake_scheduler.h \
	tests/unit/fake_sts.c core/route/stspolicy.c \
	core/spool/message.c $(CONF_ROWS)
# The layers that are played are not linked.
ctl_test_libs = core/ctl/libctl.a core/net/libnet.a core/loop/libloop.a \
	$(CONF_LA) $(CMOCKA_LIBS) $(NET_LIBS)
tests_unit_test_client_SOURCES = tests/unit/test-client.c \
	core/prog/impel_client.c core/prog/impel_bar.c $(ctl_fakes)
tests_unit_test_client_CPPFLAGS = $(CTL_CPPFLAGS)
tests_unit_test_client_LDADD = $(ctl_test_libs)
tests_unit_test_commands_SOURCES = tests/unit/test-commands.c \
	core/prog/impel_complete.c $(ctl_fakes)
tests_unit_test_commands_LDADD = $(ctl_test_libs)
tests_unit_test_control_SOURCES = tests/unit/test-control.c $(ctl_fakes)
tests_unit_test_control_LDADD = $(ctl_test_libs)
tests_unit_test_metrics_SOURCES = tests/unit/test-metrics.c $(ctl_fakes)
tests_unit_test_metrics_LDADD = $(ctl_test_libs)
endif

check_PROGRAMS += tests/fuzz/fuzz-control
TESTS += tests/fuzz/fuzz-control
tests_fuzz_fuzz_control_SOURCES = tests/fuzz/fuzz-control.c $(FUZZ_MAIN)
tests_fuzz_fuzz_control_CPPFLAGS = $(AM_CPPFLAGS) \
	-DFUZZ_CORPUS='"$(top_srcdir)/tests/fuzz/corpus/control"'
tests_fuzz_fuzz_control_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_control_LDADD = core/ctl/libctl.a $(BASE_LA) \
	$(JANSSON_LIBS) $(BASE_LIBS)
