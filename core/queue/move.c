/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/move.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/xmem.h"
#include "queue/active.h"
#include "queue/attempt.h"
#include "queue/busy.h"
#include "queue/choose.h"
#include "queue/queue.h"
#include "queue/rollup.h"
#include "queue/target.h"
#include "base/banned.h"

enum {
    MOVE_AGAIN_MS = 20, /* look whether its last ATTEMPT is written */
    MOVE_AT_ONCE = 16   /* parcels of a queue, in its turn */
};

/* One parcel on its way, or with a session before it can begin. */
struct mover {
    struct spool_load load;
    struct move *move;
    struct parcel *parcel; /* NULL: it is no business of this one any more */
    struct timer timer;
    int64_t due;
    bool reading;
};

struct move *
move_new(struct scheduler *s, enum move_kind kind, struct str to)
{
    struct move *mv = xnew(struct move);

    mv->refs = 1;
    mv->kind = kind;
    mv->s = s;
    mv->to = to.n ? xdupn(to.p, to.n) : NULL;
    list_push(&s->moves, &mv->node);
    return mv;
}

static struct move *
move_ref(struct move *mv)
{
    mv->refs++;
    return mv;
}

static void
move_free(struct move *mv)
{
    list_remove(&mv->node);
    free(mv->to);
    free(mv);
}

void
move_unref(struct move **m)
{
    struct move *mv = *m;

    *m = NULL;
    if (mv && !--mv->refs)
        move_free(mv);
}

/* Those whose ATTEMPTs the spool did not place before its end are left. */
void
move_fini(struct scheduler *s)
{
    struct list *n;

    s->stray = NULL;
    while ((n = list_first(&s->moves)) != NULL)
        move_free(LIST_ENTRY(n, struct move, node));
}

static void
move_ended(struct move **m)
{
    struct move *mv = *m;

    mv->under_way--;
    if (mv->ended)
        mv->ended(mv->arg);
    move_unref(m);
}

/* --- moving --- */

bool
move_would(const struct parcel *p, const struct message *m,
    const struct move *mv, struct buf *where)
{
    for (uint32_t i = 0; i < p->rcpt_count; i++) {
        struct target t;

        target_get(&t, p, m, parcel_rcpt(p)[i], mv);
        if (target_is_here(&t, rollup_home(p)))
            continue;
        buf_printf(
            where, "%.*s/%.*s", STR_ARG(t.binding), STR_ARG(t.to.domain));
        return true;
    }
    return false;
}

/* What its recipients' queues are; they are chained as scheduler.c does. */
struct parting {
    struct mover *mr;
    struct parcel *p;
    const struct message *m;
    struct buf before;           /* target_print() of all of it */
    uint32_t *all, *next, *rcpt; /* all: its recipients, as they were */
    struct goal {
        struct queue *q;
        unsigned told;
    } * goal;
    size_t goals;
};

static void
parting_gather(struct parting *x)
{
    uint32_t n = x->p->rcpt_count;

    x->all = (uint32_t *)(void *)xdupn(parcel_rcpt(x->p), n * sizeof(*x->all));
    x->next = xcalloc(n, sizeof(*x->next));
    x->rcpt = xcalloc(n, sizeof(*x->rcpt));
    x->goal = xcalloc(n, sizeof(*x->goal));
    for (uint32_t i = 0; i < n; i++) {
        struct target t;
        struct queue *q;

        target_get(&t, x->p, x->m, x->all[i], x->mr->move);
        q = queue_at(x->mr->move->s, t.binding, &t.to);
        x->next[i] = UINT32_MAX;
        if (q->gather_head == UINT32_MAX) {
            x->goal[x->goals++] = (struct goal){q, t.told};
            q->gather_head = i;
        } else {
            x->next[q->gather_tail] = i;
        }
        q->gather_tail = i;
    }
}

static void
move_placed(void *arg, uint64_t token, struct spool_place place)
{
    struct move *mv = arg;

    attempt_placed(mv->s, token, place);
    move_ended(&mv);
}

/* The former ATTEMPT speaks for all parts, and one of them takes its place. */
static bool
parting_writes(const struct parting *x, const struct parcel *part)
{
    struct buf after = BUF_INIT;
    bool differs;

    target_print(part, &after);
    differs = !str_eq(buf_get(&x->before), buf_get(&after));
    buf_fini(&after);
    return differs || (x->goals > 1 && x->p->attempt.segment);
}

static void
parting_enter(struct parting *x, struct parcel *part, const struct goal *to)
{
    const struct mover *mr = x->mr;
    struct move *mv = mr->move;

    mv->moved += part->queue != to->q;
    if (part->queue->stray)
        part->queue->binding->strays++;
    part->free_returns = 0;
    part->queue = to->q;
    part->moved = to->told & 3u;
    if (parting_writes(x, part)) {
        mv->under_way++;
        attempt_rewrite(part, x->m, mr->due, mr->load.rcpt, mr->load.rcpt_count,
            move_placed, move_ref(mv));
    }
    queue_add(to->q, part, NULL, mr->due);
}

/* p is LOOSE; what is left of it at the end is the last part. */
static void
parting_part(struct parting *x)
{
    struct scheduler *s = x->mr->move->s;

    for (size_t i = 0; i < x->goals; i++) {
        struct queue *q = x->goal[i].q;
        struct parcel *part = x->p;
        size_t count = 0;

        for (uint32_t r = q->gather_head; r != UINT32_MAX; r = x->next[r])
            x->rcpt[count++] = x->all[r];
        q->gather_head = UINT32_MAX;
        if (i + 1 < x->goals) {
            part = parcel_split(&s->parcels, x->p, x->rcpt, count);
            s->stats.parcels++;
        }
        parting_enter(x, part, &x->goal[i]);
    }
}

static void
move_now(struct mover *mr, struct parcel *p, const struct message *m)
{
    struct parting x = {.mr = mr, .p = p, .m = m};

    target_print(p, &x.before);
    parting_gather(&x);
    parting_part(&x);
    buf_fini(&x.before);
    free(x.all);
    free(x.next);
    free(x.rcpt);
    free(x.goal);
}

/* --- one parcel --- */

static void
mover_free(struct mover *mr)
{
    timer_stop(&mr->timer);
    message_unref(&mr->load.message);
    free(mr->load.rcpt);
    move_unref(&mr->move);
    free(mr);
}

static void
mover_end(struct mover *mr)
{
    struct scheduler *s = mr->move->s;
    struct move *mv = move_ref(mr->move);

    mover_free(mr);
    s->jobs--;
    move_ended(&mv);
    scheduler_check_drained(s);
}

/* It is in no list of its queue. */
static struct parcel *
mover_release(struct mover *mr)
{
    struct parcel *p = mr->parcel;

    p->in.active->mover = NULL;
    queue_remove(p);
    return p;
}

static void
mover_back(struct mover *mr)
{
    struct parcel *p = mover_release(mr);

    queue_add(p->queue, p, NULL, mr->due);
    mover_end(mr);
}

static bool
mover_stops(const struct mover *mr)
{
    return mr->move->stopped || mr->move->s->draining;
}

/* It cannot be read: whoever is going to deliver it says so.  Where its binding
 * has gone nobody is. */
static void
mover_failed(struct mover *mr, const struct err *e)
{
    struct parcel *p = mr->parcel;
    struct queue *q = p->queue;
    struct destination to = queue_destination(q);

    log_warn(LOG_SPOOL, "message-unreadable", "message=%016llx reason=\"%s\"",
        (unsigned long long)p->id, e ? e->text : "");
    if (mr->move->kind == MOVE_STRAY) {
        (void)mover_release(mr);
        q->binding->strays++;
        p->moved &= (unsigned)PARCEL_ROUTED;
        q = queue_at(q->s,
            choose_binding(q->s->generation, STR_NONE, p->id, to.domain), &to);
        queue_kick(p->queue);
        queue_add(q, p, NULL, mr->due);
        mover_end(mr);
        return;
    }
    mr->move->unread++;
    mover_back(mr);
}

static void mover_read(struct mover *mr);

static void
mover_again(void *arg)
{
    struct mover *mr = arg;

    if (!mr->parcel) {
        mover_end(mr);
        return;
    }
    if (mr->parcel->writing && !mover_stops(mr)) {
        timer_start(&mr->timer, MOVE_AGAIN_MS);
        return;
    }
    message_unref(&mr->load.message);
    xfree(&mr->load.rcpt);
    mr->load.rcpt_count = 0;
    mover_read(mr);
}

static void
mover_loaded(struct spool_load *l, int result, const struct err *e)
{
    struct mover *mr = CONTAINER_OF(l, struct mover, load);
    struct parcel *p = mr->parcel;
    struct queue *from;

    mr->reading = false;
    if (!p) {
        mover_end(mr);
    } else if (mover_stops(mr)) {
        mover_back(mr);
    } else if (result < 0) {
        mover_failed(mr, e);
    } else if (p->writing) {
        timer_start(&mr->timer, MOVE_AGAIN_MS);
    } else {
        from = p->queue;
        p->accept = l->accept;
        p->attempt = l->attempt;
        move_now(mr, mover_release(mr), l->message);
        queue_kick(from);
        mover_end(mr);
    }
}

static void
mover_read(struct mover *mr)
{
    struct scheduler *s = mr->move->s;

    mr->reading = true;
    mr->load = (struct spool_load){.id = mr->parcel->id,
        .accept = mr->parcel->accept,
        .attempt = mr->parcel->attempt,
        .home = loop_mailbox(s->loop),
        .done = mover_loaded};
    spool_load(s->spool, &mr->load);
}

static struct mover *
mover_new(struct parcel *p, struct move *mv)
{
    struct mover *mr = xnew(struct mover);

    mr->move = move_ref(mv);
    mr->parcel = p;
    timer_init(&mr->timer, mv->s->loop, mover_again, mr, "move");
    return mr;
}

static void
move_lent(struct parcel *p, struct move *mv)
{
    struct active *a = p->in.active;

    move_forget(&a->mover);
    a->mover = mover_new(p, mv);
    mv->lent++;
    if (p->state == PARCEL_LENT) {
        parcel_enter(p, PARCEL_RECALLING);
        session_recall(a->outlet->session, a->batch, false);
    }
}

/* It counts as one that is being read for delivery. */
static void
move_begin(struct parcel *p, struct move *mv)
{
    struct mover *mr = mover_new(p, mv);

    mr->due = clock_wall();
    if (p->state == PARCEL_DELAYED)
        mr->due = p->in.due.when;
    else if (p->in.active->mover)
        mr->due = p->in.active->mover->due;
    active_begin_load(p, NULL)->mover = mr;
    mv->under_way++;
    mv->s->jobs++;
    mover_read(mr);
}

static bool
move_is_on(const struct parcel *p, const struct move *mv)
{
    const struct mover *mr =
        p->state == PARCEL_DELAYED ? NULL : p->in.active->mover;

    return mr && mr->move == mv;
}

bool
move_parcel(struct parcel *p, struct move *mv)
{
    if (p->state == PARCEL_FAILING)
        return false;
    if (move_is_on(p, mv))
        return true;
    switch (p->state) {
    case PARCEL_DELAYED:
    case PARCEL_READY:
    case PARCEL_LOADING:
        move_begin(p, mv);
        return true;
    case PARCEL_LENT:
    case PARCEL_RECALLING:
        move_lent(p, mv);
        return true;
    default:
        return false;
    }
}

/* --- with a session --- */

static bool
mover_waits(const struct mover *mr)
{
    return !mr->reading && !timer_armed(&mr->timer);
}

void
move_forget(struct mover **m)
{
    struct mover *mr = *m;

    *m = NULL;
    if (!mr)
        return;
    mr->parcel = NULL;
    if (!mover_waits(mr))
        return;
    mr->move->lent--;
    mover_free(mr);
}

struct mover *
move_take(struct parcel *p)
{
    struct mover *mr = p->in.active->mover;

    p->in.active->mover = NULL;
    return mr;
}

static bool
batch_has(const struct batch *b, uint32_t rcpt)
{
    for (uint32_t i = 0; i < b->rcpt_count; i++)
        if (b->rcpt[i] == rcpt)
            return true;
    return false;
}

/* What is left of the batch: it may have been parted, and parts of it may be
 * gone. */
void
move_resume(struct scheduler *s, struct mover **m, const struct batch *b)
{
    struct mover *mr = *m;
    struct parcel *p, *next;

    *m = NULL;
    if (!mr)
        return;
    p = parcel_find(&s->parcels, b->message->id);
    for (; p && !mr->move->stopped && !s->draining; p = next) {
        next = parcel_next(p);
        if ((p->state == PARCEL_DELAYED || p->state == PARCEL_READY) &&
            batch_has(b, parcel_rcpt(p)[0]))
            move_begin(p, mr->move);
    }
    mr->move->lent--;
    mover_free(mr);
}

/* --- whose binding has gone --- */

/* One less is under way, and the next queue may go on. */
static void
stray_ended(void *arg)
{
    struct scheduler *s = arg;

    (void)line_wake(&s->stray_line);
}

static bool
stray_has_room(struct scheduler *s)
{
    if (!s->stray) {
        s->stray = move_new(s, MOVE_STRAY, STR_NONE);
        s->stray->ended = stray_ended;
        s->stray->arg = s;
    }
    return s->stray->under_way < MOVE_UNDER_WAY;
}

/* The next one to go; NULL: none is left but with sessions. */
static struct parcel *
stray_next(struct queue *q)
{
    struct list *n = list_first(&q->busy->ready);
    struct heap_node *first = heap_first(&q->delayed);

    if (n)
        return LIST_ENTRY(n, struct active, node)->parcel;
    return first ? CONTAINER_OF(first, struct parcel, in.due) : NULL;
}

static uint64_t
stray_parcels(const struct bindstate *b)
{
    return b->held.active + b->held.delayed + b->held.lent;
}

void
move_adopt(struct scheduler *s)
{
    struct list *n;

    LIST_FOREACH (n, &s->all_bindings) {
        struct bindstate *b = LIST_ENTRY(n, struct bindstate, node);
        bool gone = !generation_binding_group(s->generation, str_of(b->name)).p;

        if (gone && !b->leaving && stray_parcels(b))
            log_notice(LOG_QUEUE, "binding-gone", "binding=%s parcels=%llu",
                b->name, (unsigned long long)stray_parcels(b));
        b->leaving = gone && (b->leaving || stray_parcels(b));
    }
}

static void
stray_tell(struct bindstate *b)
{
    if (!b->leaving || stray_parcels(b))
        return;
    log_notice(LOG_QUEUE, "binding-emptied", "binding=%s moved=%llu", b->name,
        (unsigned long long)b->strays);
    b->leaving = false;
    b->strays = 0;
}

bool
move_strays(struct queue *q)
{
    struct scheduler *s = q->s;
    struct parcel *p;

    if (q->busy->waiter.in && q->busy->waiter.in != &s->stray_line)
        line_leave(&busy_get(q)->waiter);
    for (int i = 0; (p = stray_next(q)) != NULL; i++) {
        if (i == MOVE_AT_ONCE)
            return true;
        if (!stray_has_room(s)) {
            line_join(&s->stray_line, &busy_get(q)->waiter, false);
            return false;
        }
        move_begin(p, s->stray);
    }
    stray_tell(q->binding);
    return false;
}
