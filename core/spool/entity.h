/* SPDX-License-Identifier: Apache-2.0
 *
 * entity.h - headers and parts of a message in memory (RFC 2045, 2046).
 */
#ifndef IMPEL_ENTITY_H
#define IMPEL_ENTITY_H

#include "base/str.h"

enum { ENTITY_BOUNDARY = 80 }; /* RFC 2046 5.1.1: 70, and a NUL */
struct entity {
    struct str header, body; /* header with its blank line */
    struct str type;         /* value of Content-Type, or absent */
    struct str encoding;     /* field of Content-Transfer-Encoding, whole */
    struct str encoding_value;
    bool mime_version;
};

/* A message or part, whole. */
void entity_read(struct str s, struct entity *t);
/* A parameter of Content-Type, into a buffer of n bytes; false: none. */
bool entity_param(struct str type, struct str name, char *to, size_t n);
/* The line at `at` with its ending. */
struct str entity_line(struct str s, size_t at);
/* Other than lines of text that end in CRLF. */
bool entity_has_octets(struct str s);

enum entity_delimiter { ENTITY_NONE, ENTITY_NEXT, ENTITY_LAST };
/* Where the part that begins at `at` ends: before the next delimiter, whose
 * line is at *line and of that kind; the CRLF before it belongs to it.  binary:
 * nothing is known of its lines. */
size_t entity_part_end(struct str s, size_t at, struct str boundary,
    bool binary, size_t *line, enum entity_delimiter *kind);

#endif
