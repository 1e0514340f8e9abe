/* SPDX-License-Identifier: Apache-2.0
 *
 * taking.h - the messages that are being stored: an MMSC that gives up waiting
 * and sends one again, on another connection, must not have it stored twice.
 */
#ifndef IMPEL_MM7_TAKING_H
#define IMPEL_MM7_TAKING_H

#include <pthread.h>
#include <stdbool.h>

enum { TAKING_KEY = 72 };
struct taking_key {
    struct taking_key *next;
    char key[TAKING_KEY];
};
struct taking {
    pthread_mutex_t lock;
    struct taking_key *first;
};

int taking_init(struct taking *t); /* IMPEL_E_NOMEM */
void taking_fini(struct taking *t);
/* Any thread.  k stays the caller's until taking_end(); false: that key is
 * being stored. */
bool taking_begin(struct taking *t, struct taking_key *k);
void taking_end(struct taking *t, struct taking_key *k);

#endif
