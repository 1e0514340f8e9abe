/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <stdatomic.h>
#include <time.h>

#include "base/bug.h"
#include "base/err.h"
#include "base/macros.h"
#include "base/banned.h"

static _Atomic bool clock_faked;
static _Atomic int64_t clock_fake_mono, clock_fake_wall;

static int64_t
clock_us(clockid_t id)
{
    struct timespec t;

    BUG_ON(clock_gettime(id, &t) != 0);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t
clock_mono(void)
{
    return clock_mono_us() / 1000;
}

int64_t
clock_mono_us(void)
{
    if (atomic_load_explicit(&clock_faked, memory_order_relaxed))
        return atomic_load(&clock_fake_mono) * 1000;
    return clock_us(CLOCK_MONOTONIC);
}

int64_t
clock_mono_true(void)
{
    return clock_us(CLOCK_MONOTONIC) / 1000;
}

int64_t
clock_wall(void)
{
    if (atomic_load_explicit(&clock_faked, memory_order_relaxed))
        return atomic_load(&clock_fake_wall);
    return clock_us(CLOCK_REALTIME) / 1000;
}

void
clock_fake(int64_t mono, int64_t wall)
{
    atomic_store(&clock_fake_mono, mono);
    atomic_store(&clock_fake_wall, wall);
    atomic_store(&clock_faked, true);
}

void
clock_advance(int64_t ms)
{
    atomic_fetch_add(&clock_fake_mono, ms);
    atomic_fetch_add(&clock_fake_wall, ms);
}

void
clock_real(void)
{
    atomic_store(&clock_faked, false);
}

bool
clock_is_fake(void)
{
    return atomic_load(&clock_faked);
}

/* Times come from disks and peers, too: years of more than four digits fit no
 * format, and gmtime_r() refuses the largest. */
static int64_t
clock_writable(int64_t wall)
{
    const int64_t first = INT64_C(-62135424000000); /* 0001-01-03 */

    return MIN_OF(MAX_OF(wall, first), CLOCK_WALL_MAX);
}

/* Whole seconds, rounded down before 1970 too. */
static int64_t
clock_seconds(int64_t wall)
{
    return wall / 1000 - (wall % 1000 < 0);
}

/* --- the calendar, in years 1 to 9999: time_t may end in 2038 --- */

enum { DAY = 86400, LEAP_DAYS_BEFORE_1970 = 477 };

/* From 1970-01-01 to the first of a month, which is 0 to 11. */
static int64_t
clock_days_before(int year, int month)
{
    static const int months[] = {
        0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    int leap = year - (month < 2); /* the last year whose February counts */

    return INT64_C(365) * (year - 1970) + leap / 4 - leap / 100 + leap / 400 -
        LEAP_DAYS_BEFORE_1970 + months[month];
}

static int64_t
clock_from_date(const struct tm *tm)
{
    return (clock_days_before(tm->tm_year + 1900, tm->tm_mon) + tm->tm_mday -
               1) *
        DAY +
        tm->tm_hour * 3600 + tm->tm_min * 60 + tm->tm_sec;
}

static struct tm
clock_to_date(int64_t seconds)
{
    int64_t days = seconds / DAY - (seconds % DAY < 0);
    int second = (int)(seconds - days * DAY);
    int year = (int)(1970 + days * 400 / 146097), month = 11; /* or one off */

    while (clock_days_before(year, 0) > days)
        year--;
    while (clock_days_before(year + 1, 0) <= days)
        year++;
    while (clock_days_before(year, month) > days)
        month--;
    return (struct tm){.tm_year = year - 1900,
        .tm_mon = month,
        .tm_mday = (int)(days - clock_days_before(year, month)) + 1,
        .tm_wday = (int)(((days + 4) % 7 + 7) % 7), /* a Thursday is day 0 */
        .tm_hour = second / 3600,
        .tm_min = second / 60 % 60,
        .tm_sec = second % 60};
}

/* Local time less UTC in seconds; what time_t does not reach has that of its
 * end. */
static int
clock_zone(int64_t seconds)
{
    const bool small = sizeof(time_t) < sizeof(seconds);
    time_t t = (time_t)(small ? MIN_OF(MAX_OF(seconds, INT32_MIN), INT32_MAX)
                              : seconds);
    struct tm tm = {0};

    BUG_ON(!localtime_r(&t, &tm));
    return (int)tm.tm_gmtoff;
}

void
clock_print_rfc5322(struct buf *b, int64_t wall)
{
    /* strftime() would ask the locale. */
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int64_t seconds = clock_seconds(clock_writable(wall));
    int zone = clock_zone(seconds), off = (zone < 0 ? -zone : zone) / 60;
    struct tm tm = clock_to_date(seconds + zone);

    buf_printf(b, "%.3s, %02d %.3s %d %02d:%02d:%02d %c%02d%02d",
        days + tm.tm_wday * 3, tm.tm_mday, months + tm.tm_mon * 3,
        tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec,
        zone < 0 ? '-' : '+', off / 60, off % 60);
}

void
clock_print_iso(struct buf *b, int64_t wall)
{
    int64_t seconds;
    struct tm tm;

    wall = clock_writable(wall);
    seconds = clock_seconds(wall);
    tm = clock_to_date(seconds);
    buf_printf(b, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
        tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
        (int)(wall - seconds * 1000));
}

/* `count` digits at the start of *s, behind `mark` unless that is 0. */
static bool
clock_take(struct str *s, char mark, size_t count, int *to)
{
    if (mark && (!s->n || s->p[0] != mark))
        return false;
    if (mark)
        *s = str_from(*s, 1);
    *to = 0;
    if (s->n < count)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (s->p[i] < '0' || s->p[i] > '9')
            return false;
        *to = *to * 10 + (s->p[i] - '0');
    }
    *s = str_from(*s, count);
    return true;
}

/* Seconds to take off for what stands behind the time. */
static bool
clock_take_zone(struct str *s, int64_t *off)
{
    int sign = s->n && s->p[0] == '-' ? -1 : 1, hour, minute;

    *off = 0;
    if (str_eq(*s, STR("Z")) || str_eq(*s, STR("z")))
        *s = str_from(*s, 1);
    if (!s->n)
        return true;
    if (!clock_take(s, sign < 0 ? '-' : '+', 2, &hour) ||
        !clock_take(s, ':', 2, &minute) || hour > 23 || minute > 59)
        return false;
    *off = sign * (hour * 3600 + minute * 60);
    return s->n == 0;
}

int
clock_parse_iso(struct str s, int64_t *wall)
{
    struct tm tm = {0}, same;
    int64_t off, seconds;

    if (!clock_take(&s, 0, 4, &tm.tm_year) ||
        !clock_take(&s, '-', 2, &tm.tm_mon) ||
        !clock_take(&s, '-', 2, &tm.tm_mday) || !s.n ||
        (s.p[0] != 'T' && s.p[0] != 't') ||
        !clock_take(&s, s.p[0], 2, &tm.tm_hour) ||
        !clock_take(&s, ':', 2, &tm.tm_min))
        return ERR_INVAL;
    if (s.n && s.p[0] == ':' && !clock_take(&s, ':', 2, &tm.tm_sec))
        return ERR_INVAL;
    if (s.n > 1 && s.p[0] == '.')
        do
            s = str_from(s, 1);
        while (s.n && s.p[0] >= '0' && s.p[0] <= '9');
    if (!clock_take_zone(&s, &off) || tm.tm_year < 1970 || tm.tm_mon < 1 ||
        tm.tm_mon > 12)
        return ERR_INVAL;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    seconds = clock_from_date(&tm);
    same = clock_to_date(seconds); /* without a 31st of February: compare */
    if (same.tm_mon != tm.tm_mon || same.tm_mday != tm.tm_mday ||
        same.tm_hour != tm.tm_hour || same.tm_min != tm.tm_min ||
        same.tm_sec != tm.tm_sec)
        return ERR_INVAL;
    *wall = (seconds - off) * 1000;
    return 0;
}
