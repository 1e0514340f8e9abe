/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/pick.h"

#include "base/clock.h"
#include "queue/active.h"
#include "queue/busy.h"
#include "queue/greeting.h"
#include "queue/outcome.h"
#include "queue/queue.h"
#include "queue/rollup.h"
#include "base/banned.h"

/* The recipients beyond `most` wait behind it, with the same content. */
static void
pick_cut(struct queue *q, struct parcel *p, uint64_t most)
{
    struct message *m = p->in.active->message;
    struct parcel *rest;

    if (p->rcpt_count <= most)
        return;
    rest = parcel_split(
        &q->s->parcels, p, parcel_rcpt(p) + most, p->rcpt_count - (size_t)most);
    rest->free_returns = p->free_returns;
    active_hold(active_new(rest), m);
    rollup_split(rest->in.active, p->in.active);
    q->s->stats.parcels++;
    queue_put_back(rest);
    list_remove(&p->in.active->node);
    list_push_front(&busy_get(q)->ready, &p->in.active->node);
}

struct parcel *
pick_next(struct queue *q, uint64_t most, const char *greets)
{
    int64_t now = clock_wall();
    struct list *n;

    while (most && (n = greeting_first(q, greets)) != NULL) {
        struct parcel *p = LIST_ENTRY(n, struct active, node)->parcel;

        if (q->opt->retry.skip_expired && queue_expiry(q, p) <= now &&
            !(p->flags & PARCEL_LAST_TRY)) {
            outcome_fail(p, 554, "5.4.5",
                "[internal] Delivery not attempted (message expired)", false);
            continue;
        }
        pick_cut(q, p, MIN_OF(most, (uint64_t)MAX_OF(q->opt->max_batch, 1)));
        return p;
    }
    return NULL;
}
