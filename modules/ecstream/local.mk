# SPDX-License-Identifier: Apache-2.0
# ecstream.so: ECSTREAM out and in (docs/ecstream.md).
impelmodule_LTLIBRARIES += modules/ecstream/ecstream.la
modules_ecstream_ecstream_la_SOURCES = \
	modules/ecstream/client.c modules/ecstream/client.h \
	modules/ecstream/ecstream.c modules/ecstream/ecstream.h \
	modules/ecstream/flying.c \
	modules/ecstream/frame.c modules/ecstream/frame.h \
	modules/ecstream/receipt.c \
	modules/ecstream/sending.c \
	modules/ecstream/server.c modules/ecstream/server.h \
	modules/ecstream/tags.c modules/ecstream/tags.h
modules_ecstream_ecstream_la_CPPFLAGS = $(MODULE_CPP)
modules_ecstream_ecstream_la_CFLAGS = $(MODULE_CC)
modules_ecstream_ecstream_la_LDFLAGS = $(MODULE_LD)
EXTRA_DIST += modules/ecstream/ecstream.py
