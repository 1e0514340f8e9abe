/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/print.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/idna.h"
#include "base/xmem.h"
#include "queue/queue.h"
#include "queue/zone.h"
#include "base/banned.h"

enum { PRINT_RCPT_MOST = 4096 };

void
print_add(struct print_sums *to, const struct queue *q)
{
    to->sessions += q->busy->outlet_count;
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
    struct zone *z = zone_find(s, domain);
    struct buf name = BUF_INIT;

    if (z || domain.n > 320)
        return z;
    (void)idna_fold(domain, &name); /* what is no name is not there */
    z = zone_find(s, buf_get(&name));
    buf_fini(&name);
    return z;
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

/* --- binding summary --- */

static bool
print_is_gone(struct scheduler *s, const struct bindstate *b)
{
    return !generation_binding_group(s->generation, str_of(b->name)).p;
}

static void
print_binding(struct scheduler *s, const struct bindstate *b, json_t *rows,
    struct buf *out)
{
    const struct tally *n = &b->held;
    uint64_t active = n->active + n->lent;
    int64_t since = clock_wall() - s->stats.reset_at;
    double rate = since > 0 ? (double)b->delivered * 1000 / (double)since : 0;
    bool gone = print_is_gone(s, b);

    if (rows) {
        json_array_append_new(rows,
            json_pack("{s:o,s:o,s:b,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:f}",
                "binding", print_str(str_of(b->name)), "binding_group",
                print_str(str_of(b->group->name)), "configured", (int)!gone,
                "connections", (json_int_t)b->limit.used, "active",
                (json_int_t)active, "total", (json_int_t)(active + n->delayed),
                "delivered", (json_int_t)b->delivered, "failed",
                (json_int_t)b->failed, "transient", (json_int_t)b->transient,
                "received", (json_int_t)b->received, "delivery_rate", rate));
        return;
    }
    buf_printf(out,
        "Binding:            %s (%s%s)\nOpen Connections:   %llu\n"
        "Active Queue Size:  %llu\nTotal Queue Size:   %llu\n"
        "Delivered:          %llu\nFailed:             %llu\n"
        "Transient:          %llu\nReceived:           %llu\n"
        "Delivery Rate:      %.2f msg/s\n\n",
        b->name, gone ? "not in the configuration" : "group ",
        gone ? "" : b->group->name, (unsigned long long)b->limit.used,
        (unsigned long long)active, (unsigned long long)(active + n->delayed),
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
        const struct tally *held = &b->held;

        if (print_is_gone(s, b) && !b->limit.used && !held->active &&
            !held->delayed && !held->lent)
            continue; /* nothing is left of it */
        if (group.p ? str_eq(str_of(b->group->name), group)
                    : print_is_all(which) || str_eq(str_of(b->name), which))
            print_binding(s, b, rows, out);
    }
    if (json)
        print_json(json_pack("{s:o}", "bindings", rows), out);
}
