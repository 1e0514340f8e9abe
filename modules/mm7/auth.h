/* SPDX-License-Identifier: Apache-2.0
 *
 * auth.h - who we are to an MMSC: Basic (RFC 7617) and Digest (RFC 7616; MD5
 * and SHA-256, qop "auth" or none) of HTTP.
 */
#ifndef IMPEL_MM7_AUTH_H
#define IMPEL_MM7_AUTH_H

#include <stdbool.h>
#include <stdint.h>

#include <impel/module.h>

enum { AUTH_VALUE_MOST = 2048, AUTH_WORD_MOST = 256 };
/* The server's challenge, and how often it was answered. */
struct auth_digest {
    bool known, stale, sha256, qop;
    uint32_t count;
    char realm[AUTH_WORD_MOST], nonce[AUTH_WORD_MOST], opaque[AUTH_WORD_MOST];
};

/* Value of Authorization; false: the name or the password is too long, or the
 * name has a colon. */
bool auth_basic(
    struct impel_str user, struct impel_str password, char to[AUTH_VALUE_MOST]);
/* One challenge of WWW-Authenticate.  false: none for Digest that we know, and
 * *d is as it was. */
bool auth_challenge(struct impel_str value, struct auth_digest *d);
/* Value of Authorization for that request; cnonce: 16 hexadecimal digits that
 * were never used.  false: something is too long or stands in quotes that it
 * would end. */
bool auth_answer(struct auth_digest *d, struct impel_str user,
    struct impel_str password, const char *method, struct impel_str uri,
    const char *cnonce, char to[AUTH_VALUE_MOST]);

#endif
