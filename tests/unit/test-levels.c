/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "route_world.h"

/* IPv6 first within a preference; IPv4 of it before the next. */
static void
test_prefer_ipv6(void **state)
{
    static const struct {
        const char *conf, *hops[5];
    } rows[] = {
        {"use_ipv6 = true prefer_ipv6_mxs = true",
            {"[2001:db8::1]:25", "10.4.0.1:25", "10.4.0.2:25",
                "[2001:db8::3]:25"}},
        {"use_ipv6 = true", /* as they come, A before AAAA */
            {"10.4.0.1:25", "[2001:db8::1]:25", "10.4.0.2:25",
                "[2001:db8::3]:25"}},
        {"prefer_ipv6_mxs = true", {"10.4.0.1:25", "10.4.0.2:25"}},
        {"prefer_ipv6_mxs = true routes = (\"smtp://10.4.0.9?pref=1\" "
         "\"smtp://[2001:db8::9]?pref=1\")",
            {"[2001:db8::9]:25", "10.4.0.9:25"}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct world w;
        struct domain *d;

        world_open(&w, rows[i].conf);
        fake_dns_add("pref.test", DNS_MX, 300, 10, "one.pref.test");
        fake_dns_add("pref.test", DNS_MX, 300, 10, "two.pref.test");
        fake_dns_add("pref.test", DNS_MX, 300, 20, "three.pref.test");
        fake_dns_add("one.pref.test", DNS_A, 300, 0, "10.4.0.1");
        fake_dns_add("one.pref.test", DNS_AAAA, 300, 0, "2001:db8::1");
        fake_dns_add("two.pref.test", DNS_A, 300, 0, "10.4.0.2");
        fake_dns_add("three.pref.test", DNS_AAAA, 300, 0, "2001:db8::3");
        d = world_domain(&w, "default", "pref.test");
        for (size_t j = 0; rows[i].hops[j]; j++) {
            const char *got = world_try(&w, d, true);
            if (strcmp(got, rows[i].hops[j]) != 0)
                fail_msg("row %zu, %zu: %s", i, j, got);
        }
        assert_string_equal(world_try(&w, d, true), "down 120");
        domain_unref(&d);
        world_close(&w);
    }
}

/* All connections go to the IPv6 address while it can be used; one to an IPv4
 * address of the same preference is the worse then. */
static void
test_prefer_ipv6_standing(void **state)
{
    struct world w;
    struct domain *d;
    struct hop old, next;
    int64_t until;

    (void)state;
    world_open(&w, "use_ipv6 = true host_failure_retry = 60");
    fake_dns_add("both.test", DNS_A, 3000, 0, "10.4.0.1");
    fake_dns_add("both.test", DNS_AAAA, 3000, 0, "2001:db8::1");
    d = world_domain(&w, "default", "both.test");
    assert_int_equal(world_pick(&w, d, "default", &old), HOP_OK);
    assert_int_equal(old.to.ip.family, 4);
    assert_int_equal(domain_standing(d, w.g, generation_global(w.g),
                         STR("default"), 25, &old, &until),
        HOP_CURRENT);
    world_configure(
        &w, "use_ipv6 = true prefer_ipv6_mxs = true host_failure_retry = 60");
    for (int i = 0; i < 3; i++)
        assert_string_equal(world_next(&w, d), "[2001:db8::1]:25");
    assert_int_equal(domain_standing(d, w.g, generation_global(w.g),
                         STR("default"), 25, &old, &until),
        HOP_WORSE);
    assert_int_equal(world_pick(&w, d, "default", &next), HOP_OK);
    assert_int_equal(domain_standing(d, w.g, generation_global(w.g),
                         STR("default"), 25, &next, &until),
        HOP_CURRENT);
    hop_closed(&next, STR("default"), 0, generation_global(w.g));
    assert_int_equal(domain_standing(d, w.g, generation_global(w.g),
                         STR("default"), 25, &old, &until),
        HOP_CURRENT);
    hop_closed(&old, STR("default"), -1, generation_global(w.g));
    domain_unref(&d);
    world_close(&w);
}

static void
two_levels(void)
{
    fake_dns_add("d.test", DNS_MX, 300, 20, "mx2.d.test");
    fake_dns_add("d.test", DNS_MX, 300, 10, "mx1.d.test");
    fake_dns_add("mx1.d.test", DNS_A, 300, 0, "10.1.0.1");
    fake_dns_add("mx2.d.test", DNS_A, 300, 0, "10.1.0.2");
}

/* A prohibited address of a worse preference counts once that preference would
 * be used for good, not while the better one is down or full. */
static void
test_prohibited_behind(void **state)
{
    const char *conf = "prohibited_hosts = (\"10.1.0.2\")";
    struct world w;
    struct domain *d;

    (void)state;
    world_open(&w, conf);
    two_levels();
    d = world_domain(&w, "default", "d.test");
    assert_string_equal(world_try(&w, d, true), "10.1.0.1:25");
    assert_string_equal(world_try(&w, d, true), "down 120");
    world_pass(&w, 120000);
    assert_string_equal(world_try(&w, d, false), "10.1.0.1:25");
    world_configure(&w,
        "prohibited_hosts = (\"10.1.0.2\") "
        "host \"mx1.d.test\" { max_outbound_connections = 1 }");
    assert_string_equal(world_next(&w, d), "10.1.0.1:25");
    assert_string_equal(world_next(&w, d), "limit");
    world_configure(
        &w, "prohibited_hosts = (\"10.1.0.2\") skip_hosts = (\"10.1.0.1\")");
    assert_string_equal(world_try(&w, d, false), "fail 551 5.4.6");
    world_configure(&w, "prohibited_hosts = (\"10.1.0.1\")");
    assert_string_equal(world_try(&w, d, false), "fail 551 5.4.6");
    domain_unref(&d);
    world_close(&w);
}

/* mx_failures_to_delay: what is down says how often its best host failed. */
static void
test_fewest_failures(void **state)
{
    struct world w;
    struct domain *d;
    struct hop h;

    (void)state;
    world_open(&w, "host_failure_retry = 60");
    two_levels();
    d = world_domain(&w, "default", "d.test");
    for (uint64_t i = 1; i < 4; i++) {
        assert_string_equal(world_try(&w, d, true), "10.1.0.1:25");
        assert_string_equal(world_try(&w, d, true), "10.1.0.2:25");
        assert_int_equal(world_pick(&w, d, "default", &h), HOP_DOWN);
        assert_int_equal(h.failures, i);
        world_pass(&w, 60000);
    }
    assert_int_equal(world_pick(&w, d, "default", &h), HOP_OK);
    hop_worked(&h, STR("default"));
    hop_closed(&h, STR("default"), 0, generation_global(w.g));
    assert_string_equal(world_try(&w, d, true), "10.1.0.2:25");
    assert_int_equal(world_pick(&w, d, "default", &h), HOP_DOWN);
    assert_int_equal(h.failures, 1); /* the first has worked meanwhile */
    domain_unref(&d);
    world_close(&w);
}

/* type=a asks no MX, of a name that has one too. */
static void
test_type_a_asks_no_mx(void **state)
{
    struct world w;
    struct domain *d;

    (void)state;
    world_open(&w, "routes = (\"smtp://both.test?type=a\")");
    fake_dns_add("both.test", DNS_MX, 300, 10, "mx1.d.test");
    fake_dns_add("mx1.d.test", DNS_A, 300, 0, "10.1.0.1");
    fake_dns_add("both.test", DNS_A, 300, 0, "10.1.0.7");
    d = world_domain(&w, "default", "d.test");
    assert_string_equal(world_try(&w, d, false), "10.1.0.7:25");
    assert_int_equal(fake_dns_asked("both.test", DNS_MX), 0);
    assert_int_equal(fake_dns_asked("both.test", DNS_A), 1);
    domain_unref(&d);
    world_close(&w);
}

/* Of domains that are relayed the best MX only; routes as they are. */
static void
test_best_of_relay_domains(void **state)
{
    static const struct {
        const char *conf, *hops[5];
    } rows[] = {
        {"", {"10.1.0.1:25", "10.1.0.2:25", "10.1.0.3:25"}},
        {"relay_domains = (\"R.test\")", {"10.1.0.1:25", "10.1.0.2:25"}},
        {"bounce_domains = (\"*.r.test\") relay_domains = (\"x.test\")",
            {"10.1.0.1:25", "10.1.0.2:25", "10.1.0.3:25"}},
        {"bounce_domains = (\"*test\")", {"10.1.0.1:25", "10.1.0.2:25"}},
        {"relay_domains = (\"r.test\") "
         "only_use_best_mx_for_relay_domains = false",
            {"10.1.0.1:25", "10.1.0.2:25", "10.1.0.3:25"}},
        {"relay_domains = (\"r.test\") routes = (\"__mx__\" \"10.9.0.1\")",
            {"10.1.0.1:25", "10.1.0.2:25", "10.9.0.1:25"}},
        {"relay_domains = (\"r.test\") gateway = \"r.test\"",
            {"10.1.0.1:25", "10.1.0.2:25", "10.1.0.3:25"}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct world w;
        struct domain *d;
        world_open(&w, rows[i].conf);
        fake_dns_add("r.test", DNS_MX, 300, 10, "a.test");
        fake_dns_add("r.test", DNS_MX, 300, 10, "b.test");
        fake_dns_add("r.test", DNS_MX, 300, 20, "c.test");
        fake_dns_add("a.test", DNS_A, 300, 0, "10.1.0.1");
        fake_dns_add("b.test", DNS_A, 300, 0, "10.1.0.2");
        fake_dns_add("c.test", DNS_A, 300, 0, "10.1.0.3");
        d = world_domain(&w, "default", "r.test");
        for (size_t j = 0; rows[i].hops[j]; j++)
            assert_string_equal(world_try(&w, d, true), rows[i].hops[j]);
        assert_string_equal(world_try(&w, d, true), "down 120");
        domain_unref(&d);
        world_close(&w);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prefer_ipv6),
        cmocka_unit_test(test_prefer_ipv6_standing),
        cmocka_unit_test(test_prohibited_behind),
        cmocka_unit_test(test_fewest_failures),
        cmocka_unit_test(test_type_a_asks_no_mx),
        cmocka_unit_test(test_best_of_relay_domains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
