/* SPDX-License-Identifier: Apache-2.0
 *
 * text.h - what people read of a message: its header fields, and the first
 * part of it that is plain text (RFC 5322, 2045, 2046), as UTF-8.
 *
 * It is given the beginning of a message, with lines that end in CRLF as
 * impeld stores it, which may be cut anywhere, and may hold anything.
 */
#ifndef WEBHOOK_TEXT_H
#define WEBHOOK_TEXT_H

#include <stdbool.h>

#include <impel/module.h>

enum {
    TEXT_FIELDS_MOST = 1000,
    TEXT_DEPTH_MOST = 8, /* parts within parts */
    TEXT_PARTS_MOST = 64 /* of one multipart */
};

/* The next field of a header: its name, and its value with folds taken out, as
 * far as *at is the beginning of a header; false: there is no more, and *at is
 * the beginning of the body.  value is good until free(). */
bool text_field(struct impel_str *at, struct impel_str *name, char **value);

/* The first plain text of a message that is no attachment: UTF-8 with lines
 * that end in LF, at most `most` octets, for free(); NULL: it has none that is
 * understood, or no memory.  more: this is its beginning only.  *cut: there is
 * more of the text. */
char *text_of_message(
    struct impel_str message, bool more, size_t most, bool *cut);

/* The same octets as UTF-8: what is none is U+FFFD.  For free(); NULL: no
 * memory. */
char *text_mend(const char *p, size_t n);

#endif
