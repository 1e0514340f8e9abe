/* SPDX-License-Identifier: Apache-2.0
 *
 * why.c - `explain`: prints what explain.h says.
 */
#include "queue/print.h"

#include "base/clock.h"
#include "base/num.h"
#include "queue/explain.h"
#include "queue/queue.h"
#include "base/banned.h"

static void
why_add(json_t *row, const struct queue *q, const struct explanation *x,
    struct buf *out, const char *indent)
{
    struct buf detail = BUF_INIT, age = BUF_INIT;
    int64_t held = x->since ? loop_now(q->s->loop) - x->since : -1;

    if (x->reason == q->reason)
        explain_detail(q, &detail);
    if (row) {
        json_object_set_new(row, "reason", json_string(wait_key(x->reason)));
        json_object_set_new(row, "text", json_string(wait_text(x->reason)));
        json_object_set_new(row, "detail", print_str(buf_get(&detail)));
        if (held >= 0)
            json_object_set_new(row, "since_ms", json_integer(held));
        if (x->until)
            json_object_set_new(row, "next", json_integer(x->until / 1000));
        buf_fini(&detail);
        return;
    }
    buf_printf(out, "%swaits: %s (%s)", indent, wait_text(x->reason),
        wait_key(x->reason));
    if (held >= 0) {
        num_print_duration(&age, held);
        buf_printf(out, ", for %.*s", STR_ARG(buf_get(&age)));
    }
    if (detail.n)
        buf_printf(out, "\n%sbecause: %.*s", indent, STR_ARG(buf_get(&detail)));
    if (x->until) {
        buf_printf(out, "\n%snext: ", indent);
        clock_print_iso(out, x->until);
    }
    buf_char(out, '\n');
    buf_fini(&detail);
    buf_fini(&age);
}

static json_t *
why_parcel(const struct parcel *p, bool json, struct buf *out)
{
    const struct queue *q = p->queue;
    int64_t expiry = queue_expiry(q, p);
    struct explanation x;
    json_t *row = NULL;

    explain_parcel(p, &x);
    if (json) {
        row = json_pack("{s:s,s:o,s:o,s:s,s:I,s:I,s:I}", "state",
            parcel_state_name(p->state), "domain",
            print_str(str_of(q->zone->name)), "binding",
            print_str(str_of(q->binding->name)), "method", q->carrier->method,
            "recipients", (json_int_t)p->rcpt_count, "retries",
            (json_int_t)p->retries, "expires", (json_int_t)(expiry / 1000));
        why_add(row, q, &x, NULL, "");
        return row;
    }
    buf_printf(out,
        "  %u recipient%s in queue %s/%s (%s): %s, %u failed "
        "attempt%s, expires ",
        p->rcpt_count, p->rcpt_count == 1 ? "" : "s", q->binding->name,
        q->zone->name, q->carrier->method, parcel_state_name(p->state),
        p->retries, p->retries == 1 ? "" : "s");
    clock_print_iso(out, expiry);
    buf_char(out, '\n');
    why_add(NULL, q, &x, out, "    ");
    return NULL;
}

int
scheduler_explain_message(
    struct scheduler *s, uint64_t id, bool json, struct buf *out, struct err *e)
{
    uint32_t rcpt;
    struct parcel *p = print_find(s, id, &rcpt);
    json_t *rows = json ? json_array() : NULL;
    char text[MESSAGE_ID_SIZE];

    message_id_print(id, text);
    if (!p) {
        json_decref(rows);
        return err_set(e, ERR_NOTFOUND, "message %s is not queued", text);
    }
    if (!json)
        buf_printf(out, "message %s\n", text);
    for (; p; p = parcel_next(p)) {
        json_t *row = why_parcel(p, json, out);

        if (row)
            json_array_append_new(rows, row);
    }
    if (json)
        print_json(
            json_pack("{s:s,s:o}", "message", text, "parcels", rows), out);
    return 0;
}

static json_t *
why_queue(struct queue *q, bool json, struct buf *out)
{
    struct explanation x;
    json_t *row = NULL;

    explain_queue(q, &x);
    if (json) {
        row = json_pack("{s:o,s:o,s:s,s:I,s:I,s:I}", "domain",
            print_str(str_of(q->zone->name)), "binding",
            print_str(str_of(q->binding->name)), "method", q->carrier->method,
            "active", (json_int_t)queue_active(q), "delayed",
            (json_int_t)queue_delayed(q), "connections",
            (json_int_t)q->outlet_count);
        why_add(row, q, &x, NULL, "");
        return row;
    }
    buf_printf(out,
        "queue %s/%s (%s, port %u): %llu active, %llu delayed, "
        "%llu connections\n",
        q->binding->name, q->zone->name, q->carrier->method, q->port,
        (unsigned long long)queue_active(q),
        (unsigned long long)queue_delayed(q),
        (unsigned long long)q->outlet_count);
    why_add(NULL, q, &x, out, "  ");
    return NULL;
}

int
scheduler_explain_domain(struct scheduler *s, struct str domain,
    struct str binding, bool json, struct buf *out, struct err *e)
{
    struct zone *z = print_zone(s, domain);
    json_t *rows = json ? json_array() : NULL;
    struct list *n;

    if (!z) {
        json_decref(rows);
        return err_set(
            e, ERR_NOTFOUND, "no mail for %.*s is queued", STR_ARG(domain));
    }
    LIST_FOREACH (n, &z->queues) {
        struct queue *q = LIST_ENTRY(n, struct queue, zone_node);
        json_t *row;

        if (!print_is_of(q, binding))
            continue;
        row = why_queue(q, json, out);
        if (row)
            json_array_append_new(rows, row);
    }
    if (json)
        print_json(json_pack("{s:o}", "queues", rows), out);
    return 0;
}
