/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/values.h"

#include <stdlib.h>
#include "base/buf.h"
#include "base/bug.h"
#include "base/xmem.h"
#include "conf/generation.h"
#include "queue/queue_options.h"
#include "route/binding.h"
#include "base/banned.h"

static struct str
queue_values_key(const struct queue_values *v)
{
    return str_make((const char *)&v->key, sizeof(v->key));
}

static int64_t
queue_int(const struct scope *scope, int row)
{
    return scope_int(scope, OPT(queue_options, row));
}

/* Of the core's own layers sessions read what a module has imported, and what
 * decides on the TLS that a hop demands. */
static bool
queue_sessions_read(uint32_t id)
{
    static const char *const others[] = {
        "queue", "route", "intake", "auth", "spool", "logs", "ctl"};

    static const char *const of_hops[] = {"use_dane", "enable_dane"};

    if (option_is_imported(id))
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(of_hops); i++)
        if (strcmp(option_get(id)->name, of_hops[i]) == 0)
            return true;
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        if (str_eq(str_of(option_layer(id)), str_of(others[i])))
            return false;
    return true;
}

/* Options of sessions by where they are set: two scopes that fall back to the
 * same stanzas for all of them make the same sessions. */
static uint64_t
queue_session_hash(const struct scope *scope)
{
    struct buf b = BUF_INIT;
    uint64_t hash;

    for (uint32_t id = 0; id < option_count(); id++) {
        const struct stanza *from = scope_origin(scope, id);

        if (from && queue_sessions_read(id))
            buf_printf(&b, "%u=%p ", id, (const void *)from);
    }
    hash = str_hash(buf_get(&b));
    buf_fini(&b);
    return hash;
}

static void
queue_values_read(struct queue_values *v, const struct scope *scope)
{
    uint32_t active = OPT(queue_options, QUEUE_MAX_RESIDENT_ACTIVE_QUEUE);

    v->max_connections = queue_int(scope, QUEUE_MAX_OUTBOUND_CONNECTIONS);
    v->max_deliveries = queue_int(scope, QUEUE_MAX_DELIVERIES_PER_CONNECTION);
    v->max_recipients = queue_int(scope, QUEUE_MAX_RECIPIENTS_PER_CONNECTION);
    v->max_batch = queue_int(scope, QUEUE_MAX_RECIPIENTS_PER_BATCH);
    v->idle_timeout = queue_int(scope, QUEUE_IDLE_TIMEOUT);
    v->mx_failures = queue_int(scope, QUEUE_MX_FAILURES_TO_DELAY);
    v->connect_timeout_to_delay =
        queue_int(scope, QUEUE_CONNECT_TIMEOUT_TO_DELAY);
    v->blackhole = queue_int(scope, QUEUE_BLACKHOLE);
    v->session = queue_session_hash(scope);
    v->fuzz = queue_int(scope, QUEUE_DELAYED_BINDING_DOMAIN_FUZZ);
    v->suspended = queue_int(scope, QUEUE_SUSPEND_DELIVERY) != 0;
    v->max_active = scope_int(scope, active);
    v->strict_active = scope_origin(scope, active) != NULL;
    v->allocation = scope_double(
        scope, OPT(queue_options, QUEUE_CONNECTION_ALLOCATION_AGGRESSIVENESS));
    v->greets_as_sender = binding_greets_as_sender(scope);
    retry_read(&v->retry, scope);
    delaydsn_read(&v->delay, scope);
}

const struct queue_values *
queue_values_get(
    struct map *all, const struct generation *g, const struct scope *scope)
{
    struct queue_values *v = xnew(struct queue_values), *known;

    v->key.generation = generation_number(g);
    v->key.scope = scope;
    known = map_find(all, queue_values_key(v));
    if (known) {
        free(v);
        v = known;
    } else {
        queue_values_read(v, scope);
        (void)map_put(all, queue_values_key(v), v);
    }
    v->refs++;
    return v;
}

void
queue_values_put(struct map *all, const struct queue_values **pv)
{
    const struct queue_values *v = *pv;
    struct queue_values *mine;

    *pv = NULL;
    if (!v)
        return;
    mine = map_find(all, queue_values_key(v));
    BUG_ON(mine != v);
    if (--mine->refs)
        return;
    (void)map_remove(all, queue_values_key(mine));
    free(mine);
}
