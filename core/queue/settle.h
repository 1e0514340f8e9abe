/* SPDX-License-Identifier: Apache-2.0
 *
 * settle.h - a verb is answered when what it did is on disk, so that an end of
 * the daemon right after the answer undoes nothing.
 *
 * Who has failed or put off mail waits here until sessions have given back
 * what they had, bounces are stored, and the results of all of it are durable;
 * but not for ever: what is missing is said.
 */
#ifndef IMPEL_SETTLE_H
#define IMPEL_SETTLE_H

#include "queue/doom.h"

enum {
    SETTLE_LOOK_MS = 10,
    SETTLE_RECALL_MS = 2000,   /* for sessions and bounces */
    SETTLE_PATIENCE_MS = 10000 /* for all of it */
};
struct settle { /* embedded in the asker's object */
    struct scheduler *s;
    struct doom *doom; /* the asker's, which has one reference itself */
    void (*done)(struct settle *w); /* may free the object */
    /* out: */
    uint32_t open; /* parcels that were not over in time */
    bool stored;   /* all others are on disk */
    /* settle.c: */
    struct list node;
    struct timer timer;
    uint64_t number;
    int64_t since; /* monotonic */
};
/* s, doom and done are set.  done() is called later, once. */
void settle_start(struct settle *w);
/* What is missing, in sentences; nothing if all is well. */
void settle_print(const struct settle *w, struct buf *to);

void settle_init(struct scheduler *s);
void settle_fini(struct scheduler *s); /* ends those that wait */

#endif
