/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "route/self.h"
#include "route_world.h"

/* Listeners, ended by NULL. */
static void
listen_at(struct world *w, const char *const *texts)
{
    struct netaddr at[8];
    size_t count = 0;

    for (; texts[count]; count++) {
        assert_true(count < ARRAY_SIZE(at));
        assert_int_equal(
            netaddr_parse(str_of(texts[count]), false, &at[count], NULL), 0);
    }
    resolver_set_self(w->resolver, at, count);
}

static void
zone(void)
{
    fake_dns_add("d.test", DNS_MX, 300, 10, "a.test");
    fake_dns_add("d.test", DNS_MX, 300, 20, "b.test");
    fake_dns_add("d.test", DNS_MX, 300, 20, "c.test");
    fake_dns_add("d.test", DNS_MX, 300, 30, "e.test");
    fake_dns_add("a.test", DNS_A, 300, 0, "10.1.0.1");
    fake_dns_add("b.test", DNS_A, 300, 0, "10.1.0.2");
    fake_dns_add("c.test", DNS_A, 300, 0, "10.1.0.3");
    fake_dns_add("e.test", DNS_A, 300, 0, "10.1.0.4");
    fake_dns_add("lone.test", DNS_A, 300, 0, "10.1.0.9");
    fake_dns_add("half.test", DNS_MX, 300, 10, "gone.test");
    fake_dns_add("half.test", DNS_MX, 300, 20, "b.test");
    fake_dns_say("gone.test", DNS_A, DNS_SERVFAIL);
    fake_dns_add("nat.test", DNS_MX, 300, 10, "a.test");
    fake_dns_add("nat.test", DNS_MX, 300, 20, "Self.Example");
    fake_dns_add("nat.test", DNS_MX, 300, 30, "b.test");
    fake_dns_add("nat2.test", DNS_MX, 300, 10, "self.example");
    fake_dns_add("nat2.test", DNS_MX, 300, 20, "b.test");
    fake_dns_add("local.test", DNS_A, 300, 0, "127.9.9.9");
    fake_dns_add("any.test", DNS_A, 300, 0, "0.0.0.0");
}

struct row {
    const char *conf, *domain;
    const char *listen[4];
    const char *hops[6]; /* while each one fails; the last is the verdict */
};

static void
check(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct row *r = &rows[i];
        struct world w;
        struct domain *d;

        world_open(&w, r->conf);
        listen_at(&w, r->listen);
        zone();
        d = world_domain(&w, "default", r->domain);
        for (size_t j = 0; r->hops[j]; j++) {
            const char *got = world_try(&w, d, true);
            if (strcmp(got, r->hops[j]) != 0)
                fail_msg("row %zu, %zu: %s, not %s", i, j, got, r->hops[j]);
        }
        domain_unref(&d);
        world_close(&w);
    }
}

/* RFC 5321 5.1: its own preference and worse ones are left out. */
static void
test_own_mx(void **state)
{
    static const struct row rows[] = {
        {"", "d.test", {NULL},
            {"10.1.0.1:25", "10.1.0.2:25", "10.1.0.3:25", "10.1.0.4:25",
                "down 120"}},
        {"", "d.test", {"10.1.0.4:25"},
            {"10.1.0.1:25", "10.1.0.2:25", "10.1.0.3:25", "down 120"}},
        {"", "d.test", {"10.1.0.3:25"}, {"10.1.0.1:25", "down 120"}},
        {"", "d.test", {"10.1.0.1:25"}, {"fail 554 5.4.6"}},
        /* another port is another server */
        {"", "d.test", {"10.1.0.1:26"}, {"10.1.0.1:25", "10.1.0.2:25"}},
        {"", "d.test", {"192.0.2.1:25", "[2001:db8::1]:25", "10.1.0.1:25"},
            {"fail 554 5.4.6"}},
        /* without MX, and as a literal */
        {"", "lone.test", {"10.1.0.9:25"}, {"fail 554 5.4.6"}},
        {"", "[10.1.0.9]", {"10.1.0.9:25"}, {"fail 554 5.4.6"}},
        {"", "[IPv6:::ffff:10.1.0.9]", {"10.1.0.9:25"}, {"fail 554 5.4.6"}},
        /* a better one may be there again */
        {"", "half.test", {"10.1.0.2:25"}, {"delay 454 4.4.6"}},
        /* all addresses of this host; 0.0.0.0 is one that connect() takes */
        {"", "local.test", {"*:25"}, {"fail 554 5.4.6"}},
        {"", "local.test", {"[*]:25"}, {"127.9.9.9:25"}},
        {"", "any.test", {"127.0.0.1:25"}, {"fail 554 5.4.6"}},
        {"", "any.test", {"*:25"}, {"fail 554 5.4.6"}},
        {"", "any.test", {"127.0.0.2:25"}, {"0.0.0.0:25"}},
        {"", "d.test", {"*:25"}, {"10.1.0.1:25", "10.1.0.2:25"}},
        /* what it would not use anyhow */
        {"prohibited_hosts = (\"10.1.0.1\")", "d.test", {"10.1.0.1:25"},
            {"fail 554 5.4.6"}},
        {"prohibited_hosts = (\"10.1.0.3\")", "d.test", {"10.1.0.2:25"},
            {"10.1.0.1:25", "down 120"}},
        {"skip_hosts = (\"10.1.0.1\")", "d.test", {"10.1.0.2:25"},
            {"delay 451 4.4.1"}},
    };

    (void)state;
    check(rows, ARRAY_SIZE(rows));
}

/* Its name in the list, with an address that it does not know, or none. */
static void
test_own_name(void **state)
{
    static const struct row rows[] = {
        {"hostname = \"self.example\"", "nat.test", {"10.9.9.9:25"},
            {"10.1.0.1:25", "down 120"}},
        {"hostname = \"self.example\"", "nat.test", {"10.9.9.9:587"},
            {"10.1.0.1:25", "10.1.0.2:25"}},
        {"hostname = \"other.example\"", "nat.test", {"10.9.9.9:25"},
            {"10.1.0.1:25", "10.1.0.2:25"}},
        {"hostname = \"self.example\"", "nat2.test", {"10.9.9.9:25"},
            {"fail 554 5.4.6"}},
    };

    (void)state;
    check(rows, ARRAY_SIZE(rows));
}

/* What an operator wrote is left out only if it is this server, and delays. */
static void
test_gateways_and_routes(void **state)
{
    static const struct row rows[] = {
        {"gateway = \"10.1.0.1\"", "d.test", {"10.1.0.1:25"},
            {"delay 454 4.4.6"}},
        {"gateway = \"lone.test\"", "d.test", {"10.1.0.9:25"},
            {"delay 454 4.4.6"}},
        /* a gateway's MX: the others are used */
        {"gateway = \"d.test\"", "x.test", {"10.1.0.2:25"},
            {"10.1.0.1:25", "10.1.0.3:25", "10.1.0.4:25", "down 120"}},
        {"gateway = \"10.1.0.1:2525\"", "d.test", {"10.1.0.1:2525"},
            {"delay 454 4.4.6"}},
        {"gateway = \"10.1.0.1:2525\"", "d.test", {"10.1.0.1:25"},
            {"10.1.0.1:2525"}},
        {"routes = (\"10.1.0.1\" \"10.1.0.2\")", "d.test", {"10.1.0.1:25"},
            {"10.1.0.2:25", "down 120"}},
        {"routes = (\"10.1.0.1\")", "d.test", {"10.1.0.1:25"},
            {"delay 454 4.4.6"}},
        /* __mx__ among them follows the rule of MX */
        {"routes = (\"__mx__\" \"10.1.0.4\")", "d.test", {"10.1.0.2:25"},
            {"10.1.0.1:25", "10.1.0.4:25", "down 120"}},
        {"routes = (\"__mx__\")", "d.test", {"10.1.0.1:25"},
            {"fail 554 5.4.6"}},
        {"routes = (\"__mx__\" \"10.1.0.1\")", "d.test", {"10.1.0.1:25"},
            {"delay 454 4.4.6"}},
        {"routes = (\"smtp://__mx__?port=26\" \"smtp://__mx__?port=25\")",
            "d.test", {"10.1.0.1:26"},
            {"10.1.0.1:25", "10.1.0.2:25", "10.1.0.3:25", "10.1.0.4:25"}},
    };

    (void)state;
    check(rows, ARRAY_SIZE(rows));
}

static bool
shows(struct world *w, struct domain *d, const char *what)
{
    struct buf b = BUF_INIT;
    bool found;

    world_print(w, d, "default", &b);
    found = str_find(buf_get(&b), str_of(what), 0) != SIZE_MAX;
    buf_fini(&b);
    return found;
}

/* Listeners that come and go count at once; sessions that are open leave. */
static void
test_listeners_change(void **state)
{
    struct world w;
    struct domain *d;
    struct hop h;
    int64_t until;

    (void)state;
    world_open(&w, "");
    zone();
    d = world_domain(&w, "default", "d.test");
    assert_int_equal(world_pick(&w, d, "default", &h), HOP_OK);
    assert_int_equal(domain_standing(d, w.g, generation_global(w.g),
                         STR("default"), 25, &h, &until),
        HOP_CURRENT);
    assert_false(shows(&w, d, "this server"));
    listen_at(&w, (const char *const[]){"10.1.0.1:25", NULL});
    assert_int_equal(domain_standing(d, w.g, generation_global(w.g),
                         STR("default"), 25, &h, &until),
        HOP_GONE);
    assert_true(shows(&w, d, "left out: this server 1 open"));
    assert_true(shows(&w, d,
        "[10.1.0.4] IPv4 (no connection yet) left out: no better than this "
        "server"));
    assert_string_equal(world_next(&w, d), "fail 554 5.4.6");
    listen_at(&w, (const char *const[]){NULL});
    assert_string_equal(world_next(&w, d), "10.1.0.1:25");
    hop_closed(&h, STR("default"), -1, generation_global(w.g));
    domain_unref(&d);
    world_close(&w);
}

/* What the record would be made of by other options is old. */
static void
test_cut_is_old(void **state)
{
    static const struct {
        const char *conf;
        bool old;
    } rows[] = {
        {"", false},
        {"relay_domains = (\"d.test\")", true},
        {"relay_domains = (\"x.test\")", false},
        {"relay_domains = (\"d.test\") "
         "only_use_best_mx_for_relay_domains = false",
            false},
    };
    struct world w;
    struct domain *d, *by_gateway;

    (void)state;
    world_open(&w, "");
    zone();
    d = world_domain(&w, "default", "d.test");
    assert_string_equal(world_try(&w, d, false), "10.1.0.1:25");
    world_configure(&w, "gateway = \"d.test\"");
    by_gateway = world_domain(&w, "default", "x.test");
    assert_string_equal(world_try(&w, by_gateway, false), "10.1.0.1:25");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        world_configure(&w, rows[i].conf);
        resolver_adopt(w.resolver, w.g);
        assert_int_equal(domain_is_old(d), rows[i].old);
        assert_false(domain_is_old(by_gateway));
    }
    domain_unref(&d);
    domain_unref(&by_gateway);
    world_close(&w);
}

static void
test_addresses(void **state)
{
    struct netaddr at[3];
    struct self s = {0};
    struct cidr ip;

    (void)state;
    memset(at, 0, sizeof(at)); /* the first is a path */
    (void)str_copy(at[0].path, sizeof(at[0].path), STR("/run/x"));
    assert_int_equal(netaddr_parse(STR("[::1]:25"), false, &at[1], NULL), 0);
    assert_int_equal(netaddr_parse(STR("*:26"), false, &at[2], NULL), 0);
    self_set(&s, at, 3);
    assert_int_equal(s.count, 2);
    assert_true(self_has_port(&s, 25) && self_has_port(&s, 26));
    assert_false(self_has_port(&s, 0) || self_has_port(&s, 27));
    assert_int_equal(cidr_parse(STR("::"), 0, &ip, NULL), 0);
    assert_true(self_is(&s, &ip, 25));
    assert_false(self_is(&s, &ip, 26));
    assert_int_equal(cidr_parse(STR("192.0.2.77"), 0, &ip, NULL), 0);
    assert_false(self_is(&s, &ip, 26));
    assert_int_equal(cidr_parse(STR("127.200.0.1"), 0, &ip, NULL), 0);
    assert_true(self_is(&s, &ip, 26));
    self_set(&s, NULL, 0);
    assert_false(self_is(&s, &ip, 26));
    self_fini(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own_mx),
        cmocka_unit_test(test_own_name),
        cmocka_unit_test(test_gateways_and_routes),
        cmocka_unit_test(test_listeners_change),
        cmocka_unit_test(test_cut_is_old),
        cmocka_unit_test(test_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
