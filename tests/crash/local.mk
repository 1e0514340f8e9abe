# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += tests/crash/run tests/crash/cache.py tests/crash/disk.py \
	tests/crash/faults.py tests/crash/invariant.py tests/crash/kill.py \
	tests/crash/power.py tests/crash/record.py tests/crash/world.py

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
