/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz.c - the group fuzz: each script with words of the peer that chance has
 * changed, left out, put elsewhere or replaced.  The same numbers give the same
 * conversations again.  tests/fuzz/fuzz-kit.c lets a fuzzer choose instead.
 */
#include <stdio.h>

#include "kit.h"
#include "base/banned.h"

enum { FUZZ_BYTES = 256, FUZZ_SHOWN = 3 };

static uint64_t
fuzz_next(uint64_t *state) /* xorshift */
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* No two scripts and rounds have the same bytes. */
static void
fuzz_fill(const struct script *s, uint64_t seed, uint32_t round,
    unsigned char bytes[FUZZ_BYTES])
{
    uint64_t state = seed * 0x9e3779b97f4a7c15u + round;

    for (const char *p = s->title; *p; p++)
        state = (state ^ (unsigned char)*p) * 0x100000001b3u;
    state |= 1;
    for (size_t i = 0; i < FUZZ_BYTES; i++)
        bytes[i] = (unsigned char)(fuzz_next(&state) >> 32);
}

static void
fuzz_script(struct kit *k, struct script *s)
{
    unsigned char bytes[FUZZ_BYTES];
    struct buf faults = BUF_INIT;
    int bad = 0;

    for (uint32_t round = 0; round < k->rounds && bad < FUZZ_SHOWN; round++) {
        struct world_plan plan = {.inject = INJECT_WORDS,
            .wire = (enum world_wire)(round % 4),
            .lenient = true,
            .bytes = bytes,
            .byte_count = FUZZ_BYTES};
        struct world *w;

        fuzz_fill(s, k->seed, round, bytes);
        w = world_play(&k->module, s, &plan);
        if (w->fault_count) {
            bad++;
            buf_printf(&faults, "in round %u:\n", round);
            buf_str(&faults, buf_get(&w->faults));
            buf_str(&faults, buf_get(&w->transcript));
        }
        world_free(&w);
    }
    tap_ok(!bad, "fuzz: %u rounds, seed %llu: %s", k->rounds,
        (unsigned long long)k->seed, s->title);
    if (bad) {
        printf("# %s\n", s->path);
        tap_diag(buf_get(&faults));
    }
    buf_fini(&faults);
}

void
fuzz_run(struct kit *k)
{
    for (size_t i = 0; i < k->script_count; i++)
        fuzz_script(k, k->script[i]);
}
