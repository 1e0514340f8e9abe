# SPDX-License-Identifier: Apache-2.0
# Manual pages and examples with this build's folders in them.
# [@]: configure would put its own values into the patterns.
SUBSTITUTE = sed -e 's|[@]VERSION[@]|$(PACKAGE_VERSION)|g' \
	-e 's|[@]CONFIG[@]|$(sysconfdir)/impel/impel.yaml|g' \
	-e 's|[@]MODULE_DIR[@]|$(impelmoduledir)|g' \
	-e 's|[@]RUN_DIR[@]|$(runstatedir)/impel|g' \
	-e 's|[@]EXAMPLES[@]|$(examplesdir)|g' \
	-e 's|[@]TEMPLATE[@]|$(examplemoduledir)|g' \
	-e 's|[@]bindir[@]|$(bindir)|g' -e 's|[@]sbindir[@]|$(sbindir)|g' \
	-e 's|[@]sysconfdir[@]|$(sysconfdir)|g' \
	-e 's|[@]localstatedir[@]|$(localstatedir)|g' \
	-e 's|[@]runstatedir[@]|$(runstatedir)|g'

man1_MANS += docs/man/impel-modtest.1
man8_MANS += docs/man/impeld.8
nodist_examples_DATA += etc/impeld.service etc/impeld.logrotate
EXTRA_DIST += docs/man/impel-modtest.1.in docs/man/impeld.8.in \
	etc/impel.yaml.in etc/impeld.service.in \
	etc/impeld.logrotate.in
MADE_PAGES = docs/man/impel-modtest.1 docs/man/impeld.8 etc/impel.yaml \
	etc/impeld.service etc/impeld.logrotate
CLEANFILES += $(MADE_PAGES)

docs/man/impel-modtest.1: docs/man/impel-modtest.1.in
docs/man/impeld.8: docs/man/impeld.8.in
etc/impel.yaml: etc/impel.yaml.in
etc/impeld.service: etc/impeld.service.in
etc/impeld.logrotate: etc/impeld.logrotate.in
$(MADE_PAGES): Makefile
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(SUBSTITUTE) $(srcdir)/$@.in >$@

# Shells find them by these names and folders.
bashcompletiondir = $(datadir)/bash-completion/completions
dist_bashcompletion_DATA = etc/completion/impel etc/completion/impeld
zshcompletiondir = $(datadir)/zsh/site-functions
dist_zshcompletion_DATA = etc/completion/_impel
install-data-local: install-dist_bashcompletionDATA
	cd $(DESTDIR)$(bashcompletiondir) && \
	    ln -sf impeld impel-sendmail && ln -sf impeld impel-modtest
uninstall-local:
	cd $(DESTDIR)$(bashcompletiondir) && rm -f impel-sendmail impel-modtest

# Of these pages a program writes a part, $@.list: the lists of its commands and
# options are what its tables say.
man1_MANS += docs/man/impel-inject.1 docs/man/impel-sendmail.1
man5_MANS = docs/man/impel.yaml.5
man8_MANS += docs/man/impel.8
EXTRA_DIST += docs/man/impel-inject.1.in docs/man/impel-sendmail.1.in \
	docs/man/impel.yaml.5.in docs/man/impel.8.in docs/console.md
CLEANFILES += docs/man/impel-inject.1 docs/man/impel-sendmail.1 \
	docs/man/impel.yaml.5 docs/man/impel.8
PUT_LIST = sed -e '/^@LIST@$$/r $@.list' -e '/^@LIST@$$/d' \
	-e '/^@EXAMPLE@$$/r $@.example' -e '/^@EXAMPLE@$$/d' \
	$(srcdir)/$@.in | $(SUBSTITUTE) >$@.new && \
	rm -f $@.list $@.example && mv $@.new $@

docs/man/impel.8: docs/man/impel.8.in core/prog/impel$(EXEEXT) Makefile
	$(AM_V_GEN)$(MKDIR_P) $(@D) && \
	core/prog/impel$(EXEEXT) help --man >$@.list && $(PUT_LIST)
docs/man/impel-inject.1: docs/man/impel-inject.1.in \
		core/prog/impel$(EXEEXT) Makefile
	$(AM_V_GEN)$(MKDIR_P) $(@D) && \
	core/prog/impel$(EXEEXT) inject --man >$@.list && $(PUT_LIST)
docs/man/impel-sendmail.1: docs/man/impel-sendmail.1.in \
		core/prog/impel-sendmail$(EXEEXT) Makefile
	$(AM_V_GEN)$(MKDIR_P) $(@D) && \
	core/prog/impel-sendmail$(EXEEXT) --man >$@.list && $(PUT_LIST)

# The options of the core and of each module.
OPTION_LAYERS = spool route sts xport tlsin dkim login queue tlsrpt intake auth logs ctl
DESCRIBE = core/prog/impel$(EXEEXT) -M "$$(echo modules/*/.libs | tr ' ' :)" \
	config describe --as=man
docs/man/impel.yaml.5: docs/man/impel.yaml.5.in etc/impel-minimal.yaml \
		core/prog/impel$(EXEEXT) $(impelmodule_LTLIBRARIES) Makefile
	$(AM_V_GEN)$(MKDIR_P) $(@D) && for l in $(OPTION_LAYERS); do \
	    echo ".SS Of the core: $$l"; $(DESCRIBE) $$l || exit; done >$@.list && \
	for m in $(impelmodule_LTLIBRARIES); do m=`basename $$m .la`; \
	    echo ".SS Of the module $$m"; $(DESCRIBE) $$m || exit; done >>$@.list && \
	sed 's/\\/\\e/g; s/-/\\-/g' $(srcdir)/etc/impel-minimal.yaml >$@.example && \
	$(PUT_LIST)

# Prose is added faster than lists of it.
EXTRA_DIST += docs/decisions
dist-hook:
	cp -p $(srcdir)/docs/*.md $(distdir)/docs/
	find $(distdir) -name __pycache__ -prune -exec rm -rf {} +
