/* SPDX-License-Identifier: Apache-2.0
 *
 * parcel.h - the unit of queueing: one message for all its recipients with the
 * same queue.
 *
 * While it waits for its time a parcel is these 80 bytes and its places in a
 * heap (8 to 12) and in the index by message id (2 to 3); the text of its
 * recipients and its content are on disk.  What is in memory besides hangs off
 * `active` (active.h).
 *
 *   LOOSE <-> DELAYED        waits for its time, or for room in memory
 *   LOOSE --> LOADING --> READY        its content is read
 *   LOOSE --> READY --> LENT --> BEGUN --> LOOSE
 *                         \--> RECALLING --> BEGUN or LOOSE
 *   LOOSE <-> FAILING
 *
 * LOOSE: in no list; never at the end of a turn.
 * READY is Momentum's active queue.  FAILING: it has failed for good, and its
 * bounce is not durable yet.
 */
#ifndef IMPEL_PARCEL_H
#define IMPEL_PARCEL_H

#include "base/chains.h"
#include "base/heap.h"
#include "base/slab.h"
#include "spool/message.h"

struct active;
struct queue;

#define PARCEL_STATES(X) \
    X(LOOSE, "loose") \
    X(DELAYED, "delayed") \
    X(LOADING, "loading") \
    X(READY, "active") \
    X(LENT, "lent") \
    X(BEGUN, "begun") \
    X(RECALLING, "recalling") \
    X(FAILING, "failing") \
    X(GONE, "gone")
#define PARCEL_STATE_ID(id, text) PARCEL_##id,
enum parcel_state { PARCEL_STATES(PARCEL_STATE_ID) PARCEL_STATE_COUNT };

enum {                  /* flags */
    PARCEL_QUIET = 1,   /* no bounce when it fails */
    PARCEL_DUE = 2,     /* in the heap only for want of room in memory */
    PARCEL_LAST_TRY = 4 /* tried by hand: not refused for its age */
};
enum {                /* moved: its queue was not worked out but told, by */
    PARCEL_BOUND = 1, /* its binding's name, */
    PARCEL_ROUTED = 2 /* where the mail goes to */
};

struct parcel {
    uint32_t magic;
    uint32_t state : 4, flags : 3;
    uint32_t free_returns : 3; /* in a row, or more */
    uint32_t writing : 2;      /* ATTEMPTs whose place is not known yet */
    uint32_t rcpt_count : 20;
    union {
        struct heap_node due; /* DELAYED: wall ms of the next attempt, or of
                                 its expiry if that is earlier */
        struct active *active /* all others */
            __attribute__((packed, aligned(4)));
    } in;
    uint32_t received;      /* wall, seconds; held until then: a time to come */
    uint32_t retries : 21;  /* failed attempts so far */
    uint32_t only_told : 1; /* nothing fails at its deadline (RFC 2852) */
    uint32_t moved : 2;     /* by hand: target.h */
    uint32_t told : 8;      /* notices of delay that are behind it */
    uint32_t deadline;      /* wall, seconds; 0: none given */
    uint64_t id;
    struct spool_place accept, attempt;
    struct queue *queue;
    struct chain chain; /* of the index */
    union {
        uint32_t one;
        uint32_t *many;
    } rcpt; /* indexes in the message */
};
enum {
    PARCEL_RCPT_MOST = (1 << 20) - 1,
    PARCEL_RETURNS_MOST = 7,
    PARCEL_WRITING_MOST = 3,
    PARCEL_RETRIES_MOST = (1 << 21) - 1
};

/* All parcels of a scheduler, indexed by message id. */
struct parcels {
    struct slab slab;
    struct bins lists; /* of recipients */
    struct chains index;
};
/* Bytes of memory, lists of recipients apart. */
size_t parcels_memory(const struct parcels *all);

void parcels_init(struct parcels *all);
void parcels_fini(struct parcels *all);

struct parcel *parcel_new(
    struct parcels *all, uint64_t id, const uint32_t *rcpt, size_t count);
/* It is in no queue any more.  Memory of one whose ATTEMPT is being written
 * stays until parcel_written(). */
void parcel_free(struct parcels *all, struct parcel **p);
/* A new parcel with count of its recipients (indexes, in order); the others
 * stay.  At least one stays. */
struct parcel *parcel_split(
    struct parcels *all, struct parcel *p, const uint32_t *rcpt, size_t count);
const uint32_t *parcel_rcpt(const struct parcel *p);
/* Keep only these. */
void parcel_keep(
    struct parcels *all, struct parcel *p, const uint32_t *rcpt, size_t count);
/* An ATTEMPT is on its way; it has its place. */
void parcel_writes(struct parcel *p);
void parcel_written(
    struct parcels *all, struct parcel *p, struct spool_place place);

/* The first parcel of a message, and the next after p; NULL at the end. */
struct parcel *parcel_find(const struct parcels *all, uint64_t id);
struct parcel *parcel_next(const struct parcel *p);
/* Is this the only parcel of its message? */
bool parcel_is_last(const struct parcels *all, const struct parcel *p);

void parcel_enter(struct parcel *p, enum parcel_state to);
const char *parcel_state_name(int state);
/* Wall ms from which its age counts: it was received, or it is released if its
 * sender asked for a later time (RFC 4865). */
int64_t parcel_received(const struct parcel *p);
/* Is it kept until then, and has nobody sent it before? */
bool parcel_is_held(const struct parcel *p, int64_t now);
/* A place in the heap of those that wait: by time, and of those with the same
 * one by arrival.  And out of it. */
void parcel_set_due(struct heap *h, struct parcel *p, int64_t when);
void parcel_clear_due(struct heap *h, struct parcel *p);

#endif
