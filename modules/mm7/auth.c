/* SPDX-License-Identifier: Apache-2.0
 *
 * auth.c - Basic and Digest of HTTP.
 */
#include "auth.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <gnutls/crypto.h>

#include "line.h"
#include "text.h"

/* --- Basic --- */

bool
auth_basic(
    struct impel_str user, struct impel_str password, char to[AUTH_VALUE_MOST])
{
    char pair[2 * AUTH_WORD_MOST + 1];
    struct text in_base64 = {NULL, 0, 0, false};
    bool good;

    if (user.n > AUTH_WORD_MOST || password.n > AUTH_WORD_MOST ||
        (user.n && memchr(user.p, ':', user.n)))
        return false;
    if (user.n)
        memcpy(pair, user.p, user.n);
    pair[user.n] = ':';
    if (password.n)
        memcpy(pair + user.n + 1, password.p, password.n);
    text_base64(&in_base64, pair, user.n + 1 + password.n, 0);
    explicit_bzero(pair, sizeof(pair));
    good = !in_base64.failed;
    if (good)
        (void)snprintf(
            to, AUTH_VALUE_MOST, "Basic %.*s", (int)in_base64.n, in_base64.p);
    text_wipe(&in_base64);
    return good;
}

/* --- the challenge --- */

bool
auth_parameter(
    struct impel_str *at, struct impel_str *name, char value[AUTH_WORD_MOST])
{
    size_t i = 0, n = 0;

    while (at->n && (at->p[0] == ' ' || at->p[0] == ',' || at->p[0] == '\t')) {
        at->p++;
        at->n--;
    }
    while (i < at->n && at->p[i] != '=' && at->p[i] != ' ' && at->p[i] != ',')
        i++;
    if (i == 0 || i == at->n || at->p[i] != '=')
        return false;
    *name = (struct impel_str){at->p, i++};
    if (i < at->n && at->p[i] == '"') {
        for (i++; i < at->n && at->p[i] != '"'; i++) {
            if (at->p[i] == '\\' && ++i == at->n)
                return false;
            if (n + 1 == AUTH_WORD_MOST)
                return false;
            value[n++] = at->p[i];
        }
        if (i++ == at->n)
            return false;
    } else {
        for (; i < at->n && at->p[i] != ',' && at->p[i] != ' '; i++) {
            if (n + 1 == AUTH_WORD_MOST)
                return false;
            value[n++] = at->p[i];
        }
    }
    value[n] = '\0';
    at->p += i;
    at->n -= i;
    return true;
}

/* Is "auth" one of the words? */
static bool
has_auth(const char *list)
{
    for (const char *p = list; *p;) {
        size_t n = strcspn(p, ", \t");

        if (n == 4 && strncasecmp(p, "auth", 4) == 0)
            return true;
        p += n;
        p += strspn(p, ", \t");
    }
    return false;
}

static bool
take_parameter(struct auth_digest *d, struct impel_str name, const char *value)
{
    if (line_same(name, "realm"))
        (void)strcpy(d->realm, value); /* of the same size */
    else if (line_same(name, "nonce"))
        (void)strcpy(d->nonce, value);
    else if (line_same(name, "opaque"))
        (void)strcpy(d->opaque, value);
    else if (line_same(name, "stale"))
        d->stale = strcasecmp(value, "true") == 0;
    else if (line_same(name, "algorithm")) {
        d->sha256 = strcasecmp(value, "SHA-256") == 0;
        return d->sha256 || strcasecmp(value, "MD5") == 0;
    } else if (line_same(name, "qop")) {
        d->qop = has_auth(value);
        return d->qop;
    }
    return true;
}

bool
auth_challenge(struct impel_str value, struct auth_digest *d)
{
    struct auth_digest new = {.known = true};
    char word[AUTH_WORD_MOST];
    struct impel_str name;

    if (value.n < 7 || strncasecmp(value.p, "Digest", 6) != 0 ||
        value.p[6] != ' ')
        return false;
    value.p += 7;
    value.n -= 7;
    while (auth_parameter(&value, &name, word))
        if (!take_parameter(&new, name, word))
            return false;
    if (!new.nonce[0])
        return false;
    *d = new;
    return true;
}

/* --- the answer --- */

/* Of up to three texts with colons between, in hexadecimal digits. */
static void
hash(bool sha256, const struct impel_str *part, size_t parts, char *to)
{
    gnutls_hash_hd_t h;
    unsigned char out[32];
    size_t n = sha256 ? 32 : 16;

    to[0] = '\0';
    if (gnutls_hash_init(&h, sha256 ? GNUTLS_DIG_SHA256 : GNUTLS_DIG_MD5) < 0)
        return;
    for (size_t i = 0; i < parts; i++) {
        if (i)
            (void)gnutls_hash(h, ":", 1);
        if (part[i].n)
            (void)gnutls_hash(h, part[i].p, part[i].n);
    }
    gnutls_hash_deinit(h, out);
    for (size_t i = 0; i < n; i++)
        (void)snprintf(to + 2 * i, 3, "%02x", out[i]);
    explicit_bzero(out, sizeof(out));
}

static bool
may_be_quoted(struct impel_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == '"' || s.p[i] == '\\')
            return false;
    return s.n < AUTH_WORD_MOST;
}

void
auth_response(const struct auth_digest *d, struct impel_str user,
    struct impel_str password, struct impel_str method, struct impel_str uri,
    const char *nc, const char *cnonce, char to[AUTH_HEX])
{
    char a1[AUTH_HEX], a2[AUTH_HEX];
    struct impel_str one[] = {user, line_str(d->realm), password};
    struct impel_str two[] = {method, uri};

    hash(d->sha256, one, 3, a1);
    hash(d->sha256, two, 2, a2);
    struct impel_str plain[] = {line_str(a1), line_str(d->nonce), line_str(a2)};
    struct impel_str whole[] = {line_str(a1), line_str(d->nonce), line_str(nc),
        line_str(cnonce), line_str("auth"), line_str(a2)};
    if (d->qop)
        hash(d->sha256, whole, 6, to);
    else
        hash(d->sha256, plain, 3, to);
    explicit_bzero(a1, sizeof(a1));
}

bool
auth_answer(struct auth_digest *d, struct impel_str user,
    struct impel_str password, const char *method, struct impel_str uri,
    const char *cnonce, char to[AUTH_VALUE_MOST])
{
    char nc[9], hex[AUTH_HEX], more[120] = "", opaque[AUTH_WORD_MOST + 16] = "";
    int n;

    if (!may_be_quoted(user) || !may_be_quoted(line_str(d->realm)) ||
        !may_be_quoted(line_str(d->nonce)) ||
        !may_be_quoted(line_str(d->opaque)))
        return false;
    (void)snprintf(nc, sizeof(nc), "%08x", ++d->count);
    auth_response(d, user, password, line_str(method), uri, nc, cnonce, hex);
    if (!hex[0])
        return false;
    if (d->qop)
        (void)snprintf(
            more, sizeof(more), ", qop=auth, nc=%s, cnonce=\"%s\"", nc, cnonce);
    if (d->opaque[0])
        (void)snprintf(opaque, sizeof(opaque), ", opaque=\"%s\"", d->opaque);
    n = snprintf(to, AUTH_VALUE_MOST,
        "Digest username=\"%.*s\", realm=\"%s\", nonce=\"%s\", uri=\"%.*s\", "
        "algorithm=%s, response=\"%s\"%s%s",
        (int)user.n, user.p, d->realm, d->nonce, (int)uri.n, uri.p,
        d->sha256 ? "SHA-256" : "MD5", hex, more, opaque);
    return n > 0 && n < AUTH_VALUE_MOST;
}
