/* SPDX-License-Identifier: Apache-2.0
 *
 * reply.h - SMTP replies (RFC 5321 4.2) with enhanced codes (RFC 2034), read
 * from a peer that may be hostile.
 *
 * Used by every client of the SMTP family.  A reply is looked at in place, in
 * the bytes of input(); of a multi-line reply the last line decides.
 */
#ifndef IMPEL_LIB_REPLY_H
#define IMPEL_LIB_REPLY_H

#include <stddef.h>
#include <stdint.h>

#include <impel/module.h>

enum {
    REPLY_MAX_LINE = 4096,
    REPLY_MAX_LINES = 100,
    REPLY_MAX_BYTES = 32768 /* of one reply, all lines together */
};

enum reply_result { REPLY_MORE, REPLY_OK, REPLY_BAD };

struct reply {
    uint16_t code, status[3]; /* status 0: none given, or of another class */
    uint32_t lines;
    struct impel_str text; /* all of it but the last CRLF; points into p */
    size_t used;           /* to consume */
};
/* What was seen of a reply that is not complete; zeroed to begin with. */
struct reply_scan {
    size_t line_start, at;
    uint32_t lines, reserved;
};

/* Read one reply from p[0..n), which begins where the last complete reply
 * ended.  BAD: not a reply, or beyond the limits; the connection is of no more
 * use.  A line may end in a bare LF. */
enum reply_result reply_parse(
    struct reply_scan *scan, const char *p, size_t n, struct reply *r);

/* The i-th line of a complete reply, without code, separator and line end;
 * absent beyond the last. */
struct impel_str reply_line(const struct reply *r, uint32_t i);

/* Read "5.1.1" at the start of s into status; the bytes it took, or 0. */
size_t reply_status(struct impel_str s, uint16_t status[3]);

static inline int
reply_class(const struct reply *r)
{
    return r->code / 100;
}

#endif
