/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/age.h"

#include "base/clock.h"
#include "queue/busy.h"
#include "queue/notice.h"
#include "queue/outcome.h"
#include "queue/queue.h"
#include "base/banned.h"

enum { EXPIRE_EVERY_MS = 5000 }; /* at most so often, more for a long queue */

static bool
age_is_old(struct queue *q, const struct parcel *p, int64_t now)
{
    int64_t at = queue_expiry(q, p);

    if (at <= now && !(p->flags & PARCEL_LAST_TRY))
        return true;
    busy_get(q)->scan_first = MIN_OF(q->busy->scan_first, MAX_OF(at, now));
    return false;
}

/* false: it is old, and too many like it are being told of. */
static bool
age_expire_one(struct queue *q, struct parcel *p, int64_t now)
{
    if (!age_is_old(q, p, now))
        return true;
    if (!notice_has_room(q->s)) {
        queue_wake_at(q, loop_now(q->s->loop) + NOTICE_FULL_MS);
        return false;
    }
    outcome_expire(p);
    return true;
}

/* The rest of the heap moves while the look goes on: what it misses has the
 * next one.  false: no more now. */
static bool
age_expire_some(struct queue *q, int64_t now, int most)
{
    for (; most && q->busy->scan_ready; most--) {
        struct list *n = q->busy->scan_ready;

        if (!age_expire_one(q, LIST_ENTRY(n, struct active, node)->parcel, now))
            return false;
        if (q->busy->scan_ready == n)
            busy_get(q)->scan_ready =
                n->next == &q->busy->ready ? NULL : n->next;
    }
    for (; most && q->busy->scan_at < q->delayed.count; most--) {
        struct heap_node *due = q->delayed.nodes[q->busy->scan_at];

        if (due->when > now)
            busy_get(q)->scan_at++;
        else if (!age_expire_one(
                     q, CONTAINER_OF(due, struct parcel, in.due), now))
            return false;
        else if (due->index) /* it is still there */
            busy_get(q)->scan_at++;
    }
    return true;
}

static void
age_end(struct queue *q, int64_t mono)
{
    int64_t at = q->expire_at ? q->expire_at : INT64_MAX;

    q->scanning = false;
    q->expire_at = 0;
    if (q->busy->scan_first != INT64_MAX)
        at = MIN_OF(at, queue_wall_to_mono(q->s, q->busy->scan_first));
    if (at != INT64_MAX)
        q->expire_at = MAX_OF(
            at, mono + EXPIRE_EVERY_MS + (int64_t)(queue_parcels(q) / 10));
}

bool
age_run(struct queue *q)
{
    int64_t mono = loop_now(q->s->loop);

    if (!q->scanning) {
        if (!q->expire_at || mono < q->expire_at)
            return false;
        q->scanning = true;
        q->expire_at = 0;
        busy_get(q)->scan_first = INT64_MAX;
        busy_get(q)->scan_ready = list_first(&q->busy->ready);
        busy_get(q)->scan_at = 0;
    }
    if (!age_expire_some(q, clock_wall(), 8 * SCHED_RUN_MAX))
        return false;
    if (q->busy->scan_ready || q->busy->scan_at < q->delayed.count)
        return true;
    age_end(q, mono);
    return false;
}
