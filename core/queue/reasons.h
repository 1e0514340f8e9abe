/* SPDX-License-Identifier: Apache-2.0
 *
 * reasons.h - all reasons that keep a queue's mail from moving right now.
 *
 * Each is asked as the queue's run asks it, without what a run does about it,
 * and only when somebody wants to know.  A new reason is a row of wait.h and a
 * function here.
 */
#ifndef IMPEL_REASONS_H
#define IMPEL_REASONS_H

#include "queue/scheduler_int.h"

struct reason {
    enum wait_reason why;
    int64_t since;     /* monotonic; 0: not known */
    int64_t until;     /* wall; 0: not known */
    struct str detail; /* limit and stanza, the peer's words; may be empty */
};
typedef void reasons_f(void *arg, const struct reason *r);

/* The one that the queue is known by first, then the others that hold. */
void reasons_each(struct queue *q, reasons_f *each, void *arg);
/* Its hosts, best first: "=> mx.x.test [192.0.2.1]:25 ...", a line each. */
void reasons_print_hosts(struct queue *q, const char *indent, struct buf *to);

#endif
