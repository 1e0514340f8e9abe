# SPDX-License-Identifier: Apache-2.0
# Between the daemon and the file system, by LD_PRELOAD.  Never installed.
check_LTLIBRARIES += tests/shim/shim.la
tests_shim_shim_la_SOURCES = tests/shim/shim.c tests/shim/rules.c \
	tests/shim/rules.h
tests_shim_shim_la_CPPFLAGS = -D_GNU_SOURCE -U_FORTIFY_SOURCE
tests_shim_shim_la_CFLAGS = $(AM_CFLAGS)
tests_shim_shim_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared \
	-rpath /nonexistent
tests_shim_shim_la_LIBADD = -ldl -lpthread
EXTRA_DIST += tests/shim/shim.py

# What was written, synced and renamed, in order (record.c).
check_LTLIBRARIES += tests/shim/record.la
tests_shim_record_la_SOURCES = tests/shim/record.c
tests_shim_record_la_CPPFLAGS = -D_GNU_SOURCE -U_FORTIFY_SOURCE
tests_shim_record_la_CFLAGS = $(AM_CFLAGS)
tests_shim_record_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared \
	-rpath /nonexistent
tests_shim_record_la_LIBADD = -ldl -lpthread
