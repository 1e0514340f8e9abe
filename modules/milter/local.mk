# SPDX-License-Identifier: Apache-2.0
# milter.so: filters by the milter protocol.
noinst_LTLIBRARIES += modules/milter/libpacket.la
modules_milter_libpacket_la_SOURCES = modules/milter/packet.c \
	modules/milter/packet.h
modules_milter_libpacket_la_CPPFLAGS = $(MODULE_CPP)
modules_milter_libpacket_la_CFLAGS = $(MODULE_CC) $(STRICT_CFLAGS)

# All of it but the descriptor, for the module and for tests.
noinst_LTLIBRARIES += modules/milter/libtalk.la
modules_milter_libtalk_la_SOURCES = \
	modules/milter/macro.c modules/milter/macro.h \
	modules/milter/milter.h \
	modules/milter/put.c modules/milter/said.c \
	modules/milter/talk.c modules/milter/talk.h \
	modules/milter/target.c
modules_milter_libtalk_la_CPPFLAGS = $(MODULE_CPP)
modules_milter_libtalk_la_CFLAGS = $(MODULE_CC)
modules_milter_libtalk_la_LIBADD = modules/milter/libpacket.la \
	modules/lib/libmodule.la

impelmodule_LTLIBRARIES += modules/milter/milter.la
modules_milter_milter_la_SOURCES = modules/milter/milter.c
modules_milter_milter_la_CPPFLAGS = $(MODULE_CPP)
modules_milter_milter_la_CFLAGS = $(MODULE_CC)
modules_milter_milter_la_LDFLAGS = $(MODULE_LD)
modules_milter_milter_la_LIBADD = modules/milter/libtalk.la

# Packets of a filter, and whole conversations: FUZZ_MAIN and FUZZ_LINK are
# those of modules/lib.
check_PROGRAMS += tests/fuzz/fuzz-milter tests/fuzz/fuzz-talk
if !FUZZ
TESTS += tests/fuzz/fuzz-milter tests/fuzz/fuzz-talk
endif
tests_fuzz_fuzz_milter_SOURCES = tests/fuzz/fuzz-milter.c $(FUZZ_MAIN)
tests_fuzz_fuzz_milter_CPPFLAGS = $(MODULE_CPP) -I$(top_srcdir)/modules/milter \
	-DFUZZ_CORPUS='"$(top_srcdir)/tests/fuzz/corpus/milter"'
tests_fuzz_fuzz_milter_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_milter_LDADD = modules/milter/libpacket.la
tests_fuzz_fuzz_talk_SOURCES = tests/fuzz/fuzz-talk.c $(FUZZ_MAIN)
tests_fuzz_fuzz_talk_CPPFLAGS = $(MODULE_CPP) -I$(top_srcdir)/modules/milter \
	-I$(top_srcdir)/modules/lib \
	-DFUZZ_CORPUS='"$(top_srcdir)/tests/fuzz/corpus/talk"'
tests_fuzz_fuzz_talk_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_talk_LDADD = modules/milter/libtalk.la

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-packet tests/unit/test-target
TESTS += tests/unit/test-packet tests/unit/test-target
tests_unit_test_target_SOURCES = tests/unit/test-target.c
tests_unit_test_target_CPPFLAGS = $(tests_unit_test_packet_CPPFLAGS)
tests_unit_test_target_LDADD = modules/milter/libtalk.la $(CMOCKA_LIBS)
tests_unit_test_packet_SOURCES = tests/unit/test-packet.c
tests_unit_test_packet_CPPFLAGS = $(MODULE_CPP) -I$(top_srcdir)/modules/milter
tests_unit_test_packet_LDADD = modules/milter/libpacket.la $(CMOCKA_LIBS)
endif
