/* SPDX-License-Identifier: Apache-2.0
 *
 * bulk.c - flush, fail and refresh of many, and the count of those that were
 * not refreshed: jobs in slices, cancellable.
 */
#include "queue/print.h"

#include <stdlib.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/idna.h"
#include "base/log.h"
#include "base/xmem.h"
#include "loop/job.h"
#include "queue/active.h"
#include "queue/doom.h"
#include "queue/notice.h"
#include "queue/outcome.h"
#include "queue/outlet.h"
#include "queue/queue.h"
#include "queue/rollup.h"
#include "queue/settle.h"
#include "queue/walk.h"
#include "queue/zone.h"
#include "base/banned.h"

enum {
    BULK_STEP = 64, /* parcels in one step of the job */
    BULK_PASSES = 3 /* over a heap that changes meanwhile */
};

struct bulk {
    struct scheduler *s;
    struct scheduler_ask ask;
    struct doom *doom; /* to fail; NULL: to flush */
    char *domain;      /* as asked for; "all" */
    char *binding;     /* "all" */
    bool of_zone;      /* the walk is over the queues of a zone */
    size_t index;      /* in the queue's heap */
    size_t heap_count; /* when this pass began */
    int pass;          /* for this queue */
    int64_t now;       /* wall; of the beginning */
    uint64_t done;
    bool cancelled;
    struct settle settle;
};

/* NULL: not one of those that are asked for. */
static struct queue *
bulk_queue(struct bulk *b, struct list *n, bool fresh)
{
    struct queue *q = b->of_zone ? LIST_ENTRY(n, struct queue, zone_node)
                                 : LIST_ENTRY(n, struct queue, node);

    if (fresh) {
        b->index = 0;
        b->pass = 0;
    }
    return print_is_of(q, str_of(b->binding)) ? q : NULL;
}

static void
bulk_progress(void *arg, uint64_t done, uint64_t total)
{
    struct bulk *b = arg;

    if (b->ask.progress)
        b->ask.progress(b->ask.arg, done, total);
}

/* What rises in the heap for its new time makes room for its ancestors, which
 * have theirs already.  What others move meanwhile may be missed: another
 * pass. */
static enum job_step
bulk_flush(void *arg, struct list *n, bool fresh)
{
    struct bulk *b = arg;
    struct queue *q = bulk_queue(b, n, fresh);
    size_t end;

    if (!q)
        return JOB_DONE;
    if (!b->index)
        b->heap_count = q->delayed.count;
    end = MIN_OF(b->index + BULK_STEP, q->delayed.count);
    for (; b->index < end; b->index++) {
        struct heap_node *due = q->delayed.nodes[b->index];

        struct parcel *p = CONTAINER_OF(due, struct parcel, in.due);

        if (due->when > b->now && !parcel_is_held(p, b->now)) {
            parcel_set_due(&q->delayed, p, b->now);
            p->flags |= PARCEL_LAST_TRY;
            b->done++;
        }
    }
    if (b->index < q->delayed.count)
        return JOB_MORE;
    if (b->heap_count != q->delayed.count && ++b->pass < BULK_PASSES) {
        b->index = 0;
        return JOB_MORE;
    }
    queue_kick(q);
    return JOB_DONE;
}

static struct parcel *
bulk_first(struct queue *q)
{
    struct list *n = list_first(&q->busy->ready);
    struct heap_node *first = heap_first(&q->delayed);

    if (n)
        return LIST_ENTRY(n, struct active, node)->parcel;
    if (first)
        return CONTAINER_OF(first, struct parcel, in.due);
    for (n = rollup_away(q); n; n = rollup_next_away(q, n)) {
        struct parcel *p = LIST_ENTRY(n, struct active, away_node)->parcel;

        if (p->state == PARCEL_READY || p->state == PARCEL_LOADING)
            return p;
    }
    return active_next_loading(q, NULL);
}

static void
bulk_doom_lent(struct bulk *b, struct queue *q)
{
    struct list *on, *n, *next;

    LIST_FOREACH (on, &q->busy->outlets) {
        struct outlet *o = LIST_ENTRY(on, struct outlet, node);

        LIST_FOREACH (n, &o->lent) {
            struct parcel *p = LIST_ENTRY(n, struct active, node)->parcel;

            b->done += doom_parcel(p, b->doom);
        }
    }
    for (n = rollup_away(q); n; n = next) {
        next = rollup_next_away(q, n);
        b->done += doom_parcel(
            LIST_ENTRY(n, struct active, away_node)->parcel, b->doom);
    }
}

static enum job_step
bulk_fail(void *arg, struct list *n, bool fresh)
{
    struct bulk *b = arg;
    struct queue *q = bulk_queue(b, n, fresh);
    struct parcel *p;

    if (!q)
        return JOB_DONE;
    for (int i = 0; i < BULK_STEP; i++) {
        if (!notice_has_room(b->s))
            return JOB_PAUSE;
        if (!(p = bulk_first(q)))
            break;
        b->done++;
        (void)doom_parcel(p, b->doom);
    }
    if (bulk_first(q))
        return JOB_MORE;
    bulk_doom_lent(b, q);
    queue_kick(q);
    return JOB_DONE;
}

static void
bulk_reply(struct bulk *b)
{
    struct scheduler *s = b->s;
    const struct err ok = {0};
    struct buf text = BUF_INIT;

    if (b->ask.json)
        print_json(
            json_pack("{s:o,s:s,s:I,s:I,s:b,s:b}", "domain",
                print_str(str_of(b->domain)), "verb",
                b->doom ? "fail" : "flush", "messages", (json_int_t)b->done,
                "open", (json_int_t)b->settle.open, "stored",
                (int)b->settle.stored, "cancelled", (int)b->cancelled),
            &text);
    else if (b->doom)
        buf_printf(&text, "%s purged. %llu messages failed.\n", b->domain,
            (unsigned long long)b->done);
    else
        buf_printf(&text, "%s flushed.  %llu messages requeued.\n", b->domain,
            (unsigned long long)b->done);
    if (!b->ask.json)
        settle_print(&b->settle, &text);
    if (b->cancelled && !b->ask.json)
        buf_cstr(&text, "Cancelled before the end.\n");
    b->ask.reply(b->ask.arg, buf_get(&text), &ok);
    buf_fini(&text);
    doom_unref(&b->doom);
    free(b->domain);
    free(b->binding);
    free(b);
    s->jobs--;
    scheduler_check_drained(s);
}

static void
bulk_settled(struct settle *w)
{
    bulk_reply(CONTAINER_OF(w, struct bulk, settle));
}

static void
bulk_end(void *arg, bool cancelled)
{
    struct bulk *b = arg;

    b->cancelled = cancelled;
    b->s->jobs++; /* until it is answered */
    b->settle = (struct settle){
        .s = b->s, .doom = b->doom, .done = bulk_settled, .stored = true};
    if (b->doom && b->done)
        settle_start(&b->settle);
    else
        bulk_reply(b);
}

static struct bulk *
bulk_new(struct scheduler *s, struct str binding, struct str domain,
    const struct scheduler_ask *ask)
{
    struct bulk *b = xnew(struct bulk);

    b->s = s;
    b->ask = *ask;
    b->now = clock_wall();
    b->domain = print_is_all(domain) ? xdup("all") : xdupn(domain.p, domain.n);
    b->binding =
        print_is_all(binding) ? xdup("all") : xdupn(binding.p, binding.n);
    return b;
}

static void
bulk_start(struct bulk *b, const char *name, walk_visit_f *visit)
{
    struct scheduler *s = b->s;
    struct walk_request r = {.name = name,
        .head = &s->all_queues,
        .total = s->stats.queues,
        .visit = visit,
        .progress = bulk_progress,
        .end = bulk_end,
        .arg = b};

    if (!print_is_all(str_of(b->domain))) {
        struct zone *z = print_zone(s, str_of(b->domain));

        b->of_zone = true;
        r.head = z ? &z->queues : NULL;
        r.total = 1;
    }
    walk_start(s, &r);
}

void
scheduler_flush(struct scheduler *s, struct str binding, struct str domain,
    const struct scheduler_ask *ask)
{
    bulk_start(bulk_new(s, binding, domain, ask), "flush", bulk_flush);
}

void
scheduler_fail_domain(struct scheduler *s, struct str binding,
    struct str domain, bool quiet, struct str text,
    const struct scheduler_ask *ask)
{
    struct bulk *b = bulk_new(s, binding, domain, ask);

    b->doom = doom_new(text, "[internal] Message manually purged", quiet);
    bulk_start(b, "fail", bulk_fail);
}

/* --- refresh --- */

struct refresh {
    struct scheduler *s;
    struct scheduler_ask ask;
    struct domain_cursor cursor;
    char *domain; /* "all" */
    uint64_t done;
};

static enum job_step
refresh_step(struct job *j, void *arg)
{
    struct refresh *r = arg;
    struct domain *d = domain_cursor_next(&r->cursor);

    (void)j;
    if (!d)
        return JOB_DONE;
    if (print_is_all(str_of(r->domain)) ||
        str_ieq(domain_name(d), str_of(r->domain))) {
        domain_refresh(d);
        r->done++;
    }
    return JOB_MORE;
}

static void
refresh_end(struct job *j, void *arg, bool cancelled)
{
    struct refresh *r = arg;
    struct scheduler *s = r->s;
    struct buf text = BUF_INIT;
    struct err e = {0};

    (void)j;
    domain_cursor_end(&r->cursor);
    if (!r->done && !print_is_all(str_of(r->domain)))
        (void)err_set(&e, ERR_NOTFOUND, "nothing is known of %s", r->domain);
    buf_printf(&text, "%s refreshed.  %llu domains ask DNS again.%s\n",
        r->domain, (unsigned long long)r->done,
        cancelled ? "  Cancelled before the end." : "");
    r->ask.reply(r->ask.arg, buf_get(&text), &e);
    buf_fini(&text);
    free(r->domain);
    free(r);
    s->jobs--;
    scheduler_check_drained(s);
}

/* Queues that only wait have none. */
static void
refresh_need_record(struct scheduler *s, struct str domain)
{
    struct buf name = BUF_INIT;
    struct zone *z;
    struct list *n;

    (void)idna_fold(domain, &name); /* what is no name is not there */
    z = zone_find(s, buf_get(&name));
    buf_fini(&name);
    if (!z)
        return;
    LIST_FOREACH (n, &z->queues)
        (void)queue_record(LIST_ENTRY(n, struct queue, zone_node));
}

void
scheduler_refresh_domain(
    struct scheduler *s, struct str domain, const struct scheduler_ask *ask)
{
    struct refresh *r = xnew(struct refresh);

    r->s = s;
    r->ask = *ask;
    r->domain = print_is_all(domain) ? xdup("all") : xdupn(domain.p, domain.n);
    refresh_need_record(s, domain);
    domain_cursor_begin(s->resolver, &r->cursor);
    s->jobs++;
    (void)job_start(s->loop, "refresh", refresh_step, refresh_end, r);
}

/* --- those that a reload has not reached yet --- */

struct old_routes {
    struct scheduler *s;
    struct domain_cursor cursor;
    scheduler_old_f *told;
    void *arg;
    uint64_t count;
};

static enum job_step
old_routes_step(struct job *j, void *arg)
{
    struct old_routes *o = arg;
    struct domain *d = domain_cursor_next(&o->cursor);

    (void)j;
    if (!d)
        return JOB_DONE;
    o->count += domain_is_old(d);
    return JOB_MORE;
}

static void
old_routes_end(struct job *j, void *arg, bool cancelled)
{
    struct old_routes *o = arg;
    struct scheduler *s = o->s;

    (void)j;
    domain_cursor_end(&o->cursor);
    o->told(o->arg, o->count, cancelled);
    free(o);
    s->jobs--;
    scheduler_check_drained(s);
}

void
scheduler_count_old_routes(
    struct scheduler *s, scheduler_old_f *told, void *arg)
{
    struct old_routes *o = xnew(struct old_routes);

    o->s = s;
    o->told = told;
    o->arg = arg;
    domain_cursor_begin(s->resolver, &o->cursor);
    s->jobs++;
    (void)job_start(
        s->loop, "count old routes", old_routes_step, old_routes_end, o);
}
