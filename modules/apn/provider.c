/* SPDX-License-Identifier: Apache-2.0 */
#include "provider.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/crypto.h>

#include "jws.h"

enum { ID_MOST = 64, SUM = 32 };
struct provider_entry {
    unsigned char sum[SUM]; /* of key, key id and team id; all 0: free */
    uint64_t number;
    int64_t made, forced, used; /* wall, ms */
    char token[PROVIDER_TOKEN_MOST];
};

int
provider_init(struct provider *p)
{
    p->entry = calloc(PROVIDER_KEYS, sizeof(*p->entry));
    if (!p->entry)
        return -1;
    if (pthread_mutex_init(&p->lock, NULL) != 0) {
        free(p->entry);
        return -1;
    }
    return 0;
}

void
provider_fini(struct provider *p)
{
    if (p->entry)
        gnutls_memset(p->entry, 0, PROVIDER_KEYS * sizeof(*p->entry));
    free(p->entry);
    (void)pthread_mutex_destroy(&p->lock);
}

/* --- the signature --- */

static const char *
key_load(const struct provider_key *k, gnutls_privkey_t *to)
{
    switch (jws_key(k->pem, JWS_ES256, to)) {
    case 0:
        return NULL;
    case IMPEL_E_INVAL:
        return "apn_auth_key is no private key in PEM form";
    case IMPEL_E_UNSUP:
        return "apn_auth_key is no key for ES256 (curve P-256)";
    default:
        return "no memory";
    }
}

static const char *
make(const struct provider_key *k, int64_t wall, char to[PROVIDER_TOKEN_MOST])
{
    static const char bearer[] = "bearer ";
    char header[ID_MOST + 80], claims[ID_MOST + 80];
    gnutls_privkey_t key;
    const char *why = key_load(k, &key);

    if (why)
        return why;
    memcpy(to, bearer, sizeof(bearer));
    (void)snprintf(header, sizeof(header),
        "{\"alg\":\"ES256\",\"kid\":\"%.*s\"}", (int)k->key_id.n, k->key_id.p);
    (void)snprintf(claims, sizeof(claims), "{\"iss\":\"%.*s\",\"iat\":%lld}",
        (int)k->team_id.n, k->team_id.p, (long long)(wall / 1000));
    if (!jws_sign(key, JWS_ES256, header, claims, to, PROVIDER_TOKEN_MOST))
        why = "the token cannot be signed";
    gnutls_privkey_deinit(key);
    return why;
}

static bool
is_id(struct impel_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= '0' && s.p[i] <= '9') ||
                (s.p[i] >= 'A' && s.p[i] <= 'Z') ||
                (s.p[i] >= 'a' && s.p[i] <= 'z')))
            return false;
    return s.n > 0 && s.n <= ID_MOST;
}

const char *
provider_check(const struct provider_key *k)
{
    gnutls_privkey_t key;
    const char *why;

    if (!is_id(k->key_id))
        return "apn_auth_key needs apn_key_id, letters and digits";
    if (!is_id(k->team_id))
        return "apn_auth_key needs apn_team_id, letters and digits";
    why = key_load(k, &key);
    if (!why)
        gnutls_privkey_deinit(key);
    return why;
}

/* --- what was signed --- */

static bool
key_sum(const struct provider_key *k, unsigned char to[SUM])
{
    const struct impel_str *part[] = {&k->pem, &k->key_id, &k->team_id};
    gnutls_hash_hd_t h;

    if (gnutls_hash_init(&h, GNUTLS_DIG_SHA256) < 0)
        return false;
    for (int i = 0; i < 3; i++) {
        (void)gnutls_hash(h, &part[i]->n, sizeof(part[i]->n));
        if (part[i]->n)
            (void)gnutls_hash(h, part[i]->p, part[i]->n);
    }
    gnutls_hash_deinit(h, to);
    return true;
}

/* Its place, or one that is free or used least recently. */
static struct provider_entry *
find(struct provider *p, const unsigned char sum[SUM])
{
    struct provider_entry *oldest = &p->entry[0];

    for (int i = 0; i < PROVIDER_KEYS; i++) {
        struct provider_entry *e = &p->entry[i];

        if (e->number && memcmp(e->sum, sum, SUM) == 0)
            return e;
        if (e->used < oldest->used)
            oldest = e;
    }
    gnutls_memset(oldest, 0, sizeof(*oldest));
    memcpy(oldest->sum, sum, SUM);
    return oldest;
}

static bool
is_stale(const struct provider_entry *e, int64_t wall)
{
    return !e->token[0] || wall - e->made >= PROVIDER_RENEW_MS ||
        wall < e->made; /* the clock was set back */
}

uint64_t
provider_token(struct provider *p, const struct provider_key *key, int64_t wall,
    char to[PROVIDER_TOKEN_MOST], const char **why)
{
    unsigned char sum[SUM];
    struct provider_entry *e;
    uint64_t number = 0;

    *why = NULL;
    if (!key_sum(key, sum)) {
        *why = "no memory";
        return 0;
    }
    (void)pthread_mutex_lock(&p->lock);
    e = find(p, sum);
    e->used = wall;
    if (is_stale(e, wall)) {
        *why = provider_check(key);
        if (!*why)
            *why = make(key, wall, e->token);
        e->made = wall;
        if (*why)
            e->token[0] = '\0';
        else
            e->number++;
    }
    if (!*why) {
        memcpy(to, e->token, PROVIDER_TOKEN_MOST);
        number = e->number;
    }
    (void)pthread_mutex_unlock(&p->lock);
    return number;
}

bool
provider_expired(struct provider *p, const struct provider_key *key,
    uint64_t number, int64_t wall)
{
    unsigned char sum[SUM];
    struct provider_entry *e;
    bool newer;

    if (!key_sum(key, sum))
        return false;
    (void)pthread_mutex_lock(&p->lock);
    e = find(p, sum);
    newer = e->number != number || !e->token[0];
    if (!newer && (!e->forced || wall - e->forced >= PROVIDER_FORCED_MS)) {
        e->forced = wall;
        e->token[0] = '\0';
        newer = true;
    }
    (void)pthread_mutex_unlock(&p->lock);
    return newer;
}
