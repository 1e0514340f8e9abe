/* SPDX-License-Identifier: Apache-2.0
 *
 * sweep.h - a disturbance at every step of each script.
 */
#ifndef IMPEL_KIT_SWEEP_H
#define IMPEL_KIT_SWEEP_H

#include "kit.h"

enum sweep_unit {
    SWEEP_ONCE,
    SWEEP_WRITES,
    SWEEP_STEPS,  /* callbacks */
    SWEEP_READS,  /* of a body */
    SWEEP_WORDS,  /* of the peer */
    SWEEP_VALUES, /* that state_put() and await() keep */
    SWEEP_ALLOCATIONS
};
struct sweep {
    enum world_inject inject;
    const char *what;
    enum sweep_unit by;
    bool strict; /* the script's verdicts hold all the same */
    bool halves; /* once more with bodies that go out in two halves */
    bool dials;  /* not for listeners */
    bool bytes;  /* octet by octet, and bodies are not there at once */
};

/* A point for each script and disturbance. */
void sweep_each(struct kit *k, const struct sweep *sweeps, size_t count);

#endif
