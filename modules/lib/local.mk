# SPDX-License-Identifier: Apache-2.0
# What modules share: protocol text in and out, over <impel/module.h> alone.
noinst_LTLIBRARIES += modules/lib/libmodule.la
modules_lib_libmodule_la_SOURCES = \
	modules/lib/capability.c modules/lib/capability.h \
	modules/lib/line.c modules/lib/line.h \
	modules/lib/out.c modules/lib/out.h \
	modules/lib/reply.c modules/lib/reply.h \
	modules/lib/verb.c modules/lib/verb.h
modules_lib_libmodule_la_CPPFLAGS = $(MODULE_CPP)
modules_lib_libmodule_la_CFLAGS = $(MODULE_CC) $(STRICT_CFLAGS)
