/* SPDX-License-Identifier: Apache-2.0
 *
 * mod-junk.c - the right name, but what stands there is no descriptor.
 */
#include <impel/module.h>

extern IMPEL_EXPORT const char
    mod_junk_LTX_impel_module[sizeof(struct impel_module)];
IMPEL_EXPORT const char mod_junk_LTX_impel_module[sizeof(struct impel_module)] =
    "this is not a descriptor at all";
