/* SPDX-License-Identifier: Apache-2.0
 *
 * bulk.c - flush, fail and refresh of many: jobs in slices, cancellable.
 */
#include "queue/print.h"

#include <stdlib.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/xmem.h"
#include "loop/job.h"
#include "queue/doom.h"
#include "queue/outcome.h"
#include "queue/outlet.h"
#include "queue/queue.h"
#include "base/banned.h"

enum {
    BULK_STEP = 64,      /* parcels in one step of the job */
    BULK_PASSES = 3,     /* over a heap that changes meanwhile */
    BULK_PATIENCE = 2000 /* steps to wait for what is being read */
};

struct bulk {
    struct scheduler *s;
    struct scheduler_ask ask;
    struct doom *doom; /* to fail; NULL: to flush */
    char *domain;      /* as asked for; "all" */
    struct str *keys;  /* of the queues, owned */
    size_t count, at;
    size_t index;      /* in the queue's heap */
    size_t heap_count; /* when this pass began */
    int pass, patience;
    int64_t now; /* wall; of the beginning */
    uint64_t done;
};

static struct queue *
bulk_queue(const struct bulk *b)
{
    return map_find(&b->s->queues, b->keys[b->at]);
}

static enum job_step
bulk_next_queue(struct job *j, struct bulk *b)
{
    b->at++;
    b->index = 0;
    b->pass = 0;
    b->patience = 0;
    job_progress(j, b->at, b->count);
    if (b->ask.progress)
        b->ask.progress(b->ask.arg, b->at, b->count);
    return b->at < b->count ? JOB_MORE : JOB_DONE;
}

/* Lowering every time to the same `now` keeps the heap a heap, so this needs
 * no moves.  What others move meanwhile may be missed: another pass. */
static enum job_step
bulk_flush(struct job *j, void *arg)
{
    struct bulk *b = arg;
    struct queue *q = bulk_queue(b);
    size_t end;

    if (!q)
        return bulk_next_queue(j, b);
    if (!b->index)
        b->heap_count = q->delayed.count;
    end = MIN_OF(b->index + BULK_STEP, q->delayed.count);
    for (; b->index < end; b->index++) {
        struct heap_node *n = q->delayed.nodes[b->index];

        if (n->when > b->now) {
            n->when = b->now;
            CONTAINER_OF(n, struct parcel, in.due)->flags |= PARCEL_LAST_TRY;
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
    return bulk_next_queue(j, b);
}

static struct parcel *
bulk_first(struct queue *q)
{
    struct list *n = list_first(&q->ready);
    struct heap_node *first = heap_first(&q->delayed);

    if (n)
        return LIST_ENTRY(n, struct active, node)->parcel;
    return first ? CONTAINER_OF(first, struct parcel, in.due) : NULL;
}

static void
bulk_doom_lent(struct bulk *b, struct queue *q)
{
    struct list *on, *n;

    LIST_FOREACH (on, &q->outlets) {
        struct outlet *o = LIST_ENTRY(on, struct outlet, node);

        LIST_FOREACH (n, &o->lent) {
            struct parcel *p = LIST_ENTRY(n, struct active, node)->parcel;

            b->done += doom_parcel(p, b->doom);
        }
    }
}

static enum job_step
bulk_fail(struct job *j, void *arg)
{
    struct bulk *b = arg;
    struct queue *q = bulk_queue(b);
    struct parcel *p;

    if (!q)
        return bulk_next_queue(j, b);
    for (int n = 0; n < BULK_STEP; n++) {
        if (!(p = bulk_first(q)))
            break;
        b->done++;
        (void)doom_parcel(p, b->doom);
    }
    if (bulk_first(q) || (q->loading && ++b->patience < BULK_PATIENCE))
        return JOB_MORE;
    bulk_doom_lent(b, q);
    queue_kick(q);
    return bulk_next_queue(j, b);
}

static void
bulk_end(struct job *j, void *arg, bool cancelled)
{
    struct bulk *b = arg;
    struct scheduler *s = b->s;
    const struct err ok = {0};
    struct buf text = BUF_INIT;

    (void)j;
    if (b->ask.json)
        print_json(json_pack("{s:o,s:s,s:I,s:b}", "domain",
                       print_str(str_of(b->domain)), "verb",
                       b->doom ? "fail" : "flush", "messages",
                       (json_int_t)b->done, "cancelled", (int)cancelled),
            &text);
    else if (b->doom)
        buf_printf(&text, "%s purged. %llu messages failed.\n", b->domain,
            (unsigned long long)b->done);
    else
        buf_printf(&text, "%s flushed.  %llu messages requeued.\n", b->domain,
            (unsigned long long)b->done);
    if (cancelled && !b->ask.json)
        buf_cstr(&text, "Cancelled before the end.\n");
    b->ask.reply(b->ask.arg, buf_get(&text), &ok);
    buf_fini(&text);
    for (size_t i = 0; i < b->count; i++)
        free((void *)(uintptr_t)b->keys[i].p);
    doom_unref(&b->doom);
    free(b->keys);
    free(b->domain);
    free(b);
    s->jobs--;
    scheduler_check_drained(s);
}

static struct bulk *
bulk_new(struct scheduler *s, struct str binding, struct str domain,
    const struct scheduler_ask *ask)
{
    struct bulk *b = xnew(struct bulk);
    struct list *n;

    b->s = s;
    b->ask = *ask;
    b->now = clock_wall();
    b->domain = print_is_all(domain) ? xdup("all") : xdupn(domain.p, domain.n);
    b->keys = xcalloc(s->queues.count + 1, sizeof(*b->keys));
    LIST_FOREACH (n, &s->all_queues) {
        const struct queue *q = LIST_ENTRY(n, struct queue, node);

        if (print_is_of(q, binding) &&
            (print_is_all(domain) || str_ieq(str_of(q->zone->name), domain)))
            b->keys[b->count++] = str_make(xdupn(q->key.p, q->key.n), q->key.n);
    }
    s->jobs++;
    return b;
}

static enum job_step
bulk_nothing(struct job *j, void *arg)
{
    (void)j;
    (void)arg;
    return JOB_DONE;
}

static void
bulk_start(struct bulk *b, const char *name, job_step_f *step)
{
    (void)job_start(
        b->s->loop, name, b->count ? step : bulk_nothing, bulk_end, b);
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

int
scheduler_refresh_domain(
    struct scheduler *s, struct str domain, uint64_t *count, struct err *e)
{
    struct domain *d = NULL;

    *count = 0;
    while ((d = domain_next(s->resolver, d)) != NULL) {
        if (!print_is_all(domain) && !str_ieq(domain_name(d), domain))
            continue;
        domain_refresh(d);
        ++*count;
    }
    if (!*count && !print_is_all(domain))
        return err_set(
            e, ERR_NOTFOUND, "nothing is known of %.*s", STR_ARG(domain));
    return 0;
}
