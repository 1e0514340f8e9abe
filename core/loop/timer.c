/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/timer.h"

#include "base/bug.h"
#include "base/magic.h"
#include "base/sum.h"
#include "loop/loop_int.h"
#include "loop/slow.h"
#include "base/banned.h"

/* Of one turn; what is left has the next, behind the sockets. */
enum { TIMER_US = 1000 };

void
timer_init(
    struct timer *t, struct loop *l, timer_f *fn, void *arg, const char *what)
{
    CHECK(l, LOOP_MAGIC);
    *t = (struct timer){.loop = l, .fn = fn, .arg = arg, .what = what};
}

void
timer_start(struct timer *t, int64_t after_ms)
{
    int64_t when;

    BUG_ON(!t->loop);
    if (!sum_add(loop_now(t->loop), MAX_OF(after_ms, 0), &when))
        when = INT64_MAX;
    heap_set(&t->loop->timers, &t->node, when);
}

void
timer_start_at(struct timer *t, int64_t mono_ms)
{
    BUG_ON(!t->loop);
    heap_set(&t->loop->timers, &t->node, mono_ms);
}

void
timer_stop(struct timer *t)
{
    if (t->node.index)
        heap_remove(&t->loop->timers, &t->node);
}

bool
timer_armed(const struct timer *t)
{
    return t->node.index != 0;
}

void
timer_run(struct loop *l)
{
    /* One that starts itself anew for now waits for the next turn. */
    size_t bound = l->timers.count;
    int64_t end = slow_next() + TIMER_US;

    while (bound-- && l->timers.count) {
        struct heap_node *n = heap_first(&l->timers);
        struct timer *t = CONTAINER_OF(n, struct timer, node);
        if (n->when > l->now)
            return;
        heap_remove(&l->timers, n);
        loop_call(t->fn, t->arg, t->what);
        if (slow_next() >= end)
            return;
    }
}
