/* SPDX-License-Identifier: Apache-2.0
 *
 * instance.c - a module's counters, one row for each loop so that counting
 * touches no shared line, and the names of its calls.
 */
#include "xport/instance.h"

#include <stdlib.h>

#include "base/bug.h"
#include "base/log.h"
#include "base/magic.h"
#include "base/xmem.h"
#include "loop/slow.h"
#include "xport/hostapi.h"
#include "base/banned.h"

/* Modules are loaded before the loops are made; loops beyond these share the
 * first row. */
enum { COUNTERS_PER_LINE = 8, INSTANCE_ROWS = 65 };

#define INSTANCE_CALL_TEXT(id, text) text,
static const char *const call_names[] = {INSTANCE_CALLS(INSTANCE_CALL_TEXT)};

struct impel_instance *
instance_new(struct module *m)
{
    struct impel_instance *i = xnew(struct impel_instance);
    uint32_t wide = m->desc.counter_count + COUNTERS_PER_LINE - 1;

    i->magic = INSTANCE_MAGIC;
    i->module = m;
    atomic_store(&i->level, -1);
    i->counter_count = wide / COUNTERS_PER_LINE * COUNTERS_PER_LINE;
    i->rows = INSTANCE_ROWS;
    if (i->counter_count)
        i->counters =
            xcalloc((size_t)i->rows * i->counter_count, sizeof(*i->counters));
    for (int c = 0; c < CALL_COUNT; c++)
        i->doing[c] = xprintf("%s %s", m->name, call_names[c]);
    return i;
}

bool
instance_logs(const struct impel_instance *i, int level)
{
    int least = atomic_load_explicit(&i->level, memory_order_relaxed);

    return least < 0 ? log_enabled((enum log_level)level, LOG_MOD)
                     : level >= least;
}

void
instance_free(struct impel_instance **ip)
{
    struct impel_instance *i = *ip;

    *ip = NULL;
    if (!i)
        return;
    CHECK(i, INSTANCE_MAGIC);
    for (int c = 0; c < CALL_COUNT; c++)
        free((void *)(uintptr_t)i->doing[c]);
    free((void *)i->counters);
    i->magic = 0;
    free(i);
}

int64_t
instance_call_begin(
    const struct impel_instance *i, enum instance_call call, uint64_t id)
{
    bug_doing(i->doing[call], id);
    return slow_begin();
}

void
instance_call_end(struct impel_instance *i, enum instance_call call,
    uint64_t id, int64_t begun)
{
    int64_t us = slow_end(begun, i->doing[call], id); /* logs by itself */
    int64_t most;

    bug_doing(NULL, 0);
    if (us < SLOW_THRESHOLD_US)
        return;
    atomic_fetch_add_explicit(&i->slow, 1, memory_order_relaxed);
    most = atomic_load_explicit(&i->slowest, memory_order_relaxed);
    while (us > most && !atomic_compare_exchange_weak(&i->slowest, &most, us))
        ;
}

void
instance_count(struct impel_instance *i, uint32_t counter, int64_t by)
{
    uint32_t row = hostapi_loop_number();
    _Atomic int64_t *c;
    int64_t v;

    CHECK(i, INSTANCE_MAGIC);
    if (counter >= i->module->desc.counter_count)
        return;
    if (row >= i->rows)
        row = 0;
    c = &i->counters[(size_t)row * i->counter_count + counter];
    if (row == 0) { /* any other thread */
        atomic_fetch_add_explicit(c, by, memory_order_relaxed);
        return;
    }
    v = atomic_load_explicit(c, memory_order_relaxed);
    atomic_store_explicit(c, v + by, memory_order_relaxed);
}

int64_t
instance_sum(const struct impel_instance *i, uint32_t counter)
{
    int64_t sum = 0;

    for (uint32_t row = 0; row < i->rows; row++)
        sum += atomic_load_explicit(
            &i->counters[(size_t)row * i->counter_count + counter],
            memory_order_relaxed);
    return sum;
}
