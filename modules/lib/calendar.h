/* SPDX-License-Identifier: Apache-2.0
 *
 * calendar.h - dates of the years 1 to 9999 in UTC, where time_t may end in
 * 2038: peers name later ones.
 */
#ifndef IMPEL_CALENDAR_H
#define IMPEL_CALENDAR_H

#include <stdint.h>
#include <time.h>

/* Seconds since 1970, as timegm(); tm_mon is 0 to 11, tm_mday and the time of
 * day may be any, and nothing in tm is changed. */
int64_t calendar_seconds(const struct tm *tm);
/* As gmtime_r(), without tm_yday. */
void calendar_fill(int64_t seconds, struct tm *tm);

#endif
