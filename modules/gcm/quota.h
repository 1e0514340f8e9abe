/* SPDX-License-Identifier: Apache-2.0
 *
 * quota.h - how long a project stays away when Google finds its notifications
 * too many and does not say for how long: a minute, then twice as long each
 * time, until one is taken again.
 *
 * Of all that are refused at one time the first counts.  Any thread.
 */
#ifndef IMPEL_GCM_QUOTA_H
#define IMPEL_GCM_QUOTA_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include <impel/module.h>

enum {
    QUOTA_PROJECTS = 64, /* those refused least recently go */
    QUOTA_FIRST_MS = 60000,
    QUOTA_LAST_MS = 3600000
};
struct quota {
    pthread_mutex_t lock;
    atomic_uint strict; /* rows in use */
    struct quota_row {
        uint64_t project;
        int64_t until, wait; /* wait 0: free */
    } row[QUOTA_PROJECTS];
};

int quota_init(struct quota *q); /* -1: no memory */
void quota_fini(struct quota *q);
/* A number for what names the project: its id, or its server key. */
uint64_t quota_project(struct impel_str name);
/* One was refused: ms to stay away.  asked: what Google says, ms; -1: nothing.
 * now: monotonic ms. */
int64_t quota_refused(
    struct quota *q, uint64_t project, int64_t now, int64_t asked);
/* One was taken. */
void quota_taken(struct quota *q, uint64_t project, int64_t now);

#endif
