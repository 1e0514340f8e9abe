/* SPDX-License-Identifier: Apache-2.0
 *
 * Limits and throttles of host stanzas: what each place counts, where the next
 * connection goes, who is woken.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/macros.h"
#include "route_world.h"

enum { OPEN = 8 };

/* Connections of "binding domain" pairs, in order: 1 opened, 0 at the limit. */
struct row {
    const char *conf, *pairs[OPEN], *open;
};

static const struct row rows[] = {
    /* at the top level all bindings together */
    {"host \"mx.test\" { max_outbound_connections = 2 }",
        {"one a.test", "two b.test", "three a.test"}, "110"},
    /* in a group its bindings, in a binding its own, default's too */
    {"binding_group \"g\" { host \"mx.test\" { max_outbound_connections = 1 }\n"
     "binding \"one\" {} binding \"two\" {} }",
        {"one a.test", "two b.test", "three a.test", "three b.test"}, "1011"},
    {"binding \"one\" { host \"mx.test\" { max_outbound_connections = 1 } }",
        {"one a.test", "one b.test", "two a.test", "two b.test"}, "1011"},
    {"binding \"default\" { host \"mx.test\" {\n"
     "max_outbound_connections = 1 } }",
        {"one a.test", "two a.test", "default a.test", "default b.test"},
        "1110"},
    /* the nearest stanza counts */
    {"host \"mx.test\" { max_outbound_connections = 1 }\n"
     "binding \"one\" { host \"mx.test\" { max_outbound_connections = 2 } }",
        {"one a.test", "one a.test", "one a.test", "two a.test"}, "1100"},
    /* each match of a pattern by itself, or all together */
    {"host \"/^mx/\" { max_outbound_connections = 1 }",
        {"one a.test", "one c.test", "one a.test", "one c.test"}, "1100"},
    {"host \"/^mx/\" { scope_max_outbound_connections = 2 }",
        {"one a.test", "two c.test", "one c.test", "two a.test"}, "1100"},
    {"host \"mx.test\" { scope_max_outbound_connections = 2\n"
     "max_outbound_connections = 1 }",
        {"one a.test", "two b.test"}, "10"},
    {"host \"mx.test\" { max_outbound_connections = 0 }",
        {"one a.test", "one c.test"}, "01"},
    {"host \"mx.test\" { outbound_throttle_connections = \"2\" }",
        {"one a.test", "two b.test", "one b.test", "one c.test"}, "1101"},
    {"binding \"one\" { host \"mx.test\" {\n"
     "outbound_throttle_connections = \"1\" } }",
        {"one a.test", "one b.test", "two b.test"}, "101"},
};

static void
zone(void)
{
    fake_dns_add("a.test", DNS_MX, 300, 10, "mx.test");
    fake_dns_add("b.test", DNS_MX, 300, 10, "mx.test");
    fake_dns_add("c.test", DNS_MX, 300, 10, "mx9.test");
    fake_dns_add("mx.test", DNS_A, 300, 0, "10.1.0.1");
    fake_dns_add("mx9.test", DNS_A, 300, 0, "10.1.0.9");
}

static void
check_row(const struct row *r)
{
    struct domain *d[OPEN] = {NULL};
    struct hop hop[OPEN];
    char binding[16];
    struct world w;
    size_t n = 0;

    world_open(&w, r->conf);
    zone();
    for (; r->pairs[n]; n++) {
        struct str domain = str_of(r->pairs[n]), b = str_cut(&domain, ' ');
        enum hop_result rc;

        (void)str_copy(binding, sizeof(binding), b);
        d[n] = world_domain(&w, binding, domain.p);
        rc = world_pick(&w, d[n], binding, &hop[n]);
        if (rc != (r->open[n] == '1' ? HOP_OK : HOP_LIMIT))
            fail_msg("%s: %s: %d", r->conf, r->pairs[n], (int)rc);
        assert_true(rc == HOP_OK || hop[n].line);
    }
    for (size_t i = 0; i < n; i++) {
        if (r->open[i] == '1')
            hop_closed(&hop[i], STR("x"), -1, generation_global(w.g));
        domain_unref(&d[i]);
    }
    world_close(&w);
}

static void
test_places(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        check_row(&rows[i]);
}

/* A reload that is about the limit: what is open counts. */
static void
test_reload(void **state)
{
    struct domain *d;
    struct world w;

    (void)state;
    world_open(&w, "");
    zone();
    d = world_domain(&w, "default", "a.test");
    assert_string_equal(world_next(&w, d), "10.1.0.1:25");
    world_configure(&w, "host \"mx.test\" { max_outbound_connections = 1 }");
    assert_string_equal(world_next(&w, d), "limit");
    world_configure(&w, "host \"mx.test\" { max_outbound_connections = 2 }");
    assert_string_equal(world_next(&w, d), "10.1.0.1:25");
    domain_unref(&d);
    world_close(&w);
}

/* One for each connection that ends, in order, and the line outlives it. */
static void
test_line(void **state)
{
    struct waiter first = {0}, second = {0};
    struct hop hop, full;
    struct domain *d;
    struct world w;

    (void)state;
    world_open(&w, "host \"mx.test\" { max_outbound_connections = 1 }");
    zone();
    d = world_domain(&w, "default", "a.test");
    assert_int_equal(world_pick(&w, d, "default", &hop), HOP_OK);
    assert_int_equal(world_pick(&w, d, "default", &full), HOP_LIMIT);
    assert_int_equal(full.until, 0);
    line_join(full.line, &first, false);
    line_join(full.line, &second, false);
    hop_closed(&hop, STR("default"), -1, generation_global(w.g));
    assert_int_equal(w.woken, 1);
    assert_ptr_equal(first.from, full.line);
    assert_ptr_equal(second.in, full.line);
    world_pass(&w, 30000); /* a sweep */
    assert_ptr_equal(line_wake(first.from), &second);
    line_done(&first);
    line_done(&second);
    world_pass(&w, 30000);
    assert_int_equal(world_pick(&w, d, "default", &hop), HOP_OK);
    hop_closed(&hop, STR("default"), -1, generation_global(w.g));
    domain_unref(&d);
    world_close(&w);
}

/* While a host's throttle is used up mail goes to its equals, then to worse
 * ones, and comes back.  Nothing is exempt. */
static void
test_spill_over(void **state)
{
    struct waiter waiter = {0};
    struct domain *d;
    struct world w;
    struct hop hop, full;
    int64_t until, stamp;

    (void)state;
    world_open(&w,
        "host \"one.test\" { outbound_throttle_messages = \"2\" }\n"
        "host \"worse.test\" { outbound_throttle_connections = \"1/10\" }");
    fake_dns_add("d.test", DNS_MX, 300, 10, "one.test");
    fake_dns_add("d.test", DNS_MX, 300, 20, "worse.test");
    fake_dns_add("one.test", DNS_A, 300, 0, "10.1.0.1");
    fake_dns_add("worse.test", DNS_A, 300, 0, "10.1.0.2");
    d = world_domain(&w, "default", "d.test");
    assert_int_equal(world_pick(&w, d, "default", &hop), HOP_OK);
    assert_string_equal(hop.name.p, "one.test");
    for (int i = 0; i < 2; i++) {
        assert_null(hop_may_send(&hop, loop_now(w.loop), &until));
        assert_true(
            tokens_take(hop_tokens(&hop), loop_now(w.loop), &stamp, &until));
    }
    assert_non_null(hop_may_send(&hop, loop_now(w.loop), &until));
    assert_in_range(until, loop_now(w.loop) + 1000, loop_now(w.loop) + 1016);
    assert_string_equal(world_next(&w, d), "10.1.0.2:25");
    assert_int_equal(world_pick(&w, d, "default", &full), HOP_LIMIT);
    assert_int_equal(full.until, until);
    line_join(full.line, &waiter, false);
    world_pass(&w, 900);
    assert_int_equal(w.woken, 0);
    world_pass(&w, 120);
    assert_int_equal(w.woken, 1); /* by the throttle's own timer */
    line_done(&waiter);
    assert_string_equal(world_next(&w, d), "10.1.0.1:25");
    hop_closed(&hop, STR("default"), -1, generation_global(w.g));
    domain_unref(&d);
    world_close(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_reload),
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_spill_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
