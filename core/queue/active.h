/* SPDX-License-Identifier: Apache-2.0
 *
 * active.h - parcels in memory: what is due, and reading ahead.
 *
 * A queue keeps at most max_resident_active_queue parcels in memory; others
 * that are due stay compact in its heap until there is room.  Fresh content
 * stays in memory up to max_resident_messages and max_resident_bytes, which
 * count what a message takes, its envelope and unused room included.  Beyond
 * them there are two messages for each open session: a queue without one
 * connects first and reads then.  So does a queue that is known to wait long
 * (hosts down, suspended, throttled: `parked`): it keeps nothing.
 */
#ifndef IMPEL_ACTIVE_H
#define IMPEL_ACTIVE_H

#include "queue/scheduler_int.h"

enum { ACTIVE_WRITING_MS = 100 }; /* look again whether it is written */

struct active *active_new(struct parcel *p); /* hangs off the parcel */
void active_free(struct parcel *p);          /* its message included */
/* The message is in memory; a reference is taken. */
void active_hold(struct active *a, struct message *m);
/* May one more parcel of q, with or without content, be kept in memory? */
bool active_has_room(const struct queue *q);
/* true: it may not for want of memory, and which is appended. */
bool active_say_full(const struct queue *q, struct buf *to);
/* Parcels whose time has come leave the heap and are read from disk.  Those
 * that are too old fail.  true: it stopped because it did enough for now.
 * They are read into `to`, if that has room: q, or a shared one (rollup.h). */
bool active_fill(struct queue *q, struct queue *to);
bool active_may_read(const struct queue *q);

/* The parcel leaves its queue's lists and is LOADING; what is read is not said
 * yet.  to: a shared queue, or NULL: where it is at home. */
struct active *active_begin_load(struct parcel *p, struct queue *to);
/* The next of q's that are LOADING, behind one of them; NULL: the first.  They
 * are few, over all queues. */
struct parcel *active_next_loading(const struct queue *q, struct parcel *p);

/* Memory is tight, or the queue waits long: parcels that no session needs soon
 * give up their content.  true: there are more. */
bool active_shed(struct queue *q);

/* --- cold reads, at most SCHED_LOADS_MAX at once --- */
struct load {
    struct spool_load spool;
    struct list node;
    struct scheduler *s;
    struct parcel *parcel;
    bool cancelled;
    void (*done)(struct load *l, int result);
    void *arg;
};
/* done() gets l, which is freed after it returns; l->spool.message and
 * l->spool.rcpt are freed with it unless done() takes them. */
struct load *active_load(struct parcel *p, bool content,
    void (*done)(struct load *l, int result), void *arg);

#endif
