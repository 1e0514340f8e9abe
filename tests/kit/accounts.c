/* SPDX-License-Identifier: Apache-2.0
 *
 * accounts.c - the group accounts: each script as it stands; every recipient
 * once, with the verdict, blame, stage, code and words that the script says.
 */
#include "kit.h"

#include "base/banned.h"

void
accounts_run(struct kit *k)
{
    struct world_plan plan = {.wire = WIRE_LINES};

    for (size_t i = 0; i < k->script_count; i++) {
        struct world *w = world_play(&k->module, k->script[i], &plan);
        tap_world(k, w, "accounts");
        world_free(&w);
    }
}
