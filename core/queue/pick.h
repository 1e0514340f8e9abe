/* SPDX-License-Identifier: Apache-2.0
 *
 * pick.h - which parcel goes next, and with how many recipients.
 *
 * In order of the time at which each became due; what came back goes first.
 */
#ifndef IMPEL_PICK_H
#define IMPEL_PICK_H

#include "queue/scheduler_int.h"

/* The next parcel with content, cut to what `most` recipients allow (the rest
 * is a parcel of its own behind it); NULL: none.  Parcels that are too old for
 * never_attempt_expired_messages fail on the way.  greets: of the session. */
struct parcel *pick_next(struct queue *q, uint64_t most, const char *greets);

#endif
