/* SPDX-License-Identifier: Apache-2.0
 *
 * loop_int.h - the inside of a loop, for the files of core/loop only.
 */
#ifndef IMPEL_LOOP_INT_H
#define IMPEL_LOOP_INT_H

#include <pthread.h>
#include <stdatomic.h>
#include <ev.h>

#include "base/heap.h"
#include "base/list.h"
#include "loop/job.h"
#include "loop/loop.h"
#include "loop/mailbox.h"

struct loop {
    uint32_t magic;
    char name[32];
    struct ev_loop *ev;
    ev_io wake;      /* the mailbox's descriptor */
    ev_timer waking; /* ends a wait for the first of timers */
    struct mailbox *mailbox;
    struct mail *mail; /* taken out of it, and not delivered yet */
    struct heap timers;
    struct list deferred; /* struct defer */
    struct list jobs;     /* struct job, in order of start */
    struct job *job_turn; /* whose slice is next; NULL: the first's */
    int64_t now;
    bool turning;
    bool threaded;
    pthread_t thread;
    _Atomic bool stop;
};

/* Call fn(arg), timed and named.  what is not touched afterwards if it lies in
 * arg: read it before. */
void loop_call(void (*fn)(void *), void *arg, const char *what);

void timer_run(struct loop *l); /* those that are due */
void defer_run(struct loop *l);
void job_run(struct loop *l);           /* one slice of one job */
bool job_pending(const struct loop *l); /* one wants a slice */

/* The consumer's side of a mailbox.  mailbox_sleep() announces that the thread
 * is about to block on the descriptor, or says false: there is mail. */
bool mailbox_sleep(struct mailbox *m);
void mailbox_awake(struct mailbox *m);
int mailbox_fd(const struct mailbox *m);
void mailbox_drain(struct mailbox *m); /* of what woke it */
struct mail *mailbox_take_now(struct mailbox *m);

#endif
