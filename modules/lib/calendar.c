/* SPDX-License-Identifier: Apache-2.0 */
#include "calendar.h"

enum { DAY = 86400, LEAP_DAYS_BEFORE_1970 = 477 };

/* From 1970-01-01 to the first of a month, which is 0 to 11. */
static int64_t
days_before(int year, int month)
{
    static const int months[] = {
        0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    int leap = year - (month < 2); /* the last year whose February counts */

    return INT64_C(365) * (year - 1970) + leap / 4 - leap / 100 + leap / 400 -
        LEAP_DAYS_BEFORE_1970 + months[month];
}

int64_t
calendar_seconds(const struct tm *tm)
{
    int64_t days =
        days_before(tm->tm_year + 1900, tm->tm_mon) + tm->tm_mday - 1;

    return days * DAY + tm->tm_hour * INT64_C(3600) + tm->tm_min * 60 +
        tm->tm_sec;
}

void
calendar_fill(int64_t seconds, struct tm *tm)
{
    int64_t days = seconds / DAY - (seconds % DAY < 0);
    int second = (int)(seconds - days * DAY);
    int year = (int)(1970 + days * 400 / 146097), month = 11; /* or one off */

    while (days_before(year, 0) > days)
        year--;
    while (days_before(year + 1, 0) <= days)
        year++;
    while (days_before(year, month) > days)
        month--;
    *tm = (struct tm){.tm_year = year - 1900,
        .tm_mon = month,
        .tm_mday = (int)(days - days_before(year, month)) + 1,
        .tm_wday = (int)(((days + 4) % 7 + 7) % 7), /* a Thursday is day 0 */
        .tm_hour = second / 3600,
        .tm_min = second / 60 % 60,
        .tm_sec = second % 60};
}
