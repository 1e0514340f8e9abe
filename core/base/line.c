/* SPDX-License-Identifier: Apache-2.0 */
#include "base/line.h"

#include "base/bug.h"
#include "base/banned.h"

void
line_init(struct line *l, line_wake_f *wake)
{
    list_init(&l->first);
    list_init(&l->rest);
    l->count = l->woken = 0;
    l->wake = wake;
}

void
line_leave(struct waiter *w)
{
    if (!w->in)
        return;
    w->in->count--;
    w->in = NULL;
    list_remove(&w->node);
}

void
line_join(struct line *l, struct waiter *w, bool first)
{
    if (w->in == l)
        return;
    line_leave(w);
    list_push(first ? &l->first : &l->rest, &w->node);
    l->count++;
    w->in = l;
}

struct waiter *
line_first(const struct line *l)
{
    struct list *n = list_first(&l->first);

    if (!n)
        n = list_first(&l->rest);
    return n ? LIST_ENTRY(n, struct waiter, node) : NULL;
}

void
line_done(struct waiter *w)
{
    if (w->from)
        w->from->woken--;
    w->from = NULL;
}

struct waiter *
line_wake(struct line *l)
{
    struct waiter *w = line_first(l);

    if (!w)
        return NULL;
    line_leave(w);
    line_done(w);
    w->from = l;
    l->woken++;
    l->wake(w);
    return w;
}

void
line_wake_all(struct line *l)
{
    while (line_wake(l))
        ;
}

bool
line_is_used(const struct line *l)
{
    return l->count || l->woken;
}

void
limit_init(struct limit *l, int64_t max, line_wake_f *wake)
{
    line_init(&l->line, wake);
    l->max = max;
    l->used = 0;
}

bool
limit_is_full(const struct limit *l)
{
    return l->max >= 0 && l->used >= (uint64_t)l->max;
}

void
limit_give(struct limit *l, uint64_t n)
{
    BUG_ON(l->used < n);
    l->used -= n;
    (void)line_wake(&l->line);
}
