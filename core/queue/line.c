/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/line.h"

#include "queue/queue.h"
#include "base/banned.h"

void
line_init(struct line *l)
{
    list_init(&l->first);
    list_init(&l->queues);
    l->count = 0;
}

void
line_leave(struct queue *q)
{
    if (!q->waits_in)
        return;
    q->waits_in->count--;
    q->waits_in = NULL;
    list_remove(&q->starved_node);
}

void
line_join(struct line *l, struct queue *q, bool first)
{
    if (q->waits_in == l)
        return;
    line_leave(q);
    list_push(first ? &l->first : &l->queues, &q->starved_node);
    l->count++;
    q->waits_in = l;
}

struct queue *
line_first(const struct line *l)
{
    struct list *n = list_first(&l->first);

    if (!n)
        n = list_first(&l->queues);
    return n ? LIST_ENTRY(n, struct queue, starved_node) : NULL;
}

struct queue *
line_wake(struct line *l)
{
    struct queue *q = line_first(l);

    if (!q)
        return NULL;
    line_leave(q);
    q->woken_from = l;
    queue_kick(q);
    return q;
}

void
line_wake_all(struct line *l)
{
    while (line_wake(l))
        ;
}
