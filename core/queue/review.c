/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/review.h"

#include "queue/busy.h"
#include "queue/outlet.h"
#include "queue/queue.h"
#include "base/banned.h"

enum {
    REVIEW_SPILLED_MS = 5000, /* another queue may have left room */
    REVIEW_ROOM_MS = 2000     /* nobody came into the room that was made */
};

struct review {
    struct queue *queue;
    int64_t until;         /* monotonic; when to look again */
    uint64_t good, coming; /* to the best hosts: have worked, not yet */
    uint64_t worse, spilled;
};

static bool
review_has_its_source(const struct outlet *o)
{
    struct way way;

    (void)way_find(o->queue->scope, o->hop.to.ip.family, &way);
    return way_eq(&way, &o->way);
}

static enum hop_standing
review_standing(struct review *r, struct outlet *o)
{
    struct queue *q = r->queue;
    enum hop_standing found;
    int64_t until;

    if (!review_has_its_source(o) || !outlet_has_its_tls(o))
        return HOP_GONE;
    found = domain_standing(queue_record(q), q->generation, q->scope,
        str_of(q->binding->name), q->port, &o->hop, &until);
    r->until = MIN_OF(r->until, until);
    return found;
}

/* The first look: what is gone goes, the others are counted. */
static void
review_one(struct review *r, struct outlet *o)
{
    o->standing = review_standing(r, o);
    switch (o->standing) {
    case HOP_GONE:
        outlet_withdraw(o);
        return;
    case HOP_WORSE:
        r->worse++;
        break;
    case HOP_SPILLED:
        r->spilled++;
        break;
    case HOP_CURRENT:
        break;
    }
    if (o->standing != HOP_WORSE && o->worked)
        r->good++;
    else if (o->standing != HOP_WORSE)
        r->coming++;
}

static bool
review_has_left(const struct outlet *o)
{
    return o->state == OUTLET_CLOSING || o->draining;
}

/* The second: so many of the worse go. */
static void
review_drain(struct queue *q, uint64_t most)
{
    struct list *n;

    LIST_FOREACH (n, &q->busy->outlets) {
        struct outlet *o = LIST_ENTRY(n, struct outlet, node);

        if (most && o->standing == HOP_WORSE && !review_has_left(o)) {
            outlet_withdraw(o);
            most--;
        }
    }
}

void
review_outlets(struct queue *q)
{
    int64_t now = loop_now(q->s->loop);
    struct review r = {.queue = q, .until = INT64_MAX};
    struct list *n;
    bool makes_room;

    if (now < q->busy->review_at || list_empty(&q->busy->outlets) ||
        !queue_active(q))
        return;
    LIST_FOREACH (n, &q->busy->outlets) {
        struct outlet *o = LIST_ENTRY(n, struct outlet, node);
        if (!review_has_left(o))
            review_one(&r, o);
    }
    makes_room = r.worse && !r.good && !r.coming;
    review_drain(q, makes_room ? 1 : r.good);
    q->review_worked = r.worse != 0;
    q->review_closed = r.spilled || (r.worse && !makes_room);
    if (r.spilled)
        r.until = MIN_OF(r.until, now + REVIEW_SPILLED_MS);
    if (makes_room)
        r.until = MIN_OF(r.until, now + REVIEW_ROOM_MS);
    busy_get(q)->review_at = MAX_OF(r.until, now + 1);
}

void
review_opened(struct outlet *o)
{
    struct queue *q = o->queue;
    struct review r = {.queue = q, .until = INT64_MAX};
    int64_t now = loop_now(q->s->loop);

    if (q->busy->review_at <= now)
        return; /* the next run looks at all of them */
    if (review_standing(&r, o) == HOP_SPILLED) {
        q->review_closed = true;
        r.until = MIN_OF(r.until, now + REVIEW_SPILLED_MS);
    }
    r.until = MAX_OF(r.until, now + 1);
    busy_get(q)->review_at = MIN_OF(q->busy->review_at, r.until);
}

void
review_soon(struct queue *q)
{
    if (q->busy->review_at)
        busy_get(q)->review_at = 0;
}

void
review_worked(struct queue *q)
{
    if (q->review_worked)
        review_soon(q);
}

void
review_closed(struct queue *q)
{
    if (q->review_closed)
        review_soon(q);
}
