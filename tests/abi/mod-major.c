/* SPDX-License-Identifier: Apache-2.0
 *
 * mod-major.c - built for another major.
 */
#define MOD_ABI \
    { \
        IMPEL_ABI_MAGIC, IMPEL_ABI_MAJOR + 1, 0 \
    }
#include "mod.h"

IMPEL_MODULE(mod_major) = MOD_DESCRIPTOR("mod_major");
