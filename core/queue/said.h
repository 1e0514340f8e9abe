/* SPDX-License-Identifier: Apache-2.0
 *
 * said.h - what was said of a queue when it could not deliver (struct said).
 */
#ifndef IMPEL_SAID_H
#define IMPEL_SAID_H

#include "queue/scheduler_int.h"

struct said *said_get(struct queue *q); /* made if nothing was said */
void said_end(struct queue *q);         /* the queue goes */

/* A connection did not come up, or every host is down. */
void said_failed(struct queue *q, const struct result *why);
/* Failures are counted from none again: one came up, or all mail is put off. */
void said_restart(struct queue *q);
/* RETRY/ROUTE: everything waits. */
void said_hold(struct queue *q, const struct result *why);
int64_t said_holds_until(const struct queue *q); /* monotonic; 0: never did */

#endif
