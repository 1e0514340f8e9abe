/* SPDX-License-Identifier: Apache-2.0
 *
 * job.h - long work in slices of at most 2 ms, with progress and cancel.
 * Loop thread only.  A turn runs one slice of one job, so that several jobs
 * share the loop's time evenly and sockets get their turn in between.
 */
#ifndef IMPEL_JOB_H
#define IMPEL_JOB_H

#include "loop/loop.h"

struct job;
enum job_step { JOB_MORE, JOB_DONE, JOB_PAUSE };
/* Do a little (one element, or a few) and say whether there is more.
 * JOB_PAUSE: what it needs is under way elsewhere; a slice again after
 * JOB_PAUSE_MS. */
enum { JOB_PAUSE_MS = 10 };
typedef enum job_step job_step_f(struct job *j, void *arg);
/* The end: cancelled says how.  The job is freed after it returns. */
typedef void job_end_f(struct job *j, void *arg, bool cancelled);

struct job *job_start(struct loop *l, const char *name, job_step_f *step,
    job_end_f *end, void *arg);
void job_cancel(struct job *j); /* end() runs at the end of this turn */
uint64_t job_id(const struct job *j);
const char *job_name(const struct job *j);
void job_progress(struct job *j, uint64_t done, uint64_t total);
void job_get_progress(const struct job *j, uint64_t *done, uint64_t *total);
int64_t job_started(const struct job *j); /* monotonic ms */
/* The jobs of a loop in order of start: pass NULL first. */
struct job *job_next(struct loop *l, struct job *j);
struct job *job_find(struct loop *l, uint64_t id); /* or NULL */

#endif
