/* SPDX-License-Identifier: Apache-2.0
 *
 * digests.h - the challenges that hosts have made last, for all connections on
 * all loops: who answers one at once need not send a message twice.
 */
#ifndef IMPEL_MM7_DIGESTS_H
#define IMPEL_MM7_DIGESTS_H

#include <pthread.h>

#include "auth.h"

enum { DIGESTS_MOST = 64, DIGESTS_KEY = 280 };
struct digests {
    pthread_mutex_t lock;
    unsigned next; /* the place to use again */
    struct {
        char key[DIGESTS_KEY]; /* host and port */
        struct auth_digest d;
    } row[DIGESTS_MOST];
};

int digests_init(struct digests *t); /* IMPEL_E_NOMEM */
void digests_fini(struct digests *t);
/* The answer to what that host asked last, see auth_answer(); false: it has
 * asked nothing, or it cannot be answered. */
bool digests_answer(struct digests *t, const char *key, struct impel_str user,
    struct impel_str password, struct impel_str uri, char to[AUTH_VALUE_MOST]);
void digests_keep(
    struct digests *t, const char *key, const struct auth_digest *d);

#endif
