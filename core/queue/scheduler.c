/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/scheduler.h"

#include <stdlib.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/magic.h"
#include "base/xmem.h"
#include "queue/active.h"
#include "queue/choose.h"
#include "queue/import.h"
#include "queue/latedsn.h"
#include "queue/limits.h"
#include "queue/maillog.h"
#include "queue/move.h"
#include "queue/outlet.h"
#include "queue/outlettls.h"
#include "queue/overriding.h"
#include "queue/pause.h"
#include "queue/queue.h"
#include "queue/queue_options.h"
#include "queue/review.h"
#include "queue/rollup.h"
#include "queue/settle.h"
#include "queue/target.h"
#include "queue/tlsrpt.h"
#include "queue/walk.h"
#include "queue/zone.h"
#include "route/mxshare.h"
#include "spool/spool_options.h"
#include "route/sts.h"
#include "base/banned.h"

enum {
    SCHED_TURN_US = 1000,
    SCHED_WAKES = 512 /* queues whose time has come, in one turn */
};

/* --- the turn --- */

/* Each queue that was kicked before this turn runs once.  What is kicked while
 * they run, and what there is no time for, has the next turn, after sockets
 * and mail have had theirs. */
static void
scheduler_turn(void *arg)
{
    struct scheduler *s = arg;
    int64_t end = clock_mono_us() + SCHED_TURN_US;
    struct list *last = list_empty(&s->dirty) ? NULL : s->dirty.prev, *n;

    if (s->drained_told) /* the spool may be closed by now */
        return;
    s->turning = true;
    while (last && (n = list_take(&s->dirty)) != NULL) {
        queue_run(LIST_ENTRY(n, struct queue, dirty_node));
        if (n == last || clock_mono_us() >= end)
            break;
    }
    s->turning = false;
    if (!list_empty(&s->dirty))
        timer_start(&s->more_timer, 0);
}

void
scheduler_kick(struct scheduler *s)
{
    if (!s->closing && !s->drained_told && !s->turning &&
        !defer_pending(&s->turn))
        defer_post(s->loop, &s->turn, scheduler_turn, s, "queues");
}

static void
scheduler_more(void *arg)
{
    scheduler_kick(arg);
}

void
scheduler_arm(struct scheduler *s)
{
    struct heap_node *first = heap_first(&s->wakes);

    if (!first || s->closing)
        timer_stop(&s->wake_timer);
    else if (!timer_armed(&s->wake_timer) || s->wake_armed != first->when)
        timer_start_at(&s->wake_timer, first->when);
    s->wake_armed = first ? first->when : 0;
}

static void
scheduler_wake(void *arg)
{
    struct scheduler *s = arg;
    struct heap_node *first;
    int most = SCHED_WAKES;

    while (most-- && (first = heap_first(&s->wakes)) != NULL &&
        first->when <= loop_now(s->loop)) {
        heap_remove(&s->wakes, first);
        queue_kick(CONTAINER_OF(first, struct queue, wake));
    }
    scheduler_arm(s);
}

static void
scheduler_changed(void *arg, struct domain *d)
{
    struct scheduler *s = arg;
    struct zone *z = zone_find(s, domain_name(d));
    struct list *n;

    if (!z)
        return;
    LIST_FOREACH (n, &z->queues) {
        struct queue *q = LIST_ENTRY(n, struct queue, zone_node);

        if (q->busy->record == d) {
            review_soon(q);
            queue_kick(q);
        }
        rollup_changed(q);
    }
}

/* --- what the spool says --- */

static uint32_t
scheduler_seconds(int64_t ms)
{
    int64_t s = ms / 1000;

    return s < 0 ? 0 : (uint32_t)MIN_OF(s, (int64_t)UINT32_MAX);
}

static struct parcel *
scheduler_parcel(struct scheduler *s, uint64_t id, struct spool_place accept,
    const uint32_t *rcpt, size_t count)
{
    struct parcel *p = parcel_new(&s->parcels, id, rcpt, count);

    p->accept = accept;
    s->stats.parcels++;
    return p;
}

/* Chain the recipients of each queue through next[]; the queues that were
 * met are listed in to. */
static size_t
scheduler_gather(struct scheduler *s, const struct message *m, uint32_t *next,
    struct queue **to)
{
    size_t count = 0;

    for (uint32_t i = 0; i < m->env.rcpt_count; i++) {
        struct str domain = m->env.rcpt[i].domain;
        struct queue *q = queue_get(s,
            choose_binding(s->generation, m->env.binding, m->id, domain),
            domain, message_tls(m));

        next[i] = UINT32_MAX;
        if (q->gather_head == UINT32_MAX) {
            to[count++] = q;
            q->gather_head = i;
        } else {
            next[q->gather_tail] = i;
        }
        q->gather_tail = i;
    }
    return count;
}

static void
scheduler_make(struct scheduler *s, struct message *m, struct queue *q,
    const uint32_t *rcpt, size_t count)
{
    struct parcel *p = scheduler_parcel(s, m->id, m->place, rcpt, count);
    int64_t now = clock_wall();

    p->received = scheduler_seconds(MAX_OF(m->env.received, m->env.hold_until));
    p->deadline = scheduler_seconds(m->env.deadline);
    p->only_told = (m->env.by & BY_NOTIFY) != 0;
    if (p->only_told && m->env.deadline <= m->env.received)
        p->only_told = 0, p->deadline = 0; /* it was late when it came */
    queue_add(q, p, m,
        MAX_OF(m->env.hold_until,
            MIN_OF(now, m->env.received > 0 ? m->env.received : now)));
}

static void
scheduler_accepted(void *arg, struct message *m)
{
    struct scheduler *s = arg;
    size_t n = m->env.rcpt_count, queues;
    uint32_t few_next[8], few_rcpt[8], *next = few_next, *rcpt = few_rcpt;
    struct queue *few_to[8], **to = few_to;

    BUG_ON(!n);
    if (import_is_void(s, m->id)) { /* it comes by scheduler_take() */
        message_unref(&m);
        return;
    }
    if (s->drained_told) { /* it is on disk; the next start finds it */
        message_unref(&m);
        return;
    }
    s->stats.messages++;
    if (n > ARRAY_SIZE(few_next)) {
        next = xcalloc(n, sizeof(*next));
        rcpt = xcalloc(n, sizeof(*rcpt));
        to = xcalloc(n, sizeof(struct queue *));
    }
    queues = scheduler_gather(s, m, next, to);
    for (size_t i = 0; i < queues; i++) {
        size_t count = 0;

        for (uint32_t r = to[i]->gather_head; r != UINT32_MAX; r = next[r])
            rcpt[count++] = r;
        to[i]->gather_head = UINT32_MAX;
        to[i]->binding->received += count;
        scheduler_make(s, m, to[i], rcpt, count);
    }
    if (n > ARRAY_SIZE(few_next)) {
        free(next);
        free(rcpt);
        free(to);
    }
    message_unref(&m);
}

static int
scheduler_order(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

/* Those of a recovered message, from `first` on through next[], are one
 * parcel of q. */
static void
scheduler_recover(struct scheduler *s, const struct found *f, uint32_t first,
    const uint32_t *next)
{
    const struct found_parcel *fp = &f->parcel[first];
    unsigned moved;
    struct queue *q = target_found(s, f, fp, &moved);
    uint32_t *rcpt = NULL;
    size_t count = 0;
    struct parcel *p;

    for (uint32_t i = first; i != UINT32_MAX; i = next[i]) {
        const struct found_parcel *one = &f->parcel[i];

        rcpt = xgrow(rcpt, count + one->rcpt_count, sizeof(*rcpt));
        memcpy(rcpt + count, one->rcpt, one->rcpt_count * sizeof(*rcpt));
        count += one->rcpt_count;
    }
    if (next[first] != UINT32_MAX)
        qsort(rcpt, count, sizeof(*rcpt), scheduler_order);
    p = scheduler_parcel(s, f->id, f->accept, rcpt, count);
    free(rcpt);
    p->attempt = fp->attempt;
    p->received = scheduler_seconds(MAX_OF(f->received, f->hold_until));
    p->deadline = scheduler_seconds(f->deadline);
    p->only_told = f->only_told;
    if (p->only_told && f->deadline <= f->received)
        p->only_told = 0, p->deadline = 0;
    p->retries = MIN_OF(fp->retries, (uint32_t)PARCEL_RETRIES_MOST);
    p->moved = moved & 3u;
    p->told = DELAYDSN_UNKNOWN;
    queue_add(q, p, NULL,
        MAX_OF(
            f->hold_until, fp->next_attempt ? fp->next_attempt : f->received));
}

/* Recipients of several domains go to the queue of each; those that met in one
 * and are due together share a parcel again. */
static void
scheduler_sort_found(struct scheduler *s, const struct found *f, uint32_t *next,
    struct queue **to)
{
    size_t queues = 0;

    for (uint32_t i = 0; i < f->parcel_count; i++) {
        const struct found_parcel *fp = &f->parcel[i], *head;
        unsigned moved;
        struct queue *q;

        next[i] = UINT32_MAX;
        if (!fp->rcpt_count)
            continue;
        q = target_found(s, f, fp, &moved);
        if (q->gather_head == UINT32_MAX) {
            to[queues++] = q;
            q->gather_head = q->gather_tail = i;
            continue;
        }
        head = &f->parcel[q->gather_head];
        if (head->next_attempt == fp->next_attempt &&
            head->retries == fp->retries && str_eq(head->moved, fp->moved)) {
            next[q->gather_tail] = i;
            q->gather_tail = i;
        } else {
            scheduler_recover(s, f, i, next);
        }
    }
    for (size_t i = 0; i < queues; i++) {
        scheduler_recover(s, f, to[i]->gather_head, next);
        to[i]->gather_head = UINT32_MAX;
    }
}

void
scheduler_take(struct scheduler *s, const struct found *f)
{
    uint32_t few_next[8], *next = few_next;
    struct queue *few_to[8], **to = few_to;
    size_t n = f->parcel_count;

    if (s->drained_told || !n || parcel_find(&s->parcels, f->id))
        return;
    if (n > ARRAY_SIZE(few_next)) {
        next = xcalloc(n, sizeof(*next));
        to = xcalloc(n, sizeof(struct queue *));
    }
    s->stats.messages++;
    scheduler_sort_found(s, f, next, to);
    if (n > ARRAY_SIZE(few_next)) {
        free(next);
        free(to);
    }
}

static void
scheduler_found(void *arg, const struct found *f)
{
    struct scheduler *s = arg;

    if (!import_is_void(s, f->id))
        scheduler_take(s, f);
    else if (!s->drained_told)
        import_drop(s, f);
}

static void
scheduler_recovered(void *arg, uint64_t messages, uint64_t damaged)
{
    struct scheduler *s = arg;

    s->stats.recovering = false;
    if (!s->drained_told) { /* else the spool may be closed by now */
        resolver_recovered(s->resolver);
        delaydsn_recovered(s);
        import_recovered(s);
    }
    (void)messages; /* the spool has logged both */
    (void)damaged;
}

static void
scheduler_alarm(void *arg, const char *why, bool pause)
{
    pause_alarm(arg, pause ? why : NULL);
}

/* --- life --- */

static void
scheduler_read_options(struct scheduler *s)
{
    const struct scope *g = generation_global(s->generation);

    s->resident_limit =
        scope_int(g, OPT(queue_options, QUEUE_MAX_RESIDENT_MESSAGES));
    s->resident_limit_bytes =
        scope_int(g, OPT(spool_options, SPOOL_MAX_RESIDENT_BYTES));
    s->default_suspended =
        scope_int(g, OPT(queue_options, QUEUE_DEFAULT_BINDING)) ==
        QUEUE_DEFAULT_SUSPENDED;
    s->rolls = mxshare_is_configured(s->generation);
    limits_adopt(s);
}

static void scheduler_drain_now(void *arg);

static void
scheduler_init_lists(struct scheduler *s)
{
    list_init(&s->all_queues);
    list_init(&s->all_bindings);
    list_init(&s->all_idle);
    list_init(&s->all_outlets);
    list_init(&s->dirty);
    list_init(&s->load_wait);
    list_init(&s->loading);
    list_init(&s->lates);
    s->reading_cost = SCHED_READ_COST;
    s->read_room = INT64_MAX;
    list_init(&s->cursors);
    list_init(&s->moves);
    line_init(&s->stray_line, limits_wake);
    parcels_init(&s->parcels);
    slab_init(&s->actives, sizeof(struct active));
    queue_init(s);
    timer_init(&s->wake_timer, s->loop, scheduler_wake, s, "queue times");
    timer_init(&s->more_timer, s->loop, scheduler_more, s, "more queues");
    timer_init(&s->drain_timer, s->loop, scheduler_drain_now, s, "drain");
    pause_init(s);
    settle_init(s);
    import_init(s);
}

static void
scheduler_idle(void *arg)
{
    scheduler_check_drained(arg);
}

/* No session tells of that: a report does (RFC 8460 4.3.2.2).  One try that
 * failed counts as one session: how many the policy would have been for nobody
 * knows. */
static void
scheduler_policy_failed(
    void *arg, struct str domain, enum tls_reason why, const char *text)
{
    struct scheduler *s = arg;
    struct tlstally_failure f = {
        .result = str_of(tlsreason_name(why)), .code = str_of(text)};
    struct tlsrpt_session is = {
        .scope = generation_scope(s->generation, STR("default"), domain),
        .domain = domain,
        .policy = {.type = STR("sts"), .domain = domain},
        .failure = &f};

    CHECK(s, SCHEDULER_MAGIC);
    tlsrpt_count(s->tlsrpt, &is);
}

static void
scheduler_open_tlsrpt(struct scheduler *s, const struct scheduler_config *c)
{
    struct tlsrpt_config config = {.loop = c->loop,
        .spool = c->spool,
        .dns = c->dns,
        .fetcher = c->fetcher,
        .generation = s->generation,
        .idle = scheduler_idle,
        .idle_arg = s};

    s->tlsrpt = tlsrpt_new(&config);
    tlsrpt_recover(s->tlsrpt);
}

struct tlsrpt *
scheduler_tlsrpt(const struct scheduler *s)
{
    return s->tlsrpt;
}

struct scheduler *
scheduler_new(const struct scheduler_config *c)
{
    struct scheduler *s = xnew(struct scheduler);
    struct resolver_events ev = {.arg = s,
        .changed = scheduler_changed,
        .wake = limits_wake,
        .policy_failed = scheduler_policy_failed};

    s->magic = SCHEDULER_MAGIC;
    s->loop = c->loop;
    s->io = c->io;
    s->io_count = c->io_count;
    s->io_sessions = xcalloc(MAX_OF(c->io_count, 1u), sizeof(uint64_t));
    s->spool = c->spool;
    s->dns = c->dns;
    s->generation = generation_ref(c->generation);
    s->spool_events = (struct spool_events){.scheduler = loop_mailbox(c->loop),
        .arg = s,
        .accepted = scheduler_accepted,
        .found = scheduler_found,
        .recovered = scheduler_recovered,
        .alarm = scheduler_alarm};
    scheduler_init_lists(s);
    limits_init(s);
    s->resolver = resolver_new(c->loop, c->dns, &ev);
    resolver_set_sts(s->resolver, c->sts);
    s->stats.started_at = s->stats.reset_at = clock_wall();
    s->stats.recovering = true;
    delaydsn_open(s);
    s->overriding.remake = c->remake;
    s->overriding.remake_arg = c->remake_arg;
    overriding_init(s);
    scheduler_read_options(s);
    scheduler_open_tlsrpt(s, c);
    return s;
}

const struct spool_events *
scheduler_spool_events(struct scheduler *s)
{
    CHECK(s, SCHEDULER_MAGIC);
    return &s->spool_events;
}

/* All at first leave each other alone: mail may be away from its home. */
static void
scheduler_free_queues(struct scheduler *s)
{
    struct list *qn, *n;

    LIST_FOREACH (qn, &s->all_queues) {
        struct queue *q = LIST_ENTRY(qn, struct queue, node);

        rollup_end(q);
        while ((n = list_first(&q->busy->ready)) != NULL)
            queue_remove(LIST_ENTRY(n, struct active, node)->parcel);
    }
    while ((qn = list_first(&s->all_queues)) != NULL) {
        struct queue *q = LIST_ENTRY(qn, struct queue, node);

        queue_free(&q);
    }
}

void
scheduler_free(struct scheduler **sp)
{
    struct scheduler *s = *sp;
    struct carrier *c;
    size_t at;

    *sp = NULL;
    if (!s)
        return;
    CHECK(s, SCHEDULER_MAGIC);
    BUG_ON(s->server.used);
    s->closing = true;
    defer_cancel(&s->turn);
    defer_cancel(&s->drain_defer);
    timer_stop(&s->wake_timer);
    timer_stop(&s->more_timer);
    timer_stop(&s->drain_timer);
    timer_stop(&s->pause.timer);
    timer_stop(&s->delay_timer);
    overriding_stop(s);
    tlsrpt_free(&s->tlsrpt);
    settle_fini(s);
    latedsn_fini(s);
    import_fini(s);
    scheduler_free_queues(s);
    MAP_FOREACH (c, &s->carriers, at) {
        free(c->method);
        free(c);
    }
    map_fini(&s->carriers);
    queue_fini(s);
    map_fini(&s->values);
    map_fini(&s->idle);
    limits_fini(s);
    move_fini(s);
    parcels_fini(&s->parcels);
    slab_fini(&s->actives);
    heap_fini(&s->wakes);
    resolver_free(&s->resolver);
    overriding_fini(s);
    generation_unref(&s->generation);
    buf_fini(&s->scratch);
    free(s->io_sessions);
    s->magic = 0;
    free(s);
}

static enum job_step
scheduler_visit(void *arg, struct list *n, bool fresh)
{
    struct queue *q = LIST_ENTRY(n, struct queue, node);

    (void)arg;
    (void)fresh;
    if (queue_parcels(q) || !list_empty(&q->busy->outlets) || rollup_is_used(q))
        queue_kick(q);
    return JOB_DONE;
}

void
scheduler_kick_all(struct scheduler *s, const char *why)
{
    walk_start(s,
        &(struct walk_request){.name = why,
            .head = &s->all_queues,
            .total = s->stats.queues,
            .visit = scheduler_visit});
}

void
scheduler_prepare(struct scheduler *s, struct generation *g)
{
    CHECK(s, SCHEDULER_MAGIC);
    overriding_install(s, g);
}

void
scheduler_adopt(struct scheduler *s, struct generation *g)
{
    struct generation *was = s->generation;

    CHECK(s, SCHEDULER_MAGIC);
    s->generation = generation_ref(g);
    generation_unref(&was);
    resolver_adopt(s->resolver, g);
    tlsrpt_adopt(s->tlsrpt, g);
    overriding_install(s, g); /* nothing, if scheduler_prepare() was called */
    scheduler_read_options(s);
    move_adopt(s);
    /* Each compares numbers when it runs; those that are held back by an
     * option would not run otherwise. */
    scheduler_kick_all(s, "adopt options");
}

void
scheduler_set_listeners(
    struct scheduler *s, const struct netaddr *at, size_t count)
{
    CHECK(s, SCHEDULER_MAGIC);
    resolver_set_self(s->resolver, at, count);
}

void
scheduler_set_tight(struct scheduler *s, bool tight)
{
    CHECK(s, SCHEDULER_MAGIC);
    s->tight = tight;
    scheduler_kick_all(s, tight ? "shed memory" : "use memory");
}

void
scheduler_set_room(struct scheduler *s, int64_t bytes)
{
    CHECK(s, SCHEDULER_MAGIC);
    s->read_room = bytes;
}

uint64_t
scheduler_read_bytes(const struct scheduler *s)
{
    CHECK(s, SCHEDULER_MAGIC);
    return s->reading * s->reading_cost;
}

/* --- stopping --- */

static void
scheduler_tell_drained(void *arg)
{
    struct scheduler *s = arg;

    timer_stop(&s->drain_timer);
    if (s->drained)
        s->drained(s->drained_arg);
}

void
scheduler_check_drained(struct scheduler *s)
{
    if (!s->draining || s->drained_told || s->server.used || s->loads ||
        s->notices || s->jobs || tlsrpt_is_busy(s->tlsrpt))
        return;
    s->drained_told = true;
    defer_post(s->loop, &s->drain_defer, scheduler_tell_drained, s, "drained");
}

static void
scheduler_recall_all(struct scheduler *s, bool now)
{
    struct list *qn, *n, *tmp;

    LIST_FOREACH (qn, &s->all_queues) {
        struct queue *q = LIST_ENTRY(qn, struct queue, node);

        LIST_FOREACH_SAFE (n, tmp, &q->busy->outlets) {
            struct outlet *o = LIST_ENTRY(n, struct outlet, node);

            outlet_recall(o, now);
            if (now || !o->lent_count || o->state == OUTLET_OPENING)
                outlet_close(o, now);
            else
                o->draining = true;
        }
    }
}

static void
scheduler_drain_now(void *arg)
{
    scheduler_recall_all(arg, true);
}

void
scheduler_drain(struct scheduler *s, int64_t deadline_ms,
    void (*drained)(void *arg), void *arg)
{
    CHECK(s, SCHEDULER_MAGIC);
    s->drained = drained;
    s->drained_arg = arg;
    s->draining = true;
    delaydsn_stop(s);
    overriding_stop(s);
    tlsrpt_stop(s->tlsrpt);
    scheduler_recall_all(s, deadline_ms <= 0);
    if (deadline_ms > 0)
        timer_start(&s->drain_timer, deadline_ms);
    scheduler_check_drained(s);
}

/* --- numbers --- */

void
scheduler_get_stats(const struct scheduler *s, struct scheduler_stats *st)
{
    *st = s->stats;
    st->active = s->held.active;
    st->delayed = s->held.delayed;
    st->lent = s->held.lent;
    st->domains = s->zones.count;
    st->sessions = s->server.used;
    st->resident_bytes = s->resident_bytes;
    st->resident_messages = s->resident_messages;
    st->overrides = overrides_count(s->overriding.all);
    st->draining = s->draining;
    st->paused = s->pause.alarm[0] || s->pause.behind;
    st->tight = s->tight;
}

bool
scheduler_is_drained(const struct scheduler *s)
{
    return s->drained_told;
}

void
scheduler_reset_stats(struct scheduler *s)
{
    struct scheduler_stats *st = &s->stats;

    st->delivered = st->failed = st->transient = 0;
    st->uncertain = st->bounced = st->expired = 0;
    st->reset_at = clock_wall();
}
