# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += core/net/libnet.a
core_net_libnet_a_SOURCES = \
	core/net/accept.c core/net/accept.h \
	core/net/conn.c core/net/conn.h core/net/conn_int.h \
	core/net/conn_tls.c \
	core/net/dial.c core/net/dial.h \
	core/net/dns.c core/net/dns.h \
	core/net/dnscache.c core/net/dnscache.h \
	core/net/dnschannel.c core/net/dnschannel.h \
	core/net/dnsparse.c core/net/dnsparse.h core/net/dnswords.c \
	core/net/fetch.c core/net/fetch.h core/net/fetchurl.c \
	core/net/hostaddrs.c core/net/hostaddrs.h \
	core/net/kept.c core/net/kept.h \
	core/net/netaddr.c core/net/netaddr.h \
	core/net/proxyproto.c core/net/proxyproto.h \
	core/net/resolvconf.c core/net/resolvconf.h \
	core/net/sasl.c core/net/sasl.h core/net/saslname.c \
	core/net/tls.c core/net/tls.h \
	core/net/tlsa.c core/net/tlsa.h \
	core/net/tlscache.c core/net/tlscache.h \
	core/net/tlschain.c core/net/tlschain.h \
	core/net/tlsdane.c core/net/tlsdane.h \
	core/net/tlsdemand.c core/net/tlsdemand.h \
	core/net/tlschoice.c core/net/tlschoice.h \
	core/net/tlsfile.c core/net/tlsfile.h \
	core/net/tlsreason.c core/net/tlsreason.h \
	core/net/tlsticket.c core/net/tlsticket.h \
	core/net/tlswords.c core/net/tlswords.h \
	core/net/transfer.c core/net/transfer.h
core_net_libnet_a_CFLAGS = $(AM_CFLAGS) $(STRICT_CFLAGS)
core_net_libnet_a_CPPFLAGS = $(AM_CPPFLAGS) \
	-DPACKAGE_VERSION='"$(PACKAGE_VERSION)"'
if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-netaddr tests/unit/test-conn \
	tests/unit/test-accept tests/unit/test-dnsparse tests/unit/test-dns \
	tests/unit/test-proxyproto tests/unit/test-sasl tests/unit/test-tls \
	tests/unit/test-fetch tests/unit/test-kept
TESTS += tests/unit/test-netaddr tests/unit/test-conn \
	tests/unit/test-accept tests/unit/test-dnsparse tests/unit/test-dns \
	tests/unit/test-proxyproto tests/unit/test-sasl tests/unit/test-tls \
	tests/unit/test-fetch tests/unit/test-kept
tests_unit_test_kept_SOURCES = tests/unit/test-kept.c \
	tests/unit/fake_manager.c tests/unit/fake_manager.h
tests_unit_test_kept_LDADD = core/net/libnet.a core/loop/libloop.a \
	$(BASE_LA) $(CMOCKA_LIBS) $(GNUTLS_LIBS) $(EV_LIBS) $(BASE_LIBS)
tests_unit_test_sasl_SOURCES = tests/unit/test-sasl.c
tests_unit_test_sasl_LDADD = core/net/libnet.a $(BASE_LA) \
	$(CMOCKA_LIBS) $(GSASL_LIBS) $(GNUTLS_LIBS) $(BASE_LIBS)
tests_unit_test_proxyproto_SOURCES = tests/unit/test-proxyproto.c
tests_unit_test_proxyproto_LDADD = core/net/libnet.a $(BASE_LA) \
	$(CMOCKA_LIBS) $(BASE_LIBS)
tests_unit_test_netaddr_SOURCES = tests/unit/test-netaddr.c
tests_unit_test_netaddr_LDADD = core/net/libnet.a $(BASE_LA) \
	$(CMOCKA_LIBS) $(BASE_LIBS)
tests_unit_test_conn_SOURCES = tests/unit/test-conn.c
tests_unit_test_conn_LDADD = core/net/libnet.a core/loop/libloop.a \
	$(BASE_LA) $(CMOCKA_LIBS) $(GNUTLS_LIBS) $(EV_LIBS) $(BASE_LIBS)
tests_unit_test_tls_SOURCES = tests/unit/test-tls.c \
	tests/unit/conn_pair.c tests/unit/conn_pair.h \
	tests/unit/certificates.c tests/unit/certificates.h
tests_unit_test_tls_LDADD = core/net/libnet.a core/loop/libloop.a \
	$(BASE_LA) $(CMOCKA_LIBS) $(GNUTLS_LIBS) $(EV_LIBS) $(BASE_LIBS)
tests_unit_test_fetch_SOURCES = tests/unit/test-fetch.c \
	tests/unit/fake_dns.c tests/unit/fake_dns.h \
	tests/unit/certificates.c tests/unit/certificates.h
tests_unit_test_fetch_LDADD = core/net/libnet.a core/loop/libloop.a \
	$(BASE_LA) $(CMOCKA_LIBS) $(CURL_LIBS) $(GNUTLS_LIBS) $(EV_LIBS) \
	$(BASE_LIBS)
check_PROGRAMS += tests/unit/test-tlsdane
TESTS += tests/unit/test-tlsdane
tests_unit_test_tlsdane_SOURCES = tests/unit/test-tlsdane.c \
	tests/unit/conn_pair.c tests/unit/conn_pair.h \
	tests/unit/certificates.c tests/unit/certificates.h
tests_unit_test_tlsdane_LDADD = core/net/libnet.a core/loop/libloop.a \
	$(BASE_LA) $(CMOCKA_LIBS) $(GNUTLS_LIBS) $(EV_LIBS) $(BASE_LIBS)
tests_unit_test_accept_SOURCES = tests/unit/test-accept.c
tests_unit_test_accept_LDADD = core/net/libnet.a core/loop/libloop.a \
	$(BASE_LA) $(CMOCKA_LIBS) $(GNUTLS_LIBS) $(EV_LIBS) $(BASE_LIBS)
tests_unit_test_dnsparse_SOURCES = tests/unit/test-dnsparse.c tests/unit/dns_wire.h
tests_unit_test_dnsparse_LDADD = core/net/libnet.a $(BASE_LA) \
	$(CMOCKA_LIBS) $(BASE_LIBS)
tests_unit_test_dns_SOURCES = tests/unit/test-dns.c tests/unit/dns_wire.h
tests_unit_test_dns_LDADD = core/net/libnet.a core/loop/libloop.a \
	$(BASE_LA) $(CMOCKA_LIBS) $(CARES_LIBS) $(IDN2_LIBS) $(EV_LIBS) \
	$(BASE_LIBS)
endif

# What name servers say; FUZZ_MAIN and FUZZ_LINK are those of modules/lib.
TESTS += tests/fuzz/fuzz-dns tests/fuzz/fuzz-proxyproto tests/fuzz/fuzz-tlsa
check_PROGRAMS += tests/fuzz/fuzz-dns tests/fuzz/fuzz-proxyproto \
	tests/fuzz/fuzz-tlsa
tests_fuzz_fuzz_tlsa_SOURCES = tests/fuzz/fuzz-tlsa.c $(FUZZ_MAIN)
tests_fuzz_fuzz_tlsa_CPPFLAGS = $(AM_CPPFLAGS) \
	-DFUZZ_CORPUS='"$(top_srcdir)/tests/fuzz/corpus/tlsa"'
tests_fuzz_fuzz_tlsa_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_tlsa_LDADD = core/net/libnet.a $(BASE_LA) $(GNUTLS_LIBS) \
	$(BASE_LIBS)
tests_fuzz_fuzz_proxyproto_SOURCES = tests/fuzz/fuzz-proxyproto.c $(FUZZ_MAIN)
tests_fuzz_fuzz_proxyproto_CPPFLAGS = $(AM_CPPFLAGS) \
	-DFUZZ_CORPUS='"$(top_srcdir)/tests/fuzz/corpus/proxyproto"'
tests_fuzz_fuzz_proxyproto_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_proxyproto_LDADD = core/net/libnet.a $(BASE_LA) $(BASE_LIBS)
tests_fuzz_fuzz_dns_SOURCES = tests/fuzz/fuzz-dns.c $(FUZZ_MAIN)
tests_fuzz_fuzz_dns_CPPFLAGS = $(AM_CPPFLAGS) \
	-DFUZZ_CORPUS='"$(top_srcdir)/tests/fuzz/corpus/dns"'
tests_fuzz_fuzz_dns_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_dns_LDADD = core/net/libnet.a $(BASE_LA) $(BASE_LIBS)
