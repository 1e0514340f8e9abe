/* SPDX-License-Identifier: Apache-2.0
 *
 * pressure.c - the group pressure: output that is full, a body that is not
 * there yet, no room for a durable value, no socket, and memory that runs out,
 * each at each of its places.
 */
#include <stdio.h>

#include "base/macros.h"
#include "memory.h"
#include "sweep.h"
#include "base/banned.h"

static const struct sweep waits[] = {
    {.inject = INJECT_FULL,
        .what = "pressure: write() says FULL",
        .by = SWEEP_WRITES,
        .strict = true},
    {.inject = INJECT_AGAIN,
        .what = "pressure: read_body() says AGAIN",
        .by = SWEEP_READS,
        .strict = true},
    {.inject = INJECT_STATE,
        .what = "pressure: no room for a value",
        .by = SWEEP_VALUES},
    {.inject = INJECT_DIAL,
        .what = "pressure: dial() fails",
        .by = SWEEP_ONCE,
        .dials = true},
};
static const struct sweep memory[] = {
    {.inject = INJECT_MEMORY,
        .what = "pressure: an allocation fails",
        .by = SWEEP_ALLOCATIONS},
};

/* load() in want of memory: it fails with a sentence, or does without. */
static void
pressure_load(struct kit *k)
{
    struct impel_instance instance = {&k->module};
    struct impel_module *m = &k->module.m;
    bool failed = true, ok = true;
    uint32_t at = 0;

    for (; failed && ok; at++) {
        struct impel_error e = {0};
        void *ctx = NULL;
        int rc;

        memory_watch(0, at);
        rc = m->load ? m->load(&world_host, &instance, &ctx, &e) : 0;
        (void)memory_unwatch(&failed);
        ok = rc <= 0 && (rc == 0 || failed);
        if (rc == 0 && m->unload)
            m->unload(ctx);
    }
    tap_ok(ok, "pressure: an allocation of load() fails, %u times", at - 1);
}

void
pressure_run(struct kit *k)
{
    sweep_each(k, waits, ARRAY_SIZE(waits));
    if (!memory_is_ours() || k->module.is_linked) {
        tap_ok(true, "pressure: allocations # SKIP they cannot be watched");
        return;
    }
    sweep_each(k, memory, ARRAY_SIZE(memory));
    pressure_load(k);
}
