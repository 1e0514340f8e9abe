/* SPDX-License-Identifier: Apache-2.0
 *
 * wire.c - the group wire: the same outcome whatever the pieces in which the
 * peer's bytes arrive and the body leaves.
 */
#include "kit.h"

#include "base/macros.h"
#include "base/banned.h"

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
}
