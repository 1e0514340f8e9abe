/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <time.h>

#include "base/clock.h"
#include "base/err.h"

static void
test_fake(void **state)
{
    (void)state;
    assert_false(clock_is_fake());
    clock_fake(1000, 2000);
    assert_true(clock_is_fake());
    assert_int_equal(clock_mono(), 1000);
    assert_int_equal(clock_mono_us(), 1000000);
    assert_int_equal(clock_wall(), 2000);
    clock_advance(50);
    assert_int_equal(clock_mono(), 1050);
    assert_int_equal(clock_wall(), 2050);
    clock_real();
    assert_true(clock_wall() > INT64_C(1600000000000));
    assert_true(clock_mono() <= clock_mono());
}

static void
check_rfc5322(const char *zone, int64_t wall, const char *want)
{
    struct buf b = BUF_INIT;

    setenv("TZ", zone, 1);
    tzset();
    clock_print_rfc5322(&b, wall);
    assert_str(buf_get(&b), want);
    buf_fini(&b);
}

static void
test_rfc5322(void **state)
{
    const int64_t t = INT64_C(1795225789123); /* 2026-11-21T01:49:49.123Z */

    (void)state;
    check_rfc5322("UTC", t, "Sat, 21 Nov 2026 01:49:49 +0000");
    check_rfc5322("IST-5:30", t, "Sat, 21 Nov 2026 07:19:49 +0530");
    check_rfc5322("YYY+3:30", t, "Fri, 20 Nov 2026 22:19:49 -0330");
    check_rfc5322("UTC", 0, "Thu, 01 Jan 1970 00:00:00 +0000");
}

static void
test_iso(void **state)
{
    struct buf b = BUF_INIT;

    (void)state;
    clock_print_iso(&b, INT64_C(1795225789123));
    assert_str(buf_get(&b), "2026-11-21T01:49:49.123Z");
    buf_cut(&b, 0);
    clock_print_iso(&b, -1);
    assert_str(buf_get(&b), "1969-12-31T23:59:59.999Z");
    buf_fini(&b);
}

/* Times that come from a disk or a peer. */
static void
test_out_of_range(void **state)
{
    struct buf b = BUF_INIT;

    (void)state;
    clock_print_iso(&b, INT64_MAX);
    assert_str(buf_get(&b), "9999-12-31T23:59:59.999Z");
    buf_cut(&b, 0);
    clock_print_iso(&b, INT64_MIN);
    assert_str(buf_get(&b), "0001-01-03T00:00:00.000Z");
    check_rfc5322("UTC", INT64_MAX, "Fri, 31 Dec 9999 23:59:59 +0000");
    check_rfc5322("UTC", INT64_MIN, "Wed, 03 Jan 1 00:00:00 +0000");
    buf_fini(&b);
}

/* Against the library, where its time_t does not end in 2038; the days are
 * 61 and some seconds apart, from the year 1 to 9999. */
static void
test_calendar(void **state)
{
    struct buf b = BUF_INIT;

    (void)state;
    if (sizeof(time_t) < 8)
        skip();
    for (int64_t s = INT64_C(-62135424000); s <= CLOCK_WALL_MAX / 1000;
         s += 61 * 86417) {
        time_t t = (time_t)s;
        char want[100];
        struct tm tm;
        int64_t back;

        assert_non_null(gmtime_r(&t, &tm));
        snprintf(want, sizeof(want), "%04d-%02d-%02dT%02d:%02d:%02d.000Z",
            tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
            tm.tm_sec);
        buf_cut(&b, 0);
        clock_print_iso(&b, s * 1000);
        assert_str(buf_get(&b), want);
        if (s < 0)
            continue;
        assert_int_equal(clock_parse_iso(buf_get(&b), &back), 0);
        assert_int_equal(back, s * 1000);
    }
    buf_fini(&b);
}

static void
test_parse_iso(void **state)
{
    static const struct {
        const char *text;
        int64_t want; /* seconds; 0: refused */
    } rows[] = {{"2023-11-14T22:13:20Z", 1700000000},
        {"2023-11-14T22:13:20", 1700000000}, {"2023-11-14t22:13", 1699999980},
        {"2023-11-14T22:13:20.999Z", 1700000000},
        {"2023-11-14T23:13:20+01:00", 1700000000},
        {"2023-11-14T17:43:20-04:30", 1700000000},
        {"2024-02-29T00:00:00Z", 1709164800}, {"2023-02-29T00:00:00Z", 0},
        {"2023-11-14", 0}, {"2023-13-14T22:13:20Z", 0}, {"", 0},
        {"2038-01-19T03:14:08Z", 2147483648},
        {"2100-03-01T00:00:00Z", 4107542400},
        {"2400-02-29T23:59:59Z", 13574649599}, {"2100-02-29T00:00Z", 0},
        {"2023-11-14T24:13:20Z", 0}, {"2023-11-14T22:60Z", 0},
        {"2023-11-14T22:13:20Zx", 0}, {"2023-11-14T22:13:20+1:00", 0},
        {"2023-11-14T22:13:20+01:00 ", 0}, {"1960-11-14T22:13:20Z", 0},
        {"99999-11-14T22:13Z", 0}, {"2023-00-14T22:13Z", 0},
        {"2023-11-00T22:13Z", 0}, {"-023-11-01T22:13Z", 0}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int64_t wall = 0;
        int rc = clock_parse_iso(str_of(rows[i].text), &wall);

        if (rc != (rows[i].want ? 0 : ERR_INVAL) || wall != rows[i].want * 1000)
            fail_msg("%s: %lld", rows[i].text, (long long)wall);
    }
}

UNIT_MAIN(cmocka_unit_test(test_fake), cmocka_unit_test(test_rfc5322),
    cmocka_unit_test(test_iso), cmocka_unit_test(test_out_of_range),
    cmocka_unit_test(test_calendar), cmocka_unit_test(test_parse_iso))
