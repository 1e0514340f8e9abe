/* SPDX-License-Identifier: Apache-2.0
 *
 * letter_int.h - between the fields of a letter (letter.c) and its content
 * (letterbody.c).
 */
#ifndef IMPEL_MM7_LETTER_INT_H
#define IMPEL_MM7_LETTER_INT_H

#include "letter.h"

/* One field on one line; octets that would end it become '?'.  An empty value:
 * none. */
void letter_field(struct text *to, const char *name, const char *value);
/* The MIME fields, an empty line, the content.  As letter_write(). */
const char *letter_content(
    const struct call *c, const struct soap_body *body, struct text *to);

#endif
