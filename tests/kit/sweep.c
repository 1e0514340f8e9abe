/* SPDX-License-Identifier: Apache-2.0
 *
 * sweep.c - the group cut: each script again and again, disturbed at every
 * step.  Its verdicts no longer hold; what must hold: each recipient reported
 * once, DELIVERED only if the peer had said so, closed() and then silence.
 */
#include "kit.h"

#include <stdio.h>

#include "base/macros.h"
#include "base/banned.h"

enum { SWEEP_EACH = 200, SWEEP_SPARSE = 100, SWEEP_SHOWN = 3 };

static const struct sweep {
    enum world_inject inject;
    const char *what;
    bool by_write;
} sweeps[] = {
    {INJECT_REFUSE, "the connection is refused", true},
    {INJECT_CUT, "the connection is cut", true},
    {INJECT_MUTE, "the peer falls silent", true},
    {INJECT_TIMER, "a timer fires early", false},
    {INJECT_CANCEL, "the host cancels", false},
    {INJECT_CLOSE, "the host closes", false},
    {INJECT_CLOSE_NOW, "the host closes now", false},
};

/* One run; false if it went wrong. */
static bool
sweep_at(struct kit *k, struct script *s, const struct sweep *sweep,
    enum world_wire wire, uint32_t at, struct buf *faults)
{
    struct world_plan plan = {
        .inject = sweep->inject, .at = at, .wire = wire, .lenient = true};
    struct world *w = world_play(&k->module, s, &plan);
    bool ok = !w->fault_count;

    if (!ok) {
        buf_printf(
            faults, "at %s %u:\n", sweep->by_write ? "write" : "step", at);
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

    if (sweep->inject == INJECT_REFUSE)
        steps = 0;
    for (; at <= steps && bad < SWEEP_SHOWN; at = sweep_next(at, steps)) {
        if (!sweep_at(k, s, sweep, WIRE_LINES, at, &faults) ||
            !sweep_at(k, s, sweep, WIRE_HALVES, at, &faults))
            bad++;
        done++;
    }
    tap_ok(!bad, "cut: %s, at %u steps: %s", sweep->what, done, s->title);
    if (bad) {
        printf("# %s\n", s->path);
        tap_diag(buf_get(&faults));
    }
    buf_fini(&faults);
}

void
sweep_run(struct kit *k)
{
    struct world_plan plain = {.lenient = true};
    uint32_t writes, callbacks;
    struct world *w;

    for (size_t i = 0; i < k->script_count; i++) {
        w = world_play(&k->module, k->script[i], &plain);
        writes = w->writes;
        callbacks = w->callbacks;
        world_free(&w);
        for (size_t n = 0; n < ARRAY_SIZE(sweeps); n++) {
            if (sweeps[n].inject == INJECT_REFUSE && k->script[i]->listener)
                continue;
            sweep_script(k, k->script[i], &sweeps[n],
                sweeps[n].by_write ? writes : callbacks);
        }
    }
}
