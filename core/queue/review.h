/* SPDX-License-Identifier: Apache-2.0
 *
 * review.h - whether the connections of a queue are still those that it would
 * open now.
 *
 * A session takes mail for as long as there is any, so what a new connection
 * would do is not enough: a better host that is back (host_failure_retry), a
 * record that has changed (TTL, refresh) or another source address would only
 * be seen once there is no more mail.
 *
 * A connection to a host that is gone ends at once: what is lent to it and not
 * begun comes back.  One to a worse host ends only for a better one that has
 * worked; first a single one makes room for that, then as many at a time as
 * better ones have worked, so that the worse route carries the mail until the
 * better one does.
 */
#ifndef IMPEL_REVIEW_H
#define IMPEL_REVIEW_H

#include "queue/scheduler_int.h"

/* In the queue's run, before it is served: looks if there is a reason to. */
void review_outlets(struct queue *q);
/* Something may have changed: the next run looks. */
void review_soon(struct queue *q);
/* The queue has one more connection: what made a pick choose its host (others
 * failed since the last look, or were full) ends at a time of its own. */
void review_opened(struct outlet *o);
/* A connection has worked for the first time. */
void review_worked(struct queue *q);
/* One is gone: where that was there may be room. */
void review_closed(struct queue *q);

#endif
