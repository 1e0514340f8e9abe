/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/loop.h"

#include <stdlib.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/magic.h"
#include "base/str.h"
#include "base/xmem.h"
#include "loop/loop_int.h"
#include "loop/slow.h"
#include "loop/thread.h"
#include "base/banned.h"

/* A faked clock may be advanced by another thread, which wakes nobody. */
enum { LOOP_FAKE_WAIT_MS = 5 };
/* Mail of one turn; what is left waits until sockets and timers have had
 * theirs. */
enum { LOOP_MAIL_US = 1000 };

static _Thread_local struct loop *loop_mine;

static void
loop_on_wake(struct ev_loop *ev, ev_io *io, int revents)
{
    struct loop *l = io->data;

    (void)ev;
    (void)revents;
    mailbox_drain(l->mailbox);
}

static void
loop_on_waking(struct ev_loop *ev, ev_timer *t, int revents)
{
    (void)ev;
    (void)t;
    (void)revents; /* that the wait has ended is all */
}

/* libev collects while it polls; the turn runs it after the mail. */
static void
loop_keep_pending(struct ev_loop *ev)
{
    (void)ev;
}

struct loop *
loop_new(const char *name, struct err *e)
{
    struct ev_loop *ev = ev_loop_new(EVFLAG_NOENV | EVBACKEND_EPOLL);
    struct loop *l;

    if (!ev)
        ev = ev_loop_new(EVFLAG_NOENV);
    if (!ev) {
        (void)err_set(e, ERR_LIMIT, "cannot make the event loop %s", name);
        return NULL;
    }
    l = xnew(struct loop);
    l->magic = LOOP_MAGIC;
    (void)str_copy(l->name, sizeof(l->name), str_of(name)); /* may be cut */
    l->ev = ev;
    l->mailbox = mailbox_new();
    list_init(&l->deferred);
    list_init(&l->jobs);
    ev_set_invoke_pending_cb(ev, loop_keep_pending);
    ev_io_init(&l->wake, loop_on_wake, mailbox_fd(l->mailbox), EV_READ);
    l->wake.data = l;
    ev_io_start(ev, &l->wake);
    ev_timer_init(&l->waking, loop_on_waking, 0., 0.);
    return l;
}

void
loop_free(struct loop **pl)
{
    struct loop *l = *pl;

    if (!l)
        return;
    CHECK(l, LOOP_MAGIC);
    BUG_ON(l->turning || l->threaded);
    BUG_ON(l->timers.count || !list_empty(&l->deferred));
    BUG_ON(!list_empty(&l->jobs));
    *pl = NULL;
    if (loop_mine == l)
        loop_mine = NULL;
    heap_fini(&l->timers);
    ev_io_stop(l->ev, &l->wake);
    ev_loop_destroy(l->ev);
    mailbox_free(&l->mailbox);
    l->magic = 0;
    free(l);
}

void
loop_call(void (*fn)(void *), void *arg, const char *what)
{
    int64_t begun = slow_next();

    bug_doing(what, 0);
    fn(arg);
    bug_doing(NULL, 0);
    (void)slow_end(begun, what, 0); /* logs by itself */
}

/* How long this turn may wait: 0 poll, < 0 no limit. */
static int64_t
loop_wait(const struct loop *l, int64_t wait_ms)
{
    const struct heap_node *first = heap_first(&l->timers);
    int64_t left;

    if (l->mail || !list_empty(&l->deferred) || job_pending(l) ||
        atomic_load(&l->stop))
        return 0;
    if (!first || !wait_ms)
        return wait_ms;
    left = MAX_OF(first->when - clock_mono(), 0);
    if (left && clock_is_fake())
        left = LOOP_FAKE_WAIT_MS;
    return wait_ms < 0 ? left : MIN_OF(wait_ms, left);
}

/* Collect what is ready.  Blocks only after the mailbox was told so. */
static void
loop_poll(struct loop *l, int64_t wait_ms)
{
    slow_forget();
    if (!wait_ms || !mailbox_sleep(l->mailbox)) {
        (void)ev_run(l->ev, EVRUN_NOWAIT);
        mailbox_awake(l->mailbox);
        return;
    }
    if (wait_ms > 0) {
        ev_now_update(l->ev);
        ev_timer_set(&l->waking, (double)wait_ms / 1000., 0.);
        ev_timer_start(l->ev, &l->waking);
    }
    (void)ev_run(l->ev, EVRUN_ONCE);
    ev_timer_stop(l->ev, &l->waking);
    mailbox_awake(l->mailbox);
}

static void
loop_deliver_one(struct loop *l)
{
    struct mail *m = l->mail;
    int64_t begun = slow_next();

    l->mail = m->next;
    bug_doing("mail", 0);
    m->deliver(m); /* may free it, or post it again */
    bug_doing(NULL, 0);
    (void)slow_end(begun, "mail", 0); /* logs by itself */
}

/* In order: what came meanwhile is taken once the rest of an earlier turn is
 * delivered. */
static void
loop_deliver(struct loop *l)
{
    int64_t begun = slow_next();

    if (!l->mail)
        l->mail = mailbox_take_now(l->mailbox);
    while (l->mail) {
        loop_deliver_one(l);
        if (slow_next() - begun >= LOOP_MAIL_US)
            return;
    }
}

void
loop_turn(struct loop *l, int64_t wait_ms)
{
    bool was;

    CHECK(l, LOOP_MAGIC);
    BUG_ON(l->turning);
    loop_mine = l;
    mailbox_flush();
    was = mailbox_gather(true);
    loop_poll(l, loop_wait(l, wait_ms));
    l->now = clock_mono();
    l->turning = true;
    loop_deliver(l);
    ev_invoke_pending(l->ev);
    timer_run(l);
    job_run(l);
    defer_run(l);
    mailbox_flush();
    l->turning = false;
    (void)mailbox_gather(was);
}

void
loop_run(struct loop *l)
{
    CHECK(l, LOOP_MAGIC);
    while (!atomic_load(&l->stop))
        loop_turn(l, -1);
    while (l->mail) /* as if the last turn had had the time */
        loop_deliver_one(l);
    atomic_store(&l->stop, false);
}

void
loop_stop(struct loop *l)
{
    CHECK(l, LOOP_MAGIC);
    atomic_store(&l->stop, true);
    mailbox_wake(l->mailbox);
}

static void *
loop_thread(void *arg)
{
    loop_run(arg);
    return NULL;
}

int
loop_start_thread(struct loop *l, struct err *e)
{
    int errnum;

    CHECK(l, LOOP_MAGIC);
    BUG_ON(l->threaded);
    errnum = thread_start(&l->thread, l->name, loop_thread, l);
    if (errnum)
        return err_errno(e, ERR_LIMIT, errnum, "thread of loop %s", l->name);
    l->threaded = true;
    return 0;
}

void
loop_join_thread(struct loop *l)
{
    CHECK(l, LOOP_MAGIC);
    if (!l->threaded)
        return;
    BUG_ON(pthread_join(l->thread, NULL) != 0);
    l->threaded = false;
}

struct loop *
loop_current(void)
{
    return loop_mine;
}

bool
loop_is_current(const struct loop *l)
{
    return loop_mine == l;
}

const char *
loop_name(const struct loop *l)
{
    CHECK(l, LOOP_MAGIC);
    return l->name;
}

struct mailbox *
loop_mailbox(struct loop *l)
{
    CHECK(l, LOOP_MAGIC);
    return l->mailbox;
}

int64_t
loop_now(const struct loop *l)
{
    CHECK(l, LOOP_MAGIC);
    return l->turning ? l->now : clock_mono();
}
