/* SPDX-License-Identifier: Apache-2.0
 *
 * target.h - where a recipient's mail moves to, and what of it is kept.
 *
 * Where mail is queued is worked out (choose.h, resolve.h) and not stored; but
 * what an operator moved is where he said.  Two bits of the parcel say that its
 * binding, or its route, was told, and what was told is its queue's own key. On
 * disk it is a text of the ATTEMPT (docs/spool-format.md), so that a restart
 * finds it there.
 */
#ifndef IMPEL_TARGET_H
#define IMPEL_TARGET_H

#include "queue/move.h"

struct target {
    struct str binding;
    struct destination to; /* borrows: one at a time */
    unsigned told;         /* bits of parcel.h */
};
/* Of one recipient; the envelope is there. */
void target_get(struct target *t, const struct parcel *p,
    const struct message *m, uint32_t rcpt, const struct move *mv);
bool target_is_here(const struct target *t, const struct queue *q);

/* What its ATTEMPT has to say of a parcel; nothing if nothing was told. */
void target_print(const struct parcel *p, struct buf *to);
/* Where it belongs after a restart.  What does not hold any more (a binding
 * that has gone) counts for nothing. */
struct queue *target_found(struct scheduler *s, const struct found *f,
    const struct found_parcel *fp, unsigned *told);

#endif
