/* SPDX-License-Identifier: Apache-2.0
 *
 * index.h - what is in a segment, without its bodies.
 *
 * One entry for every record, in the order of writing, with all that recovery
 * needs; domains and bindings are numbers into a table of strings.  STATE and
 * ABORT records are kept whole beside them (marks), for they are wanted before
 * anything else.  The appender's segment has its index in memory; when a
 * segment is sealed it is written to a file beside it, and a file that is lost
 * or damaged is made again by reading the segment.
 */
#ifndef IMPEL_INDEX_H
#define IMPEL_INDEX_H

#include "spool/record.h"

struct index {
    struct buf entries, strings, marks;
    uint32_t *slots; /* hash of the strings: offset + 1 */
    size_t slot_count, string_count;
    uint32_t entry_count;
};
/* What the file says of its segment. */
struct index_head {
    uint32_t number, kind, end, last;
    uint64_t segment_id, commit, max_lsn, damaged;
};

struct index_attempt {
    uint64_t lsn;
    int64_t next_attempt;
    uint32_t retries;
    struct str domain, moved; /* moved: or empty */
    struct record_runs runs;
};
struct index_entry {
    uint8_t type, flags;
    uint32_t offset, length;
    uint64_t lsn, id;
    struct spool_place ref; /* DONE, ATTEMPT: the ACCEPT; COPY: its source */
    /* ACCEPT, COPY */
    int64_t received, deadline, hold_until;
    bool only_told; /* BY_NOTIFY */
    uint64_t size;
    struct str binding;
    uint32_t rcpt_count, domain_runs;
    struct wire domains; /* domain_runs times {domain, count} */
    uint64_t as_of;      /* COPY */
    uint32_t attempt_count;
    struct wire attempts;
    struct record_runs runs;      /* DONE, COPY: finished recipients; DONE: none
                                   * means all of them */
    struct index_attempt attempt; /* ATTEMPT */
};

void index_fini(struct index *ix);
/* p, n: the payload; of an ACCEPT's or COPY's at least all heads.
 * ERR_DAMAGED: it cannot be decoded, nothing was added. */
int index_add(struct index *ix, const struct record_head *h, uint32_t offset,
    const uint8_t *p, size_t n);
/* Iterate: *at begins at 0; false at the end. */
bool index_next(const struct index *ix, size_t *at, struct index_entry *to);
bool index_next_domain(
    const struct index *ix, struct index_entry *e, struct str *d, uint32_t *n);
bool index_next_attempt(
    const struct index *ix, struct index_entry *e, struct index_attempt *to);

struct index_mark {
    uint8_t type;
    uint32_t offset;
    uint64_t lsn;
    const uint8_t *payload;
    size_t n;
};
bool index_next_mark(const struct index *ix, size_t *at, struct index_mark *to);

/* Write it durably to path. */
int index_save(const struct index *ix, const struct index_head *h,
    const char *path, int mode, struct err *e);
/* The id of the segment an index is of, if its head is whole. */
int index_find_id(const char *path, uint64_t *segment_id);
/* h holds the segment's number and id, the rest is filled in.  ERR_NOTFOUND,
 * ERR_DAMAGED, ERR_IO; *ix is empty then. */
int index_load(struct index *ix, struct index_head *h, const char *path,
    bool marks_only, struct err *e);

#endif
