/* SPDX-License-Identifier: Apache-2.0
 *
 * pause.h - nothing is delivered while results cannot be stored.
 *
 * What is delivered then would be delivered once more after a crash.  So when
 * the spool raises an alarm, or has PAUSE_UNWRITTEN results that are not
 * durable yet (a disk that hangs), no work is lent, what is lent and not begun
 * is called back, nothing expires and no notice is made.  What was begun ends;
 * its results wait in memory.  It ends by itself.
 */
#ifndef IMPEL_PAUSE_H
#define IMPEL_PAUSE_H

#include "queue/scheduler_int.h"

enum { PAUSE_UNWRITTEN = 20000, PAUSE_LOOK_MS = 20 };

void pause_init(struct scheduler *s);
/* Of the spool; why NULL: results are written again. */
void pause_alarm(struct scheduler *s, const char *why);
bool pause_is_on(struct scheduler *s);
void pause_print(const struct scheduler *s, struct buf *to); /* the reason */

#endif
