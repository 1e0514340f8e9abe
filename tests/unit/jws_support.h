/* SPDX-License-Identifier: Apache-2.0
 *
 * jws_support.h - keys of tests, and tokens as their verifiers see them.
 */
#ifndef IMPEL_JWS_SUPPORT_H
#define IMPEL_JWS_SUPPORT_H

#include <stddef.h>

#include <gnutls/abstract.h>

enum { JWS_PEM_MOST = 8192 };
/* A new one, in PEM form (PKCS #8); its public half, if that is asked for. */
void jws_new_key(gnutls_pk_algorithm_t algorithm, unsigned bits,
    char to[JWS_PEM_MOST], gnutls_pubkey_t *public_key);
/* base64url without padding, with a NUL behind it; anything else fails. */
size_t jws_decode(const char *p, size_t n, unsigned char *to);

#endif
