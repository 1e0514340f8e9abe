/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "route_world.h"

static void
zone(void)
{
    fake_dns_add("ip.test", DNS_MX, 3000, 10, "192.0.2.1");
    fake_dns_add("ip.test", DNS_MX, 3000, 20, "mx.ip.test");
    fake_dns_add("ip.test", DNS_MX, 3000, 30, "192.0.2.3");
    fake_dns_add("mx.ip.test", DNS_A, 3000, 0, "10.1.0.2");
    fake_dns_add("only.test", DNS_MX, 3000, 10, "192.0.2.9");
    fake_dns_add("six.test", DNS_MX, 3000, 10, "2001:db8::1");
    fake_dns_add("short.test", DNS_MX, 20, 10, "192.0.2.9");
}

struct row {
    const char *conf, *domain;
    const char *hops[5]; /* while each one fails; the last is the verdict */
    int ttl;             /* of the record; 0: it has no hosts */
};

static void
test_addresses_as_exchanges(void **state)
{
    static const struct row rows[] = {
        {"", "ip.test", {"10.1.0.2:25", "down 120"}, 60}, /* negative */
        {"", "only.test", {"delay 454 4.4.4"}, 0},
        {"mxip { }", "ip.test",
            {"192.0.2.1:25", "10.1.0.2:25", "192.0.2.3:25", "down 120"}, 600},
        {"mxip { TTL = 50 }", "only.test", {"192.0.2.9:25", "down 120"}, 50},
        {"mxip \"mxip1\" { }", "short.test", {"192.0.2.9:25"}, 20},
        {"mxip { } min_dns_ttl = 900", "only.test", {"192.0.2.9:25"}, 900},
        {"mxip { } max_dns_ttl = 100", "only.test", {"192.0.2.9:25"}, 100},
        {"mxip { }", "six.test", {"delay 454 4.4.4"}, 0},
        {"mxip { } use_ipv6 = true", "ip.test", {"192.0.2.1:25", "10.1.0.2:25"},
            60},
        {"mxip { } prohibited_hosts = (\"192.0.2.0/24\")", "only.test",
            {"fail 551 5.4.6"}, 600},
        {"mxip { } skip_hosts = (\"192.0.2.0/24\")", "ip.test",
            {"10.1.0.2:25", "down 120"}, 600},
        {"mxip { } routes = (\"smtp://only.test?type=mx\")", "x.test",
            {"192.0.2.9:25"}, 600},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct row *r = &rows[i];
        struct buf b = BUF_INIT, want = BUF_INIT;
        struct world w;
        struct domain *d;

        world_open(&w, r->conf);
        zone();
        d = world_domain(&w, "default", r->domain);
        for (size_t j = 0; r->hops[j]; j++) {
            const char *got = world_try(&w, d, true);
            if (strcmp(got, r->hops[j]) != 0)
                fail_msg("row %zu, %zu: %s, not %s", i, j, got, r->hops[j]);
        }
        world_print(&w, d, "default", &b);
        buf_printf(&want, "a TTL of %d seconds", r->ttl);
        if (r->ttl && str_find(buf_get(&b), buf_get(&want), 0) == SIZE_MAX)
            fail_msg("row %zu: %s", i, b.p);
        buf_fini(&b);
        buf_fini(&want);
        domain_unref(&d);
        world_close(&w);
    }
}

/* No server is asked for what is an address. */
static void
test_nothing_is_asked(void **state)
{
    struct world w;
    struct domain *d;

    (void)state;
    world_open(&w, "mxip { } use_ipv6 = true");
    zone();
    d = world_domain(&w, "default", "only.test");
    assert_string_equal(world_next(&w, d), "192.0.2.9:25");
    assert_int_equal(fake_dns_asked("only.test", DNS_MX), 1);
    assert_int_equal(fake_dns_asked("192.0.2.9", DNS_A), 0);
    assert_int_equal(fake_dns_asked("192.0.2.9", DNS_AAAA), 0);
    world_pass(&w, 601 * 1000); /* its time is over; it is asked again */
    assert_string_equal(world_next(&w, d), "192.0.2.9:25");
    assert_int_equal(fake_dns_asked("only.test", DNS_MX), 2);
    domain_unref(&d);
    world_close(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_as_exchanges),
        cmocka_unit_test(test_nothing_is_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
