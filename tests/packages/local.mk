# SPDX-License-Identifier: Apache-2.0
# Debian's packages, from what `make dist` makes, into deb/.
EXTRA_DIST += debian tests/packages/check-packages tests/packages/cleanroot \
	tests/packages/inside.py

dist_check_SCRIPTS += tests/packages/lists.test
TESTS += tests/packages/lists.test

.PHONY: deb check-packages

# `make deb DEB_NOCHECK=` builds them with their tests, as a build daemon does.
DEB_NOCHECK = nocheck

deb: dist
	rm -rf deb && $(MKDIR_P) deb
	cd deb && tar -xf ../$(distdir).tar.xz && mv $(distdir)/debian . && \
	    tar -cJf $(PACKAGE)_$(VERSION).orig.tar.xz $(distdir) && \
	    mv debian $(distdir)
	cd deb/$(distdir) && unset MAKEFLAGS MAKELEVEL MFLAGS && \
	    DEB_BUILD_PROFILES="$(DEB_NOCHECK)" \
	    DEB_BUILD_OPTIONS="$(DEB_NOCHECK) parallel=`getconf _NPROCESSORS_ONLN`" \
	    dpkg-buildpackage -us -uc

# Wants root and a mirror, and takes some minutes: no part of check.
check-packages:
	$(MAKE) deb DEB_NOCHECK=
	srcdir=$(abs_srcdir) builddir=$(abs_builddir) \
	    $(SHELL) $(srcdir)/tests/packages/check-packages deb
