/* SPDX-License-Identifier: Apache-2.0
 *
 * busy.h - what a queue has while it works (struct busy), and only then.
 */
#ifndef IMPEL_BUSY_H
#define IMPEL_BUSY_H

#include "queue/scheduler_int.h"

void busy_init(struct scheduler *s);
void busy_fini(struct scheduler *s); /* no queue is left */
/* A new queue has none of its own. */
void busy_begin(struct queue *q);
/* To change it: made if there is none. */
struct busy *busy_get(struct queue *q);
/* Give it back if there is nothing in it. */
void busy_rest(struct queue *q);
/* The queue goes. */
void busy_end(struct queue *q);

#endif
