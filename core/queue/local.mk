# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += core/queue/libqueue.a
core_queue_libqueue_a_CFLAGS = $(AM_CFLAGS)
core_queue_libqueue_a_SOURCES = \
	core/queue/active.c core/queue/active.h \
	core/queue/adaptive_options.c core/queue/adaptive_options.h \
	core/queue/age.c core/queue/age.h \
	core/queue/attempt.c core/queue/attempt.h \
	core/queue/choose.c core/queue/choose.h \
	core/queue/count.c \
	core/queue/bounceclass.c core/queue/bulk.c \
	core/queue/busy.c core/queue/busy.h \
	core/queue/doom.c core/queue/doom.h \
	core/queue/delaydsn.c core/queue/delaydsn.h \
	core/queue/dsn.c core/queue/dsn.h \
	core/queue/explain.c core/queue/explain.h \
	core/queue/goal.c core/queue/goal.h \
	core/queue/greeting.c core/queue/greeting.h \
	core/queue/import.c core/queue/import.h \
	core/queue/importbatch.c core/queue/importbatch.h \
	core/queue/importmark.c core/queue/importmark.h \
	core/queue/latedsn.c core/queue/latedsn.h \
	core/queue/limits.c core/queue/limits.h \
	core/queue/listing.c \
	core/queue/logjson.c core/queue/logrecord.c core/queue/logrecord.h \
	core/queue/maillog.c core/queue/maillog.h \
	core/queue/maillog_options.c core/queue/maillog_options.h \
	core/queue/move.c core/queue/move.h \
	core/queue/notice.c core/queue/notice.h \
	core/queue/outcome.c core/queue/outcome.h \
	core/queue/outlet.c core/queue/outlet.h \
	core/queue/overridestore.c core/queue/overridestore.h \
	core/queue/overriding.c core/queue/overriding.h \
	core/queue/parcel.c core/queue/parcel.h \
	core/queue/pause.c core/queue/pause.h \
	core/queue/pick.c core/queue/pick.h \
	core/queue/print.c core/queue/print.h \
	core/queue/queue.c core/queue/queue.h \
	core/queue/queue_options.c core/queue/queue_options.h \
	core/queue/reasons.c core/queue/reasons.h \
	core/queue/requiretls.c core/queue/requiretls.h \
	core/queue/retry.c core/queue/retry.h \
	core/queue/rollup.c core/queue/rollup.h \
	core/queue/said.c core/queue/said.h \
	core/queue/scheduler.c core/queue/scheduler.h \
	core/queue/scheduler_int.h \
	core/queue/serve.c core/queue/serve.h \
	core/queue/showdomain.c core/queue/showqueue.c \
	core/queue/settle.c core/queue/settle.h \
	core/queue/single.c \
	core/queue/review.c core/queue/review.h \
	core/queue/filter.c core/queue/filter.h core/queue/select.c \
	core/queue/suspend.c core/queue/suspend.h \
	core/queue/values.c core/queue/values.h \
	core/queue/target.c core/queue/target.h \
	core/queue/throttle.c core/queue/throttle.h \
	core/queue/tlsreport.c core/queue/tlsreport.h \
	core/queue/tlsrpt.c core/queue/tlsrpt.h core/queue/tlsrpt_int.h \
	core/queue/tlsrpt_options.c core/queue/tlsrpt_options.h \
	core/queue/tlssend.c core/queue/tlsshow.c core/queue/tlsstore.c \
	core/queue/outlettls.c core/queue/outlettls.h \
	core/queue/tlsrua.c core/queue/tlsrua.h \
	core/queue/tlstally.c core/queue/tlstally.h \
	core/queue/wait.c core/queue/wait.h \
	core/queue/walk.c core/queue/walk.h \
	core/queue/why.c \
	core/queue/zone.c core/queue/zone.h

# The record of a domain that wants reports of TLS, and what is kept of them.
check_PROGRAMS += tests/fuzz/fuzz-tlsrua tests/fuzz/fuzz-tlstally
if !FUZZ
TESTS += tests/fuzz/fuzz-tlsrua tests/fuzz/fuzz-tlstally
endif
tests_fuzz_fuzz_tlsrua_SOURCES = tests/fuzz/fuzz-tlsrua.c $(FUZZ_MAIN)
tests_fuzz_fuzz_tlsrua_CPPFLAGS = $(AM_CPPFLAGS) \
	-DFUZZ_CORPUS='"$(top_srcdir)/tests/fuzz/corpus/tlsrua"'
tests_fuzz_fuzz_tlsrua_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_tlsrua_LDADD = core/queue/libqueue.a $(NET_LA) $(NET_LIBS)
tests_fuzz_fuzz_tlstally_SOURCES = tests/fuzz/fuzz-tlstally.c $(FUZZ_MAIN)
tests_fuzz_fuzz_tlstally_CPPFLAGS = $(AM_CPPFLAGS) \
	-DFUZZ_CORPUS='"$(top_srcdir)/tests/fuzz/corpus/tlstally"'
tests_fuzz_fuzz_tlstally_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_tlstally_LDADD = core/queue/libqueue.a $(NET_LA) $(NET_LIBS)

if HAVE_CMOCKA
# The scheduler between layers that a test plays.
QUEUE_WORLD = tests/unit/queue_world.c tests/unit/queue_world.h \
	tests/unit/queue_fake_spool.c tests/unit/queue_fake_route.c \
	tests/unit/queue_fake_session.c tests/unit/queue_fake_source.c \
	core/route/way.c $(CONF_ROWS)
QUEUE_WORLD_LA = core/queue/libqueue.a core/xport/libxport.a \
	core/spool/libspool.a $(NET_LA)

QUEUE_TESTS = tests/unit/test-scheduler tests/unit/test-tlsreport \
	tests/unit/test-tlsrpt tests/unit/test-requiretls tests/unit/test-outcome \
	tests/unit/test-pick tests/unit/test-explain tests/unit/test-retry \
	tests/unit/test-reasons \
	tests/unit/test-values tests/unit/test-review tests/unit/test-select \
	tests/unit/test-move tests/unit/test-stray \
	tests/unit/test-goal tests/unit/test-tokens tests/unit/test-parcel \
	tests/unit/test-dsn tests/unit/test-maillog tests/unit/test-limits \
	tests/unit/test-delaydsn tests/unit/test-release tests/unit/test-recovered \
	tests/unit/test-longqueue tests/unit/test-returns \
	tests/unit/test-resident tests/unit/test-walk tests/unit/test-overriding \
	tests/unit/test-import tests/unit/test-throttle tests/unit/test-order \
	tests/unit/test-hostroom tests/unit/test-latedsn \
	tests/unit/test-rollup
check_PROGRAMS += $(QUEUE_TESTS)
TESTS += $(QUEUE_TESTS)
tests_unit_test_tlsreport_SOURCES = tests/unit/test-tlsreport.c
tests_unit_test_tlsreport_LDADD = core/queue/libqueue.a $(NET_LA) \
	$(CMOCKA_LIBS) $(NET_LIBS)
tests_unit_test_tlsrpt_SOURCES = tests/unit/test-tlsrpt.c \
	tests/unit/spool_kit.c tests/unit/spool_kit.h \
	tests/unit/fake_dns.c tests/unit/fake_dns.h $(CONF_ROWS)
tests_unit_test_tlsrpt_LDADD = core/queue/libqueue.a core/xport/libxport.a \
	core/route/libroute.a core/spool/libspool.a $(NET_LA) $(CMOCKA_LIBS) \
	$(NET_LIBS)
tests_unit_test_requiretls_SOURCES = tests/unit/test-requiretls.c $(QUEUE_WORLD)
tests_unit_test_requiretls_LDADD = $(QUEUE_WORLD_LA) $(CMOCKA_LIBS) $(NET_LIBS)
tests_unit_test_order_SOURCES = tests/unit/test-order.c $(QUEUE_WORLD)
tests_unit_test_order_LDADD = $(QUEUE_WORLD_LA) $(CMOCKA_LIBS) $(NET_LIBS)
tests_unit_test_import_SOURCES = tests/unit/test-import.c $(QUEUE_WORLD)
tests_unit_test_import_LDADD = $(QUEUE_WORLD_LA) $(CMOCKA_LIBS) $(NET_LIBS)
tests_unit_test_scheduler_SOURCES = tests/unit/test-scheduler.c $(QUEUE_WORLD)
tests_unit_test_scheduler_LDADD = $(QUEUE_WORLD_LA) $(CMOCKA_LIBS) $(NET_LIBS)
tests_unit_test_recovered_SOURCES = tests/unit/test-recovered.c $(QUEUE_WORLD)
tests_unit_test_recovered_LDADD = $(QUEUE_WORLD_LA) $(CMOCKA_LIBS) $(NET_LIBS)
tests_unit_test_longqueue_SOURCES = tests/unit/test-longqueue.c $(QUEUE_WORLD)
tests_unit_test_longqueue_LDADD = $(QUEUE_WORLD_LA) $(CMOCKA_LIBS) $(NET_LIBS)
tests_unit_test_returns_SOURCES = tests/unit/test-returns.c $(QUEUE_WORLD)
tests_unit_test_returns_LDADD = $(QUEUE_WORLD_LA) $(CMOCKA_LIBS) $(NET_LIBS)
tests_unit_test_resident_SOURCES = tests/unit/test-resident.c $(QUEUE_WORLD)
tests_unit_test_resident_LDADD = $(QUEUE_WORLD_LA) $(CMOCKA_LIBS) $(NET_LIBS)
tests_unit_test_overriding_SOURCES = tests/unit/test-overriding.c \
	$(QUEUE_WORLD)
tests_unit_test_overriding_LDADD = $(QUEUE_WORLD_LA) $(CMOCKA_LIBS) $(NET_LIBS)
tests_unit_test_rollup_SOURCES = tests/unit/test-rollup.c $(QUEUE_WORLD)
tests_unit_test_rollup_LDADD = $(QUEUE_WORLD_LA) $(CMOCKA_LIBS) $(NET_LIBS)
tests_unit_test_walk_SOURCES = tests/unit/test-walk.c $(QUEUE_WORLD)
tests_unit_test_walk_LDADD = $(QUEUE_WORLD_LA) $(CMOCKA_LIBS) $(NET_LIBS)
tests_unit_test_release_SOURCES = tests/unit/test-release.c $(QUEUE_WORLD)
tests_unit_test_release_LDADD = $(QUEUE_WORLD_LA) $(CMOCKA_LIBS) $(NET_LIBS)
tests_unit_test_delaydsn_SOURCES = tests/unit/test-delaydsn.c $(QUEUE_WORLD)
tests_unit_test_delaydsn_LDADD = $(QUEUE_WORLD_LA) $(CMOCKA_LIBS) $(NET_LIBS)
tests_unit_test_outcome_SOURCES = tests/unit/test-outcome.c $(QUEUE_WORLD)
tests_unit_test_outcome_LDADD = $(QUEUE_WORLD_LA) $(CMOCKA_LIBS) $(NET_LIBS)
tests_unit_test_pick_SOURCES = tests/unit/test-pick.c $(QUEUE_WORLD)
tests_unit_test_pick_LDADD = $(QUEUE_WORLD_LA) $(CMOCKA_LIBS) $(NET_LIBS)
tests_unit_test_reasons_SOURCES = tests/unit/test-reasons.c $(QUEUE_WORLD)
tests_unit_test_reasons_LDADD = $(QUEUE_WORLD_LA) $(CMOCKA_LIBS) $(NET_LIBS)
tests_unit_test_explain_SOURCES = tests/unit/test-explain.c $(QUEUE_WORLD)
tests_unit_test_explain_LDADD = $(QUEUE_WORLD_LA) $(CMOCKA_LIBS) $(NET_LIBS)
tests_unit_test_limits_SOURCES = tests/unit/test-limits.c $(QUEUE_WORLD)
tests_unit_test_limits_LDADD = $(QUEUE_WORLD_LA) $(CMOCKA_LIBS) $(NET_LIBS)
tests_unit_test_hostroom_SOURCES = tests/unit/test-hostroom.c $(QUEUE_WORLD)
tests_unit_test_hostroom_LDADD = $(QUEUE_WORLD_LA) $(CMOCKA_LIBS) $(NET_LIBS)
tests_unit_test_throttle_SOURCES = tests/unit/test-throttle.c $(QUEUE_WORLD)
tests_unit_test_throttle_LDADD = $(QUEUE_WORLD_LA) $(CMOCKA_LIBS) $(NET_LIBS)
tests_unit_test_review_SOURCES = tests/unit/test-review.c $(QUEUE_WORLD)
tests_unit_test_review_LDADD = $(QUEUE_WORLD_LA) $(CMOCKA_LIBS) $(NET_LIBS)
SELECT_KIT = tests/unit/select_kit.c tests/unit/select_kit.h
tests_unit_test_stray_SOURCES = tests/unit/test-stray.c $(QUEUE_WORLD) \
	$(SELECT_KIT)
tests_unit_test_stray_LDADD = $(QUEUE_WORLD_LA) $(CMOCKA_LIBS) $(NET_LIBS)
tests_unit_test_move_SOURCES = tests/unit/test-move.c $(QUEUE_WORLD) \
	$(SELECT_KIT)
tests_unit_test_move_LDADD = $(QUEUE_WORLD_LA) $(CMOCKA_LIBS) $(NET_LIBS)
tests_unit_test_select_SOURCES = tests/unit/test-select.c $(QUEUE_WORLD)
tests_unit_test_select_LDADD = $(QUEUE_WORLD_LA) $(CMOCKA_LIBS) $(NET_LIBS)
tests_unit_test_values_SOURCES = tests/unit/test-values.c $(QUEUE_WORLD)
tests_unit_test_values_LDADD = $(QUEUE_WORLD_LA) $(CMOCKA_LIBS) $(NET_LIBS)
tests_unit_test_retry_SOURCES = tests/unit/test-retry.c $(CONF_ROWS)
tests_unit_test_retry_LDADD = $(QUEUE_WORLD_LA) $(CMOCKA_LIBS) $(NET_LIBS)
tests_unit_test_goal_SOURCES = tests/unit/test-goal.c 
tests_unit_test_goal_LDADD = $(QUEUE_WORLD_LA) $(CMOCKA_LIBS) $(NET_LIBS)
tests_unit_test_tokens_SOURCES = tests/unit/test-tokens.c $(CONF_ROWS)
tests_unit_test_tokens_LDADD = $(QUEUE_WORLD_LA) $(CMOCKA_LIBS) $(NET_LIBS)
tests_unit_test_parcel_SOURCES = tests/unit/test-parcel.c $(CONF_ROWS)
tests_unit_test_parcel_LDADD = $(QUEUE_WORLD_LA) $(CMOCKA_LIBS) $(NET_LIBS)
tests_unit_test_latedsn_SOURCES = tests/unit/test-latedsn.c $(QUEUE_WORLD)
tests_unit_test_latedsn_LDADD = $(QUEUE_WORLD_LA) $(CMOCKA_LIBS) $(NET_LIBS)
tests_unit_test_dsn_SOURCES = tests/unit/test-dsn.c $(QUEUE_WORLD)
tests_unit_test_dsn_LDADD = $(QUEUE_WORLD_LA) $(CMOCKA_LIBS) $(NET_LIBS)
tests_unit_test_maillog_SOURCES = tests/unit/test-maillog.c $(QUEUE_WORLD)
tests_unit_test_maillog_LDADD = $(QUEUE_WORLD_LA) $(CMOCKA_LIBS) $(NET_LIBS)
endif
