# SPDX-License-Identifier: Apache-2.0
# lmtp.so: LMTP out and in.  All but the descriptor is in modules/lib.
impelmodule_LTLIBRARIES += modules/lmtp/lmtp.la
modules_lmtp_lmtp_la_SOURCES = modules/lmtp/lmtp.c
modules_lmtp_lmtp_la_CPPFLAGS = $(MODULE_CPP)
modules_lmtp_lmtp_la_CFLAGS = $(MODULE_CC)
modules_lmtp_lmtp_la_LDFLAGS = $(MODULE_LD)
modules_lmtp_lmtp_la_LIBADD = modules/lib/libdialogue.la
