/* SPDX-License-Identifier: Apache-2.0
 *
 * digests.c - the challenges that hosts have made last.
 */
#include "digests.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/crypto.h>

int
digests_init(struct digests *t)
{
    memset(t, 0, sizeof(*t));
    return pthread_mutex_init(&t->lock, NULL) ? IMPEL_E_NOMEM : 0;
}

void
digests_fini(struct digests *t)
{
    (void)pthread_mutex_destroy(&t->lock);
}

static int
place_of(const struct digests *t, const char *key)
{
    for (int i = 0; i < DIGESTS_MOST; i++)
        if (t->row[i].d.known && strcmp(t->row[i].key, key) == 0)
            return i;
    return -1;
}

bool
digests_answer(struct digests *t, const char *key, struct impel_str user,
    struct impel_str password, struct impel_str uri, char to[AUTH_VALUE_MOST])
{
    unsigned char random[8];
    char cnonce[17];
    bool good = false;
    int i;

    if (gnutls_rnd(GNUTLS_RND_NONCE, random, sizeof(random)) < 0)
        return false;
    for (int k = 0; k < 8; k++)
        (void)snprintf(cnonce + 2 * k, 3, "%02x", random[k]);
    (void)pthread_mutex_lock(&t->lock);
    i = place_of(t, key);
    if (i >= 0)
        good =
            auth_answer(&t->row[i].d, user, password, "POST", uri, cnonce, to);
    (void)pthread_mutex_unlock(&t->lock);
    return good;
}

void
digests_keep(struct digests *t, const char *key, const struct auth_digest *d)
{
    int i;

    (void)pthread_mutex_lock(&t->lock);
    i = place_of(t, key);
    if (i < 0)
        i = (int)(t->next++ % DIGESTS_MOST);
    (void)snprintf(t->row[i].key, DIGESTS_KEY, "%s", key);
    t->row[i].d = *d;
    (void)pthread_mutex_unlock(&t->lock);
}
