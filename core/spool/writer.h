/* SPDX-License-Identifier: Apache-2.0
 *
 * writer.h - the thread that appends and syncs.
 *
 * It takes whatever is in its mailbox, makes one frame of it, writes, syncs,
 * and tells the askers.  Frames with results alone are written at once and
 * synced with the next commit, at the latest after WRITER_LAZY_MS.
 *
 * After a write or a sync failed the segment is never written again: the
 * messages of that commit are refused, its results wait, and in a new segment
 * an ABORT goes first.  Until that is durable no mail is accepted.
 */
#ifndef IMPEL_WRITER_H
#define IMPEL_WRITER_H

#include "spool/spool.h"

/* Tried again after a failure: soon, then after 1, 2, and 4 seconds. */
enum { WRITER_LAZY_MS = 50, WRITER_RETRY_SOON_MS = 10, WRITER_RETRY_MS = 1000 };

struct writer;
struct writer_result { /* an ATTEMPT, DONE or STATE on its way */
    struct mail mail;
    struct spool *spool;
    uint8_t type;
    bool all;
    uint64_t id, token;
    struct spool_place accept, before, place;
    struct buf payload;
    spool_placed_f *placed;
    void (*durable)(void *arg);
    void *arg;
};

int writer_start(struct spool *s, struct writer **to, struct err *e);
/* Commits what it has, joins. */
void writer_stop(struct writer **w);
/* head, sum and the large file are ready. */
void writer_accept(struct writer *w, struct spool_accept *a);
void writer_put(struct writer *w, struct writer_result *r); /* takes it over */
struct writer_result *writer_result_new(struct spool *s, int type);
/* The end of an accept: posts done() to its home. */
void writer_answer(struct spool_accept *a, int result, const struct err *e);

#endif
