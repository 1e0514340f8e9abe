# SPDX-License-Identifier: Apache-2.0
# The kit of those who write a module outside of this tree: what finds the
# header, the macro of configure.ac, and a module to begin with.
nodist_pkgconfig_DATA = lib/module/impel-module.pc
aclocaldir = $(datadir)/aclocal
dist_aclocal_DATA = lib/module/impel.m4
examplemoduledir = $(pkgdatadir)/example-module
dist_examplemodule_DATA = \
	lib/module/example/Makefile.am \
	lib/module/example/Makefile.plain \
	lib/module/example/README.md \
	lib/module/example/configure.ac \
	lib/module/example/gitignore.autotools \
	lib/module/example/gitignore.plain \
	lib/module/example/mymodule.c
examplekitdir = $(examplemoduledir)/kit
dist_examplekit_DATA = \
	lib/module/example/kit/away.kit \
	lib/module/example/kit/garbage.kit \
	lib/module/example/kit/idle.kit \
	lib/module/example/kit/needs.kit \
	lib/module/example/kit/plain.kit \
	lib/module/example/kit/refused.kit \
	lib/module/example/kit/silent.kit
