/* SPDX-License-Identifier: Apache-2.0
 *
 * mod-keeps.c - reads an envelope whose last recipient was reported.
 */
#define MOD_DELIVER \
    mod_report_rest(m, b); \
    if (env->rcpt[0]->address.n == 0) \
        mod_host->now();
#include "mod.h"

IMPEL_MODULE(mod_keeps) = MOD_DESCRIPTOR("mod_keeps");
