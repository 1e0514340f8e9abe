# SPDX-License-Identifier: Apache-2.0
CTL_CPPFLAGS = $(AM_CPPFLAGS) \
	-DIMPEL_RUN_DIR='"$(runstatedir)/impel"' \
	-DPACKAGE_VERSION='"$(PACKAGE_VERSION)"'

noinst_LIBRARIES += core/ctl/libctl.a
core_ctl_libctl_a_SOURCES = \
	core/ctl/command_list.c core/ctl/command_list.h \
	core/ctl/commands.c core/ctl/commands.h core/ctl/commands_int.h \
	core/ctl/commands_config.c \
	core/ctl/commands_message.c \
	core/ctl/commands_process.c \
	core/ctl/commands_queue.c \
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
