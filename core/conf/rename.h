/* SPDX-License-Identifier: Apache-2.0
 *
 * rename.h - names that options once had, or have in the manuals' examples.
 * They load with a warning that says the right one.
 */
#ifndef IMPEL_RENAME_H
#define IMPEL_RENAME_H

#include "base/str.h"

struct rename {
    const char *old, *name, *since;
};
/* In any case; NULL: no old name. */
const struct rename *rename_find(struct str old);

#endif
