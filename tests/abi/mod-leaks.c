/* SPDX-License-Identifier: Apache-2.0
 *
 * mod-leaks.c - forgets what it has allocated for each message.
 */
#define MOD_DELIVER \
    mod_lost = malloc(77); \
    mod_report_rest(m, b);
static void *volatile mod_lost;
#include "mod.h"

IMPEL_MODULE(mod_leaks) = MOD_DESCRIPTOR("mod_leaks");
