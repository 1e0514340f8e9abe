/* SPDX-License-Identifier: Apache-2.0
 *
 * jwt.h - signed tokens (RFC 7519) against a file of public keys (RFC 7517).
 *
 * Signatures are RS256, PS256, ES256, ES384 or EdDSA (RFC 7518, 8037); which of
 * them a token may have is said by the key and not by the token.  Whoever holds
 * a token that is valid is who it names, until it expires: nobody is asked.
 *
 * When a file is read: filecache.h.  Any thread.
 */
#ifndef IMPEL_JWT_H
#define IMPEL_JWT_H

#include "base/buf.h"
#include "base/err.h"

enum {
    JWT_FILE_MAX = 1 << 20,
    JWT_KEYS_MAX = 100,
    JWT_TOKEN_MAX = 12288,
    JWT_LEEWAY = 60 /* seconds that clocks may differ */
};

struct jwt_keys;
/* Read the file (again) and judge it: 0, or ERR_CONF with a sentence. */
int jwt_read(struct str path, struct err *e);
/* As it was read last; one that never was is read now.  NULL: it cannot be. */
struct jwt_keys *jwt_get(struct str path, struct err *e);
void jwt_put(struct jwt_keys **k);
struct jwt_keys *jwt_parse(struct str json, struct err *e);
void jwt_drop(void); /* forget all files */

struct jwt_want {
    struct str issuer, audience; /* iss; aud, or one of them */
    struct str claim;            /* which names the user */
    int64_t now;                 /* wall clock, seconds */
};
/* 0 and the user's name in *name, or ERR_DENIED with why not, for logs: no part
 * of the token is in it. */
int jwt_check(const struct jwt_keys *k, struct str token,
    const struct jwt_want *want, struct buf *name, struct err *e);

#endif
