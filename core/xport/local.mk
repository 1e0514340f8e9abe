# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += core/xport/libxport.a
core_xport_libxport_a_SOURCES = \
	core/xport/batch.c core/xport/batch.h \
	core/xport/body.c \
	core/xport/hostapi.c core/xport/hostapi.h \
	core/xport/inbound.c \
	core/xport/instance.c core/xport/instance.h \
	core/xport/lent.c \
	core/xport/link.c \
	core/xport/outbound.c \
	core/xport/pump.c \
	core/xport/registry.h \
	core/xport/result.c core/xport/result.h \
	core/xport/session.c core/xport/session.h core/xport/session_int.h \
	core/xport/token.c \
	core/xport/xport_options.c core/xport/xport_options.h
