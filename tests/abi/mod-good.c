/* SPDX-License-Identifier: Apache-2.0
 *
 * mod-good.c - nothing is wrong with this one.
 */
#include "mod.h"

IMPEL_MODULE(mod_good) = MOD_DESCRIPTOR("mod_good");
