/* SPDX-License-Identifier: Apache-2.0
 *
 * queue.h - queues by binding, routing domain, method and port.
 *
 * A queue is made for its first parcel and freed a while after it has become
 * empty.  It runs once in a turn at most, when something happened to it
 * (queue_kick) or its time has come (queue_wake_at): due parcels become active,
 * sessions with room get work, and connections are opened towards the goal.
 */
#ifndef IMPEL_QUEUE_H
#define IMPEL_QUEUE_H

#include "queue/scheduler_int.h"

/* What the scheduler has of them. */
void queue_init(struct scheduler *s);
void queue_fini(struct scheduler *s); /* none is left */
/* The queue of a recipient's (binding, domain); made if there is none. */
struct queue *queue_get(struct scheduler *s, struct str binding,
    struct str domain, enum message_tls tls);
/* That of a destination. */
struct queue *queue_at(
    struct scheduler *s, struct str binding, const struct destination *d);
/* That which domains with those MX share with a home (rollup.h); NULL: there is
 * none, and none is to be made. */
struct queue *queue_shared(
    struct queue *home, struct str name, uint64_t print, bool make);
/* What its record is asked for by. */
struct destination queue_destination(const struct queue *q);
void queue_drop_record(struct queue *q);
void queue_free(struct queue **q); /* empty, without outlets */
/* Where its mail goes; made if it has none.  One that only waits for times
 * lets go of it. */
struct domain *queue_record(struct queue *q);
uint64_t queue_parcels(const struct queue *q);
uint64_t queue_active(const struct queue *q);
uint64_t queue_delayed(const struct queue *q);

/* Run at the end of this turn. */
void queue_kick(struct queue *q);
/* Run at that monotonic time, or earlier. */
void queue_wake_at(struct queue *q, int64_t mono);
/* The turn: called by the scheduler. */
void queue_run(struct queue *q);
/* Take over the options of the generation in force. */
void queue_adopt(struct queue *q);

/* So many parcels more, or less, in each of the three; lists and counts of the
 * queue itself are the caller's. */
void queue_tally(struct queue *q, int active, int delayed, int lent);

/* A parcel enters: `due` is the wall time of its next attempt; message: its
 * content if it is in memory (a reference is taken). */
void queue_add(
    struct queue *q, struct parcel *p, struct message *m, int64_t due);
/* Back into the active queue, before the others, but for older ones that stand
 * in front: what a session gives back comes one by one, the oldest first. */
void queue_put_back(struct parcel *p);
/* A parcel that is READY, and was taken from another queue. */
void queue_take_ready(struct queue *q, struct parcel *p);
/* Into the delayed ones until that wall time, or its expiry. */
void queue_delay(struct parcel *p, int64_t due);
/* Its time has come and there is no room for it: it counts as active. */
void queue_came_due(struct parcel *p);
/* A parcel that was being read has its content now. */
void queue_loaded(struct parcel *p);
/* Another time for one that is delayed. */
void queue_reschedule(struct parcel *p, int64_t due);
/* Wall ms at which it is too old. */
int64_t queue_expiry(const struct queue *q, const struct parcel *p);
/* Out of the list of those that may be lent: who looks through it in slices
 * goes on behind it. */
void queue_leave_ready(struct queue *q, struct active *a);
/* Out of the queue's lists and counts, whatever its state: it is LOOSE, and its
 * `active` gone. */
void queue_remove(struct parcel *p);

void queue_set_reason(struct queue *q, enum wait_reason r, int64_t until);
int64_t queue_wall_to_mono(const struct scheduler *s, int64_t wall);

#endif
