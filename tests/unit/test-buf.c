/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/buf.h"

static void
test_append(void **state)
{
    struct buf b = BUF_INIT;

    (void)state;
    assert_str(buf_get(&b), "");
    assert_non_null(buf_get(&b).p);
    buf_cstr(&b, "ab");
    buf_char(&b, 'c');
    buf_str(&b, STR("de"));
    buf_str(&b, STR_NONE);
    buf_add(&b, "f\0g", 3);
    assert_int_equal(b.n, 8);
    assert_memory_equal(b.p, "abcdef\0g", 9);
    buf_fini(&b);
    assert_null(b.p);
    buf_fini(&b);
    buf_cstr(&b, "secret");
    buf_wipe(&b);
    assert_null(b.p);
    assert_int_equal(b.n + b.size, 0);
    buf_wipe(&b);
}

static void
test_printf(void **state)
{
    struct buf b = BUF_INIT;

    (void)state;
    for (int i = 0; i < 200; i++)
        buf_printf(&b, "%d,%s;", i, "a text of some length");
    assert_true(str_starts(buf_get(&b), STR("0,a text of some length;1,")));
    assert_true(str_ends(buf_get(&b), STR("199,a text of some length;")));
    assert_int_equal(strlen(b.p), b.n);
    buf_cut(&b, 0);
    buf_printf(&b, "%0300d", 1); /* longer than what is free at first */
    assert_int_equal(b.n, 300);
    buf_fini(&b);
    buf_printf(&b, "%063d", 1); /* fits exactly, with its NUL */
    assert_int_equal(b.n, 63);
    buf_printf(&b, "%s", "");
    assert_int_equal(b.n, 63);
    buf_fini(&b);
}

static void
test_cut_consume(void **state)
{
    struct buf b = BUF_INIT;

    (void)state;
    buf_cut(&b, 3);
    buf_consume(&b, 3);
    buf_cstr(&b, "0123456789");
    buf_cut(&b, 99);
    assert_int_equal(b.n, 10);
    buf_consume(&b, 4);
    assert_string_equal(b.p, "456789");
    buf_cut(&b, 2);
    assert_string_equal(b.p, "45");
    buf_consume(&b, 99);
    assert_string_equal(b.p, "");
    buf_fini(&b);
}

static void
test_reserve(void **state)
{
    struct buf b = BUF_INIT;
    char *was;

    (void)state;
    buf_reserve(&b, 5000);
    was = b.p;
    for (int i = 0; i < 5000; i++)
        buf_char(&b, 'x');
    assert_ptr_equal(b.p, was);
    buf_fini(&b);
}

static void
test_detach(void **state)
{
    struct buf b = BUF_INIT;
    size_t n = 99;
    char *p = buf_detach(&b, &n);

    (void)state;
    assert_int_equal(n, 0);
    assert_string_equal(p, "");
    free(p);
    buf_cstr(&b, "text");
    p = buf_detach(&b, NULL);
    assert_string_equal(p, "text");
    assert_null(b.p);
    assert_int_equal(b.n, 0);
    free(p);
}

UNIT_MAIN(cmocka_unit_test(test_append), cmocka_unit_test(test_printf),
    cmocka_unit_test(test_cut_consume), cmocka_unit_test(test_reserve),
    cmocka_unit_test(test_detach))
