/* SPDX-License-Identifier: Apache-2.0
 *
 * explain.h - why a parcel or a queue waits, and for what.
 *
 * It only prints what the scheduler knows: the reason that queue_run() left in
 * the queue, and the state of the parcel.  reasons.h has the others.
 */
#ifndef IMPEL_EXPLAIN_H
#define IMPEL_EXPLAIN_H

#include "queue/scheduler_int.h"

struct explanation {
    enum wait_reason reason;
    int64_t since; /* monotonic; 0: not known */
    int64_t until; /* wall; 0: not known */
};
void explain_parcel(const struct parcel *p, struct explanation *to);
void explain_queue(const struct queue *q, struct explanation *to);

#endif
