/* SPDX-License-Identifier: Apache-2.0 */
#include "net/sasl.h"

#include <gnutls/crypto.h>
#include <gsasl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/bug.h"
#include "base/magic.h"
#include "base/num.h"
#include "base/secret.h"
#include "base/xmem.h"
#include "base/banned.h"

struct sasl {
    uint32_t magic;
    int mechanism;
    bool is_server;
    unsigned turn; /* steps taken */
    bool finished; /* gsasl has nothing more to say */
    bool known;    /* the keys were asked for */
    bool claims;   /* server: what is below was said */
    Gsasl_session *g;
    struct secret user, as, secret, binding;
    char *host;
    uint16_t port;
    struct sasl_server server;
};

void
sasl_random(void *p, size_t n)
{
    BUG_ON(gnutls_rnd(GNUTLS_RND_KEY, p, n) != 0);
}

/* --- gsasl --- */

static Gsasl *library;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static bool
has_nul(struct str s)
{
    return s.n && memchr(s.p, 0, s.n);
}

static void
set_base64(Gsasl_session *g, Gsasl_property p, struct str octets)
{
    struct buf b = BUF_INIT;

    base64_encode(&b, octets);
    (void)gsasl_property_set(g, p, buf_get(&b).p); /* missing: it fails later */
    buf_wipe(&b);
}

static int
give_binding(struct sasl *s, Gsasl_session *g)
{
    struct str b = secret_get(&s->binding);

    /* gsasl's client ends when it could bind and is not to: it says that it
     * cannot */
    if (!b.n || s->mechanism != SASL_SCRAM_SHA_256_PLUS)
        return GSASL_NO_CB_TLS_EXPORTER;
    set_base64(g, GSASL_CB_TLS_EXPORTER, b);
    return GSASL_OK;
}

/* All that SCRAM asks of a user, at the first question. */
static int
give_keys(struct sasl *s, Gsasl_session *g)
{
    const char *user = gsasl_property_fast(g, GSASL_AUTHID);
    struct sasl_keys k = {0};
    char count[16];

    if (!s->is_server || s->known || !user)
        return GSASL_NO_CALLBACK;
    s->known = true;
    s->server.keys(s->server.arg, str_of(user), &k);
    (void)snprintf(count, sizeof(count), "%u", (unsigned)k.iterations);
    (void)gsasl_property_set(g, GSASL_SCRAM_ITER, count);
    set_base64(g, GSASL_SCRAM_SALT, k.salt);
    set_base64(g, GSASL_SCRAM_STOREDKEY, str_make(k.stored, sizeof(k.stored)));
    set_base64(g, GSASL_SCRAM_SERVERKEY, str_make(k.server, sizeof(k.server)));
    secret_wipe(&k, sizeof(k));
    return GSASL_OK;
}

static void
keep(struct secret *to, Gsasl_session *g, Gsasl_property p)
{
    const char *z = gsasl_property_fast(g, p);

    secret_set(to, z ? str_of(z) : STR(""));
}

static int
answer(Gsasl *ctx, Gsasl_session *g, Gsasl_property prop)
{
    struct sasl *s = gsasl_session_hook_get(g);

    (void)ctx;
    switch (prop) {
    case GSASL_VALIDATE_SIMPLE: /* judged by others, later */
        keep(&s->secret, g, GSASL_PASSWORD);
        return GSASL_OK;
    case GSASL_CB_TLS_EXPORTER:
        return give_binding(s, g);
    case GSASL_SCRAM_ITER:
    case GSASL_SCRAM_SALT:
    case GSASL_SCRAM_STOREDKEY:
    case GSASL_SCRAM_SERVERKEY:
        return give_keys(s, g);
    default:
        return GSASL_NO_CALLBACK;
    }
}

static void
library_begin(void)
{
    BUG_ON(gsasl_init(&library) != GSASL_OK);
    gsasl_callback_set(library, answer);
}

static bool
is_gsasl(int mechanism)
{
    return sasl_is_scram(mechanism) || mechanism == SASL_PLAIN;
}

static struct sasl *
sasl_new(int mechanism, bool server, struct str binding)
{
    struct sasl *s = xnew(struct sasl);
    int rc = GSASL_OK;

    s->magic = SASL_MAGIC;
    s->mechanism = mechanism;
    s->is_server = server;
    secret_set(&s->binding, binding);
    (void)pthread_once(&once, library_begin);
    if (is_gsasl(mechanism))
        rc = server ? gsasl_server_start(library, sasl_name(mechanism), &s->g)
                    : gsasl_client_start(library, sasl_name(mechanism), &s->g);
    if (rc != GSASL_OK)
        s->g = NULL; /* the first step says so */
    else if (s->g)
        gsasl_session_hook_set(s->g, s);
    return s;
}

struct sasl *
sasl_server(int mechanism, const struct sasl_server *how)
{
    struct sasl *s;

    BUG_ON(mechanism < 0 || mechanism >= SASL_MECHANISMS);
    s = sasl_new(mechanism, true, how->binding);
    s->server = *how;
    s->server.binding = STR_NONE; /* it was copied */
    return s;
}

struct sasl *
sasl_client(int mechanism, const struct sasl_client *how)
{
    struct sasl *s;

    BUG_ON(mechanism < 0 || mechanism >= SASL_MECHANISMS);
    s = sasl_new(mechanism, false, how->binding);
    secret_set(&s->user, how->user);
    secret_set(&s->secret, how->secret);
    s->host = xdupn(how->host.p ? how->host.p : "", how->host.n);
    s->port = how->port;
    if (s->g && !has_nul(how->user) && !has_nul(how->secret)) {
        (void)gsasl_property_set_raw(s->g, GSASL_AUTHID, s->user.p, s->user.n);
        (void)gsasl_property_set_raw(
            s->g, GSASL_PASSWORD, s->secret.p, s->secret.n);
    }
    return s;
}

void
sasl_free(struct sasl **to)
{
    struct sasl *s = *to;

    *to = NULL;
    if (!s)
        return;
    CHECK(s, SASL_MAGIC);
    if (s->g)
        gsasl_finish(s->g);
    secret_fini(&s->user);
    secret_fini(&s->as);
    secret_fini(&s->secret);
    secret_fini(&s->binding);
    free(s->host);
    s->magic = 0;
    free(s);
}

int
sasl_mechanism(const struct sasl *s)
{
    return s->mechanism;
}

static int
gsasl_error(int rc, struct err *e)
{
    int code = rc == GSASL_AUTHENTICATION_ERROR ? ERR_DENIED
        : rc == GSASL_MALLOC_ERROR              ? ERR_LIMIT
                                                : ERR_PROTO;

    return err_set(e, code, "%s", gsasl_strerror(rc));
}

/* The number of rounds that a SCRAM server asks for: "r=...,s=...,i=4096". */
static int
check_rounds(struct str in, struct err *e)
{
    uint64_t n = 0;

    while (in.p) {
        struct str part = str_cut(&in, ',');

        if (!str_starts(part, STR("i=")))
            continue;
        if (num_u64(str_from(part, 2), &n) < 0 || n == 0)
            return err_set(e, ERR_PROTO, "a count of rounds that is none");
        if (n > SASL_SCRAM_ITERATIONS_MAX)
            return err_set(e, ERR_PROTO, "too many rounds are asked for");
        return 0;
    }
    return err_set(e, ERR_PROTO, "no count of rounds");
}

/* "y": the client could bind to TLS, and was told that we cannot; but we can,
 * so somebody between has cut our offer (RFC 5802 6). */
static int
check_flag(const struct sasl *s, struct str in, struct err *e)
{
    if (s->server.plus && s->mechanism == SASL_SCRAM_SHA_256 &&
        str_starts(in, STR("y")))
        return err_set(e, ERR_DENIED, "the offer of -PLUS has not arrived");
    return 0;
}

/* "as NUL user NUL password", and nothing behind a third. */
static int
check_plain(struct str in, struct err *e)
{
    struct str user;
    size_t n = 0;

    for (size_t i = 0; i < in.n; i++)
        n += in.p[i] == 0;
    (void)str_cut(&in, 0);
    user = str_cut(&in, 0);
    if (n != 2 || !user.n)
        return err_set(e, ERR_PROTO, "no user and password");
    return 0;
}

static int
gsasl_turn(struct sasl *s, struct str in, struct buf *out, struct err *e)
{
    char *p = NULL;
    size_t n = 0;
    int rc;

    if (!s->g)
        return err_set(e, ERR_PROTO, "gsasl does not know the mechanism");
    if (s->finished) { /* the peer has seen our proof */
        if (in.n)
            return err_set(e, ERR_PROTO, "more than was asked for");
        s->claims = true;
        return SASL_CLAIM;
    }
    if (s->is_server && s->turn == 1 && !in.p) /* no initial response */
        return SASL_SEND;
    if (!s->is_server && sasl_is_scram(s->mechanism) && s->turn == 2 &&
        check_rounds(in, e) < 0)
        return ERR_PROTO;
    if (s->is_server && s->mechanism == SASL_PLAIN && check_plain(in, e) < 0)
        return ERR_PROTO;
    if (s->is_server && check_flag(s, in, e) < 0)
        return ERR_DENIED;
    rc = gsasl_step(s->g, in.p, in.n, &p, &n);
    if (rc != GSASL_OK && rc != GSASL_NEEDS_MORE)
        return gsasl_error(rc, e);
    s->finished = rc == GSASL_OK;
    buf_add(out, p ? p : "", n);
    if (p)
        secret_wipe(p, n);
    gsasl_free(p);
    if (!s->is_server || !s->finished)
        return SASL_SEND;
    keep(&s->user, s->g, GSASL_AUTHID);
    keep(&s->as, s->g, GSASL_AUTHZID);
    if (out->n) /* SCRAM's proof of its own; an empty answer follows */
        return SASL_SEND;
    s->claims = true;
    return SASL_CLAIM;
}

/* --- LOGIN --- */

static int
login_server(struct sasl *s, struct str in, struct buf *out, struct err *e)
{
    bool first = !s->user.p;

    if (!in.p) {
        if (s->turn > 1)
            return err_set(e, ERR_PROTO, "an answer is missing");
        buf_cstr(out, "Username:");
        return SASL_SEND;
    }
    if (!in.n || has_nul(in))
        return err_set(e, ERR_PROTO, "an empty answer, or a NUL in it");
    secret_set(first ? &s->user : &s->secret, in);
    if (first) {
        buf_cstr(out, "Password:");
        return SASL_SEND;
    }
    s->claims = true;
    return SASL_CLAIM;
}

static int
login_client(struct sasl *s, struct buf *out, struct err *e)
{
    if (s->turn > 3)
        return err_set(e, ERR_PROTO, "a third question");
    if (s->turn > 1) {
        buf_str(out, secret_get(s->turn == 2 ? &s->user : &s->secret));
        s->finished = s->turn == 3;
    }
    return SASL_SEND;
}

/* --- tokens --- */

/* "key=value" among parts that end in ^A. */
static struct str
kv(struct str parts, struct str key)
{
    while (parts.p) {
        struct str part = str_cut(&parts, 1);

        if (str_istarts(part, key))
            return str_from(part, key.n);
    }
    return STR_NONE;
}

/* "n,a=user,^A": only whom it acts for is of use, and that is who it is. */
static int
bearer_user(struct str *in, struct str *user, struct err *e)
{
    struct str head = str_cut(in, 1);
    struct str flag = str_cut(&head, ','), who = str_cut(&head, ',');

    if (!in->p || !head.p || head.n || flag.n != 1 ||
        (flag.p[0] != 'n' && flag.p[0] != 'y') ||
        (who.n && !str_starts(who, STR("a="))))
        return err_set(e, ERR_PROTO, "a header that is none of RFC 5801");
    *user = str_from(who, who.n ? 2 : 0);
    return 0;
}

/* RFC 5801 4: "=2C" is a comma, "=3D" an equals sign. */
static bool
unescape(struct str from, struct buf *to)
{
    while (from.n) {
        if (str_starts(from, STR("=2C")))
            buf_char(to, ',');
        else if (str_starts(from, STR("=3D")))
            buf_char(to, '=');
        else if (from.p[0] == '=')
            return false;
        else
            buf_char(to, from.p[0]);
        from = str_from(from, from.p[0] == '=' ? 3 : 1);
    }
    return true;
}

static void
escape(struct str from, struct buf *to)
{
    for (size_t i = 0; i < from.n; i++) {
        if (from.p[i] == ',')
            buf_cstr(to, "=2C");
        else if (from.p[i] == '=')
            buf_cstr(to, "=3D");
        else
            buf_char(to, from.p[i]);
    }
}

static int
token_server(struct sasl *s, struct str in, struct err *e)
{
    bool bearer = s->mechanism == SASL_OAUTHBEARER;
    struct str user = STR_NONE, token;
    struct buf plain = BUF_INIT;

    if (!in.p)
        return s->turn == 1 ? SASL_SEND
                            : err_set(e, ERR_PROTO, "an answer is missing");
    if (has_nul(in))
        return err_set(e, ERR_PROTO, "a NUL in a token");
    if (!bearer)
        user = kv(in, STR("user="));
    else if (bearer_user(&in, &user, e) < 0)
        return ERR_PROTO;
    token = kv(in, STR("auth="));
    if (!str_istarts(token, STR("Bearer ")))
        return err_set(e, ERR_PROTO, "no bearer token");
    if (bearer && !unescape(user, &plain)) {
        buf_fini(&plain);
        return err_set(e, ERR_PROTO, "a name that is none of RFC 5801");
    }
    secret_set(&s->user, bearer ? buf_get(&plain) : user);
    secret_set(&s->secret, str_trim(str_from(token, 7)));
    buf_fini(&plain);
    s->claims = true;
    return SASL_CLAIM;
}

static int
token_client(struct sasl *s, struct buf *out, struct err *e)
{
    bool bearer = s->mechanism == SASL_OAUTHBEARER;

    if (s->turn > 2)
        return err_set(e, ERR_PROTO, "a second question");
    if (s->turn == 2) { /* it says why not, and waits to be told "well" */
        s->finished = false;
        buf_add(out, "\1", bearer);
        return SASL_SEND;
    }
    if (bearer) {
        buf_cstr(out, "n,a=");
        escape(secret_get(&s->user), out);
        buf_cstr(out, ",\1host=");
        buf_cstr(out, s->host);
        buf_printf(out, "\1port=%u\1", (unsigned)s->port);
    } else {
        buf_cstr(out, "user=");
        buf_str(out, secret_get(&s->user));
        buf_char(out, 1);
    }
    buf_cstr(out, "auth=Bearer ");
    buf_str(out, secret_get(&s->secret));
    buf_add(out, "\1\1", 2);
    s->finished = true;
    return SASL_SEND;
}

/* --- both --- */

int
sasl_step(struct sasl *s, struct str in, struct buf *out, struct err *e)
{
    CHECK(s, SASL_MAGIC);
    if (out->p)
        secret_wipe(out->p, out->n);
    buf_cut(out, 0);
    if (in.n > SASL_IN_MAX)
        return err_set(e, ERR_LIMIT, "too long an answer");
    s->turn++;
    if (is_gsasl(s->mechanism))
        return gsasl_turn(s, in, out, e);
    if (s->mechanism == SASL_LOGIN)
        return s->is_server ? login_server(s, in, out, e)
                            : login_client(s, out, e);
    return s->is_server ? token_server(s, in, e) : token_client(s, out, e);
}

void
sasl_get_claim(const struct sasl *s, struct sasl_claim *to)
{
    CHECK(s, SASL_MAGIC);
    BUG_ON(!s->claims);
    *to = (struct sasl_claim){.user = secret_get(&s->user),
        .as = secret_get(&s->as),
        .secret = secret_get(&s->secret),
        .proven = sasl_is_scram(s->mechanism)};
}

/* The first message of a client is made before the server has said anything,
 * so the second step is the one with the key. */
bool
sasl_is_slow(const struct sasl *s)
{
    return !s->is_server && sasl_is_scram(s->mechanism) && s->turn == 1;
}

bool
sasl_may_end(const struct sasl *s)
{
    CHECK(s, SASL_MAGIC);
    return s->finished;
}

bool
sasl_prepare(struct str from, struct buf *to)
{
    char *z = xdupn(from.p ? from.p : "", from.n), *made = NULL;
    int rc = has_nul(from)
        ? GSASL_SASLPREP_ERROR
        : gsasl_saslprep(z, GSASL_ALLOW_UNASSIGNED, &made, NULL);

    if (rc == GSASL_OK)
        buf_cstr(to, made);
    else
        buf_str(to, from.p ? from : STR(""));
    secret_wipe(z, from.n);
    if (made)
        secret_wipe(made, strlen(made));
    gsasl_free(made);
    free(z);
    return rc == GSASL_OK;
}

int
sasl_make_keys(struct str password, struct sasl_keys *k, struct err *e)
{
    char salted[32], client[32];
    struct buf plain = BUF_INIT;
    int rc;

    (void)sasl_prepare(password, &plain);
    rc = gsasl_scram_secrets_from_password(GSASL_HASH_SHA256, buf_get(&plain).p,
        k->iterations, k->salt.p, k->salt.n, salted, client, (char *)k->server,
        (char *)k->stored);
    secret_wipe(salted, sizeof(salted));
    secret_wipe(client, sizeof(client));
    buf_wipe(&plain);
    return rc == GSASL_OK ? 0 : err_set(e, ERR_LIMIT, "%s", gsasl_strerror(rc));
}
