/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/clock.h"
#include "fake_fetch.h"
#include "fake_state.h"
#include "route/sts.h"
#include "route_world.h"

#define CONF "use_mta_sts = true\n"
#define POLICY(mode, mx, age) \
    "version: STSv1\nmode: " mode "\nmx: " mx "\nmax_age: " age "\n"
#define DAY (86400 * INT64_C(1000))

struct sts_world {
    struct world w;
    struct sts *sts;
    int troubles;
    enum tls_reason trouble;
    bool held;
};

static void
on_trouble(void *arg, struct str domain, enum tls_reason why, const char *text,
    bool held)
{
    struct sts_world *s = arg;

    assert_true(str_eq(domain, STR("a.test")));
    assert_non_null(text);
    s->troubles++;
    s->trouble = why;
    s->held = held;
}

static void
begin(struct sts_world *s)
{
    s->sts = sts_new(&(struct sts_config){.loop = s->w.loop,
        .dns = s->w.dns,
        .fetcher = (struct fetcher *)(void *)s,
        .spool = (struct spool *)(void *)s});
    sts_set_trouble(s->sts, on_trouble, s);
    sts_adopt(s->sts, s->w.g);
    resolver_set_sts(s->w.resolver, s->sts);
}

static void
open_world(struct sts_world *s, const char *conf)
{
    memset(s, 0, sizeof(*s));
    fake_fetch_reset();
    fake_state_reset();
    world_open(&s->w, conf);
    begin(s);
    resolver_recovered(s->w.resolver);
    fake_dns_add("a.test", DNS_MX, 86400 * 7, 10, "mx1.a.test");
    fake_dns_add("a.test", DNS_MX, 86400 * 7, 20, "mx2.a.test");
    fake_dns_add("mx1.a.test", DNS_A, 86400 * 7, 0, "10.0.0.1");
    fake_dns_add("mx2.a.test", DNS_A, 86400 * 7, 0, "10.0.0.2");
}

static void
record(const char *id)
{
    struct buf b = BUF_INIT;

    fake_dns_drop("_mta-sts.a.test");
    buf_printf(&b, "v=STSv1; id=%s;", id);
    fake_dns_add("_mta-sts.a.test", DNS_TXT, 300, 0, buf_get(&b).p);
    buf_fini(&b);
}

static void
close_world(struct sts_world *s)
{
    resolver_free(&s->w.resolver);
    sts_free(&s->sts);
    world_close(&s->w);
    assert_int_equal(fake_fetch_open(), 0);
    fake_state_reset();
}

static void
turns(struct sts_world *s)
{
    for (int i = 0; i < 8; i++)
        loop_turn(s->w.loop, 0);
}

static void
answer(struct sts_world *s, const char *policy)
{
    assert_int_equal(fake_fetch_open(), 1);
    fake_fetch_answer(0, FETCH_ANSWERED, 200, "text/plain", policy);
    turns(s);
}

/* What a pick comes to: "wait", or the host, and the demand: "mx1 -". */
static const char *
pick(struct sts_world *s, struct domain *d, const char *binding)
{
    static char text[300];
    struct buf b = BUF_INIT;
    struct hop h;
    enum hop_result r;

    turns(s);
    r = domain_pick(d, s->w.g,
        generation_scope(s->w.g, str_of(binding), domain_name(d)),
        str_of(binding), 25, &h);
    if (r == HOP_WAIT) {
        buf_cstr(&b, "wait");
    } else if (r != HOP_OK) {
        buf_printf(&b, "%s %u %u.%u.%u", r == HOP_DELAY ? "delay" : "other",
            (unsigned)h.code, (unsigned)h.status[0], (unsigned)h.status[1],
            (unsigned)h.status[2]);
    } else {
        buf_printf(&b, "%.3s ", h.name.p);
        if (h.tls)
            tlsdemand_print(h.tls, &b);
        else
            buf_char(&b, '-');
        hop_closed(&h, str_of(binding), -1,
            generation_scope(s->w.g, str_of(binding), domain_name(d)));
    }
    (void)str_copy(text, sizeof(text), buf_get(&b));
    buf_fini(&b);
    return text;
}

/* Until nothing is asked for any more. */
static const char *
settled(struct sts_world *s, struct domain *d)
{
    const char *got = "wait";

    /* what is asked for in the background has its answer too */
    for (int i = 0; i < 2 || (i < 5 && strcmp(got, "wait") == 0); i++)
        got = pick(s, d, "default");
    return got;
}

#define ENFORCED "mx1 sts verified for mx1.a.test"
#define WATCHED "mx1 sts watched for mx1.a.test"

static void
test_off(void **state)
{
    struct sts_world s;
    struct domain *d;

    (void)state;
    open_world(&s, "");
    record("1");
    d = world_domain(&s.w, "default", "a.test");
    assert_string_equal(settled(&s, d), "mx1 -");
    assert_int_equal(fake_dns_asked("_mta-sts.a.test", DNS_TXT), 0);
    domain_unref(&d);
    close_world(&s);
}

static void
test_none(void **state)
{
    struct sts_world s;
    struct domain *d;

    (void)state;
    open_world(&s, CONF);
    d = world_domain(&s.w, "default", "a.test");
    assert_string_equal(settled(&s, d), "mx1 -");
    assert_int_equal(fake_dns_asked("_mta-sts.a.test", DNS_TXT), 1);
    assert_int_equal(fake_fetch_asked(), 0);
    /* not asked for each mail; after a while again */
    assert_string_equal(pick(&s, d, "default"), "mx1 -");
    assert_int_equal(fake_dns_asked("_mta-sts.a.test", DNS_TXT), 1);
    world_pass(&s.w, STS_CHECK_MAX_MS + 1000);
    assert_string_equal(settled(&s, d), "mx1 -");
    assert_int_equal(fake_dns_asked("_mta-sts.a.test", DNS_TXT), 2);
    domain_unref(&d);
    close_world(&s);
}

static void
test_enforce(void **state)
{
    struct sts_world s;
    struct domain *d;
    const struct fetch_request *r;

    (void)state;
    open_world(&s, CONF);
    record("1");
    d = world_domain(&s.w, "default", "a.test");
    assert_string_equal(settled(&s, d), "wait");
    assert_string_equal(pick(&s, d, "default"), "wait");
    assert_int_equal(fake_fetch_asked(), 1); /* one at a time */
    r = fake_fetch_get(0);
    assert_string_equal(
        r->url, "https://mta-sts.a.test/.well-known/mta-sts.txt");
    assert_string_equal(r->method, "GET");
    assert_int_equal(r->redirects, 0);
    assert_int_equal(r->timeout_ms, 60000);
    assert_int_equal(r->most, 65536);
    answer(&s, POLICY("enforce", "mx1.a.test", "604800"));
    assert_string_equal(pick(&s, d, "default"), ENFORCED);
    assert_non_null(fake_state_get("a.test"));
    domain_unref(&d);
    close_world(&s);
}

/* Never a host that the policy does not name, whatever its preference. */
static void
test_unnamed(void **state)
{
    struct sts_world s;
    struct domain *d;
    struct buf b = BUF_INIT;

    (void)state;
    open_world(&s, CONF);
    record("1");
    d = world_domain(&s.w, "default", "a.test");
    (void)settled(&s, d);
    answer(&s, POLICY("enforce", "mx2.a.test", "604800"));
    assert_string_equal(
        pick(&s, d, "default"), "mx2 sts verified for mx2.a.test");
    world_print(&s.w, d, "default", &b);
    assert_non_null(strstr(b.p, "MTA-STS: enforce, id 1, fetched"));
    assert_non_null(strstr(b.p, "left out: not in its MTA-STS policy"));
    record("2");
    world_pass(&s.w, STS_CHECK_MAX_MS);
    (void)settled(&s, d);
    answer(&s, POLICY("enforce", "*.b.test", "604800"));
    assert_string_equal(pick(&s, d, "default"), "delay 451 4.7.5");
    buf_fini(&b);
    domain_unref(&d);
    close_world(&s);
}

static void
test_testing(void **state)
{
    struct sts_world s;
    struct domain *d;

    (void)state;
    open_world(&s, CONF);
    record("1");
    d = world_domain(&s.w, "default", "a.test");
    (void)settled(&s, d);
    answer(&s, POLICY("testing", "mx2.a.test", "604800"));
    assert_string_equal(pick(&s, d, "default"), WATCHED);
    record("2");
    world_pass(&s.w, STS_CHECK_MAX_MS);
    (void)settled(&s, d);
    answer(&s, "version: STSv1\nmode: none\nmax_age: 86400\n");
    assert_string_equal(pick(&s, d, "default"), "mx1 -");
    domain_unref(&d);
    close_world(&s);
}

/* enable_mta_sts by binding. */
static void
test_enable(void **state)
{
    struct sts_world s;
    struct domain *d;

    (void)state;
    open_world(&s,
        CONF "Binding \"off\" { enable_mta_sts = false }\n"
             "Binding \"try\" { enable_mta_sts = testing }\n");
    record("1");
    d = world_domain(&s.w, "default", "a.test");
    assert_string_equal(settled(&s, d), "wait");
    assert_string_equal(pick(&s, d, "off"), "mx1 -"); /* waits for nobody */
    answer(&s, POLICY("enforce", "mx2.a.test", "604800"));
    assert_string_equal(
        pick(&s, d, "default"), "mx2 sts verified for mx2.a.test");
    assert_string_equal(pick(&s, d, "off"), "mx1 -");
    assert_string_equal(pick(&s, d, "try"), WATCHED);
    domain_unref(&d);
    close_world(&s);
}

/* What an operator wrote is no MX. */
static void
test_routes(void **state)
{
    struct sts_world s;
    struct domain *d;

    (void)state;
    open_world(&s,
        CONF "domain \"a.test\" { routes = ( \"[10.9.9.9]\" ) }\n"
             "domain \"b.test\" { gateway = \"a.test\" }\n");
    record("1");
    d = world_domain(&s.w, "default", "a.test");
    assert_string_equal(settled(&s, d), "10. -");
    domain_unref(&d);
    assert_int_equal(fake_dns_asked("_mta-sts.a.test", DNS_TXT), 0);
    close_world(&s);
    open_world(&s, CONF "domain \"b.test\" { gateway = \"a.test\" }\n");
    record("1");
    d = world_domain(&s.w, "default", "b.test");
    assert_string_equal(settled(&s, d), "mx1 -");
    domain_unref(&d);
    assert_int_equal(fake_dns_asked("_mta-sts.a.test", DNS_TXT), 0);
    close_world(&s);
}

/* Nothing that goes wrong without a policy holds mail back. */
static void
test_failures(void **state)
{
    static const struct {
        enum fetch_outcome outcome;
        int status;
        const char *type, *body;
        enum tls_reason why;
    } rows[] = {{FETCH_CERTIFICATE, 0, NULL, NULL, TLS_STS_WEBPKI},
        {FETCH_TLS, 0, NULL, NULL, TLS_STS_WEBPKI},
        {FETCH_TIMEOUT, 0, NULL, NULL, TLS_STS_FETCH},
        {FETCH_TOO_BIG, 0, NULL, NULL, TLS_STS_FETCH},
        {FETCH_ANSWERED, 404, "text/plain",
            POLICY("enforce", "mx2.a.test", "604800"), TLS_STS_FETCH},
        {FETCH_ANSWERED, 301, "text/plain",
            POLICY("enforce", "mx2.a.test", "604800"), TLS_STS_FETCH},
        {FETCH_ANSWERED, 200, "text/html",
            POLICY("enforce", "mx2.a.test", "604800"), TLS_STS_INVALID},
        {FETCH_ANSWERED, 200, NULL, POLICY("enforce", "mx2.a.test", "604800"),
            TLS_STS_INVALID},
        {FETCH_ANSWERED, 200, "text/plain", "nonsense", TLS_STS_INVALID}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct sts_world s;
        struct domain *d;

        open_world(&s, CONF);
        record("1");
        d = world_domain(&s.w, "default", "a.test");
        (void)settled(&s, d);
        assert_int_equal(fake_fetch_open(), 1);
        fake_fetch_answer(
            0, rows[i].outcome, rows[i].status, rows[i].type, rows[i].body);
        assert_int_equal(s.troubles, 1);
        assert_int_equal(s.trouble, rows[i].why);
        assert_false(s.held);
        assert_string_equal(pick(&s, d, "default"), "mx1 -");
        assert_int_equal(fake_state_count(), 0);
        domain_unref(&d);
        close_world(&s);
    }
}

/* The same id is not fetched again at once, another one is. */
static void
test_back_off(void **state)
{
    struct sts_world s;
    struct domain *d;

    (void)state;
    open_world(&s, CONF);
    record("1");
    d = world_domain(&s.w, "default", "a.test");
    (void)settled(&s, d);
    fake_fetch_answer(0, FETCH_TIMEOUT, 0, NULL, NULL);
    world_pass(&s.w, STS_CHECK_MIN_MS + 1000);
    assert_string_equal(settled(&s, d), "mx1 -");
    assert_int_equal(fake_fetch_asked(), 1);
    world_pass(&s.w, STS_RETRY_MS * 9 / 8 + 1000);
    (void)settled(&s, d);
    assert_int_equal(fake_fetch_asked(), 2);
    fake_fetch_answer(0, FETCH_TIMEOUT, 0, NULL, NULL);
    world_pass(&s.w, STS_RETRY_MS + STS_RETRY_MS / 2);
    (void)settled(&s, d);
    assert_int_equal(fake_fetch_asked(), 2); /* twice as long now */
    record("2");
    world_pass(&s.w, 301000);
    (void)settled(&s, d);
    assert_int_equal(fake_fetch_asked(), 3);
    answer(&s, POLICY("enforce", "mx1.a.test", "604800"));
    assert_string_equal(pick(&s, d, "default"), ENFORCED);
    domain_unref(&d);
    close_world(&s);
}

/* An old policy holds until its max_age, whatever fails. */
static void
test_held(void **state)
{
    struct sts_world s;
    struct domain *d;

    (void)state;
    open_world(&s, CONF);
    record("1");
    d = world_domain(&s.w, "default", "a.test");
    (void)settled(&s, d);
    answer(&s, POLICY("enforce", "mx1.a.test", "604800"));
    fake_dns_drop("_mta-sts.a.test"); /* the record is gone */
    world_pass(&s.w, STS_CHECK_MAX_MS);
    assert_string_equal(settled(&s, d), ENFORCED);
    fake_dns_say("_mta-sts.a.test", DNS_TXT, DNS_SERVFAIL);
    world_pass(&s.w, STS_CHECK_MAX_MS);
    assert_string_equal(settled(&s, d), ENFORCED);
    record("2"); /* another policy that cannot be had */
    world_pass(&s.w, STS_CHECK_MAX_MS);
    assert_string_equal(settled(&s, d), ENFORCED);
    assert_int_equal(fake_fetch_open(), 1);
    fake_fetch_answer(0, FETCH_CERTIFICATE, 0, NULL, NULL);
    assert_true(s.held);
    assert_string_equal(pick(&s, d, "default"), ENFORCED);
    domain_unref(&d);
    close_world(&s);
}

static void
pass_days(struct sts_world *s, int days)
{
    for (int i = 0; i < days * 24; i++) {
        world_pass(&s->w, 3600000);
        turns(s);
        while (fake_fetch_open())
            fake_fetch_answer(0, FETCH_TIMEOUT, 0, NULL, NULL);
    }
}

static void
test_expires(void **state)
{
    struct sts_world s;
    struct domain *d;
    struct sts_stats st;

    (void)state;
    open_world(&s, CONF);
    record("1");
    d = world_domain(&s.w, "default", "a.test");
    (void)settled(&s, d);
    answer(&s, POLICY("enforce", "mx1.a.test", "604800"));
    pass_days(&s, 6);
    assert_true(s.troubles > 0); /* it was fetched again, in vain */
    assert_string_equal(settled(&s, d), ENFORCED);
    pass_days(&s, 2);
    assert_int_equal(fake_state_count(), 0);
    sts_get_stats(s.sts, &st);
    assert_int_equal(st.policies, 0);
    assert_int_equal(st.expired, 1);
    (void)settled(&s, d);
    while (fake_fetch_open())
        fake_fetch_answer(0, FETCH_TIMEOUT, 0, NULL, NULL);
    assert_string_equal(settled(&s, d), "mx1 -");
    domain_unref(&d);
    close_world(&s);
}

/* Without mail too: an attacker who blocks us for a while gains nothing. */
static void
test_refreshed(void **state)
{
    struct sts_world s;
    struct domain *d;
    struct sts_facts f;
    int64_t first;

    (void)state;
    open_world(&s, CONF);
    record("1");
    d = world_domain(&s.w, "default", "a.test");
    (void)settled(&s, d);
    answer(&s, POLICY("enforce", "mx1.a.test", "604800"));
    domain_unref(&d);
    assert_int_equal(sts_find(s.sts, STR("A.test"), &f), 0);
    first = f.expires;
    for (int i = 0; i < 25 && !fake_fetch_open(); i++) {
        world_pass(&s.w, 3600000);
        turns(&s);
    }
    answer(&s, POLICY("enforce", "mx1.a.test", "604800"));
    assert_int_equal(sts_find(s.sts, STR("a.test"), &f), 0);
    assert_true(f.expires >= first + DAY * 7 / 8);
    assert_int_equal(f.fetched, clock_wall());
    close_world(&s);
}

static void
on_changed(void *arg, struct domain *d)
{
    (void)arg, (void)d;
}

static void
restart(struct sts_world *s)
{
    resolver_free(&s->w.resolver);
    sts_free(&s->sts);
    s->w.resolver = resolver_new(
        s->w.loop, s->w.dns, &(struct resolver_events){.changed = on_changed});
    begin(s);
}

static void
test_restart(void **state)
{
    struct sts_world s;
    struct domain *d;

    (void)state;
    open_world(&s, CONF);
    record("1");
    d = world_domain(&s.w, "default", "a.test");
    (void)settled(&s, d);
    answer(&s, POLICY("enforce", "mx1.a.test", "604800"));
    domain_unref(&d);
    fake_state_set("b.test", "1 x 5 junk\nversion: STSv1\n");
    fake_state_set("c.test", "");
    fake_state_set("../d", "1 x 5 6\n" POLICY("enforce", "a", "5"));
    restart(&s);
    fake_dns_drop("_mta-sts.a.test");
    d = world_domain(&s.w, "default", "a.test");
    /* nobody knows yet what was in force */
    assert_string_equal(settled(&s, d), "wait");
    resolver_recovered(s.w.resolver);
    assert_string_equal(pick(&s, d, "default"), ENFORCED);
    domain_unref(&d);
    world_pass(&s.w, 8 * DAY);
    restart(&s);
    resolver_recovered(s.w.resolver);
    d = world_domain(&s.w, "default", "a.test");
    assert_string_equal(settled(&s, d), "mx1 -"); /* it has ended meanwhile */
    domain_unref(&d);
    close_world(&s);
}

/* An hour's clock that was wrong does not make a policy last for years, and
 * times that cannot be make it none. */
static void
test_future(void **state)
{
    static const char *const kept[] = {
        "1 x 1 9000000000000000\n" POLICY("enforce", "mx1.a.test", "604800"),
        "1 x 9223372036854775807 1700003600000\n" POLICY(
            "enforce", "mx1.a.test", "604800"),
        "1 x -1 1700003600000\n" POLICY("enforce", "mx1.a.test", "604800")};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
        struct sts_world s;
        struct domain *d;

        open_world(&s, CONF);
        fake_state_set("a.test", kept[i]);
        restart(&s);
        resolver_recovered(s.w.resolver);
        d = world_domain(&s.w, "default", "a.test");
        assert_string_equal(settled(&s, d), "mx1 -");
        domain_unref(&d);
        close_world(&s);
    }
}

static void
test_refresh(void **state)
{
    struct sts_world s;
    struct domain *d;
    struct err e = {0};

    (void)state;
    open_world(&s, CONF);
    record("1");
    d = world_domain(&s.w, "default", "a.test");
    (void)settled(&s, d);
    answer(&s, POLICY("enforce", "mx1.a.test", "604800"));
    assert_int_equal(sts_refresh(s.sts, STR("a.test"), &e), 0);
    assert_int_equal(sts_refresh(s.sts, STR("a.test"), &e), ERR_BUSY);
    turns(&s);
    answer(&s, POLICY("testing", "mx1.a.test", "604800")); /* the same id */
    assert_string_equal(pick(&s, d, "default"), WATCHED);
    assert_int_equal(sts_refresh(s.sts, STR("[10.0.0.1]"), &e), ERR_INVAL);
    assert_int_equal(sts_refresh(s.sts, STR("10.0.0.1"), &e), ERR_INVAL);
    assert_int_equal(sts_refresh(s.sts, STR("#x"), &e), ERR_INVAL);
    assert_int_equal(sts_refresh(s.sts, STR("a/b.test"), &e), ERR_INVAL);
    assert_int_equal(sts_refresh(s.sts, STR(""), &e), ERR_INVAL);
    domain_unref(&d);
    close_world(&s);
}

/* The fetcher's own limit is no answer of the domain's. */
static void
test_busy(void **state)
{
    struct sts_world s;
    struct domain *d;

    (void)state;
    open_world(&s, CONF);
    record("1");
    d = world_domain(&s.w, "default", "a.test");
    fake_fetch_refuse(ERR_FULL);
    assert_string_equal(settled(&s, d), "wait");
    world_pass(&s.w, STS_BUSY_MS + 100);
    assert_string_equal(settled(&s, d), "wait");
    assert_int_equal(s.troubles, 0);
    fake_fetch_refuse(0);
    world_pass(&s.w, STS_BUSY_MS + 100);
    turns(&s);
    answer(&s, POLICY("enforce", "mx1.a.test", "604800"));
    assert_string_equal(pick(&s, d, "default"), ENFORCED);
    domain_unref(&d);
    close_world(&s);
}

/* A connection that was picked under another policy is not used on. */
static void
test_standing(void **state)
{
    struct sts_world s;
    struct domain *d;
    const struct scope *scope;
    struct hop h;
    int64_t until;

    (void)state;
    open_world(&s, CONF);
    d = world_domain(&s.w, "default", "a.test");
    assert_string_equal(settled(&s, d), "mx1 -");
    scope = generation_scope(s.w.g, STR("default"), STR("a.test"));
    assert_int_equal(
        domain_pick(d, s.w.g, scope, STR("default"), 25, &h), HOP_OK);
    assert_int_equal(
        domain_standing(d, s.w.g, scope, STR("default"), 25, &h, &until),
        HOP_CURRENT);
    record("1");
    world_pass(&s.w, STS_CHECK_MAX_MS + 1000);
    (void)settled(&s, d);
    answer(&s, POLICY("enforce", "mx1.a.test", "604800"));
    assert_int_equal(
        domain_standing(d, s.w.g, scope, STR("default"), 25, &h, &until),
        HOP_GONE);
    hop_closed(&h, STR("default"), -1, scope);
    domain_unref(&d);
    close_world(&s);
}

/* Two domains with the same MX: each has its own policy. */
static void
test_shared_mx(void **state)
{
    struct sts_world s;
    struct domain *a, *b;

    (void)state;
    open_world(&s, CONF);
    record("1");
    fake_dns_add("b.test", DNS_MX, 86400, 10, "mx1.a.test");
    a = world_domain(&s.w, "default", "a.test");
    b = world_domain(&s.w, "default", "b.test");
    assert_string_equal(settled(&s, b), "mx1 -");
    (void)settled(&s, a);
    answer(&s, POLICY("enforce", "mx2.a.test", "604800"));
    assert_string_equal(
        pick(&s, a, "default"), "mx2 sts verified for mx2.a.test");
    assert_string_equal(pick(&s, b, "default"), "mx1 -");
    domain_unref(&a);
    domain_unref(&b);
    close_world(&s);
}

/* A connection to the host that is picked fails. */
static void
connect_failed(struct sts_world *s, struct domain *d)
{
    const struct scope *scope =
        generation_scope(s->w.g, STR("default"), domain_name(d));
    struct hop h;

    assert_int_equal(
        domain_pick(d, s->w.g, scope, STR("default"), 25, &h), HOP_OK);
    hop_closed(&h, STR("default"), 0, scope);
}

/* A host that fails what one domain's policy asks of it is as good as ever for
 * others.  A policy that is only tested keeps no mail away: what fails is the
 * host. */
static void
test_failure_is_the_domains(void **state)
{
    struct sts_world s;
    struct domain *a, *b;

    (void)state;
    open_world(&s, CONF);
    record("1");
    fake_dns_add("b.test", DNS_MX, 86400, 10, "mx1.a.test");
    a = world_domain(&s.w, "default", "a.test");
    b = world_domain(&s.w, "default", "b.test");
    assert_string_equal(settled(&s, b), "mx1 -");
    (void)settled(&s, a);
    answer(&s, POLICY("enforce", "mx1.a.test", "604800"));
    connect_failed(&s, a);
    assert_string_equal(pick(&s, a, "default"), "other 421 4.4.0");
    assert_string_equal(pick(&s, b, "default"), "mx1 -");
    assert_int_equal(sts_refresh(s.sts, STR("a.test"), NULL), 0);
    turns(&s);
    answer(&s, POLICY("testing", "mx1.a.test", "604800"));
    assert_string_equal(pick(&s, a, "default"), WATCHED);
    connect_failed(&s, a);
    assert_string_equal(pick(&s, b, "default"), "other 421 4.4.0");
    domain_unref(&a);
    domain_unref(&b);
    close_world(&s);
}

/* mta_sts_cache_size: the longest unused goes, none that is used. */
static void
test_room(void **state)
{
    struct sts_world s;
    struct domain *d[3];
    struct sts_facts f;
    const char *const names[] = {"d0.test", "d1.test", "d2.test"};

    (void)state;
    open_world(&s, CONF "mta_sts_cache_size = 1\n");
    for (int i = 0; i < 3; i++) {
        struct buf b = BUF_INIT;

        fake_dns_add(names[i], DNS_MX, 86400, 10, "mx1.a.test");
        buf_printf(&b, "_mta-sts.%s", names[i]);
        fake_dns_add(buf_get(&b).p, DNS_TXT, 3600, 0, "v=STSv1; id=1;");
        buf_fini(&b);
        d[i] = world_domain(&s.w, "default", names[i]);
        (void)settled(&s, d[i]);
        answer(&s, POLICY("enforce", "mx1.a.test", "604800"));
        assert_string_equal(pick(&s, d[i], "default"), ENFORCED);
        if (i == 0) {
            domain_unref(&d[0]);
            world_pass(&s.w, 60000); /* its record goes */
            turns(&s);
        }
        world_pass(&s.w, 1000);
    }
    assert_int_equal(sts_find(s.sts, STR("d0.test"), &f), ERR_NOTFOUND);
    assert_int_equal(sts_find(s.sts, STR("d1.test"), &f), 0);
    assert_int_equal(sts_find(s.sts, STR("d2.test"), &f), 0);
    assert_null(fake_state_get("d0.test"));
    assert_non_null(fake_state_get("d1.test"));
    domain_unref(&d[1]);
    domain_unref(&d[2]);
    close_world(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_off),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_enforce),
        cmocka_unit_test(test_unnamed),
        cmocka_unit_test(test_testing),
        cmocka_unit_test(test_enable),
        cmocka_unit_test(test_routes),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_back_off),
        cmocka_unit_test(test_held),
        cmocka_unit_test(test_expires),
        cmocka_unit_test(test_refreshed),
        cmocka_unit_test(test_restart),
        cmocka_unit_test(test_future),
        cmocka_unit_test(test_refresh),
        cmocka_unit_test(test_busy),
        cmocka_unit_test(test_standing),
        cmocka_unit_test(test_shared_mx),
        cmocka_unit_test(test_failure_is_the_domains),
        cmocka_unit_test(test_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
