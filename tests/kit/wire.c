/* SPDX-License-Identifier: Apache-2.0
 *
 * wire.c - the group wire: the same outcome whatever the pieces in which the
 * peer's bytes arrive and the body leaves; and some outcome whatever the peer
 * says.
 */
#include "base/macros.h"
#include "sweep.h"
#include "base/banned.h"

static const struct sweep words[] = {
    {.inject = INJECT_EARLY,
        .what = "wire: a reply before the command is out",
        .by = SWEEP_WORDS,
        .dials = true},
    {.inject = INJECT_LONG,
        .what = "wire: 64 KiB in a line",
        .by = SWEEP_WORDS},
    {.inject = INJECT_NUL, .what = "wire: a NUL", .by = SWEEP_WORDS},
    {.inject = INJECT_BARE, .what = "wire: no CR", .by = SWEEP_WORDS},
};

void
wire_run(struct kit *k)
{
    static const struct {
        enum world_wire wire;
        const char *what;
    } ways[] = {{WIRE_BYTES, "wire: one byte at a time"},
        {WIRE_WHOLE, "wire: all at once"},
        {WIRE_HALVES, "wire: bodies in two halves"}};

    for (size_t i = 0; i < k->script_count; i++) {
        for (size_t way = 0; way < ARRAY_SIZE(ways); way++) {
            struct world_plan plan = {.wire = ways[way].wire};
            struct world *w = world_play(&k->module, k->script[i], &plan);
            tap_world(k, w, ways[way].what);
            world_free(&w);
        }
    }
    sweep_each(k, words, ARRAY_SIZE(words));
}
