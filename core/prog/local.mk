# SPDX-License-Identifier: Apache-2.0
PROG_CPPFLAGS = $(AM_CPPFLAGS) \
	-DIMPEL_CONFIG='"$(sysconfdir)/impel/impel.yaml"' \
	-DIMPEL_MODULE_DIR='"$(impelmoduledir)"' \
	-DIMPEL_RUN_DIR='"$(runstatedir)/impel"' \
	-DPACKAGE_VERSION='"$(PACKAGE_VERSION)"'

sbin_PROGRAMS += core/prog/impeld
core_prog_impeld_SOURCES = \
	core/prog/impeld.c \
	core/prog/background.c core/prog/background.h \
	core/prog/daemon.c core/prog/daemon.h \
	core/prog/declare.c core/prog/declare.h \
	core/prog/loops.c core/prog/loops.h \
	core/prog/pidfile.c core/prog/pidfile.h \
	core/prog/privileges.c core/prog/privileges.h \
	core/prog/signals.c core/prog/signals.h
core_prog_impeld_CPPFLAGS = $(PROG_CPPFLAGS)
core_prog_impeld_LDADD = $(CTL_LA) $(XPORT_LIBS)

bin_PROGRAMS += core/prog/impel
core_prog_impel_SOURCES = \
	core/prog/impel.c core/prog/impel.h \
	core/prog/impel_bar.c core/prog/impel_bar.h \
	core/prog/impel_client.c core/prog/impel_client.h \
	core/prog/impel_command.c \
	core/prog/impel_complete.c core/prog/impel_complete.h \
	core/prog/impel_console.c \
	core/prog/impel_offline.c core/prog/impel_offline.h \
	core/prog/declare.c core/prog/declare.h
core_prog_impel_CPPFLAGS = $(PROG_CPPFLAGS)
core_prog_impel_LDADD = $(CTL_LA) $(XPORT_LIBS) $(EDIT_LIBS)
