/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/job.h"

#include <stdlib.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/magic.h"
#include "base/xmem.h"
#include "loop/defer.h"
#include "loop/loop_int.h"
#include "loop/slow.h"
#include "loop/timer.h"
#include "base/banned.h"

enum {
    JOB_SLICE_US = 2000,
    JOB_FAKE_STEPS = 64 /* a slice under a clock that stands still */
};

struct job {
    uint32_t magic;
    struct loop *loop;
    struct list node; /* of the loop's jobs */
    struct defer ending;
    struct timer pause; /* armed: it wants no slice before */
    uint64_t id;
    char *name;
    job_step_f *step;
    job_end_f *end;
    void *arg;
    uint64_t done, total;
    int64_t started;
    bool cancelled;
};

static void
job_goes_on(void *arg)
{
    (void)arg; /* that its timer is over is what job_pick() looks at */
}

struct job *
job_start(struct loop *l, const char *name, job_step_f *step, job_end_f *end,
    void *arg)
{
    static _Atomic uint64_t last; /* ids are the process's, for operators */
    struct job *j = xnew(struct job);

    CHECK(l, LOOP_MAGIC);
    j->magic = JOB_MAGIC;
    j->loop = l;
    j->id = atomic_fetch_add(&last, 1) + 1;
    j->name = xdup(name);
    j->step = step;
    j->end = end;
    j->arg = arg;
    j->started = clock_mono();
    timer_init(&j->pause, l, job_goes_on, j, "job pause");
    list_push(&l->jobs, &j->node);
    return j;
}

static struct job *
job_of(struct list *n)
{
    return n ? LIST_ENTRY(n, struct job, node) : NULL;
}

struct job *
job_next(struct loop *l, struct job *j)
{
    CHECK(l, LOOP_MAGIC);
    if (!j)
        return job_of(list_first(&l->jobs));
    CHECK(j, JOB_MAGIC);
    return j->node.next == &l->jobs ? NULL : job_of(j->node.next);
}

struct job *
job_find(struct loop *l, uint64_t id)
{
    struct job *j = NULL;

    while ((j = job_next(l, j)) && j->id != id)
        continue;
    return j;
}

static void
job_finish(struct job *j)
{
    struct loop *l = j->loop;
    int64_t begun = slow_begin();

    if (l->job_turn == j)
        l->job_turn = job_next(l, j);
    list_remove(&j->node);
    timer_stop(&j->pause);
    if (j->end)
        j->end(j, j->arg, j->cancelled);
    (void)slow_end(begun, j->name, j->id); /* logs by itself */
    j->magic = 0;
    free(j->name);
    free(j);
}

static void
job_end_cancelled(void *arg)
{
    job_finish(arg);
}

void
job_cancel(struct job *j)
{
    CHECK(j, JOB_MAGIC);
    if (j->cancelled)
        return;
    j->cancelled = true;
    defer_post(j->loop, &j->ending, job_end_cancelled, j, "job end");
}

static bool
job_rests(const struct job *j)
{
    return j->cancelled || timer_armed(&j->pause);
}

/* The next that wants a slice, from the one whose turn it is. */
static struct job *
job_pick(struct loop *l)
{
    struct job *from = l->job_turn ? l->job_turn : job_next(l, NULL);
    struct job *j = from;

    while (j && job_rests(j)) {
        j = job_next(l, j);
        if (!j)
            j = job_next(l, NULL);
        if (j == from)
            return NULL;
    }
    return j;
}

bool
job_pending(const struct loop *l)
{
    const struct list *n;

    /* One that ends is deferred work, one that pauses has a timer. */
    LIST_FOREACH (n, &l->jobs)
        if (!job_rests(LIST_ENTRY(n, struct job, node)))
            return true;
    return false;
}

static enum job_step
job_slice(struct job *j)
{
    int64_t begun = slow_begin();
    bool fake = clock_is_fake();
    enum job_step s;
    int steps = 0;

    bug_doing(j->name, j->id);
    do {
        s = j->step(j, j->arg);
        if (fake && ++steps >= JOB_FAKE_STEPS)
            break;
    } while (s == JOB_MORE && !j->cancelled &&
        clock_mono_us() - begun < JOB_SLICE_US);
    bug_doing(NULL, 0);
    (void)slow_end(begun, j->name, j->id); /* logs by itself */
    return s;
}

void
job_run(struct loop *l)
{
    struct job *j = job_pick(l);
    enum job_step step;

    if (!j)
        return;
    l->job_turn = j;
    step = job_slice(j);
    if (step == JOB_DONE && !j->cancelled) {
        job_finish(j);
        return;
    }
    if (step == JOB_PAUSE)
        timer_start(&j->pause, JOB_PAUSE_MS);
    l->job_turn = job_next(l, j);
}

uint64_t
job_id(const struct job *j)
{
    CHECK(j, JOB_MAGIC);
    return j->id;
}

const char *
job_name(const struct job *j)
{
    CHECK(j, JOB_MAGIC);
    return j->name;
}

void
job_progress(struct job *j, uint64_t done, uint64_t total)
{
    CHECK(j, JOB_MAGIC);
    j->done = done;
    j->total = total;
}

void
job_get_progress(const struct job *j, uint64_t *done, uint64_t *total)
{
    CHECK(j, JOB_MAGIC);
    *done = j->done;
    *total = j->total;
}

int64_t
job_started(const struct job *j)
{
    CHECK(j, JOB_MAGIC);
    return j->started;
}
