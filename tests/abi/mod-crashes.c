/* SPDX-License-Identifier: Apache-2.0
 *
 * mod-crashes.c - writes where there is nothing.
 */
#define MOD_DELIVER \
    *mod_nowhere = 1; \
    mod_report_rest(m, b);
static volatile int *volatile mod_nowhere;
#include "mod.h"

IMPEL_MODULE(mod_crashes) = MOD_DESCRIPTOR("mod_crashes");
