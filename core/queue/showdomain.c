/* SPDX-License-Identifier: Apache-2.0
 *
 * showdomain.c - `domain D`: one domain, its queues and its sessions.
 */
#include "queue/print.h"

#include "queue/outlet.h"
#include "queue/queue.h"
#include "base/banned.h"

/* --- domain D --- */

static void
show_queue(const struct queue *q, json_t *rows, struct buf *out)
{
    if (rows) {
        json_array_append_new(rows,
            json_pack("{s:o,s:s,s:i,s:I,s:I,s:I,s:I,s:I,s:I,s:s}", "binding",
                print_str(str_of(q->binding->name)), "method",
                q->carrier->method, "port", (int)q->port, "connections",
                (json_int_t)q->busy->outlet_count, "active",
                (json_int_t)queue_active(q), "delayed",
                (json_int_t)queue_delayed(q), "delivered",
                (json_int_t)q->delivered, "failed", (json_int_t)q->failed,
                "transient", (json_int_t)q->transient, "waits",
                wait_key(q->reason)));
        return;
    }
    buf_printf(out,
        "Queue %s (%s, port %u): Active: %llu Delayed: %llu  waits: %s\n",
        q->binding->name, q->carrier->method, q->port,
        (unsigned long long)queue_active(q),
        (unsigned long long)queue_delayed(q), wait_key(q->reason));
}

static void
show_outlet(
    const struct outlet *o, unsigned number, json_t *rows, struct buf *out)
{
    struct buf doing = BUF_INIT;
    int64_t age = loop_now(o->s->loop) - o->opened_at;

    session_print(o->session, &doing);
    if (rows)
        json_array_append_new(rows,
            json_pack("{s:I,s:s,s:s,s:o,s:I,s:I,s:I}", "id", (json_int_t)o->id,
                "address", o->addr, "state", outlet_state_name(o->state),
                "doing", print_str(str_trim(buf_get(&doing))), "age_ms",
                (json_int_t)age, "lent", (json_int_t)o->lent_count,
                "deliveries", (json_int_t)o->deliveries));
    else
        buf_printf(out, "[%u] IP: %s State: %s %.*s (%lld ms)\n", number,
            o->addr, outlet_state_name(o->state),
            STR_ARG(str_trim(buf_get(&doing))), (long long)age);
    buf_fini(&doing);
}

static void
show_outlets(const struct zone *z, json_t *rows, struct buf *out)
{
    struct list *n, *on;
    unsigned number = 0;

    LIST_FOREACH (n, &z->queues) {
        const struct queue *q = LIST_ENTRY(n, struct queue, zone_node);

        LIST_FOREACH (on, &q->busy->outlets)
            show_outlet(
                LIST_ENTRY(on, struct outlet, node), ++number, rows, out);
    }
}

/* Each queue has a binding of its own, and marks and limits are by binding. */
static void
show_hosts(const struct zone *z, struct buf *out)
{
    struct list *n;

    LIST_FOREACH (n, &z->queues) {
        struct queue *q = LIST_ENTRY(n, struct queue, zone_node);

        domain_print(queue_record(q), q->generation, q->scope,
            str_of(q->binding->name), q->port, out);
    }
}

static void
show_domain_json(const struct zone *z, struct buf *out)
{
    json_t *queues = json_array(), *sessions = json_array();
    struct buf hosts = BUF_INIT;
    struct list *n;

    show_hosts(z, &hosts);
    LIST_FOREACH (n, &z->queues)
        show_queue(LIST_ENTRY(n, struct queue, zone_node), queues, NULL);
    show_outlets(z, sessions, NULL);
    print_json(
        json_pack("{s:o,s:o,s:o,s:o,s:I,s:I,s:I}", "domain",
            print_str(str_of(z->name)), "hosts", print_str(buf_get(&hosts)),
            "queues", queues, "sessions", sessions, "delivered",
            (json_int_t)z->delivered, "failed", (json_int_t)z->failed,
            "transient", (json_int_t)z->transient),
        out);
    buf_fini(&hosts);
}

int
scheduler_print_domain(struct scheduler *s, struct str domain, bool json,
    struct buf *out, struct err *e)
{
    struct zone *z = print_zone(s, domain);
    struct list *n;

    if (!z)
        return err_set(e, ERR_NOTFOUND, "no mail for %.*s is or was queued",
            STR_ARG(domain));
    if (json) {
        show_domain_json(z, out);
        return 0;
    }
    show_hosts(z, out);
    LIST_FOREACH (n, &z->queues)
        show_queue(LIST_ENTRY(n, struct queue, zone_node), NULL, out);
    buf_printf(out,
        "Deliveries: %llu\nFailures: %llu\nTransient: %llu\n"
        "Active Connections:\n",
        (unsigned long long)z->delivered, (unsigned long long)z->failed,
        (unsigned long long)z->transient);
    show_outlets(z, NULL, out);
    return 0;
}
