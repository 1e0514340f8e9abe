/* SPDX-License-Identifier: Apache-2.0
 *
 * param.c - values of the parameters of MAIL that name a time.
 */
#include "param.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "calendar.h"
#include "verb.h"

enum { NINE = 9 };
#define LAST_SECOND INT64_C(253402300799) /* of the year 9999 */

/* Take the next character if it is this one, in either case of letters. */
static bool
take(struct impel_str *s, char c)
{
    if (s->n == 0 || (*s->p != c && *s->p != c + ('a' - 'A')))
        return false;
    s->p++;
    s->n--;
    return true;
}

static bool
take_sign(struct impel_str *s, char c)
{
    if (s->n == 0 || *s->p != c)
        return false;
    s->p++;
    s->n--;
    return true;
}

/* So many digits exactly, as a number between low and high. */
static bool
take_number(struct impel_str *s, size_t digits, int low, int high, int *to)
{
    uint64_t v;

    if (s->n < digits ||
        !verb_number((struct impel_str){s->p, digits}, UINT32_MAX, &v) ||
        v < (uint64_t)low || v > (uint64_t)high)
        return false;
    s->p += digits;
    s->n -= digits;
    *to = (int)v;
    return true;
}

bool
param_by(struct impel_str value, struct param_by *to)
{
    bool negative = take_sign(&value, '-');
    struct param_by by = {0, 0};
    struct impel_str number;
    uint64_t v;

    if (!negative)
        (void)take_sign(&value, '+'); /* it may stand there */
    number = (struct impel_str){value.p, 0};
    while (number.n < value.n && value.p[number.n] != ';')
        number.n++;
    if (number.n > NINE || !verb_number(number, PARAM_SECONDS_MAX, &v))
        return false;
    by.seconds = negative ? -(int64_t)v : (int64_t)v;
    value = (struct impel_str){value.p + number.n, value.n - number.n};
    if (!take_sign(&value, ';'))
        return false;
    if (take(&value, 'N'))
        by.by = IMPEL_BY_NOTIFY;
    else if (take(&value, 'R') && by.seconds > 0)
        by.by = IMPEL_BY_RETURN;
    else
        return false;
    if (take(&value, 'T'))
        by.by |= IMPEL_BY_TRACE;
    if (value.n > 0)
        return false;
    *to = by;
    return true;
}

bool
param_hold_for(struct impel_str value, int64_t *seconds)
{
    uint64_t v;

    if (value.n > NINE || !verb_number(value, PARAM_SECONDS_MAX, &v) || v == 0)
        return false;
    *seconds = (int64_t)v;
    return true;
}

static int
days_of(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

/* "Z", "+hh:mm" or "-hh:mm" in seconds. */
static bool
take_offset(struct impel_str *s, int64_t *to)
{
    bool west = s->n > 0 && *s->p == '-';
    int hours, minutes;

    *to = 0;
    if (take(s, 'Z'))
        return true;
    if (!west && (s->n == 0 || *s->p != '+'))
        return false;
    s->p++;
    s->n--;
    if (!take_number(s, 2, 0, 23, &hours) || !take_sign(s, ':') ||
        !take_number(s, 2, 0, 59, &minutes))
        return false;
    *to = (int64_t)(hours * 60 + minutes) * 60;
    if (west)
        *to = -*to;
    return true;
}

/* Digits behind the second; they count for nothing. */
static bool
take_fraction(struct impel_str *s)
{
    size_t n = 0;

    if (!take_sign(s, '.'))
        return true;
    while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9')
        n++;
    if (n == 0 || n > NINE)
        return false;
    s->p += n;
    s->n -= n;
    return true;
}

bool
param_time(struct impel_str value, int64_t *seconds)
{
    int year, month, day, hour, minute, second;
    int64_t offset;
    struct tm tm;

    if (!take_number(&value, 4, 1970, 9999, &year) || !take_sign(&value, '-') ||
        !take_number(&value, 2, 1, 12, &month) || !take_sign(&value, '-') ||
        !take_number(&value, 2, 1, days_of(year, month), &day) ||
        !take(&value, 'T') || !take_number(&value, 2, 0, 23, &hour) ||
        !take_sign(&value, ':') || !take_number(&value, 2, 0, 59, &minute) ||
        !take_sign(&value, ':') || !take_number(&value, 2, 0, 60, &second) ||
        !take_fraction(&value) || !take_offset(&value, &offset) || value.n > 0)
        return false;
    tm = (struct tm){.tm_year = year - 1900,
        .tm_mon = month - 1,
        .tm_mday = day,
        .tm_hour = hour,
        .tm_min = minute,
        .tm_sec = second}; /* 60 is the next minute's first */
    *seconds = calendar_seconds(&tm) - offset;
    return true;
}

void
param_print_time(int64_t seconds, char to[PARAM_TIME_SIZE])
{
    struct tm tm;

    to[0] = '\0';
    if (seconds < 0 || seconds > LAST_SECOND)
        return;
    calendar_fill(seconds, &tm);
    if (strftime(to, PARAM_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        to[0] = '\0';
}
