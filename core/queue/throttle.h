/* SPDX-License-Identifier: Apache-2.0
 *
 * throttle.h - throttles of the scheduler: tokens, and who waits for them.
 *
 * There is one for each stanza that sets it, shared by all queues that fall
 * back to that stanza.  A queue that finds no token waits in the throttle's
 * line, which has one timer: when tokens are there, as many queues as can use
 * one are woken, first come first served, each with a grant of its share.  A
 * queue uses its grant in its next run or gives it back (throttle_pass_on()).
 * So what a throttle costs depends on its rate, not on how many wait.
 *
 * Who has to connect before it can use its turn keeps the turn, not the token;
 * the next one is asked meanwhile.  That would connect the whole line for one
 * token, so a throttle gives no more such turns in a second than it has tokens
 * in two, but for the first few.
 */
#ifndef IMPEL_THROTTLE_H
#define IMPEL_THROTTLE_H

#include "queue/scheduler_int.h"

/* What the scope's option refers to, made if there is none; NULL: there is no
 * throttle. */
struct throttle *throttle_get(
    struct scheduler *s, const struct scope *scope, uint32_t option);
/* Is there a token for q?  false: q waits in the line; *until: when it may be
 * its turn, monotonic.  ready: it can use one at once. */
bool throttle_has(
    struct throttle *t, struct queue *q, bool ready, int64_t *until);
/* It was said yes to, not being ready: a connection is opened. */
void throttle_turn_used(struct throttle *t);
/* Take it: throttle_has() has just said yes.  The stamp is for a refund. */
int64_t throttle_take(struct throttle *t, struct queue *q);
void throttle_refund(struct throttle *t, int64_t stamp);
/* The queue has run: what is left of its grant is for others. */
void throttle_pass_on(struct queue *q);
/* All of them go; no queue is left. */
void throttle_fini(struct scheduler *s);

/* What a parcel that is lent has cost, until it comes back. */
struct charge {
    struct throttle *throttle; /* or NULL */
    struct tokens *host;       /* the same, of its host */
    int64_t stamp, host_stamp;
};

#endif
