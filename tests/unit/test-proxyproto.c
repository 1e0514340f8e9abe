/* SPDX-License-Identifier: Apache-2.0
 *
 * test-proxyproto.c - headers of load balancers, whole and byte by byte.
 */
#include "unit.h"

#include "net/proxyproto.h"

struct row {
    struct str bytes;
    const char *peer, *local; /* NULL: not named */
    const char *why;          /* refused */
};

#define V2 "\r\n\r\n\0\r\nQUIT\n"
#define V4_ADDRS "\xc0\0\2\1\xc0\0\2\x19\x12\x67\0\x19"

static const struct row rows[] = {
    {STR("PROXY TCP4 192.0.2.1 192.0.2.25 4711 25\r\n"), "192.0.2.1:4711",
        "192.0.2.25:25", NULL},
    {STR("PROXY TCP6 2001:db8::1 2001:db8::25 65535 0\r\n"),
        "[2001:db8::1]:65535", "[2001:db8::25]:0", NULL},
    {STR("PROXY UNKNOWN\r\n"), NULL, NULL, NULL},
    {STR("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n"), NULL, NULL, NULL},
    {STR("PROXY TCP4 2001:db8::1 192.0.2.25 1 25\r\n"), NULL, NULL, "address"},
    {STR("PROXY TCP6 192.0.2.1 192.0.2.25 1 25\r\n"), NULL, NULL, "address"},
    {STR("PROXY TCP4 192.0.2.1 192.0.2.25 1\r\n"), NULL, NULL, "address"},
    {STR("PROXY TCP4 192.0.2.1 192.0.2.25 1 25 \r\n"), NULL, NULL, "address"},
    {STR("PROXY TCP4 192.0.2.1 192.0.2.25 01 25\r\n"), NULL, NULL, "address"},
    {STR("PROXY TCP4 192.0.2.1 192.0.2.25 1 65536\r\n"), NULL, NULL, "address"},
    {STR("PROXY TCP4 192.0.2.01 192.0.2.25 1 2\r\n"), NULL, NULL, "address"},
    {STR("PROXY TCP4  192.0.2.1 192.0.2.25 1 2\r\n"), NULL, NULL, "address"},
    {STR("PROXY TCP4 192.0.2.1\0x 192.0.2.25 1 2\r\n"), NULL, NULL, "address"},
    {STR("PROXY UDP4 192.0.2.1 192.0.2.25 1 2\r\n"), NULL, NULL, "address"},
    {STR("PROXY UNKNOWNS\r\n"), NULL, NULL, "address"},
    {STR("PROXY TCP4 192.0.2.1 192.0.2.25 1 25\n"), NULL, NULL, "CRLF"},
    {STR("PROXY \n"), NULL, NULL, "CRLF"},
    {STR("proxy TCP4 192.0.2.1 192.0.2.25 1 25\r\n"), NULL, NULL, "no PROXY"},
    {STR("EHLO me\r\n"), NULL, NULL, "no PROXY"},
    {STR("\r\n\r\n\0\r\nQUIT\r"), NULL, NULL, "no PROXY"},
    {STR(V2 "\x21\x11\0\x0c" V4_ADDRS), "192.0.2.1:4711", "192.0.2.25:25",
        NULL},
    {STR(V2 "\x21\x11\0\x10" V4_ADDRS "\4\0\1x"), "192.0.2.1:4711",
        "192.0.2.25:25", NULL},
    {STR(V2 "\x21\x21\0\x24"
            " \1\r\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
            " \1\r\xb8\0\0\0\0\0\0\0\0\0\0\0\x25\0\1\0\x19"),
        "[2001:db8::1]:1", "[2001:db8::25]:25", NULL},
    {STR(V2 "\x20\0\0\0"), NULL, NULL, NULL},
    {STR(V2 "\x20\x11\0\x0c" V4_ADDRS), NULL, NULL, NULL},
    {STR(V2 "\x21\0\0\0"), NULL, NULL, NULL},
    {STR(V2 "\x21\x31\0\2xx"), NULL, NULL, NULL},
    {STR(V2 "\x21\x11\0\x0b\xc0\0\2\1\xc0\0\2\x19\x12\x67\0"), NULL, NULL,
        "short"},
    {STR(V2 "\x22\x11\0\x0c" V4_ADDRS), NULL, NULL, "not known"},
    {STR(V2 "\x11\x11\0\x0c" V4_ADDRS), NULL, NULL, "not known"},
    {STR(V2 "\x21\x11\xff\xff"), NULL, NULL, "long"},
};

static void
check_address(const struct netaddr *a, const char *want)
{
    struct buf b = BUF_INIT;

    netaddr_print(a, &b);
    assert_str(buf_get(&b), want);
    buf_fini(&b);
}

static void
check_good(const struct row *r, struct str bytes)
{
    struct proxyproto h;
    const char *why;

    assert_int_equal(
        proxyproto_parse(bytes.p, bytes.n, &h, &why), PROXYPROTO_OK);
    assert_int_equal(h.size, r->bytes.n);
    assert_int_equal(h.named, r->peer != NULL);
    if (r->peer) {
        check_address(&h.peer, r->peer);
        check_address(&h.local, r->local);
    }
}

static void
test_headers(void **state)
{
    char more[256];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct row *r = &rows[i];
        enum proxyproto_result got = PROXYPROTO_MORE;
        struct proxyproto h;
        const char *why = "";
        size_t n = 0;

        while (n <= r->bytes.n && got == PROXYPROTO_MORE)
            got = proxyproto_parse(r->bytes.p, n++, &h, &why);
        if (r->why) {
            assert_int_equal(got, PROXYPROTO_BAD);
            assert_non_null(strstr(why, r->why));
            continue;
        }
        assert_int_equal(n - 1, r->bytes.n); /* not before it is whole */
        check_good(r, r->bytes);
        memcpy(more, r->bytes.p, r->bytes.n);
        memcpy(more + r->bytes.n, "EHLO x\r\n", 8);
        check_good(r, str_make(more, r->bytes.n + 8));
    }
}

static void
test_endless_line(void **state)
{
    char line[200];
    struct proxyproto h;
    const char *why;

    (void)state;
    memset(line, 'x', sizeof(line));
    memcpy(line, "PROXY UNKNOWN ", 14);
    assert_int_equal(proxyproto_parse(line, 106, &h, &why), PROXYPROTO_MORE);
    assert_int_equal(proxyproto_parse(line, 107, &h, &why), PROXYPROTO_BAD);
    memcpy(line + 105, "\r\n", 2);
    assert_int_equal(proxyproto_parse(line, 107, &h, &why), PROXYPROTO_OK);
}

/* What is printed is what is read, and the octets are the protocol's. */
static void
test_print(void **state)
{
    static const uint8_t want[] = {'\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q',
        'U', 'I', 'T', '\n', 0x21, 0x11, 0, 12, 192, 0, 2, 1, 198, 51, 100, 7,
        0x12, 0x67, 0, 25};
    static const struct {
        const char *peer, *local;
        size_t size;
    } row[] = {{"192.0.2.1:4711", "198.51.100.7:25", 28},
        {"[2001:db8::1]:65535", "[2001:db8::25]:1", 52}};
    uint8_t head[PROXYPROTO_PRINT_MOST];
    const char *why;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
        struct netaddr peer, local;
        struct proxyproto h;

        assert_int_equal(
            netaddr_parse(str_of(row[i].peer), false, &peer, NULL), 0);
        assert_int_equal(
            netaddr_parse(str_of(row[i].local), false, &local, NULL), 0);
        assert_int_equal(proxyproto_print(&peer, &local, head), row[i].size);
        assert_int_equal(
            proxyproto_parse(head, row[i].size, &h, &why), PROXYPROTO_OK);
        assert_true(h.named && h.size == row[i].size);
        assert_true(netaddr_eq(&h.peer, &peer));
        assert_true(netaddr_eq(&h.local, &local));
        if (i == 0)
            assert_memory_equal(head, want, sizeof(want));
    }
}

UNIT_MAIN(cmocka_unit_test(test_headers), cmocka_unit_test(test_endless_line),
    cmocka_unit_test(test_print))
