# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += build-aux/layers build-aux/check-archive build-aux/check-docs \
	build-aux/check-layers build-aux/check-options build-aux/check-style \
	tests/demo tests/golden tests/nodemailer tests/scenario \
	tests/tsan.supp

# What `make check` runs besides TESTS: rules of the tree, the unit and kit
# tests once more under the sanitizers, and the scenarios against real peers.
CHECK_PARTS = check-complete check-tree check-scenario check-sanitized \
	check-crash
check-local: $(CHECK_PARTS)

# distcheck without the quarter of an hour of its `make check`: what is in the
# archive, builds from a folder that cannot be written, installs, and goes
# without a trace.
NO_CHECK = CHECK_PARTS= TESTS= check_PROGRAMS= check_LTLIBRARIES=
distcheck-build:
	$(MAKE) distcheck AM_MAKEFLAGS='$(NO_CHECK)'
distcheck-hook:
	$(SHELL) $(srcdir)/build-aux/check-archive $(srcdir) $(distdir)

.PHONY: distcheck-build check-complete check-tree check-scenario \
	check-sanitized check-asan check-tsan check-long \
	check-nodemailer check-programs demo

# No unit tests at all is not "all unit tests passed".
check-complete:
if !HAVE_CMOCKA
	@echo "configure found no cmocka: the unit tests are missing"; exit 1
endif

# What scenarios and demo leave, and what they fetched.
clean-local:
	rm -rf scenario demo
	-test ! -f sanitized/Makefile || $(MAKE) -C sanitized clean
	-test ! -f tsan/Makefile || $(MAKE) -C tsan clean
distclean-local:
	rm -rf sanitized tsan fuzzing peers nodemailer

check-tree:
	$(SHELL) $(srcdir)/build-aux/check-layers $(srcdir)
	$(SHELL) $(srcdir)/build-aux/check-style $(srcdir)
	python3 $(srcdir)/build-aux/check-docs $(srcdir)
	$(SHELL) $(srcdir)/build-aux/check-options $(srcdir)

# A build of its own beside this one; its `make check` is only TESTS.
check-sanitized:
if SANITIZED
	@:
else
	test -f sanitized/config.status || { $(MKDIR_P) sanitized && \
	    cd sanitized && \
	    $(abs_srcdir)/configure -q --enable-asan CFLAGS='-g -O1'; }
	$(MAKE) -C sanitized check-programs
endif

# all-am, not all: that is a make of its own, and two at once in a folder build
# things twice, the second time while the first are in use.
check-programs: all-am $(check_PROGRAMS) $(check_LTLIBRARIES)
	$(MAKE) check-TESTS

# SCENARIOS: arguments of pytest.
check-scenario: all-am tests/kit/standin/lmtp.la tests/shim/shim.la \
	tests/shim/record.la tests/abi/mod-blocks.la tests/abi/mod-crashes.la \
	tests/abi/mod-forgets.la tests/abi/mod-twice.la
	srcdir=$(abs_srcdir) builddir=$(abs_builddir) \
	    $(SHELL) $(srcdir)/tests/scenario/run $(SCENARIOS)

# The scenarios with a sanitizer in the whole daemon, in builds of their own.
# What it reports fails the test that it comes from.
check-asan check-tsan:
	$(SHELL) $(srcdir)/tests/scenario/fetch-peers $(abs_builddir)/peers
	how=$@; how=$${how#check-}; in=$$how; \
	test $$how = tsan || in=sanitized; \
	test -f $$in/config.status || { $(MKDIR_P) $$in && cd $$in && \
	    $(abs_srcdir)/configure -q --enable-$$how CFLAGS='-g -O1' && \
	    cd ..; } && \
	ln -sfn ../peers $$in/peers && \
	TSAN_OPTIONS=halt_on_error=0:suppressions=$(abs_srcdir)/tests/tsan.supp \
	UBSAN_OPTIONS=print_stacktrace=1 IMPEL_PATIENCE=5 \
	    $(MAKE) -C $$in check-scenario

check-long: check
	srcdir=$(abs_srcdir) builddir=$(abs_builddir) IMPEL_LONG=1 \
	    $(SHELL) $(srcdir)/tests/scenario/run

# It wants node, npm and a registry, so it is no part of check.
check-nodemailer: all-am
	srcdir=$(abs_srcdir) builddir=$(abs_builddir) \
	    $(SHELL) $(srcdir)/tests/nodemailer/run

demo: all-am
	srcdir=$(abs_srcdir) builddir=$(abs_builddir) \
	    $(SHELL) $(srcdir)/tests/demo/run
