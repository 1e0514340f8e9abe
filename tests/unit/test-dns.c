/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "dns_wire.h"
#include "net/dns.h"
#include "net/dnscache.h"
#include "net/resolvconf.h"

/* A server on a loop-back port that answers by the name's first letter. */
struct server {
    int fd;
    unsigned port;
    int asked;
    bool ad_asked;
    char last[256];
    unsigned last_type;
};
struct world {
    struct loop *loop;
    struct dns *dns;
    struct server server;
    char path[32];
    int answers;
    struct dns_answer last; /* without its records, but for these: */
    struct dns_record record[4];
    char name[128];
};

static void
server_open(struct server *s)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    socklen_t n = sizeof(in);

    s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(s->fd, (struct sockaddr *)(void *)&in, n), 0);
    getsockname(s->fd, (struct sockaddr *)(void *)&in, &n);
    s->port = ntohs(in.sin_port);
}

static void
server_answer(struct server *s, struct buf *b, unsigned id)
{
    const char *q = s->last;
    unsigned t = s->last_type;

    if (*q == 'n') {
        wire_begin(b, id, 0x8183, 0, 1, q, t);
        wire_soa(b, "example", 3600, 7);
    } else if (*q == 'f') {
        wire_begin(b, id, 0x8182, 0, 0, q, t);
    } else if (*q == 'g') {
        wire_begin(b, id, 0x8180, 9, 0, q, t);
        buf_cstr(b, "garbage");
    } else if (t == DNS_MX) {
        wire_begin(b, id, 0x81a0, 1, 0, q, t);
        wire_rr_name(b, q, DNS_MX, 300, 10, "mx.example");
    } else if (t == DNS_PTR) {
        wire_begin(b, id, 0x8180, 1, 0, q, t);
        wire_rr_name(b, q, DNS_PTR, 300, -1, "host.example");
    } else {
        wire_begin(b, id, 0x8180, 1, 0, q, t);
        wire_rr(b, q, DNS_A, 300, "\12\0\0\1", 4);
    }
}

static void
server_serve(struct server *s)
{
    unsigned char q[512];
    struct sockaddr_storage ss;
    socklen_t sn = sizeof(ss);
    struct buf b = BUF_INIT;
    ssize_t n;

    while ((n = recvfrom(s->fd, q, sizeof(q), 0, (struct sockaddr *)(void *)&ss,
                &sn)) > 12) {
        size_t at = 12, to = 0;
        while (q[at]) {
            memcpy(s->last + to, q + at + 1, q[at]);
            to += q[at];
            s->last[to++] = '.';
            at += 1u + q[at];
        }
        s->last[to ? to - 1 : 0] = '\0';
        s->last_type = (unsigned)q[at + 1] << 8 | q[at + 2];
        s->ad_asked = q[3] & 0x20;
        s->asked++;
        if (s->last[0] == 's') /* silence */
            continue;
        server_answer(s, &b, (unsigned)q[0] << 8 | q[1]);
        sendto(s->fd, b.p, b.n, 0, (struct sockaddr *)(void *)&ss, sn);
    }
    buf_fini(&b);
}

static void
on_answer(void *arg, const struct dns_answer *a)
{
    struct world *w = arg;

    w->answers++;
    w->last = *a;
    for (size_t i = 0; i < a->count && i < 4; i++)
        w->record[i] = a->record[i];
    w->name[0] = '\0';
    if (a->count && a->record[0].name.p)
        (void)str_copy(w->name, sizeof(w->name), a->record[0].name);
}

static void
write_conf(struct world *w, const char *fmt, unsigned port)
{
    FILE *f = fopen(w->path, "w");
    struct buf b = BUF_INIT;

    assert_non_null(f);
    buf_printf(&b,
        "# test\nsearch corp.example\n%s:%u\n"
        "options timeout:1 attempts:1\n",
        fmt, port);
    fwrite(b.p, 1, b.n, f);
    fclose(f);
    buf_fini(&b);
}

static struct dns_config
config(struct world *w)
{
    return (struct dns_config){.resolv_conf = w->path,
        .max_ttl = 86400,
        .negative_ttl_max = 3600,
        .cache_size = 100};
}

static void
setup(struct world *w)
{
    struct dns_config c;
    struct err e;
    int fd;

    memset(w, 0, sizeof(*w));
    server_open(&w->server);
    memcpy(w->path, "resolv-XXXXXX", 14);
    fd = mkstemp(w->path);
    close(fd);
    write_conf(w, "nameserver 127.0.0.1", w->server.port);
    w->loop = loop_new("test", &e);
    c = config(w);
    w->dns = dns_new(w->loop, &c, &e);
    assert_non_null(w->dns);
}

static void
teardown(struct world *w)
{
    dns_free(&w->dns);
    loop_free(&w->loop);
    close(w->server.fd);
    unlink(w->path);
    clock_real();
}

static void
run_until(struct world *w, int answers)
{
    for (int i = 0; i < 2000 && w->answers < answers; i++) {
        loop_turn(w->loop, 2);
        server_serve(&w->server);
    }
    assert_int_equal(w->answers, answers);
}

static void
ask(struct world *w, const char *name, enum dns_type t)
{
    int before = w->answers;

    dns_ask(w->dns, str_of(name), t, on_answer, w);
    assert_int_equal(w->answers, before); /* never from inside */
    run_until(w, before + 1);
}

static void
test_answers(void **state)
{
    struct world w;
    struct dns_stats st;

    (void)state;
    setup(&w);
    ask(&w, "A.example.", DNS_A);
    assert_int_equal(w.last.status, DNS_OK);
    assert_int_equal(w.last.count, 1);
    assert_int_equal(w.last.ttl, 300);
    assert_int_equal(w.record[0].ip.addr[0], 10);
    assert_false(w.last.authenticated);
    assert_true(w.server.ad_asked);
    ask(&w, "a.example", DNS_A); /* from the cache */
    assert_int_equal(w.server.asked, 1);
    ask(&w, "a.example", DNS_MX);
    assert_true(w.last.authenticated);
    assert_string_equal(w.name, "mx.example");
    ask(&w, "192.0.2.1", DNS_PTR);
    assert_string_equal(w.server.last, "1.2.0.192.in-addr.arpa");
    assert_string_equal(w.name, "host.example");
    ask(&w, "b\303\274cher.example", DNS_MX);
    assert_string_equal(w.server.last, "xn--bcher-kva.example");
    dns_get_stats(w.dns, &st);
    assert_int_equal(st.queries[0], 1);
    assert_int_equal(st.queries[2], 2);
    assert_int_equal(st.cache_hits, 1);
    assert_int_equal(st.pending, 0);
    assert_true(st.response_us_peak > 0);
    teardown(&w);
}

static void
test_names_without_a_question(void **state)
{
    struct world w;
    char lengthy[300];

    (void)state;
    setup(&w);
    memset(lengthy, 'a', sizeof(lengthy) - 1);
    lengthy[sizeof(lengthy) - 1] = '\0';
    ask(&w, lengthy, DNS_A);
    assert_int_equal(w.last.status, DNS_NXDOMAIN);
    ask(&w, "", DNS_A);
    assert_int_equal(w.last.status, DNS_NXDOMAIN);
    ask(&w, "a b.example", DNS_A);
    assert_int_equal(w.last.status, DNS_NXDOMAIN);
    lengthy[70] = '\0'; /* one label of 70 */
    ask(&w, lengthy, DNS_A);
    assert_int_equal(w.last.status, DNS_NXDOMAIN);
    ask(&w, "LocalHost", DNS_A);
    assert_int_equal(w.last.status, DNS_OK);
    assert_int_equal(w.record[0].ip.addr[0], 127);
    ask(&w, "x.localhost", DNS_MX);
    assert_int_equal(w.last.status, DNS_NODATA);
    assert_int_equal(w.server.asked, 0);
    teardown(&w);
}

static void
test_shared_waits(void **state)
{
    struct world w;
    struct dns_question *q;

    (void)state;
    setup(&w);
    dns_ask(w.dns, STR("a.example"), DNS_A, on_answer, &w);
    q = dns_ask(w.dns, STR("A.EXAMPLE"), DNS_A, on_answer, &w);
    dns_ask(w.dns, STR("a.example"), DNS_A, on_answer, &w);
    dns_cancel(&q);
    assert_null(q);
    run_until(&w, 2);
    assert_int_equal(w.server.asked, 1);
    q = dns_ask(w.dns, STR("a.example"), DNS_A, on_answer, &w);
    dns_cancel(&q); /* one that the cache has answered */
    loop_turn(w.loop, 0);
    assert_int_equal(w.answers, 2);
    q = dns_ask(w.dns, STR("c.example"), DNS_A, on_answer, &w);
    dns_cancel(&q);
    for (int i = 0; i < 20; i++) {
        loop_turn(w.loop, 2);
        server_serve(&w.server);
    }
    ask(&w, "c.example", DNS_A); /* its answer was kept */
    assert_int_equal(w.server.asked, 2);
    teardown(&w);
}

static void
test_negative_and_expiry(void **state)
{
    struct world w;

    (void)state;
    setup(&w);
    clock_fake(1000000, 1000000);
    loop_turn(w.loop, 0);
    ask(&w, "n.example", DNS_MX);
    assert_int_equal(w.last.status, DNS_NXDOMAIN);
    assert_int_equal(w.last.ttl, 7);
    clock_advance(6000);
    loop_turn(w.loop, 0);
    ask(&w, "n.example", DNS_MX);
    assert_int_equal(w.last.ttl, 1);
    assert_int_equal(w.server.asked, 1);
    clock_advance(1000);
    loop_turn(w.loop, 0);
    ask(&w, "n.example", DNS_MX);
    assert_int_equal(w.server.asked, 2);
    ask(&w, "a.example", DNS_A);
    clock_advance(299999);
    loop_turn(w.loop, 0);
    ask(&w, "a.example", DNS_A);
    assert_int_equal(w.server.asked, 3);
    dns_forget(w.dns, STR("a.example"));
    ask(&w, "a.example", DNS_A);
    assert_int_equal(w.server.asked, 4);
    teardown(&w);
}

static void
test_ttl_clamps(void **state)
{
    struct world w;
    struct dns_config c;

    (void)state;
    setup(&w);
    c = config(&w);
    c.min_ttl = 600;
    dns_reload(w.dns, &c);
    ask(&w, "a.example", DNS_A);
    assert_int_equal(w.last.ttl, 600);
    c.min_ttl = 0;
    c.max_ttl = 60;
    dns_reload(w.dns, &c);
    ask(&w, "b.example", DNS_A);
    assert_int_equal(w.last.ttl, 60);
    c.negative_ttl_max = 3;
    dns_reload(w.dns, &c);
    ask(&w, "n.example", DNS_A);
    assert_int_equal(w.last.ttl, 3);
    teardown(&w);
}

/* Three MX questions in ten seconds, and two may wait; addresses go ahead. */
static void
test_rate_limit(void **state)
{
    struct dns_config c;
    struct dns_stats st;
    struct world w;
    char name[20];
    int at_once;

    (void)state;
    setup(&w);
    clock_fake(1000000, 1700000000000);
    loop_turn(w.loop, 0);
    c = config(&w);
    c.mx_rate = (struct throttle_rate){.count = 3, .window_ms = 10000};
    c.mx_waiting_max = 5;
    dns_reload(w.dns, &c);
    for (int i = 0; i < 8; i++) {
        (void)snprintf(name, sizeof(name), "m%d.example", i);
        dns_ask(w.dns, str_of(name), DNS_MX, on_answer, &w);
    }
    dns_ask(w.dns, STR("a.example"), DNS_A, on_answer, &w);
    dns_get_stats(w.dns, &st);
    assert_int_equal(st.limited, 5);
    for (int i = 0; i < 300; i++) {
        loop_turn(w.loop, 1);
        server_serve(&w.server);
    }
    /* What did not fit, the address, and what the rate allows by then. */
    dns_get_stats(w.dns, &st);
    at_once = w.answers;
    assert_in_range(at_once, 3 + 1 + 1, 3 + 1 + 3);
    assert_int_equal(st.limited, 9 - at_once);
    for (int i = 0; i < 30; i++) {
        clock_advance(100);
        for (int n = 0; n < 20; n++) {
            loop_turn(w.loop, 1);
            server_serve(&w.server);
        }
    }
    assert_int_equal(w.answers, 3 + 1 + 3); /* not one more in the window */
    for (int i = 0; i < 120; i++) {
        clock_advance(100);
        for (int n = 0; n < 5; n++) {
            loop_turn(w.loop, 0);
            server_serve(&w.server);
        }
    }
    run_until(&w, 9);
    dns_get_stats(w.dns, &st);
    assert_int_equal(st.limited, 0);
    dns_ask(w.dns, STR("m8.example"), DNS_MX, on_answer, &w);
    for (int i = 9; i < 14; i++) {
        (void)snprintf(name, sizeof(name), "m%d.example", i);
        dns_ask(w.dns, str_of(name), DNS_MX, on_answer, &w);
    }
    c.mx_rate.count = 0; /* switched off: those that wait go */
    dns_reload(w.dns, &c);
    run_until(&w, 15);
    teardown(&w);
}

struct listed {
    int count, stop;
    uint32_t ttl;
    char last[64];
};

static bool
list_one(void *arg, const struct dns_kept *k)
{
    struct listed *l = arg;

    l->count++;
    l->ttl = k->answer.ttl;
    (void)snprintf(l->last, sizeof(l->last), "%.*s/%s", STR_ARG(k->name),
        dns_type_name(k->type));
    return l->count != l->stop;
}

/* What is kept is listed, the last used first; a flush forgets it, and what is
 * on its way as well. */
static void
test_list_and_flush(void **state)
{
    struct listed l = {0};
    struct world w;
    int asked;

    (void)state;
    setup(&w);
    ask(&w, "a.example", DNS_A);
    ask(&w, "n.example", DNS_A);
    dns_each(w.dns, STR_NONE, list_one, &l);
    assert_int_equal(l.count, 2);
    assert_string_equal(l.last, "a.example/A");
    assert_true(l.ttl > 0);
    l = (struct listed){.stop = 1};
    dns_each(w.dns, STR_NONE, list_one, &l);
    assert_string_equal(l.last, "n.example/A");
    l = (struct listed){0};
    dns_each(w.dns, STR("A.Example."), list_one, &l);
    assert_int_equal(l.count, 1);
    assert_true(dns_is_kept(w.dns, STR("a.example"), DNS_A));
    assert_false(dns_is_kept(w.dns, STR("a.example"), DNS_MX));
    dns_ask(w.dns, STR("c.example"), DNS_A, on_answer, &w);
    for (int i = 0; i < 4; i++)
        loop_turn(w.loop, 0); /* it is sent, and not answered yet */
    dns_flush(w.dns);
    run_until(&w, 3);
    l = (struct listed){0};
    dns_each(w.dns, STR_NONE, list_one, &l);
    assert_int_equal(l.count, 0);
    asked = w.server.asked;
    ask(&w, "a.example", DNS_A);
    assert_int_equal(w.server.asked, asked + 1);
    teardown(&w);
}

/* 100,000 domains have an MX and an A each: all of them are kept, and dropped
 * in pieces. */
static void
test_large_cache(void **state)
{
    enum { NAMES = 100000 };
    struct dnscache *c = dnscache_new(2 * (size_t)NAMES);
    struct dnscache_answer *a = dnscache_answer_new();
    char name[40];
    int rounds = 0;

    (void)state;
    a->expires = 1000;
    for (int i = 0; i < NAMES; i++) {
        (void)snprintf(name, sizeof(name), "d%d.test", i);
        dnscache_put(c, str_of(name), DNS_MX, a);
        dnscache_put(c, str_of(name), DNS_A, a);
    }
    assert_int_equal(dnscache_count(c), 2 * NAMES);
    dnscache_put(c, STR("one.more.test"), DNS_A, a);
    assert_int_equal(dnscache_count(c), 2 * NAMES);
    assert_null(dnscache_find(c, STR("d0.test"), DNS_MX, 0)); /* the oldest */
    assert_null(dnscache_find(c, STR("d7.test"), DNS_MX, 1000)); /* expired */
    dnscache_clear(c);
    assert_null(dnscache_find(c, STR("d9.test"), DNS_MX, 0));
    dnscache_put(c, STR("new.test"), DNS_A, a);
    while (dnscache_drop_cleared(c, 1000))
        rounds++;
    assert_in_range(rounds, 199, 200);
    assert_int_equal(dnscache_count(c), 1);
    dnscache_answer_unref(&a);
    dnscache_free(&c);
}

static void
test_failures(void **state)
{
    struct world w;
    struct dns_stats st;

    (void)state;
    setup(&w);
    ask(&w, "f.example", DNS_A);
    assert_int_equal(w.last.status, DNS_SERVFAIL);
    ask(&w, "g.example", DNS_A);
    assert_int_equal(w.last.status, DNS_SERVFAIL);
    ask(&w, "s.example", DNS_A); /* a second */
    assert_int_equal(w.last.status, DNS_TIMEOUT);
    assert_true(w.last.ttl <= 5);
    dns_get_stats(w.dns, &st);
    assert_int_equal(st.timeouts[0], 1);
    dns_ask(w.dns, STR("s2.example"), DNS_A, on_answer, &w);
    loop_turn(w.loop, 0);
    dns_ask(w.dns, STR("s3.example"), DNS_A, on_answer, &w);
    dns_free(&w.dns); /* answers first */
    assert_int_equal(w.answers, 5);
    assert_int_equal(w.last.status, DNS_SERVFAIL);
    teardown(&w);
}

/* No server at start; later it comes, with another resolv.conf. */
static void
test_down_at_start(void **state)
{
    struct world w;
    struct dns_config c;
    unsigned port;

    (void)state;
    setup(&w);
    port = w.server.port;
    c = config(&w);
    write_conf(&w, "nameserver 127.0.0.1", 9);
    dns_reload(w.dns, &c);
    ask(&w, "a.example", DNS_A);
    assert_true(w.last.status == DNS_SERVFAIL || w.last.status == DNS_TIMEOUT);
    write_conf(&w, "nameserver 127.0.0.1:9\nnameserver 127.0.0.1", port);
    dns_reload(w.dns, &c);
    ask(&w, "b.example", DNS_A); /* the first is down, the second answers */
    assert_int_equal(w.last.status, DNS_OK);

    write_conf(&w, "nameserver 127.0.0.1", 9);
    dns_reload(w.dns, &c);
    write_conf(&w, "# longer now\nnameserver 127.0.0.1", port);
    clock_fake(clock_mono() + 6000, 0); /* it is looked at by itself */
    loop_turn(w.loop, 0);
    ask(&w, "c.example", DNS_A);
    assert_int_equal(w.last.status, DNS_OK);
    teardown(&w);
}

/* Cut short by who writes it in place, emptied, removed, of rubbish: the
 * servers that were known are asked until others are named. */
static void
test_servers_are_kept(void **state)
{
    static const char *const texts[] = {"", "nameserver", "nameserv",
        "nameserver not.an.address\nnameserver 1.2.3.4.5\nnameserver 1.2.3",
        "options timeout:1 attempts:1\n# nobody"};
    struct world w;
    struct dns_config c;
    char name[32];

    (void)state;
    setup(&w);
    c = config(&w);
    for (size_t i = 0; i < ARRAY_SIZE(texts) + 1; i++) {
        FILE *f = i < ARRAY_SIZE(texts) ? fopen(w.path, "w") : NULL;

        if (f) {
            assert_true(fputs(texts[i], f) >= 0);
            assert_int_equal(fclose(f), 0);
        } else {
            assert_int_equal(unlink(w.path), 0);
        }
        if (i % 2)
            dns_reload(w.dns, &c);
        clock_fake(clock_mono() + 6000, 0);
        loop_turn(w.loop, 0);
        (void)snprintf(name, sizeof(name), "a%zu.example", i);
        ask(&w, name, DNS_A);
        assert_int_equal(w.last.status, DNS_OK);
    }
    teardown(&w);
}

static void
test_many(void **state)
{
    struct world w;
    struct dns_stats st;

    (void)state;
    setup(&w);
    for (int i = 0; i < 2500; i++) {
        char name[32];
        snprintf(name, sizeof(name), "a%d.example", i);
        dns_ask(w.dns, str_of(name), DNS_A, on_answer, &w);
    }
    run_until(&w, 2500);
    dns_get_stats(w.dns, &st);
    assert_int_equal(st.cache_count, 100);
    assert_int_equal(st.pending, 0);
    teardown(&w);
}

/* Whose AD bit counts: that of servers of this machine, or of those named, and
 * only if no other may be asked. */
static void
test_trust(void **state)
{
    static const struct {
        const char *servers, *named;
        bool trusted;
    } rows[] = {{"nameserver 127.0.0.1", NULL, true},
        {"nameserver 127.0.0.1", "192.0.2.0/24", true},
        {"nameserver 192.0.2.53\nnameserver 127.0.0.1", NULL, false},
        {"nameserver ::1\nnameserver 127.0.0.1", NULL, true},
        {"nameserver 192.0.2.53\nnameserver 127.0.0.1", "192.0.2.53", true},
        {"nameserver 192.0.2.53\nnameserver 127.0.0.1", "192.0.2.0/24", true},
        {"nameserver 192.0.2.53\nnameserver 127.0.0.1", "198.51.100.1", false},
        {"nameserver 2001:db8::53\nnameserver 127.0.0.1", "192.0.2.0/24",
            false}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct world w;
        struct cidr net;
        struct dns_config c;

        setup(&w);
        write_conf(&w, rows[i].servers, w.server.port);
        c = config(&w);
        if (rows[i].named) {
            assert_int_equal(
                cidr_parse(str_of(rows[i].named), CIDR_PREFIX, &net, NULL), 0);
            c.trusted = &net;
            c.trusted_count = 1;
        }
        dns_reload(w.dns, &c);
        assert_int_equal(dns_is_trusted(w.dns), rows[i].trusted);
        teardown(&w);
    }
}

/* The same answer of the same server, once trusted and once not. */
static void
test_ad_of_untrusted_servers(void **state)
{
    struct world w;
    struct dns_config c;
    FILE *f;

    (void)state;
    setup(&w);
    ask(&w, "one.example", DNS_MX);
    assert_true(w.last.authenticated);
    f = fopen(w.path, "a"); /* the first is asked, the second might be */
    assert_non_null(f);
    fputs("nameserver 192.0.2.53\n", f);
    fclose(f);
    c = config(&w);
    dns_reload(w.dns, &c);
    ask(&w, "one.example", DNS_MX); /* kept: it was good */
    assert_true(w.last.authenticated);
    ask(&w, "two.example", DNS_MX);
    assert_int_equal(w.last.status, DNS_OK);
    assert_false(w.last.authenticated);
    teardown(&w);
}

static void
test_resolv_conf(void **state)
{
    static const struct {
        const char *text, *servers;
        int timeout_ms, attempts;
    } rows[] = {
        {"", "127.0.0.1:53", 5000, 2},
        {"nameserver 10.0.0.1", "10.0.0.1:53", 5000, 2},
        {"nameserver ::1\nnameserver [::1]:5300\nnameserver  10.0.0.2:5 # x",
            "[::1]:53,[::1]:5300,10.0.0.2:5", 5000, 2},
        {"; c\nnameserver x\nnameserver 1.2.3.4:0\noptions timeout:0 "
         "attempts:99 ndots:2",
            "1.2.3.4:53", 1000, 5},
        {"nameserver\noptions retrans:3 retry:1", "127.0.0.1:53", 3000, 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct resolvconf r;
        resolvconf_parse(str_of(rows[i].text), &r);
        assert_string_equal(buf_get(&r.servers).p, rows[i].servers);
        assert_int_equal(r.timeout_ms, rows[i].timeout_ms);
        assert_int_equal(r.attempts, rows[i].attempts);
        resolvconf_fini(&r);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_names_without_a_question),
        cmocka_unit_test(test_shared_waits),
        cmocka_unit_test(test_negative_and_expiry),
        cmocka_unit_test(test_ttl_clamps),
        cmocka_unit_test(test_rate_limit),
        cmocka_unit_test(test_list_and_flush),
        cmocka_unit_test(test_large_cache),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_down_at_start),
        cmocka_unit_test(test_servers_are_kept),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_trust),
        cmocka_unit_test(test_ad_of_untrusted_servers),
        cmocka_unit_test(test_resolv_conf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
