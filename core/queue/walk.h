/* SPDX-License-Identifier: Apache-2.0
 *
 * walk.h - a visit to each element of one of the scheduler's long lists, as a
 * job: all queues, the queues of one zone, all zones.
 *
 * Elements may come and go meanwhile: those that go are not visited, those
 * that come are (base/cursor.h; queue_free() says who leaves).
 */
#ifndef IMPEL_WALK_H
#define IMPEL_WALK_H

#include "loop/job.h"
#include "queue/scheduler_int.h"

/* A little work on one element; fresh: the first time.  JOB_DONE: the next
 * one, please; JOB_MORE and JOB_PAUSE: this one again. */
typedef enum job_step walk_visit_f(void *arg, struct list *n, bool fresh);
/* done, total: elements. */
typedef void walk_progress_f(void *arg, uint64_t done, uint64_t total);
typedef void walk_end_f(void *arg, bool cancelled);

struct walk_request {
    const char *name;  /* of the job */
    struct list *head; /* or NULL: there is nothing to visit */
    uint64_t total;    /* about so many */
    walk_visit_f *visit;
    walk_progress_f *progress; /* or NULL */
    walk_end_f *end;           /* or NULL */
    void *arg;
};
/* The scheduler counts it as a job: a drain waits for its end. */
void walk_start(struct scheduler *s, const struct walk_request *r);

#endif
