/* SPDX-License-Identifier: Apache-2.0
 *
 * param.h - values of the parameters of MAIL that name a time: BY (RFC 2852),
 * HOLDFOR and HOLDUNTIL (RFC 4865).
 *
 * Pure functions over text of the peer's.  Each says false of what is not
 * exactly of its form, and changes nothing then.
 */
#ifndef IMPEL_LIB_PARAM_H
#define IMPEL_LIB_PARAM_H

#include <stdbool.h>
#include <stdint.h>

#include <impel/module.h>

enum { PARAM_SECONDS_MAX = 999999999 }; /* nine digits: both RFCs */

struct param_by {
    int64_t seconds; /* from now; may be negative with IMPEL_BY_NOTIFY only */
    uint32_t by;     /* IMPEL_BY_*: NOTIFY or RETURN, and perhaps TRACE */
};
/* "[+-]seconds;N" or ";R", and perhaps "T" behind it. */
bool param_by(struct impel_str value, struct param_by *to);

/* One to nine digits, more than 0. */
bool param_hold_for(struct impel_str value, int64_t *seconds);

/* A date and time of RFC 3339 with its offset from UTC, in years 1970 to 9999;
 * seconds since 1970.  A leap second is the first of the next minute. */
bool param_time(struct impel_str value, int64_t *seconds);

/* Such a time in UTC, "2026-11-21T14:00:00Z", ended by a NUL; "" for what is
 * not of those years. */
enum { PARAM_TIME_SIZE = 24 };
void param_print_time(int64_t seconds, char to[PARAM_TIME_SIZE]);

#endif
