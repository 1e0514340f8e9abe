# SPDX-License-Identifier: Apache-2.0
# Between the daemon and the file system, by LD_PRELOAD.  Never installed.
# Without sanitizers: these call it before they can do their own work, and it
# is loaded into programs that have none.
SHIM_CC = -std=c11 $(WARN_CFLAGS) -fno-common -fstack-protector-strong
SHIM_LD = -module -avoid-version -shared -rpath /nonexistent
check_LTLIBRARIES += tests/shim/shim.la
tests_shim_shim_la_SOURCES = tests/shim/shim.c tests/shim/rules.c \
	tests/shim/rules.h
tests_shim_shim_la_CPPFLAGS = -D_GNU_SOURCE -U_FORTIFY_SOURCE
tests_shim_shim_la_CFLAGS = $(SHIM_CC)
tests_shim_shim_la_LDFLAGS = $(SHIM_LD)
tests_shim_shim_la_LIBADD = -ldl -lpthread
EXTRA_DIST += tests/shim/shim.py

# What was written, synced and renamed, in order (record.c).
check_LTLIBRARIES += tests/shim/record.la
tests_shim_record_la_SOURCES = tests/shim/record.c
tests_shim_record_la_CPPFLAGS = -D_GNU_SOURCE -U_FORTIFY_SOURCE
tests_shim_record_la_CFLAGS = $(SHIM_CC)
tests_shim_record_la_LDFLAGS = $(SHIM_LD)
tests_shim_record_la_LIBADD = -ldl -lpthread
