/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/suspend.h"

#include "queue/outlet.h"
#include "queue/pause.h"
#include "queue/queue.h"
#include "queue/queue_options.h"
#include "queue/said.h"
#include "base/banned.h"

const struct module_found *
suspend_module(struct queue *q)
{
    struct carrier *c = q->carrier;
    uint64_t number = generation_number(q->s->generation);
    int64_t now = loop_now(q->s->loop);

    if (c->generation != number ||
        (c->found.state != MODULE_LOADED &&
            now >= c->asked_at + SUSPEND_MODULE_AGAIN_MS)) {
        registry_method(q->s->generation, c->method, &c->found);
        c->generation = number;
        c->asked_at = now;
    }
    return &c->found;
}

/* default_binding = suspended */
static bool
suspend_default(const struct queue *q)
{
    return q->s->default_suspended && strcmp(q->binding->name, "default") == 0;
}

enum wait_reason
suspend_reason(struct queue *q, int64_t *until)
{
    int64_t now = loop_now(q->s->loop);

    if (q->s->draining)
        return WAIT_DRAINING;
    if (pause_is_on(q->s))
        return WAIT_STORING;
    if (q->stray)
        return WAIT_STRAY;
    if (q->opt->blackhole != QUEUE_BLACKHOLE_NO)
        return WAIT_BLACKHOLE;
    if (q->sweep)
        return WAIT_DELAYING;
    if (q->opt->suspended || suspend_default(q))
        return WAIT_SUSPENDED;
    if (suspend_module(q)->state != MODULE_LOADED) {
        *until = q->carrier->asked_at + SUSPEND_MODULE_AGAIN_MS;
        return WAIT_MODULE;
    }
    if (q->misfit)
        return WAIT_MISFIT;
    if (said_holds_until(q) > now) {
        *until = said_holds_until(q);
        return WAIT_ROUTE_HELD;
    }
    return WAIT_NONE;
}

void
suspend_withdraw(struct queue *q)
{
    struct list *n;

    LIST_FOREACH (n, &q->busy->outlets)
        outlet_withdraw(LIST_ENTRY(n, struct outlet, node));
}

static bool
suspend_stays(const struct outlet *o)
{
    return o->state != OUTLET_CLOSING && !o->draining;
}

void
suspend_surplus(struct queue *q)
{
    int64_t most = q->opt->max_connections;
    uint64_t stay = 0;
    struct list *n;

    if (most < 0 || q->busy->outlet_count <= (uint64_t)most)
        return;
    LIST_FOREACH (n, &q->busy->outlets)
        stay += suspend_stays(LIST_ENTRY(n, struct outlet, node));
    for (int busy = 0; busy < 2; busy++) /* idle ones first, then the newest */
        for (n = q->busy->outlets.prev;
             n != &q->busy->outlets && stay > (uint64_t)most; n = n->prev) {
            struct outlet *o = LIST_ENTRY(n, struct outlet, node);

            if (!suspend_stays(o) || (!busy && o->state != OUTLET_IDLE))
                continue;
            outlet_withdraw(o);
            stay--;
        }
}
