# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += tests/crash

CRASH_NEEDS = all tests/shim/shim.la tests/shim/record.la

.PHONY: crash check-crash
# make crash CRASH="--seed 7 --cases 2000 --kinds kill"; "--help" tells the rest
crash: $(CRASH_NEEDS)
	srcdir=$(abs_srcdir) builddir=$(abs_builddir) \
	    $(srcdir)/tests/crash/run $(CRASH)

# A few of the same cases, for `make check`.
check-crash: $(CRASH_NEEDS)
	srcdir=$(abs_srcdir) builddir=$(abs_builddir) \
	    $(srcdir)/tests/crash/run --cases 30

noinst_PROGRAMS += tests/crash/cache
tests_crash_cache_SOURCES = tests/crash/cache.c
