/* SPDX-License-Identifier: Apache-2.0
 *
 * limits.h - how many sessions and how fast: all limits hold at once (MC 3.4,
 * 3.5).  Hosts' own limits are counted by route/resolve.h.
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
