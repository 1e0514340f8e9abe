/* SPDX-License-Identifier: Apache-2.0 */
#include "provider.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>

enum { ID_MOST = 64, SUM = 32, HALF = 32 };
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
    gnutls_datum_t pem = {
        (unsigned char *)(uintptr_t)k->pem.p, (unsigned)k->pem.n};
    gnutls_ecc_curve_t curve;

    if (gnutls_privkey_init(to) < 0)
        return "no memory";
    if (gnutls_privkey_import_x509_raw(
            *to, &pem, GNUTLS_X509_FMT_PEM, NULL, 0) < 0) {
        gnutls_privkey_deinit(*to);
        return "apn_auth_key is no private key in PEM form";
    }
    if (gnutls_privkey_export_ecc_raw2(*to, &curve, NULL, NULL, NULL, 0) < 0 ||
        curve != GNUTLS_ECC_CURVE_SECP256R1) {
        gnutls_privkey_deinit(*to);
        return "apn_auth_key is no key for ES256 (curve P-256)";
    }
    return NULL;
}

/* base64url without padding, behind what is there; false: no room. */
static bool
put_base64(char *to, size_t size, const void *p, size_t n)
{
    gnutls_datum_t in = {(unsigned char *)(uintptr_t)p, (unsigned)n}, out;
    size_t at = strlen(to);
    bool fits;

    if (gnutls_base64_encode2(&in, &out) < 0)
        return false;
    while (out.size > 0 && out.data[out.size - 1] == '=')
        out.size--;
    fits = out.size < size - at;
    for (unsigned i = 0; fits && i < out.size; i++)
        to[at + i] = out.data[i] == '+' ? '-'
            : out.data[i] == '/'        ? '_'
                                        : (char)out.data[i];
    if (fits)
        to[at + out.size] = '\0';
    gnutls_free(out.data);
    return fits;
}

/* A number of DER as so many octets. */
static bool
put_half(unsigned char *to, const gnutls_datum_t *n)
{
    const unsigned char *p = n->data;
    unsigned size = n->size;

    while (size > HALF && *p == 0)
        p++, size--;
    if (size > HALF)
        return false;
    memset(to, 0, HALF - size);
    memcpy(to + HALF - size, p, size);
    return true;
}

static bool
sign(gnutls_privkey_t key, const char *text, unsigned char to[2 * HALF])
{
    gnutls_datum_t data = {
        (unsigned char *)(uintptr_t)text, (unsigned)strlen(text)};
    gnutls_datum_t der, r, s;
    bool fine;

    if (gnutls_privkey_sign_data2(
            key, GNUTLS_SIGN_ECDSA_SHA256, 0, &data, &der) < 0)
        return false;
    if (gnutls_decode_rs_value(&der, &r, &s) < 0) {
        gnutls_free(der.data);
        return false;
    }
    fine = put_half(to, &r) && put_half(to + HALF, &s);
    gnutls_free(r.data);
    gnutls_free(s.data);
    gnutls_free(der.data);
    return fine;
}

static const char *
make(const struct provider_key *k, int64_t wall, char to[PROVIDER_TOKEN_MOST])
{
    static const char bearer[] = "bearer ";
    unsigned char signature[2 * HALF];
    gnutls_privkey_t key;
    char json[ID_MOST + 80];
    const char *why = key_load(k, &key);
    bool fine;

    if (why)
        return why;
    memcpy(to, bearer, sizeof(bearer));
    (void)snprintf(json, sizeof(json), "{\"alg\":\"ES256\",\"kid\":\"%.*s\"}",
        (int)k->key_id.n, k->key_id.p);
    fine = put_base64(to, PROVIDER_TOKEN_MOST - 1, json, strlen(json));
    (void)snprintf(json, sizeof(json), "{\"iss\":\"%.*s\",\"iat\":%lld}",
        (int)k->team_id.n, k->team_id.p, (long long)(wall / 1000));
    (void)strcat(to, ".");
    fine = fine && put_base64(to, PROVIDER_TOKEN_MOST - 1, json, strlen(json));
    fine = fine && sign(key, to + sizeof(bearer) - 1, signature);
    (void)strcat(to, ".");
    fine = fine &&
        put_base64(to, PROVIDER_TOKEN_MOST, signature, sizeof(signature));
    gnutls_privkey_deinit(key);
    return fine ? NULL : "the token cannot be signed";
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
