/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#include "route/mxshare.h"
#include "route_world.h"

static void
zone(void)
{
    for (int i = 0; i < 3; i++) {
        char name[20];

        (void)snprintf(name, sizeof(name), "d%d.test", i);
        /* the same set, in any order */
        fake_dns_add(
            name, DNS_MX, 300, 10, i ? "mx1.hub.test" : "mx2.hub.test");
        fake_dns_add(
            name, DNS_MX, 300, 10, i ? "mx2.hub.test" : "mx1.hub.test");
        fake_dns_add(name, DNS_MX, 300, 20, "backup.test");
    }
    fake_dns_add("short.test", DNS_MX, 300, 10, "mx1.hub.test");
    fake_dns_add("turned.test", DNS_MX, 300, 10, "mx1.hub.test");
    fake_dns_add("turned.test", DNS_MX, 300, 20, "mx2.hub.test");
    fake_dns_add("turned.test", DNS_MX, 300, 20, "backup.test");
    fake_dns_add("mixed.test", DNS_MX, 300, 10, "mx1.hub.test");
    fake_dns_add("mixed.test", DNS_MX, 300, 10, "backup.test");
    fake_dns_add("second.test", DNS_MX, 300, 10, "backup.test");
    fake_dns_add("second.test", DNS_MX, 300, 20, "mx1.hub.test");
    fake_dns_add("plain.test", DNS_A, 300, 0, "10.9.0.1");
    fake_dns_add("null.test", DNS_MX, 300, 0, "");
    fake_dns_add("mx1.hub.test", DNS_A, 300, 0, "10.1.0.1");
    fake_dns_add("mx1.hub.test", DNS_A, 300, 0, "10.1.0.2");
    fake_dns_add("mx2.hub.test", DNS_A, 300, 0, "10.1.0.3");
    fake_dns_add("backup.test", DNS_A, 300, 0, "10.1.0.4");
}

static enum mxshare
ask(struct world *w, struct domain *d, const char *binding,
    struct mxshare_with *to)
{
    enum mxshare found = MXSHARE_WAIT;

    for (int i = 0; i < 10 && found == MXSHARE_WAIT; i++) {
        found = mxshare_find(d, w->g, str_of(binding), to);
        loop_turn(w->loop, 0);
    }
    return found;
}

#define HUB \
    "host \"/\\.hub\\.test$/\" { rollup_mx = true " \
    "rollup_mx_name = \"Hub\" }\n"

static void
test_who_shares(void **state)
{
    static const struct {
        const char *conf, *binding, *domain;
        const char *name; /* NULL: nothing is shared */
    } rows[] = {
        {"", "default", "d0.test", NULL},
        {HUB, "default", "d0.test", "hub"},
        {HUB, "default", "short.test", "hub"},
        {HUB, "default", "turned.test", "hub"},
        /* all of the best level have to say so, not those behind */
        {HUB, "default", "mixed.test", NULL},
        {HUB, "default", "second.test", NULL},
        {HUB, "default", "plain.test", NULL},
        {HUB, "default", "null.test", NULL},
        {HUB, "default", "nowhere.test", NULL},
        {HUB "host backup.test { rollup_mx = true rollup_mx_name = hub }\n",
            "default", "mixed.test", "hub"},
        {HUB "host backup.test { rollup_mx = true rollup_mx_name = other }\n",
            "default", "mixed.test", NULL},
        {HUB "host backup.test { rollup_mx = true }\n", "default", "mixed.test",
            NULL},
        /* without a name: that of the host, the first of several */
        {"host \"/hub/\" { rollup_mx = true }\n", "default", "d0.test",
            "mx1.hub.test"},
        {"host \"/hub/\" { rollup_mx = true }\n", "default", "d1.test",
            "mx1.hub.test"},
        {"host mx1.hub.test { rollup_mx = true }\n", "default", "d0.test",
            NULL},
        {"host plain.test { rollup_mx = true }\n", "default", "plain.test",
            "plain.test"},
        {"host \"/hub/\" { rollup_mx = false rollup_mx_name = hub }\n",
            "default", "d0.test", NULL},
        /* by binding */
        {"binding b { " HUB "}\n", "b", "d0.test", "hub"},
        {"binding b { " HUB "}\n", "default", "d0.test", NULL},
        {"binding_group g { binding b { " HUB "} }\n", "b", "d0.test", "hub"},
        {"binding_group g { " HUB " binding b { } }\n", "b", "d0.test", "hub"},
        /* what an operator wrote is no MX */
        {HUB "gateway = d0.test\n", "default", "x.test", NULL},
        {HUB "routes = ( \"__mx__\" )\n", "default", "d0.test", NULL},
        {HUB "routes = ( \"mx1.hub.test\" )\n", "default", "d0.test", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct mxshare_with with;
        struct world w;
        struct domain *d;
        enum mxshare found;

        world_open(&w, rows[i].conf);
        assert_int_equal(mxshare_is_configured(w.g), i > 0);
        zone();
        d = world_domain(&w, rows[i].binding, rows[i].domain);
        found = ask(&w, d, rows[i].binding, &with);
        if (found != (rows[i].name ? MXSHARE_YES : MXSHARE_NO))
            fail_msg("row %zu: %d", i, found);
        if (rows[i].name && !str_eq(with.name, str_of(rows[i].name)))
            fail_msg("row %zu: %.*s", i, STR_ARG(with.name));
        domain_unref(&d);
        world_close(&w);
    }
}

static uint64_t
print_of(struct world *w, const char *domain)
{
    struct domain *d = world_domain(w, "default", domain);
    struct mxshare_with with;

    assert_int_equal(ask(w, d, "default", &with), MXSHARE_YES);
    domain_unref(&d);
    return with.print;
}

/* The same MX in the same order, whatever the order of equals; and nothing
 * else. */
static void
test_fingerprint(void **state)
{
    struct world w;

    (void)state;
    world_open(&w, HUB);
    zone();
    assert_true(print_of(&w, "d0.test") == print_of(&w, "d1.test"));
    assert_true(print_of(&w, "d1.test") == print_of(&w, "d2.test"));
    assert_true(print_of(&w, "d0.test") != print_of(&w, "short.test"));
    assert_true(print_of(&w, "d0.test") != print_of(&w, "turned.test"));
    assert_true(print_of(&w, "short.test") != print_of(&w, "turned.test"));
    world_close(&w);
}

/* When it is looked up anew, and its MX are others. */
static void
test_changes(void **state)
{
    struct mxshare_with with;
    struct world w;
    struct domain *d;
    uint64_t before;

    (void)state;
    world_open(&w, HUB);
    zone();
    d = world_domain(&w, "default", "d0.test");
    assert_int_equal(mxshare_find(d, w.g, STR("default"), &with), MXSHARE_WAIT);
    assert_int_equal(ask(&w, d, "default", &with), MXSHARE_YES);
    before = with.print;
    fake_dns_drop("d0.test");
    fake_dns_add("d0.test", DNS_MX, 300, 10, "mx1.hub.test");
    assert_int_equal(ask(&w, d, "default", &with), MXSHARE_YES);
    assert_true(with.print == before); /* it is not asked yet */
    world_pass(&w, 301 * 1000);
    (void)ask(&w, d, "default", &with);
    assert_int_equal(ask(&w, d, "default", &with), MXSHARE_YES);
    assert_true(with.print != before);
    fake_dns_drop("d0.test");
    fake_dns_add("d0.test", DNS_A, 300, 0, "10.7.0.1");
    world_pass(&w, 301 * 1000);
    (void)ask(&w, d, "default", &with);
    assert_int_equal(ask(&w, d, "default", &with), MXSHARE_NO);
    domain_unref(&d);
    world_close(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_shares),
        cmocka_unit_test(test_fingerprint),
        cmocka_unit_test(test_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
