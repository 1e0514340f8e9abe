/* SPDX-License-Identifier: Apache-2.0
 *
 * state.h - small durable values: a map in memory, STATE records on disk.
 *
 * The record with the highest LSN of a key counts; it must outlive every
 * segment that has an older one.
 */
#ifndef IMPEL_STATE_H
#define IMPEL_STATE_H

#include "spool/liveness.h"

struct spool;
struct spool_value;
struct state;

struct state *state_new(void);
void state_free(struct state **s);

/* A record met at start, in any order; then once: count what lives. */
void state_recover(
    struct spool *s, struct str payload, uint64_t lsn, struct spool_place at);
void state_settle(struct spool *s);

/* The payload of a value's record, appended; ERR_LIMIT: too long. */
int state_encode(struct spool *s, const struct spool_value *v, struct buf *to,
    struct err *e);
/* A record that was written with a message is durable: its value counts from
 * now on.  The table of segments is locked. */
void state_joined(
    struct spool *s, struct str payload, uint64_t lsn, struct spool_place at);

/* The writer has the record now, in the order in which it will be written:
 * what it holds becomes the value of its key as it is now.  Two threads may
 * have put theirs in one order and posted their records in the other; so the
 * last one on disk is the one in memory, whoever wrote it. */
void state_refresh(struct spool *s, struct buf *payload);
/* The record is durable.  The table of segments is locked. */
void state_placed(
    struct spool *s, struct str payload, uint64_t lsn, struct spool_place at);

/* Forget what is expired, of some values, the next ones with each call: so
 * many were.  From one thread. */
size_t state_sweep(struct spool *s);

/* For compaction, with the table locked: is this record the newest of its
 * key?  And: it stands there now. */
bool state_is_newest(
    struct spool *s, struct str payload, uint64_t lsn, struct spool_place at);
void state_moved(
    struct spool *s, struct str payload, uint64_t lsn, struct spool_place to);

#endif
