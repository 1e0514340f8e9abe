/* SPDX-License-Identifier: Apache-2.0
 *
 * provider.h - provider tokens: JSON web tokens (RFC 7519) signed with ES256,
 * by which Apple knows who sends.
 *
 * One token for each key, shared by all sessions of all loops: Apple takes none
 * that is older than an hour, and does not like a new one more often than every
 * 20 minutes.  A signature takes a fraction of a millisecond, so it is made
 * where it is needed.  Any thread.
 */
#ifndef IMPEL_APN_PROVIDER_H
#define IMPEL_APN_PROVIDER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <impel/module.h>

enum {
    PROVIDER_KEYS = 256,       /* those used least recently go */
    PROVIDER_TOKEN_MOST = 512, /* "bearer " included */
    PROVIDER_RENEW_MS = 45 * 60 * 1000,
    PROVIDER_FORCED_MS = 20 * 60 * 1000 /* between two that Apple asked for */
};
struct provider_key {
    struct impel_str pem, key_id, team_id;
};
struct provider_entry;
struct provider {
    pthread_mutex_t lock;
    struct provider_entry *entry;
};

int provider_init(struct provider *p); /* -1: no memory */
void provider_fini(struct provider *p);
/* The value of the field "authorization"; its number tells it from others of
 * this key.  wall: ms.  0: no such key, and *why says what is wrong with it. */
uint64_t provider_token(struct provider *p, const struct provider_key *key,
    int64_t wall, char to[PROVIDER_TOKEN_MOST], const char **why);
/* Apple says that the token of that number is too old.  true: there is, or will
 * be, a newer one. */
bool provider_expired(struct provider *p, const struct provider_key *key,
    uint64_t number, int64_t wall);
/* Can it sign?  NULL, or what is wrong. */
const char *provider_check(const struct provider_key *key);

#endif
