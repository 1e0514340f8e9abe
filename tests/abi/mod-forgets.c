/* SPDX-License-Identifier: Apache-2.0
 *
 * mod-forgets.c - never reports a recipient, not even when cancelled.
 */
#define MOD_DELIVER m->open = NULL;
#include "mod.h"

IMPEL_MODULE(mod_forgets) = MOD_DESCRIPTOR("mod_forgets");
