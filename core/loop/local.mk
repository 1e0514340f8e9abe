# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += core/loop/libloop.a
core_loop_libloop_a_SOURCES = \
	core/loop/defer.c core/loop/defer.h \
	core/loop/job.c core/loop/job.h \
	core/loop/logfile.c core/loop/logfile.h \
	core/loop/loop.c core/loop/loop.h core/loop/loop_int.h \
	core/loop/mailbox.c core/loop/mailbox.h \
	core/loop/pool.c core/loop/pool.h \
	core/loop/slow.c core/loop/slow.h \
	core/loop/thread.c core/loop/thread.h \
	core/loop/timer.c core/loop/timer.h \
	core/loop/watch.c core/loop/watch.h
core_loop_libloop_a_CFLAGS = $(AM_CFLAGS)

if HAVE_CMOCKA
loop_tests = \
	tests/unit/test-defer \
	tests/unit/test-job \
	tests/unit/test-logfile \
	tests/unit/test-mailbox \
	tests/unit/test-pool \
	tests/unit/test-timer
check_PROGRAMS += $(loop_tests)
TESTS += $(loop_tests)
loop_test_libs = core/loop/libloop.a $(BASE_LA) $(CMOCKA_LIBS) $(EV_LIBS) \
	$(BASE_LIBS)
tests_unit_test_defer_SOURCES = tests/unit/test-defer.c
tests_unit_test_defer_LDADD = $(loop_test_libs)
tests_unit_test_job_SOURCES = tests/unit/test-job.c
tests_unit_test_job_LDADD = $(loop_test_libs)
tests_unit_test_logfile_SOURCES = tests/unit/test-logfile.c
tests_unit_test_logfile_LDADD = $(loop_test_libs)
tests_unit_test_mailbox_SOURCES = tests/unit/test-mailbox.c
tests_unit_test_mailbox_LDADD = $(loop_test_libs)
tests_unit_test_pool_SOURCES = tests/unit/test-pool.c
tests_unit_test_pool_LDADD = $(loop_test_libs)
tests_unit_test_timer_SOURCES = tests/unit/test-timer.c
tests_unit_test_timer_LDADD = $(loop_test_libs)
endif
