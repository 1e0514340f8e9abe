/* SPDX-License-Identifier: Apache-2.0
 *
 * mod-magic.c - another magic: not one of our modules.
 */
#define MOD_ABI \
    { \
        0x12345678u, IMPEL_ABI_MAJOR, IMPEL_ABI_MINOR \
    }
#include "mod.h"

IMPEL_MODULE(mod_magic) = MOD_DESCRIPTOR("mod_magic");
