/* SPDX-License-Identifier: Apache-2.0
 *
 * limits.h - how many sessions and how fast: all limits hold at once (MC 3.4,
 * 3.5).  Hosts' own limits are counted by route/resolve.h.
 *
 * A queue that meets a limit of many queues (the server's, a group's, a
 * binding's) waits in that limit's line.  Each time a session under the limit
 * closes or becomes idle the first of the line is woken; one that makes no use
 * of it passes it on, so while somebody waits a session works or is to end.
 */
#ifndef IMPEL_LIMITS_H
#define IMPEL_LIMITS_H

#include "queue/scheduler_int.h"

/* May the queue open one more connection?  WAIT_NONE, or the limit that is
 * met; *until: monotonic, 0 unknown. */
enum wait_reason limits_may_open(struct queue *q, int64_t *until);
void limits_opened(struct queue *q);
void limits_closed(struct queue *q);
/* An outlet moved from one queue to another. */
void limits_moved(struct queue *from, struct queue *to);

/* Wait for a limit of many: why is what limits_may_open() said. */
void limits_starve(struct queue *q, enum wait_reason why);
/* An outlet of the queue has become idle: who waits may take it over, or have
 * it closed. */
void limits_idle(struct queue *q);
/* The queue has run, or goes: what it was woken for and has not used is the
 * next one's. */
void limits_pass_on(struct queue *q);

/* The throttle that the scope's option refers to, or NULL. */
struct throttle *limits_throttle(
    struct scheduler *s, const struct scope *scope, uint32_t option);
/* Charge one message; stamp -1: there is no throttle. */
bool limits_take_message(struct queue *q, int64_t *stamp, int64_t *until);
void limits_refund_message(struct queue *q, int64_t stamp);

/* A binding's record, made if there is none. */
struct bindstate *limits_binding(struct scheduler *s, struct str name);
/* Read the limits of a new generation. */
void limits_adopt(struct scheduler *s);
void limits_fini(struct scheduler *s);

#endif
