/* SPDX-License-Identifier: Apache-2.0
 *
 * parts.h - the input of a fuzz target as several texts: PART_END stands
 * between them, an octet that no UTF-8 has.  Missing ones are empty.
 */
#ifndef IMPEL_FUZZ_PARTS_H
#define IMPEL_FUZZ_PARTS_H

#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"

#define PART_END '\xfe'

static inline struct str
part_next(struct str *rest)
{
    struct str s = str_cut(rest, PART_END);

    return s.p ? s : STR("");
}

/* A number from 0 to below n. */
static inline unsigned
part_choice(struct str *rest, unsigned n)
{
    unsigned c = rest->n ? (unsigned char)rest->p[0] : 0;

    *rest = str_from(*rest, 1);
    return c % n;
}

#define must(x) \
    do { \
        if (!(x)) { \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #x); \
            abort(); \
        } \
    } while (0)

#endif
