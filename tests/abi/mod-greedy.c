/* SPDX-License-Identifier: Apache-2.0
 *
 * mod-greedy.c - believes that there is always memory.
 */
#define MOD_DELIVER \
    mod_note = malloc(40); \
    mod_note[0] = 1; \
    free(mod_note); \
    mod_report_rest(m, b);
static char *volatile mod_note;
#include "mod.h"

IMPEL_MODULE(mod_greedy) = MOD_DESCRIPTOR("mod_greedy");
