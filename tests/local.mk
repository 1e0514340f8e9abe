# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += build-aux/layers build-aux/check-layers build-aux/check-style \
	build-aux/check-docs build-aux/check-options tests/demo tests/nodemailer \
	tests/scenario

# What `make check` runs besides TESTS: rules of the tree, the unit and kit
# tests once more under the sanitizers, and the scenarios against real peers.
check-local: check-complete check-tree check-scenario check-sanitized check-crash

.PHONY: check-complete check-tree check-scenario check-sanitized check-long \
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
distclean-local:
	rm -rf sanitized fuzzing peers nodemailer

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

check-programs: $(check_PROGRAMS) $(check_LTLIBRARIES) all
	$(MAKE) check-TESTS

check-scenario: all tests/kit/standin/lmtp.la tests/shim/shim.la \
	tests/shim/record.la
	srcdir=$(abs_srcdir) builddir=$(abs_builddir) \
	    $(SHELL) $(srcdir)/tests/scenario/run

check-long: check
	srcdir=$(abs_srcdir) builddir=$(abs_builddir) IMPEL_LONG=1 \
	    $(SHELL) $(srcdir)/tests/scenario/run

# It wants node, npm and a registry, so it is no part of check.
check-nodemailer: all
	srcdir=$(abs_srcdir) builddir=$(abs_builddir) \
	    $(SHELL) $(srcdir)/tests/nodemailer/run

demo: all
	srcdir=$(abs_srcdir) builddir=$(abs_builddir) \
	    $(SHELL) $(srcdir)/tests/demo/run
