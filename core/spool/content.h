/* SPDX-License-Identifier: Apache-2.0
 *
 * content.h - a message's bytes: resident, or in a file of their own.
 *
 * Bytes are as received (CRLF lines, dot-unstuffed), behind an overlay of
 * header edits kept in order (trace fields prepended here), never a second
 * copy; a field that is not to be delivered (X-Binding) never comes here.  A
 * body above large_message_threshold goes to large/NN/ID by a body thread in
 * 256 KiB steps while it is received.
 */
#ifndef IMPEL_CONTENT_H
#define IMPEL_CONTENT_H

#include "spool/message.h"
#include "base/err.h"

struct spool;

/* What is known of the bytes once they are complete. */
struct content_facts {
    uint64_t size;         /* overlay prefix included: what RAW form has */
    uint64_t body_size;    /* as received, without the overlay */
    uint64_t header_size;  /* of what was received, blank line included */
    uint64_t dot_lines;    /* lines that begin with '.': stuffing adds these */
    uint32_t max_line;     /* octets without CRLF, saturating */
    bool eight_bit;        /* a byte above 127 */
    bool header_eight_bit; /* the same in the header */
    bool nul;              /* a NUL byte */
    bool bare_cr, bare_lf; /* seen anywhere; a CR at the end is bare */
    bool ends_crlf;        /* else stuffing adds a CRLF */
    bool large;            /* in a file of its own */
};
void content_get_facts(const struct content *c, struct content_facts *f);
void content_free(struct content **c); /* message_unref() calls it */
/* Bytes of memory that it takes; those in a large file are not among them. */
uint64_t content_resident(const struct content *c);

/* --- building (an I/O loop) --- */
/* Bodies that are begun from now on are summed as they come, in each form of
 * the mask (1 << BODYHASH_*), for the envelope's body_sum.  Any thread. */
void content_sum_bodies(unsigned forms);
struct content_builder;
/* room() is called on the loop (never inside add) after add said AGAIN, or
 * with an error (a negative ERR_*) when the disk failed. */
typedef void content_room_f(void *arg, int result);
struct content_builder *content_builder_new(struct spool *s, uint64_t id,
    struct mailbox *home, content_room_f *room, void *arg);
/* So many bytes are said to come, before the first of them: a hint. */
void content_builder_expect(struct content_builder *b, uint64_t octets);
/* Take n bytes.  0; ERR_AGAIN: taken, but wait for room(); ERR_IO, ERR_FULL. */
int content_builder_add(
    struct content_builder *b, const void *p, size_t n, struct err *e);
/* Bytes so far and the same facts, to refuse early. */
void content_builder_facts(
    const struct content_builder *b, struct content_facts *f);
/* The first header bytes received, up to 64 KiB or the blank line: for loops,
 * Message-ID, Date.  Borrowed until the next add. */
struct str content_builder_header(const struct content_builder *b);
/* All bytes are there: the content goes to the message.  The large file, if
 * any, is synced by spool_accept() before the record joins a commit.
 * *b becomes NULL. */
void content_builder_finish(struct content_builder **b, struct message *m);
void content_builder_abandon(struct content_builder **b); /* removes the file */

/* --- once it is built, before spool_accept() --- */
/* Text that stands before all that is there: trace fields, each with CRLF. */
void content_prepend(struct content *c, struct str fields);
/* To read a message that is not stored yet: done() is called on its builder's
 * home when all of a large body is in its file, synced or not, or with a
 * negative ERR_*.  false: there is nothing to wait for, and no call. */
typedef void content_settled_f(void *arg, int result, const struct err *e);
bool content_settle(struct content *c, content_settled_f *done, void *arg);
/* The large body's file, if there is one, is to have the name of that message
 * once it is accepted; nobody reads it meanwhile. */
void content_rename(struct content *c, uint64_t id);
/* From one message that is not accepted to another one that has none: content
 * and body sums. */
void content_move(struct message *from, struct message *to);

#endif
