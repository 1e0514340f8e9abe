/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/said.h"

#include <stdlib.h>

#include "base/xmem.h"
#include "queue/busy.h"
#include "queue/queue.h"
#include "base/banned.h"

struct said *
said_get(struct queue *q)
{
    if (!q->said)
        q->said = xnew(struct said);
    return q->said;
}

void
said_end(struct queue *q)
{
    if (!q->said)
        return;
    result_fini(&q->said->hold);
    result_fini(&q->said->why);
    xfree(&q->said);
}

void
said_failed(struct queue *q, const struct result *why)
{
    struct said *said = said_get(q);

    if (!said->failing_since)
        said->failing_since = MAX_OF(loop_now(q->s->loop), 1);
    said->failures++;
    busy_get(q)->charges++;
    result_fini(&said->why);
    result_dup(&said->why, why);
    queue_kick(q);
}

void
said_restart(struct queue *q)
{
    if (q->said) {
        q->said->failures = 0;
        q->said->failing_since = 0;
    }
    if (q->busy->charges)
        busy_get(q)->charges = 0;
}

void
said_hold(struct queue *q, const struct result *why)
{
    int64_t wait = MIN_OF(q->opt->retry.interval, 60000);
    struct said *said = said_get(q);

    if (why->retry_after > wait)
        wait = MIN_OF(why->retry_after, q->opt->retry.max_interval);
    result_fini(&said->hold);
    result_dup(&said->hold, why);
    said->hold_until = loop_now(q->s->loop) + wait;
    queue_kick(q);
}

int64_t
said_holds_until(const struct queue *q)
{
    return q->said ? q->said->hold_until : 0;
}
