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
	core/prog/impel_inject.c core/prog/impel_inject.h \
	core/prog/impel_offline.c core/prog/impel_offline.h \
	core/prog/impel_password.c core/prog/impel_password.h \
	core/prog/inject_address.c core/prog/inject_address.h \
	core/prog/inject_journal.c core/prog/inject_journal.h \
	core/prog/inject_letter.c core/prog/inject_letter.h \
	core/prog/inject_list.c core/prog/inject_list.h \
	core/prog/inject_mbox.c core/prog/inject_mbox.h \
	core/prog/inject_args.c core/prog/inject_args.h \
	core/prog/inject_report.c core/prog/inject_report.h \
	core/prog/inject_run.c core/prog/inject_run.h \
	core/prog/inject_source.c core/prog/inject_source.h \
	core/prog/inject_text.c core/prog/inject_text.h \
	core/prog/declare.c core/prog/declare.h
core_prog_impel_CPPFLAGS = $(PROG_CPPFLAGS)
core_prog_impel_LDADD = $(CTL_LA) lib/ecstream/libimpel-ecstream.a \
	$(XPORT_LIBS) $(EDIT_LIBS)

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

# That of impel inject: its options are what its table says.
man1_MANS += docs/man/impel-inject.1
EXTRA_DIST += docs/man/impel-inject.1.in
CLEANFILES += docs/man/impel-inject.1
docs/man/impel-inject.1: docs/man/impel-inject.1.in \
		core/prog/impel$(EXEEXT) Makefile
	$(AM_V_GEN)$(MKDIR_P) docs/man && \
	    core/prog/impel$(EXEEXT) inject --man >$@.list && \
	    sed -e '/^@OPTIONS@$$/r $@.list' -e '/^@OPTIONS@$$/d' \
	    -e 's|[@]VERSION[@]|$(PACKAGE_VERSION)|g' \
	    $(srcdir)/docs/man/impel-inject.1.in >$@.new && \
	    rm -f $@.list && mv $@.new $@

INJECT_READS = core/prog/inject_address.c core/prog/inject_list.c \
	core/prog/inject_mbox.c core/prog/inject_text.c
check_PROGRAMS += tests/fuzz/fuzz-inject
if !FUZZ
TESTS += tests/fuzz/fuzz-inject
endif
tests_fuzz_fuzz_inject_SOURCES = tests/fuzz/fuzz-inject.c $(INJECT_READS) \
	$(FUZZ_MAIN)
tests_fuzz_fuzz_inject_CPPFLAGS = $(AM_CPPFLAGS) \
	-DFUZZ_CORPUS='"$(top_srcdir)/tests/fuzz/corpus/inject"'
tests_fuzz_fuzz_inject_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_inject_LDADD = $(BASE_LA) $(GNUTLS_LIBS) $(BASE_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-inject
TESTS += tests/unit/test-inject
tests_unit_test_inject_SOURCES = tests/unit/test-inject.c $(INJECT_READS) \
	core/prog/impel_bar.c core/prog/inject_args.c \
	core/prog/inject_journal.c core/prog/inject_report.c
tests_unit_test_inject_LDADD = $(BASE_LA) $(CMOCKA_LIBS) $(GNUTLS_LIBS) \
	$(BASE_LIBS)
check_PROGRAMS += tests/unit/test-memory
TESTS += tests/unit/test-memory
tests_unit_test_memory_SOURCES = tests/unit/test-memory.c core/prog/memory.c
tests_unit_test_memory_LDADD = $(BASE_LA) $(CMOCKA_LIBS) $(BASE_LIBS)
endif
