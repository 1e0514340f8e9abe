/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-value.c - single values as text: numbers, durations, sizes, dates, IP
 * addresses and prefixes, addresses of sockets, ids, base64, routes and
 * gateways, resolv.conf, marks of imports.  What is taken and printed is taken
 * again and is the same.
 */
#include "parts.h"

#include "base/base64.h"
#include "base/cidr.h"
#include "base/clock.h"
#include "base/num.h"
#include "net/netaddr.h"
#include "net/resolvconf.h"
#include "queue/importmark.h"
#include "route/route_check.h"
#include "spool/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct buf text = BUF_INIT;

static struct str
fresh(void)
{
    struct str s = buf_get(&text);

    return s.p ? s : STR("");
}

static void
numbers(struct str s)
{
    uint64_t u, again;
    int64_t i, ms;
    double d;

    if (num_u64(s, &u) == 0) {
        buf_cut(&text, 0);
        num_print(&text, u);
        must(num_u64(fresh(), &again) == 0 && again == u);
    }
    if (num_i64(s, &i) == 0 && s.p[0] != '-')
        must(num_u64(s, &again) == 0 && again == (uint64_t)i);
    if (num_hex(s, &u) == 0)
        must(s.n > 0);
    (void)num_octal(s, &u);
    (void)num_double(s, &d);
    if (num_size(s, &i) == 0)
        must(i >= 0);
    if (num_duration(s, &ms) == 0) {
        must(ms >= 0);
        buf_cut(&text, 0);
        num_print_duration(&text, ms);
    }
}

static void
dates(struct str s)
{
    int64_t wall, again;

    if (clock_parse_iso(s, &wall) < 0)
        return;
    must(wall >= -86400000 && wall < 253402300800000 + 86400000);
    if (wall < 0 || wall >= 253402300800000)
        return; /* by its offset in a year that is not printed */
    buf_cut(&text, 0);
    clock_print_iso(&text, wall);
    must(clock_parse_iso(fresh(), &again) == 0 && again == wall);
    clock_print_rfc5322(&text, wall);
}

static void
addresses(struct str s)
{
    struct cidr c, again;
    struct netaddr a, b;

    for (int flags = 0; flags < 8; flags++) {
        if (cidr_parse(s, flags, &c, NULL) < 0)
            continue;
        must(!memchr(s.p, 0, s.n));
        must((c.family == 4 && c.bits <= 32) ||
            (c.family == 6 && c.bits <= 128));
        buf_cut(&text, 0);
        cidr_print(&c, &text);
        must(cidr_parse(fresh(), CIDR_PREFIX, &again, NULL) == 0 &&
            cidr_eq(&c, &again) && cidr_hash(&c) == cidr_hash(&again));
        must(cidr_contains(&c, &again));
        cidr_unmap(&c);
    }
    (void)cidr_parse_host(s, &c, NULL);
    if (netaddr_parse(s, true, &a, NULL) == 0) {
        struct sockaddr_storage raw;

        buf_cut(&text, 0);
        netaddr_print(&a, &text);
        must(netaddr_parse(fresh(), true, &b, NULL) == 0 && netaddr_eq(&a, &b));
        must(netaddr_to_sockaddr(&a, &raw) > 0);
        netaddr_from_sockaddr(&b, (struct sockaddr *)&raw);
        cidr_unmap(&a.ip);
        must(netaddr_eq(&a, &b));
    }
}

static bool
is_within(struct str part, struct str all)
{
    return !part.p || (part.p >= all.p && part.p + part.n <= all.p + all.n);
}

static void
routes(struct str s)
{
    struct route_item i;

    if (route_item_parse(s, &i, NULL) == 0)
        must(is_within(i.scheme, s) && is_within(i.host, s) && i.pref >= -1 &&
            i.ttl >= -1 && i.port >= 0 && i.port <= 65535);
    if (route_gateway_parse(s, &i, NULL) == 0)
        must(is_within(i.host, s) && i.port >= 0 && i.port <= 65535);
}

static void
coded(struct str s)
{
    struct buf plain = BUF_INIT;

    buf_cut(&text, 0);
    base64_encode(&text, s);
    must(base64_decode(&plain, fresh()) == 0 && str_eq(buf_get(&plain), s));
    buf_cut(&text, 0);
    base64url_encode(&text, s);
    buf_cut(&plain, 0);
    must(base64url_decode(&plain, fresh()) == 0 && str_eq(buf_get(&plain), s));
    buf_cut(&plain, 0);
    if (base64_decode(&plain, s) == 0) {
        buf_cut(&text, 0);
        base64_encode(&text, buf_get(&plain));
        must(str_eq(fresh(), s));
    }
    buf_fini(&plain);
}

static void
stored(struct str s)
{
    char id[MESSAGE_ID_SIZE];
    struct importmark m;
    struct resolvconf r;
    uint64_t n;

    if (message_id_parse(s, &n) == 0) {
        message_id_print(n, id);
        must(strlen(id) < sizeof(id));
    }
    if (importmark_parse(s, &m) == 0) {
        uint64_t high = m.high, from = m.from;
        size_t left = m.left_count;

        must(left <= IMPORTMARK_LEFT_MOST);
        buf_cut(&text, 0);
        importmark_print(&m, &text);
        importmark_fini(&m);
        must(importmark_parse(fresh(), &m) == 0 && m.high == high &&
            m.from == from && m.left_count == left);
        importmark_fini(&m);
    }
    resolvconf_parse(s, &r);
    must(r.servers.n > 0 && r.attempts > 0 && r.timeout_ms > 0);
    resolvconf_fini(&r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct str s = n ? str_make(data, n) : STR("");

    numbers(s);
    dates(s);
    addresses(s);
    routes(s);
    coded(s);
    stored(s);
    return 0;
}
