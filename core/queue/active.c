/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/active.h"

#include <stdlib.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/xmem.h"
#include "queue/busy.h"
#include "queue/doom.h"
#include "queue/move.h"
#include "queue/notice.h"
#include "queue/outcome.h"
#include "queue/queue.h"
#include "queue/queue_options.h"
#include "queue/rollup.h"
#include "spool/content.h"
#include "base/banned.h"

enum {
    ACTIVE_A_SESSION = 2,   /* whatever the limits say */
    ACTIVE_LOADS = 64,      /* reads of one queue under way */
    ACTIVE_FORGET = 16,     /* reads until a large one hardly counts */
    ACTIVE_AGAIN_MS = 60000 /* after a read that failed for now */
};

struct active *
active_new(struct parcel *p)
{
    struct active *a = slab_take(&p->queue->s->actives);

    a->parcel = p;
    p->in.active = a;
    return a;
}

/* All that a message takes (it lies in its arena itself), so that the limit in
 * bytes means memory. */
static uint64_t
active_cost(const struct message *m)
{
    uint64_t n = sizeof(struct active) + arena_size(m->arena);

    return m->content ? n + content_resident(m->content) : n;
}

void
active_hold(struct active *a, struct message *m)
{
    struct scheduler *s = a->parcel->queue->s;

    BUG_ON(a->message);
    a->message = message_ref(m);
    if (m->holders++)
        return;
    m->resident = active_cost(m);
    s->resident_messages++;
    s->resident_bytes += m->resident;
}

static void
active_let_go(struct scheduler *s, struct active *a)
{
    struct message *m = a->message;

    if (--m->holders == 0) {
        s->resident_messages--;
        s->resident_bytes -= m->resident;
    }
    message_unref(&a->message);
}

void
active_free(struct parcel *p)
{
    struct active *a = p->in.active;
    struct scheduler *s = p->queue->s;

    p->in.active = NULL;
    list_remove(&a->node);
    doom_unref(&a->doom);
    move_forget(&a->mover);
    xfree(&a->charge);
    if (a->load) {
        a->load->cancelled = true;
        a->load->parcel = NULL;
    }
    if (a->message)
        active_let_go(s, a);
    slab_give(&s->actives, a);
}

/* What a queue may hold when there is no room: enough to keep its sessions
 * busy.  So nothing but the number of sessions adds to the limits, and every
 * queue that gets a session moves.  Without one it needs a message only for the
 * words it greets with. */
static uint64_t
active_least(const struct queue *q)
{
    uint64_t sessions = q->busy->outlet_count - q->busy->opening;

    if (sessions)
        return sessions * ACTIVE_A_SESSION;
    return q->opt->greets_as_sender ? 1 : 0;
}

/* Without a word from the operator max_resident_active_queue matters only once
 * memory is half full: reading back what was just received helps nobody. */
bool
active_has_room(const struct queue *q)
{
    const struct scheduler *s = q->s;
    uint64_t messages = s->resident_messages + s->reading;
    uint64_t bytes = s->resident_bytes + s->reading * s->reading_cost;
    uint64_t held = q->busy->ready_count + q->busy->loading + q->busy->lent;
    int64_t most = q->opt->max_active;
    bool scarce = false;

    if (held < active_least(q))
        return true;
    if (s->tight || q->parked)
        return false;
    if (s->resident_limit > 0) {
        if (messages >= (uint64_t)s->resident_limit)
            return false;
        scarce = messages >= (uint64_t)s->resident_limit / 2;
    }
    if (s->resident_limit_bytes > 0) {
        if (bytes >= (uint64_t)s->resident_limit_bytes)
            return false;
        scarce |= bytes >= (uint64_t)s->resident_limit_bytes / 2;
    }
    if (most < 0 || (!q->opt->strict_active && !scarce))
        return true;
    return held < (uint64_t)most;
}

bool
active_say_full(const struct queue *q, struct buf *to)
{
    const struct scheduler *s = q->s;
    int64_t most = s->resident_limit, bytes = s->resident_limit_bytes;

    if (active_has_room(q) || (q->parked && !s->tight))
        return false;
    if (s->tight)
        buf_cstr(to, "memory_goal is passed");
    else if (most > 0 && s->resident_messages >= (uint64_t)most)
        buf_printf(to, "%llu of max_resident_messages = %lld are in memory",
            (unsigned long long)s->resident_messages, (long long)most);
    else if (bytes > 0 && s->resident_bytes >= (uint64_t)bytes)
        buf_printf(to, "%llu octets of max_resident_bytes = %lld are in use",
            (unsigned long long)s->resident_bytes, (long long)bytes);
    else {
        buf_printf(to, "max_resident_active_queue = %lld of ",
            (long long)q->opt->max_active);
        scope_print_origin(
            q->scope, OPT(queue_options, QUEUE_MAX_RESIDENT_ACTIVE_QUEUE), to);
    }
    return true;
}

bool
active_shed(struct queue *q)
{
    bool held = !q->s->tight && !q->parked;
    uint64_t least = active_least(q);

    for (int n = 0; !held && q->busy->ready_count > least; n++) {
        struct parcel *p =
            LIST_ENTRY(q->busy->ready.prev, struct active, node)->parcel;

        if (n >= SCHED_RUN_MAX)
            return true;
        queue_remove(p);
        queue_delay(p, parcel_received(p)); /* due, and waits for room */
    }
    return false;
}

/* --- reading --- */

static void active_start_load(struct load *l);

static void
active_load_end(struct scheduler *s)
{
    struct list *n;

    s->loads--;
    if (s->loads < SCHED_LOADS_MAX && (n = list_take(&s->load_wait)) != NULL)
        active_start_load(LIST_ENTRY(n, struct load, node));
}

static void
load_free(struct load *l)
{
    message_unref(&l->spool.message);
    free(l->spool.rcpt);
    free(l);
}

static void
active_loaded(struct spool_load *sl, int result, const struct err *e)
{
    struct load *l = CONTAINER_OF(sl, struct load, spool);
    struct scheduler *s = l->s;

    active_load_end(s);
    if (!l->cancelled) {
        l->parcel->accept = sl->accept;
        if (!l->parcel->writing)
            l->parcel->attempt = sl->attempt;
        if (result < 0)
            log_warn(LOG_SPOOL, "message-unreadable",
                "message=%016llx reason=\"%s\"",
                (unsigned long long)l->parcel->id, e ? e->text : "");
        l->done(l, result);
    }
    load_free(l);
    scheduler_check_drained(s);
}

static void
active_start_load(struct load *l)
{
    l->s->loads++;
    spool_load(l->s->spool, &l->spool);
}

struct load *
active_load(struct parcel *p, bool content,
    void (*done)(struct load *l, int result), void *arg)
{
    struct scheduler *s = p->queue->s;
    struct load *l = xnew(struct load);

    l->s = s;
    l->parcel = p;
    l->done = done;
    l->arg = arg;
    l->spool.id = p->id;
    l->spool.accept = p->accept;
    l->spool.attempt = p->attempt;
    l->spool.want_content = content;
    l->spool.home = loop_mailbox(s->loop);
    l->spool.done = active_loaded;
    if (s->loads < SCHED_LOADS_MAX)
        active_start_load(l);
    else
        list_push(&s->load_wait, &l->node);
    return l;
}

/* How much the next one may take: what the largest of late did. */
static void
active_learn_cost(struct scheduler *s, uint64_t cost)
{
    if (cost >= s->reading_cost)
        s->reading_cost = cost;
    else
        s->reading_cost -= (s->reading_cost - cost) / ACTIVE_FORGET;
}

static void
active_came(struct load *l, int result)
{
    struct parcel *p = l->parcel;
    struct queue *q = p->queue;

    p->in.active->load = NULL;
    if (result == 0 && l->spool.message && l->spool.message->content) {
        active_hold(p->in.active, l->spool.message);
        active_learn_cost(q->s, l->spool.message->resident);
        queue_loaded(p);
    } else if (result == ERR_IO || result == ERR_AGAIN) {
        queue_remove(p);
        queue_delay(p, clock_wall() + ACTIVE_AGAIN_MS);
    } else {
        outcome_fail(p, 550, "5.3.0", "[internal] message body missing", false);
    }
    queue_kick(q);
}

struct active *
active_begin_load(struct parcel *p, struct queue *to)
{
    struct queue *home;
    struct active *a;

    queue_remove(p);
    home = p->queue;
    to = to ? to : home;
    parcel_enter(p, PARCEL_LOADING);
    p->queue = to;
    a = active_new(p);
    if (home != to)
        rollup_part(a, home);
    list_push(&to->s->loading, &a->node);
    busy_get(to)->loading++;
    to->s->reading++;
    queue_tally(to, 1, 0, 0);
    return a;
}

struct parcel *
active_next_loading(const struct queue *q, struct parcel *p)
{
    const struct list *all = &q->s->loading;
    struct list *n = p ? &p->in.active->node : &q->s->loading;

    if (!q->busy->loading)
        return NULL;
    for (n = n->next; n != all; n = n->next) {
        struct parcel *next = LIST_ENTRY(n, struct active, node)->parcel;

        if (next->queue == q)
            return next;
    }
    return NULL;
}

static void
active_read(struct parcel *p, struct queue *to)
{
    to->s->read_room -= (int64_t)to->s->reading_cost;
    active_begin_load(p, to)->load = active_load(p, true, active_came, NULL);
}

/* What is asked for comes later, for many queues at once: room is given away
 * when it is asked for. */
bool
active_may_read(const struct queue *q)
{
    uint64_t held = q->busy->ready_count + q->busy->loading + q->busy->lent;

    if (q->busy->loading >= ACTIVE_LOADS || !active_has_room(q))
        return false;
    return q->s->read_room > 0 || held < active_least(q);
}

bool
active_fill(struct queue *q, struct queue *to)
{
    int64_t now = clock_wall();
    struct heap_node *first;

    for (int n = 0; (first = heap_first(&q->delayed)) && first->when <= now;
         n++) {
        struct parcel *p = CONTAINER_OF(first, struct parcel, in.due);

        if (n >= SCHED_RUN_MAX)
            return true;
        if (p->writing) {
            parcel_set_due(&q->delayed, p, now + ACTIVE_WRITING_MS);
        } else if (first->when >= queue_expiry(q, p) &&
            !(p->flags & PARCEL_LAST_TRY)) {
            if (!notice_has_room(q->s)) {
                queue_wake_at(q, loop_now(q->s->loop) + NOTICE_FULL_MS);
                return false;
            }
            outcome_expire(p);
        } else if (!active_may_read(to)) {
            queue_came_due(p);
            return false;
        } else {
            active_read(p, to);
        }
    }
    return false;
}
