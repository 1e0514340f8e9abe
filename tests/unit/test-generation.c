/* SPDX-License-Identifier: Apache-2.0
 *
 * Scopes and fallback: MC 2.1 to 2.4.
 */
#include "conf_support.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

static int
setup(void **state)
{
    (void)state;
    conf_support_options();
    return 0;
}

/* MC 2.2, the manual's own example */
static const char worked[] =
    "message_expiration = 86400\n"
    "domain \"a.test\" { message_expiration = 120 }\n"
    "binding \"north\" { message_expiration = 3600 }\n"
    "binding \"south\" { message_expiration = 7200\n"
    "  domain \"a.test\" { message_expiration = 86400 }\n"
    "  domain \"b.test\" { max_resident_active_queue = 500 } }\n"
    "binding \"east\" {\n"
    "  domain \"a.test\" { max_resident_active_queue = 500 }\n"
    "  domain \"b.test\" { message_expiration = 86400 } }\n";

static const char worked_yaml[] =
    "message_expiration: 86400\n"
    "domain:\n"
    "  a.test: {message_expiration: 120}\n"
    "binding:\n"
    "  north: {message_expiration: 3600}\n"
    "  south:\n"
    "    message_expiration: 7200\n"
    "    domain:\n"
    "      a.test: {message_expiration: 86400}\n"
    "      b.test: {max_resident_active_queue: 500}\n"
    "  east:\n"
    "    domain:\n"
    "      a.test: {max_resident_active_queue: 500}\n"
    "      b.test: {message_expiration: 86400}\n";

static void
check_worked(const char *text, bool yaml)
{
    static const struct {
        const char *binding, *domain;
        int64_t seconds;
    } rows[] = {
        {"north", "a.test", 3600},
        {"north", "other.test", 3600},
        {"south", "a.test", 86400},
        {"south", "A.TEST", 86400},
        {"south", "b.test", 7200},
        {"south", "other.test", 7200},
        {"east", "b.test", 86400},
        {"east", "a.test", 120},
        {"east", "other.test", 86400},
        {"west", "a.test", 120},
        {"west", "b.test", 86400},
        {NULL, "a.test", 120},
        {"east", NULL, 86400},
    };
    struct generation *g = conf_support_load(text, yaml);

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        assert_int_equal(conf_support_int(g, rows[i].binding, rows[i].domain,
                             "message_expiration"),
            rows[i].seconds * 1000);
    assert_int_equal(
        conf_support_int(g, "south", "b.test", "max_resident_active_queue"),
        500);
    assert_true(generation_has_domain(g, STR("A.test")));
    assert_false(generation_has_domain(g, STR("b.test")));
    generation_unref(&g);
}

static void
test_worked_example(void **state)
{
    (void)state;
    check_worked(worked, false);
    check_worked(worked_yaml, true);
}

static int64_t
group_value(const char *group, const char *binding)
{
    char text[500];
    struct generation *g;
    int64_t v;

    snprintf(text, sizeof(text),
        "idle_timeout = 30 binding_group g1 { idle_timeout = 5 binding in { "
        "%s domain d.test { retry_interval = 60 } } binding other {} } "
        "binding out {} %s",
        binding, group);
    g = conf_support_load(text, false);
    v = conf_support_int(g, "in", "d.test", "idle_timeout");
    assert_int_equal(
        conf_support_int(g, "other", "d.test", "idle_timeout"), 5000);
    assert_int_equal(
        conf_support_int(g, "out", "d.test", "idle_timeout"), 30000);
    assert_true(str_eq(generation_binding_group(g, STR("in")), STR("g1")));
    assert_true(
        str_eq(generation_binding_group(g, STR("out")), STR("default")));
    assert_null(generation_binding_group(g, STR("OUT")).p);
    assert_true(
        str_eq(generation_binding_group(g, STR("default")), STR("default")));
    generation_unref(&g);
    return v;
}

static void
test_group_example(void **state)
{
    (void)state;
    assert_int_equal(group_value("", "idle_timeout = 15"), 15000);
    assert_int_equal(group_value("", ""), 5000);
}

static void
test_connection_example(void **state)
{
    struct generation *g = conf_support_load(
        "domain d.test { max_outbound_connections = 10 } binding a { domain "
        "d.test { max_outbound_connections = 30 } } binding b { }",
        false);

    (void)state;
    assert_int_equal(
        conf_support_int(g, "a", "d.test", "max_outbound_connections"), 30);
    assert_int_equal(
        conf_support_int(g, "b", "d.test", "max_outbound_connections"), 10);
    assert_int_equal(
        conf_support_int(g, "b", "e.test", "max_outbound_connections"), 32);
    generation_unref(&g);
}

/* All eight places, most specific first: each beats all that follow. */
static void
test_order_of_places(void **state)
{
    static const char *const places[] = {
        "binding_group g { binding b { domain d.test { retry_interval = 1 } } "
        "}",
        "binding_group g { domain d.test { retry_interval = 2 } }",
        "binding_group g { binding b { retry_interval = 3 } }",
        "binding_group g { retry_interval = 4 }",
        "domain d.test { retry_interval = 5 }",
        "retry_interval = 6",
        "",
    };
    static const int64_t want[] = {1, 2, 3, 4, 5, 6, 1200};

    (void)state;
    for (size_t first = 0; first < ARRAY_SIZE(places); first++) {
        struct buf b = BUF_INIT;
        struct generation *g;

        buf_cstr(&b, "binding_group g { binding b {} }\n");
        for (size_t i = ARRAY_SIZE(places); i-- > first;) {
            buf_cstr(&b, places[i]);
            buf_char(&b, '\n');
        }
        g = conf_support_load(b.p, false);
        assert_int_equal(conf_support_int(g, "b", "d.test", "retry_interval"),
            want[first] * 1000);
        generation_unref(&g);
        buf_fini(&b);
    }
}

static void
test_regex_order(void **state)
{
    struct generation *g = conf_support_load(
        "domain \"/test$/\" { max_outbound_connections = 15 "
        "max_deliveries_per_connection = 5 }\n"
        "domain \"/x/\" { max_deliveries_per_connection = 6 idle_timeout = 7 "
        "}\n"
        "domain x.test { max_outbound_connections = 20 }\n"
        "domain \"/^late/\" { idle_timeout = 8 }\n"
        "domain \"/late/\" { idle_timeout = 9 order = -1 }\n",
        false);

    (void)state;
    assert_int_equal(
        conf_support_int(g, NULL, "x.test", "max_outbound_connections"), 20);
    assert_int_equal(
        conf_support_int(g, NULL, "x.test", "max_deliveries_per_connection"),
        5);
    assert_int_equal(conf_support_int(g, NULL, "x.test", "idle_timeout"), 7000);
    assert_int_equal(
        conf_support_int(g, NULL, "X.example", "idle_timeout"), 7000);
    assert_int_equal(
        conf_support_int(g, NULL, "late.example", "idle_timeout"), 9000);
    assert_int_equal(
        conf_support_int(g, NULL, "late.example", "idle_timeout"), 9000);
    generation_unref(&g);
}

static void
test_literals(void **state)
{
    struct generation *g = conf_support_load(
        "domain \"192.0.43.10\" { idle_timeout = 1 }\n"
        "domain \"[IPv6:2001:db8::0001]\" { idle_timeout = 2 }\n"
        "domain apn_example.com { idle_timeout = 3 }\n"
        "domain \"#relay\" { idle_timeout = 4 }\n"
        "domain \"B\xc3\x9c"
        "CHER.test\" { idle_timeout = 5 }\n"
        "domain \"/^xn--fr-/\" { idle_timeout = 6 }\n",
        false);

    (void)state;
    assert_int_equal(
        conf_support_int(g, NULL, "[192.0.43.10]", "idle_timeout"), 1000);
    assert_int_equal(
        conf_support_int(g, NULL, "[ipv6:2001:DB8::1]", "idle_timeout"), 2000);
    assert_int_equal(
        conf_support_int(g, NULL, "apn_Example.com", "idle_timeout"), 3000);
    assert_int_equal(
        conf_support_int(g, NULL, "apn_example.com.", "idle_timeout"), 3000);
    assert_int_equal(conf_support_int(g, NULL, "#relay", "idle_timeout"), 4000);
    assert_int_equal(
        conf_support_int(g, NULL, "xn--bcher-kva.TEST", "idle_timeout"), 5000);
    assert_int_equal(conf_support_int(g, NULL,
                         "b\xc3\xbc"
                         "cher.test.",
                         "idle_timeout"),
        5000);
    assert_int_equal(
        conf_support_int(g, NULL, "f\xc3\xbcr.test", "idle_timeout"), 6000);
    generation_unref(&g);
}

static void
test_hosts_do_not_fall_back(void **state)
{
    struct generation *g = conf_support_load(
        "max_outbound_connections = 7\n"
        "host mx1.test { max_outbound_connections = 3 }\n"
        "host mx2.test { }\n"
        "host \"/^mx3/\" { max_outbound_connections = 4 }\n"
        "host \"/^nothing/\" { max_outbound_connections = 9 }\n"
        "host \"/^mx[34]/\" { max_outbound_connections = 5 }\n"
        "host \"/4.test$/\" { max_outbound_connections = 6 }\n"
        "host \"/5.test$/\" { order = 1 max_outbound_connections = 8 }\n"
        "host \"/^mx5/\" { max_outbound_connections = 9 }\n"
        "host \"/^10[.]1[.]/\" { max_outbound_connections = 11 }\n"
        "host 10.1.2.4 { max_outbound_connections = 12 }\n"
        "host \"/^2001:db8:/\" { max_outbound_connections = 13 }\n"
        "binding b { host mx1.test { max_outbound_connections = 2 } }\n",
        false);
    uint32_t id = option_find(STR("max_outbound_connections"));
    static const struct {
        const char *binding, *host;
        int64_t want;
    } rows[] = {{"default", "MX1.test", 3}, {"b", "mx1.test", 2},
        {"b", "mx2.test", -1}, {"b", "mx9.test", -1}, {"b", "mx3.test", 4},
        {"b", "mx4.test", 5}, {"default", "x4.test", 6}, {"b", "mx5.test", 9},
        {"b", "x5.test", 8}, {"b", "10.1.2.3", 11}, {"b", "[10.1.2.4]", 12},
        {"b", "2001:DB8::1", 13}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct scope *s = generation_host_scope(
            g, str_of(rows[i].binding), str_of(rows[i].host));
        assert_int_equal(scope_int(s, id), rows[i].want);
        assert_int_equal(scope_is_set(s, id), rows[i].want >= 0);
    }
    generation_unref(&g);
}

static void
test_reference(void **state)
{
    struct generation *g = conf_support_load(
        "binding_group g { outbound_throttle_messages = \"60/3\" binding a {} "
        "binding b {} binding c { outbound_throttle_messages = 10 } }",
        false);
    uint32_t id = option_find(STR("outbound_throttle_messages"));
    const struct scope *a = generation_scope(g, STR("a"), STR("x.test")),
                       *b = generation_scope(g, STR("b"), STR("y.test")),
                       *c = generation_scope(g, STR("c"), STR("y.test"));
    struct throttle_rate rate = scope_throttle(a, id);

    (void)state;
    assert_int_equal(rate.count, 60);
    assert_int_equal(rate.window_ms, 3000);
    assert_non_null(scope_origin(a, id));
    assert_ptr_equal(scope_origin(a, id), scope_origin(b, id));
    assert_ptr_not_equal(scope_origin(a, id), scope_origin(c, id));
    assert_int_equal(scope_throttle(c, id).window_ms, 1000);
    generation_unref(&g);
}

static void
test_default_binding(void **state)
{
    struct generation *g = conf_support_load(
        "binding default { idle_timeout = 9 } binding b {} binding_group "
        "default { retry_interval = 77 }",
        false);

    (void)state;
    assert_int_equal(conf_support_int(g, NULL, "x.test", "idle_timeout"), 9000);
    assert_int_equal(conf_support_int(g, "b", "x.test", "idle_timeout"), 5000);
    assert_int_equal(
        conf_support_int(g, "b", "x.test", "retry_interval"), 77000);
    generation_unref(&g);
}

static void
test_scopes_are_shared(void **state)
{
    struct generation *g = conf_support_load(
        "binding b { idle_timeout = 1 domain \"/big/\" { idle_timeout = 2 } "
        "domain x.test {} }",
        false);
    const struct scope *first = generation_scope(g, STR("b"), STR("a.test"));
    const struct scope *big = generation_scope(g, STR("b"), STR("big.test"));
    int64_t began = clock_mono();

    (void)state;
    for (int i = 0; i < 100000; i++) {
        char name[40];
        int n = snprintf(name, sizeof(name), "d%d.test", i);

        assert_ptr_equal(
            generation_scope(g, STR("b"), str_make(name, (size_t)n)), first);
        n = snprintf(name, sizeof(name), "big%d.test", i % 7);
        assert_ptr_equal(
            generation_scope(g, STR("b"), str_make(name, (size_t)n)), big);
    }
    assert_true(clock_mono() - began < 20000);
    generation_unref(&g);
}

static const char listeners[] =
    "max_recipients_per_connection = 9 relay_hosts = ( 10.0.0.0/8 )\n"
    "ESMTP_Listener {\n"
    "  idle_time = 100\n"
    "  Peer 10.0.0.0/8 { idle_time = 101 max_message_size = 7k }\n"
    "  Listen \":2525\" {\n"
    "    max_errors = 3 max_message_size = 5k\n"
    "    Peer \"10.1.0.0/16\" { idle_time = 102 }\n"
    "    Peer \"10.1.1.1\" { idle_time = 103 }\n"
    "    peer \"2001:db8::/32\" { idle_time = 104 }\n"
    "  }\n"
    "  Listen \"[::1]:2525\" { enable = false relay_hosts = ( ::1 "
    "\"[::2]/128\" ) }\n"
    "}\n";

static const struct scope *
peer(struct generation *g, const struct stanza *listen, const char *addr)
{
    struct cidr c;

    assert_int_equal(cidr_parse(str_of(addr), 0, &c, NULL), 0);
    return generation_peer_scope(g, listen, &c);
}

static void
test_listeners(void **state)
{
    struct generation *g = conf_support_load(listeners, false);
    const struct stanza *l =
        generation_stanza(g, IMPEL_SCOPE_LISTENER, NULL, NULL);
    const struct stanza *a = generation_stanza(g, IMPEL_SCOPE_LISTEN, l, NULL);
    const struct stanza *b = generation_stanza(g, IMPEL_SCOPE_LISTEN, l, a);
    uint32_t idle = option_find(STR("idle_time"));
    uint32_t size = option_find(STR("max_message_size"));
    uint32_t relay = option_find(STR("relay_hosts"));
    struct cidr six;

    (void)state;
    assert_true(str_eq(stanza_keyword(l), STR("esmtp_listener")));
    assert_null(stanza_name(l).p);
    assert_true(str_eq(stanza_name(a), STR(":2525")));
    assert_true(str_eq(stanza_path(a), STR("esmtp_listener, listen :2525")));
    assert_true(str_eq(stanza_name(b), STR("[::1]:2525")));
    assert_null(generation_stanza(g, IMPEL_SCOPE_LISTEN, l, b));
    assert_int_equal(stanza_line(a), 5);
    assert_string_equal(stanza_file(a), "t.conf");
    assert_int_equal(scope_int(peer(g, a, "192.0.2.1"), idle), 100000);
    assert_int_equal(scope_int(peer(g, a, "10.2.0.1"), idle), 101000);
    assert_int_equal(scope_int(peer(g, a, "10.1.0.1"), idle), 102000);
    assert_int_equal(scope_int(peer(g, a, "::ffff:10.1.1.1"), idle), 103000);
    assert_int_equal(scope_int(peer(g, a, "2001:db8:1::1"), idle), 104000);
    /* the listen comes before the listener's peers */
    assert_int_equal(scope_int(peer(g, a, "10.2.0.1"), size), 5 * 1024);
    assert_int_equal(scope_int(peer(g, b, "10.2.0.1"), size), 7 * 1024);
    /* lists are not merged */
    assert_int_equal(cidr_parse(STR("::2"), 0, &six, NULL), 0);
    assert_true(scope_cidr_has(stanza_scope(b), relay, &six));
    assert_false(scope_cidr_has(stanza_scope(a), relay, &six));
    assert_int_equal(scope_count(stanza_scope(a), relay), 1);
    assert_int_equal(scope_int(stanza_scope(b),
                         option_find(STR("max_recipients_per_connection"))),
        9);
    generation_unref(&g);
}

static uint64_t
listen_id(const char *text)
{
    struct generation *g = conf_support_load(text, false);
    const struct stanza *l =
        generation_stanza(g, IMPEL_SCOPE_LISTENER, NULL, NULL);
    uint64_t id = stanza_id(generation_stanza(g, IMPEL_SCOPE_LISTEN, l, NULL));

    generation_unref(&g);
    return id;
}

static void
test_stanza_ids(void **state)
{
    uint64_t a = listen_id("esmtp_listener { listen :25 { idle_time = 5 } }");

    (void)state;
    assert_int_equal(a,
        listen_id("hostname = a.test ESMTP_Listener {\n listen \":25\" { # x\n"
                  " Idle_Time = \"5\" } }"));
    assert_int_not_equal(
        a, listen_id("esmtp_listener { listen :25 { idle_time = 6 } }"));
    assert_int_not_equal(
        a, listen_id("esmtp_listener { listen :26 { idle_time = 5 } }"));
}

static void
test_publish(void **state)
{
    struct generation *a = conf_support_load("", false);
    struct generation *b = conf_support_load("", true), *now;

    (void)state;
    assert_null(generation_current());
    generation_publish(a);
    now = generation_current();
    assert_ptr_equal(now, a);
    assert_true(generation_number(b) > generation_number(a));
    generation_publish(b);
    assert_int_equal(generation_number(now), generation_number(a));
    generation_unref(&now);
    generation_unref(&a);
    generation_unref(&b);
    now = generation_current();
    assert_non_null(now);
    generation_unref(&now);
    generation_publish(NULL);
}

/* What was asked a moment ago is remembered: of which generation, and where
 * the binding's name ends. */
static void
test_asked_again(void **state)
{
    static const char *const text[] = {
        "binding a { domain b.test { retry_interval = 1 } } binding ab {} "
        "retry_interval = 2",
        "binding a { domain b.test { retry_interval = 3 } } binding ab {} "
        "retry_interval = 4"};
    struct generation *g[2];

    (void)state;
    for (int i = 0; i < 2; i++)
        g[i] = conf_support_load(text[i], false);
    for (int i = 0; i < 20; i++) { /* more names than are remembered */
        struct generation *one = g[i % 2];
        int wide = i % 2 ? 4000 : 2000;
        char name[16];

        (void)snprintf(name, sizeof(name), "x%d.test", i / 4);
        assert_int_equal(conf_support_int(one, "a", "b.test", "retry_interval"),
            wide - 1000);
        assert_int_equal(
            conf_support_int(one, "ab", ".test", "retry_interval"), wide);
        assert_int_equal(
            conf_support_int(one, "a", name, "retry_interval"), wide);
        assert_int_equal(conf_support_int(one, "a", "B.TEST", "retry_interval"),
            wide - 1000);
    }
    for (int i = 0; i < 2; i++)
        generation_unref(&g[i]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_worked_example),
        cmocka_unit_test(test_asked_again),
        cmocka_unit_test(test_group_example),
        cmocka_unit_test(test_connection_example),
        cmocka_unit_test(test_order_of_places),
        cmocka_unit_test(test_regex_order),
        cmocka_unit_test(test_literals),
        cmocka_unit_test(test_hosts_do_not_fall_back),
        cmocka_unit_test(test_reference),
        cmocka_unit_test(test_default_binding),
        cmocka_unit_test(test_scopes_are_shared),
        cmocka_unit_test(test_listeners),
        cmocka_unit_test(test_stanza_ids),
        cmocka_unit_test(test_publish),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
