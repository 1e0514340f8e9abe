# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += core/base/libbase.a
core_base_libbase_a_SOURCES = \
	core/base/address.c core/base/address.h \
	core/base/arena.c core/base/arena.h \
	core/base/banned.h \
	core/base/base64.c core/base/base64.h \
	core/base/bits.h \
	core/base/budget.c core/base/budget.h \
	core/base/buf.c core/base/buf.h \
	core/base/bug.c core/base/bug.h \
	core/base/cidr.c core/base/cidr.h \
	core/base/clock.c core/base/clock.h \
	core/base/err.c core/base/err.h \
	core/base/heap.c core/base/heap.h \
	core/base/list.h \
	core/base/log.c core/base/log.h \
	core/base/macros.h \
	core/base/magic.h \
	core/base/map.c core/base/map.h \
	core/base/num.c core/base/num.h \
	core/base/secret.c core/base/secret.h \
	core/base/str.c core/base/str.h \
	core/base/sum.h \
	core/base/xmem.c core/base/xmem.h
core_base_libbase_a_CFLAGS = $(AM_CFLAGS) $(STRICT_CFLAGS)
