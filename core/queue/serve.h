/* SPDX-License-Identifier: Apache-2.0
 *
 * serve.h - a queue's work for its sessions, and sessions for its work.
 */
#ifndef IMPEL_SERVE_H
#define IMPEL_SERVE_H

#include "queue/scheduler_int.h"

/* Lend what can be lent, open what may be opened.  What its mail waits for. */
enum wait_reason serve_queue(struct queue *q, int64_t *until);
/* Sessions without work are idle from now on. */
void serve_rest(struct queue *q);
/* Each connection that failed costs one parcel its attempt. */
void serve_charge(struct queue *q);
/* Delay (or fail) a part of the active mail with the result that the queue
 * holds for it; true: there is more. */
bool serve_sweep(struct queue *q);

#endif
