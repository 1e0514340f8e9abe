/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/serve.h"

#include "base/clock.h"
#include "queue/active.h"
#include "queue/busy.h"
#include "queue/goal.h"
#include "queue/greeting.h"
#include "queue/limits.h"
#include "queue/notice.h"
#include "queue/outcome.h"
#include "queue/outlet.h"
#include "queue/outlettls.h"
#include "queue/pick.h"
#include "queue/queue.h"
#include "queue/queue_options.h"
#include "queue/requiretls.h"
#include "queue/rollup.h"
#include "queue/said.h"
#include "queue/suspend.h"
#include "route/binding.h"
#include "base/banned.h"

struct held { /* by the throttle of a host; line NULL: not */
    struct line *line;
    int64_t until;
};

/* The recipients that the session may still name; UINT64_MAX: no limit. */
static uint64_t
serve_recipients(const struct outlet *o)
{
    int64_t most = o->queue->opt->max_recipients;

    if (most <= 0)
        return UINT64_MAX;
    return (uint64_t)most > o->recipients ? (uint64_t)most - o->recipients : 0;
}

/* The next session with room whose host may be sent one more message.  A used
 * one whose host may not is closed; a new one waits, as *held says. */
static struct outlet *
serve_next_outlet(struct queue *q, struct held *held)
{
    struct list *n, *next;

    for (n = q->busy->roomy.prev; n != &q->busy->roomy; n = next) {
        struct outlet *o = LIST_ENTRY(n, struct outlet, roomy_node);
        struct line *l =
            hop_may_send(&o->hop, loop_now(q->s->loop), &held->until);

        next = n->prev;
        if (!l)
            return o;
        held->line = l;
        if (o->deliveries && !o->lent_count)
            outlet_close(o, false);
    }
    return NULL;
}

/* One parcel to each session with room in turn, until one or the other runs
 * out. */
static enum wait_reason
serve_lend(struct queue *q, struct held *held, int64_t *until)
{
    for (int n = 0; n < SCHED_RUN_MAX && q->busy->ready_count; n++) {
        struct outlet *o;
        struct parcel *p;

        if (list_empty(&q->busy->roomy))
            return WAIT_NONE;
        if (!(o = serve_next_outlet(q, held)))
            return WAIT_NONE;
        if (greeting_is_over(o)) {
            outlet_finish(o);
            continue;
        }
        if (!limits_may_lend(q, true, until))
            return WAIT_MESSAGE_THROTTLE;
        if (!outlet_resume(o)) {
            if (q->messages)
                return WAIT_NONE; /* one for a token, not all */
            continue;
        }
        p = pick_next(q, serve_recipients(o), o->greets);
        if (!p)
            return WAIT_NONE;
        p->in.active->charge = limits_charge_message(q, o);
        outlet_lend(o, p);
    }
    if (q->busy->ready_count && !list_empty(&q->busy->roomy))
        queue_kick(q);
    return WAIT_NONE;
}

/* The next that is due, in memory or not; or of all that wait. */
static struct parcel *
serve_next(struct queue *q, bool delayed_too)
{
    struct list *n = list_first(&q->busy->ready);
    struct heap_node *first = heap_first(&q->delayed);

    if (n)
        return LIST_ENTRY(n, struct active, node)->parcel;
    if (first && (delayed_too || first->when <= clock_wall())) {
        struct parcel *p = CONTAINER_OF(first, struct parcel, in.due);

        return p->writing ? NULL : p;
    }
    return NULL;
}

/* Each failed connection costs one parcel its attempt, once there is no host
 * left to try at once. */
void
serve_charge(struct queue *q)
{
    struct parcel *p;

    while (q->busy->charges && (p = serve_next(q, false)) != NULL) {
        busy_get(q)->charges--;
        outcome_whole(p, &said_get(q)->why, false);
    }
    while (q->busy->charges && rollup_charge(q, &said_get(q)->why))
        busy_get(q)->charges--;
    if (q->busy->charges)
        busy_get(q)->charges = 0;
}

static enum wait_reason
serve_down(struct queue *q, const struct hop *hop)
{
    int64_t now = loop_now(q->s->loop);
    int64_t wait = q->opt->connect_timeout_to_delay;
    const struct said *said = q->said;

    if (said &&
        ((q->opt->mx_failures > 0 && said->failures &&
             hop->failures >= (uint64_t)q->opt->mx_failures) ||
            (wait > 0 && said->failing_since &&
                now - said->failing_since >= wait))) {
        q->sweep = true;
        said_restart(q);
        queue_kick(q);
        return WAIT_DELAYING;
    }
    serve_charge(q);
    return WAIT_HOSTS_DOWN;
}

/* The resolver says that this attempt fails, for now or for good. */
static enum wait_reason
serve_refused(struct queue *q, const struct hop *hop, int verdict)
{
    char status[24] = "";
    struct buf b = BUF_INIT;

    if (hop->status[0])
        buf_printf(
            &b, "%u.%u.%u", hop->status[0], hop->status[1], hop->status[2]);
    (void)str_copy(status, sizeof(status), buf_get(&b));
    buf_fini(&b);
    result_fini(&said_get(q)->why);
    result_set(&q->said->why, verdict, IMPEL_BLAME_ROUTE, IMPEL_AT_CONNECT,
        hop->code, status, hop->text);
    q->sweep = true;
    queue_kick(q);
    return WAIT_DNS_FAILED;
}

/* A limit of many is met: a sibling's idle session costs none of them
 * anything.  Who does not know yet where to go has nobody's session closed. */
static enum wait_reason
serve_at_limit(struct queue *q, enum wait_reason why)
{
    struct str binding = str_of(q->binding->name);
    enum hop_result found = HOP_LIMIT;
    struct hop hop = {0};

    if (!list_empty(&q->s->all_idle))
        found = domain_pick(
            queue_record(q), q->generation, q->scope, binding, q->port, &hop);
    if (found == HOP_WAIT)
        return WAIT_DNS;
    if (found == HOP_OK && outlet_take_idle(q, &hop))
        return WAIT_NONE;
    if (found == HOP_OK)
        hop_closed(&hop, binding, -1, q->scope);
    (void)outlet_make_room(q, why);
    limits_starve(q, why);
    return why;
}

/* In the line of one of the hosts that are full: whose it is frees first is not
 * known, so it looks again by itself too, the later the more of them do. */
static enum wait_reason
serve_host_limit(struct queue *q, const struct hop *hop, int64_t *until)
{
    int64_t wait = SCHED_RETRY_MS;

    if (hop->line) {
        line_join(
            hop->line, &busy_get(q)->waiter, q->busy->waiter.from == hop->line);
        wait *= 1 + (int64_t)(hop->line->count / 1000);
    }
    *until = loop_now(q->s->loop) + wait;
    if (!hop->until)
        return WAIT_HOST_LIMIT;
    *until = MAX_OF(hop->until, *until);
    return WAIT_HOST_THROTTLE;
}

/* The host is full.  With a session that has nothing to do it is not. */
static enum wait_reason
serve_full_host(struct queue *q, struct hop *hop, int64_t *until)
{
    struct outlet *o =
        hop->line && !hop->until ? outlet_vacate(q, hop->line) : NULL;
    enum hop_result found = HOP_LIMIT;

    if (o)
        found = domain_pick(queue_record(q), q->generation, q->scope,
            str_of(q->binding->name), q->port, hop);
    if (found == HOP_OK)
        outlet_open(q, hop, suspend_module(q)->module);
    if (o && o->queue != q)
        outlet_close(o, false); /* another host was found */
    return found == HOP_OK ? WAIT_NONE : serve_host_limit(q, hop, until);
}

static enum wait_reason
serve_open_one(struct queue *q, int64_t *until)
{
    enum wait_reason why = limits_may_open(q, until);
    struct hop hop = {0};

    if (limits_is_shared(why))
        return serve_at_limit(q, why);
    if (why == WAIT_CONNECTION_LIMIT && q->twin)
        (void)outlet_make_room(q, why);
    if (why != WAIT_NONE)
        return why;
    switch (domain_pick(queue_record(q), q->generation, q->scope,
        str_of(q->binding->name), q->port, &hop)) {
    case HOP_OK:
        outlet_open(q, &hop, suspend_module(q)->module);
        return WAIT_NONE;
    case HOP_WAIT:
        return WAIT_DNS;
    case HOP_LIMIT:
        return serve_full_host(q, &hop, until);
    case HOP_DOWN:
        *until = hop.until;
        if (requiretls_fails(q, &hop)) {
            said_restart(q);
            return serve_refused(q, &hop, IMPEL_FAILED);
        }
        return serve_down(q, &hop);
    case HOP_DELAY:
        outlettls_refused(q, &hop);
        return serve_refused(q, &hop, IMPEL_RETRY);
    case HOP_FAIL:
        return serve_refused(q, &hop, IMPEL_FAILED);
    }
    return WAIT_NONE;
}

/* There is mail to connect for.  What there was no room for is read once
 * somebody is there to take it. */
static bool
serve_has_work(const struct queue *q)
{
    return q->busy->ready_count || q->overflow || rollup_waiting(q);
}

/* Connections up to the goal, but no more than there is waiting mail that
 * nobody comes for yet. */
static enum wait_reason
serve_open(struct queue *q, struct held *held, int64_t *until)
{
    uint64_t goal = goal_connections(q->opt->max_connections,
        queue_active(q) + rollup_waiting(q), goal_growth(q->opt->allocation));

    if (q->busy->outlet_count && q->busy->outlet_count >= goal &&
        q->opt->max_connections > 0 &&
        q->busy->outlet_count >= (uint64_t)q->opt->max_connections)
        return WAIT_CONNECTION_LIMIT;
    while (q->busy->outlet_count < goal &&
        (q->busy->ready_count || !q->opt->greets_as_sender) &&
        q->busy->ready_count + q->busy->loading + q->overflow +
                rollup_waiting(q) >
            q->busy->opening) {
        enum wait_reason why = serve_open_one(q, until);

        /* A sibling's session is put to use before a third queue takes it. */
        if (why == WAIT_NONE && !list_empty(&q->busy->roomy))
            why = serve_lend(q, held, until);
        if (why != WAIT_NONE)
            return why;
    }
    if (!goal && serve_has_work(q))
        return WAIT_CONNECTION_LIMIT;
    return WAIT_NONE;
}

void
serve_rest(struct queue *q)
{
    while (!list_empty(&q->busy->roomy)) {
        struct outlet *o =
            LIST_ENTRY(q->busy->roomy.prev, struct outlet, roomy_node);

        if (o->state != OUTLET_OPEN || o->lent_count)
            return;
        outlet_rest(o);
    }
}

/* What its mail waits for when nothing stands in the way. */
static enum wait_reason
serve_state(struct queue *q, int64_t *until)
{
    struct heap_node *first;

    *until = 0;
    if (q->busy->lent)
        return WAIT_MOVING;
    if (q->busy->ready_count)
        return q->busy->opening ? WAIT_CONNECTING : WAIT_TURN;
    if (q->busy->loading)
        return WAIT_LOADING;
    if ((q->overflow || rollup_waiting(q)) && !q->busy->opening && !q->parked &&
        !active_has_room(q))
        return WAIT_MEMORY;
    if (q->overflow || rollup_waiting(q))
        return q->busy->opening ? WAIT_CONNECTING : WAIT_TURN;
    if ((first = heap_first(&q->delayed)) != NULL) {
        *until = queue_wall_to_mono(q->s, first->when);
        return parcel_is_held(
                   CONTAINER_OF(first, struct parcel, in.due), clock_wall())
            ? WAIT_HELD
            : WAIT_RETRY_TIME;
    }
    return q->failing ? WAIT_BOUNCING : WAIT_EMPTY;
}

/* A session is there, and all its work is on disk: the next run reads it. */
static bool
serve_must_read(const struct queue *q)
{
    const struct heap_node *first = heap_first(&q->delayed);

    return q->busy->outlet_count > q->busy->opening && first &&
        first->when <= clock_wall() && !q->busy->ready_count &&
        !q->busy->loading && !q->busy->lent;
}

/* A session is there, and its host may be sent nothing now. */
static enum wait_reason
serve_held(struct queue *q, const struct held *held, enum wait_reason why,
    int64_t *until)
{
    if (!q->busy->waiter.in)
        line_join(held->line, &busy_get(q)->waiter, true);
    if (why != WAIT_NONE && why != WAIT_CONNECTION_LIMIT)
        return why;
    *until = MAX_OF(held->until, loop_now(q->s->loop) + SCHED_RETRY_MS);
    return WAIT_HOST_THROTTLE;
}

enum wait_reason
serve_queue(struct queue *q, int64_t *until)
{
    struct held held = {0};
    enum wait_reason why = serve_lend(q, &held, until);

    if (why == WAIT_NONE && serve_has_work(q))
        why = serve_open(q, &held, until);
    if (held.line && serve_has_work(q))
        why = serve_held(q, &held, why, until);
    if (serve_must_read(q))
        queue_kick(q); /* and no sibling takes the session meanwhile */
    else if (!q->busy->loading && !rollup_waiting(q))
        serve_rest(q);
    if (q->busy->ready_count && why == WAIT_NONE && !q->busy->lent &&
        !q->busy->opening) {
        struct list *n;

        LIST_FOREACH (n, &q->busy->outlets)
            if (LIST_ENTRY(n, struct outlet, node)->state == OUTLET_PROBING)
                return WAIT_PROBING;
    }
    if (why == WAIT_NONE || (!serve_has_work(q) && why != WAIT_DNS_FAILED))
        why = serve_state(q, until);
    return why;
}

/* --- sweeping --- */

bool
serve_sweep(struct queue *q)
{
    bool black = q->opt->blackhole != QUEUE_BLACKHOLE_NO;
    struct result gone = {.retry_after = -1};
    bool final = black || said_get(q)->why.verdict == IMPEL_FAILED;
    struct parcel *p = NULL;

    if (final && !notice_has_room(q->s)) {
        queue_wake_at(q, loop_now(q->s->loop) + NOTICE_FULL_MS);
        return false;
    }

    if (black)
        result_set(&gone, IMPEL_FAILED, IMPEL_BLAME_ROUTE, 0, 554, "5.7.0",
            "[internal] Blackholed");
    for (int n = 0; n < SCHED_RUN_MAX; n++) {
        if (!(p = serve_next(q, black)))
            break;
        outcome_whole(p, black ? &gone : &q->said->why, true);
    }
    if (!p && rollup_sweep(q, black ? &gone : &q->said->why)) {
        result_fini(&gone);
        return true;
    }
    if (!p && q->sweep) {
        q->sweep = false;
        queue_kick(q);
    }
    result_fini(&gone);
    return p != NULL;
}
