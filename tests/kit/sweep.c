/* SPDX-License-Identifier: Apache-2.0
 *
 * sweep.c - each script again and again, disturbed at every step of a kind: the
 * group cut and part of others.  Where the disturbance changes what is said,
 * the script's verdicts no longer hold; what must hold: each recipient reported
 * once, DELIVERED only if the peer had said so, closed() and then silence.
 */
#include "sweep.h"

#include <stdio.h>

#include "base/macros.h"
#include "base/banned.h"

enum { SWEEP_EACH = 200, SWEEP_SPARSE = 100, SWEEP_SHOWN = 3 };

static const struct sweep cuts[] = {
    {.inject = INJECT_REFUSE,
        .what = "cut: the connection is refused",
        .by = SWEEP_ONCE,
        .dials = true},
    {.inject = INJECT_CUT,
        .what = "cut: the connection is cut",
        .by = SWEEP_WRITES,
        .halves = true},
    {.inject = INJECT_MUTE,
        .what = "cut: the peer falls silent",
        .by = SWEEP_WRITES,
        .halves = true},
    {.inject = INJECT_TIMER,
        .what = "cut: a timer fires early",
        .by = SWEEP_STEPS,
        .halves = true},
    {.inject = INJECT_CANCEL,
        .what = "cut: the host cancels",
        .by = SWEEP_STEPS,
        .halves = true},
    {.inject = INJECT_CLOSE,
        .what = "cut: the host closes",
        .by = SWEEP_STEPS,
        .halves = true},
    {.inject = INJECT_STOP,
        .what = "cut: the host closes, and cancels",
        .by = SWEEP_STEPS,
        .bytes = true},
    {.inject = INJECT_CLOSE_NOW,
        .what = "cut: the host closes now",
        .by = SWEEP_STEPS,
        .halves = true},
};

static const char *
sweep_unit(enum sweep_unit by)
{
    static const char *const names[] = {[SWEEP_ONCE] = "time",
        [SWEEP_WRITES] = "write",
        [SWEEP_STEPS] = "step",
        [SWEEP_READS] = "read",
        [SWEEP_WORDS] = "reply",
        [SWEEP_VALUES] = "value",
        [SWEEP_ALLOCATIONS] = "allocation"};

    return names[by];
}

/* How many there are in an undisturbed run. */
static uint32_t
sweep_count(const struct world *w, enum sweep_unit by)
{
    switch (by) {
    case SWEEP_WRITES:
        return w->writes + 1; /* before the first, behind the last */
    case SWEEP_STEPS:
        return w->callbacks + 1;
    case SWEEP_READS:
        return w->reads;
    case SWEEP_WORDS:
        return w->words;
    case SWEEP_VALUES:
        return w->values_made;
    case SWEEP_ALLOCATIONS:
        return w->allocations;
    default:
        return 1;
    }
}

/* One run; false if it went wrong. */
static bool
sweep_at(struct kit *k, struct script *s, const struct sweep *sweep,
    enum world_wire wire, uint32_t at, struct buf *faults)
{
    struct world_plan plan = {.inject = sweep->inject,
        .at = at,
        .wire = wire,
        .lenient = !sweep->strict};
    struct world *w = world_play(&k->module, s, &plan);
    bool ok = !w->fault_count;

    if (!ok) {
        buf_printf(faults, "at %s %u:\n", sweep_unit(sweep->by), at);
        buf_str(faults, buf_get(&w->faults));
        buf_str(faults, buf_get(&w->transcript));
    }
    world_free(&w);
    return ok;
}

/* Every step of a usual conversation; of a very long one, some. */
static uint32_t
sweep_next(uint32_t at, uint32_t steps)
{
    if (at < SWEEP_EACH || steps < SWEEP_EACH + SWEEP_SPARSE)
        return at + 1;
    return at + 1 + (steps - SWEEP_EACH) / SWEEP_SPARSE;
}

static void
sweep_script(
    struct kit *k, struct script *s, const struct sweep *sweep, uint32_t steps)
{
    struct buf faults = BUF_INIT;
    uint32_t bad = 0, at = 0, done = 0;

    for (; at < steps && bad < SWEEP_SHOWN; at = sweep_next(at, steps)) {
        if (!sweep_at(k, s, sweep, sweep->bytes ? WIRE_BYTES : WIRE_LINES, at,
                &faults) ||
            (sweep->halves && !sweep_at(k, s, sweep, WIRE_HALVES, at, &faults)))
            bad++;
        done++;
    }
    tap_ok(!bad, "%s, %u times: %s", sweep->what, done, s->title);
    if (bad) {
        printf("# %s\n", s->path);
        tap_diag(buf_get(&faults));
    }
    buf_fini(&faults);
}

void
sweep_each(struct kit *k, const struct sweep *sweeps, size_t count)
{
    struct world_plan plain = {.lenient = true};

    for (size_t i = 0; i < k->script_count; i++) {
        struct script *s = k->script[i];
        struct world *w = world_play(&k->module, s, &plain);

        for (size_t n = 0; n < count; n++) {
            uint32_t steps = sweep_count(w, sweeps[n].by);

            if (steps && (!s->listener || !sweeps[n].dials))
                sweep_script(k, s, &sweeps[n], steps);
        }
        world_free(&w);
    }
}

void
sweep_run(struct kit *k)
{
    sweep_each(k, cuts, ARRAY_SIZE(cuts));
}
