/* SPDX-License-Identifier: Apache-2.0
 *
 * reader.h - read single records back; spool_load() is here.
 */
#ifndef IMPEL_READER_H
#define IMPEL_READER_H

#include "spool/liveness.h"

struct spool;
struct spool_load;

struct reader_record {
    struct record_head head;
    struct spool_place at; /* where it is now */
    struct str payload;
    struct buf bytes; /* that, behind the head */
};
/* The record at a place, compaction followed; id 0: of any message.  Any
 * thread that may block.  ERR_NOTFOUND, ERR_DAMAGED, ERR_IO. */
int reader_get(struct spool *s, struct spool_place at, uint64_t id,
    struct reader_record *to, struct err *e);
void reader_record_fini(struct reader_record *r);
/* What spool_load() does, on this thread: l->result. */
int reader_load(struct spool *s, struct spool_load *l);

#endif
