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
