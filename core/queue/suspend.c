/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/suspend.h"

#include "queue/outlet.h"
#include "queue/pause.h"
#include "queue/queue.h"
#include "queue/queue_options.h"
#include "base/banned.h"

enum { MODULE_AGAIN_MS = 30000 }; /* ask again for one that is missing */

const struct module_found *
suspend_module(struct queue *q)
{
    struct carrier *c = q->carrier;
    uint64_t number = generation_number(q->s->generation);
    int64_t now = loop_now(q->s->loop);

    if (c->generation != number ||
        (c->found.state != MODULE_LOADED &&
            now >= c->asked_at + MODULE_AGAIN_MS)) {
        registry_method(q->s->generation, c->method, &c->found);
        c->generation = number;
        c->asked_at = now;
    }
    return &c->found;
}

enum wait_reason
suspend_reason(struct queue *q, int64_t *until)
{
    int64_t now = loop_now(q->s->loop);

    if (q->s->draining)
        return WAIT_DRAINING;
    if (pause_is_on(q->s))
        return WAIT_STORING;
    if (q->opt->blackhole != QUEUE_BLACKHOLE_NO)
        return WAIT_BLACKHOLE;
    if (q->sweep)
        return WAIT_DELAYING;
    if (q->opt->suspended)
        return WAIT_SUSPENDED;
    if (suspend_module(q)->state != MODULE_LOADED) {
        *until = q->carrier->asked_at + MODULE_AGAIN_MS;
        return WAIT_MODULE;
    }
    if (q->hold_until > now) {
        *until = q->hold_until;
        return WAIT_ROUTE_HELD;
    }
    return WAIT_NONE;
}

void
suspend_withdraw(struct queue *q)
{
    struct list *n;

    LIST_FOREACH (n, &q->outlets) {
        struct outlet *o = LIST_ENTRY(n, struct outlet, node);

        /* One that is being opened ends as soon as it is: a connection that is
         * given up before would count against its host. */
        o->draining = true;
        outlet_recall(o, false);
        if (o->state == OUTLET_IDLE)
            outlet_close(o, false);
        else
            outlet_update(o);
    }
}
