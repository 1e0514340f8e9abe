/* SPDX-License-Identifier: Apache-2.0
 *
 * secret.h - bytes that are wiped when freed and never logged.
 */
#ifndef IMPEL_SECRET_H
#define IMPEL_SECRET_H

#include "base/str.h"

struct secret {
    char *p;
    size_t n;
};

void secret_set(struct secret *s, struct str value); /* copies; wipes the old */
struct str secret_get(const struct secret *s);       /* borrows */
bool secret_eq(const struct secret *s, struct str v); /* in constant time */
void secret_fini(struct secret *s);
void secret_wipe(void *p, size_t n); /* any memory; not optimised away */

#endif
