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
static time_t
clock_seconds(int64_t wall)
{
    return (time_t)(wall / 1000 - (wall % 1000 < 0));
}

void
clock_print_rfc5322(struct buf *b, int64_t wall)
{
    /* strftime() would ask the locale. */
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t t = clock_seconds(clock_writable(wall));
    struct tm tm = {0};
    long off;

    BUG_ON(!localtime_r(&t, &tm));
    off = (tm.tm_gmtoff < 0 ? -tm.tm_gmtoff : tm.tm_gmtoff) / 60;
    buf_printf(b, "%.3s, %02d %.3s %d %02d:%02d:%02d %c%02ld%02ld",
        days + tm.tm_wday * 3, tm.tm_mday, months + tm.tm_mon * 3,
        tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec,
        tm.tm_gmtoff < 0 ? '-' : '+', off / 60, off % 60);
}

void
clock_print_iso(struct buf *b, int64_t wall)
{
    time_t t;
    struct tm tm = {0};

    wall = clock_writable(wall);
    t = clock_seconds(wall);
    BUG_ON(!gmtime_r(&t, &tm));
    buf_printf(b, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
        tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
        (int)(wall - (int64_t)t * 1000));
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
    int64_t off;
    time_t t;

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
    if (!clock_take_zone(&s, &off) || tm.tm_year < 1970)
        return ERR_INVAL;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    same = tm;
    t = timegm(&same); /* it mends a 31st of February, so compare */
    if (same.tm_mon != tm.tm_mon || same.tm_mday != tm.tm_mday ||
        same.tm_hour != tm.tm_hour || same.tm_min != tm.tm_min ||
        same.tm_sec != tm.tm_sec)
        return ERR_INVAL;
    *wall = ((int64_t)t - off) * 1000;
    return 0;
}
