/* SPDX-License-Identifier: Apache-2.0
 *
 * limits.h - how many sessions and how fast: all limits hold at once (MC 3.4,
 * 3.5).  Hosts' own limits are counted by route/resolve.h.
 *
 * What is counted, and who has to be below it:
 *
 *   max_outbound_connections        each (binding, domain), whatever its method
 *                                   and port: the queues of a ring of twins
 *   scope_max_outbound_connections  all that fall back to one stanza: its place
 *                                   says what that is
 *   server_max_outbound_connections a binding, a group, the server
 *
 * A queue that meets a limit of many waits in that limit's line (base/line.h).
 * Each time a session under the limit closes or becomes idle the first of the
 * line is woken; one that makes no use of it passes it on, so while somebody
 * waits a session works or is to end.
 */
#ifndef IMPEL_LIMITS_H
#define IMPEL_LIMITS_H

#include "queue/scheduler_int.h"

#define LIMITS_QUEUE(w) (CONTAINER_OF((w), struct busy, waiter)->queue)

/* May the queue open one more connection?  WAIT_NONE, or the limit that is
 * met; *until: monotonic, 0 unknown. */
enum wait_reason limits_may_open(struct queue *q, int64_t *until);
/* The limit behind a reason that is shared; NULL: there is none. */
struct limit *limits_by(struct queue *q, enum wait_reason why);
/* A limit that has a line? */
bool limits_is_shared(enum wait_reason why);
/* Would a connection less of b help a at that limit? */
bool limits_meet(struct queue *a, struct queue *b, enum wait_reason why);
/* Connections of its binding and domain. */
uint64_t limits_pair_used(const struct queue *q);
void limits_opened(struct queue *q);
void limits_closed(struct queue *q);
/* An outlet moved from one queue to another. */
void limits_moved(struct queue *from, struct queue *to);

/* Wait for a limit with a line: why is what limits_may_open() said. */
void limits_starve(struct queue *q, enum wait_reason why);
/* An outlet of the queue has become idle: who waits may take it over, or have
 * it closed. */
void limits_idle(struct queue *q);
/* The queue has run, or goes: what it was woken for and has not used is the
 * next one's. */
void limits_pass_on(struct queue *q);
void limits_wake(struct waiter *w); /* for lines of queues */

/* May one more message be lent?  session: one is there to take it.  false: the
 * queue waits in the line of the throttle that is used up. */
bool limits_may_lend(struct queue *q, bool session, int64_t *until);
/* It is lent: what to refund should it not be tried; NULL: nothing. */
struct charge;
struct charge *limits_charge_message(struct queue *q, struct outlet *o);
void limits_refund_message(struct charge **c);
/* It was begun, and done with, at these times. */
void limits_began(const struct charge *c, int64_t begun, int64_t done);

/* A binding's record, made if there is none. */
struct bindstate *limits_binding(struct scheduler *s, struct str name);
/* A new queue joins those of its binding in its zone, before it is in there. */
void limits_pair(struct queue *q);
void limits_unpair(struct queue *q);
/* It has a new scope, or goes. */
void limits_adopt_queue(struct queue *q, bool goes);
void limits_init(struct scheduler *s);
/* Read the limits of a new generation. */
void limits_adopt(struct scheduler *s);
void limits_fini(struct scheduler *s);

#endif
