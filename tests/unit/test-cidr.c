/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/cidr.h"

struct form {
    const char *text;
    int flags;
    const char *printed; /* NULL: refused */
};

static void
test_forms(void **state)
{
    static const struct form forms[] = {
        {"10.0.0.0/8", CIDR_PREFIX, "10.0.0.0/8"},
        {"10.1.2.3/8", CIDR_PREFIX, "10.0.0.0/8"},
        {"10.1.2.3/255.255.0.0", CIDR_PREFIX, "10.1.0.0/16"},
        {"10.1.2.3/255.0.255.0", CIDR_PREFIX, NULL},
        {"10.1.2.3/33", CIDR_PREFIX, NULL},
        {"10.1.2.3/", CIDR_PREFIX, NULL},
        {"10.1.2.3/8", 0, NULL},
        {"10.1.2.3", 0, "10.1.2.3"},
        {"0.0.0.0/0", CIDR_PREFIX, "0.0.0.0/0"},
        {"10.1", 0, NULL},
        {"10.01.2.3.4", 0, NULL},
        {"::1", 0, "::1"},
        {"2001:DB8::1/32", CIDR_PREFIX, "2001:db8::/32"},
        {"2001:db8::/33", CIDR_PREFIX, "2001:db8::/33"},
        {"[::1]", 0, NULL},
        {"[::1]", CIDR_BRACKETS, "::1"},
        {"[IPv6:::1]", CIDR_BRACKETS, "::1"},
        {"[10.0.0.1]", CIDR_BRACKETS, "10.0.0.1"},
        {"[2001:db8::]/32", CIDR_BRACKETS | CIDR_PREFIX, "2001:db8::/32"},
        {"[::1", CIDR_BRACKETS, NULL},
        {"[::1]x", CIDR_BRACKETS, NULL},
        {"::1", CIDR_NEED_BRACKETS, NULL},
        {"[::1]", CIDR_NEED_BRACKETS, "::1"},
        {"", 0, NULL},
        {"x.test", 0, NULL},
        {"::/0", CIDR_PREFIX, "::/0"},
        {"::/129", CIDR_PREFIX, NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
        struct buf b = BUF_INIT;
        struct cidr c;
        struct err e;
        int rc = cidr_parse(str_of(forms[i].text), forms[i].flags, &c, &e);

        if (!forms[i].printed) {
            assert_int_equal(rc, ERR_INVAL);
            assert_true(e.text[0] != 0);
            continue;
        }
        assert_int_equal(rc, 0);
        cidr_print(&c, &b);
        assert_string_equal(b.p, forms[i].printed);
        buf_fini(&b);
    }
}

static void
test_says_brackets(void **state)
{
    struct cidr c;
    struct err e;

    (void)state;
    assert_int_equal(
        cidr_parse(STR("2001:db8::1"), CIDR_NEED_BRACKETS, &c, &e), ERR_INVAL);
    assert_non_null(strstr(e.text, "[2001:db8::1]"));
}

static struct cidr
get(const char *text)
{
    struct cidr c;

    assert_int_equal(cidr_parse(str_of(text), CIDR_PREFIX, &c, NULL), 0);
    return c;
}

static void
test_contains(void **state)
{
    struct cidr net = get("10.0.0.0/9"), in = get("10.127.1.1"),
                out = get("10.128.0.0"), six = get("::/0"),
                all = get("0.0.0.0/0");

    (void)state;
    assert_true(cidr_contains(&net, &in));
    assert_false(cidr_contains(&net, &out));
    assert_false(cidr_contains(&six, &in));
    assert_true(cidr_contains(&all, &out));
    assert_true(cidr_contains(&all, &net));
    assert_false(cidr_contains(&net, &all));
}

static void
test_unmap(void **state)
{
    struct cidr c = get("::ffff:1.2.3.4"), want = get("1.2.3.4"),
                net = get("::ffff:10.0.0.0/104"), want_net = get("10.0.0.0/8");

    (void)state;
    cidr_unmap(&c);
    cidr_unmap(&net);
    assert_true(cidr_eq(&c, &want));
    assert_true(cidr_eq(&net, &want_net));
    assert_int_equal(cidr_hash(&c), cidr_hash(&want));
}

static void
test_host(void **state)
{
    static const char *const same[][2] = {{"192.0.2.9/24", "192.0.2.9"},
        {"192.0.2.9", "192.0.2.9"}, {"2001:db8::9/64", "2001:db8::9"},
        {"[2001:db8::9]/64", "2001:db8::9"}, {"[2001:db8::9]", "2001:db8::9"}};
    static const char *const bad[] = {
        "192.0.2.9/33", "2001:db8::9/129", "192.0.2.9/", "a/8", ""};
    struct cidr c;
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
        struct buf b = BUF_INIT;

        assert_int_equal(cidr_parse_host(str_of(same[i][0]), &c, &e), 0);
        cidr_print(&c, &b);
        assert_string_equal(b.p, same[i][1]);
        buf_fini(&b);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_true(cidr_parse_host(str_of(bad[i]), &c, &e) < 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_says_brackets),
        cmocka_unit_test(test_contains),
        cmocka_unit_test(test_unmap),
        cmocka_unit_test(test_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
