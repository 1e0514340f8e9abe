/* SPDX-License-Identifier: Apache-2.0
 *
 * auth.h - logins of HTTP, ours with an MMSC (auth.c) and an MMSC's with us
 * (authserver.c): Basic (RFC 7617) and Digest (RFC 7616; MD5 and SHA-256, qop
 * "auth", or none if an MMSC wants none).
 */
#ifndef IMPEL_MM7_AUTH_H
#define IMPEL_MM7_AUTH_H

#include <stdbool.h>
#include <stdint.h>

#include <impel/module.h>

enum { AUTH_VALUE_MOST = 2048, AUTH_WORD_MOST = 256, AUTH_HEX = 65 };
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

/* --- for both --- */

/* name=token or name="..." at *at; moves behind it and its comma.  false: no
 * more, or no such thing. */
bool auth_parameter(
    struct impel_str *at, struct impel_str *name, char value[AUTH_WORD_MOST]);
/* The response to what realm, nonce, sha256 and qop of *d ask for; "": it
 * cannot be made. */
void auth_response(const struct auth_digest *d, struct impel_str user,
    struct impel_str password, struct impel_str method, struct impel_str uri,
    const char *nc, const char *cnonce, char to[AUTH_HEX]);

/* --- an MMSC's --- */

enum { AUTH_SECRET = 32, AUTH_NONCE_MS = 300000 };
#define AUTH_REALM "mm7"
struct auth_who {
    struct impel_str user, password;
};
enum auth_verdict { AUTH_NO, AUTH_STALE, AUTH_YES };

/* Is that value of Authorization this login? */
bool auth_is_basic(struct impel_str value, const struct auth_who *who);
/* The value of WWW-Authenticate for Digest.  Its nonce is good for
 * AUTH_NONCE_MS, with any server that has the secret; now: ms. */
void auth_ask(const unsigned char secret[AUTH_SECRET], int64_t now, bool sha256,
    bool stale, char to[AUTH_VALUE_MOST]);
/* STALE: it was right once. */
enum auth_verdict auth_judge(struct impel_str value, const struct auth_who *who,
    struct impel_str method, struct impel_str uri,
    const unsigned char secret[AUTH_SECRET], int64_t now);

#endif
