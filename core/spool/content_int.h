/* SPDX-License-Identifier: Apache-2.0
 *
 * content_int.h - what the spool's own files see of a content.
 */
#ifndef IMPEL_CONTENT_INT_H
#define IMPEL_CONTENT_INT_H

#include "spool/content.h"
#include "spool/record.h"

struct large;
struct content {
    uint32_t magic;
    struct content_facts facts;
    struct buf prefix;   /* overlay: stands before the body */
    struct buf body;     /* resident; empty with a large file */
    struct buf head;     /* encoded envelope on its way to the writer */
    uint64_t record_sum; /* of the payload it makes */
    struct large *large; /* or NULL */
};

struct content *content_new(void);
/* Sizes and facts into an ACCEPT's head, and back out of it. */
void content_put_head(const struct content *c, struct record_accept *to);
void content_set_head(struct content *c, const struct record_accept *from);

/* Facts of bytes that come in pieces, also used by render for what it makes.
 */
struct content_watch {
    uint64_t total, header_size, dot_lines, cr, crlf;
    uint64_t line; /* octets of the open line so far */
    uint32_t max_line;
    bool header_ended, eight_bit, header_eight_bit, nul, bare_lf;
    bool last_crlf; /* how the line before ended */
    uint8_t last;   /* byte before the next, 0 at the start */
};
void content_watch_add(struct content_watch *w, const void *p, size_t n);
void content_watch_facts(
    const struct content_watch *w, struct content_facts *f);

#endif
