/* SPDX-License-Identifier: Apache-2.0
 *
 * clock.h - monotonic and wall time; a test sets both.
 *
 * int64_t milliseconds everywhere, unless a name says _us.  Any thread.
 */
#ifndef IMPEL_CLOCK_H
#define IMPEL_CLOCK_H

#include "base/buf.h"

int64_t clock_mono(void);    /* since some point; never goes back */
int64_t clock_mono_us(void); /* the same in microseconds */
int64_t clock_wall(void);    /* since 1970-01-01 UTC */

/* The real clock_mono() even under a fake clock: to bound real waits. */
int64_t clock_mono_true(void);

/* Tests only: both clocks stand still at these values until clock_real(). */
void clock_fake(int64_t mono, int64_t wall);
void clock_advance(int64_t ms); /* of the fake clocks */
void clock_real(void);
bool clock_is_fake(void);

/* The last of the year 9999, in UTC. */
#define CLOCK_WALL_MAX INT64_C(253402300799999)

/* "Sat, 21 Nov 2026 01:49:49 +0000" (RFC 5322 3.3, local zone), and
 * "2026-11-21T01:49:49.123Z".  What is later than CLOCK_WALL_MAX, or before
 * the year 1, is written as that end. */
void clock_print_rfc5322(struct buf *b, int64_t wall);
void clock_print_iso(struct buf *b, int64_t wall);
/* "2026-11-21T10:00:00Z", also without seconds or the Z (it is UTC then, too),
 * with a fraction, with an offset ("+01:00"); from 1970 to 9999.  ERR_INVAL. */
int clock_parse_iso(struct str s, int64_t *wall);

#endif
