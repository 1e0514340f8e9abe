/* SPDX-License-Identifier: Apache-2.0
 *
 * slow.h - every callback is timed; those above the threshold are logged with
 * their name, and counted.
 */
#ifndef IMPEL_SLOW_H
#define IMPEL_SLOW_H

#include <stdint.h>

enum { SLOW_THRESHOLD_US = 5000 };

/* Around a callback: t = slow_begin(); fn(); slow_end(t, "conn read", id). */
int64_t slow_begin(void);
/* The same for a callback that the loop itself calls: on a busy loop one begins
 * where the one before it ended, which spares every second look at the clock.
 * slow_forget() says that other things happened since, such as sleeping. */
int64_t slow_next(void);
void slow_forget(void);
/* Returns the microseconds it took. */
int64_t slow_end(int64_t begun, const char *what, uint64_t id);
/* What this thread does may take its time: it is not told or counted. */
void slow_allow(void);
uint64_t slow_count(void); /* of the process */

#endif
