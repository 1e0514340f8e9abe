/* SPDX-License-Identifier: Apache-2.0
 *
 * record.h - what stands inside the records of the spool: heads and payloads.
 *
 * docs/spool-format.md is the format.  Encoders append to a buffer; decoders
 * borrow from the bytes they are given, trust nothing in them and return
 * ERR_DAMAGED for what cannot be.  Any thread.
 */
#ifndef IMPEL_RECORD_H
#define IMPEL_RECORD_H

#include "base/err.h"
#include "spool/spool.h"
#include "spool/wire.h"

enum record_type {
    RECORD_HOLE = 0, /* a torn record that recovery took out */
    RECORD_ACCEPT = 1,
    RECORD_ATTEMPT = 2,
    RECORD_DONE = 3,
    RECORD_COPY = 4,
    RECORD_ABORT = 5,
    RECORD_STATE = 6,
    RECORD_TYPES
};
enum {                 /* flags */
    RECORD_LARGE = 1,  /* the body is a file of its own */
    RECORD_PACKED = 2, /* the payload is packed (packer.h); on disk only */
    /* ACCEPT, COPY: message_tls(), so that its queue is known from the index */
    RECORD_TLS_REQUIRED = 4,
    RECORD_TLS_ANY = 8
};
enum { RECORD_HEAD = 40 };          /* bytes of a head on disk */
enum { RECORD_RCPT_MAX = 1 << 20 }; /* recipients of one message */
enum { RECORD_TEXT_MAX = 512 };     /* of a peer's reply */

struct record_head {
    uint32_t length; /* head and payload, without padding */
    uint8_t type, flags;
    uint64_t lsn, id, payload_sum;
};
const char *record_type_name(int type);
uint64_t record_sum(const void *p, size_t n); /* of a payload */
/* sum_out: the head's own checksum, for the frame's. */
void record_head_encode(const struct record_head *h, uint64_t segment_id,
    uint8_t to[RECORD_HEAD], uint64_t *sum_out);
/* n bytes are there; false: not a head of this segment. */
bool record_head_decode(const uint8_t *p, size_t n, uint64_t segment_id,
    struct record_head *h, uint64_t *sum_out);

/* Runs of recipient indexes: {first, count}, each 32 bits. */
struct record_run {
    uint32_t first, count;
};
/* Appends the number of runs, then the runs. */
void record_put_runs(struct buf *b, const uint32_t *rcpt, size_t count);
struct record_runs { /* a cursor over them */
    struct wire w;
    uint32_t left;
};
/* Takes the runs out of w and checks them; false: cannot be. */
bool record_get_runs(struct wire *w, struct record_runs *to);
bool record_next_run(struct record_runs *r, struct record_run *to);

/* --- ACCEPT: fixed head, envelope, overlay, body (envelope.h has the middle)
 */
struct record_accept {
    uint32_t head_size;   /* this head and the envelope */
    uint32_t prefix_size; /* text that stands before the body */
    uint64_t body_size;   /* bytes in the record; 0 with a large file */
    uint64_t large_size, large_sum;
    uint64_t fact_body, fact_header, fact_dots;
    uint32_t fact_line, fact_flags;
    int64_t received, deadline, hold_until;
    uint64_t connection;
    uint32_t needs, ret, by, rcpt_count, meta_count; /* ret, by: 8 bits */
    struct wire rest; /* out: the envelope behind the fixed head */
};
enum { RECORD_ACCEPT_FIXED = 112 };
void record_put_accept(struct buf *b, const struct record_accept *a);
/* Overwrite head_size once the envelope behind it is complete. */
void record_end_accept(struct buf *b, size_t at, uint32_t head_size);
/* p: the payload; n may be shorter than the whole if only the head is there,
 * but not shorter than head_size. */
int record_get_accept(const uint8_t *p, size_t n, struct record_accept *to);

/* --- ATTEMPT --- */
struct record_attempt {
    struct spool_place accept, before;
    int64_t next_attempt;
    uint32_t retries;
    struct str domain, moved; /* moved: or absent */
    uint32_t group_count;
    struct wire groups; /* recipients with the same last result */
};
struct record_group {
    struct record_run run;
    struct rcpt_state state; /* rcpt is the first of the run */
};
void record_put_attempt(struct buf *b, const struct attempt *a);
int record_get_attempt(const uint8_t *p, size_t n, struct record_attempt *to);
bool record_next_group(struct record_attempt *a, struct record_group *to);

/* --- DONE --- */
struct record_done {
    struct spool_place accept, attempt;
    bool all;
    struct record_runs runs;
};
void record_put_done(struct buf *b, const struct finish *f);
int record_get_done(const uint8_t *p, size_t n, struct record_done *to);

/* --- COPY: an ACCEPT moved by compaction with all that befell it --- */
struct record_copy {
    struct spool_place source;
    uint64_t as_of; /* records of the message up to this LSN are in it */
    struct record_runs done;
    uint32_t attempt_count;
    struct wire attempts;  /* each: LSN, size, payload of an ATTEMPT */
    const uint8_t *accept; /* payload of the ACCEPT */
    size_t accept_n;
};
/* Appends the head and returns where it begins; the caller then adds attempts
 * with record_put_copy_attempt(), ends it with record_end_copy(), and writes
 * the ACCEPT's payload behind it. */
size_t record_put_copy(struct buf *b, struct spool_place source, uint64_t as_of,
    const uint32_t *done, size_t done_count);
void record_put_copy_attempt(
    struct buf *b, uint64_t lsn, const void *payload, size_t n);
void record_end_copy(struct buf *b, size_t at, uint32_t attempt_count);
int record_get_copy(const uint8_t *p, size_t n, struct record_copy *to);
/* The next attempt: its LSN and payload. */
bool record_next_copied(
    struct record_copy *c, uint64_t *lsn, const uint8_t **p, size_t *n);
/* Where the ACCEPT's payload begins in a COPY's, from its first 4 bytes. */
enum { RECORD_COPY_FIXED = 24 };

/* --- ABORT and STATE --- */
struct record_abort {
    uint32_t segment, offset; /* nothing from here on counts */
    uint64_t segment_id;      /* numbers may come again, this does not */
    uint64_t commit;
};
void record_put_abort(struct buf *b, const struct record_abort *a);
int record_get_abort(const uint8_t *p, size_t n, struct record_abort *to);

struct record_state {
    int64_t expiry;
    struct str ns, key, value; /* value absent: removed */
};
void record_put_state(struct buf *b, const struct record_state *s);
int record_get_state(const uint8_t *p, size_t n, struct record_state *to);

#endif
