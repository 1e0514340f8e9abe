/* SPDX-License-Identifier: Apache-2.0
 *
 * why.c - `explain`: prints what explain.h and reasons.h say.
 */
#include "queue/print.h"

#include "base/clock.h"
#include "base/num.h"
#include "conf/override.h"
#include "queue/active.h"
#include "queue/explain.h"
#include "queue/queue.h"
#include "queue/queue_options.h"
#include "queue/reasons.h"
#include "queue/rollup.h"
#include "route/route_options.h"
#include "base/banned.h"

/* Where the reasons of something go: rows or lines. */
struct why {
    const struct queue *q;
    json_t *row, *also; /* also: those behind the first */
    struct buf *out;
    const char *indent;
    enum wait_reason first; /* was told already */
    bool told;
};

static void
why_json(json_t *row, const struct queue *q, const struct reason *r)
{
    json_object_set_new(row, "reason", json_string(wait_key(r->why)));
    json_object_set_new(row, "text", json_string(wait_text(r->why)));
    json_object_set_new(row, "detail", print_str(r->detail));
    json_object_set_new(row, "event", json_string(wait_next(r->why)));
    if (r->since)
        json_object_set_new(
            row, "since_ms", json_integer(loop_now(q->s->loop) - r->since));
    if (r->until)
        json_object_set_new(row, "next", json_integer(r->until / 1000));
}

static void
why_text(const struct why *w, const struct reason *r)
{
    struct buf *out = w->out;

    buf_printf(out, "%s%swaits: %s (%s)", w->indent, w->told ? "also " : "",
        wait_text(r->why), wait_key(r->why));
    if (r->since) {
        buf_cstr(out, ", for ");
        num_print_duration(out, loop_now(w->q->s->loop) - r->since);
    }
    if (r->detail.n)
        buf_printf(out, "\n%sbecause: %.*s", w->indent, STR_ARG(r->detail));
    buf_printf(out, "\n%snext: ", w->indent);
    if (r->until) {
        clock_print_iso(out, r->until);
        buf_cstr(out, ", ");
    }
    buf_printf(out, "%s\n", wait_next(r->why));
}

static void
why_tell(void *arg, const struct reason *r)
{
    struct why *w = arg;

    if (w->told && r->why == w->first)
        return;
    if (!w->row) {
        why_text(w, r);
    } else if (!w->told) {
        why_json(w->row, w->q, r);
    } else {
        json_t *more = json_object();

        why_json(more, w->q, r);
        json_array_append_new(w->also, more);
    }
    if (!w->told)
        w->first = r->why;
    w->told = true;
}

static bool
why_is_of_queue(enum wait_reason r)
{
    return r != WAIT_LENT && r != WAIT_BEGUN && r != WAIT_RECALLING &&
        r != WAIT_WRITING && r != WAIT_BOUNCING && r != WAIT_LOADING &&
        r != WAIT_NONE;
}

/* What its queue waits for is no reason of its own, if that only says what the
 * others of the queue do. */
static void
why_tell_parcel(void *arg, const struct reason *r)
{
    static const enum wait_reason others[] = {WAIT_EMPTY, WAIT_MOVING,
        WAIT_TURN, WAIT_RETRY_TIME, WAIT_HELD, WAIT_CONNECTING, WAIT_PROBING,
        WAIT_LOADING, WAIT_BOUNCING};
    struct why *w = arg;

    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        if (r->why == others[i])
            return;
    why_tell(w, r);
}

static void
why_parcel_all(struct why *w, const struct parcel *p)
{
    struct buf full = BUF_INIT;
    struct explanation x;
    struct reason r;

    explain_parcel(p, &x);
    r = (struct reason){.why = x.reason, .since = x.since, .until = x.until};
    if (x.reason == w->q->reason && why_is_of_queue(x.reason)) {
        reasons_each(p->queue, why_tell, w); /* the same one is the first */
        return;
    }
    if (x.reason == WAIT_MEMORY && active_say_full(w->q, &full))
        r.detail = buf_get(&full);
    why_tell(w, &r);
    buf_fini(&full);
    if (why_is_of_queue(x.reason))
        reasons_each(p->queue, why_tell_parcel, w);
}

/* Why it is in a queue that new mail like it would not be in. */
static void
why_moved(const struct parcel *p, json_t *row, struct buf *out)
{
    const struct queue *q = rollup_home(p);

    if (row && q != p->queue)
        json_object_set_new(row, "home", print_str(str_of(q->zone->name)));
    else if (q != p->queue)
        buf_printf(
            out, "    mail of %s, whose MX share that queue\n", q->zone->name);
    if (row) {
        json_object_set_new(
            row, "rebound", json_boolean(p->moved & PARCEL_BOUND));
        json_object_set_new(
            row, "rerouted", json_boolean(p->moved & PARCEL_ROUTED));
        return;
    }
    if (p->moved & PARCEL_BOUND)
        buf_printf(out, "    moved to binding %s by hand (rebind)\n",
            q->binding->name);
    if (p->moved & PARCEL_ROUTED)
        buf_printf(out,
            "    moved to the queues of %s by hand (reroute queue)\n",
            q->zone->name);
}

static json_t *
why_parcel(const struct parcel *p, bool json, struct buf *out)
{
    const struct queue *q = p->queue;
    struct why w = {.q = q, .out = out, .indent = "    "};
    int64_t expiry = queue_expiry(q, p);

    if (json) {
        w.row = json_pack("{s:s,s:o,s:o,s:s,s:I,s:I,s:I}", "state",
            parcel_state_name(p->state), "domain",
            print_str(str_of(q->zone->name)), "binding",
            print_str(str_of(q->binding->name)), "method", q->carrier->method,
            "recipients", (json_int_t)p->rcpt_count, "retries",
            (json_int_t)p->retries, "expires", (json_int_t)(expiry / 1000));
        w.also = json_array();
        json_object_set_new(w.row, "also", w.also);
    } else {
        buf_printf(out,
            "  %u recipient%s in queue %s/%s (%s): %s, %u failed "
            "attempt%s, expires ",
            p->rcpt_count, p->rcpt_count == 1 ? "" : "s", q->binding->name,
            q->zone->name, q->carrier->method, parcel_state_name(p->state),
            p->retries, p->retries == 1 ? "" : "s");
        clock_print_iso(out, expiry);
        buf_char(out, '\n');
    }
    why_moved(p, w.row, out);
    why_parcel_all(&w, p);
    return w.row;
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
    struct why w = {.q = q, .out = out, .indent = "  "};
    struct buf hosts = BUF_INIT;

    if (json) {
        w.row = json_pack("{s:o,s:o,s:s,s:I,s:I,s:I}", "domain",
            print_str(str_of(q->zone->name)), "binding",
            print_str(str_of(q->binding->name)), "method", q->carrier->method,
            "active", (json_int_t)queue_active(q), "delayed",
            (json_int_t)queue_delayed(q), "connections",
            (json_int_t)q->busy->outlet_count);
        w.also = json_array();
        json_object_set_new(w.row, "also", w.also);
        reasons_print_hosts(q, "", &hosts);
        json_object_set_new(w.row, "hosts", print_str(buf_get(&hosts)));
        buf_fini(&hosts);
    } else {
        buf_printf(out,
            "queue %s/%s (%s, port %u): %llu active, %llu delayed, "
            "%llu connections\n",
            q->binding->name, q->zone->name, q->carrier->method, q->port,
            (unsigned long long)queue_active(q),
            (unsigned long long)queue_delayed(q),
            (unsigned long long)q->busy->outlet_count);
        reasons_print_hosts(q, "  ", out);
    }
    reasons_each(q, why_tell, &w);
    return w.row;
}

/* --- a domain without mail: what would become of some --- */

static const struct {
    const struct option_set *set;
    uint32_t option;
} why_options[] = {
    {&route_options, ROUTE_GATEWAY},
    {&route_options, ROUTE_ROUTES},
    {&queue_options, QUEUE_SUSPEND_DELIVERY},
    {&queue_options, QUEUE_BLACKHOLE},
    {&queue_options, QUEUE_MAX_OUTBOUND_CONNECTIONS},
    {&queue_options, QUEUE_SCOPE_MAX_OUTBOUND_CONNECTIONS},
    {&queue_options, QUEUE_OUTBOUND_THROTTLE_MESSAGES},
    {&queue_options, QUEUE_OUTBOUND_THROTTLE_CONNECTIONS},
    {&queue_options, QUEUE_RETRY_INTERVAL},
};

/* Those that somebody has said something of. */
static void
why_print_said(const struct scope *s, const char *indent, struct buf *out)
{
    for (size_t i = 0; i < ARRAY_SIZE(why_options); i++) {
        uint32_t id = OPT(*why_options[i].set, why_options[i].option);

        if (!scope_origin(s, id))
            continue;
        buf_printf(out, "%s%s of ", indent, option_get(id)->name);
        scope_print_origin(s, id, out);
        buf_char(out, '\n');
    }
}

static void
why_nobody(struct scheduler *s, struct str domain, struct str binding,
    bool json, struct buf *out)
{
    struct buf text = BUF_INIT;
    struct destination to;
    struct domain *record;

    if (!binding.p)
        binding = STR("default");
    resolve_destination(s->generation, binding, domain, &to);
    record = domain_get(s->resolver, &to);
    domain_print(record, s->generation,
        generation_scope(s->generation, binding, domain), binding, to.port,
        &text);
    why_print_said(generation_scope(s->generation, binding, domain),
        json ? "" : "  ", &text);
    domain_unref(&record);
    if (json)
        print_json(json_pack("{s:[],s:o,s:o,s:s,s:i,s:o}", "queues", "domain",
                       print_str(domain), "queued_as", print_str(to.domain),
                       "method", method_name(to.method), "port", (int)to.port,
                       "text", print_str(buf_get(&text))),
            out);
    else
        buf_printf(out,
            "no mail for %.*s is queued; binding %.*s would queue it as %.*s "
            "(%s, port %u)%s\n%.*s",
            STR_ARG(domain), STR_ARG(binding), STR_ARG(to.domain),
            method_name(to.method), to.port,
            to.by_gateway ? ", its gateway" : "", STR_ARG(buf_get(&text)));
    buf_fini(&text);
}

static size_t
why_queues(
    const struct zone *z, struct str binding, json_t *rows, struct buf *out)
{
    struct list *n;
    size_t found = 0;

    LIST_FOREACH (n, &z->queues) {
        struct queue *q = LIST_ENTRY(n, struct queue, zone_node);
        json_t *row;

        if (!print_is_of(q, binding))
            continue;
        found++;
        row = why_queue(q, rows != NULL, out);
        if (row)
            json_array_append_new(rows, row);
    }
    return found;
}

int
scheduler_explain_domain(struct scheduler *s, struct str domain,
    struct str binding, bool json, struct buf *out, struct err *e)
{
    struct override_place place = {.domain = domain};
    struct zone *z = print_zone(s, domain);
    json_t *rows = json ? json_array() : NULL;
    struct buf name = BUF_INIT;
    int rc = 0;

    if (z && why_queues(z, binding, rows, out)) {
        if (rows)
            print_json(json_pack("{s:O}", "queues", rows), out);
    } else if ((rc = override_place_check(&place, &name, &place, e)) == 0) {
        why_nobody(s, place.domain, binding, json, out);
    }
    json_decref(rows);
    buf_fini(&name);
    return rc;
}
