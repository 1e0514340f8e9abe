/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "dns_wire.h"
#include "net/dnsparse.h"

enum { OK = 0x8180, NX = 0x8183, CNAME = 5, NS = 2 };

static struct arena *arena;
static struct buf msg;

static struct dns_answer
parse(const char *name, enum dns_type t)
{
    struct dns_answer a;

    arena_free(&arena);
    arena = arena_new(64);
    dnsparse_answer(buf_get(&msg), str_of(name), t, arena, &a);
    return a;
}

static void
test_addresses(void **state)
{
    struct dns_answer a;

    (void)state;
    wire_begin(&msg, 1, OK | 0x20, 3, 0, "h.example", DNS_A);
    wire_rr(&msg, "H.Example", DNS_A, 300, "\12\0\0\1", 4);
    wire_rr(&msg, "h.example", DNS_A, 100, "\12\0\0\2", 4);
    wire_rr(&msg, "other.example", DNS_A, 1, "\12\0\0\3", 4);
    a = parse("h.example", DNS_A);
    assert_int_equal(a.status, DNS_OK);
    assert_int_equal(a.count, 2);
    assert_int_equal(a.ttl, 100);
    assert_true(a.authenticated);
    assert_int_equal(a.record[0].ttl, 300);
    assert_int_equal(a.record[0].ip.family, 4);
    assert_memory_equal(a.record[1].ip.addr, "\12\0\0\2", 4);

    wire_begin(&msg, 1, OK, 2, 0, "h.example", DNS_AAAA);
    wire_rr(&msg, "h.example", DNS_AAAA, 300,
        "\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\1", 16);
    wire_rr(&msg, "h.example", DNS_AAAA, 300, /* ::ffff:127.0.0.1 */
        "\0\0\0\0\0\0\0\0\0\0\377\377\177\0\0\1", 16);
    a = parse("h.example", DNS_AAAA);
    assert_int_equal(a.count, 1);
    assert_false(a.authenticated);
}

static void
test_mx_through_cname(void **state)
{
    struct dns_answer a;

    (void)state;
    wire_begin(&msg, 1, OK, 4, 0, "d.example", DNS_MX);
    wire_rr_name(&msg, "b.example", DNS_MX, 500, 10, "MX1.Example");
    wire_rr_name(&msg, "a.example", CNAME, 60, -1, "b.example");
    wire_rr_name(&msg, "d.example", CNAME, 70, -1, "a.example");
    wire_rr_name(&msg, "b.example", DNS_MX, 400, 20, "mx2.example");
    a = parse("d.example", DNS_MX);
    assert_int_equal(a.status, DNS_OK);
    assert_int_equal(a.count, 2);
    assert_int_equal(a.ttl, 60);
    assert_int_equal(a.record[0].preference, 10);
    assert_true(str_eq(a.record[0].name, STR("mx1.example")));

    wire_begin(&msg, 1, OK, 1, 0, "d.example", DNS_MX);
    wire_rr_name(&msg, "d.example", DNS_MX, 60, 0, "");
    a = parse("d.example", DNS_MX);
    assert_int_equal(a.count, 1);
    assert_int_equal(a.record[0].name.n, 0); /* null MX */
    assert_non_null(a.record[0].name.p);
}

static void
test_txt_and_tlsa(void **state)
{
    struct dns_answer a;

    (void)state;
    wire_begin(&msg, 1, OK, 1, 0, "t.example", DNS_TXT);
    wire_rr(&msg, "t.example", DNS_TXT, 60, "\3v=1\0\2; ", 8 - 1);
    a = parse("t.example", DNS_TXT);
    assert_int_equal(a.status, DNS_SERVFAIL); /* a string is cut off */
    wire_begin(&msg, 1, OK, 1, 0, "t.example", DNS_TXT);
    wire_rr(&msg, "t.example", DNS_TXT, 60, "\3v=1\0\2;x", 8);
    a = parse("t.example", DNS_TXT);
    assert_int_equal(a.status, DNS_OK);
    assert_true(str_eq(a.record[0].bytes, STR("v=1;x")));

    wire_begin(&msg, 1, OK, 1, 0, "_25._tcp.m.example", DNS_TLSA);
    wire_rr(&msg, "_25._tcp.m.example", DNS_TLSA, 60, "\3\1\1\377", 4);
    a = parse("_25._tcp.m.example", DNS_TLSA);
    assert_int_equal(a.count, 1);
    assert_int_equal(a.record[0].bytes.n, 4);
}

static void
test_negative(void **state)
{
    struct dns_answer a;

    (void)state;
    wire_begin(&msg, 1, OK, 0, 1, "n.example", DNS_MX);
    wire_soa(&msg, "example", 3600, 30);
    a = parse("n.example", DNS_MX);
    assert_int_equal(a.status, DNS_NODATA);
    assert_int_equal(a.ttl, 30);

    wire_begin(&msg, 1, NX, 0, 1, "n.example", DNS_MX);
    wire_soa(&msg, "example", 20, 30);
    a = parse("n.example", DNS_MX);
    assert_int_equal(a.status, DNS_NXDOMAIN);
    assert_int_equal(a.ttl, 20);

    wire_begin(&msg, 1, NX, 0, 0, "n.example", DNS_MX);
    a = parse("n.example", DNS_MX);
    assert_int_equal(a.status, DNS_NXDOMAIN);
    assert_int_equal(a.ttl, UINT32_MAX);

    wire_begin(&msg, 1, OK, 0, 1, "n.example", DNS_MX); /* a lame server */
    wire_rr_name(&msg, "example", NS, 60, -1, "ns.example");
    a = parse("n.example", DNS_MX);
    assert_int_equal(a.status, DNS_SERVFAIL);

    for (unsigned rcode = 1; rcode < 16; rcode++) {
        wire_begin(&msg, 1, 0x8180 | rcode, 0, 0, "n.example", DNS_MX);
        a = parse("n.example", DNS_MX);
        assert_int_equal(a.status, rcode == 3 ? DNS_NXDOMAIN : DNS_SERVFAIL);
    }
}

static void
test_hostile(void **state)
{
    struct dns_answer a;
    size_t at;

    (void)state;
    wire_begin(&msg, 1, OK, 2, 0, "l.example", DNS_A); /* a loop of names */
    wire_rr_name(&msg, "l.example", CNAME, 60, -1, "m.example");
    wire_rr_name(&msg, "m.example", CNAME, 60, -1, "l.example");
    assert_int_equal(parse("l.example", DNS_A).status, DNS_SERVFAIL);

    wire_begin(&msg, 1, OK, 1, 0, "p.example", DNS_A); /* of pointers */
    at = msg.n;
    wire_u16(&msg, 0xc000 | (unsigned)at);
    wire_u16(&msg, DNS_A);
    wire_u16(&msg, 1);
    wire_u32(&msg, 60);
    wire_u16(&msg, 4);
    buf_add(&msg, "\1\2\3\4", 4);
    assert_int_equal(parse("p.example", DNS_A).status, DNS_SERVFAIL);

    wire_begin(&msg, 1, OK, 1, 0, "p.example", DNS_A); /* a good pointer */
    wire_u16(&msg, 0xc00c);
    wire_u16(&msg, DNS_A);
    wire_u16(&msg, 1);
    wire_u32(&msg, 60);
    wire_u16(&msg, 4);
    buf_add(&msg, "\1\2\3\4", 4);
    a = parse("p.example", DNS_A);
    assert_int_equal(a.status, DNS_OK);
    for (size_t n = msg.n; n-- > 0;) { /* cut off anywhere */
        struct dns_answer b;
        char *exact = malloc(n ? n : 1);
        memcpy(exact, msg.p, n);
        dnsparse_answer(str_make(exact, n), STR("p.example"), DNS_A, arena, &b);
        assert_int_equal(b.status, DNS_SERVFAIL);
        free(exact);
    }

    wire_begin(&msg, 1, OK, 1, 0, "x.example", DNS_MX); /* space in a name */
    wire_rr_name(&msg, "x.example", DNS_MX, 60, 1, "a b.example");
    assert_int_equal(parse("x.example", DNS_MX).status, DNS_SERVFAIL);

    wire_begin(&msg, 1, OK, 1, 0, "x.example", DNS_A); /* wrong length */
    wire_rr(&msg, "x.example", DNS_A, 60, "\1\2\3", 3);
    assert_int_equal(parse("x.example", DNS_A).status, DNS_SERVFAIL);

    wire_begin(&msg, 1, OK, 1, 0, "x.example", DNS_A); /* TTL of 2^31 */
    wire_rr(&msg, "x.example", DNS_A, 0x80000000u, "\1\2\3\4", 4);
    assert_int_equal(parse("x.example", DNS_A).ttl, 0);

    wire_begin(&msg, 1, OK | 0x200, 1, 0, "x.example", DNS_A); /* TC */
    wire_rr(&msg, "x.example", DNS_A, 60, "\1\2\3\4", 4);
    assert_int_equal(parse("x.example", DNS_A).status, DNS_SERVFAIL);

    wire_begin(&msg, 1, OK & 0x7fff, 1, 0, "x.example", DNS_A); /* a query */
    wire_rr(&msg, "x.example", DNS_A, 60, "\1\2\3\4", 4);
    assert_int_equal(parse("x.example", DNS_A).status, DNS_SERVFAIL);
}

static void
test_many(void **state)
{
    struct dns_answer a;

    (void)state;
    wire_begin(&msg, 1, OK, 400, 0, "x.example", DNS_A);
    for (unsigned i = 0; i < 400; i++) {
        char ip[4] = {10, 0, (char)(i >> 8), (char)i};
        wire_rr(&msg, "x.example", DNS_A, 60, ip, 4);
    }
    a = parse("x.example", DNS_A);
    assert_int_equal(a.status, DNS_OK);
    assert_int_equal(a.count, DNSPARSE_RECORDS_MAX);
}

/* Where aliases lead is told, and what is asked about them is not followed. */
static void
test_aliases(void **state)
{
    struct dns_answer a;

    (void)state;
    wire_begin(&msg, 1, OK | 0x20, 3, 0, "w.example", DNS_A);
    wire_rr_name(&msg, "w.example", CNAME, 60, -1, "X.example");
    wire_rr_name(&msg, "x.example", CNAME, 60, -1, "y.example");
    wire_rr(&msg, "y.example", DNS_A, 60, "\12\0\0\1", 4);
    a = parse("w.example", DNS_A);
    assert_int_equal(a.count, 1);
    assert_true(str_eq(a.canonical, STR("y.example")));
    a = parse("y.example", DNS_A);
    assert_null(a.canonical.p);
    a = parse("w.example", DNS_CNAME);
    assert_int_equal(a.count, 1);
    assert_true(str_eq(a.record[0].name, STR("x.example")));
    assert_null(a.canonical.p);

    wire_begin(&msg, 1, OK, 2, 0, "l.example", DNS_CNAME); /* a loop is two */
    wire_rr_name(&msg, "l.example", CNAME, 60, -1, "m.example");
    wire_rr_name(&msg, "m.example", CNAME, 60, -1, "l.example");
    a = parse("l.example", DNS_CNAME);
    assert_int_equal(a.count, 1);
    assert_int_equal(parse("l.example", DNS_TLSA).status, DNS_SERVFAIL);
}

/* Postfix died of these. */
static void
test_tlsa_of_any_size(void **state)
{
    static const char octets[20] = {3, 1, 1};

    (void)state;
    for (size_t n = 0; n <= sizeof(octets); n++) {
        struct dns_answer a;

        wire_begin(&msg, 1, OK | 0x20, 1, 0, "_25._tcp.m.example", DNS_TLSA);
        wire_rr(&msg, "_25._tcp.m.example", DNS_TLSA, 60, octets, n);
        a = parse("_25._tcp.m.example", DNS_TLSA);
        assert_int_equal(a.status, DNS_OK);
        assert_int_equal(a.count, 1);
        assert_int_equal(a.record[0].bytes.n, n);
        assert_non_null(a.record[0].bytes.p);
    }
}

/* Octets in names that no host has: such a record is left out, and a set of
 * nothing else is no answer. */
static void
test_odd_names(void **state)
{
    static const struct {
        const char *label;
        size_t n;
    } odd[] = {{"a\0b", 3}, {"\0", 1}, {"a b", 3}, {"mx\t", 3}, {"a.b", 3},
        {"\342\200\213mx", 5}, {"a\177", 2}, {"\377", 1}, {"a\\b", 3},
        {"a\r\n", 3}, {" ", 1}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
        struct buf name = BUF_INIT;
        struct dns_answer a;

        buf_char(&name, '\0'); /* preference */
        buf_char(&name, '\5');
        buf_char(&name, (char)odd[i].n);
        buf_add(&name, odd[i].label, odd[i].n);
        buf_add(&name, "\4test\0", 6);
        for (int good = 0; good < 2; good++) {
            wire_begin(
                &msg, 1, OK, 1u + (unsigned)good, 0, "d.example", DNS_MX);
            wire_rr(&msg, "d.example", DNS_MX, 60, name.p, name.n);
            if (good)
                wire_rr_name(&msg, "d.example", DNS_MX, 60, 9, "mx.test");
            a = parse("d.example", DNS_MX);
            assert_int_equal(a.status, good ? DNS_OK : DNS_SERVFAIL);
            assert_int_equal(a.count, good);
        }
        buf_fini(&name);
    }
}

static void
test_many_exchanges(void **state)
{
    enum { N = 1900 }; /* as many as a message has room for */
    struct dns_answer a;

    (void)state;
    wire_begin(&msg, 1, OK, N, 0, "d.example", DNS_MX);
    for (int i = 0; i < N; i++) {
        char name[24];

        (void)snprintf(name, sizeof(name), "mx%04u.test", (unsigned)i % 10000);
        wire_rr_name(&msg, "d.example", DNS_MX, 60, 65000 - i, name);
    }
    assert_in_range(msg.n, 60000, 90000);
    a = parse("d.example", DNS_MX);
    assert_int_equal(a.status, DNS_OK);
    assert_int_equal(a.count, DNSPARSE_RECORDS_MAX);
}

static int
teardown(void **state)
{
    (void)state;
    buf_fini(&msg);
    arena_free(&arena);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_mx_through_cname),
        cmocka_unit_test(test_txt_and_tlsa),
        cmocka_unit_test(test_negative),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_aliases),
        cmocka_unit_test(test_tlsa_of_any_size),
        cmocka_unit_test(test_odd_names),
        cmocka_unit_test(test_many_exchanges),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
