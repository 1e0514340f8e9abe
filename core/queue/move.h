/* SPDX-License-Identifier: Apache-2.0
 *
 * move.h - mail that moves to another queue: `rebind`, `reroute queue`, and
 * what to do with mail whose binding has gone.
 *
 * Where to is target.h's.  A parcel is LOADING while its envelope and last
 * results are read; then its recipients go to the queue of each.  What a
 * session has is called back, and moves if it comes back undelivered.
 */
#ifndef IMPEL_MOVE_H
#define IMPEL_MOVE_H

#include "queue/scheduler_int.h"

enum move_kind {
    MOVE_BINDING, /* to a binding or one of a group, else as new mail */
    MOVE_ROUTE,   /* to the queues of a domain, else as new mail */
    MOVE_STRAY    /* its binding has gone: as new mail */
};
/* One verb's; shared by all parcels that it meant. */
struct move {
    struct list node; /* of the scheduler's */
    uint32_t refs;
    enum move_kind kind;
    char *to; /* NULL: as new mail */
    struct scheduler *s;
    uint64_t under_way;       /* being read, or written */
    uint64_t lent;            /* with a session */
    uint64_t moved, unread;   /* parcels */
    bool stopped;             /* what is not done yet stays where it is */
    void (*ended)(void *arg); /* one less is under way; or NULL */
    void *arg;
};
enum { MOVE_UNDER_WAY = 1024 }; /* enough at once */

/* One reference.  to: a binding or a group, or a domain as queues have it. */
struct move *move_new(struct scheduler *s, enum move_kind kind, struct str to);
void move_unref(struct move **m); /* *m may be NULL */
/* As soon as it can; the last word counts.  false: it has failed already. */
bool move_parcel(struct parcel *p, struct move *mv);
/* Would it, or a part of it?  where: the first queue that it would go to. */
bool move_would(const struct parcel *p, const struct message *m,
    const struct move *mv, struct buf *where);

/* --- for the files that keep parcels --- */
struct mover;
/* What becomes of the parcel was said by somebody else. */
void move_forget(struct mover **mr);
/* A batch is back: before its parcel leaves the queue, and behind that. */
struct mover *move_take(struct parcel *p);
void move_resume(struct scheduler *s, struct mover **mr, const struct batch *b);
/* Which bindings have gone with the generation that came. */
void move_adopt(struct scheduler *s);
/* A queue whose binding has gone: some of its mail leaves it.  true: more can.
 * While enough of such is under way it waits in a line. */
bool move_strays(struct queue *q);
void move_fini(struct scheduler *s);

#endif
