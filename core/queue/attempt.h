/* SPDX-License-Identifier: Apache-2.0
 *
 * attempt.h - what an attempt came to, on its way to the spool.
 *
 * Recovery finds queues by the domains of recipients, so a parcel with
 * recipients of several (they share a gateway, or were moved) writes an ATTEMPT
 * for each.  If such a parcel is not in memory the envelope is read first: the
 * next attempt would come too early after a restart otherwise.
 */
#ifndef IMPEL_ATTEMPT_H
#define IMPEL_ATTEMPT_H

#include "queue/scheduler_int.h"

struct doom;

/* r: one for each recipient, borrowed.  m: NULL: not in memory; then they are
 * all alike.  The parcel counts as `writing` until the place is known.  doom:
 * held until the spool has it; or NULL. */
void attempt_write(struct parcel *p, const struct message *m, int64_t next,
    const struct result *r, struct doom *doom);

/* Nothing was attempted, but what is on disk does not hold any more.  known:
 * the last results, by recipient, which stay.  placed() has the place and gives
 * it to the parcel, which is the token, by attempt_placed(). */
void attempt_rewrite(struct parcel *p, const struct message *m, int64_t next,
    const struct rcpt_state *known, size_t known_count, spool_placed_f *placed,
    void *arg);
/* arg: the scheduler; token: the parcel. */
void attempt_placed(void *arg, uint64_t token, struct spool_place place);

#endif
