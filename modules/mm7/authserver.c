/* SPDX-License-Identifier: Apache-2.0
 *
 * authserver.c - logins that others prove to us.
 *
 * A nonce is the time it was made at and a proof that we have made it, so
 * there is nothing to remember.  Whoever reads along can say a request again
 * for as long as it is good; what a request does is done once however often it
 * comes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <gnutls/crypto.h>

#include "auth.h"
#include "line.h"

enum { NONCE_TIME = 16, NONCE_PROOF = 32, NONCE = NONCE_TIME + NONCE_PROOF };

/* Whoever measures how long it takes learns nothing but lengths. */
static bool
same(struct impel_str a, struct impel_str b)
{
    return a.n == b.n && (a.n == 0 || gnutls_memcmp(a.p, b.p, a.n) == 0);
}

bool
auth_is_basic(struct impel_str value, const struct auth_who *who)
{
    char right[AUTH_VALUE_MOST];
    bool good;

    if (value.n < 6 || strncasecmp(value.p, "Basic ", 6) != 0 ||
        !auth_basic(who->user, who->password, right))
        return false;
    value.p += 6;
    value.n -= 6;
    while (value.n && value.p[0] == ' ') {
        value.p++;
        value.n--;
    }
    good = same(value, line_str(right + 6));
    explicit_bzero(right, sizeof(right));
    return good;
}

/* --- Digest --- */

static void
nonce_of(
    const unsigned char secret[AUTH_SECRET], int64_t made, char to[NONCE + 1])
{
    unsigned char proof[32];

    (void)snprintf(to, NONCE + 1, "%016llx", (unsigned long long)made);
    if (gnutls_hmac_fast(
            GNUTLS_MAC_SHA256, secret, AUTH_SECRET, to, NONCE_TIME, proof) < 0)
        memset(proof, 0, sizeof(proof));
    for (int i = 0; i < NONCE_PROOF / 2; i++)
        (void)snprintf(to + NONCE_TIME + 2 * i, 3, "%02x", proof[i]);
}

void
auth_ask(const unsigned char secret[AUTH_SECRET], int64_t now, bool sha256,
    bool stale, char to[AUTH_VALUE_MOST])
{
    char nonce[NONCE + 1];

    nonce_of(secret, now, nonce);
    (void)snprintf(to, AUTH_VALUE_MOST,
        "Digest realm=\"" AUTH_REALM "\", qop=\"auth\", algorithm=%s, "
        "nonce=\"%s\"%s",
        sha256 ? "SHA-256" : "MD5", nonce, stale ? ", stale=true" : "");
}

struct said {
    struct auth_digest d;
    char user[AUTH_WORD_MOST], uri[AUTH_WORD_MOST], nc[AUTH_WORD_MOST],
        cnonce[AUTH_WORD_MOST], response[AUTH_WORD_MOST];
};

static void
take_parameter(struct said *s, struct impel_str name, const char *value)
{
    const struct {
        const char *name;
        char *to;
    } rows[] = {{"username", s->user}, {"realm", s->d.realm},
        {"nonce", s->d.nonce}, {"uri", s->uri}, {"nc", s->nc},
        {"cnonce", s->cnonce}, {"response", s->response}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (line_same(name, rows[i].name))
            (void)strcpy(rows[i].to, value); /* of the same size */
    if (line_same(name, "algorithm"))
        s->d.sha256 = strcasecmp(value, "SHA-256") == 0;
    if (line_same(name, "qop"))
        s->d.qop = strcasecmp(value, "auth") == 0;
}

static bool
take_said(struct said *s, struct impel_str value)
{
    char word[AUTH_WORD_MOST];
    struct impel_str name;

    memset(s, 0, sizeof(*s));
    if (value.n < 7 || strncasecmp(value.p, "Digest ", 7) != 0)
        return false;
    value.p += 7;
    value.n -= 7;
    while (auth_parameter(&value, &name, word))
        take_parameter(s, name, word);
    for (char *p = s->response; *p; p++)
        if (*p >= 'A' && *p <= 'F')
            *p = (char)(*p + 32);
    return s->d.qop && strcmp(s->d.realm, AUTH_REALM) == 0;
}

/* AUTH_YES: it is ours, and new enough. */
static enum auth_verdict
judge_nonce(
    const char *said, const unsigned char secret[AUTH_SECRET], int64_t now)
{
    char digits[NONCE_TIME + 1], right[NONCE + 1];
    int64_t made;

    if (strlen(said) != NONCE)
        return AUTH_NO;
    memcpy(digits, said, NONCE_TIME);
    digits[NONCE_TIME] = '\0';
    if (strspn(digits, "0123456789abcdef") != NONCE_TIME || digits[0] > '7')
        return AUTH_NO;
    made = (int64_t)strtoull(digits, NULL, 16);
    nonce_of(secret, made, right);
    if (gnutls_memcmp(said, right, NONCE) != 0)
        return AUTH_STALE; /* of a server before, perhaps */
    return made > now || now - made > AUTH_NONCE_MS ? AUTH_STALE : AUTH_YES;
}

enum auth_verdict
auth_judge(struct impel_str value, const struct auth_who *who,
    struct impel_str method, struct impel_str uri,
    const unsigned char secret[AUTH_SECRET], int64_t now)
{
    struct said s;
    char right[AUTH_HEX];

    if (!take_said(&s, value) || !same(line_str(s.uri), uri) ||
        !same(line_str(s.user), who->user))
        return AUTH_NO;
    auth_response(
        &s.d, who->user, who->password, method, uri, s.nc, s.cnonce, right);
    if (!right[0] || strlen(s.response) != strlen(right) ||
        gnutls_memcmp(s.response, right, strlen(right)) != 0)
        return AUTH_NO;
    return judge_nonce(s.d.nonce, secret, now);
}
