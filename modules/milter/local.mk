# SPDX-License-Identifier: Apache-2.0
# milter.so: filters by the milter protocol.
noinst_LTLIBRARIES += modules/milter/libpacket.la
modules_milter_libpacket_la_SOURCES = modules/milter/packet.c \
	modules/milter/packet.h
modules_milter_libpacket_la_CPPFLAGS = $(MODULE_CPP)
modules_milter_libpacket_la_CFLAGS = $(MODULE_CC) $(STRICT_CFLAGS)

impelmodule_LTLIBRARIES += modules/milter/milter.la
modules_milter_milter_la_SOURCES = \
	modules/milter/macro.c modules/milter/macro.h \
	modules/milter/milter.c modules/milter/milter.h \
	modules/milter/put.c modules/milter/said.c \
	modules/milter/talk.c modules/milter/talk.h \
	modules/milter/target.c
modules_milter_milter_la_CPPFLAGS = $(MODULE_CPP)
modules_milter_milter_la_CFLAGS = $(MODULE_CC)
modules_milter_milter_la_LDFLAGS = $(MODULE_LD)
modules_milter_milter_la_LIBADD = modules/milter/libpacket.la
