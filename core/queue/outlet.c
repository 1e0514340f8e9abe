/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/outlet.h"

#include <stdlib.h>

#include "base/bug.h"
#include "base/log.h"
#include "base/magic.h"
#include "base/num.h"
#include "base/xmem.h"
#include "queue/active.h"
#include "queue/busy.h"
#include "queue/greeting.h"
#include "queue/limits.h"
#include "queue/outcome.h"
#include "queue/outlettls.h"
#include "queue/queue.h"
#include "queue/review.h"
#include "queue/said.h"
#include "route/binding.h"
#include "xport/loginpolicy.h"
#include "xport/tlspolicy.h"
#include "base/banned.h"

#define OUTLET_STATE_TEXT(id, text) text,
static const char *const state_names[] = {OUTLET_STATES(OUTLET_STATE_TEXT)};
#define TO(id) (1u << OUTLET_##id)
static const unsigned may_follow[OUTLET_STATE_COUNT] = {
    [OUTLET_OPENING] = TO(OPEN) | TO(CLOSING),
    [OUTLET_OPEN] = TO(IDLE) | TO(CLOSING),
    [OUTLET_IDLE] = TO(OPEN) | TO(PROBING) | TO(CLOSING),
    [OUTLET_PROBING] = TO(OPEN) | TO(CLOSING),
    [OUTLET_CLOSING] = 0,
};

const char *
outlet_state_name(int state)
{
    return state >= 0 && state < OUTLET_STATE_COUNT ? state_names[state] : "?";
}

static bool
outlet_is_coming(const struct outlet *o)
{
    return o->state == OUTLET_OPENING || o->state == OUTLET_PROBING;
}

static void
outlet_enter(struct outlet *o, enum outlet_state to)
{
    BUG_ON(!(may_follow[o->state] & (1u << to)));
    if (outlet_is_coming(o))
        busy_get(o->queue)->opening--;
    o->state = to;
    if (outlet_is_coming(o))
        busy_get(o->queue)->opening++;
}

/* --- idle outlets by what a sibling must have in common --- */

static void
idle_add(struct outlet *o)
{
    struct map *all = &o->s->idle;
    struct idle *i = map_find(all, str_of(o->key));

    if (!i) {
        i = xnew(struct idle);
        i->key = xdup(o->key);
        list_init(&i->outlets);
        (void)map_put(all, str_of(i->key), i);
    }
    list_push(&i->outlets, &o->idle_node);
    list_push(&o->s->all_idle, &o->all_idle_node);
}

static void
idle_remove(struct outlet *o)
{
    struct idle *i;

    if (!list_linked(&o->idle_node))
        return;
    i = map_find(&o->s->idle, str_of(o->key));
    list_remove(&o->idle_node);
    list_remove(&o->all_idle_node);
    if (list_empty(&i->outlets)) {
        (void)map_remove(&o->s->idle, str_of(i->key));
        free(i->key);
        free(i);
    }
}

/* --- room --- */

static bool
outlet_is_used_up(const struct outlet *o)
{
    const struct queue_values *opt = o->queue->opt;

    return (opt->max_deliveries > 0 &&
               o->deliveries >= (uint64_t)opt->max_deliveries) ||
        (opt->max_recipients > 0 &&
            o->recipients >= (uint64_t)opt->max_recipients);
}

uint32_t
outlet_room(const struct outlet *o)
{
    const struct queue *q = o->queue;
    uint64_t window = (uint64_t)o->open + SCHED_AHEAD;
    uint64_t most = (uint64_t)MAX_OF(q->opt->max_deliveries, 0);

    if ((o->state != OUTLET_OPEN && o->state != OUTLET_IDLE) || o->draining ||
        !o->open || outlet_is_used_up(o))
        return 0;
    if (q->messages || hop_tokens(&o->hop))
        window = 1;
    if (most)
        window = MIN_OF(window, most - o->deliveries);
    return o->lent_count < window ? (uint32_t)(window - o->lent_count) : 0;
}

void
outlet_update(struct outlet *o)
{
    list_remove(&o->roomy_node);
    if (outlet_room(o)) {
        if (o->lent_count || o->state == OUTLET_IDLE)
            list_push_front(&busy_get(o->queue)->roomy, &o->roomy_node);
        else
            list_push(&busy_get(o->queue)->roomy, &o->roomy_node);
    } else if (!o->lent_count && o->state == OUTLET_OPEN &&
        (o->draining || outlet_is_used_up(o))) {
        outlet_close(o, false);
    }
}

void
outlet_finish(struct outlet *o)
{
    o->draining = true;
    if (o->state == OUTLET_IDLE)
        outlet_close(o, false);
    else
        outlet_update(o);
}

/* --- work --- */

bool
outlet_resume(struct outlet *o)
{
    int64_t idle = loop_now(o->s->loop) - o->idle_since;

    if (o->state != OUTLET_IDLE)
        return true;
    idle_remove(o);
    timer_stop(&o->timer);
    if (idle < SCHED_PROBE_AFTER_MS) {
        outlet_enter(o, OUTLET_OPEN);
        return true;
    }
    list_remove(&o->roomy_node);
    outlet_enter(o, OUTLET_PROBING);
    session_probe(o->session);
    return false;
}

void
outlet_rest(struct outlet *o)
{
    if (o->state != OUTLET_OPEN || o->lent_count)
        return;
    if (o->queue->opt->idle_timeout <= 0 || o->s->draining) {
        outlet_close(o, false);
        return;
    }
    outlet_enter(o, OUTLET_IDLE);
    o->idle_since = loop_now(o->s->loop);
    timer_start(&o->timer, o->queue->opt->idle_timeout);
    idle_add(o);
    list_remove(&o->roomy_node);
    list_push_front(&busy_get(o->queue)->roomy, &o->roomy_node);
    limits_idle(o->queue);
    hop_idle(&o->hop);
}

static void
outlet_idled(void *arg)
{
    struct outlet *o = arg;

    if (o->state == OUTLET_IDLE)
        outlet_close(o, false);
}

void
outlet_lend(struct outlet *o, struct parcel *p)
{
    struct queue *q = o->queue;
    struct active *a = p->in.active;

    queue_leave_ready(q, a);
    parcel_enter(p, PARCEL_LENT);
    busy_get(q)->lent++;
    queue_tally(q, -1, 0, 1);
    a->batch = batch_new(a->message, parcel_rcpt(p), p->rcpt_count, q->scope,
        (int)MIN_OF(p->retries, (uint32_t)INT32_MAX));
    a->batch->arg = p;
    a->outlet = o;
    list_push(&o->lent, &a->node);
    o->lent_count++;
    o->batches++;
    o->recipients += p->rcpt_count;
    session_lend(o->session, a->batch);
    outlet_update(o);
}

void
outlet_recall(struct outlet *o, bool now)
{
    struct list *n;

    LIST_FOREACH (n, &o->lent) {
        struct active *a = LIST_ENTRY(n, struct active, node);

        if (a->parcel->state == PARCEL_LENT)
            parcel_enter(a->parcel, PARCEL_RECALLING);
        else if (!now)
            continue;
        session_recall(o->session, a->batch, now);
    }
}

void
outlet_close(struct outlet *o, bool now)
{
    if (o->state == OUTLET_CLOSING && !now)
        return;
    if (o->state != OUTLET_CLOSING) {
        idle_remove(o);
        timer_stop(&o->timer);
        list_remove(&o->roomy_node);
        outlet_enter(o, OUTLET_CLOSING);
    }
    session_close(o->session, now);
}

void
outlet_withdraw(struct outlet *o)
{
    o->draining = true;
    outlet_recall(o, false);
    if (o->state == OUTLET_IDLE)
        outlet_close(o, false);
    else
        outlet_update(o);
}

bool
outlet_make_room(struct queue *q, enum wait_reason why)
{
    struct list *n;
    int looked = 0;

    LIST_FOREACH (n, &q->s->all_idle) {
        struct outlet *o = LIST_ENTRY(n, struct outlet, all_idle_node);

        if (limits_meet(q, o->queue, why)) {
            outlet_close(o, false);
            return true;
        }
        if (++looked >= SCHED_RUN_MAX)
            break;
    }
    return false;
}

/* --- events --- */

static void
outlet_ready(void *arg, struct session *session, uint32_t open)
{
    struct outlet *o = arg;

    CHECK(o, OUTLET_MAGIC);
    (void)session;
    o->open = open;
    if (!o->worked && open) {
        o->worked = true;
        hop_worked(&o->hop, str_of(o->queue->binding->name));
        said_restart(o->queue);
        review_worked(o->queue);
    }
    if (open && outlet_is_coming(o))
        outlet_enter(o, OUTLET_OPEN);
    if (o->s->draining)
        outlet_close(o, false);
    else
        outlet_update(o);
    queue_kick(o->queue);
}

static void
outlet_done(void *arg, struct session *session, struct batch *b)
{
    struct outlet *o = arg;

    CHECK(o, OUTLET_MAGIC);
    (void)session;
    o->lent_count--;
    outcome_batch(o, b);
    if (o->stop && o->state != OUTLET_CLOSING) {
        outlet_recall(o, false);
        outlet_close(o, false);
    } else {
        outlet_update(o);
    }
    queue_kick(o->queue);
}

static void
outlet_draining(void *arg, struct session *session)
{
    struct outlet *o = arg;

    CHECK(o, OUTLET_MAGIC);
    (void)session;
    o->draining = true;
    if (o->state == OUTLET_IDLE)
        outlet_close(o, false);
    else
        outlet_update(o);
    queue_kick(o->queue);
}

static void
outlet_free(struct outlet *o)
{
    idle_remove(o);
    timer_stop(&o->timer);
    list_remove(&o->node);
    list_remove(&o->every_node);
    list_remove(&o->roomy_node);
    o->s->io_sessions[o->io]--;
    o->magic = 0;
    free(o->key);
    free(o->greets);
    free(o->tls);
    free(o);
}

/* For how long its address is to be left alone, as hop_closed() has it: what
 * the peer asks for counts as far as max_retry_interval. */
static int64_t
outlet_bad(const struct outlet *o, const struct result *why, bool failed)
{
    int64_t asked = o->bad_for;

    if (!(failed || o->bad) || why->blame == IMPEL_BLAME_ROUTE)
        return -1;
    if (failed)
        asked = MAX_OF(asked, why->retry_after);
    return MAX_OF(MIN_OF(asked, o->queue->opt->retry.max_interval), 0);
}

static void
outlet_closed(void *arg, struct session *session, const struct result *why,
    bool established)
{
    struct outlet *o = arg;
    struct queue *q = o->queue;
    struct scheduler *s = o->s;
    bool failed = why->verdict != IMPEL_DELIVERED &&
        (!established || why->blame == IMPEL_BLAME_HOST);

    CHECK(o, OUTLET_MAGIC);
    (void)session;
    BUG_ON(!list_empty(&o->lent));
    if (o->state != OUTLET_CLOSING)
        outlet_enter(o, OUTLET_CLOSING);
    hop_closed(&o->hop, str_of(q->binding->name), outlet_bad(o, why, failed),
        q->scope);
    if (why->verdict != IMPEL_DELIVERED && why->blame == IMPEL_BLAME_ROUTE)
        said_hold(q, why);
    else if (!established && failed && !s->draining)
        said_failed(q, why);
    outlet_free(o);
    review_closed(q);
    limits_closed(q);
    queue_kick(q);
    scheduler_check_drained(s);
}

static void
outlet_tls_came_out(
    void *arg, struct session *session, const struct session_tls *t)
{
    (void)session;
    outlettls_count(arg, t);
}

static const struct session_events events = {.ready = outlet_ready,
    .done = outlet_done,
    .draining = outlet_draining,
    .closed = outlet_closed,
    .tls = outlet_tls_came_out};

/* --- opening --- */

/* What decides on its TLS, with a demand of a route or NULL. */
static struct tlspolicy_by
outlet_tls_by(const struct queue *q, const struct tlsdemand *demand)
{
    const struct module *m = q->carrier ? q->carrier->found.module : NULL;

    return (struct tlspolicy_by){demand, m && m->desc.flags & IMPEL_MODULE_TLS};
}

/* Sibling domains share a session only if it would have come out the same:
 * where to, where from, under what name, with which options of sessions.  What
 * is limited is the queue's own affair. */
static char *
outlet_key(const struct queue *q, const struct hop *hop, const char *greets)
{
    struct buf b = BUF_INIT;
    struct way way;

    netaddr_print(&hop->to, &b);
    buf_char(&b, ' ');
    num_print(&b, (uint64_t)q->method);
    buf_char(&b, ' ');
    num_print(&b, generation_number(q->generation));
    buf_char(&b, ' ');
    num_print(&b, q->opt->session);
    buf_char(&b, ' ');
    buf_cstr(&b, q->binding->name);
    buf_char(&b, ' ');
    buf_str(&b, hop->name);
    buf_char(&b, ' ');
    buf_str(&b, hop->uri);
    buf_char(&b, ' ');
    (void)way_find(q->scope, hop->to.ip.family, &way);
    way_print(&way, &b);
    buf_char(&b, ' ');
    binding_ehlo_name(q->scope, greets ? str_of(greets) : STR_NONE, &b);
    if (greets) {
        buf_cstr(&b, " as ");
        buf_cstr(&b, greets);
    }
    buf_char(&b, ' ');
    tlspolicy_print(
        q->scope, outlet_tls_by(q, hop->tls), str_of(q->zone->name), &b);
    loginpolicy_print(q->scope, &b);
    return buf_detach(&b, NULL);
}

/* Would q's session to its host be the same? */
static bool
outlet_suits(const struct outlet *o, struct queue *q)
{
    char *greets = greeting_next(q), *key = outlet_key(q, &o->hop, greets);
    bool same = o->queue != q && str_eq(str_of(o->key), str_of(key));

    free(greets);
    free(key);
    return same;
}

/* It is the one of its key that is taken next. */
static void
outlet_leave_host(struct outlet *o)
{
    struct idle *i = map_find(&o->s->idle, str_of(o->key));

    list_remove(&o->idle_node);
    list_push(&i->outlets, &o->idle_node);
    hop_closed(&o->hop, str_of(o->queue->binding->name), -1, o->queue->scope);
}

struct outlet *
outlet_vacate(struct queue *q, const struct line *full)
{
    struct outlet *other = NULL;
    struct list *n;
    int looked = 0;

    LIST_FOREACH (n, &q->s->all_idle) {
        struct outlet *o = LIST_ENTRY(n, struct outlet, all_idle_node);
        bool fills = hop_fills(&o->hop, full);

        if (fills && outlet_suits(o, q)) {
            outlet_leave_host(o);
            return o;
        }
        if (fills && !other)
            other = o;
        if (++looked >= SCHED_RUN_MAX)
            break;
    }
    if (other)
        outlet_close(other, false);
    return NULL;
}

static char *
outlet_tls(const struct queue *q, const struct tlsdemand *demand)
{
    struct buf b = BUF_INIT;

    tlspolicy_print(
        q->scope, outlet_tls_by(q, demand), str_of(q->zone->name), &b);
    loginpolicy_print(q->scope, &b);
    return b.n ? buf_detach(&b, NULL) : NULL;
}

bool
outlet_has_its_tls(const struct outlet *o)
{
    char *now = outlet_tls(o->queue, o->hop.tls);
    bool same = str_eq(str_of(now ? now : ""), str_of(o->tls ? o->tls : ""));

    free(now);
    return same;
}

/* An idle session of a sibling goes over to q: the hop is q's from now on. */
static bool
outlet_take_over(struct queue *q, const struct hop *hop, const char *key)
{
    struct idle *i = map_find(&q->s->idle, str_of(key));
    struct queue *was;
    struct outlet *o;

    if (!i)
        return false;
    o = LIST_ENTRY(i->outlets.prev, struct outlet, idle_node);
    was = o->queue;
    hop_closed(&o->hop, str_of(was->binding->name), -1, was->scope);
    o->hop = *hop;
    list_remove(&o->node);
    list_remove(&o->roomy_node);
    list_push(&busy_get(q)->outlets, &o->node);
    limits_moved(was, q);
    o->queue = q;
    review_opened(o);
    if (outlet_resume(o))
        outlet_update(o);
    queue_kick(was);
    queue_kick(q);
    return true;
}

bool
outlet_take_idle(struct queue *q, const struct hop *hop)
{
    char *greets = greeting_next(q), *key = outlet_key(q, hop, greets);
    bool taken = outlet_take_over(q, hop, key);

    free(greets);
    free(key);
    return taken;
}

static unsigned
outlet_choose_loop(const struct scheduler *s)
{
    unsigned best = 0;

    for (unsigned i = 1; i < s->io_count; i++)
        if (s->io_sessions[i] < s->io_sessions[best])
            best = i;
    return best;
}

static void
outlet_set_addr(struct outlet *o)
{
    struct buf b = BUF_INIT;

    netaddr_print_ip(&o->hop.to, &b);
    (void)str_copy(o->addr, sizeof(o->addr), buf_get(&b));
    buf_fini(&b);
}

static void
outlet_request(struct outlet *o, const struct module *m)
{
    struct queue *q = o->queue;
    struct buf name = BUF_INIT;
    struct session_request r = {.loop = o->s->io[o->io],
        .module = m,
        .method = q->carrier->method,
        .to = o->hop.to,
        .host = o->hop.name,
        .uri = o->hop.uri,
        .binding = str_of(q->binding->name),
        .domain = str_of(q->zone->name),
        .scope = q->scope,
        .tls = o->hop.tls,
        .tls_quiet = !outlettls_is_wanted(q, &o->hop),
        .id = o->id};

    (void)way_find(q->scope, o->hop.to.ip.family, &o->way);
    r.from = o->way.from;
    r.proxy = o->way.proxy;
    r.seen = o->way.seen;
    binding_ehlo_name(
        q->scope, o->greets ? str_of(o->greets) : STR_NONE, &name);
    r.ehlo_name = name.n ? name.p : "localhost";
    o->session = session_open(&r, loop_mailbox(o->s->loop), &events, o);
    buf_fini(&name);
}

void
outlet_open(struct queue *q, struct hop *hop, const struct module *m)
{
    char *greets = greeting_next(q), *key = outlet_key(q, hop, greets);
    struct outlet *o;

    if (outlet_take_over(q, hop, key)) {
        free(greets);
        free(key);
        return;
    }
    o = xnew(struct outlet);
    o->magic = OUTLET_MAGIC;
    o->s = q->s;
    o->queue = q;
    o->key = key;
    o->greets = greets;
    o->hop = *hop;
    o->id = ++q->s->last_connection;
    o->opened_at = loop_now(q->s->loop);
    outlet_set_addr(o);
    o->tls = outlet_tls(q, o->hop.tls);
    o->io = outlet_choose_loop(q->s);
    q->s->io_sessions[o->io]++;
    list_init(&o->lent);
    timer_init(&o->timer, q->s->loop, outlet_idled, o, "outlet idle");
    list_push(&busy_get(q)->outlets, &o->node);
    list_push(&q->s->all_outlets, &o->every_node);
    limits_opened(q);
    busy_get(q)->opening++;
    outlet_request(o, m);
    review_opened(o);
}
