# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += core/xport/libxport.a
core_xport_libxport_a_SOURCES = \
	core/xport/batch.c core/xport/batch.h \
	core/xport/dialogue.c core/xport/dialogue.h \
	core/xport/body.c \
	core/xport/dkim.c core/xport/dkim.h \
	core/xport/dkimkey.c core/xport/dkimkey.h \
	core/xport/dkim_options.c core/xport/dkim_options.h \
	core/xport/hostapi.c core/xport/hostapi.h \
	core/xport/hostfetch.c core/xport/hostfetch.h \
	core/xport/filtering.c core/xport/filtering.h \
	core/xport/inbound.c core/xport/inbound_tls.c \
	core/xport/settled.c core/xport/settled.h \
	core/xport/instance.c core/xport/instance.h \
	core/xport/awaited.c core/xport/awaited.h \
	core/xport/late.c core/xport/late.h \
	core/xport/lent.c \
	core/xport/link.c \
	core/xport/loader.c core/xport/loader.h \
	core/xport/loginpolicy.c core/xport/loginpolicy.h \
	core/xport/loginpool.c core/xport/loginpool.h \
	core/xport/moduledir.c \
	core/xport/outbound.c \
	core/xport/outlogin.c core/xport/outlogin.h \
	core/xport/outlogin_options.c core/xport/outlogin_options.h \
	core/xport/pump.c \
	core/xport/prepare.h \
	core/xport/recall.c core/xport/recall.h \
	core/xport/registry.c core/xport/registry.h \
	core/xport/registry_int.h \
	core/xport/registry_again.c \
	core/xport/registry_use.c \
	core/xport/result.c core/xport/result.h \
	core/xport/session.c core/xport/session.h core/xport/session_int.h \
	core/xport/signing.c core/xport/signing.h \
	core/xport/tlscheck.c \
	core/xport/sessiontls.c core/xport/sessiontls.h \
	core/xport/tlsin.c core/xport/tlsin.h core/xport/tlsincheck.c \
	core/xport/tlsin_options.c core/xport/tlsin_options.h \
	core/xport/tlspolicy.c core/xport/tlspolicy.h \
	core/xport/token.c \
	core/xport/tracer.c core/xport/tracer.h \
	core/xport/vet.c core/xport/vet.h \
	core/xport/xport_options.c core/xport/xport_options.h

if HAVE_CMOCKA
# Alone with the loops and the network: conf and spool are played by fakes.
XPORT_ALONE = core/xport/libxport.a core/net/libnet.a core/loop/libloop.a \
	$(BASE_LA)
check_PROGRAMS += tests/unit/test-session
TESTS += tests/unit/test-session
tests_unit_test_session_SOURCES = tests/unit/test-session.c \
	tests/unit/toy_module.c tests/unit/toy_module.h \
	tests/unit/fake_conf.c tests/unit/fake_spool.c tests/unit/fake_spool.h
tests_unit_test_session_LDADD = $(XPORT_ALONE) $(CMOCKA_LIBS) $(NET_LIBS)
check_PROGRAMS += tests/unit/test-hostfetch
TESTS += tests/unit/test-hostfetch
tests_unit_test_hostfetch_SOURCES = tests/unit/test-hostfetch.c \
	tests/unit/fake_fetch.c tests/unit/fake_fetch.h \
	tests/unit/fake_conf.c tests/unit/fake_spool.c tests/unit/fake_spool.h
tests_unit_test_hostfetch_LDADD = $(XPORT_ALONE) $(CMOCKA_LIBS) $(NET_LIBS)
check_PROGRAMS += tests/unit/test-late
TESTS += tests/unit/test-late
tests_unit_test_late_SOURCES = tests/unit/test-late.c \
	tests/unit/session_kit.c tests/unit/session_kit.h \
	tests/unit/toy_module.c tests/unit/toy_module.h \
	tests/unit/fake_conf.c tests/unit/fake_spool.c tests/unit/fake_spool.h
tests_unit_test_late_LDADD = $(XPORT_ALONE) $(CMOCKA_LIBS) $(NET_LIBS)
check_PROGRAMS += tests/unit/test-takeout
TESTS += tests/unit/test-takeout
tests_unit_test_takeout_SOURCES = tests/unit/test-takeout.c \
	tests/unit/session_kit.c tests/unit/session_kit.h \
	tests/unit/toy_module.c tests/unit/toy_module.h \
	tests/unit/fake_conf.c tests/unit/fake_spool.c tests/unit/fake_spool.h
tests_unit_test_takeout_LDADD = $(XPORT_ALONE) $(CMOCKA_LIBS) $(NET_LIBS)
check_PROGRAMS += tests/unit/test-sessiontls
TESTS += tests/unit/test-sessiontls
tests_unit_test_sessiontls_SOURCES = tests/unit/test-sessiontls.c \
	tests/unit/session_kit.c tests/unit/session_kit.h \
	tests/unit/toy_module.c tests/unit/toy_module.h \
	tests/unit/fake_conf.c tests/unit/fake_spool.c tests/unit/fake_spool.h
tests_unit_test_sessiontls_LDADD = $(XPORT_ALONE) $(CMOCKA_LIBS) $(NET_LIBS)
check_PROGRAMS += tests/unit/test-inbound tests/unit/test-filtering
TESTS += tests/unit/test-inbound tests/unit/test-filtering
tests_unit_test_filtering_SOURCES = tests/unit/test-filtering.c \
	tests/unit/fake_conf.c tests/unit/fake_spool.c tests/unit/fake_spool.h
tests_unit_test_filtering_LDADD = $(XPORT_ALONE) $(CMOCKA_LIBS) $(NET_LIBS)
tests_unit_test_inbound_SOURCES = tests/unit/test-inbound.c \
	tests/unit/fake_conf.c tests/unit/fake_spool.c tests/unit/fake_spool.h
tests_unit_test_inbound_LDADD = $(XPORT_ALONE) $(CMOCKA_LIBS) $(NET_LIBS)
check_PROGRAMS += tests/unit/test-dialogue tests/unit/test-tracer \
	tests/unit/test-proxied
TESTS += tests/unit/test-dialogue tests/unit/test-tracer \
	tests/unit/test-proxied
tests_unit_test_proxied_SOURCES = tests/unit/test-proxied.c \
	tests/unit/session_kit.c tests/unit/session_kit.h \
	tests/unit/toy_module.c tests/unit/toy_module.h \
	tests/unit/fake_conf.c tests/unit/fake_spool.c tests/unit/fake_spool.h
tests_unit_test_proxied_LDADD = $(XPORT_ALONE) $(CMOCKA_LIBS) $(NET_LIBS)
tests_unit_test_dialogue_SOURCES = tests/unit/test-dialogue.c
tests_unit_test_dialogue_LDADD = core/xport/libxport.a $(BASE_LA) \
	$(CMOCKA_LIBS) $(BASE_LIBS)
tests_unit_test_tracer_SOURCES = tests/unit/test-tracer.c \
	tests/unit/session_kit.c tests/unit/session_kit.h \
	tests/unit/toy_module.c tests/unit/toy_module.h \
	tests/unit/fake_conf.c tests/unit/fake_spool.c tests/unit/fake_spool.h
tests_unit_test_tracer_LDADD = $(XPORT_ALONE) $(CMOCKA_LIBS) $(NET_LIBS)
check_PROGRAMS += tests/unit/test-result tests/unit/test-loader
TESTS += tests/unit/test-result tests/unit/test-loader
check_PROGRAMS += tests/unit/test-registry
TESTS += tests/unit/test-registry
tests_unit_test_registry_SOURCES = tests/unit/test-registry.c \
	tests/unit/fake_spool.c tests/unit/fake_spool.h
tests_unit_test_registry_LDADD = core/xport/libxport.a \
	core/route/libroute.a $(NET_LA) $(CMOCKA_LIBS) $(XPORT_LIBS)
check_PROGRAMS += tests/unit/test-recall
TESTS += tests/unit/test-recall
tests_unit_test_recall_SOURCES = tests/unit/test-recall.c
tests_unit_test_recall_LDADD = $(XPORT_LA) $(CMOCKA_LIBS) $(XPORT_LIBS)
check_PROGRAMS += tests/unit/test-dkim
TESTS += tests/unit/test-dkim
tests_unit_test_dkim_SOURCES = tests/unit/test-dkim.c
tests_unit_test_dkim_LDADD = core/xport/libxport.a core/spool/libspool.a \
	$(BASE_LA) $(CMOCKA_LIBS) $(SPOOL_LIBS)
tests_unit_test_result_SOURCES = tests/unit/test-result.c
tests_unit_test_result_LDADD = core/xport/libxport.a $(BASE_LA) \
	$(CMOCKA_LIBS) $(BASE_LIBS)
tests_unit_test_loader_SOURCES = tests/unit/test-loader.c
tests_unit_test_loader_LDADD = core/xport/libxport.a $(CONF_LA) \
	$(CMOCKA_LIBS) $(LTDL_LIBS) $(CONF_LIBS)
endif

# What a trace shows; FUZZ_MAIN and FUZZ_LINK are those of modules/lib.
TESTS += tests/fuzz/fuzz-dialogue
check_PROGRAMS += tests/fuzz/fuzz-dialogue
tests_fuzz_fuzz_dialogue_SOURCES = tests/fuzz/fuzz-dialogue.c $(FUZZ_MAIN)
tests_fuzz_fuzz_dialogue_CPPFLAGS = $(AM_CPPFLAGS) \
	-DFUZZ_CORPUS='"$(top_srcdir)/tests/fuzz/corpus/dialogue"'
tests_fuzz_fuzz_dialogue_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_dialogue_LDADD = core/xport/libxport.a $(BASE_LA) $(BASE_LIBS)

# What each installed module serves, in a list beside it, so that it is found
# by use even when it cannot be opened.
noinst_PROGRAMS += core/prog/impel-serves
core_prog_impel_serves_SOURCES = core/prog/impel-serves.c
core_prog_impel_serves_LDADD = core/xport/libxport.a $(CONF_LA) $(LTDL_LIBS) \
	$(CONF_LIBS)
MODULE_SERVES = modules/apn/apn.serves modules/ecstream/ecstream.serves \
	modules/esmtp/esmtp.serves modules/lmtp/lmtp.serves \
	modules/milter/milter.serves modules/mm7/mm7.serves \
	modules/null/null.serves
impelmodule_DATA = $(MODULE_SERVES)
CLEANFILES += $(MODULE_SERVES)
SUFFIXES = .la .serves
.la.serves:
	$(AM_V_GEN)core/prog/impel-serves $(@D)/.libs/`basename $@ .serves`.so >$@.tmp
	$(AM_V_at)mv $@.tmp $@
$(MODULE_SERVES): core/prog/impel-serves$(EXEEXT)
