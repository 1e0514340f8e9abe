/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "authority.h"
#include "line.h"

static void
ends(void **state)
{
    struct line l = {0};
    struct impel_str text;
    size_t used = 0;

    (void)state;
    assert_int_equal(line_find(&l, "ab\r\ncd", 6, 100, &text, &used), LINE_OK);
    assert_int_equal(used, 4);
    assert_int_equal(text.n, 2);
    assert_int_equal(line_find(&l, "ab\ncd", 5, 100, &text, &used), LINE_BARE);
    assert_int_equal(used, 3);
    assert_int_equal(text.n, 2);
    assert_int_equal(line_find(&l, "\r\n", 2, 100, &text, &used), LINE_OK);
    assert_int_equal(text.n, 0);
    assert_int_equal(line_find(&l, "\n", 1, 100, &text, &used), LINE_BARE);
    assert_int_equal(line_find(&l, "a\rb\r\n", 5, 100, &text, &used), LINE_OK);
    assert_int_equal(text.n, 3); /* line_is_clean() refuses it */
    assert_false(line_is_clean(text, true));
}

static void
bytewise(void **state)
{
    static const char in[] = "EHLO a\r\n";
    struct line l = {0};
    struct impel_str text;
    size_t used = 0, n;

    (void)state;
    for (n = 0; n < sizeof(in) - 2; n++)
        assert_int_equal(line_find(&l, in, n, 100, &text, &used), LINE_MORE);
    assert_int_equal(l.seen, n - 1);
    assert_int_equal(line_find(&l, in, n + 1, 100, &text, &used), LINE_OK);
    assert_int_equal(l.seen, 0);
}

static void
limits(void **state)
{
    struct line l = {0};
    struct impel_str text;
    size_t used = 0;

    (void)state;
    assert_int_equal(line_find(&l, "abcdef\r\n", 8, 8, &text, &used), LINE_OK);
    assert_int_equal(
        line_find(&l, "abcdefg\r\n", 9, 8, &text, &used), LINE_LONG);
    l.seen = 0;
    assert_int_equal(line_find(&l, "abcdefg", 7, 8, &text, &used), LINE_MORE);
}

static void
words(void **state)
{
    (void)state;
    assert_true(line_same(line_str("eHlO"), "EHLO"));
    assert_false(line_same(line_str("EHL"), "EHLO"));
    assert_true(line_is_clean(line_str("caf\xc3\xa9"), true));
    assert_false(line_is_clean(line_str("caf\xc3\xa9"), false));
    assert_false(line_is_clean(line_str("a\x7f"), true));
    assert_false(line_is_clean((struct impel_str){"a\0b", 3}, true));
}

static void
truth(void **state)
{
    (void)state;
    assert_int_equal(line_truth(line_str("Yes")), 1);
    assert_int_equal(line_truth(line_str("1")), 1);
    assert_int_equal(line_truth(line_str("OFF")), 0);
    assert_int_equal(line_truth(line_str("")), -1);
    assert_int_equal(line_truth(line_str("truely")), -1);
}

static void
authority(void **state)
{
    static const struct {
        const char *own, *host;
        uint16_t port;
        const char *is;
    } rows[] = {{"", "a.test", 443, "a.test"}, {"", "a.test", 80, "a.test:80"},
        {"", "::1", 8443, "[::1]:8443"}, {"", "[::1]", 443, "[::1]"},
        {"b.test:1", "a.test", 2, "b.test:1"}};
    char to[AUTHORITY_MOST], large[400];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        authority_of(to, line_str(rows[i].own), line_str(rows[i].host),
            rows[i].port, 443);
        assert_string_equal(to, rows[i].is);
    }
    memset(large, ':', sizeof(large));
    authority_of(
        to, line_str(""), (struct impel_str){large, sizeof(large)}, 65535, 443);
    assert_int_equal(strlen(to), 255 + 2 + 6);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(ends),
        cmocka_unit_test(bytewise), cmocka_unit_test(limits),
        cmocka_unit_test(words), cmocka_unit_test(truth),
        cmocka_unit_test(authority)};

    return cmocka_run_group_tests_name("line", tests, NULL, NULL);
}
