/* SPDX-License-Identifier: Apache-2.0 */
#include "base/num.h"

#include <inttypes.h>
#include <locale.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/sum.h"
#include "base/banned.h"

static int
num_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 16;
}

/* The digits at the start of s, which is moved behind them. */
static int
num_take(struct str *s, unsigned base, uint64_t *to)
{
    uint64_t v = 0;
    size_t i = 0;

    for (; i < s->n && (unsigned)num_digit(s->p[i]) < base; i++)
        if (!sum_mul(v, base, &v) ||
            !sum_add(v, (unsigned)num_digit(s->p[i]), &v))
            return ERR_INVAL;
    if (!i)
        return ERR_INVAL;
    *s = str_from(*s, i);
    *to = v;
    return 0;
}

static int
num_whole(struct str s, unsigned base, uint64_t *to)
{
    uint64_t v;

    if (num_take(&s, base, &v) || s.n)
        return ERR_INVAL;
    *to = v;
    return 0;
}

int
num_u64(struct str s, uint64_t *to)
{
    return num_whole(s, 10, to);
}

int
num_hex(struct str s, uint64_t *to)
{
    return num_whole(s, 16, to);
}

int
num_octal(struct str s, uint64_t *to)
{
    return num_whole(s, 8, to);
}

int
num_i64(struct str s, int64_t *to)
{
    bool minus = s.n && s.p[0] == '-';
    uint64_t v;

    if (num_u64(str_from(s, minus), &v))
        return ERR_INVAL;
    if (v > (uint64_t)INT64_MAX + minus)
        return ERR_INVAL;
    *to = minus ? (int64_t)(0 - v) : (int64_t)v;
    return 0;
}

static locale_t num_locale;

static void
num_locale_init(void)
{
    num_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

/* Digits with at most one point among them, then perhaps an exponent. */
static bool
num_is_decimal(struct str s)
{
    uint64_t v;
    struct str tail = s;
    bool digits = num_take(&tail, 10, &v) == 0;

    if (tail.n && tail.p[0] == '.') {
        tail = str_from(tail, 1);
        digits = num_take(&tail, 10, &v) == 0 || digits;
    }
    if (!digits)
        return false;
    if (!tail.n)
        return true;
    if (tail.p[0] != 'e' && tail.p[0] != 'E')
        return false;
    tail = str_from(tail, 1);
    if (tail.n && (tail.p[0] == '-' || tail.p[0] == '+'))
        tail = str_from(tail, 1);
    return num_take(&tail, 10, &v) == 0 && !tail.n;
}

int
num_double(struct str s, double *to)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    char z[64];
    double d;

    if (!num_is_decimal(s) || !str_copy(z, sizeof(z), s))
        return ERR_INVAL;
    (void)pthread_once(&once, num_locale_init); /* cannot fail */
    if (!num_locale)
        return ERR_INVAL;
    d = strtod_l(z, NULL, num_locale);
    if (d > 1.7e308) /* infinity, or near */
        return ERR_INVAL;
    *to = d;
    return 0;
}

struct num_unit {
    struct str name;
    int64_t value;
};

static const struct num_unit num_durations[] = {
    {{"w", 1}, INT64_C(7) * 86400000},
    {{"d", 1}, 86400000},
    {{"h", 1}, 3600000},
    {{"m", 1}, 60000},
    {{"s", 1}, 1000},
    {{"ms", 2}, 1},
};

/* The letters at the start of s, which is moved behind them. */
static struct str
num_take_unit(struct str *s)
{
    size_t n = 0;
    struct str unit;

    while (n < s->n && num_digit(s->p[n]) > 9)
        n++;
    unit = str_sub(*s, 0, n);
    *s = str_from(*s, n);
    return unit;
}

int
num_duration(struct str s, int64_t *to)
{
    int64_t total = 0, part;
    size_t least = 0; /* units go down: 1h30m */
    uint64_t v;

    if (num_u64(s, &v) == 0) {
        if (!sum_mul(v, 1000u, &total))
            return ERR_INVAL;
        *to = total;
        return 0;
    }
    do {
        struct str unit;
        if (num_take(&s, 10, &v))
            return ERR_INVAL;
        unit = num_take_unit(&s);
        while (least < ARRAY_SIZE(num_durations) &&
            !str_eq(unit, num_durations[least].name))
            least++;
        if (least == ARRAY_SIZE(num_durations))
            return ERR_INVAL;
        if (!sum_mul(v, num_durations[least].value, &part) ||
            !sum_add(total, part, &total))
            return ERR_INVAL;
        least++;
    } while (s.n);
    *to = total;
    return 0;
}

int
num_size(struct str s, int64_t *to)
{
    int64_t size;
    uint64_t v;
    unsigned shift;

    if (num_take(&s, 10, &v) || s.n > 1)
        return ERR_INVAL;
    switch (s.n ? s.p[0] : '\0') {
    case '\0':
        shift = 0;
        break;
    case 'k':
    case 'K':
        shift = 10;
        break;
    case 'M':
        shift = 20;
        break;
    case 'G':
        shift = 30;
        break;
    case 'T':
        shift = 40;
        break;
    default:
        return ERR_INVAL;
    }
    if (!sum_mul(v, UINT64_C(1) << shift, &size))
        return ERR_INVAL;
    *to = size;
    return 0;
}

void
num_print(struct buf *b, uint64_t n)
{
    char digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    buf_add(b, digits + at, sizeof(digits) - at);
}

void
num_print_duration(struct buf *b, int64_t ms)
{
    uint64_t rest = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;

    if (ms < 0)
        buf_char(b, '-');
    if (!rest)
        buf_cstr(b, "0s");
    for (size_t i = 0; i < ARRAY_SIZE(num_durations); i++) {
        uint64_t unit = (uint64_t)num_durations[i].value;
        if (rest >= unit)
            buf_printf(
                b, "%" PRIu64 "%s", rest / unit, num_durations[i].name.p);
        rest %= unit;
    }
}

void
num_print_size(struct buf *b, int64_t bytes)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
    double v = (double)bytes;
    size_t i = 0;

    if (bytes > -1024 && bytes < 1024) {
        buf_printf(b, "%" PRId64 " B", bytes);
        return;
    }
    /* What would be shown as 1024.0 is 1.0 of the next. */
    for (v /= 1024; (v >= 1023.95 || v <= -1023.95) && i < 5; i++)
        v /= 1024;
    buf_printf(b, "%.1f %s", v, units[i]);
}
