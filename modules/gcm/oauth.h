/* SPDX-License-Identifier: Apache-2.0
 *
 * oauth.h - access tokens (RFC 6749), fetched with a service account beside the
 * sessions.
 *
 * One for each account, shared by all sessions of all loops.  It is renewed
 * before it expires, while the old one is still used; whoever finds that it is
 * time asks for it, and nobody else does until there is an answer.  Sessions
 * that have to wait are woken.  After a failure the next request is put off, a
 * second at first, a minute in the end, however many want one.
 *
 * On a loop; any number of loops at once.
 */
#ifndef IMPEL_GCM_OAUTH_H
#define IMPEL_GCM_OAUTH_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <impel/module.h>

#include "account.h"

enum {
    OAUTH_ACCOUNTS = 64,     /* those used least recently go */
    OAUTH_TOKEN_MOST = 4096, /* "Bearer " included */
    OAUTH_WHY_MOST = 240,
    OAUTH_FETCH_MS = 15000,
    OAUTH_AHEAD_MS = 5 * 60 * 1000, /* before it expires */
    OAUTH_FIRST_MS = 1000,          /* until it is tried again */
    OAUTH_LAST_MS = 60000,
    OAUTH_FORCED_MS = 60000 /* between two that Google has refused */
};
struct oauth_counters { /* rows of the module's */
    uint32_t fetched, failed, refused;
};
struct oauth_entry;
struct oauth {
    const struct impel_host *host;
    struct impel_instance *instance;
    struct oauth_counters counter;
    pthread_mutex_t lock;
    struct oauth_entry *entry;
};

/* -1: no memory. */
int oauth_init(struct oauth *o, const struct impel_host *host,
    struct impel_instance *instance, const struct oauth_counters *counter);
/* When no request is under way. */
void oauth_fini(struct oauth *o);
/* The value of the field "authorization" for that key file; its number tells it
 * from others of the account.  0: there is none, and why says the reason, or is
 * "": it is being fetched, and the session of that token gets EV_WAKE when it
 * is worth asking again.  wall: ms. */
uint64_t oauth_token(struct oauth *o, struct impel_str json, int64_t wall,
    uint64_t session, char to[OAUTH_TOKEN_MOST], char why[OAUTH_WHY_MOST]);
/* Google does not take the token of that number.  true: it is not given out any
 * more, or was not already; false: the one before it was refused just now. */
bool oauth_refused(struct oauth *o, struct impel_str json, uint64_t number);

#endif
