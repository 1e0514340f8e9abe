/* SPDX-License-Identifier: Apache-2.0
 *
 * timer.h - deadlines on a loop.  Loop thread only.
 *
 * Kept in one heap per loop, so arming one costs no system call.  Intrusive:
 * zeroed memory is a timer that was never set up.
 */
#ifndef IMPEL_TIMER_H
#define IMPEL_TIMER_H

#include "base/heap.h"
#include "loop/loop.h"

typedef void timer_f(void *arg);
struct timer {
    struct heap_node node;
    struct loop *loop;
    timer_f *fn;
    void *arg;
    const char *what; /* for slow.h */
};

void timer_init(
    struct timer *t, struct loop *l, timer_f *fn, void *arg, const char *what);
/* Fire once in after_ms from now; replaces an earlier setting. */
void timer_start(struct timer *t, int64_t after_ms);
void timer_start_at(struct timer *t, int64_t mono_ms);
void timer_stop(struct timer *t); /* no-op if it is not armed */
bool timer_armed(const struct timer *t);

#endif
