/* SPDX-License-Identifier: Apache-2.0
 *
 * mod-twice.c - reports its recipients twice.
 */
#define MOD_DELIVER \
    struct impel_result r = mod_result(IMPEL_DELIVERED); \
    mod_host->rcpt_done(b, 0, &r); \
    mod_host->rcpt_done(b, 0, &r); \
    mod_report_rest(m, b);
#include "mod.h"

IMPEL_MODULE(mod_twice) = MOD_DESCRIPTOR("mod_twice");
