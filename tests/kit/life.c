/* SPDX-License-Identifier: Apache-2.0
 *
 * life.c - the group life: load and unload, open without deliver, sessions
 * side by side, and what is left of it all in memory.
 */
#include <stdio.h>

#include "kit.h"
#include "memory.h"
#include "base/banned.h"

enum { LIFE_LOADS = 100 };

static void
life_load(struct kit *k)
{
    struct impel_instance instance = {&k->module};
    struct impel_module *m = &k->module.m;
    struct impel_error e = {0};
    void *ctx = NULL;
    int done = 0;

    for (; done < LIFE_LOADS; done++) {
        if (m->load && m->load(&world_host, &instance, &ctx, &e))
            break;
        if (m->unload)
            m->unload(ctx);
        ctx = NULL;
    }
    tap_ok(done == LIFE_LOADS, "life: load() and unload(), a hundred times");
}

static void
life_play(struct kit *k, struct world_plan plan, const char *what)
{
    struct impel_instance instance = {&k->module};
    struct impel_module *m = &k->module.m;
    struct impel_error e = {0};
    struct world *w;

    for (size_t i = 0; i < k->script_count; i++) {
        if (plan.copies > 1 && k->script[i]->alone)
            continue;
        if (m->load && m->load(&world_host, &instance, &k->module.ctx, &e))
            return;
        w = world_play(&k->module, k->script[i], &plan);
        tap_world(k, w, what);
        world_free(&w);
        if (m->unload)
            m->unload(k->module.ctx);
        k->module.ctx = NULL;
    }
}

/* From load() to unload(), after a first time for what libraries keep. */
static void
life_memory(struct kit *k, struct script *s)
{
    struct impel_instance instance = {&k->module};
    struct impel_module *m = &k->module.m;
    struct world_plan plan = {.lenient = true};
    size_t blocks = 0, bytes = 0;
    bool told = true;

    for (int i = 0; i < 2; i++) {
        struct impel_error e = {0};
        struct world *w;

        if (i)
            memory_keep();
        if (m->load && m->load(&world_host, &instance, &k->module.ctx, &e))
            break;
        w = world_play(&k->module, s, &plan);
        world_free(&w);
        if (m->unload)
            m->unload(k->module.ctx);
        k->module.ctx = NULL;
    }
    told = memory_kept(&blocks, &bytes);
    tap_ok(!blocks, "life: memory is given back%s: %s",
        told ? "" : " # SKIP too much of it", s->title);
    if (blocks)
        printf("# %zu bytes in %zu blocks are left after unload()\n", bytes,
            blocks);
}

void
life_run(struct kit *k)
{
    life_load(k);
    life_play(k, (struct world_plan){.idle = true, .lenient = true},
        "life: opened, then closed");
    life_play(
        k, (struct world_plan){.copies = 2}, "life: two sessions interleaved");
    if (!memory_is_ours() || k->module.is_linked)
        tap_ok(true, "life: memory # SKIP it cannot be watched");
    else
        for (size_t i = 0; i < k->script_count; i++)
            life_memory(k, k->script[i]);
}
