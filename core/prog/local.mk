# SPDX-License-Identifier: Apache-2.0
PROG_CPPFLAGS = $(AM_CPPFLAGS) \
	-DIMPEL_CONFIG='"$(sysconfdir)/impel/impel.yaml"' \
	-DIMPEL_MODULE_DIR='"$(impelmoduledir)"' \
	-DIMPEL_RUN_DIR='"$(runstatedir)/impel"' \
	-DIMPEL_TEMPLATE='"$(examplemoduledir)"' \
	-DPACKAGE_VERSION='"$(PACKAGE_VERSION)"'

sbin_PROGRAMS += core/prog/impeld
core_prog_impeld_SOURCES = \
	core/prog/impeld.c \
	core/prog/background.c core/prog/background.h \
	core/prog/daemon.c core/prog/daemon.h \
	core/prog/declare.c core/prog/declare.h \
	core/prog/folders.c core/prog/folders.h \
	core/prog/loops.c core/prog/loops.h \
	core/prog/memory.c core/prog/memory.h \
	core/prog/pidfile.c core/prog/pidfile.h \
	core/prog/privileges.c core/prog/privileges.h \
	core/prog/signals.c core/prog/signals.h \
	core/prog/watchdog.c core/prog/watchdog.h
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
	core/prog/impel_module.c core/prog/impel_module.h \
	core/prog/impel_offline.c core/prog/impel_offline.h \
	core/prog/impel_password.c core/prog/impel_password.h \
	core/prog/impel_spool.c core/prog/impel_spool.h \
	core/prog/impel_words.c core/prog/impel_words.h \
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

# What programs call as /usr/sbin/sendmail.
bin_PROGRAMS += core/prog/impel-sendmail
core_prog_impel_sendmail_SOURCES = core/prog/sendmail.c $(SENDMAIL_PARTS) \
	core/prog/sendmail_smtp.c core/prog/sendmail_smtp.h
SENDMAIL_PARTS = \
	core/prog/inject_address.c core/prog/inject_address.h \
	core/prog/inject_args.c core/prog/inject_args.h \
	core/prog/inject_text.c core/prog/inject_text.h \
	core/prog/sendmail_args.c core/prog/sendmail_args.h \
	core/prog/sendmail_letter.c core/prog/sendmail_letter.h
core_prog_impel_sendmail_CPPFLAGS = $(PROG_CPPFLAGS) \
	-DIMPEL_COMMAND='"$(bindir)/impel"' \
	-DIMPEL_SUBMIT='"$(runstatedir)/impel/submit"'
core_prog_impel_sendmail_LDADD = $(BASE_LA) $(GNUTLS_LIBS) $(BASE_LIBS)

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

check_PROGRAMS += tests/fuzz/fuzz-sendmail
if !FUZZ
TESTS += tests/fuzz/fuzz-sendmail
endif
tests_fuzz_fuzz_sendmail_SOURCES = tests/fuzz/fuzz-sendmail.c \
	$(SENDMAIL_PARTS) core/prog/sendmail_smtp.c core/prog/sendmail_smtp.h \
	$(FUZZ_MAIN)
tests_fuzz_fuzz_sendmail_CPPFLAGS = $(AM_CPPFLAGS) \
	-DFUZZ_CORPUS='"$(top_srcdir)/tests/fuzz/corpus/sendmail"'
tests_fuzz_fuzz_sendmail_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_sendmail_LDADD = $(BASE_LA) $(GNUTLS_LIBS) $(BASE_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-inject
TESTS += tests/unit/test-inject
tests_unit_test_inject_SOURCES = tests/unit/test-inject.c $(INJECT_READS) \
	core/prog/impel_bar.c core/prog/inject_args.c \
	core/prog/inject_journal.c core/prog/inject_report.c
tests_unit_test_inject_LDADD = $(BASE_LA) $(CMOCKA_LIBS) $(GNUTLS_LIBS) \
	$(BASE_LIBS)
check_PROGRAMS += tests/unit/test-sendmail
TESTS += tests/unit/test-sendmail
tests_unit_test_sendmail_SOURCES = tests/unit/test-sendmail.c \
	$(SENDMAIL_PARTS) core/prog/sendmail_smtp.c core/prog/sendmail_smtp.h
tests_unit_test_sendmail_LDADD = $(BASE_LA) $(CMOCKA_LIBS) $(GNUTLS_LIBS) \
	$(BASE_LIBS)
check_PROGRAMS += tests/unit/test-memory
TESTS += tests/unit/test-memory
tests_unit_test_memory_SOURCES = tests/unit/test-memory.c core/prog/memory.c
tests_unit_test_memory_LDADD = $(BASE_LA) $(CMOCKA_LIBS) $(BASE_LIBS)
check_PROGRAMS += tests/unit/test-watchdog
TESTS += tests/unit/test-watchdog
tests_unit_test_watchdog_SOURCES = tests/unit/test-watchdog.c \
	core/prog/watchdog.c tests/unit/fake_manager.c \
	tests/unit/fake_manager.h
tests_unit_test_watchdog_LDADD = core/loop/libloop.a $(BASE_LA) \
	$(CMOCKA_LIBS) $(EV_LIBS) $(BASE_LIBS)
endif
