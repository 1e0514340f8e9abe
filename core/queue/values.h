/* SPDX-License-Identifier: Apache-2.0
 *
 * values.h - option values as queues use them: read once for each scope of a
 * generation, shared by all queues that have it.
 */
#ifndef IMPEL_VALUES_H
#define IMPEL_VALUES_H

#include "base/map.h"
#include "conf/scope.h"
#include "queue/delaydsn.h"
#include "queue/retry.h"

struct generation;

/* Names as the options' in queue_options.h; -1 or 0 as there. */
struct queue_values {
    uint64_t refs;
    struct {
        uint64_t generation; /* its number: scopes of another may come to lie
                                where one of this was */
        const struct scope *scope;
    } key;
    int64_t max_connections, max_deliveries, max_recipients, max_batch;
    int64_t idle_timeout, mx_failures, connect_timeout_to_delay;
    int64_t blackhole, max_active, fuzz;
    bool suspended, strict_active;
    uint64_t session;      /* of what sessions read: equal if all of it is */
    double allocation;     /* of goal.h */
    bool greets_as_sender; /* a message is there before the connection */
    struct retry retry;
    struct delaydsn delay;
};

/* A reference to the scope's values, read if `all` has none of them yet. */
const struct queue_values *queue_values_get(
    struct map *all, const struct generation *g, const struct scope *scope);
/* Give it back; *v may be NULL and becomes it. */
void queue_values_put(struct map *all, const struct queue_values **v);

#endif
