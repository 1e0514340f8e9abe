/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "route/method.h"
#include "route/route_check.h"
#include "route/route_options.h"

/* What the parser's file asks of the layer below; here: one stanza. */
struct option_set route_options = {.first = 100};
static struct option_value stanza_values[3];
bool
stanza_value(const struct stanza *s, uint32_t id, struct option_value *to)
{
    (void)s;
    if (id < 100 || id > 102)
        return false;
    *to = stanza_values[id - 100];
    return to->text.p || to->items;
}

struct form {
    const char *text;
    const char *why; /* NULL: taken */
    const char *scheme, *host;
    bool address, mx;
    long pref, ttl;
    int port, type;
};

static void
check_item(const struct form *f)
{
    struct route_item item;
    struct err e = {0};
    int rc = route_item_parse(str_of(f->text), &item, &e);

    if (f->why) {
        if (rc != ERR_CONF || !strstr(e.text, f->why))
            fail_msg("\"%s\": %d \"%s\"", f->text, rc, e.text);
        return;
    }
    if (rc < 0)
        fail_msg("\"%s\": %s", f->text, e.text);
    if (!str_eq(item.host, str_of(f->host)) ||
        !str_eq(item.scheme, str_of(f->scheme)) || item.address != f->address ||
        item.mx != f->mx || item.pref != f->pref || item.ttl != f->ttl ||
        item.port != f->port || item.type != f->type)
        fail_msg("\"%s\" is not taken apart as expected", f->text);
}

static void
test_items(void **state)
{
    static const struct form forms[] = {
        {"smtp://1.2.3.4?pref=10&ttl=300&type=mx", NULL, "smtp", "1.2.3.4",
            true, false, 10, 300, 0, ROUTE_TYPE_MX},
        {"my.local.smart.host", NULL, NULL, "my.local.smart.host", false, false,
            -1, -1, 0, 0},
        {"__mx__", NULL, NULL, "__mx__", false, true, -1, -1, 0, 0},
        {"smtp://my.local.smart.host?pref=1", NULL, "smtp",
            "my.local.smart.host", false, false, 1, -1, 0, 0},
        {"apn://gateway.push.apple.com?port=2195", NULL, "apn",
            "gateway.push.apple.com", false, false, -1, -1, 2195, 0},
        {"mm7://h/a/b%20c?port=80", NULL, "mm7", "h", false, false, -1, -1, 80,
            0},
        {"http://h:81/a/", NULL, "http", "h", false, false, -1, -1, 81, 0},
        {"smtp://[2001:db8::1]?port=2525", NULL, "smtp", "2001:db8::1", true,
            false, -1, -1, 2525, 0},
        {"[::1]", NULL, NULL, "::1", true, false, -1, -1, 0, 0},
        {"[::1]:2525", NULL, NULL, "::1", true, false, -1, -1, 2525, 0},
        {"smtp://host:587", NULL, "smtp", "host", false, false, -1, -1, 587, 0},
        {"smtp://host/?type=a", NULL, "smtp", "host", false, false, -1, -1, 0,
            ROUTE_TYPE_A},
        {"SMTP://Host.?TYPE=MX", NULL, "SMTP", "Host", false, false, -1, -1, 0,
            ROUTE_TYPE_MX},
        {"smtp://__mx__?pref=7", NULL, "smtp", "__mx__", false, true, 7, -1, 0,
            0},
        {"lmtp:///run/Mail/lmtp?pref=3&ttl=9", NULL, "lmtp", "/run/Mail/lmtp",
            false, false, 3, 9, 0, 0},
        {.text = "lmtp:///run/lmtp?port=24", .why = "no port"},
        {.text = "lmtp:///run/lmtp?type=a", .why = "no type"},
        {.text = "lmtp:///run/a b", .why = "blanks"},
        {.text = "lmtp:///", .why = "missing"},
        {.text = "/run/lmtp", .why = "no host name"},
        {.text = "::1", .why = "[::1]"},
        {.text = "smtp://2001:db8::1?pref=1", .why = "[2001:db8::1]"},
        {.text = "smtp://h?pref=1&pref=2", .why = "twice"},
        {.text = "smtp://h:25?port=25", .why = "twice"},
        {.text = "smtp://h?weight=1", .why = "not known"},
        {.text = "smtp://h?pref=65536", .why = "0 to 65535"},
        {.text = "smtp://h?pref=-1", .why = "0 to 65535"},
        {.text = "smtp://h?ttl=4294967296", .why = "4294967295"},
        {.text = "smtp://h?port=0", .why = "1 to 65535"},
        {.text = "smtp://h?type=cname", .why = "mx or a"},
        {.text = "smtp://h?pref", .why = "no value"},
        {.text = "smtp://h?pref=", .why = "number"},
        {.text = "smtp://h?", .why = "not known"},
        {.text = "smtp://?pref=1", .why = "host is missing"},
        {.text = "smtp://u@h", .why = "user"},
        {.text = "smtp://h/p?pref=1", .why = "path"},
        {.text = "h?pref=1", .why = "scheme"},
        {.text = "1tp://h", .why = "scheme"},
        {.text = "smtp://__mx__?type=a", .why = "__mx__"},
        {.text = "#name", .why = "host name"},
        {.text = "a..b", .why = "host name"},
        {.text = "[1.2.3", .why = "]"},
        {.text = "", .why = "missing"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
        check_item(&forms[i]);
}

static void
test_gateways(void **state)
{
    static const struct {
        const char *text, *why;
        int port;
    } forms[] = {
        {"10.10.10.50", NULL, 0},
        {"relay.example:2525", NULL, 2525},
        {"[fe80::a00]:1", NULL, 1},
        {"#relay", NULL, 0},
        {"/run/mail/lmtp", NULL, 0},
        {"/", "at most 107", 0},
        {"/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
         "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "at most 107", 0},
        {"/run/a\tb", "blanks", 0},
        {"fe80::a00", "[fe80::a00]", 0},
        {"smtp://relay", "URI", 0},
        {"#", "after #", 0},
        {"__mx__", "routes", 0},
        {"", "missing", 0},
        {"relay:99999", "65535", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct option_value v = {.text = str_of(forms[i].text)};
        struct route_item item;
        struct err e = {0};
        int rc = route_check_gateway(&v, &e);
        if (forms[i].why) {
            if (rc != ERR_CONF || !strstr(e.text, forms[i].why))
                fail_msg("\"%s\": %d \"%s\"", forms[i].text, rc, e.text);
            continue;
        }
        if (rc < 0)
            fail_msg("\"%s\": %s", forms[i].text, e.text);
        assert_int_equal(route_gateway_parse(v.text, &item, &e), 0);
        assert_int_equal(item.port, forms[i].port);
    }
}

static void
test_stanza(void **state)
{
    static const struct {
        const char *gateway, *route, *method, *why;
    } rows[] = {
        {"g", "h", NULL, "exclude"}, {"g", NULL, "ECSTREAM", NULL},
        {NULL, "smtp://h", "ESMTP", NULL}, {NULL, "smtp://h", "SMTP", NULL},
        {NULL, "h", "LMTP", NULL}, {NULL, "lmtp://h", "LMTP", NULL},
        {NULL, "smtp://h", "LMTP", "takes lmtp"},
        {NULL, "apn://h?port=2195", "APN", NULL},
        {NULL, "http://h", "GCM", NULL},
        {NULL, "apn://h", "GCM", "takes gcm or http"},
        {NULL, "h", "ECSTREAM", "use gateway"},
        {NULL, "apn://h", NULL, NULL}, /* the method comes from elsewhere */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct str item = str_of(rows[i].route);
        struct err e = {0};
        uint32_t at = 0;
        int rc;
        memset(stanza_values, 0, sizeof(stanza_values));
        stanza_values[ROUTE_GATEWAY].text = str_of(rows[i].gateway);
        if (item.p) {
            stanza_values[ROUTE_ROUTES].items = &item;
            stanza_values[ROUTE_ROUTES].item_count = 1;
        }
        stanza_values[ROUTE_DELIVERY_METHOD].text = str_of(rows[i].method);
        rc = route_check_stanza(NULL, &at, &e);
        if (!rows[i].why)
            assert_int_equal(rc, 0);
        else if (rc != ERR_CONF || !strstr(e.text, rows[i].why))
            fail_msg("row %zu: %d \"%s\"", i, rc, e.text);
    }
}

static void
test_methods(void **state)
{
    struct str odd = STR("gopher://h");
    struct option_value v = {.items = &odd, .item_count = 1};
    struct err e;
    int fax;

    (void)state;
    assert_int_equal(method_find(STR("lmtp")), METHOD_LMTP);
    assert_string_equal(method_name(METHOD_MM7), "MM7");
    assert_int_equal(method_find(STR("FAX")), -1);
    assert_null(method_name(METHOD_OTHER));
    fax = method_add("fax");
    assert_int_equal(fax, METHOD_OTHER);
    assert_int_equal(method_add("FAX"), fax);
    assert_int_equal(method_find(STR("Fax")), fax);
    assert_true(method_takes_scheme(fax, STR("fax")));
    assert_true(method_has_scheme(STR("fax")));
    assert_int_equal(route_check_routes(&v, &e), ERR_CONF);
    odd = STR("fax://h");
    assert_int_equal(route_check_routes(&v, &e), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_items),
        cmocka_unit_test(test_gateways),
        cmocka_unit_test(test_stanza),
        cmocka_unit_test(test_methods),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
