/* SPDX-License-Identifier: Apache-2.0
 *
 * importbatch.h - messages of another spool on their way into this one: read
 * by a thread, then built, stored and queued by the scheduler (import.c).
 */
#ifndef IMPEL_IMPORTBATCH_H
#define IMPEL_IMPORTBATCH_H

#include "queue/scheduler_int.h"
#include "spool/content.h"
#include "spool/source.h"

enum {
    BATCH_ITEMS = 256,
    BATCH_BYTES = 4 << 20,
    BATCH_CHUNK = 1 << 20 /* what is longer is read in parts */
};

struct import_item {
    uint64_t old; /* its id there */
    uint32_t rcpt_count;
    int result; /* < 0: it is left where it is; why says why */
    char why[160];
    struct source_loaded loaded;
    struct buf bytes; /* a part, if it is long */
    bool whole;       /* bytes are its last */

    struct import_batch *batch;
    struct message *message; /* the new one */
    struct content_builder *builder;
    struct spool_accept accept;
    struct found_parcel *parcel; /* in the message's arena */
    bool stored;
};
struct import_batch {
    struct scheduler *s;
    struct list node; /* of those whose mark is being written */
    struct import_item *item;
    size_t count;
    unsigned accepting; /* items that the spool has */
    int result;         /* the spool would not take one */
    struct err error;
    bool room; /* of the long one: it may be added to */
};

struct import_batch *importbatch_new(struct scheduler *s);
void importbatch_free(struct import_batch **b); /* nothing is under way */

/* --- on a thread --- */
/* The next ones of todo (indexes in the source), from *next on. */
void importbatch_read(struct import_batch *b, struct source *src,
    const size_t *todo, size_t todo_count, size_t *next,
    const _Atomic bool *stop);
/* The next part of a long one. */
void importbatch_read_more(struct import_item *it);

/* --- on the scheduler --- */
/* One that could be read: make its message, under ids from `id` on, and give it
 * what was read; 0, or the item's result. */
int importbatch_build(struct import_item *it, uint64_t id);
/* More of it was read. */
int importbatch_add(struct import_item *it);
/* All of it was: to the spool.  b->accepting says how many are there. */
void importbatch_store(struct import_item *it);
/* Write down what had been tried of it. */
void importbatch_attempts(struct import_item *it);
/* Into its queues: it is on disk, and so is the mark. */
void importbatch_release(struct import_item *it);
/* Out of the spool again. */
void importbatch_take_back(struct import_item *it);

#endif
