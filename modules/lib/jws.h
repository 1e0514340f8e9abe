/* SPDX-License-Identifier: Apache-2.0
 *
 * jws.h - signed tokens in compact form (RFC 7515, 7519): what a service knows
 * its senders by.
 *
 * Any thread.  A signature with ES256 takes a fraction of a millisecond, one
 * with RS256 and 2048 bits about two.
 */
#ifndef IMPEL_LIB_JWS_H
#define IMPEL_LIB_JWS_H

#include <stdbool.h>
#include <stddef.h>

#include <gnutls/abstract.h>

#include <impel/module.h>

enum jws_algorithm {
    JWS_ES256, /* ECDSA on P-256 */
    JWS_RS256  /* RSA of 2048 to 8192 bits */
};
/* A private key in PEM form that is good for it.  0, and it is to be freed by
 * gnutls_privkey_deinit(); IMPEL_E_INVAL: no private key; IMPEL_E_UNSUP: not
 * for that algorithm; IMPEL_E_NOMEM. */
int jws_key(
    struct impel_str pem, enum jws_algorithm algorithm, gnutls_privkey_t *to);
/* header.claims.signature behind what stands in to, of two texts of JSON.
 * false: no room, no memory, or it cannot be signed; to may be half done. */
bool jws_sign(gnutls_privkey_t key, enum jws_algorithm algorithm,
    const char *header, const char *claims, char *to, size_t size);

#endif
