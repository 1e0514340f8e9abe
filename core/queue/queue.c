/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/queue.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/magic.h"
#include "base/sum.h"
#include "base/xmem.h"
#include "queue/active.h"
#include "queue/age.h"
#include "conf/override.h"
#include "queue/busy.h"
#include "queue/limits.h"
#include "queue/move.h"
#include "queue/queue_options.h"
#include "queue/review.h"
#include "queue/rollup.h"
#include "queue/said.h"
#include "queue/serve.h"
#include "queue/suspend.h"
#include "queue/throttle.h"
#include "queue/zone.h"
#include "route/binding.h"
#include "route/fit.h"
#include "base/banned.h"

enum {
    PARK_MS = 10000 /* a wait that is long */
};

/* --- making and freeing --- */

static uint64_t
queue_mix(
    const struct zone *z, const struct bindstate *b, int method, unsigned port)
{
    uint64_t hash = chains_mix((uintptr_t)z, (uintptr_t)b);

    return chains_mix(hash, (uint64_t)method << 16 | port);
}

static uint64_t
queue_hash(const struct chain *c)
{
    const struct queue *q = CONTAINER_OF(c, const struct queue, chain);

    return queue_mix(q->zone, q->binding, q->method, q->port) +
        (rollup_is_shared(q) ? q->busy->rollup->print : 0);
}

/* There may be hundreds of thousands: what lives that long has memory of its
 * own, so that what comes and goes with each delivery leaves no holes. */
void
queue_init(struct scheduler *s)
{
    slab_init(&s->queue_slab, sizeof(struct queue));
    busy_init(s);
    bins_init(&s->bins);
    chains_init(&s->queues, 1, queue_hash);
    zone_init(s);
}

void
queue_fini(struct scheduler *s)
{
    zone_fini(s);
    chains_fini(&s->queues);
    bins_fini(&s->bins);
    busy_fini(s);
    slab_fini(&s->queue_slab);
}

static struct carrier *
carrier_get(struct scheduler *s, int method)
{
    const char *name = method_name(method);
    struct carrier *c = map_find(&s->carriers, str_of(name));

    if (c)
        return c;
    c = xnew(struct carrier);
    c->method = xdup(name);
    (void)map_put(&s->carriers, str_of(c->method), c);
    return c;
}

void
queue_adopt(struct queue *q)
{
    struct scheduler *s = q->s;
    const struct scope *scope = generation_scope(
        s->generation, str_of(q->binding->name), str_of(q->zone->name));

    q->overrides = generation_overrides(s->generation);
    if (scope == q->scope && q->generation == s->generation)
        return; /* none of them is about this queue */
    queue_values_put(&s->values, &q->opt);
    if (q->generation)
        generation_unref(&q->generation);
    q->generation = generation_ref(s->generation);
    q->scope = scope;
    q->stray =
        !generation_binding_group(q->generation, str_of(q->binding->name)).p;
    q->opt = queue_values_get(&s->values, q->generation, scope);
    q->misfit = !rollup_is_shared(q) &&
        !fit_routes(q->generation, str_of(q->zone->name), q->method,
            q->by_gateway, NULL);
    review_soon(q);
    if (q->expire_at) /* by other rules */
        q->expire_at = loop_now(s->loop);
    delaydsn_adopt(q);
    limits_adopt_queue(q, false);
    q->messages = throttle_get(
        s, scope, OPT(queue_options, QUEUE_OUTBOUND_THROTTLE_MESSAGES));
    q->connections = throttle_get(
        s, scope, OPT(queue_options, QUEUE_OUTBOUND_THROTTLE_CONNECTIONS));
}

static bool
queue_is(const struct queue *q, const struct zone *z, const struct bindstate *b,
    const struct destination *d)
{
    return q->zone == z && q->binding == b && q->method == d->method &&
        q->port == d->port && q->by_gateway == d->by_gateway &&
        (!d->by_gateway || q->gateway_port == d->gateway_port) &&
        q->tls == d->tls;
}

static struct queue *
queue_find(struct scheduler *s, const struct zone *z, const struct bindstate *b,
    const struct destination *d, const uint64_t *print)
{
    struct chain *c = chains_find(
        &s->queues, queue_mix(z, b, d->method, d->port) + (print ? *print : 0));

    for (; c; c = c->next) {
        struct queue *q = CONTAINER_OF(c, struct queue, chain);

        if (queue_is(q, z, b, d) && rollup_is_of(q, print))
            return q;
    }
    return NULL;
}

static struct queue *
queue_new(struct scheduler *s, struct zone *z, struct bindstate *b,
    const struct destination *d, struct rollup *rollup)
{
    struct queue *q = slab_take(&s->queue_slab);

    q->magic = QUEUE_MAGIC;
    q->s = s;
    q->method = d->method;
    q->port = d->port;
    q->gateway_port = d->gateway_port;
    q->by_gateway = d->by_gateway;
    q->tls = d->tls & 3u;
    q->zone = z;
    q->binding = b;
    q->carrier = carrier_get(s, d->method);
    q->gather_head = UINT32_MAX;
    heap_init(&q->delayed, &s->bins);
    busy_begin(q);
    if (rollup)
        busy_get(q)->rollup = rollup;
    limits_pair(q);
    list_push(&s->all_queues, &q->node);
    list_push(&q->zone->queues, &q->zone_node);
    chains_add(&s->queues, &q->chain);
    queue_adopt(q);
    queue_set_reason(q, WAIT_EMPTY, 0);
    s->stats.queues++;
    return q;
}

struct queue *
queue_at(struct scheduler *s, struct str binding, const struct destination *d)
{
    struct bindstate *b = limits_binding(s, binding);
    struct zone *z = zone_get(s, d->domain);
    struct queue *q = queue_find(s, z, b, d, NULL);

    return q ? q : queue_new(s, z, b, d, NULL);
}

struct queue *
queue_get(struct scheduler *s, struct str binding, struct str domain,
    enum message_tls tls)
{
    struct destination d;

    resolve_destination(s->generation, binding, domain, &d);
    d.tls = (uint8_t)tls;
    return queue_at(s, binding, &d);
}

struct queue *
queue_shared(struct queue *home, struct str name, uint64_t print, bool make)
{
    struct destination d = {
        .domain = name, .method = home->method, .port = home->port};
    struct scheduler *s = home->s;
    struct zone *z = make ? zone_get(s, name) : zone_find(s, name);
    struct queue *q = z ? queue_find(s, z, home->binding, &d, &print) : NULL;

    return q || !make ? q
                      : queue_new(s, z, home->binding, &d, rollup_new(print));
}

/* A shared queue goes by its lead's. */
struct destination
queue_destination(const struct queue *q)
{
    const struct queue *lead = rollup_lead(q);

    return (struct destination){.domain = str_of((lead ? lead : q)->zone->name),
        .method = q->method,
        .port = q->port,
        .gateway_port = q->gateway_port,
        .by_gateway = q->by_gateway,
        .tls = (uint8_t)q->tls};
}

struct domain *
queue_record(struct queue *q)
{
    struct destination d = queue_destination(q);

    if (!q->busy->record)
        busy_get(q)->record = domain_get(q->s->resolver, &d);
    return q->busy->record;
}

void
queue_drop_record(struct queue *q)
{
    if (q->busy->record)
        domain_unref(&busy_get(q)->record);
}

void
queue_free(struct queue **qp)
{
    struct queue *q = *qp;
    struct scheduler *s = q->s;

    *qp = NULL;
    CHECK(q, QUEUE_MAGIC);
    BUG_ON(!list_empty(&q->busy->outlets) || !list_empty(&q->busy->ready));
    chains_remove(&s->queues, &q->chain);
    cursor_leave(&s->cursors, &q->node);
    list_remove(&q->node);
    cursor_leave(&s->cursors, &q->zone_node);
    list_remove(&q->zone_node);
    list_remove(&q->dirty_node);
    if (q->busy->waiter.in)
        line_leave(&busy_get(q)->waiter);
    limits_pass_on(q);
    limits_adopt_queue(q, true);
    limits_unpair(q);
    rollup_free(q);
    heap_remove(&s->wakes, &q->wake);
    zone_drop(s, q->zone);
    queue_drop_record(q);
    queue_values_put(&s->values, &q->opt);
    generation_unref(&q->generation);
    heap_fini(&q->delayed);
    busy_end(q);
    said_end(q);
    s->stats.queues--;
    q->magic = 0;
    slab_give(&s->queue_slab, q);
}

uint64_t
queue_active(const struct queue *q)
{
    return q->busy->ready_count + q->busy->loading + q->busy->lent +
        q->overflow;
}

uint64_t
queue_delayed(const struct queue *q)
{
    return q->delayed.count - q->overflow;
}

uint64_t
queue_parcels(const struct queue *q)
{
    return queue_active(q) + queue_delayed(q) + q->failing;
}

static void
tally_add(struct tally *t, int active, int delayed, int lent)
{
    t->active += (uint64_t)(int64_t)active;
    t->delayed += (uint64_t)(int64_t)delayed;
    t->lent += (uint64_t)(int64_t)lent;
}

void
queue_tally(struct queue *q, int active, int delayed, int lent)
{
    tally_add(&q->s->held, active, delayed, lent);
    tally_add(&q->binding->held, active, delayed, lent);
}

/* --- when it runs --- */

void
queue_kick(struct queue *q)
{
    if (list_linked(&q->dirty_node))
        return;
    list_push(&q->s->dirty, &q->dirty_node);
    scheduler_kick(q->s);
}

void
queue_wake_at(struct queue *q, int64_t mono)
{
    if (q->wake.index && q->wake.when <= mono)
        return;
    heap_set(&q->s->wakes, &q->wake, mono);
    scheduler_arm(q->s);
}

int64_t
queue_wall_to_mono(const struct scheduler *s, int64_t wall)
{
    int64_t now = loop_now(s->loop), wait = wall - clock_wall(), at;

    return sum_add(now, MAX_OF(wait, 0), &at) ? at : INT64_MAX;
}

void
queue_set_reason(struct queue *q, enum wait_reason r, int64_t until)
{
    if (q->reason != r || !q->since)
        q->since = loop_now(q->s->loop);
    q->reason = r;
    q->until = until;
}

/* --- parcels in and out --- */

int64_t
queue_expiry(const struct queue *q, const struct parcel *p)
{
    int64_t at = retry_expiry(&q->opt->retry, parcel_received(p));

    if (p->deadline && !p->only_told)
        at = MIN_OF(at, (int64_t)p->deadline * 1000);
    return at;
}

/* Somebody has to look for it when it is too old, should the heap not. */
static void
queue_watch_age(struct queue *q, const struct parcel *p)
{
    int64_t at;

    if (p->flags & PARCEL_LAST_TRY) /* it may be as old as it likes */
        return;
    at = queue_wall_to_mono(q->s, queue_expiry(q, p));
    if (!q->expire_at || at < q->expire_at)
        q->expire_at = at;
    queue_wake_at(q, q->expire_at);
}

static void
queue_into_heap(struct queue *q, struct parcel *p, int64_t due, bool for_room)
{
    parcel_enter(p, PARCEL_DELAYED);
    p->in.due = (struct heap_node){0};
    if (for_room) {
        p->flags |= PARCEL_DUE;
        q->overflow++;
        queue_tally(q, 1, 0, 0);
        queue_watch_age(q, p);
    } else {
        due = MIN_OF(due, queue_expiry(q, p));
        queue_tally(q, 0, 1, 0);
    }
    parcel_set_due(&q->delayed, p, due);
    delaydsn_watch(q, p);
}

void
queue_came_due(struct parcel *p)
{
    if (p->flags & PARCEL_DUE)
        return;
    p->flags |= PARCEL_DUE;
    p->queue->overflow++;
    queue_tally(p->queue, 1, -1, 0);
    queue_watch_age(p->queue, p);
}

static void
queue_stand(struct queue *q, struct parcel *p, struct list *behind)
{
    list_insert_after(behind, &p->in.active->node);
    busy_get(q)->ready_count++;
    queue_tally(q, 1, 0, 0);
    queue_watch_age(q, p);
    delaydsn_watch(q, p);
}

static void
queue_into_ready(struct queue *q, struct parcel *p, struct list *behind)
{
    parcel_enter(p, PARCEL_READY);
    queue_stand(q, p, behind);
}

/* What a session gives back comes one by one, the oldest first. */
static struct list *
queue_place(struct queue *q, const struct parcel *p)
{
    struct list *head = &busy_get(q)->ready, *at = head;

    for (int i = 0; i < SCHED_RUN_MAX && at->next != head &&
         LIST_ENTRY(at->next, struct active, node)->parcel->id < p->id;
         i++)
        at = at->next;
    return at;
}

void
queue_take_ready(struct queue *q, struct parcel *p)
{
    struct list *last = busy_get(q)->ready.prev;

    if (last != &q->busy->ready &&
        LIST_ENTRY(last, struct active, node)->parcel->id > p->id)
        last = queue_place(q, p);
    queue_stand(q, p, last);
}

void
queue_add(struct queue *q, struct parcel *p, struct message *m, int64_t due)
{
    bool now = due <= clock_wall();

    p->queue = q;
    if (now && m && m->content && active_has_room(q)) {
        active_hold(active_new(p), m);
        queue_into_ready(q, p, busy_get(q)->ready.prev);
    } else {
        queue_into_heap(q, p, due, now);
    }
    queue_kick(q);
}

void
queue_loaded(struct parcel *p)
{
    busy_get(p->queue)->loading--;
    p->queue->s->reading--;
    list_remove(&p->in.active->node);
    queue_tally(p->queue, -1, 0, 0);
    queue_into_ready(p->queue, p, busy_get(p->queue)->ready.prev);
    queue_kick(p->queue);
}

void
queue_put_back(struct parcel *p)
{
    queue_into_ready(p->queue, p, queue_place(p->queue, p));
    queue_kick(p->queue);
}

void
queue_delay(struct parcel *p, int64_t due)
{
    struct queue *q = p->queue;
    bool now = due <= clock_wall();

    queue_into_heap(q, p, due, now);
    queue_wake_at(q, queue_wall_to_mono(q->s, p->in.due.when));
    if (now)
        queue_kick(q);
}

void
queue_reschedule(struct parcel *p, int64_t due)
{
    struct queue *q = p->queue;

    BUG_ON(p->state != PARCEL_DELAYED);
    parcel_set_due(&q->delayed, p, due);
    queue_kick(q);
}

static void
queue_pass(struct queue *q, struct list **at, const struct list *n)
{
    if (*at == n)
        *at = n->next == &q->busy->ready ? NULL : n->next;
}

void
queue_leave_ready(struct queue *q, struct active *a)
{
    queue_pass(q, &busy_get(q)->scan_ready, &a->node);
    queue_pass(q, &busy_get(q)->delay_ready, &a->node);
    list_remove(&a->node);
    busy_get(q)->ready_count--;
}

void
queue_remove(struct parcel *p)
{
    struct queue *q = p->queue;

    switch (p->state) {
    case PARCEL_DELAYED:
        parcel_clear_due(&q->delayed, p);
        p->in.active = NULL;
        if (p->flags & PARCEL_DUE) {
            q->overflow--;
            queue_tally(q, -1, 0, 0);
        } else {
            queue_tally(q, 0, -1, 0);
        }
        p->flags &= 7u & ~(unsigned)PARCEL_DUE;
        break;
    case PARCEL_LOADING:
        busy_get(q)->loading--;
        q->s->reading--;
        queue_tally(q, -1, 0, 0);
        break;
    case PARCEL_READY:
        queue_leave_ready(q, p->in.active);
        queue_tally(q, -1, 0, 0);
        break;
    case PARCEL_LENT:
    case PARCEL_RECALLING:
    case PARCEL_BEGUN:
        busy_get(q)->lent--;
        queue_tally(q, 0, 0, -1);
        break;
    case PARCEL_FAILING:
        q->failing--;
        break;
    default:
        return;
    }
    if (p->in.active) {
        struct queue *home = rollup_leave(p->in.active);

        active_free(p);
        p->queue = home ? home : q;
    }
    parcel_enter(p, PARCEL_LOOSE);
}

/* --- the run --- */

/* Nothing leaves the heap of a queue that may not deliver, but what is too old
 * comes first there. */
static void
queue_watch_blocked(struct queue *q, const struct parcel *p, int64_t now)
{
    int64_t at = now + SCHED_RETRY_MS;

    if (q->scanning || (p->flags & PARCEL_LAST_TRY) ||
        queue_expiry(q, p) > clock_wall())
        return;
    if (!q->expire_at || at < q->expire_at)
        q->expire_at = at;
}

static bool
queue_is_idle(const struct queue *q)
{
    return !queue_parcels(q) && list_empty(&q->busy->outlets) &&
        !rollup_is_used(q);
}

/* An empty queue stays for the next message, unless memory is short or no
 * message can come. */
static int64_t
queue_linger(const struct queue *q)
{
    return q->s->tight || q->stray ? 0 : SCHED_LINGER_MS;
}

/* A throttle wakes those that wait for it. */
static bool
queue_waits_in_line(const struct queue *q)
{
    return q->reason == WAIT_MESSAGE_THROTTLE ||
        q->reason == WAIT_CONNECTION_THROTTLE;
}

static void
queue_set_wake(struct queue *q, bool blocked)
{
    int64_t at = q->until && !queue_waits_in_line(q) ? q->until : INT64_MAX;
    struct heap_node *first = heap_first(&q->delayed);
    int64_t now = loop_now(q->s->loop);

    if (q->expire_at)
        at = MIN_OF(at, q->expire_at);
    if (q->delay_at)
        at = MIN_OF(at, q->delay_at);
    if (first && first->when > clock_wall())
        at = MIN_OF(at, queue_wall_to_mono(q->s, first->when));
    else if (first && blocked) {
        at = MIN_OF(at, now + SCHED_RETRY_MS);
        queue_watch_blocked(q, CONTAINER_OF(first, struct parcel, in.due), now);
    }
    if (queue_is_idle(q))
        at = MIN_OF(at, q->since + queue_linger(q));
    else if (rollup_is_used(q)) /* it is not told when that ends */
        at = MIN_OF(at, now + SCHED_LINGER_MS);
    if (at != INT64_MAX)
        queue_wake_at(q, MAX_OF(at, now + 1));
}

static bool
queue_has_gone_stale(const struct queue *q)
{
    return queue_is_idle(q) && q->reason == WAIT_EMPTY &&
        !q->busy->delay_loads &&
        loop_now(q->s->loop) >= q->since + queue_linger(q);
}

static bool
queue_waits_long(const struct queue *q)
{
    switch (q->reason) {
    case WAIT_SUSPENDED:
    case WAIT_MODULE:
    case WAIT_MISFIT:
        return true;
    case WAIT_ROUTE_HELD:
    case WAIT_HOSTS_DOWN:
    case WAIT_MESSAGE_THROTTLE:
    case WAIT_CONNECTION_THROTTLE:
        return q->until - loop_now(q->s->loop) >= PARK_MS;
    default:
        return false;
    }
}

/* A queue that waits long keeps no content; not before it has a session again
 * does it read ahead.  true: there is content to give up. */
static bool
queue_park(struct queue *q)
{
    if (queue_waits_long(q))
        q->parked = true;
    else if (q->busy->outlet_count > q->busy->opening)
        q->parked = false;
    return q->parked && active_shed(q);
}

void
queue_run(struct queue *q)
{
    struct scheduler *s = q->s;
    enum wait_reason why;
    int64_t until = 0;
    bool more, blocked;

    CHECK(q, QUEUE_MAGIC);
    s->runs++;
    heap_remove(&s->wakes, &q->wake);
    if (queue_has_gone_stale(q)) {
        queue_free(&q);
        return;
    }
    if (generation_number(q->generation) != generation_number(s->generation) ||
        q->overrides != generation_overrides(s->generation)) {
        queue_adopt(q);
        suspend_surplus(q);
    }
    more = active_shed(q);
    why = suspend_reason(q, &until);
    if (why == WAIT_STORING) { /* it is run when that is over */
        serve_rest(q);
        queue_set_reason(q, queue_parcels(q) ? why : WAIT_EMPTY, 0);
        if (!queue_parcels(q) && list_empty(&q->busy->outlets))
            queue_wake_at(q, q->since + SCHED_LINGER_MS);
        if (more)
            queue_kick(q);
        return;
    }
    if (why == WAIT_SUSPENDED || why == WAIT_BLACKHOLE || why == WAIT_STRAY)
        suspend_withdraw(q);
    if (why == WAIT_STRAY)
        more |= move_strays(q);
    more |= age_run(q);
    more |= delaydsn_run(q);
    blocked = why != WAIT_NONE;
    if (why == WAIT_BLACKHOLE || why == WAIT_DELAYING) {
        more |= serve_sweep(q);
    } else if (!blocked && !rollup_run(q, &why, &more)) {
        more |= active_fill(q, q);
        review_outlets(q);
        why = serve_queue(q, &until);
    }
    if (blocked)
        rollup_recall(q);
    if (!queue_parcels(q) && !rollup_is_used(q))
        why = WAIT_EMPTY;
    queue_set_reason(q, why, until);
    more |= queue_park(q);
    if (!queue_active(q) && list_empty(&q->busy->outlets))
        queue_drop_record(q);
    queue_set_wake(q, blocked);
    rollup_wake(q);
    limits_pass_on(q);
    rollup_rest(q);
    busy_rest(q);
    if (more)
        queue_kick(q);
}
