/* SPDX-License-Identifier: Apache-2.0
 *
 * mod-short.c - a descriptor smaller than that of 1.0.
 */
#define MOD_SIZE (sizeof(struct impel_module) / 2)
#include "mod.h"

IMPEL_MODULE(mod_short) = MOD_DESCRIPTOR("mod_short");
