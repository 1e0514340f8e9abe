/* SPDX-License-Identifier: Apache-2.0
 *
 * callback.c - around each callback: it is named, counted and timed, and what
 * it allocates is counted or fails.
 */
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

#include "memory.h"
#include "world.h"
#include "base/banned.h"

struct stopwatch {
    struct timespec wall, cpu;
    long waits;
};
static struct stopwatch begun;

static void
stopwatch_read(struct stopwatch *t)
{
    struct rusage u;

    clock_gettime(CLOCK_MONOTONIC, &t->wall);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t->cpu);
    getrusage(RUSAGE_THREAD, &u);
    t->waits = u.ru_nvcsw;
}

static double
ms_between(const struct timespec *a, const struct timespec *b)
{
    return (double)(b->tv_sec - a->tv_sec) * 1e3 +
        (double)(b->tv_nsec - a->tv_nsec) / 1e6;
}

bool
world_callback_begin(struct world *w, const char *what)
{
    w->inside = true;
    w->doing = what;
    memory_watch(w->allocations,
        w->plan.inject == INJECT_MEMORY ? w->plan.at : MEMORY_NONE);
    stopwatch_read(&begun);
    return true;
}

/* Slow is who computed for that long, or went to sleep; not who was merely
 * preempted on a busy machine. */
void
world_callback_end(struct world *w)
{
    struct stopwatch end;
    double wall, cpu;
    bool failed;

    stopwatch_read(&end);
    w->allocations = memory_unwatch(&failed);
    w->injected |= failed;
    wall = ms_between(&begun.wall, &end.wall);
    cpu = ms_between(&begun.cpu, &end.cpu);
    if (cpu > WORLD_SLOW_MS ||
        (wall > WORLD_SLOW_MS && end.waits > begun.waits))
        buf_printf(&w->slow, "%s took %.0f ms (%.0f ms of processor time)\n",
            w->doing, wall, cpu);
    w->callbacks++;
    w->inside = false;
    w->doing = NULL;
}
