/* SPDX-License-Identifier: Apache-2.0
 *
 * word.h - the words of a script and how lines are taken apart; between
 * script.c and word.c only.
 */
#ifndef IMPEL_KIT_WORD_H
#define IMPEL_KIT_WORD_H

#include "script.h"

struct word {
    const char *name;
    int value;
};
extern const struct word word_verdict[], word_blame[], word_stage[], word_tls[],
    word_errno[], word_need[], word_notify[];

int word_find(const struct word *w, struct str name); /* -1: none */
/* The next word of *rest; quotes hold spaces together.  Absent at the end. */
struct str word_next(struct str *rest);
struct str word_unquoted(struct str s);
/* What stands between braces for octets: "u8 N", "u16 N", "u32 N", "u64 N", or
 * "text T", a u16 and as many octets.  false: it is none of these. */
bool word_octets(struct str word, struct buf *to);

#endif
