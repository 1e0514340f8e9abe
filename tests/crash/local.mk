# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += tests/crash

.PHONY: crash check-crash
# make crash CRASH="--seed 7 --cases 2000 --kinds kill"; "--help" tells the rest
crash: all
	srcdir=$(abs_srcdir) builddir=$(abs_builddir) \
	    $(srcdir)/tests/crash/run $(CRASH)

# A few of the same cases, for `make check`.
check-crash: all
	srcdir=$(abs_srcdir) builddir=$(abs_builddir) \
	    $(srcdir)/tests/crash/run --cases 30
