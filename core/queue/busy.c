/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/busy.h"

#include "queue/queue.h"
#include "base/banned.h"

/* Of all queues that have none: lists are empty, and so is the rest.  Seen
 * through a const pointer only. */
#define BUSY_EMPTY(l) \
    { \
        &busy_none.l, &busy_none.l \
    }
static struct busy busy_none = {.ready = BUSY_EMPTY(ready),
    .outlets = BUSY_EMPTY(outlets),
    .roomy = BUSY_EMPTY(roomy)};

void
busy_init(struct scheduler *s)
{
    slab_init(&s->busy_slab, sizeof(struct busy));
}

void
busy_fini(struct scheduler *s)
{
    slab_fini(&s->busy_slab);
}

void
busy_begin(struct queue *q)
{
    q->busy = &busy_none;
}

/* What busy_get() has made may be written. */
static struct busy *
busy_own(const struct queue *q)
{
    return (struct busy *)(uintptr_t)q->busy;
}

struct busy *
busy_get(struct queue *q)
{
    struct busy *b;

    if (q->busy != &busy_none)
        return busy_own(q);
    b = slab_take(&q->s->busy_slab);
    b->queue = q;
    list_init(&b->ready);
    list_init(&b->outlets);
    list_init(&b->roomy);
    q->busy = b;
    return b;
}

void
busy_end(struct queue *q)
{
    if (q->busy != &busy_none)
        slab_give(&q->s->busy_slab, busy_own(q));
    q->busy = &busy_none;
}

void
busy_rest(struct queue *q)
{
    const struct busy *b = q->busy;

    if (b->ready_count || b->loading || b->lent || b->delay_loads ||
        b->outlet_count || !list_empty(&b->outlets) || b->record || b->rollup ||
        b->waiter.in || b->waiter.from || q->scanning || q->delay_scanning ||
        (b->charges && queue_active(q)))
        return;
    busy_end(q);
}
