# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += core/net/libnet.a
core_net_libnet_a_SOURCES = \
	core/net/accept.c core/net/accept.h \
	core/net/conn.c core/net/conn.h \
	core/net/dial.c core/net/dial.h \
	core/net/dns.h \
	core/net/netaddr.c core/net/netaddr.h
core_net_libnet_a_CFLAGS = $(AM_CFLAGS) $(STRICT_CFLAGS)
if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-netaddr tests/unit/test-conn \
	tests/unit/test-accept
TESTS += tests/unit/test-netaddr tests/unit/test-conn \
	tests/unit/test-accept
tests_unit_test_netaddr_SOURCES = tests/unit/test-netaddr.c
tests_unit_test_netaddr_LDADD = core/net/libnet.a $(BASE_LA) \
	$(CMOCKA_LIBS) $(BASE_LIBS)
tests_unit_test_conn_SOURCES = tests/unit/test-conn.c
tests_unit_test_conn_LDADD = core/net/libnet.a core/loop/libloop.a \
	$(BASE_LA) $(CMOCKA_LIBS) $(EV_LIBS) $(BASE_LIBS)
tests_unit_test_accept_SOURCES = tests/unit/test-accept.c
tests_unit_test_accept_LDADD = core/net/libnet.a core/loop/libloop.a \
	$(BASE_LA) $(CMOCKA_LIBS) $(EV_LIBS) $(BASE_LIBS)
endif
