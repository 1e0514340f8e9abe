/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/pause.h"

#include <inttypes.h>
#include "base/log.h"
#include "queue/outlet.h"
#include "queue/queue.h"
#include "queue/walk.h"
#include "base/banned.h"

static enum job_step
pause_visit(void *arg, struct list *qn, bool fresh)
{
    struct queue *q = LIST_ENTRY(qn, struct queue, node);
    struct list *n;

    (void)arg;
    (void)fresh;
    LIST_FOREACH (n, &q->busy->outlets)
        outlet_recall(LIST_ENTRY(n, struct outlet, node), false);
    if (queue_parcels(q) || !list_empty(&q->busy->outlets))
        queue_kick(q);
    return JOB_DONE;
}

static void
pause_begin(struct scheduler *s)
{
    struct buf why = BUF_INIT;

    pause_print(s, &why);
    log_warn(LOG_QUEUE, "delivery-paused", "reason=\"%.*s\"",
        STR_ARG(buf_get(&why)));
    buf_fini(&why);
    walk_start(s,
        &(struct walk_request){.name = "pause deliveries",
            .head = &s->all_queues,
            .total = s->stats.queues,
            .visit = pause_visit});
}

static void
pause_end(struct scheduler *s)
{
    if (s->pause.alarm[0] || s->pause.behind)
        return;
    log_notice(LOG_QUEUE, "delivery-resumed", "unwritten=%" PRIu64,
        spool_unwritten(s->spool));
    scheduler_kick_all(s, "resume deliveries");
}

/* It caught up with half of them: that is worth beginning again. */
static void
pause_look(void *arg)
{
    struct scheduler *s = arg;

    if (spool_unwritten(s->spool) > PAUSE_UNWRITTEN / 2 && !s->drained_told) {
        timer_start(&s->pause.timer, PAUSE_LOOK_MS);
        return;
    }
    s->pause.behind = false;
    pause_end(s);
}

void
pause_init(struct scheduler *s)
{
    timer_init(&s->pause.timer, s->loop, pause_look, s, "pause");
}

void
pause_alarm(struct scheduler *s, const char *why)
{
    bool was = s->pause.alarm[0] || s->pause.behind;
    bool had = s->pause.alarm[0];

    (void)str_copy(
        s->pause.alarm, sizeof(s->pause.alarm), str_of(why ? why : ""));
    if (s->drained_told)
        return;
    if (s->pause.alarm[0] && !was)
        pause_begin(s);
    else if (had && !s->pause.alarm[0])
        pause_end(s);
}

bool
pause_is_on(struct scheduler *s)
{
    if (s->pause.alarm[0] || s->pause.behind)
        return true;
    if (spool_unwritten(s->spool) < PAUSE_UNWRITTEN)
        return false;
    s->pause.behind = true;
    timer_start(&s->pause.timer, PAUSE_LOOK_MS);
    pause_begin(s);
    return true;
}

void
pause_print(const struct scheduler *s, struct buf *to)
{
    if (s->pause.alarm[0])
        buf_cstr(to, s->pause.alarm);
    else
        buf_printf(to, "%" PRIu64 " results wait for the disk",
            spool_unwritten(s->spool));
}
