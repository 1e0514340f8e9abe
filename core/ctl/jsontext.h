/* SPDX-License-Identifier: Apache-2.0
 *
 * jsontext.h - text of any origin as a JSON string.
 *
 * Queues hold what peers sent, which need not be UTF-8, and a JSON string must
 * be: bytes that are not are replaced by U+FFFD.
 */
#ifndef IMPEL_JSONTEXT_H
#define IMPEL_JSONTEXT_H

#include <jansson.h>
#include "base/buf.h"

/* Append s with its quotes. */
void jsontext_str(struct buf *to, struct str s);
/* At most n bytes of s, cut before a character rather than within. */
struct str jsontext_head(struct str s, size_t n);
/* A string of jansson's, likewise made valid. */
json_t *jsontext_value(struct str s);
/* Append a document, on one line; frees it. */
void jsontext_take(struct buf *to, json_t *j);

#endif
