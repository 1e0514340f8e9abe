/* SPDX-License-Identifier: Apache-2.0 */
#include "intake/jwt.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <jansson.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/xmem.h"
#include "intake/filecache.h"
#include "base/banned.h"

enum { RSA_BITS_LEAST = 2048 };

enum kind { KIND_RSA, KIND_P256, KIND_P384, KIND_ED25519 };
struct key {
    enum kind kind;
    char *id;        /* kid, or NULL */
    char *algorithm; /* alg, or NULL: any that suits */
    gnutls_pubkey_t key;
};
struct jwt_keys {
    _Atomic uint32_t refs;
    size_t count;
    struct key key[JWT_KEYS_MAX];
};

static const struct {
    const char *name;
    enum kind kind;
    gnutls_sign_algorithm_t sign;
} algorithms[] = {{"RS256", KIND_RSA, GNUTLS_SIGN_RSA_SHA256},
    {"PS256", KIND_RSA, GNUTLS_SIGN_RSA_PSS_RSAE_SHA256},
    {"ES256", KIND_P256, GNUTLS_SIGN_ECDSA_SHA256},
    {"ES384", KIND_P384, GNUTLS_SIGN_ECDSA_SHA384},
    {"EdDSA", KIND_ED25519, GNUTLS_SIGN_EDDSA_ED25519}};

void
jwt_put(struct jwt_keys **to)
{
    struct jwt_keys *k = *to;

    *to = NULL;
    if (!k || atomic_fetch_sub(&k->refs, 1) != 1)
        return;
    for (size_t i = 0; i < k->count; i++) {
        gnutls_pubkey_deinit(k->key[i].key);
        free(k->key[i].id);
        free(k->key[i].algorithm);
    }
    free(k);
}

/* --- keys --- */

static const char *
text_of(const json_t *o, const char *name)
{
    const char *z = json_string_value(json_object_get(o, name));

    return z ? z : "";
}

/* A number or a coordinate, in base64url. */
static bool
octets_of(const json_t *o, const char *name, struct buf *to)
{
    return base64url_decode(to, str_of(text_of(o, name))) == 0 && to->n > 0;
}

static gnutls_datum_t
datum(const struct buf *b)
{
    return (gnutls_datum_t){(unsigned char *)b->p, (unsigned)b->n};
}

static int
import_rsa(struct key *k, const json_t *o, struct err *e)
{
    struct buf n = BUF_INIT, x = BUF_INIT;
    gnutls_datum_t modulus, exponent;
    unsigned bits = 0;
    int rc = -1;

    k->kind = KIND_RSA;
    if (octets_of(o, "n", &n) && octets_of(o, "e", &x)) {
        modulus = datum(&n), exponent = datum(&x);
        rc = gnutls_pubkey_import_rsa_raw(k->key, &modulus, &exponent);
    }
    buf_fini(&n);
    buf_fini(&x);
    if (rc == 0)
        (void)gnutls_pubkey_get_pk_algorithm(k->key, &bits);
    if (rc < 0)
        return err_set(e, ERR_CONF, "n and e are no key of RSA");
    if (bits < RSA_BITS_LEAST)
        return err_set(
            e, ERR_CONF, "a key of RSA of less than %d bits", RSA_BITS_LEAST);
    return 0;
}

static int
import_curve(struct key *k, const json_t *o, struct err *e)
{
    struct str name = str_of(text_of(o, "crv"));
    bool edwards = str_eq(name, STR("Ed25519"));
    struct buf x = BUF_INIT, y = BUF_INIT;
    gnutls_datum_t dx, dy;
    int rc = -1;

    k->kind = edwards                ? KIND_ED25519
        : str_eq(name, STR("P-256")) ? KIND_P256
                                     : KIND_P384;
    if (octets_of(o, "x", &x) && (edwards || octets_of(o, "y", &y)) &&
        (k->kind != KIND_P384 || str_eq(name, STR("P-384")))) {
        dx = datum(&x), dy = datum(&y);
        rc = gnutls_pubkey_import_ecc_raw(k->key,
            edwards                    ? GNUTLS_ECC_CURVE_ED25519
                : k->kind == KIND_P256 ? GNUTLS_ECC_CURVE_SECP256R1
                                       : GNUTLS_ECC_CURVE_SECP384R1,
            &dx, edwards ? NULL : &dy);
    }
    buf_fini(&x);
    buf_fini(&y);
    return rc == 0
        ? 0
        : err_set(e, ERR_CONF, "expected a point of P-256, P-384 or Ed25519");
}

/* Keys for other purposes are passed over. */
static int
add_key(struct jwt_keys *keys, const json_t *o, struct err *e)
{
    struct str kind = str_of(text_of(o, "kty")),
               use = str_of(text_of(o, "use"));
    struct key *k = &keys->key[keys->count];
    int rc;

    if (use.n && !str_eq(use, STR("sig")))
        return 0;
    if (keys->count == JWT_KEYS_MAX)
        return err_set(e, ERR_CONF, "more than %d keys", JWT_KEYS_MAX);
    if (gnutls_pubkey_init(&k->key) < 0)
        return err_set(e, ERR_LIMIT, "no memory for a key");
    if (str_eq(kind, STR("RSA")))
        rc = import_rsa(k, o, e);
    else if (str_eq(kind, STR("EC")) || str_eq(kind, STR("OKP")))
        rc = import_curve(k, o, e);
    else
        rc = err_set(e, ERR_CONF, "kty: expected RSA, EC or OKP");
    if (rc < 0) {
        gnutls_pubkey_deinit(k->key);
        return rc;
    }
    if (text_of(o, "kid")[0])
        k->id = xdup(text_of(o, "kid"));
    if (text_of(o, "alg")[0])
        k->algorithm = xdup(text_of(o, "alg"));
    keys->count++;
    return 0;
}

struct jwt_keys *
jwt_parse(struct str text, struct err *e)
{
    json_error_t why;
    json_t *all = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, &why);
    json_t *list = json_object_get(all, "keys"), *one;
    struct jwt_keys *k = xnew(struct jwt_keys);
    size_t i;
    int rc = 0;

    atomic_init(&k->refs, 1);
    if (!json_is_array(list))
        rc = err_set(e, ERR_CONF, "expected a JSON object with keys");
    json_array_foreach(list, i, one) if (rc == 0 &&
        (rc = add_key(k, one, e)) < 0)(void) err_prefix(e, "key %zu", i + 1);
    if (rc == 0 && k->count == 0)
        rc = err_set(e, ERR_CONF, "there is no key");
    json_decref(all);
    if (rc < 0)
        jwt_put(&k);
    return k;
}

/* --- files --- */

static int
file_parse(struct str text, const struct stat *st, void **to, struct err *e)
{
    (void)st; /* the keys are public */
    *to = jwt_parse(text, e);
    return *to ? 0 : ERR_CONF;
}

static void
file_ref(void *object)
{
    struct jwt_keys *k = object;

    atomic_fetch_add(&k->refs, 1);
}

static void
file_unref(void *object)
{
    struct jwt_keys *k = object;

    jwt_put(&k);
}

static const struct filecache_kind files_kind = {
    .most = JWT_FILE_MAX,
    .parse = file_parse,
    .ref = file_ref,
    .unref = file_unref,
};
static struct filecache files = FILECACHE(&files_kind);

int
jwt_read(struct str path, struct err *e)
{
    return filecache_read(&files, path, e);
}

struct jwt_keys *
jwt_get(struct str path, struct err *e)
{
    return filecache_get(&files, path, e);
}

void
jwt_drop(void)
{
    filecache_drop(&files);
}

/* --- tokens --- */

/* Signatures of curves are r and s side by side (RFC 7518 3.4). */
static int
verify(const struct key *k, gnutls_sign_algorithm_t sign, struct str words,
    struct str signature)
{
    gnutls_datum_t data = {
        (unsigned char *)(uintptr_t)words.p, (unsigned)words.n};
    gnutls_datum_t sig = {
        (unsigned char *)(uintptr_t)signature.p, (unsigned)signature.n};
    unsigned half = k->kind == KIND_P256 ? 32 : 48;
    gnutls_datum_t r, s, made = {NULL, 0};
    int rc;

    if (k->kind == KIND_RSA || k->kind == KIND_ED25519)
        return gnutls_pubkey_verify_data2(k->key, sign, 0, &data, &sig);
    if (sig.size != 2 * half)
        return -1;
    r = (gnutls_datum_t){sig.data, half};
    s = (gnutls_datum_t){sig.data + half, half};
    rc = gnutls_encode_rs_value(&made, &r, &s);
    if (rc == 0)
        rc = gnutls_pubkey_verify_data2(k->key, sign, 0, &data, &made);
    gnutls_free(made.data);
    return rc;
}

static bool
is_signed(const struct jwt_keys *keys, const json_t *head, struct str words,
    struct str signature)
{
    const char *algorithm = text_of(head, "alg"), *id = text_of(head, "kid");

    for (size_t i = 0; i < keys->count; i++) {
        const struct key *k = &keys->key[i];

        if ((id[0] && k->id && strcmp(id, k->id) != 0) ||
            (k->algorithm && strcmp(algorithm, k->algorithm) != 0))
            continue;
        for (size_t a = 0; a < ARRAY_SIZE(algorithms); a++)
            if (algorithms[a].kind == k->kind &&
                strcmp(algorithms[a].name, algorithm) == 0 &&
                verify(k, algorithms[a].sign, words, signature) >= 0)
                return true;
    }
    return false;
}

/* A part of a token that is an object; NULL: it is none. */
static json_t *
part_of(struct str part)
{
    struct buf b = BUF_INIT;
    json_error_t why;
    json_t *o = NULL;

    if (base64url_decode(&b, part) == 0)
        o = json_loadb(b.p ? b.p : "", b.n, JSON_REJECT_DUPLICATES, &why);
    buf_fini(&b);
    if (json_is_object(o))
        return o;
    json_decref(o);
    return NULL;
}

static bool
names(const json_t *claim, struct str want)
{
    const json_t *one;
    size_t i;

    if (json_is_string(claim))
        return str_eq(str_of(json_string_value(claim)), want);
    json_array_foreach(claim, i, one) if (json_is_string(one) &&
        str_eq(str_of(json_string_value(one)), want)) return true;
    return false;
}

static int
check_claims(const json_t *o, const struct jwt_want *want, struct buf *name,
    struct err *e)
{
    const json_t *until = json_object_get(o, "exp");
    const json_t *from = json_object_get(o, "nbf");
    char *claim = xdupn(want->claim.p, want->claim.n);
    const char *user = text_of(o, claim);

    free(claim);
    if (!want->issuer.n || !str_eq(str_of(text_of(o, "iss")), want->issuer))
        return err_set(e, ERR_DENIED, "another issuer");
    if (!want->audience.n || !names(json_object_get(o, "aud"), want->audience))
        return err_set(e, ERR_DENIED, "another audience");
    if (!json_is_number(until) ||
        json_number_value(until) <= (double)(want->now - JWT_LEEWAY))
        return err_set(e, ERR_DENIED, "expired");
    if (from &&
        (!json_is_number(from) ||
            json_number_value(from) > (double)(want->now + JWT_LEEWAY)))
        return err_set(e, ERR_DENIED, "not valid yet");
    if (!user[0])
        return err_set(e, ERR_DENIED, "no name");
    if (str_eq(want->claim, STR("email")) &&
        json_is_false(json_object_get(o, "email_verified")))
        return err_set(e, ERR_DENIED, "an address that was not verified");
    buf_cstr(name, user);
    return 0;
}

int
jwt_check(const struct jwt_keys *k, struct str token,
    const struct jwt_want *want, struct buf *name, struct err *e)
{
    struct str rest = token, first = str_cut(&rest, '.');
    struct str second = str_cut(&rest, '.'), words;
    struct buf signature = BUF_INIT;
    json_t *head = NULL, *claims = NULL;
    int rc;

    if (token.n > JWT_TOKEN_MAX || !rest.p || !second.p)
        return err_set(e, ERR_DENIED, "no token");
    words = str_make(token.p, first.n + 1 + second.n);
    head = part_of(first);
    if (!head || json_object_get(head, "crit") ||
        base64url_decode(&signature, rest) < 0)
        rc = err_set(e, ERR_DENIED, "no token");
    else if (!is_signed(k, head, words, buf_get(&signature)))
        rc = err_set(e, ERR_DENIED, "not signed by a key that is known");
    else if (!(claims = part_of(second)))
        rc = err_set(e, ERR_DENIED, "no claims");
    else
        rc = check_claims(claims, want, name, e);
    json_decref(head);
    json_decref(claims);
    buf_fini(&signature);
    return rc;
}
