/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <setjmp.h>
#include <cmocka.h>

#include "route/fit.h"
#include "route/route_int.h"
#include "route/rules.h"
#include "route_world.h"

struct row {
    const char *conf, *binding, *domain;
    const char *to; /* routing domain */
    int method;
    unsigned port, gateway_port;
    bool by_gateway;
};

static void
check(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct row *r = &rows[i];
        struct world w;
        struct destination to;
        world_open(&w, r->conf);
        resolve_destination(w.g, str_of(r->binding), str_of(r->domain), &to);
        if (!str_eq(to.domain, str_of(r->to)) || to.method != r->method ||
            to.port != r->port || to.gateway_port != r->gateway_port ||
            to.by_gateway != r->by_gateway)
            fail_msg("row %zu: %.*s method %d port %u gateway %d:%u", i,
                STR_ARG(to.domain), to.method, to.port, to.by_gateway,
                to.gateway_port);
        world_close(&w);
    }
}

static const char chapter_25_1[] = "# route all mail to a \"smart host\"\n"
                                   "Gateway = 10.10.10.50\n"
                                   "# Except for mail for local.example.com\n"
                                   "Domain local.example.com {\n"
                                   "  # which is routed to this address\n"
                                   "  Gateway = 10.10.10.20\n"
                                   "  # using LMTP\n"
                                   "  Delivery_Method = LMTP\n"
                                   "}\n";

static void
test_chapter_25_1(void **state)
{
    static const struct row rows[] = {
        {chapter_25_1, "default", "any.test", "10.10.10.50", METHOD_ESMTP, 25,
            0, true},
        {chapter_25_1, "default", "local.example.com", "10.10.10.20",
            METHOD_LMTP, 2003, 0, true},
        {chapter_25_1, "default", "sub.local.example.com", "10.10.10.50",
            METHOD_ESMTP, 25, 0, true},
    };
    struct world w;
    struct domain *d;

    (void)state;
    check(rows, sizeof(rows) / sizeof(rows[0]));
    world_open(&w, chapter_25_1);
    d = world_domain(&w, "default", "local.example.com");
    assert_string_equal(world_next(&w, d), "10.10.10.20:25"); /* port given */
    domain_unref(&d);
    world_close(&w);
}

/* gateway and routes, each at the global, the domain and the binding level;
 * routes of a binding are those of its gateway's synthetic domain. */
static void
test_gateway_and_routes(void **state)
{
    static const struct row rows[] = {
        /* gateway global; routes global would exclude it in one stanza */
        {"gateway = \"g\"", "b", "d.test", "g", METHOD_ESMTP, 25, 0, true},
        {"gateway = \"g\" domain \"d.test\" { routes = (\"r\") }", "b",
            "d.test", "d.test", METHOD_ESMTP, 25, 0, false},
        {"gateway = \"g\" binding \"b\" { gateway = \"#s\" } "
         "domain \"#s\" { routes = (\"r\") }",
            "b", "d.test", "#s", METHOD_ESMTP, 25, 0, true},
        /* gateway of the domain */
        {"routes = (\"r\") domain \"d.test\" { gateway = \"g\" }", "b",
            "d.test", "g", METHOD_ESMTP, 25, 0, true},
        {"routes = (\"r\") domain \"/test$/\" { routes = (\"q\") } "
         "domain \"d.test\" { gateway = \"g\" }",
            "b", "d.test", "g", METHOD_ESMTP, 25, 0, true},
        {"domain \"d.test\" { gateway = \"g\" } "
         "binding \"b\" { gateway = \"#s\" } "
         "domain \"#s\" { routes = (\"r\") }",
            "b", "d.test", "#s", METHOD_ESMTP, 25, 0, true},
        /* gateway of the binding */
        {"routes = (\"r\") binding \"b\" { gateway = \"g\" }", "b", "d.test",
            "g", METHOD_ESMTP, 25, 0, true},
        {"domain \"d.test\" { routes = (\"r\") } "
         "binding \"b\" { gateway = \"g\" }",
            "b", "d.test", "g", METHOD_ESMTP, 25, 0, true},
        {"binding \"b\" { domain \"d.test\" { gateway = \"g\" } }", "b",
            "d.test", "g", METHOD_ESMTP, 25, 0, true},
        /* none of it reaches another binding or domain */
        {"binding \"b\" { gateway = \"g\" }", "c", "d.test", "d.test",
            METHOD_ESMTP, 25, 0, false},
        {"gateway = \"g\" domain \"d.test\" { routes = (\"r\") }", "b",
            "e.test", "g", METHOD_ESMTP, 25, 0, true},
    };

    (void)state;
    check(rows, sizeof(rows) / sizeof(rows[0]));
}

static void
test_methods_and_ports(void **state)
{
    static const struct row rows[] = {
        {"remote_smtp_port = 2525", "b", "d.test", "d.test", METHOD_ESMTP, 2525,
            0, false},
        {"gateway = \"Relay.Example:26\"", "b", "d.test", "relay.example",
            METHOD_ESMTP, 25, 26, true},
        {"", "b",
            "b\xc3\xbc"
            "cher.test",
            "xn--bcher-kva.test", METHOD_ESMTP, 25, 0,
            false}, /* stored by an older version */
        {"gateway = \"[2001:db8::1]:26\"", "b", "d.test", "[2001:db8::1]",
            METHOD_ESMTP, 25, 26, true},
        {"delivery_method = smtp", "b", "d.test", "d.test", METHOD_SMTP, 25, 0,
            false},
        {"delivery_method = \"LMTP\" lmtp_port = 24", "b", "d.test", "d.test",
            METHOD_LMTP, 24, 0, false},
        {"binding \"b\" { gateway = \"#s\" } domain \"#s\" { routes = "
         "(\"r\") delivery_method = LMTP lmtp_port = 24 }",
            "b", "d.test", "#s", METHOD_LMTP, 24, 0, true},
        /* what the recipient's place says itself stays */
        {"binding \"b\" { gateway = \"#s\" delivery_method = SMTP } "
         "domain \"#s\" { routes = (\"r\") remote_smtp_port = 587 }",
            "b", "d.test", "#s", METHOD_SMTP, 587, 0, true},
    };

    (void)state;
    check(rows, sizeof(rows) / sizeof(rows[0]));
}

/* A global routes holds for all but those with their own; not for the name of
 * a gateway. */
static void
test_global_routes(void **state)
{
    struct world w;
    struct domain *d;

    (void)state;
    world_open(&w,
        "routes = (\"10.0.0.1\")\n"
        "domain \"own.test\" { routes = (\"10.0.0.2\") }\n"
        "domain \"gw.test\" { gateway = \"relay.test\" }\n");
    fake_dns_add("relay.test", DNS_A, 60, 0, "10.0.0.3");
    d = world_domain(&w, "default", "any.test");
    assert_string_equal(world_next(&w, d), "10.0.0.1:25");
    domain_unref(&d);
    d = world_domain(&w, "default", "own.test");
    assert_string_equal(world_next(&w, d), "10.0.0.2:25");
    domain_unref(&d);
    d = world_domain(&w, "default", "gw.test");
    assert_string_equal(world_next(&w, d), "10.0.0.3:25");
    domain_unref(&d);
    assert_int_equal(fake_dns_asked("any.test", DNS_MX), 0);
    world_close(&w);
}

/* Routes and a method that meet by fallback. */
static void
test_fit(void **state)
{
    static const struct {
        const char *conf, *domain;
        int method;
        bool by_gateway, fits;
        const char *why;
    } rows[] = {
        {"", "x.test", METHOD_LMTP, false, true, ""},
        {"routes = ( \"10.0.0.1\" )", "x.test", METHOD_LMTP, false, true, ""},
        {"routes = ( \"smtp://10.0.0.1\" )", "x.test", METHOD_SMTP, false, true,
            ""},
        {"routes = ( \"smtp://10.0.0.1\" )", "x.test", METHOD_LMTP, false,
            false,
            "\"smtp\" does not fit delivery_method LMTP, which takes lmtp"},
        {"routes = ( \"smtp://10.0.0.1\" \"lmtp://10.0.0.2\" )", "x.test",
            METHOD_LMTP, false, true, ""},
        {"routes = ( \"smtp://10.0.0.1\" )", "gw.test", METHOD_LMTP, true, true,
            ""}, /* those of the global stanza are not a gateway's */
        {"domain \"gw.test\" { routes = ( \"smtp://10.0.0.1\" ) }", "gw.test",
            METHOD_LMTP, true, false, "domain gw.test"},
        {"routes = ( \"10.0.0.1\" )", "x.test", METHOD_ECSTREAM, false, false,
            "use gateway"},
        {"routes = ( \"http://10.0.0.1\" )", "x.test", METHOD_APN, false, true,
            ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct buf why = BUF_INIT;
        struct world w;
        bool fits;

        world_open(&w, rows[i].conf);
        fits = fit_routes(w.g, str_of(rows[i].domain), rows[i].method,
            rows[i].by_gateway, &why);
        if (fits != rows[i].fits || (!fits && !strstr(why.p, rows[i].why)))
            fail_msg("row %zu: %d %s", i, fits, why.n ? why.p : "");
        buf_fini(&why);
        world_close(&w);
    }
}

/* Of a list where some fit those are used, in their places. */
static void
test_items_that_fit(void **state)
{
    struct rules r;
    struct world w;

    (void)state;
    world_open(&w,
        "routes = ( \"lmtp://10.0.0.1\" \"smtp://10.0.0.2\" "
        "\"10.0.0.3\" )");
    rules_load(
        &r, w.g, generation_global(w.g), STR("x.test"), METHOD_ESMTP, false, 0);
    assert_int_equal(r.count, 2);
    assert_int_equal(r.items[0].pref, 2);
    assert_int_equal(r.items[1].pref, 3);
    rules_fini(&r);
    world_close(&w);
}

/* Said when the configuration is loaded, with both places. */
static void
test_fit_check(void **state)
{
    static const struct {
        const char *conf, *says; /* "": nothing */
    } rows[] = {
        {"routes = ( \"smtp://10.0.0.1\" )\n"
         "domain \"x.test\" { delivery_method = SMTP }",
            ""},
        {"routes = ( \"smtp://10.0.0.1\" )\n"
         "domain \"x.test\" { delivery_method = LMTP }",
            "does not fit delivery_method LMTP, which takes lmtp; routes of "},
        {"routes = ( \"smtp://10.0.0.1\" )\n"
         "domain \"x.test\" { delivery_method = LMTP gateway = \"g.test\" }",
            ""},
        {"delivery_method = LMTP\n"
         "domain \"x.test\" { routes = ( \"smtp://10.0.0.1\" ) }",
            "does not fit delivery_method LMTP"},
        {"routes = ( \"smtp://10.0.0.1\" )\n"
         "binding \"b\" { delivery_method = ECSTREAM }",
            "use gateway; routes of "},
        {"routes = ( \"smtp://10.0.0.1\" )\n"
         "binding_group \"g\" { binding \"b\" { domain \"y.test\" { "
         "delivery_method = APN } } }",
            "does not fit delivery_method APN"},
        {"routes = ( \"smtp://10.0.0.1\" )\n"
         "binding_group \"g\" { delivery_method = APN binding \"b\" { } }",
            "does not fit delivery_method APN"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct conf_report *r = conf_report_new();
        struct buf said = BUF_INIT;
        struct world w;

        world_open(&w, rows[i].conf);
        assert_int_equal(fit_check(NULL, w.g, r), 0);
        conf_report_print(r, &said);
        if (rows[i].says[0] ? !said.n || !strstr(said.p, rows[i].says)
                            : said.n > 0)
            fail_msg("row %zu: %s", i, said.n ? said.p : "nothing");
        assert_int_equal(conf_report_count(r, true), 0);
        buf_fini(&said);
        conf_report_free(&r);
        world_close(&w);
    }
}

static uint64_t
count_old(struct world *w)
{
    struct domain_cursor c;
    struct domain *d;
    uint64_t n = 0;

    domain_cursor_begin(w->resolver, &c);
    while ((d = domain_cursor_next(&c)) != NULL)
        n += domain_is_old(d);
    domain_cursor_end(&c);
    return n;
}

/* Who keeps older routes after a reload, and for how long. */
static void
test_old_routes(void **state)
{
    static const char second[] =
        "routes = (\"smtp://relay.test?ttl=30\") route_ttl = 60 "
        "domain \"e.test\" { routes = (\"10.0.0.5\") } "
        "domain \"g.test\" { routes = (\"10.0.0.7\" \"10.0.0.6\") }";
    struct world w;
    struct domain *d, *e, *f;
    struct buf b = BUF_INIT;

    (void)state;
    world_open(&w,
        "routes = (\"smtp://10.0.0.1?ttl=30\") route_ttl = 60 "
        "domain \"e.test\" { routes = (\"10.0.0.5\") } "
        "domain \"g.test\" { routes = (\"10.0.0.6\" \"10.0.0.7\") }");
    fake_dns_add("relay.test", DNS_A, 300, 0, "10.2.0.1");
    d = world_domain(&w, "default", "d.test");
    e = world_domain(&w, "default", "e.test");
    f = world_domain(&w, "default", "g.test");
    assert_int_equal(count_old(&w), 0); /* not looked up: nothing is old */
    assert_string_equal(world_try(&w, d, false), "10.0.0.1:25");
    assert_string_equal(world_try(&w, e, false), "10.0.0.5:25");
    assert_string_equal(world_try(&w, f, false), "10.0.0.6:25");
    assert_int_equal(count_old(&w), 0);
    world_configure(&w, second);
    resolver_adopt(w.resolver, w.g);
    assert_int_equal(count_old(&w), 2); /* e.test says the same as before */
    assert_true(domain_is_old(d) && !domain_is_old(e) && domain_is_old(f));
    world_pass(&w, 10000);
    world_print(&w, d, "default", &b);
    if (!strstr(b.p, "older configuration hold for 20 s more") ||
        !strstr(b.p, "refresh domain d.test"))
        fail_msg("%s", b.p);
    buf_cut(&b, 0);
    world_print(&w, e, "default", &b);
    assert_null(strstr(b.p, "older configuration"));
    domain_refresh(f); /* nobody has picked with the new one yet */
    world_pass(&w, 0);
    assert_int_equal(count_old(&w), 1);
    assert_string_equal(world_try(&w, f, false), "10.0.0.7:25");
    fake_dns_hold(true);
    world_pass(&w, 20000); /* its TTL has ended, DNS has not answered yet */
    assert_string_equal(world_try(&w, d, false), "10.0.0.1:25");
    assert_int_equal(count_old(&w), 1);
    fake_dns_hold(false);
    world_pass(&w, 0);
    assert_int_equal(count_old(&w), 0);
    buf_cut(&b, 0);
    world_print(&w, d, "default", &b);
    assert_null(strstr(b.p, "older configuration"));
    buf_fini(&b);
    domain_unref(&d);
    domain_unref(&e);
    domain_unref(&f);
    world_close(&w);
}

/* Records that nobody uses stay for a moment, but not without number; those
 * that remember failures stay. */
static void
test_many_unused(void **state)
{
    enum { MANY = ROUTE_UNUSED_MOST + 500 };
    struct world w;
    struct domain *d, *bad;

    (void)state;
    world_open(&w,
        "routes = ( \"10.0.0.7\" )\n"
        "domain \"bad.test\" { routes = ( \"gone.test\" ) }\n");
    for (int i = 0; i < MANY; i++) {
        char name[32];

        (void)snprintf(name, sizeof(name), "d%d.test", i);
        d = world_domain(&w, "default", name);
        assert_string_equal(world_try(&w, d, false), "10.0.0.7:25");
        domain_unref(&d);
        if (i == 5) { /* used again: it counts no more */
            d = world_domain(&w, "default", name);
            assert_int_equal(w.resolver->unused, i);
            domain_unref(&d);
        }
    }
    assert_int_equal(w.resolver->unused, ROUTE_UNUSED_MOST);
    assert_int_equal(w.resolver->domains.count, ROUTE_UNUSED_MOST);
    bad = world_domain(&w, "default", "bad.test");
    assert_string_equal(world_next(&w, bad), "delay 454 4.4.4");
    domain_unref(&bad);
    assert_int_equal(w.resolver->unused, ROUTE_UNUSED_MOST + 1);
    d = world_domain(&w, "default", "d0.test"); /* it was the first */
    assert_true(w.resolver->unused == ROUTE_UNUSED_MOST);
    domain_unref(&d);
    assert_int_equal(w.resolver->unused, ROUTE_UNUSED_MOST);
    for (int i = 0; i < 60 && w.resolver->unused > 1; i++)
        world_pass(&w, ROUTE_SWEEP_MS);
    assert_in_range(w.resolver->unused, 0, 1);
    assert_int_equal(w.resolver->domains.count, w.resolver->unused);
    world_close(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chapter_25_1),
        cmocka_unit_test(test_gateway_and_routes),
        cmocka_unit_test(test_methods_and_ports),
        cmocka_unit_test(test_global_routes),
        cmocka_unit_test(test_fit),
        cmocka_unit_test(test_items_that_fit),
        cmocka_unit_test(test_fit_check),
        cmocka_unit_test(test_old_routes),
        cmocka_unit_test(test_many_unused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
