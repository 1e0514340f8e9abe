/* SPDX-License-Identifier: Apache-2.0
 *
 * attempt.h - what an attempt came to, on its way to the spool.
 *
 * Recovery finds queues by the domains of recipients, so a parcel with
 * recipients of several (they share a gateway) writes an ATTEMPT for each.  Of
 * a parcel that is not in memory behind a gateway the envelope is read first:
 * the next attempt would come too early after a restart otherwise.
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

#endif
