# SPDX-License-Identifier: Apache-2.0
impelmodule_LTLIBRARIES += modules/null/null.la
modules_null_null_la_SOURCES = modules/null/null.c
modules_null_null_la_CPPFLAGS = $(MODULE_CPP)
modules_null_null_la_CFLAGS = $(MODULE_CC)
modules_null_null_la_LDFLAGS = $(MODULE_LD)
