/* SPDX-License-Identifier: Apache-2.0
 *
 * inject_text.h - the octets of a message as they are sent, from a part of a
 * file: lines end in CRLF, the quoting of an mbox is undone, header fields may
 * be taken out.
 *
 * A small one is in memory; of a large one the header is, and the rest is read
 * in pieces whenever it is sent.  Counted: several envelopes may share one.
 */
#ifndef IMPEL_INJECT_TEXT_H
#define IMPEL_INJECT_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum inject_quoting {
    INJECT_QUOTING_NONE,
    INJECT_QUOTING_MBOXO, /* ">From " was "From " */
    INJECT_QUOTING_MBOXRD /* and ">>From " was ">From " */
};
enum {
    INJECT_TEXT_SMALL = 131072, /* octets of a file that are kept in memory */
    INJECT_TEXT_HEAD = 1 << 20  /* of a header */
};

struct inject_text {
    unsigned refs;
    struct buf memory; /* the header, or all of it */
    size_t head;       /* octets of the header, its empty line included */
    int fd;            /* of what is not in memory; -1: all is */
    uint64_t at, length;
    enum inject_quoting quoting;
    uint64_t size; /* octets that are sent */
    bool eight_bit;
    unsigned char hash[32]; /* SHA-256 of them */
};

/* A new file that nobody else sees and that goes with its descriptor, in the
 * folder that TMPDIR names.  ERR_IO. */
int inject_text_scratch(struct err *e);
/* A part of fd, which stays the caller's.  ERR_IO; ERR_LIMIT: its header is too
 * long.  The size is not known yet. */
int inject_text_open(int fd, uint64_t at, uint64_t length,
    enum inject_quoting quoting, struct inject_text **to, struct err *e);
struct str inject_text_head(const struct inject_text *t);
/* Take out all fields of that name. */
void inject_text_drop(struct inject_text *t, struct str name);
/* Size, eight_bit, and hash: nothing is changed any more. */
int inject_text_finish(struct inject_text *t, struct err *e);
struct inject_text *inject_text_ref(struct inject_text *t);
void inject_text_unref(struct inject_text **t);

/* From one octet to the next; or from the beginning again. */
struct inject_reader;
struct inject_reader *inject_reader_new(struct inject_text *t); /* a ref */
void inject_reader_free(struct inject_reader **r);
/* As ecstream_message.read: octets, or -1. */
int64_t inject_reader_read(
    struct inject_reader *r, uint64_t at, void *to, size_t n);

#endif
