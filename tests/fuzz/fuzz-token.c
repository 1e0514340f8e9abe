/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-token.c - tokens of OAuth (core/intake/jwt.c) that are signed by a key
 * that is known, so that what is behind the signature is read, too.
 *
 * Parts: the first octet of the token's head chosen by which octet is changed,
 * then head, claims, and a token as it stands.  One that is taken says what it
 * must for a plain reader of JSON; one of which an octet was changed is not
 * taken.
 */
#include <gnutls/abstract.h>
#include <jansson.h>
#include <string.h>

#include "parts.h"

#include "base/base64.h"
#include "base/err.h"
#include "intake/jwt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { NOW = 1000000 };
#define PUBLIC \
    "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" /* RFC 8037 A.1 \
                                                   */
#define PRIVATE "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"

static const struct jwt_want want = {.issuer = STR("i"),
    .audience = STR("a"),
    .claim = STR("email"),
    .now = NOW};
static gnutls_privkey_t signer;
static struct jwt_keys *keys;

static void
begin(void)
{
    struct buf x = BUF_INIT, k = BUF_INIT;
    gnutls_datum_t dx, dk;
    struct err e;

    must(base64url_decode(&x, STR(PUBLIC)) == 0);
    must(base64url_decode(&k, STR(PRIVATE)) == 0);
    dx = (gnutls_datum_t){(unsigned char *)x.p, (unsigned)x.n};
    dk = (gnutls_datum_t){(unsigned char *)k.p, (unsigned)k.n};
    must(gnutls_privkey_init(&signer) == 0);
    must(gnutls_privkey_import_ecc_raw(
             signer, GNUTLS_ECC_CURVE_ED25519, &dx, NULL, &dk) == 0);
    keys = jwt_parse(STR("{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
                         "\"kid\":\"k\",\"x\":\"" PUBLIC "\"}]}"),
        &e);
    must(keys);
    buf_fini(&x);
    buf_fini(&k);
}

static void
sign(struct buf *token)
{
    gnutls_datum_t words = {(unsigned char *)token->p, (unsigned)token->n};
    gnutls_datum_t sig;

    must(gnutls_privkey_sign_data2(
             signer, GNUTLS_SIGN_EDDSA_ED25519, 0, &words, &sig) == 0);
    buf_char(token, '.');
    base64url_encode(token, str_make(sig.data, sig.size));
    gnutls_free(sig.data);
}

static const char *
text_of(const json_t *o, const char *name)
{
    const char *z = json_string_value(json_object_get(o, name));

    return z ? z : "";
}

static bool
is_for_us(const json_t *audience)
{
    const json_t *one;
    size_t i;

    if (json_is_string(audience))
        return strcmp(json_string_value(audience), "a") == 0;
    json_array_foreach(audience, i, one) if (json_is_string(one) &&
        strcmp(json_string_value(one), "a") == 0) return true;
    return false;
}

/* What was taken, read plainly. */
static void
check_taken(struct str head, struct str claims, struct str name)
{
    json_t *h = json_loadb(head.p, head.n, 0, NULL);
    json_t *c = json_loadb(claims.p, claims.n, 0, NULL);

    must(json_is_object(h) && json_is_object(c));
    must(strcmp(text_of(h, "alg"), "EdDSA") == 0);
    must(!json_object_get(h, "crit"));
    must(!json_object_get(h, "kid") || !text_of(h, "kid")[0] ||
        strcmp(text_of(h, "kid"), "k") == 0);
    must(strcmp(text_of(c, "iss"), "i") == 0);
    must(is_for_us(json_object_get(c, "aud")));
    must(json_number_value(json_object_get(c, "exp")) > NOW - JWT_LEEWAY);
    must(json_number_value(json_object_get(c, "nbf")) <= NOW + JWT_LEEWAY);
    must(name.n && str_eq(name, str_of(text_of(c, "email"))));
    must(!json_is_false(json_object_get(c, "email_verified")));
    json_decref(h);
    json_decref(c);
}

/* One octet is another one: in the words or in the signature. */
static void
check_changed(struct buf *token, unsigned at)
{
    struct buf name = BUF_INIT;
    struct err e;
    char *c = &token->p[at % token->n];

    *c = *c == 'A' ? 'B' : 'A';
    if (at % token->n != token->n - 1) /* whose last bits count for nothing */
        must(jwt_check(keys, buf_get(token), &want, &name, &e) < 0);
    buf_fini(&name);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct str rest = str_make(data, n), head, claims;
    struct buf token = BUF_INIT, name = BUF_INIT;
    unsigned at = part_choice(&rest, 256);
    struct err e;
    int rc;

    if (!keys)
        begin();
    head = part_next(&rest);
    claims = part_next(&rest);
    base64url_encode(&token, head);
    buf_char(&token, '.');
    base64url_encode(&token, claims);
    sign(&token);
    rc = jwt_check(keys, buf_get(&token), &want, &name, &e);
    must(rc == 0 || rc == ERR_DENIED);
    if (rc == 0) {
        check_taken(head, claims, buf_get(&name));
        check_changed(&token, at);
    }
    buf_cut(&name, 0);
    must(jwt_check(keys, part_next(&rest), &want, &name, &e) < 0);
    buf_fini(&token);
    buf_fini(&name);
    return 0;
}
