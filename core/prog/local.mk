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
	core/prog/memory.c core/prog/memory.h \
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
	core/prog/impel_password.c core/prog/impel_password.h \
	core/prog/declare.c core/prog/declare.h
core_prog_impel_CPPFLAGS = $(PROG_CPPFLAGS)
core_prog_impel_LDADD = $(CTL_LA) $(XPORT_LIBS) $(EDIT_LIBS)

# The manual page of impel: prose, and the list of commands out of the program.
man8_MANS += docs/man/impel.8
EXTRA_DIST += docs/man/impel.8.in docs/console.md
CLEANFILES += docs/man/impel.8
docs/man/impel.8: docs/man/impel.8.in core/prog/impel$(EXEEXT) Makefile
	$(AM_V_GEN)$(MKDIR_P) docs/man && \
	    core/prog/impel$(EXEEXT) help --man >$@.list && \
	    sed -e '/^@COMMANDS@$$/r $@.list' -e '/^@COMMANDS@$$/d' \
	    -e 's|[@]VERSION[@]|$(PACKAGE_VERSION)|g' \
	    -e 's|[@]RUN_DIR[@]|$(runstatedir)/impel|g' \
	    -e 's|[@]CONFIG[@]|$(sysconfdir)/impel/impel.yaml|g' \
	    -e 's|[@]MODULE_DIR[@]|$(impelmoduledir)|g' \
	    $(srcdir)/docs/man/impel.8.in >$@.new && \
	    rm -f $@.list && mv $@.new $@

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-memory
TESTS += tests/unit/test-memory
tests_unit_test_memory_SOURCES = tests/unit/test-memory.c core/prog/memory.c
tests_unit_test_memory_LDADD = $(BASE_LA) $(CMOCKA_LIBS) $(BASE_LIBS)
endif
