/* SPDX-License-Identifier: Apache-2.0
 *
 * rollup.h - rollup_mx: mail of many domains in one queue, as they have the
 * same MX.
 *
 * Each domain keeps a queue of its own, its home: mail waits there for its
 * time, is read, and from there its domain is looked up.  What is due and in
 * memory goes to the shared queue, which is named by rollup_mx_name, opens the
 * connections, and whose limits hold.  Whatever becomes of it there but a
 * delivery, it comes home: so each attempt asks for the domain's own MX first,
 * and nothing of it is on disk.
 *
 * The shared queue has no record of its own: it uses that of one home, its
 * lead, which stays meanwhile.  If the lead's MX are others, all go home, and
 * those for whom nothing has changed come back.  Homes with mail for which the
 * shared queue has no room in memory wait in its line.
 */
#ifndef IMPEL_ROLLUP_H
#define IMPEL_ROLLUP_H

#include "queue/scheduler_int.h"

struct rollup { /* of few queues */
    /* a home */
    struct list away;    /* struct active: its mail in shared queues */
    struct queue *leads; /* whose lead it is, or NULL */
    /* a shared queue */
    bool shared;
    uint64_t print;     /* of the MX */
    struct queue *lead; /* or NULL: those who were here have left */
    struct line line;   /* homes */
};
struct rollup *rollup_new(uint64_t print); /* of a shared queue */
void rollup_free(struct queue *q);
void rollup_rest(struct queue *q); /* of a home: if nothing is in it */
/* Of a shared one; else NULL. */
struct queue *rollup_lead(const struct queue *q);
bool rollup_is_shared(const struct queue *q);
/* It is the shared one of those MX; print NULL: it is not shared. */
bool rollup_is_of(const struct queue *q, const uint64_t *print);
/* They would be the same queue, for all that rollups know. */
bool rollup_are_alike(const struct queue *a, const struct queue *b);
/* It may not go: mail is away, or others count on it. */
bool rollup_is_used(const struct queue *q);
/* Homes that wait for room: work for a shared queue. */
uint64_t rollup_waiting(const struct queue *q);

/* Part of a queue's run, when nothing keeps it from delivering.  true: others
 * deliver its mail, or it has nobody yet; *why says so; *more: run again. */
bool rollup_run(struct queue *q, enum wait_reason *why, bool *more);
/* The end of its run: homes come into what room there is. */
void rollup_wake(struct queue *q);
/* A home may not deliver any more: what was not begun comes back. */
void rollup_recall(struct queue *q);
/* All queues are about to go: it waits for none of them. */
void rollup_end(struct queue *q);
/* Its record has changed. */
void rollup_changed(struct queue *q);

/* A failed connection costs one of those that wait its attempt. */
bool rollup_charge(struct queue *q, const struct result *why);
/* All that wait are delayed, or fail.  true: there are more. */
bool rollup_sweep(struct queue *q, const struct result *why);

/* The home of a parcel in a shared queue, or its queue. */
struct queue *rollup_home(const struct parcel *p);
/* It is in a shared queue now. */
void rollup_part(struct active *a, struct queue *home);
/* It leaves the shared queue: its home, or NULL. */
struct queue *rollup_leave(struct active *a);
/* The mail of a home that is in shared queues: struct active by away_node. */
struct list *rollup_away(const struct queue *q); /* or NULL */
struct list *rollup_next_away(const struct queue *q, const struct list *n);
/* A part of it stays with it. */
void rollup_split(struct active *part, const struct active *of);

/* Why its mail waits elsewhere. */
bool rollup_say(struct queue *q, struct buf *to);

#endif
