/* SPDX-License-Identifier: Apache-2.0
 *
 * mod-minor.c - built for a newer minor.
 */
#define MOD_ABI \
    { \
        IMPEL_ABI_MAGIC, IMPEL_ABI_MAJOR, IMPEL_ABI_MINOR + 1 \
    }
#include "mod.h"

IMPEL_MODULE(mod_minor) = MOD_DESCRIPTOR("mod_minor");
