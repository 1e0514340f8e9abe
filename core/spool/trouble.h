/* SPDX-License-Identifier: Apache-2.0
 *
 * trouble.h - what is wrong with the disk, and what follows from it.
 *
 * Each kind of trouble is an alarm that is raised once, stays until whoever
 * raised it has seen the disk work again, and is told by `summary`, `health`
 * and the log.  Some refuse mail, and some of these pause deliveries: those
 * whose results could not be written, so that they would be repeated after a
 * crash.  Any thread.
 */
#ifndef IMPEL_TROUBLE_H
#define IMPEL_TROUBLE_H

#include <pthread.h>
#include <stdatomic.h>
#include "spool/spool.h"

/* clang-format off */
#define SPOOL_TROUBLES(X) \
    /* a commit failed; until the ABORT of it is durable */ \
    X(WRITE, "write", SPOOL_REFUSES | SPOOL_PAUSES) \
    /* the writer has no segment */ \
    X(SEGMENT, "segment", SPOOL_REFUSES | SPOOL_PAUSES) \
    /* a floor is passed, or there will be no next segment */ \
    X(SPACE, "space", SPOOL_REFUSES) \
    /* a large body could not be stored; until a trial works */ \
    X(BODY, "body", SPOOL_REFUSES_LARGE) \
    /* the rest costs time or space, no mail */ \
    X(INDEX, "index", 0) \
    X(COMPACTION, "compaction", 0) \
    X(REMOVAL, "removal", 0) \
    X(QUARANTINE, "quarantine", 0)
/* clang-format on */
#define SPOOL_TROUBLE_ID(id, word, effect) SPOOL_TROUBLE_##id,
enum spool_trouble { SPOOL_TROUBLES(SPOOL_TROUBLE_ID) SPOOL_TROUBLE_COUNT };
_Static_assert(
    (int)SPOOL_TROUBLE_COUNT <= (int)SPOOL_ALARMS, "room in spool_stats");

struct trouble { /* zeroed but for the lock: all is well */
    pthread_mutex_t lock;
    _Atomic uint32_t set; /* bits of enum spool_trouble */
    struct err why[SPOOL_TROUBLE_COUNT];
    struct spool_alarm alarm[SPOOL_TROUBLE_COUNT];
    int64_t begun[SPOOL_TROUBLE_COUNT]; /* monotonic ms */
};

/* Raise (code not 0) or clear one; tells the scheduler when what follows from
 * all of them changes. */
void trouble_set(
    struct spool *s, enum spool_trouble which, const struct err *why);
bool trouble_is_set(const struct spool *s, enum spool_trouble which);
/* Is mail refused, for any of the reasons in `effects`?  0, or the first. */
int trouble_refuses(struct spool *s, unsigned effects, struct err *e);
void trouble_get(struct spool *s, struct spool_alarm *to);

#endif
