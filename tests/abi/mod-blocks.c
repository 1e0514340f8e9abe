/* SPDX-License-Identifier: Apache-2.0
 *
 * mod-blocks.c - sleeps in deliver().
 */
#include <time.h>
#define MOD_DELIVER mod_sleep(), mod_report_rest(m, b);

static inline void
mod_sleep(void)
{
    struct timespec t = {0, 40 * 1000 * 1000};

    nanosleep(&t, NULL);
}
#include "mod.h"

IMPEL_MODULE(mod_blocks) = MOD_DESCRIPTOR("mod_blocks");
