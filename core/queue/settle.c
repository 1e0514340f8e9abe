/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/settle.h"

#include "base/banned.h"

static void
settle_end(struct settle *w, bool stored)
{
    timer_stop(&w->timer);
    list_remove(&w->node);
    w->stored = stored;
    w->done(w);
}

/* Results become durable in the order in which they were handed over. */
static void
settle_stored(void *arg)
{
    struct scheduler *s = arg;
    struct list *n, *tmp;

    s->settling.stored++;
    LIST_FOREACH_SAFE (n, tmp, &s->settling.waits) {
        struct settle *w = LIST_ENTRY(n, struct settle, node);

        if (w->number && w->number <= s->settling.stored)
            settle_end(w, true);
    }
}

static void
settle_ask(struct settle *w)
{
    w->open = w->doom->refs - 1;
    w->number = ++w->s->settling.asked;
    spool_barrier(w->s->spool, settle_stored, w->s);
}

/* While the daemon stops, all that is known is written before it ends. */
static void
settle_look(void *arg)
{
    struct settle *w = arg;
    int64_t waited = loop_now(w->s->loop) - w->since;

    if (w->s->draining || waited >= SETTLE_PATIENCE_MS) {
        if (!w->number)
            w->open = w->doom->refs - 1;
        settle_end(w, w->s->draining);
        return;
    }
    timer_start(&w->timer, SETTLE_LOOK_MS);
    if (!w->number && (w->doom->refs == 1 || waited >= SETTLE_RECALL_MS))
        settle_ask(w);
}

void
settle_start(struct settle *w)
{
    w->number = 0;
    w->since = loop_now(w->s->loop);
    list_push(&w->s->settling.waits, &w->node);
    timer_init(&w->timer, w->s->loop, settle_look, w, "verb on disk");
    timer_start(&w->timer, 0);
}

void
settle_print(const struct settle *w, struct buf *to)
{
    if (w->open)
        buf_printf(to,
            "%u of them are not over yet: a session has them, or their bounce "
            "is not on disk.\n",
            w->open);
    if (!w->stored)
        buf_cstr(
            to, "Not all of it is on disk yet: a crash now would undo that.\n");
}

void
settle_init(struct scheduler *s)
{
    list_init(&s->settling.waits);
}

void
settle_fini(struct scheduler *s)
{
    struct list *n;

    while ((n = list_first(&s->settling.waits)) != NULL)
        settle_end(LIST_ENTRY(n, struct settle, node), false);
}
