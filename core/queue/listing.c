/* SPDX-License-Identifier: Apache-2.0
 *
 * listing.c - `domains`, `active N`, `delayed N` and `mailq`: jobs, since there
 * may be hundreds of thousands of queues.
 *
 * Rows are printed as they are met; a document of JSON is made row by row too.
 */
#include "queue/print.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/xmem.h"
#include "queue/queue.h"
#include "queue/rollup.h"
#include "queue/walk.h"
#include "base/banned.h"

struct listing {
    struct scheduler *s;
    struct scheduler_ask ask;
    struct buf out;
    char *domain, *binding; /* "all" */
    bool delayed, of_zone;
    uint64_t above; /* of domains */
    uint64_t limit; /* of mailq */
    uint64_t rows, more;
    struct print_sums all, sums; /* the latter: of the zone so far */
};

static struct listing *
listing_new(struct scheduler *s, struct str binding, struct str domain,
    const struct scheduler_ask *ask)
{
    struct listing *l = xnew(struct listing);

    l->s = s;
    l->ask = *ask;
    l->binding =
        print_is_all(binding) ? xdup("all") : xdupn(binding.p, binding.n);
    l->domain = print_is_all(domain) ? xdup("all") : xdupn(domain.p, domain.n);
    return l;
}

static void
listing_progress(void *arg, uint64_t done, uint64_t total)
{
    struct listing *l = arg;

    if (l->ask.progress)
        l->ask.progress(l->ask.arg, done, total);
}

static void
listing_reply(struct listing *l, bool cancelled)
{
    struct err e = {0};

    if (cancelled)
        (void)err_set(&e, ERR_CLOSED, "cancelled before the end");
    l->ask.reply(l->ask.arg, l->out.n ? buf_get(&l->out) : STR(""), &e);
    buf_fini(&l->out);
    free(l->domain);
    free(l->binding);
    free(l);
}

/* The next element of an array; j is taken. */
static void
listing_row(struct listing *l, json_t *j)
{
    char *text = json_dumps(j, JSON_COMPACT);

    if (l->rows++)
        buf_char(&l->out, ',');
    buf_cstr(&l->out, text ? text : "null");
    free(text);
    json_decref(j);
}

/* --- active N, delayed N, domains --- */

static json_t *
listing_json(const struct print_sums *n)
{
    return json_pack("{s:I,s:I,s:I,s:I}", "connections",
        (json_int_t)n->sessions, "active", (json_int_t)n->active, "delayed",
        (json_int_t)n->delayed, "sent", (json_int_t)n->delivered);
}

static void
listing_text(const char *name, const struct print_sums *n, struct buf *out)
{
    buf_printf(out, "Domain: %-40s C: %6llu A: %8llu D: %8llu S: %10llu\n",
        name, (unsigned long long)n->sessions, (unsigned long long)n->active,
        (unsigned long long)n->delayed, (unsigned long long)n->delivered);
}

static void
listing_zone_row(struct listing *l, const struct zone *z)
{
    json_t *j;

    if (l->above != SCHEDULER_EVERY_DOMAIN &&
        (l->delayed ? l->sums.delayed : l->sums.active) <= l->above)
        return;
    if (!l->ask.json) {
        listing_text(z->name, &l->sums, &l->out);
        return;
    }
    j = json_pack("{s:o}", "domain", print_str(str_of(z->name)));
    json_object_update_missing_new(j, listing_json(&l->sums));
    listing_row(l, j);
}

/* A zone has as many queues as there are bindings at most, but for ports and
 * methods: all at once. */
static enum job_step
listing_zone(void *arg, struct list *zn, bool fresh)
{
    struct zone *z = LIST_ENTRY(zn, struct zone, node);
    struct listing *l = arg;
    struct list *n;

    (void)fresh;
    l->sums = (struct print_sums){0};
    LIST_FOREACH (n, &z->queues) {
        struct queue *q = LIST_ENTRY(n, struct queue, zone_node);

        if (!print_is_of(q, str_of(l->binding)))
            continue;
        print_add(&l->sums, q);
        print_add(&l->all, q);
    }
    listing_zone_row(l, z);
    return JOB_DONE;
}

static void
listing_zones_end(void *arg, bool cancelled)
{
    struct listing *l = arg;

    if (l->ask.json) {
        buf_cstr(&l->out, "],\"total\":");
        print_json(listing_json(&l->all), &l->out);
        buf_cut(&l->out, l->out.n - 1); /* the end of the line */
        buf_cstr(&l->out, "}\n");
    } else {
        listing_text("Total", &l->all, &l->out);
    }
    listing_reply(l, cancelled);
}

void
scheduler_print_domains(struct scheduler *s, bool delayed, uint64_t above,
    struct str binding, const struct scheduler_ask *ask)
{
    struct listing *l = listing_new(s, binding, STR_NONE, ask);

    l->delayed = delayed;
    l->above = above;
    if (ask->json)
        buf_cstr(&l->out, "{\"domains\":[");
    walk_start(s,
        &(struct walk_request){.name = "list domains",
            .head = &s->all_zones,
            .total = s->zones.count,
            .visit = listing_zone,
            .progress = listing_progress,
            .end = listing_zones_end,
            .arg = l});
}

/* --- mailq --- */

/* Mail of a domain that others share a queue with is in that queue's row, and
 * said beside its own. */
static uint64_t
count_away(const struct queue *q)
{
    uint64_t count = 0;

    for (struct list *n = rollup_away(q); n; n = rollup_next_away(q, n))
        count++;
    return count;
}

static void
listing_queue_row(struct listing *l, const struct queue *q, uint64_t away)
{
    char name[128];

    if (l->ask.json) {
        listing_row(l,
            json_pack("{s:o,s:o,s:o,s:I,s:I,s:I}", "binding_group",
                print_str(str_of(q->binding->group->name)), "binding",
                print_str(str_of(q->binding->name)), "domain",
                print_str(str_of(q->zone->name)), "active",
                (json_int_t)queue_active(q), "delayed",
                (json_int_t)queue_delayed(q), "in_shared", (json_int_t)away));
        return;
    }
    l->rows++;
    (void)snprintf(
        name, sizeof(name), "%s/%s", q->binding->group->name, q->binding->name);
    buf_printf(&l->out, "%-30s %-40s %8llu %8llu", name, q->zone->name,
        (unsigned long long)queue_active(q),
        (unsigned long long)queue_delayed(q));
    if (away)
        buf_printf(
            &l->out, "  and %llu in a shared queue", (unsigned long long)away);
    buf_char(&l->out, '\n');
}

static enum job_step
listing_queue(void *arg, struct list *n, bool fresh)
{
    struct listing *l = arg;
    const struct queue *q = l->of_zone ? LIST_ENTRY(n, struct queue, zone_node)
                                       : LIST_ENTRY(n, struct queue, node);

    uint64_t away = count_away(q);

    (void)fresh;
    if ((!queue_parcels(q) && !away) || !print_is_of(q, str_of(l->binding)))
        return JOB_DONE;
    if (l->rows < l->limit)
        listing_queue_row(l, q, away);
    else
        l->more++;
    return JOB_DONE;
}

static void
listing_queues_end(void *arg, bool cancelled)
{
    struct listing *l = arg;

    if (l->ask.json)
        buf_printf(
            &l->out, "],\"not_shown\":%llu}\n", (unsigned long long)l->more);
    else if (l->more)
        buf_printf(
            &l->out, "%llu queues not shown\n", (unsigned long long)l->more);
    listing_reply(l, cancelled);
}

void
scheduler_print_mailq(struct scheduler *s, struct str domain,
    struct str binding, uint64_t limit, const struct scheduler_ask *ask)
{
    struct listing *l = listing_new(s, binding, domain, ask);
    struct walk_request r = {.name = "list queues",
        .head = &s->all_queues,
        .total = s->stats.queues,
        .visit = listing_queue,
        .progress = listing_progress,
        .end = listing_queues_end,
        .arg = l};

    l->limit = limit;
    if (!print_is_all(domain)) {
        struct zone *z = print_zone(s, domain);

        l->of_zone = true;
        r.head = z ? &z->queues : NULL;
        r.total = 1;
    }
    if (ask->json)
        buf_cstr(&l->out, "{\"queues\":[");
    else
        buf_printf(&l->out, "%-30s %-40s %8s %8s\n", "Group/Binding", "Domain",
            "AQ", "DQ");
    walk_start(s, &r);
}
