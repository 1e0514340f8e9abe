/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/print.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/xmem.h"
#include "queue/queue.h"
#include "base/banned.h"

enum { PRINT_RCPT_MOST = 4096 };

void
print_add(struct print_sums *to, const struct queue *q)
{
    to->sessions += q->outlet_count;
    to->active += queue_active(q);
    to->delayed += queue_delayed(q);
    to->delivered += q->delivered;
    to->failed += q->failed;
    to->transient += q->transient;
}

bool
print_is_all(struct str name)
{
    return !name.n || str_ieq(name, STR("all"));
}

bool
print_is_of(const struct queue *q, struct str binding)
{
    return print_is_all(binding) || str_eq(str_of(q->binding->name), binding);
}

struct zone *
print_zone(struct scheduler *s, struct str domain)
{
    struct zone *z = map_find(&s->zones, domain);
    char lower[256];

    if (z || domain.n >= sizeof(lower))
        return z;
    (void)str_copy(lower, sizeof(lower), domain);
    for (char *p = lower; *p; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p + 'a' - 'A');
    return map_find(&s->zones, str_of(lower));
}

json_t *
print_str(struct str s)
{
    json_t *j = json_stringn(s.p ? s.p : "", s.n);
    char *ascii;

    if (j)
        return j;
    ascii = xdupn(s.p, s.n);
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)ascii[i] > 126)
            ascii[i] = '?';
    j = json_stringn(ascii, s.n);
    free(ascii);
    return j;
}

json_t *
print_id(uint64_t id)
{
    char text[MESSAGE_ID_SIZE];

    message_id_print(id, text);
    return json_string(text);
}

void
print_json(json_t *j, struct buf *out)
{
    char *text = json_dumps(j, JSON_COMPACT);

    buf_cstr(out, text ? text : "{}");
    buf_char(out, '\n');
    free(text);
    json_decref(j);
}

static bool
print_has(const struct parcel *p, uint32_t rcpt)
{
    for (; p; p = parcel_next(p))
        for (uint32_t i = 0; i < p->rcpt_count; i++)
            if (parcel_rcpt(p)[i] == rcpt)
                return true;
    return false;
}

struct parcel *
print_find(struct scheduler *s, uint64_t id, uint32_t *rcpt)
{
    struct parcel *p = parcel_find(&s->parcels, id);

    *rcpt = UINT32_MAX;
    if (p)
        return p;
    for (uint32_t i = 1; i < PRINT_RCPT_MOST && i < id; i++) {
        p = parcel_find(&s->parcels, id - i);
        if (p && print_has(p, i)) {
            *rcpt = i;
            return p;
        }
    }
    return NULL;
}

/* --- active N, delayed N --- */

static void
print_zone_row(
    const char *name, const struct print_sums *n, json_t *rows, struct buf *out)
{
    if (rows) {
        json_array_append_new(rows,
            json_pack("{s:o,s:I,s:I,s:I,s:I}", "domain",
                print_str(str_of(name)), "connections", (json_int_t)n->sessions,
                "active", (json_int_t)n->active, "delayed",
                (json_int_t)n->delayed, "sent", (json_int_t)n->delivered));
        return;
    }
    buf_printf(out, "Domain: %-40s C: %6llu A: %8llu D: %8llu S: %10llu\n",
        name, (unsigned long long)n->sessions, (unsigned long long)n->active,
        (unsigned long long)n->delayed, (unsigned long long)n->delivered);
}

void
scheduler_print_domains(struct scheduler *s, bool delayed, uint64_t above,
    struct str binding, bool json, struct buf *out)
{
    json_t *rows = json ? json_array() : NULL, *top;
    struct print_sums all = {0};
    struct list *zn, *n;

    LIST_FOREACH (zn, &s->all_zones) {
        struct zone *z = LIST_ENTRY(zn, struct zone, node);
        struct print_sums sums = {0};

        LIST_FOREACH (n, &z->queues) {
            struct queue *q = LIST_ENTRY(n, struct queue, zone_node);

            if (!print_is_of(q, binding))
                continue;
            print_add(&sums, q);
            print_add(&all, q);
        }
        if (above == SCHEDULER_EVERY_DOMAIN ||
            (delayed ? sums.delayed : sums.active) > above)
            print_zone_row(z->name, &sums, rows, out);
    }
    if (!json) {
        print_zone_row("Total", &all, NULL, out);
        return;
    }
    top = json_pack("{s:o,s:{s:I,s:I,s:I,s:I}}", "domains", rows, "total",
        "connections", (json_int_t)all.sessions, "active",
        (json_int_t)all.active, "delayed", (json_int_t)all.delayed, "sent",
        (json_int_t)all.delivered);
    print_json(top, out);
}

/* --- mailq --- */

static void
print_mailq_row(const struct queue *q, json_t *rows, struct buf *out)
{
    char name[128];

    if (rows) {
        json_array_append_new(rows,
            json_pack("{s:o,s:o,s:o,s:I,s:I}", "binding_group",
                print_str(str_of(q->binding->group->name)), "binding",
                print_str(str_of(q->binding->name)), "domain",
                print_str(str_of(q->zone->name)), "active",
                (json_int_t)queue_active(q), "delayed",
                (json_int_t)queue_delayed(q)));
        return;
    }
    (void)snprintf(
        name, sizeof(name), "%s/%s", q->binding->group->name, q->binding->name);
    buf_printf(out, "%-30s %-40s %8llu %8llu\n", name, q->zone->name,
        (unsigned long long)queue_active(q),
        (unsigned long long)queue_delayed(q));
}

void
scheduler_print_mailq(struct scheduler *s, struct str domain,
    struct str binding, uint64_t limit, bool json, struct buf *out)
{
    json_t *rows = json ? json_array() : NULL;
    uint64_t shown = 0, more = 0;
    struct list *n;

    if (!json)
        buf_printf(out, "%-30s %-40s %8s %8s\n", "Group/Binding", "Domain",
            "AQ", "DQ");
    LIST_FOREACH (n, &s->all_queues) {
        const struct queue *q = LIST_ENTRY(n, struct queue, node);

        if (!queue_parcels(q) || !print_is_of(q, binding) ||
            (!print_is_all(domain) && !str_ieq(str_of(q->zone->name), domain)))
            continue;
        if (shown < limit) {
            print_mailq_row(q, rows, out);
            shown++;
        } else {
            more++;
        }
    }
    if (json)
        print_json(json_pack("{s:o,s:I}", "queues", rows, "not_shown",
                       (json_int_t)more),
            out);
    else if (more)
        buf_printf(out, "%llu queues not shown\n", (unsigned long long)more);
}

/* --- binding summary --- */

static void
print_binding_queues(
    struct scheduler *s, const struct bindstate *b, struct print_sums *to)
{
    struct list *n;

    LIST_FOREACH (n, &s->all_queues) {
        const struct queue *q = LIST_ENTRY(n, struct queue, node);

        if (q->binding == b)
            print_add(to, q);
    }
}

static void
print_binding(struct scheduler *s, const struct bindstate *b, json_t *rows,
    struct buf *out)
{
    struct print_sums n = {0};
    int64_t since = clock_wall() - s->stats.reset_at;
    double rate = since > 0 ? (double)b->delivered * 1000 / (double)since : 0;

    print_binding_queues(s, b, &n);
    if (rows) {
        json_array_append_new(rows,
            json_pack("{s:o,s:o,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:f}", "binding",
                print_str(str_of(b->name)), "binding_group",
                print_str(str_of(b->group->name)), "connections",
                (json_int_t)b->sessions, "active", (json_int_t)n.active,
                "total", (json_int_t)(n.active + n.delayed), "delivered",
                (json_int_t)b->delivered, "failed", (json_int_t)b->failed,
                "transient", (json_int_t)b->transient, "received",
                (json_int_t)b->received, "delivery_rate", rate));
        return;
    }
    buf_printf(out,
        "Binding:            %s (group %s)\nOpen Connections:   %llu\n"
        "Active Queue Size:  %llu\nTotal Queue Size:   %llu\n"
        "Delivered:          %llu\nFailed:             %llu\n"
        "Transient:          %llu\nReceived:           %llu\n"
        "Delivery Rate:      %.2f msg/s\n\n",
        b->name, b->group->name, (unsigned long long)b->sessions,
        (unsigned long long)n.active,
        (unsigned long long)(n.active + n.delayed),
        (unsigned long long)b->delivered, (unsigned long long)b->failed,
        (unsigned long long)b->transient, (unsigned long long)b->received,
        rate);
}

void
scheduler_print_bindings(
    struct scheduler *s, struct str which, bool json, struct buf *out)
{
    json_t *rows = json ? json_array() : NULL;
    struct str group = STR_NONE;
    struct list *n;

    if (str_starts(which, STR("group:")))
        group = str_from(which, 6);
    LIST_FOREACH (n, &s->all_bindings) {
        struct bindstate *b = LIST_ENTRY(n, struct bindstate, node);

        if (group.p ? str_eq(str_of(b->group->name), group)
                    : print_is_all(which) || str_eq(str_of(b->name), which))
            print_binding(s, b, rows, out);
    }
    if (json)
        print_json(json_pack("{s:o}", "bindings", rows), out);
}
