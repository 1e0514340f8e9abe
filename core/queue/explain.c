/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/explain.h"

#include "base/clock.h"
#include "base/log.h"
#include "queue/active.h"
#include "queue/queue.h"
#include "queue/queue_options.h"
#include "base/banned.h"

static int64_t
explain_wall(const struct scheduler *s, int64_t mono)
{
    return mono ? clock_wall() + (mono - loop_now(s->loop)) : 0;
}

/* Who suspended it, or fails its mail; UINT32_MAX: nobody did. */
static uint32_t
explain_option(const struct queue *q)
{
    if (q->reason == WAIT_SUSPENDED)
        return OPT(queue_options, QUEUE_SUSPEND_DELIVERY);
    if (q->reason == WAIT_BLACKHOLE)
        return OPT(queue_options, QUEUE_BLACKHOLE);
    return UINT32_MAX;
}

/* When the override that makes it wait ends; 0: never, or there is none. */
static int64_t
explain_end(const struct queue *q)
{
    uint32_t option = explain_option(q);
    const struct stanza *from =
        option == UINT32_MAX ? NULL : scope_origin(q->scope, option);

    return from ? stanza_expires(from) : 0;
}

void
explain_queue(const struct queue *q, struct explanation *to)
{
    int64_t end = explain_end(q);

    *to = (struct explanation){.reason = q->reason,
        .since = q->since,
        .until = end ? end : explain_wall(q->s, q->until)};
    if (list_linked(&q->dirty_node) && queue_parcels(q) &&
        (to->reason == WAIT_NONE || to->reason == WAIT_EMPTY))
        to->reason = WAIT_TURN;
}

/* An active parcel waits for what its queue waits for, or for its turn. */
static void
explain_ready(const struct parcel *p, struct explanation *to)
{
    explain_queue(p->queue, to);
    switch (to->reason) {
    case WAIT_MOVING:
    case WAIT_EMPTY:
    case WAIT_RETRY_TIME:
    case WAIT_HELD:
    case WAIT_LOADING:
    case WAIT_BOUNCING:
        to->reason = WAIT_BEHIND;
        to->until = 0;
        break;
    default:
        break;
    }
}

static bool
explain_is_full(const struct queue *q)
{
    return !q->parked && !active_has_room(q);
}

static void
explain_delayed(const struct parcel *p, struct explanation *to)
{
    int64_t now = clock_wall();

    /* One that is due and not written yet has a time just ahead. */
    if (p->writing && p->in.due.when <= now + ACTIVE_WRITING_MS) {
        to->reason = WAIT_WRITING;
    } else if (p->in.due.when > now) {
        to->reason = parcel_is_held(p, now) ? WAIT_HELD : WAIT_RETRY_TIME;
        to->until = p->in.due.when;
    } else {
        explain_ready(p, to);
        if (to->reason == WAIT_BEHIND && explain_is_full(p->queue))
            to->reason = WAIT_MEMORY;
    }
}

void
explain_parcel(const struct parcel *p, struct explanation *to)
{
    static const enum wait_reason by_state[PARCEL_STATE_COUNT] = {
        [PARCEL_LOADING] = WAIT_LOADING,
        [PARCEL_LENT] = WAIT_LENT,
        [PARCEL_BEGUN] = WAIT_BEGUN,
        [PARCEL_RECALLING] = WAIT_RECALLING,
        [PARCEL_FAILING] = WAIT_BOUNCING};

    *to = (struct explanation){.reason = by_state[p->state]};
    if (p->state == PARCEL_READY)
        explain_ready(p, to);
    else if (p->state == PARCEL_DELAYED)
        explain_delayed(p, to);
    if (to->reason == WAIT_NONE)
        log_error(LOG_QUEUE, "parcel-unexplained",
            "message=%016llx state=%s queue=%s bug=1",
            (unsigned long long)p->id, parcel_state_name(p->state),
            p->queue ? p->queue->zone->name : "none");
}
