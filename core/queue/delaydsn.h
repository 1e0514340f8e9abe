/* SPDX-License-Identifier: Apache-2.0
 *
 * delaydsn.h - notices of delay: who waits too long is told of it (RFC 3461
 * NOTIFY=DELAY, RFC 3464 action "delayed").
 *
 * A notice is due when a message reaches an age: after the interval, then after
 * gaps that double up to a cap.  So the times follow from the time of
 * reception, whatever is tried or held back meanwhile.  A parcel counts how
 * many are behind it; after a restart that is as many as were due when notices
 * were last written, which the spool remembers.  A sender who asked to be told
 * when a time has passed (RFC 2852 by-mode N) hears of it so, too, whatever the
 * options say.
 */
#ifndef IMPEL_DELAYDSN_H
#define IMPEL_DELAYDSN_H

#include "conf/scope.h"

struct parcel;
struct queue;
struct scheduler;

struct delaydsn {     /* of a scope; ms */
    int64_t interval; /* 0: no notices */
    int64_t max;      /* longest gap; 0: any */
};
enum {
    DELAYDSN_NEVER = 254,  /* so many notices and no more */
    DELAYDSN_UNKNOWN = 255 /* of a recovered parcel, until it is looked at */
};

void delaydsn_read(struct delaydsn *d, const struct scope *s);
/* The age at which notice n >= 1 is due; INT64_MAX: never. */
int64_t delaydsn_due(const struct delaydsn *d, uint32_t n);
/* How many are due by that age. */
uint32_t delaydsn_count(const struct delaydsn *d, int64_t age);

/* A queue has taken over other options. */
void delaydsn_adopt(struct queue *q);
/* A parcel came into the queue: somebody has to look when its next is due. */
void delaydsn_watch(struct queue *q, const struct parcel *p);
/* In the queue's turn: write what is due.  true: there is more. */
bool delaydsn_run(struct queue *q);

void delaydsn_open(struct scheduler *s);
/* All of the spool was read: what it remembers is known. */
void delaydsn_recovered(struct scheduler *s);
void delaydsn_stop(struct scheduler *s);

#endif
