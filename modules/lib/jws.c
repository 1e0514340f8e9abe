/* SPDX-License-Identifier: Apache-2.0
 *
 * jws.c - tokens signed by GnuTLS.
 */
#include "jws.h"

#include <string.h>

#include <gnutls/crypto.h>

enum { JWS_HALF = 32, JWS_RSA_LEAST = 2048, JWS_RSA_MOST = 8192 };

static bool
key_fits(gnutls_privkey_t key, enum jws_algorithm algorithm)
{
    unsigned bits = 0;
    int kind = gnutls_privkey_get_pk_algorithm(key, &bits);
    gnutls_ecc_curve_t curve;

    if (algorithm == JWS_RS256)
        return kind == GNUTLS_PK_RSA && bits >= JWS_RSA_LEAST &&
            bits <= JWS_RSA_MOST;
    return gnutls_privkey_export_ecc_raw2(key, &curve, NULL, NULL, NULL, 0) >=
        0 &&
        curve == GNUTLS_ECC_CURVE_SECP256R1;
}

int
jws_key(
    struct impel_str pem, enum jws_algorithm algorithm, gnutls_privkey_t *to)
{
    gnutls_datum_t raw = {(unsigned char *)(uintptr_t)pem.p, (unsigned)pem.n};
    int rc = 0;

    if (gnutls_privkey_init(to) < 0)
        return IMPEL_E_NOMEM;
    if (gnutls_privkey_import_x509_raw(
            *to, &raw, GNUTLS_X509_FMT_PEM, NULL, 0) < 0)
        rc = IMPEL_E_INVAL;
    else if (!key_fits(*to, algorithm))
        rc = IMPEL_E_UNSUP;
    if (rc < 0)
        gnutls_privkey_deinit(*to);
    return rc;
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

static bool
put_dot(char *to, size_t size)
{
    size_t n = strlen(to);

    if (n + 2 > size)
        return false;
    memcpy(to + n, ".", 2);
    return true;
}

/* A number of DER as so many octets. */
static bool
put_half(unsigned char *to, const gnutls_datum_t *n)
{
    const unsigned char *p = n->data;
    unsigned size = n->size;

    while (size > JWS_HALF && *p == 0)
        p++, size--;
    if (size > JWS_HALF)
        return false;
    memset(to, 0, JWS_HALF - size);
    memcpy(to + JWS_HALF - size, p, size);
    return true;
}

/* RFC 7518 3.4: R and S, one behind the other. */
static bool
put_ecdsa(const gnutls_datum_t *der, char *to, size_t size)
{
    unsigned char raw[2 * JWS_HALF];
    gnutls_datum_t r, s;
    bool fine;

    if (gnutls_decode_rs_value(der, &r, &s) < 0)
        return false;
    fine = put_half(raw, &r) && put_half(raw + JWS_HALF, &s) &&
        put_base64(to, size, raw, sizeof(raw));
    gnutls_free(r.data);
    gnutls_free(s.data);
    return fine;
}

bool
jws_sign(gnutls_privkey_t key, enum jws_algorithm algorithm, const char *header,
    const char *claims, char *to, size_t size)
{
    size_t begin = strlen(to);
    gnutls_datum_t data, signature;
    bool fine;

    if (!put_base64(to, size, header, strlen(header)) || !put_dot(to, size) ||
        !put_base64(to, size, claims, strlen(claims)))
        return false;
    data.data = (unsigned char *)to + begin;
    data.size = (unsigned)strlen(to + begin);
    if (gnutls_privkey_sign_data2(key,
            algorithm == JWS_ES256 ? GNUTLS_SIGN_ECDSA_SHA256
                                   : GNUTLS_SIGN_RSA_SHA256,
            0, &data, &signature) < 0)
        return false;
    fine = put_dot(to, size) &&
        (algorithm == JWS_ES256
                ? put_ecdsa(&signature, to, size)
                : put_base64(to, size, signature.data, signature.size));
    gnutls_free(signature.data);
    return fine;
}
