/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <time.h>

#include "base/clock.h"

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

UNIT_MAIN(cmocka_unit_test(test_fake), cmocka_unit_test(test_rfc5322),
    cmocka_unit_test(test_iso))
