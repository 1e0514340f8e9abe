# SPDX-License-Identifier: Apache-2.0
# esmtp.so: SMTP out and in.  All but the descriptor is a library of its own,
# so that unit tests can link it without loading anything.
noinst_LTLIBRARIES += modules/esmtp/libesmtp.la
modules_esmtp_libesmtp_la_SOURCES = \
	modules/esmtp/client.c modules/esmtp/client.h \
	modules/esmtp/deadline.h modules/esmtp/esmtp.h \
	modules/esmtp/newline.c modules/esmtp/newline.h \
	modules/esmtp/options.c modules/esmtp/options.h \
	modules/esmtp/outcome.c modules/esmtp/outcome.h \
	modules/esmtp/pipeline.c \
	modules/esmtp/server.c modules/esmtp/server.h \
	modules/esmtp/server_command.c modules/esmtp/server_data.c \
	modules/esmtp/wording.c modules/esmtp/wording.h
modules_esmtp_libesmtp_la_CPPFLAGS = $(MODULE_CPP)
modules_esmtp_libesmtp_la_CFLAGS = $(MODULE_CC)
modules_esmtp_libesmtp_la_LIBADD = modules/lib/libmodule.la

impelmodule_LTLIBRARIES += modules/esmtp/esmtp.la
modules_esmtp_esmtp_la_SOURCES = modules/esmtp/esmtp.c
modules_esmtp_esmtp_la_CPPFLAGS = $(MODULE_CPP)
modules_esmtp_esmtp_la_CFLAGS = $(MODULE_CC)
modules_esmtp_esmtp_la_LDFLAGS = $(MODULE_LD)
modules_esmtp_esmtp_la_LIBADD = modules/esmtp/libesmtp.la
