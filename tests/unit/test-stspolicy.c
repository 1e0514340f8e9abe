/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "route/stspolicy.h"

static void
test_record(void **state)
{
    static const struct {
        const char *txt[3], *id; /* NULL: none; "": it cannot be read */
    } rows[] = {
        {{"v=STSv1; id=20160831085700Z;"}, "20160831085700Z"},
        {{"v=STSv1;id=1"}, "1"},
        {{"v=STSv1 ;\tid=1 ; "}, "1"},
        {{"v=STSv1; x-y.z=a:b; id=1;"}, "1"},
        {{"v=STSv1; id=1; id=2;"}, "1"},
        {{"other", "v=STSv1; id=1;", "v=spf1 -all"}, "1"},
        {{"v=STSv2; id=1;", "v=STSv1; id=2;"}, "2"},
        {{"v=STSv1; id=12345678901234567890123456789012;"},
            "12345678901234567890123456789012"},
        {{"v=STSv1; id=123456789012345678901234567890123;"}, ""},
        {{"v=STSv1; id=1;", "v=STSv1; id=1;"}, ""},
        {{"v=STSv1; id=;"}, ""},
        {{"v=STSv1; id=a-b;"}, ""},
        {{"v=STSv1; id=a b;"}, ""},
        {{"v=STSv1; id = 1;"}, ""},
        {{"v=STSv1;; id=1;"}, ""},
        {{"v=STSv1; id"}, ""},
        {{"v=STSv1; =1; id=1"}, ""},
        {{"v=STSv1;"}, ""},
        {{"v=STSv1; id=1\303\274;"}, ""},
        {{"V=STSv1; id=1;"}, NULL},
        {{" v=STSv1; id=1;"}, NULL},
        {{"v=STSv1"}, NULL},
        {{"v=STSv12; id=1;"}, NULL},
        {{"id=1; v=STSv1;"}, NULL},
        {{""}, NULL},
        {{NULL}, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct dns_record txt[3] = {{0}};
        char id[STSPOLICY_ID_MAX + 1] = "";
        struct err e = {0};
        size_t n = 0;
        int rc,
            want = !rows[i].id ? ERR_NOTFOUND
            : rows[i].id[0]    ? 0
                               : ERR_PROTO;

        for (; n < 3 && rows[i].txt[n]; n++)
            txt[n].bytes = str_of(rows[i].txt[n]);
        rc = stspolicy_id(txt, n, id, &e);
        if (rc != want || (rc == 0 && strcmp(id, rows[i].id) != 0))
            fail_msg("row %zu: %d %s", i, rc, id);
    }
}

/* What a document comes to, in one line. */
static const char *
read_policy(const char *text, size_t n)
{
    static char line[512];
    struct stspolicy *p;
    struct buf b = BUF_INIT;
    struct err e = {0};

    if (stspolicy_parse(str_make(text, n), &p, &e) < 0) {
        assert_int_equal(e.code, ERR_PROTO);
        (void)str_copy(line, sizeof(line), str_of(e.text));
        return line;
    }
    buf_printf(
        &b, "%s %lld", stspolicy_mode_name(p->mode), (long long)p->max_age);
    for (size_t i = 0; i < p->mx_count; i++)
        buf_printf(&b, " %s", p->mx[i]);
    (void)str_copy(line, sizeof(line), buf_get(&b));
    buf_fini(&b);
    stspolicy_unref(&p);
    return line;
}

#define HEAD "version: STSv1\nmode: enforce\n"

static void
test_policy(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {HEAD "mx: mail.example.com\nmx: *.example.net\nmax_age: 604800\n",
            "enforce 604800 mail.example.com *.example.net"},
        {"version: STSv1\r\nmode: testing\r\nmx: a.b\r\nmax_age: 1\r\n",
            "testing 1 a.b"},
        {"version:STSv1\nmode:\tenforce\nmx:  A.Example  \nmax_age:86400",
            "enforce 86400 a.example"},
        {"max_age: 10\nmode: none\nversion: STSv1\n", "none 10"},
        {HEAD "mx: a\nmax_age: 9999999999\n", "enforce 31557600 a"},
        {HEAD "mx: a\nmax_age: 0\n", "enforce 0 a"},
        {HEAD "mx: a\nmax_age: 1\nmode: none\nmax_age: 5\nversion: x\n",
            "enforce 1 a"},
        {HEAD "mx: a\nx-more: \303\274 and so on\nmax_age: 1\n \n\r\n",
            "enforce 1 a"},
        {HEAD "mx: a\nmax_age: 99999999999\n",
            "the max_age of the policy is no number"},
        {HEAD "mx: a\nmax_age: -1\n", "the max_age of the policy is no number"},
        {HEAD "mx: a\nmax_age: 1d\n", "the max_age of the policy is no number"},
        {HEAD "mx: a\nmax_age:\n", "the max_age of the policy is no number"},
        {HEAD "mx: a\n", "the policy has no max_age"},
        {HEAD "max_age: 1\n", "the policy has no mx"},
        {"version: STSv1\nmax_age: 1\nmx: a\n", "the policy has no mode"},
        {"mode: none\nmax_age: 1\n", "the policy has no version"},
        {"version: STSv2\nmode: none\nmax_age: 1\n",
            "the version of the policy is not known"},
        {"version: STSv1\nmode: Enforce\nmx: a\nmax_age: 1\n",
            "the mode of the policy is not known"},
        {HEAD "\nmx: a\nmax_age: 1\n", "a line of the policy is empty"},
        {HEAD "mx: a\nmax_age: 1\nrubbish\n", "a line of the policy is none"},
        {HEAD "mx: a\nmax_age: 1\n<html>: x\n", "a line of the policy is none"},
        {HEAD "mx: a\nmax_age: 1\nx: a\001b\n", "a line of the policy is none"},
        {HEAD "mx: a\rmx: b\nmax_age: 1\n", "a line of the policy is none"},
        {HEAD "mx: *.*.example\nmax_age: 1\n",
            "an mx of the policy is no name of a host"},
        {HEAD "mx: *\nmax_age: 1\n",
            "an mx of the policy is no name of a host"},
        {HEAD "mx: *.\nmax_age: 1\n",
            "an mx of the policy is no name of a host"},
        {HEAD "mx: a*.example\nmax_age: 1\n",
            "an mx of the policy is no name of a host"},
        {HEAD "mx: a..example\nmax_age: 1\n",
            "an mx of the policy is no name of a host"},
        {HEAD "mx: -a.example\nmax_age: 1\n",
            "an mx of the policy is no name of a host"},
        {HEAD "mx: \nmax_age: 1\n", "an mx of the policy is no name of a host"},
        {HEAD "mx: \303\274.example\nmax_age: 1\n",
            "an mx of the policy is no name of a host"},
        {"", "a line of the policy is empty"},
    };

    static const char nul[] = HEAD "mx: a\0b\nmax_age: 1\n";

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *got = read_policy(rows[i].text, strlen(rows[i].text));

        if (strcmp(got, rows[i].want) != 0)
            fail_msg("row %zu: %s", i, got);
    }
    /* a NUL does not hide what stands behind it */
    assert_string_equal(
        read_policy(nul, sizeof(nul) - 1), "a line of the policy is none");
}

static void
test_bounds(void **state)
{
    struct buf b = BUF_INIT;

    (void)state;
    buf_cstr(&b, HEAD "max_age: 1\n");
    for (int i = 0; i < STSPOLICY_MX_MAX; i++)
        buf_printf(&b, "mx: m%d.example\n", i);
    assert_true(str_starts(str_of(read_policy(b.p, b.n)), STR("enforce 1")));
    buf_cstr(&b, "mx: more.example\n");
    assert_string_equal(
        read_policy(b.p, b.n), "the policy has more than 1000 mx");
    buf_cut(&b, 0);
    buf_cstr(&b, HEAD "max_age: 1\nmx: a\nx: ");
    while (b.n < 2 * STSPOLICY_SIZE_MAX)
        buf_char(&b, 'x');
    assert_string_equal(read_policy(b.p, b.n), "enforce 1 a");
    buf_char(&b, 'x');
    assert_string_equal(read_policy(b.p, b.n), "the policy is too long");
    buf_fini(&b);
}

static void
test_mx(void **state)
{
    static const struct {
        const char *host;
        bool is;
    } rows[] = {{"mail.example.com", true}, {"MAIL.Example.COM", true},
        {"mail.example.com.", true}, {"a.mail.example.com", false},
        {"example.com", false}, {"x.example.net", true},
        {"X.EXAMPLE.NET", true}, {"example.net", false},
        {"a.b.example.net", false}, {".example.net", false},
        {"*.example.net", true}, {"xexample.net", false}, {"", false},
        {".", false}, {"net", false}};
    struct stspolicy *p;
    struct err e;
    const char *text =
        HEAD "mx: mail.example.com\nmx: *.example.net\nmax_age: 1\n";

    (void)state;
    assert_int_equal(stspolicy_parse(str_of(text), &p, &e), 0);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (stspolicy_has_mx(p, str_of(rows[i].host)) != rows[i].is)
            fail_msg("%s", rows[i].host);
    stspolicy_unref(&p);
}

static void
test_print(void **state)
{
    struct stspolicy *p, *again;
    struct buf b = BUF_INIT;
    struct err e;

    (void)state;
    assert_int_equal(
        stspolicy_parse(STR(HEAD "x: y\nmx: B.a\nmx: *.c\nmax_age: 7"), &p, &e),
        0);
    stspolicy_print(p, &b);
    assert_string_equal(buf_get(&b).p,
        "version: STSv1\nmode: enforce\nmx: b.a\nmx: *.c\nmax_age: 7\n");
    assert_int_equal(stspolicy_parse(buf_get(&b), &again, &e), 0);
    assert_true(stspolicy_eq(p, again));
    assert_false(stspolicy_eq(p, NULL));
    assert_true(stspolicy_eq(NULL, NULL));
    again->max_age++;
    assert_false(stspolicy_eq(p, again));
    stspolicy_unref(&p);
    stspolicy_unref(&again);
    buf_fini(&b);
}

static void
test_type(void **state)
{
    (void)state;
    assert_true(stspolicy_is_text(STR("text/plain")));
    assert_true(stspolicy_is_text(STR("Text/Plain ; charset=utf-8")));
    assert_false(stspolicy_is_text(STR("text/html")));
    assert_false(stspolicy_is_text(STR("text/plainer")));
    assert_false(stspolicy_is_text(STR_NONE));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record),
        cmocka_unit_test(test_policy),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_mx),
        cmocka_unit_test(test_print),
        cmocka_unit_test(test_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
