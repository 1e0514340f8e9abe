/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/macros.h"
#include "base/secret.h"
#include "base/bits.h"

static void
test_compare(void **state)
{
    (void)state;
    assert_true(str_eq(STR("ab"), STR("ab")));
    assert_false(str_eq(STR("ab"), STR("aB")));
    assert_true(str_ieq(STR("ab-Z["), STR("AB-z[")));
    assert_false(str_ieq(STR("@"), STR("`"))); /* 32 apart, no letters */
    assert_true(str_eq(STR_NONE, STR("")));
    assert_true(str_cmp(STR("a"), STR("ab")) < 0);
    assert_true(str_cmp(STR("b"), STR("ab")) > 0);
    assert_true(str_cmp(STR("a\xff"), STR("a\x01")) > 0);
    assert_int_equal(str_cmp(STR_NONE, STR("")), 0);
    assert_int_equal(str_icmp(STR("Ab"), STR("aB")), 0);
    assert_true(str_icmp(STR("A"), STR("b")) < 0);
}

static void
test_ascii(void **state)
{
    (void)state;
    assert_true(str_is_ascii(STR_NONE));
    assert_true(str_is_ascii(STR("a b~\t\x01")));
    assert_false(str_is_ascii(STR("a\x7f")));
    assert_false(str_is_ascii(STR("\xc3\xa9")));
    for (int c = 1; c < 256; c++) /* in each place of eight, and behind them */
        for (size_t at = 0; at < 11; at++) {
            char text[] = "~ab\x01~d~ghij";

            text[at] = (char)c;
            assert_int_equal(
                str_is_ascii(str_make(text, sizeof(text) - 1)), c < 127);
        }
}

static void
test_ends(void **state)
{
    (void)state;
    assert_true(str_starts(STR("mail"), STR("ma")));
    assert_true(str_starts(STR("mail"), STR("")));
    assert_false(str_starts(STR("ma"), STR("mail")));
    assert_true(str_istarts(STR("MAIL FROM"), STR("mail")));
    assert_true(str_ends(STR("a.conf"), STR(".conf")));
    assert_false(str_ends(STR("conf"), STR(".conf")));
    assert_true(str_iends(STR("a.CONF"), STR(".conf")));
}

static void
test_parts(void **state)
{
    struct str s = STR("a,b,,c"), none = STR_NONE;

    (void)state;
    assert_str(str_sub(s, 2, 1), "b");
    assert_str(str_sub(s, 5, SIZE_MAX), "c");
    assert_int_equal(str_sub(s, 99, 5).n, 0);
    assert_non_null(str_sub(s, 99, 5).p);
    assert_null(str_from(none, 1).p);
    assert_str(str_cut(&s, ','), "a");
    assert_str(str_cut(&s, ','), "b");
    assert_str(str_cut(&s, ','), "");
    assert_str(str_cut(&s, ','), "c");
    assert_null(s.p);
    assert_null(str_cut(&s, ',').p);
    assert_str(str_trim(STR(" \t x y\r\n")), "x y");
    assert_str(str_trim(STR(" \t ")), "");
    s = STR("a,");
    (void)str_cut(&s, ',');
    assert_non_null(s.p); /* empty, not absent */
    assert_int_equal(s.n, 0);
}

static void
test_find(void **state)
{
    struct str s = STR("hello\0hello");

    (void)state;
    assert_int_equal(str_chr(s, 'l', 0), 2);
    assert_int_equal(str_chr(s, 'l', 4), 8);
    assert_int_equal(str_chr(s, 'x', 0), SIZE_MAX);
    assert_int_equal(str_chr(s, 'h', 99), SIZE_MAX);
    assert_int_equal(str_rchr(s, 'h'), 6);
    assert_int_equal(str_rchr(STR_NONE, 'h'), SIZE_MAX);
    assert_int_equal(str_find(s, STR("hell"), 1), 6);
    assert_int_equal(str_find(s, STR("hello!"), 0), SIZE_MAX);
    assert_int_equal(str_find(s, STR(""), 3), 3);
    assert_int_equal(str_find(s, STR("o"), 11), SIZE_MAX);
}

static void
test_hash(void **state)
{
    char a[1000], b[1000];

    (void)state;
    assert_true(str_hash(STR("a")) == str_hash(STR("a")));
    assert_true(str_hash(STR("a")) != str_hash(STR("b")));
    assert_true(str_hash(STR_NONE) == str_hash(STR("")));
    assert_true(str_ihash(STR("Example.COM")) == str_ihash(STR("example.com")));
    assert_true(str_ihash(STR_NONE) == str_ihash(STR("")));
    memset(a, 'q', sizeof(a));
    memset(b, 'Q', sizeof(b));
    assert_true(str_ihash(str_make(a, 1000)) == str_ihash(str_make(b, 1000)));
    b[999] = 'r';
    assert_true(str_ihash(str_make(a, 1000)) != str_ihash(str_make(b, 1000)));
}

static void
test_copy(void **state)
{
    char to[4];

    (void)state;
    assert_true(str_copy(to, sizeof(to), STR("abc")));
    assert_string_equal(to, "abc");
    assert_false(str_copy(to, sizeof(to), STR("defg")));
    assert_string_equal(to, "def");
    assert_true(str_copy(to, sizeof(to), STR_NONE));
    assert_string_equal(to, "");
    assert_false(str_copy(to, 0, STR("a")));
}

static void
test_nearest(void **state)
{
    static const char *const names[] = {
        "gateway", "routes", "retry_interval", "max_retry_interval", "ttl"};
    const size_t n = ARRAY_SIZE(names);

    (void)state;
    assert_string_equal(str_nearest(STR("gatway"), names, n), "gateway");
    assert_string_equal(str_nearest(STR("gatewya"), names, n), "gateway");
    assert_string_equal(str_nearest(STR("Routs"), names, n), "routes");
    assert_string_equal(
        str_nearest(STR("retry_intervall"), names, n), "retry_interval");
    assert_null(str_nearest(STR("zebra"), names, n));
    assert_null(str_nearest(STR("xx"), names, n));
    assert_null(str_nearest(STR(""), names, n));
    assert_null(str_nearest(STR("gateway"), names, 0));
}

static void
test_secret(void **state)
{
    struct secret s = {NULL, 0};

    (void)state;
    assert_true(secret_eq(&s, STR("")));
    secret_set(&s, STR("hunter2"));
    assert_true(secret_eq(&s, STR("hunter2")));
    assert_false(secret_eq(&s, STR("hunter")));
    assert_false(secret_eq(&s, STR("hunter22")));
    assert_false(secret_eq(&s, STR("hunter2hunter2")));
    assert_false(secret_eq(&s, STR("")));
    secret_set(&s, str_sub(secret_get(&s), 0, 3)); /* of itself */
    assert_str(secret_get(&s), "hun");
    secret_fini(&s);
    assert_null(s.p);
}

static void
test_bits(void **state)
{
    uint64_t w[BITS_WORDS(130)] = {0};

    (void)state;
    assert_int_equal(ARRAY_SIZE(w), 3);
    bits_set(w, 0);
    bits_set(w, 64);
    bits_set(w, 129);
    assert_true(bits_has(w, 129));
    assert_false(bits_has(w, 128));
    assert_int_equal(bits_count(w, 3), 3);
    bits_clear(w, 64);
    assert_int_equal(bits_count(w, 3), 2);
}

UNIT_MAIN(cmocka_unit_test(test_compare), cmocka_unit_test(test_ascii),
    cmocka_unit_test(test_ends), cmocka_unit_test(test_parts),
    cmocka_unit_test(test_find), cmocka_unit_test(test_hash),
    cmocka_unit_test(test_copy), cmocka_unit_test(test_nearest),
    cmocka_unit_test(test_secret), cmocka_unit_test(test_bits))
