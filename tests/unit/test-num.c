/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/num.h"

static void
test_integers(void **state)
{
    uint64_t u = 1;
    int64_t i = 1;

    (void)state;
    assert_int_equal(num_u64(STR("18446744073709551615"), &u), 0);
    assert_true(u == UINT64_MAX);
    assert_int_not_equal(num_u64(STR("18446744073709551616"), &u), 0);
    assert_true(u == UINT64_MAX); /* untouched */
    assert_int_not_equal(num_u64(STR(""), &u), 0);
    assert_int_not_equal(num_u64(STR_NONE, &u), 0);
    assert_int_not_equal(num_u64(STR("-1"), &u), 0);
    assert_int_not_equal(num_u64(STR("+1"), &u), 0);
    assert_int_not_equal(num_u64(STR(" 1"), &u), 0);
    assert_int_not_equal(num_u64(STR("1a"), &u), 0);
    assert_int_equal(num_i64(STR("-9223372036854775808"), &i), 0);
    assert_true(i == INT64_MIN);
    assert_int_not_equal(num_i64(STR("-9223372036854775809"), &i), 0);
    assert_int_equal(num_i64(STR("9223372036854775807"), &i), 0);
    assert_int_not_equal(num_i64(STR("9223372036854775808"), &i), 0);
    assert_int_not_equal(num_i64(STR("-"), &i), 0);
    assert_int_not_equal(num_i64(STR("--1"), &i), 0);
    assert_int_equal(num_hex(STR("fFa0"), &u), 0);
    assert_int_equal(u, 0xffa0);
    assert_int_not_equal(num_hex(STR("0x1"), &u), 0);
    assert_int_equal(num_octal(STR("0640"), &u), 0);
    assert_int_equal(u, 0640);
    assert_int_not_equal(num_octal(STR("8"), &u), 0);
}

static void
test_double(void **state)
{
    static const char *const bad[] = {"", ".", "-1", "+1", "1e", "e5", "nan",
        "inf", "0x1p3", "1.2.3", "1 ", "1e999", "1,5"};
    double d = 0;

    (void)state;
    assert_int_equal(num_double(STR("1.25"), &d), 0);
    assert_true(d > 1.2499 && d < 1.2501);
    assert_int_equal(num_double(STR("1e-3"), &d), 0);
    assert_true(d > 0.0009 && d < 0.0011);
    assert_int_equal(num_double(STR(".5"), &d), 0);
    assert_int_equal(num_double(STR("5."), &d), 0);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_not_equal(num_double(str_of(bad[i]), &d), 0);
}

static void
test_duration(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {{"90", 90000}, {"0", 0}, {"500ms", 500}, {"15m", 900000},
        {"2h", 7200000}, {"1d", 86400000}, {"1w", 604800000},
        {"1h30m", 5400000}, {"1m1ms", 60001}};
    static const char *const bad[] = {"", "m", "1y", "1.5h", "-1s", "30m1h",
        "1h1h", "1h 30m", "5mm", "1h30", "99999999999999999999",
        "9223372036854775807", "9223372036854775807w"};
    int64_t ms = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        assert_int_equal(num_duration(str_of(good[i].text), &ms), 0);
        assert_int_equal(ms, good[i].ms);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_not_equal(num_duration(str_of(bad[i]), &ms), 0);
}

static void
test_size(void **state)
{
    static const char *const bad[] = {
        "", "k", "1kb", "-1", "1P", "1.5M", "8388608T", "1 k"};
    int64_t n = 0;

    (void)state;
    assert_int_equal(num_size(STR("10"), &n), 0);
    assert_int_equal(n, 10);
    assert_int_equal(num_size(STR("2k"), &n), 0);
    assert_int_equal(n, 2048);
    assert_int_equal(num_size(STR("3M"), &n), 0);
    assert_int_equal(n, 3 << 20);
    assert_int_equal(num_size(STR("8388607T"), &n), 0);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_not_equal(num_size(str_of(bad[i]), &n), 0);
}

static void
check_duration(int64_t ms, const char *want)
{
    struct buf b = BUF_INIT;
    int64_t back;

    num_print_duration(&b, ms);
    assert_str(buf_get(&b), want);
    if (ms >= 0) {
        assert_int_equal(num_duration(buf_get(&b), &back), 0);
        assert_int_equal(back, ms);
    }
    buf_fini(&b);
}

static void
check_size(int64_t bytes, const char *want)
{
    struct buf b = BUF_INIT;

    num_print_size(&b, bytes);
    assert_str(buf_get(&b), want);
    buf_fini(&b);
}

static void
check_number(uint64_t n, const char *want)
{
    struct buf b = BUF_INIT;

    buf_char(&b, '<');
    num_print(&b, n);
    assert_str(str_from(buf_get(&b), 1), want);
    buf_fini(&b);
}

static void
test_print(void **state)
{
    (void)state;
    check_number(0, "0");
    check_number(9, "9");
    check_number(10, "10");
    check_number(1795225789, "1795225789");
    check_number(UINT64_MAX, "18446744073709551615");
    check_duration(0, "0s");
    check_duration(250, "250ms");
    check_duration(5400000, "1h30m");
    check_duration(INT64_C(694861001), "1w1d1h1m1s1ms");
    check_duration(-1500, "-1s500ms");
    check_size(0, "0 B");
    check_size(1023, "1023 B");
    check_size(1024, "1.0 kB");
    check_size(4404019, "4.2 MB");
    check_size((1 << 20) - 1, "1.0 MB");
    check_size(INT64_MAX, "8.0 EB");
    check_size(-2048, "-2.0 kB");
}

UNIT_MAIN(cmocka_unit_test(test_integers), cmocka_unit_test(test_double),
    cmocka_unit_test(test_duration), cmocka_unit_test(test_size),
    cmocka_unit_test(test_print))
