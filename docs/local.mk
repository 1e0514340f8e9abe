# SPDX-License-Identifier: Apache-2.0
# Manual pages and examples with this build's folders in them.  docs/man/impel.8
# is made where the program is, in core/prog/local.mk.
# [@]: configure would put its own values into the patterns.
SUBSTITUTE = sed -e 's|[@]VERSION[@]|$(PACKAGE_VERSION)|g' \
	-e 's|[@]CONFIG[@]|$(sysconfdir)/impel/impel.yaml|g' \
	-e 's|[@]MODULE_DIR[@]|$(impelmoduledir)|g' \
	-e 's|[@]RUN_DIR[@]|$(runstatedir)/impel|g' \
	-e 's|[@]EXAMPLES[@]|$(examplesdir)|g' \
	-e 's|[@]bindir[@]|$(bindir)|g' -e 's|[@]sbindir[@]|$(sbindir)|g' \
	-e 's|[@]sysconfdir[@]|$(sysconfdir)|g' \
	-e 's|[@]localstatedir[@]|$(localstatedir)|g' \
	-e 's|[@]runstatedir[@]|$(runstatedir)|g'

man1_MANS += docs/man/impel-modtest.1
man5_MANS = docs/man/impel.yaml.5
man8_MANS += docs/man/impeld.8
nodist_examples_DATA += etc/impeld.service etc/impeld.logrotate
EXTRA_DIST += docs/man/impel-modtest.1.in docs/man/impel.yaml.5.in \
	docs/man/impeld.8.in etc/impel.yaml.in etc/impeld.service.in \
	etc/impeld.logrotate.in
MADE_PAGES = docs/man/impel-modtest.1 docs/man/impeld.8 etc/impel.yaml \
	etc/impeld.service etc/impeld.logrotate
CLEANFILES += $(MADE_PAGES) docs/man/impel.yaml.5

docs/man/impel-modtest.1: docs/man/impel-modtest.1.in
docs/man/impeld.8: docs/man/impeld.8.in
etc/impel.yaml: etc/impel.yaml.in
etc/impeld.service: etc/impeld.service.in
etc/impeld.logrotate: etc/impeld.logrotate.in
$(MADE_PAGES): Makefile
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(SUBSTITUTE) $(srcdir)/$@.in >$@

# The options are what the tables of the core and of the modules say.
OPTION_LAYERS = spool route sts xport tlsin dkim login queue tlsrpt intake auth logs ctl
DESCRIBE = core/prog/impel$(EXEEXT) \
	-M modules/apn/.libs:modules/ecstream/.libs:modules/esmtp/.libs:modules/lmtp/.libs:modules/milter/.libs:modules/mm7/.libs:modules/null/.libs config describe --as=man
docs/man/impel.yaml.5: docs/man/impel.yaml.5.in etc/impel-minimal.yaml \
		core/prog/impel$(EXEEXT) $(impelmodule_LTLIBRARIES) Makefile
	$(AM_V_GEN)$(MKDIR_P) docs/man && for l in $(OPTION_LAYERS); do \
	    echo ".SS Of the core: $$l"; $(DESCRIBE) $$l || exit; done >$@.list && \
	for m in $(impelmodule_LTLIBRARIES); do m=`basename $$m .la`; \
	    echo ".SS Of the module $$m"; $(DESCRIBE) $$m || exit; done >>$@.list && \
	sed 's/\\/\\e/g; s/-/\\-/g' $(srcdir)/etc/impel-minimal.yaml >$@.example && \
	sed -e '/^@OPTIONS@$$/r $@.list' -e '/^@OPTIONS@$$/d' \
	    -e '/^@EXAMPLE@$$/r $@.example' -e '/^@EXAMPLE@$$/d' \
	    $(srcdir)/docs/man/impel.yaml.5.in | $(SUBSTITUTE) >$@.new && \
	rm -f $@.list $@.example && mv $@.new $@

# Prose is added faster than lists of it.
EXTRA_DIST += docs/decisions
dist-hook:
	cp -p $(srcdir)/docs/*.md $(distdir)/docs/
	find $(distdir) -name __pycache__ -prune -exec rm -rf {} +
