# SPDX-License-Identifier: Apache-2.0
# apn.so: notifications to devices of Apple.
impelmodule_LTLIBRARIES += modules/apn/apn.la
modules_apn_apn_la_SOURCES = \
	modules/apn/apn.c modules/apn/apn.h \
	modules/apn/binary.c modules/apn/binary.h \
	modules/apn/http.c \
	modules/apn/notice.c modules/apn/notice.h \
	modules/apn/provider.c modules/apn/provider.h \
	modules/apn/reason.c modules/apn/reason.h \
	modules/apn/session.c modules/apn/session.h
modules_apn_apn_la_CPPFLAGS = $(MODULE_CPP) -I$(top_srcdir)/modules/apn
modules_apn_apn_la_CFLAGS = $(MODULE_CC) $(STRICT_CFLAGS) $(GNUTLS_CFLAGS) \
	$(JANSSON_CFLAGS)
modules_apn_apn_la_LDFLAGS = $(MODULE_LD)
modules_apn_apn_la_LIBADD = modules/lib/libh2.la modules/lib/libpush.la \
	modules/lib/libmodule.la \
	$(GNUTLS_LIBS) $(JANSSON_LIBS)
EXTRA_DIST += modules/apn/apn.md
