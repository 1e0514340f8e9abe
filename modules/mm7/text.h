/* SPDX-License-Identifier: Apache-2.0
 *
 * text.h - octets that grow, and text as XML has it.
 */
#ifndef IMPEL_MM7_TEXT_H
#define IMPEL_MM7_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include <impel/module.h>

struct text {
    char *p;
    size_t n, room;
    bool failed; /* no memory: what was put then is missing */
};
void text_put(struct text *t, const char *at, size_t n);
void text_z(struct text *t, const char *z);
void text_str(struct text *t, struct impel_str s);
void text_wipe(struct text *t); /* empty, and nothing of it stays behind */

/* In base64; line: octets of a line, a multiple of 4, or 0: no lines. */
void text_base64(struct text *t, const void *in, size_t n, size_t line);

/* A copy that XML 1.0 can hold: what is no UTF-8, and control characters but
 * blanks, become '?'.  NULL: no memory.  The caller's. */
char *text_for_xml(struct impel_str s);
/* Letters, digits, '.', '_' and '-', a letter or '_' first: a prefix of XML. */
bool text_is_prefix(struct impel_str s);
/* Nothing in it would end a line of a header. */
bool text_is_line(struct impel_str s);

#endif
