/* SPDX-License-Identifier: Apache-2.0
 *
 * parts.h - the parts of a multipart in memory (RFC 2046 5.1), one after
 * another.  A delimiter is a line of its own; lines end in LF or CRLF, and the
 * end before a delimiter is the delimiter's.
 */
#ifndef IMPEL_MM7_PARTS_H
#define IMPEL_MM7_PARTS_H

#include <stdbool.h>

#include <impel/module.h>

struct parts {
    const char *boundary;
    struct impel_str left; /* p NULL: the last one was read */
};
struct part {
    struct impel_str header, body; /* lent by the whole */
};
enum parts_step {
    PARTS_PART,
    PARTS_END,
    PARTS_BROKEN /* it ends before its last delimiter */
};
/* false: there is no delimiter in it.  boundary stays the caller's. */
bool parts_begin(struct parts *p, struct impel_str body, const char *boundary);
enum parts_step parts_next(struct parts *p, struct part *to);

#endif
