/* SPDX-License-Identifier: Apache-2.0
 *
 * test-way.c - ha_proxy_*: which way a connection leaves, by scope.
 */
#include "conf_support.h"

#include <stdlib.h>

#include "route/way.h"

static const char conf[] =
    "Binding_Group g {\n"
    "  HA_Proxy_Server = \"127.0.0.9:5000\"\n"
    "  Binding g1 { HA_Proxy_Src_Addr = \"192.0.2.1\"\n"
    "    Domain straight.test { HA_Proxy_Bypass = true } }\n"
    "  Binding g2 { HA_Proxy_IPv6_Src_Addr = \"[2001:db8::2]\"\n"
    "    HA_Proxy_Server = \"[::1]:5001\"\n"
    "    Bind_Address = \"127.0.0.3\" }\n"
    "  Binding g3 { HA_Proxy_Src_Addr = \"192.0.2.3\"\n"
    "    HA_Proxy_IPv6_Src_Addr = \"2001:db8::3\"\n"
    "    Bind_Address = \"127.0.0.4\"\n"
    "    Bind_Address_Secondary = \"::1\" }\n"
    "  Binding g4 { HA_Proxy_Bypass = true  Bind_Address = \"127.0.0.5\" }\n"
    "}\n"
    "Binding plain { Bind_Address = \"127.0.0.6\" }\n"
    "Domain easy.test { HA_Proxy_Bypass = yes }\n";

static int
set_up(void **state)
{
    (void)state;
    conf_support_options();
    return 0;
}

static void
test_ways(void **state)
{
    static const struct {
        const char *binding, *domain;
        int family;
        const char *want; /* NULL: no way */
    } row[] = {
        {"g1", "x.test", 4, " by 127.0.0.9:5000 as 192.0.2.1"},
        {"g1", "x.test", 6, NULL},
        {"g1", "x.test", 0, ""},
        {"g1", "straight.test", 4, ""},
        {"g1", "straight.test", 6, ""},
        {"g1", "easy.test", 4, ""},
        {"g2", "x.test", 6, " by [::1]:5001 as 2001:db8::2"},
        {"g2", "x.test", 4, NULL},
        {"g3", "x.test", 4, "127.0.0.4 by 127.0.0.9:5000 as 192.0.2.3"},
        {"g3", "x.test", 6, "127.0.0.4 by 127.0.0.9:5000 as 2001:db8::3"},
        {"g4", "x.test", 4, "127.0.0.5"},
        {"g4", "x.test", 6, NULL},
        {"plain", "x.test", 4, "127.0.0.6"},
        {"plain", "x.test", 6, NULL},
        {"default", "x.test", 4, ""},
        {"default", "x.test", 6, ""},
    };
    struct generation *g = conf_support_load(conf, false);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
        const struct scope *s =
            generation_scope(g, str_of(row[i].binding), str_of(row[i].domain));
        struct buf text = BUF_INIT;
        struct way w;
        bool found = way_find(s, row[i].family, &w);

        if (found != (row[i].want != NULL))
            fail_msg("row %zu: %d", i, found);
        way_print(&w, &text);
        if (found && !str_eq(buf_get(&text), str_of(row[i].want)))
            fail_msg("row %zu: %s", i, buf_get(&text).p);
        buf_fini(&text);
    }
    generation_unref(&g);
}

static void
test_equal(void **state)
{
    struct generation *g = conf_support_load(conf, false);
    const char *names[] = {"g1", "g2", "g3", "g4", "plain", "default"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        for (size_t j = 0; j < ARRAY_SIZE(names); j++) {
            struct way a, b;

            (void)way_find(generation_scope(g, str_of(names[i]), STR_NONE),
                i == 1 ? 6 : 4, &a);
            (void)way_find(generation_scope(g, str_of(names[j]), STR_NONE),
                j == 1 ? 6 : 4, &b);
            assert_int_equal(way_eq(&a, &b), i == j);
        }
    generation_unref(&g);
}

static void
test_refused(void **state)
{
    (void)state;
#define REFUSED(text, want) \
    conf_support_says("Binding b { " text " }\n", false, want)
    REFUSED("HA_Proxy_Server = \"127.0.0.1\"", "an address and a port");
    REFUSED("HA_Proxy_Server = \"proxy.test:5000\"", "an address and a port");
    REFUSED("HA_Proxy_Server = \"*:5000\"", "an address and a port");
    REFUSED("HA_Proxy_Server = \"0.0.0.0:5000\"", "an address and a port");
    REFUSED("HA_Proxy_Server = \"127.0.0.1:0\"", "an address and a port");
    REFUSED("HA_Proxy_Server = \"127.0.0.1:70000\"", "an address and a port");
    REFUSED("HA_Proxy_Src_Addr = \"::1\"", "an IPv4 address");
    REFUSED("HA_Proxy_Src_Addr = \"192.0.2.0/24\"", "an IPv4 address");
    REFUSED("HA_Proxy_IPv6_Src_Addr = \"192.0.2.1\"", "an IPv6 address");
    conf_support_says(
        "HA_Proxy_Server = \"127.0.0.1:5000\"\n", false, "ha_proxy_server");
#undef REFUSED
}

/* A server, and nothing to be seen as: said of each binding it holds for. */
static void
test_without_source(void **state)
{
    static const struct {
        const char *text;
        int rc;
    } row[] = {
        {"Binding b { HA_Proxy_Server = \"127.0.0.1:5000\" }\n", ERR_CONF},
        {"Binding b { HA_Proxy_Server = \"127.0.0.1:5000\"\n"
         "  HA_Proxy_Bypass = true }\n",
            0},
        {"Binding_Group g { HA_Proxy_Server = \"127.0.0.1:5000\"\n"
         "  Binding b { } }\n",
            ERR_CONF},
        {"Binding_Group g { HA_Proxy_Server = \"127.0.0.1:5000\"\n"
         "  Binding b { HA_Proxy_IPv6_Src_Addr = \"::1\" } }\n",
            0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
        struct generation *g;
        struct conf_report *r = conf_report_new();

        g = conf_support_load(row[i].text, false);
        assert_int_equal(way_check(NULL, g, r), row[i].rc);
        generation_unref(&g);
        conf_report_free(&r);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_ways, set_up),
        cmocka_unit_test_setup(test_equal, set_up),
        cmocka_unit_test_setup(test_refused, set_up),
        cmocka_unit_test_setup(test_without_source, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
