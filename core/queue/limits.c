/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/limits.h"

#include <stdlib.h>

#include "base/xmem.h"
#include "queue/line.h"
#include "queue/queue.h"
#include "queue/queue_options.h"
#include "queue/throttle.h"
#include "base/banned.h"

static bool
limits_met(int64_t limit, uint64_t used)
{
    return limit >= 0 && used >= (uint64_t)limit;
}

bool
limits_may_lend(struct queue *q, bool session, int64_t *until)
{
    return !q->messages || throttle_has(q->messages, q, session, until);
}

enum wait_reason
limits_may_open(struct queue *q, int64_t *until)
{
    struct scheduler *s = q->s;
    struct bindstate *b = q->binding;

    if (limits_met(q->opt->max_connections, q->outlet_count))
        return WAIT_CONNECTION_LIMIT;
    if (limits_met(b->limit, b->sessions))
        return WAIT_BINDING_LIMIT;
    if (limits_met(b->group->limit, b->group->sessions))
        return WAIT_GROUP_LIMIT;
    if (limits_met(s->server_limit, s->outlets))
        return WAIT_SERVER_LIMIT;
    if (q->connections && !throttle_has(q->connections, q, true, until))
        return WAIT_CONNECTION_THROTTLE;
    return limits_may_lend(q, false, until) ? WAIT_NONE : WAIT_MESSAGE_THROTTLE;
}

static void
limits_count(struct queue *q, int by)
{
    q->outlet_count = (uint64_t)((int64_t)q->outlet_count + by);
    q->binding->sessions = (uint64_t)((int64_t)q->binding->sessions + by);
    q->binding->group->sessions =
        (uint64_t)((int64_t)q->binding->group->sessions + by);
}

/* --- the lines of those that wait --- */

void
limits_starve(struct queue *q, enum wait_reason why)
{
    line_join(why == WAIT_SERVER_LIMIT ? &q->s->starved
            : why == WAIT_GROUP_LIMIT  ? &q->binding->group->starved
                                       : &q->binding->starved,
        q, false);
}

void
limits_idle(struct queue *q)
{
    (void)line_wake(&q->binding->starved);
    (void)line_wake(&q->binding->group->starved);
    (void)line_wake(&q->s->starved);
}

void
limits_pass_on(struct queue *q)
{
    struct line *l = q->woken_from;

    if (q->grant) {
        throttle_pass_on(q);
        return;
    }
    q->woken_from = NULL;
    if (l && q->waits_in != l)
        (void)line_wake(l);
}

/* What it was woken for is used, and it waits no more. */
static void
limits_served(struct queue *q)
{
    if (!q->grant)
        q->woken_from = NULL;
    line_leave(q);
}

void
limits_opened(struct queue *q)
{
    limits_count(q, 1);
    limits_served(q);
    q->s->outlets++;
    if (q->connections)
        (void)throttle_take(q->connections, q);
}

void
limits_closed(struct queue *q)
{
    limits_count(q, -1);
    q->s->outlets--;
    limits_idle(q);
}

void
limits_moved(struct queue *from, struct queue *to)
{
    limits_count(from, -1);
    limits_count(to, 1);
    limits_served(to);
}

/* --- throttles --- */

struct charge *
limits_charge_message(struct queue *q)
{
    struct charge *c;

    if (!q->messages)
        return NULL;
    c = xnew(struct charge);
    c->throttle = q->messages;
    c->stamp = throttle_take(q->messages, q);
    return c;
}

void
limits_refund_message(struct charge **c)
{
    if (*c)
        throttle_refund((*c)->throttle, (*c)->stamp);
    xfree(c);
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
    g->limit = limits_of_group(s, name);
    line_init(&g->starved);
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
    b->limit = limits_of_binding(s, b->name);
    line_init(&b->starved);
    list_push(&s->all_bindings, &b->node);
    (void)map_put(&s->bindings, str_make(b->name, name.n), b);
    return b;
}

void
limits_adopt(struct scheduler *s)
{
    struct bindgroup *g;
    struct list *n;
    size_t at;

    s->server_limit = scope_int(generation_global(s->generation),
        OPT(queue_options, QUEUE_SERVER_MAX_OUTBOUND_CONNECTIONS));
    line_wake_all(&s->starved); /* their limits may be others now */
    MAP_FOREACH (g, &s->bindgroups, at) {
        g->limit = limits_of_group(s, str_of(g->name));
        line_wake_all(&g->starved);
    }
    LIST_FOREACH (n, &s->all_bindings) {
        struct bindstate *b = LIST_ENTRY(n, struct bindstate, node);

        b->group->sessions -= b->sessions;
        b->group = limits_group(s, limits_group_name(s, b->name));
        b->group->sessions += b->sessions;
        b->limit = limits_of_binding(s, b->name);
        line_wake_all(&b->starved);
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
    throttle_fini(s);
}
