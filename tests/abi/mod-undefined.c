/* SPDX-License-Identifier: Apache-2.0
 *
 * mod-undefined.c - needs a symbol that nobody defines.
 */
#define MOD_DELIVER mod_nobody_defines_this(m, b);
struct mod_session;
struct impel_batch;
void mod_nobody_defines_this(struct mod_session *, struct impel_batch *);
#include "mod.h"

IMPEL_MODULE(mod_undefined) = MOD_DESCRIPTOR("mod_undefined");
