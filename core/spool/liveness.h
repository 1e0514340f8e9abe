/* SPDX-License-Identifier: Apache-2.0
 *
 * liveness.h - the table of segments: what lives in each, and what a segment
 * must outlive.
 *
 * A DONE or ATTEMPT in segment H about a message whose ACCEPT is in segment R
 * is a tombstone: H may go only after R is gone durably, or else the message
 * comes back.  Counts are kept per pair (H, R), never per message.  A COPY is
 * a tombstone of its source, a STATE of the older values of its key, an ABORT
 * of the segment it speaks of.  A bit per 64 bytes of a segment says which
 * ACCEPTs and ATTEMPTs are dead, so that nothing is counted down twice.
 *
 * The writer changes the table after each sync; recovery, the compactor and
 * the readers share it.  Everything is called with the lock held, but for
 * init, fini and lock.
 */
#ifndef IMPEL_LIVENESS_H
#define IMPEL_LIVENESS_H

#include <pthread.h>
#include "spool/index.h"
#include "spool/segment.h"

enum live_state {
    LIVE_OPEN,    /* an appender writes to it */
    LIVE_SEALING, /* whole; its index is still in memory only */
    LIVE_SEALED
};
struct live_pair {
    uint32_t referred, count;
};
struct live_segment {
    uint32_t magic, number, kind;
    enum live_state state;
    uint64_t id, bytes;
    int fd;
    unsigned refs;      /* readers; it is not recycled meanwhile */
    uint32_t end, last; /* behind the last frame; that frame */
    uint64_t commit, max_lsn, damaged;
    uint64_t live;        /* messages and states that live here */
    uint64_t live_states; /* the states among them */
    uint64_t accepts, accept_bytes, records;
    struct live_pair *pairs; /* what it must outlive */
    size_t pair_count;
    uint64_t out;   /* sum of their counts */
    uint64_t *dead; /* bits, by offset / 64; NULL: none */
    bool copied;    /* all that lived was copied and synced */
    bool failed;    /* a write or sync failed: never written again */
    bool compacting;
    bool going; /* it is being removed: nobody begins with it any more */
    /* A compaction of it failed: the time of the next one; what could not be
     * read still lives, and there is no use in one before less does. */
    int64_t compact_at;
    uint64_t unreadable;
    struct index index; /* until it is sealed */
};
struct live_forward { /* where compaction put what was in a segment */
    uint32_t segment;
    size_t count;
    struct live_moved {
        uint32_t from;
        struct spool_place to;
    } * moved; /* ascending by from */
};
struct live_watched { /* a result that came while its message is copied */
    struct spool_place accept;
    uint32_t holder;
    bool finished;
};
struct liveness {
    pthread_mutex_t lock;
    struct live_segment **list; /* ascending by number */
    size_t count, size;
    struct live_forward *forwards;
    size_t forward_count;
    uint64_t applied_lsn; /* all results up to it are counted here */
    uint32_t watched;     /* segment under compaction, 0: none */
    struct live_watched *watch;
    size_t watch_count;
};

void liveness_init(struct liveness *l);
void liveness_fini(struct liveness *l); /* closes and frees all segments */
void liveness_lock(struct liveness *l);
void liveness_unlock(struct liveness *l);

struct live_segment *liveness_segment_new(const struct segment_head *h, int fd);
void liveness_segment_free(struct live_segment **s);
void liveness_add(struct liveness *l, struct live_segment *s);
struct live_segment *liveness_find(const struct liveness *l, uint32_t number);

/* Follow compaction: the place where it is now. */
struct spool_place liveness_resolve(
    const struct liveness *l, struct spool_place at);
/* Records where things went; the table takes over moved (sorted here). */
void liveness_forward(struct liveness *l, uint32_t segment,
    struct live_moved *moved, size_t count);

/* by: +1 or -1; a pair that is not there is not counted down. */
void liveness_pair(
    struct liveness *l, uint32_t holder, uint32_t referred, int by);
/* true: it was alive until now. */
bool liveness_kill(struct liveness *l, struct spool_place at);
bool liveness_is_dead(const struct liveness *l, struct spool_place at);

/* --- what the writer says when a record is durable --- */
void liveness_accepted(
    struct liveness *l, struct spool_place at, uint32_t length);
void liveness_attempted(struct liveness *l, uint32_t holder,
    struct spool_place accept, struct spool_place before);
void liveness_finished(struct liveness *l, uint32_t holder,
    struct spool_place accept, struct spool_place attempt, bool all);

/* May it go?  Not while recovery runs: the caller knows. */
bool liveness_is_free(const struct live_segment *s);
/* One that may go, for whoever removes it, or NULL; `going` until it is
 * forgotten or put back. */
struct live_segment *liveness_take_free(struct liveness *l);
/* That segment, which stays until its refs are counted down again; NULL: it is
 * not there, or going. */
struct live_segment *liveness_hold(struct liveness *l, uint32_t number);
/* What stands in cold segments is counted now, but for these two (or NULL). */
void liveness_published(struct liveness *l, const struct live_segment *source,
    const struct live_segment *open);
/* It is gone durably: drop it and what others held for its sake. */
void liveness_forget(struct liveness *l, struct live_segment *s);

#endif
