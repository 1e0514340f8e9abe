/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/rollup.h"

#include <stdlib.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/xmem.h"
#include "queue/active.h"
#include "queue/busy.h"
#include "queue/delaydsn.h"
#include "queue/limits.h"
#include "queue/queue.h"
#include "queue/review.h"
#include "queue/said.h"
#include "queue/serve.h"
#include "queue/suspend.h"
#include "route/mxshare.h"
#include "base/banned.h"

enum { ROLLUP_WAKES = 16 }; /* homes that are let in, in one run */

bool
rollup_is_shared(const struct queue *q)
{
    return q->busy->rollup && q->busy->rollup->shared;
}

struct queue *
rollup_lead(const struct queue *q)
{
    return q->busy->rollup ? q->busy->rollup->lead : NULL;
}

bool
rollup_is_of(const struct queue *q, const uint64_t *print)
{
    return rollup_is_shared(q) == (print != NULL) &&
        (!print || q->busy->rollup->print == *print);
}

bool
rollup_are_alike(const struct queue *a, const struct queue *b)
{
    bool shared = rollup_is_shared(a);

    return shared == rollup_is_shared(b) &&
        (!shared || a->busy->rollup->print == b->busy->rollup->print);
}

bool
rollup_is_used(const struct queue *q)
{
    const struct rollup *r = q->busy->rollup;

    return r &&
        (!list_empty(&r->away) || r->leads ||
            (r->shared && line_is_used(&r->line)));
}

uint64_t
rollup_waiting(const struct queue *q)
{
    return rollup_is_shared(q) ? q->busy->rollup->line.count : 0;
}

static struct rollup *
rollup_of(struct queue *q)
{
    struct busy *b = busy_get(q);

    if (!b->rollup) {
        b->rollup = xnew(struct rollup);
        list_init(&b->rollup->away);
    }
    return b->rollup;
}

struct rollup *
rollup_new(uint64_t print)
{
    struct rollup *r = xnew(struct rollup);

    r->shared = true;
    r->print = print;
    list_init(&r->away);
    line_init(&r->line, limits_wake);
    return r;
}

/* A shared queue goes by the record of another home, or of none. */
static void
rollup_follow(struct queue *q, struct queue *lead)
{
    struct rollup *r = q->busy->rollup;

    if (r->lead) {
        r->lead->busy->rollup->leads = NULL;
        queue_kick(r->lead); /* it may go now */
    }
    r->lead = lead;
    if (lead)
        rollup_of(lead)->leads = q;
}

void
rollup_free(struct queue *q)
{
    struct rollup *r = q->busy->rollup;

    if (!r)
        return;
    BUG_ON(!list_empty(&r->away));
    if (r->shared)
        rollup_follow(q, NULL);
    if (r->leads)
        r->leads->busy->rollup->lead = NULL;
    xfree(&busy_get(q)->rollup);
}

void
rollup_rest(struct queue *q)
{
    const struct rollup *r = q->busy->rollup;

    if (r && !r->shared && !rollup_is_used(q))
        rollup_free(q);
}

/* --- parcels that are away --- */

struct queue *
rollup_home(const struct parcel *p)
{
    bool has = p->state == PARCEL_LOADING || p->state == PARCEL_READY ||
        p->state == PARCEL_LENT || p->state == PARCEL_BEGUN ||
        p->state == PARCEL_RECALLING;

    return has && p->in.active->home ? p->in.active->home : p->queue;
}

void
rollup_part(struct active *a, struct queue *home)
{
    a->home = home;
    list_push(&rollup_of(home)->away, &a->away_node);
}

struct queue *
rollup_leave(struct active *a)
{
    struct queue *home = a->home;

    if (!home)
        return NULL;
    a->home = NULL;
    list_remove(&a->away_node);
    queue_kick(a->parcel->queue); /* either may be empty now */
    if (list_empty(&home->busy->rollup->away))
        queue_kick(home);
    return home;
}

struct list *
rollup_away(const struct queue *q)
{
    return q->busy->rollup ? list_first(&q->busy->rollup->away) : NULL;
}

struct list *
rollup_next_away(const struct queue *q, const struct list *n)
{
    return n->next == &q->busy->rollup->away ? NULL : n->next;
}

void
rollup_split(struct active *part, const struct active *of)
{
    if (of->home)
        rollup_part(part, of->home);
}

/* READY in one queue becomes READY in the other. */
static void
rollup_move(struct active *a, struct queue *from, struct queue *to)
{
    struct parcel *p = a->parcel;

    queue_leave_ready(from, a);
    queue_tally(from, -1, 0, 0);
    p->queue = to;
    queue_take_ready(to, p);
}

static void
rollup_come_home(struct active *a)
{
    struct queue *from = a->parcel->queue, *home = rollup_leave(a);

    rollup_move(a, from, home);
    queue_kick(home);
}

/* What the session has not begun comes home when it gives it back. */
static void
rollup_call_back(struct active *a)
{
    struct parcel *p = a->parcel;

    if (p->state == PARCEL_READY) {
        rollup_come_home(a);
    } else if (p->state == PARCEL_LOADING) {
        queue_remove(p);
        queue_delay(p, parcel_received(p));
    } else if (p->state == PARCEL_LENT) {
        parcel_enter(p, PARCEL_RECALLING);
        session_recall(a->outlet->session, a->batch, false);
    }
}

/* The line of a shared queue; that of a limit is not ours. */
static void
rollup_leave_line(struct queue *q)
{
    if (q->reason == WAIT_ROLLUP)
        line_leave(&busy_get(q)->waiter);
}

void
rollup_end(struct queue *q)
{
    rollup_leave_line(q);
    if (q->reason == WAIT_ROLLUP && !q->busy->grant)
        line_done(&busy_get(q)->waiter);
}

void
rollup_recall(struct queue *q)
{
    struct list *n, *next;

    if (!q->busy->rollup || q->busy->rollup->shared)
        return;
    rollup_leave_line(q);
    LIST_FOREACH_SAFE (n, next, &q->busy->rollup->away)
        rollup_call_back(LIST_ENTRY(n, struct active, away_node));
}

/* --- a home --- */

static bool
rollup_has_due(const struct queue *q)
{
    const struct heap_node *first = heap_first(&q->delayed);

    return first && first->when <= clock_wall();
}

/* What is there goes; what is due is read if the shared queue has room, else
 * it waits in its line. */
static bool
rollup_enter(struct queue *q, struct queue *to)
{
    bool more = false;
    struct list *n;

    for (int i = 0; (n = list_first(&q->busy->ready)) != NULL; i++) {
        struct active *a = LIST_ENTRY(n, struct active, node);

        if (i >= SCHED_RUN_MAX)
            return true;
        rollup_move(a, q, to);
        rollup_part(a, q);
    }
    more = active_fill(q, to);
    if (rollup_has_due(q) && !q->busy->loading && !more) {
        struct line *l = &to->busy->rollup->line;

        if (q->busy->waiter.in != l)
            line_join(l, &busy_get(q)->waiter, q->busy->waiter.from == l);
    } else {
        line_leave(&busy_get(q)->waiter);
    }
    queue_kick(to);
    return more;
}

static enum mxshare
rollup_find(struct queue *q, struct mxshare_with *with)
{
    return mxshare_find(
        queue_record(q), q->generation, str_of(q->binding->name), with);
}

static void rollup_dissolve(struct queue *q);

/* Sessions of the shared queue have the options of its name.  A domain that has
 * some of its own (TLS, a login) must not lose them. */
static bool
rollup_may_enter(struct queue *q, struct queue *to)
{
    struct scheduler *s = q->s;
    const struct queue_values *plain;
    bool none;

    if (to->generation != q->generation || to->overrides != q->overrides)
        queue_adopt(to);
    plain = queue_values_get(&s->values, q->generation,
        generation_scope(q->generation, str_of(q->binding->name), STR_NONE));
    none = plain->session == q->opt->session;
    queue_values_put(&s->values, &plain);
    return none || to->opt->session == q->opt->session;
}

/* The shared queue of a home; NULL: there is none, and DNS is being asked if
 * *why says so. */
static struct queue *
rollup_target(struct queue *q, enum wait_reason *why)
{
    struct mxshare_with with;
    struct queue *to;

    if (!q->s->rolls || q->by_gateway || q->tls ||
        !(q->busy->ready_count || q->busy->loading || rollup_has_due(q)))
        return NULL;
    switch (rollup_find(q, &with)) {
    case MXSHARE_WAIT:
        if (rollup_has_due(q)) /* else nothing would keep the record */
            queue_came_due(
                CONTAINER_OF(heap_first(&q->delayed), struct parcel, in.due));
        *why = WAIT_DNS;
        return NULL;
    case MXSHARE_YES:
        break;
    case MXSHARE_NO:
        return NULL;
    }
    to = queue_shared(q, with.name, with.print, true);
    if (!rollup_may_enter(q, to))
        return NULL;
    if (rollup_of(q)->leads && q->busy->rollup->leads != to)
        rollup_dissolve(q->busy->rollup->leads);
    if (!to->busy->rollup->lead)
        rollup_follow(to, q);
    return to;
}

static bool
rollup_run_home(struct queue *q, enum wait_reason *why, bool *more)
{
    struct queue *to = rollup_target(q, why);

    if (!to)
        rollup_leave_line(q);
    if (!to && q->busy->rollup && !list_empty(&q->busy->rollup->away) &&
        !queue_active(q)) {
        *why = WAIT_ROLLUP;
        return true;
    }
    if (!to)
        return *why == WAIT_DNS;
    suspend_withdraw(q); /* sessions of its own */
    q->parked = to->parked;
    if (q->busy->charges)
        serve_charge(q);
    *more |= rollup_enter(q, to);
    *why = WAIT_ROLLUP;
    return true;
}

/* --- a shared queue --- */

/* All go home, and look anew who shares what.  What is being read follows when
 * it is there. */
static void
rollup_empty(struct queue *q)
{
    struct list *n, *next;

    LIST_FOREACH_SAFE (n, next, &q->busy->ready)
        rollup_come_home(LIST_ENTRY(n, struct active, node));
    suspend_withdraw(q);
    line_wake_all(&q->busy->rollup->line);
}

static void
rollup_dissolve(struct queue *q)
{
    log_info(LOG_QUEUE, "rollup-ended", "domain=%s binding=%s lead=%s",
        q->zone->name, q->binding->name, q->busy->rollup->lead->zone->name);
    rollup_follow(q, NULL);
    queue_drop_record(q);
    rollup_empty(q);
}

static bool
rollup_run_shared(struct queue *q, enum wait_reason *why)
{
    struct rollup *r = q->busy->rollup;
    struct mxshare_with with = {STR_NONE, 0};
    enum mxshare found = MXSHARE_NO;

    if (!queue_active(q) && !rollup_waiting(q))
        return false;
    if (r->lead)
        found = rollup_find(q, &with);
    if (found == MXSHARE_WAIT)
        return false; /* as any queue */
    if (found == MXSHARE_YES && with.print == r->print &&
        str_ieq(with.name, str_of(q->zone->name)))
        return false;
    if (r->lead)
        rollup_dissolve(q);
    else
        rollup_empty(q);
    *why = q->busy->lent ? WAIT_MOVING : WAIT_EMPTY;
    return true;
}

bool
rollup_run(struct queue *q, enum wait_reason *why, bool *more)
{
    return rollup_is_shared(q) ? rollup_run_shared(q, why)
                               : rollup_run_home(q, why, more);
}

void
rollup_wake(struct queue *q)
{
    if (!rollup_is_shared(q))
        return;
    for (int i = 0; i < ROLLUP_WAKES && q->busy->rollup->line.count &&
         (!q->busy->rollup->lead || active_may_read(q));
         i++)
        (void)line_wake(&q->busy->rollup->line);
}

void
rollup_changed(struct queue *q)
{
    struct queue *leads = q->busy->rollup ? q->busy->rollup->leads : NULL;

    if (!leads)
        return;
    review_soon(leads);
    queue_kick(leads);
}

/* --- what befalls those that wait --- */

/* The result of a shared queue becomes that of the first in its line. */
static struct queue *
rollup_tell(struct queue *q, const struct result *why)
{
    struct waiter *w = line_wake(&q->busy->rollup->line);
    struct queue *home = w ? LIMITS_QUEUE(w) : NULL;

    if (!home)
        return NULL;
    result_fini(&said_get(home)->why);
    result_dup(&home->said->why, why);
    return home;
}

bool
rollup_charge(struct queue *q, const struct result *why)
{
    struct queue *home = rollup_is_shared(q) ? rollup_tell(q, why) : NULL;

    if (home)
        busy_get(home)->charges++;
    return home != NULL;
}

bool
rollup_sweep(struct queue *q, const struct result *why)
{
    struct queue *home;

    if (!rollup_is_shared(q))
        return false;
    for (int i = 0; i < SCHED_RUN_MAX; i++) {
        if (!(home = rollup_tell(q, why)))
            return false;
        home->sweep = true;
    }
    return q->busy->rollup->line.count > 0;
}

/* --- explain --- */

bool
rollup_say(struct queue *q, struct buf *to)
{
    struct mxshare_with with;
    struct queue *shared;

    if (q->reason != WAIT_ROLLUP || rollup_find(q, &with) != MXSHARE_YES ||
        !(shared = queue_shared(q, with.name, with.print, false)))
        return false;
    buf_printf(to, "queue %s/%s delivers it (rollup_mx of its MX): %s",
        q->binding->name, shared->zone->name, wait_text(shared->reason));
    return true;
}
