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
	core/prog/loops.c core/prog/loops.h \
	core/prog/pidfile.c core/prog/pidfile.h \
	core/prog/privileges.c core/prog/privileges.h \
	core/prog/signals.c core/prog/signals.h
core_prog_impeld_CPPFLAGS = $(PROG_CPPFLAGS)
core_prog_impeld_LDADD = $(CTL_LA) $(XPORT_LIBS)
