/* SPDX-License-Identifier: Apache-2.0
 *
 * keeper.h - a thread that keeps segments ready, seals full ones, recycles
 * free ones, unlinks large bodies and watches the free space.
 *
 * A new segment is allocated, zeroed, synced, given its head, renamed into
 * place and its directory synced before anyone writes to it.
 */
#ifndef IMPEL_KEEPER_H
#define IMPEL_KEEPER_H

#include "spool/liveness.h"

struct spool;
struct keeper;

enum { KEEPER_SPARES = 2 }; /* empty segments kept for later */

int keeper_new(struct spool *s, struct keeper **to, struct err *e);
int keeper_start(struct keeper *k, struct err *e); /* its thread */
void keeper_stop(struct keeper **k); /* seals what waits for it; frees */
void keeper_wake(struct keeper *k);

/* The segment that is ready for the writer; waits for one that is being made.
 * It is in the table, LIVE_OPEN. */
int keeper_take(struct keeper *k, struct live_segment **to, struct err *e);
/* Make one now, on this thread. */
int keeper_make(
    struct keeper *k, int kind, struct live_segment **to, struct err *e);
/* Nobody writes to it any more. */
void keeper_seal(struct keeper *k, struct live_segment *s);
void keeper_seal_all(struct keeper *k); /* those that wait, on this thread */
/* Give back what lies behind the end of a segment that is full enough. */
void keeper_trim(struct spool *s, struct live_segment *seg);
/* Write the index of a sealed segment, on this thread. */
void keeper_write_index(struct spool *s, struct live_segment *seg);
/* The same of one that was made again. */
void keeper_save_index(
    struct spool *s, const struct live_segment *seg, const struct index *ix);

/* Large bodies: known from the commit of the ACCEPT (or recovery) on; the file
 * goes when the message is finished. */
void keeper_large_stored(struct keeper *k, uint64_t id);
void keeper_large_finished(struct keeper *k, uint64_t id);
/* A file that nobody needs and that could not be removed: it goes when the disk
 * is well. */
void keeper_large_left(struct keeper *k, uint64_t id);
bool keeper_large_known(struct keeper *k, uint64_t id);

/* Give back what is free now; how many segments went.  For the keeper itself
 * and offline compaction. */
size_t keeper_reclaim(struct keeper *k);
size_t keeper_spares(struct keeper *k);
void keeper_drop_spares(struct keeper *k);

#endif
