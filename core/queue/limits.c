/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/limits.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/xmem.h"
#include "queue/busy.h"
#include "queue/queue.h"
#include "queue/queue_options.h"
#include "queue/rollup.h"
#include "queue/throttle.h"
#include "base/banned.h"

enum { LIMITS_SHARED = 4, LIMITS_RESERVE_MOST = 1024, LIMITS_LATE = 128 };

/* Those that q shares with others; NULL where there is none. */
struct shared {
    enum wait_reason why;
    struct limit *limit;
};

static void
limits_of(struct queue *q, struct shared to[LIMITS_SHARED])
{
    struct bindstate *b = q->binding;

    to[0] =
        (struct shared){WAIT_SCOPE_LIMIT, q->scoped ? &q->scoped->limit : NULL};
    to[1] = (struct shared){WAIT_BINDING_LIMIT, &b->limit};
    to[2] = (struct shared){WAIT_GROUP_LIMIT, &b->group->limit};
    to[3] = (struct shared){WAIT_SERVER_LIMIT, &q->s->server};
}

struct limit *
limits_by(struct queue *q, enum wait_reason why)
{
    struct shared all[LIMITS_SHARED];

    limits_of(q, all);
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        if (all[i].why == why)
            return all[i].limit;
    return NULL;
}

bool
limits_is_shared(enum wait_reason why)
{
    return why == WAIT_SCOPE_LIMIT || why == WAIT_BINDING_LIMIT ||
        why == WAIT_GROUP_LIMIT || why == WAIT_SERVER_LIMIT;
}

/* --- one (binding, domain): more than one queue if methods or ports differ */

uint64_t
limits_pair_used(const struct queue *q)
{
    uint64_t n = q->busy->outlet_count;

    for (const struct queue *t = q->twin; t && t != q; t = t->twin)
        n += t->busy->outlet_count;
    return n;
}

static void
limits_kick_twins(struct queue *q)
{
    for (struct queue *t = q->twin; t && t != q; t = t->twin)
        if (t->reason == WAIT_CONNECTION_LIMIT)
            queue_kick(t);
}

static bool
limits_are_alike(const struct queue *a, const struct queue *b)
{
    return a->method == b->method && a->port == b->port &&
        a->by_gateway == b->by_gateway && a->gateway_port == b->gateway_port &&
        a->tls == b->tls && rollup_are_alike(a, b);
}

void
limits_pair(struct queue *q)
{
    struct list *n = list_first(&q->zone->queues);

    if (!n)
        return;
    if (!limits_are_alike(q, LIST_ENTRY(n, struct queue, zone_node)))
        q->zone->mixed = true;
    if (!q->zone->mixed)
        return; /* else they would be the same queue */
    LIST_FOREACH (n, &q->zone->queues) {
        struct queue *t = LIST_ENTRY(n, struct queue, zone_node);

        if (t->binding != q->binding)
            continue;
        q->twin = t->twin ? t->twin : t;
        t->twin = q;
        return;
    }
}

void
limits_unpair(struct queue *q)
{
    struct queue *t = q->twin;

    if (!t)
        return;
    while (t->twin != q)
        t = t->twin;
    t->twin = q->twin == t ? NULL : q->twin;
    q->twin = NULL;
}

/* --- may it? --- */

bool
limits_may_lend(struct queue *q, bool session, int64_t *until)
{
    return !q->messages || throttle_has(q->messages, q, session, until);
}

/* The reserve is for who has no connection at all, once in a while. */
static bool
limits_may_reserve(const struct queue *q)
{
    return q->reserve && !q->busy->outlet_count && !q->scoped &&
        q->s->server.used < (uint64_t)(q->s->server.max + q->s->reserve);
}

enum wait_reason
limits_may_open(struct queue *q, int64_t *until)
{
    struct shared all[LIMITS_SHARED];
    int64_t most = q->opt->max_connections;

    if (most >= 0 && limits_pair_used(q) >= (uint64_t)most)
        return WAIT_CONNECTION_LIMIT;
    limits_of(q, all);
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        if (all[i].limit && limit_is_full(all[i].limit) &&
            !(all[i].why == WAIT_SERVER_LIMIT && limits_may_reserve(q)))
            return all[i].why;
    if (q->connections && !throttle_has(q->connections, q, true, until))
        return WAIT_CONNECTION_THROTTLE;
    return limits_may_lend(q, false, until) ? WAIT_NONE : WAIT_MESSAGE_THROTTLE;
}

bool
limits_meet(struct queue *a, struct queue *b, enum wait_reason why)
{
    if (why == WAIT_CONNECTION_LIMIT)
        return a->zone == b->zone && a->binding == b->binding;
    return limits_by(a, why) == limits_by(b, why);
}

/* --- counting --- */

static void
limits_take(struct queue *q)
{
    struct shared all[LIMITS_SHARED];

    limits_of(q, all);
    busy_get(q)->outlet_count++;
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        if (all[i].limit)
            all[i].limit->used++;
}

static void
limits_give(struct queue *q)
{
    struct shared all[LIMITS_SHARED];

    limits_of(q, all);
    busy_get(q)->outlet_count--;
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        if (all[i].limit)
            all[i].limit->used--;
}

/* --- the lines of those that wait --- */

void
limits_wake(struct waiter *w)
{
    queue_kick(LIMITS_QUEUE(w));
}

static void limits_reserve(void *arg);

void
limits_starve(struct queue *q, enum wait_reason why)
{
    struct scheduler *s = q->s;
    struct line *l = &limits_by(q, why)->line;

    line_join(l, &busy_get(q)->waiter, q->busy->waiter.from == l);
    if (why == WAIT_SERVER_LIMIT && s->reserve > 0 &&
        !timer_armed(&s->reserve_timer))
        timer_start(&s->reserve_timer, s->reserve_every);
}

/* Of those that wait for the server's limit some without a connection get one
 * beyond it. */
static void
limits_reserve(void *arg)
{
    struct scheduler *s = arg;
    int64_t room = s->server.max + s->reserve - (int64_t)s->server.used;
    struct list *from[] = {&s->server.line.first, &s->server.line.rest};
    struct list *n, *next;
    int looked = 0;

    if (s->server.max < 0)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(from); i++) {
        LIST_FOREACH_SAFE (n, next, from[i]) {
            struct queue *q = LIMITS_QUEUE(LIST_ENTRY(n, struct waiter, node));

            if (room <= 0 || looked++ >= LIMITS_RESERVE_MOST)
                break;
            if (q->busy->outlet_count || q->scoped)
                continue;
            line_leave(&busy_get(q)->waiter);
            q->reserve = true;
            queue_kick(q);
            room--;
        }
    }
    if (s->server.line.count)
        timer_start(&s->reserve_timer, s->reserve_every);
}

void
limits_idle(struct queue *q)
{
    struct shared all[LIMITS_SHARED];

    limits_of(q, all);
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        if (all[i].limit)
            (void)line_wake(&all[i].limit->line);
    limits_kick_twins(q);
}

void
limits_pass_on(struct queue *q)
{
    struct line *l = q->busy->waiter.from;

    q->reserve &= q->reason == WAIT_DNS;
    if (q->busy->grant) {
        throttle_pass_on(q);
        return;
    }
    if (!l)
        return;
    line_done(&busy_get(q)->waiter);
    if (q->busy->waiter.in != l)
        (void)line_wake(l);
}

/* What it was woken for is used, and it waits no more. */
static void
limits_served(struct queue *q)
{
    if (!q->busy->grant)
        line_done(&busy_get(q)->waiter);
    line_leave(&busy_get(q)->waiter);
}

void
limits_opened(struct queue *q)
{
    limits_take(q);
    limits_served(q);
    if (q->connections)
        (void)throttle_take(q->connections, q);
    if (q->messages)
        throttle_turn_used(q->messages);
}

void
limits_closed(struct queue *q)
{
    limits_give(q);
    limits_idle(q);
}

void
limits_moved(struct queue *from, struct queue *to)
{
    limits_give(from);
    limits_take(to);
    limits_served(to);
    if (from->scoped != to->scoped && from->scoped)
        (void)line_wake(&from->scoped->limit.line);
    limits_kick_twins(from);
}

/* --- throttles --- */

struct charge *
limits_charge_message(struct queue *q, struct outlet *o)
{
    struct tokens *host = hop_tokens(&o->hop);
    struct charge *c;
    int64_t until;

    if (!q->messages && !host)
        return NULL;
    c = xnew(struct charge);
    c->throttle = q->messages;
    c->host = host;
    if (c->throttle)
        c->stamp = throttle_take(q->messages, q);
    if (host)
        (void)tokens_take(host, loop_now(q->s->loop), &c->host_stamp, &until);
    return c;
}

void
limits_refund_message(struct charge **c)
{
    if (*c && (*c)->throttle)
        throttle_refund((*c)->throttle, (*c)->stamp);
    if (*c && (*c)->host)
        tokens_refund((*c)->host, (*c)->host_stamp);
    xfree(c);
}

/* What is sent reaches the host between these two.  It counts from the later,
 * so that what was held up on its way does not meet what came after it; but a
 * host that takes its time must not cost more than a bit of the rate. */
static void
limits_used(struct tokens *t, int64_t stamp, int64_t begun, int64_t done)
{
    tokens_used_at(
        t, stamp, MIN_OF(done, begun + t->rate.window_ms / LIMITS_LATE));
}

void
limits_began(const struct charge *c, int64_t begun, int64_t done)
{
    if (c && c->throttle)
        limits_used(&c->throttle->tokens, c->stamp, begun, done);
    if (c && c->host)
        limits_used(c->host, c->host_stamp, begun, done);
}

/* --- limits by stanza --- */

static struct scoped *
limits_scoped(struct queue *q)
{
    struct scheduler *s = q->s;
    uint32_t id = OPT(queue_options, QUEUE_SCOPE_MAX_OUTBOUND_CONNECTIONS);
    const struct stanza *origin = scope_origin(q->scope, id);
    int64_t max = scope_int(q->scope, id);
    struct scoped *c;
    char key[sizeof(c->key)];

    if (!origin || max < 0)
        return NULL;
    (void)snprintf(key, sizeof(key), "%016llx",
        (unsigned long long)str_hash(stanza_path(origin)));
    c = map_find(&s->scoped, str_of(key));
    if (!c) {
        c = xnew(struct scoped);
        (void)str_copy(c->key, sizeof(c->key), str_of(key));
        limit_init(&c->limit, max, limits_wake);
        (void)map_put(&s->scoped, str_of(c->key), c);
    }
    if (c->limit.max != max) {
        c->limit.max = max;
        line_wake_all(&c->limit.line);
    }
    return c;
}

static void
limits_leave_scoped(struct queue *q)
{
    struct scoped *c = q->scoped;

    if (q->busy->waiter.in == &c->limit.line)
        line_leave(&busy_get(q)->waiter);
    if (q->busy->waiter.from == &c->limit.line)
        line_done(&busy_get(q)->waiter);
    c->limit.used -= q->busy->outlet_count;
    (void)line_wake(&c->limit.line);
    q->scoped = NULL;
    if (--c->refs)
        return;
    (void)map_remove(&q->s->scoped, str_of(c->key));
    free(c);
}

void
limits_adopt_queue(struct queue *q, bool goes)
{
    struct scoped *c = goes ? NULL : limits_scoped(q);

    if (c == q->scoped)
        return;
    if (c)
        c->refs++;
    if (q->scoped)
        limits_leave_scoped(q);
    q->scoped = c;
    if (c)
        c->limit.used += q->busy->outlet_count;
}

/* --- bindings and groups --- */

/* Only what is said for such a place itself is a limit of its own. */
static int64_t
limits_said(const struct scope *scope, const char *place)
{
    uint32_t id = OPT(queue_options, QUEUE_SERVER_MAX_OUTBOUND_CONNECTIONS);
    const struct stanza *from = scope_origin(scope, id);

    if (!from || !str_ieq(stanza_keyword(from), str_of(place)))
        return -1;
    return scope_int(scope, id);
}

static int64_t
limits_of_group(struct scheduler *s, struct str name)
{
    return limits_said(
        generation_group_scope(s->generation, name), "binding_group");
}

static int64_t
limits_of_binding(struct scheduler *s, const char *name)
{
    return limits_said(
        generation_scope(s->generation, str_of(name), STR_NONE), "binding");
}

static struct bindgroup *
limits_group(struct scheduler *s, struct str name)
{
    struct bindgroup *g = map_find(&s->bindgroups, name);

    if (g)
        return g;
    g = xnew(struct bindgroup);
    g->name = xdupn(name.p, name.n);
    limit_init(&g->limit, limits_of_group(s, name), limits_wake);
    (void)map_put(&s->bindgroups, str_make(g->name, name.n), g);
    return g;
}

static struct str
limits_group_name(struct scheduler *s, const char *binding)
{
    struct str name = generation_binding_group(s->generation, str_of(binding));

    return name.p && name.n ? name : STR("default");
}

struct bindstate *
limits_binding(struct scheduler *s, struct str name)
{
    struct bindstate *b = map_find(&s->bindings, name);

    if (b)
        return b;
    b = xnew(struct bindstate);
    b->name = xdupn(name.p, name.n);
    b->group = limits_group(s, limits_group_name(s, b->name));
    limit_init(&b->limit, limits_of_binding(s, b->name), limits_wake);
    list_push(&s->all_bindings, &b->node);
    (void)map_put(&s->bindings, str_make(b->name, name.n), b);
    return b;
}

void
limits_init(struct scheduler *s)
{
    limit_init(&s->server, -1, limits_wake);
    timer_init(
        &s->reserve_timer, s->loop, limits_reserve, s, "reserved connections");
}

static void
limits_set(struct limit *l, int64_t max)
{
    l->max = max;
    line_wake_all(&l->line);
}

void
limits_adopt(struct scheduler *s)
{
    const struct scope *scope = generation_global(s->generation);
    struct bindgroup *g;
    struct list *n;
    size_t at;

    s->reserve = scope_int(
        scope, OPT(queue_options, QUEUE_SERVER_RESERVE_OUTBOUND_CONNECTIONS));
    s->reserve_every = scope_int(
        scope, OPT(queue_options, QUEUE_RESERVE_MAINTENANCE_INTERVAL));
    limits_set(&s->server,
        scope_int(
            scope, OPT(queue_options, QUEUE_SERVER_MAX_OUTBOUND_CONNECTIONS)));
    MAP_FOREACH (g, &s->bindgroups, at)
        limits_set(&g->limit, limits_of_group(s, str_of(g->name)));
    LIST_FOREACH (n, &s->all_bindings) {
        struct bindstate *b = LIST_ENTRY(n, struct bindstate, node);

        b->group->limit.used -= b->limit.used;
        b->group = limits_group(s, limits_group_name(s, b->name));
        b->group->limit.used += b->limit.used;
        limits_set(&b->limit, limits_of_binding(s, b->name));
    }
}

void
limits_fini(struct scheduler *s)
{
    struct bindgroup *g;
    struct list *n;
    size_t at;

    while ((n = list_take(&s->all_bindings)) != NULL) {
        struct bindstate *b = LIST_ENTRY(n, struct bindstate, node);

        free(b->name);
        free(b);
    }
    MAP_FOREACH (g, &s->bindgroups, at) {
        free(g->name);
        free(g);
    }
    map_fini(&s->bindings);
    map_fini(&s->bindgroups);
    map_fini(&s->scoped);
    timer_stop(&s->reserve_timer);
    throttle_fini(s);
}
