/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tls.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/xmem.h"
#include "net/tlscache.h"
#include "net/tlschain.h"
#include "net/tlschoice.h"
#include "net/tlsdane.h"
#include "net/tlsfile.h"
#include "net/tlsticket.h"
#include "net/tlswords.h"
#include "base/banned.h"

enum {
    TLS_STEPS_MAX = 32, /* of one go, should a peer send warnings for ever */
    TLS_CHAIN_MAX = 16,
    TLS_ALPN_MAX = 8,
    TLS_NAME_MAX = 256
};

struct tls {
    gnutls_session_t session;
    struct tls_pair *pair;
    struct tls_pair **named; /* server: to choose from (tlschoice.h) */
    size_t named_count;
    struct tls_pair *picked;
    struct tls_ca *ca; /* NULL: nothing is verified */
    bool server, wants_write, done;
    bool ticket; /* one came and is not kept yet */
    enum tls_verify verify;
    enum tls_reason why;
    struct tlsa_set *tlsa; /* or NULL */
    char *name[TLS_NAMES];
    char *resume; /* key of the cache, or NULL */
    bool held;    /* GnuTLS took octets and did not send them */
    struct tls_facts facts;
    char *cipher, *alpn;
    char peer[TLS_NAME_MAX], issuer[TLS_NAME_MAX], record[16];
};

static int
tls_came_ticket(gnutls_session_t session, unsigned type, unsigned when,
    unsigned incoming, const gnutls_datum_t *msg)
{
    struct tls *t = gnutls_session_get_ptr(session);

    (void)type, (void)when, (void)msg;
    if (incoming)
        t->ticket = true;
    return 0;
}

/* Sessions are resumed only where all that decides on them is the same. */
static char *
tls_resume_key(const struct tls *t, const struct tls_params *p)
{
    struct buf b = BUF_INIT;

    buf_printf(&b, "%.*s\n%s\n%d\n%s\n%llu\n%llu", STR_ARG(p->resume),
        p->sni ? p->sni : "", (int)p->verify, p->priority,
        (unsigned long long)(t->ca ? tls_ca_number(t->ca) : 0),
        (unsigned long long)tls_pair_number(t->pair));
    for (int i = 0; i < TLS_NAMES; i++)
        buf_printf(&b, "\n%s", p->name[i] ? p->name[i] : "");
    if (p->tlsa) {
        buf_char(&b, '\n');
        tlsa_set_print(p->tlsa, &b);
    }
    return buf_detach(&b, NULL);
}

static void
tls_resume(struct tls *t, const struct tls_params *p)
{
    struct secret data;

    if (!p->resume.n)
        return;
    t->resume = tls_resume_key(t, p);
    gnutls_handshake_set_hook_function(t->session,
        GNUTLS_HANDSHAKE_NEW_SESSION_TICKET, GNUTLS_HOOK_POST, tls_came_ticket);
    if (!tlscache_take(str_of(t->resume), &data, clock_mono()))
        return;
    /* Data that is of no use makes a full handshake. */
    (void)gnutls_session_set_data(t->session, data.p, data.n);
    secret_fini(&data);
}

static void
tls_keep(struct tls *t)
{
    gnutls_datum_t data;

    t->ticket = false;
    if (!t->resume || gnutls_session_get_data2(t->session, &data) < 0)
        return;
    tlscache_put(
        str_of(t->resume), str_make(data.data, data.size), clock_mono());
    secret_wipe(data.data, data.size);
    gnutls_free(data.data);
}

static void
tls_set_alpn(struct tls *t, const char *const *alpn)
{
    gnutls_datum_t list[TLS_ALPN_MAX];
    unsigned n = 0;

    for (; alpn && alpn[n] && n < TLS_ALPN_MAX; n++)
        list[n] = (gnutls_datum_t){
            (unsigned char *)(uintptr_t)alpn[n], (unsigned)strlen(alpn[n])};
    if (n) /* fails on empty or long names only: then none is asked for */
        (void)gnutls_alpn_set_protocols(t->session, list, n, 0);
}

static int
tls_came_hello(gnutls_session_t session)
{
    struct tls *t = gnutls_session_get_ptr(session);

    tls_pair_put(&t->picked); /* a second hello, after a retry (RFC 8446) */
    t->picked = tlschoice_pick(session, t->named, t->named_count);
    return gnutls_credentials_set(
        session, GNUTLS_CRD_CERTIFICATE, tls_pair_credentials(t->picked));
}

/* The first of them is the one for all others. */
static int
tls_take_named(struct tls *t, const struct tls_params *p, struct err *e)
{
    if (!p->named_count)
        return 0;
    if (p->named_count >= TLSCHOICE_MOST)
        return err_set(e, ERR_CONF, "too many certificates to choose from");
    t->named = xcalloc(p->named_count + 1, sizeof(*t->named));
    for (size_t i = 0; i <= p->named_count; i++) {
        struct tls_named one = {p->certificate, p->key};

        if (i)
            one = p->named[i - 1];
        if (tls_pair_get(one.certificate, one.key, &t->named[i], e) < 0)
            return ERR_CONF;
        t->named_count++;
    }
    return 0;
}

static void
tls_set_server(struct tls *t, const struct tls_params *p)
{
    tlsticket_enable(t->session, clock_mono());
    if (t->named_count)
        gnutls_handshake_set_post_client_hello_function(
            t->session, tls_came_hello);
    gnutls_certificate_server_set_request(
        t->session, p->ask ? GNUTLS_CERT_REQUEST : GNUTLS_CERT_IGNORE);
}

static int
tls_setup(struct tls *t, int fd, const struct tls_params *p, struct err *e)
{
    gnutls_priority_t words = tlswords_priority(p->priority, e);
    unsigned flags = GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL;
    int rc;

    if (!words || tls_pair_get(p->certificate, p->key, &t->pair, e) < 0)
        return ERR_CONF;
    if (p->server && tls_take_named(t, p, e) < 0)
        return ERR_CONF;
    BUG_ON(p->verify == TLS_VERIFY_DANE && !p->tlsa);
    if (p->verify == TLS_VERIFY_DANE)
        t->tlsa = tlsa_set_ref(p->tlsa);
    else if (p->verify != TLS_VERIFY_NO && tls_ca_get(p->ca, &t->ca, e) < 0)
        return ERR_CONF;
    rc = gnutls_init(&t->session,
        flags | (unsigned)(p->server ? GNUTLS_SERVER : GNUTLS_CLIENT));
    if (rc >= 0)
        rc = gnutls_priority_set(t->session, words);
    if (rc >= 0)
        rc = gnutls_credentials_set(
            t->session, GNUTLS_CRD_CERTIFICATE, tls_pair_credentials(t->pair));
    if (rc < 0)
        return err_set(e, ERR_CONF, "%s", gnutls_strerror(rc));
    gnutls_session_set_ptr(t->session, t);
    gnutls_transport_set_int(t->session, fd);
    /* A name that cannot be asked for is not asked for. */
    if (p->sni)
        (void)gnutls_server_name_set(
            t->session, GNUTLS_NAME_DNS, p->sni, strlen(p->sni));
    tls_set_alpn(t, p->alpn);
    if (p->server)
        tls_set_server(t, p);
    else
        tls_resume(t, p);
    return 0;
}

struct tls *
tls_new(int fd, const struct tls_params *p, struct err *e)
{
    struct tls *t = xnew(struct tls);

    t->server = p->server;
    t->verify = p->verify;
    t->why = TLS_NOT_VALID;
    for (int i = 0; i < TLS_NAMES; i++)
        t->name[i] = p->name[i] ? xdup(p->name[i]) : NULL;
    t->facts = (struct tls_facts){.protocol = "",
        .cipher = "",
        .how = "none",
        .peer = "",
        .issuer = "",
        .alpn = "",
        .tlsa = ""};
    if (tls_setup(t, fd, p, e) < 0)
        tls_free(&t);
    return t;
}

void
tls_free(struct tls **pt)
{
    struct tls *t = *pt;

    *pt = NULL;
    if (!t)
        return;
    if (t->session)
        gnutls_deinit(t->session);
    tls_pair_put(&t->pair);
    tls_pair_put(&t->picked);
    for (size_t i = 0; i < t->named_count; i++)
        tls_pair_put(&t->named[i]);
    free(t->named);
    tls_ca_put(&t->ca);
    tlsa_set_unref(&t->tlsa);
    for (int i = 0; i < TLS_NAMES; i++)
        free(t->name[i]);
    free(t->resume);
    free(t->cipher);
    free(t->alpn);
    free(t);
}

/* --- who is it? --- */

struct chain {
    const gnutls_datum_t *der; /* the session's */
    gnutls_x509_crt_t crt[TLS_CHAIN_MAX];
    unsigned n;
};

static int
chain_get(struct tls *t, struct chain *c, struct err *e)
{
    unsigned n = 0;
    const gnutls_datum_t *list =
        gnutls_certificate_type_get(t->session) == GNUTLS_CRT_X509
        ? gnutls_certificate_get_peers(t->session, &n)
        : NULL;

    if (!list || !n)
        return err_set(e, ERR_PROTO, "the peer showed no certificate");
    if (n > TLS_CHAIN_MAX)
        return err_set(e, ERR_PROTO, "the peer showed too many certificates");
    c->der = list;
    for (; c->n < n; c->n++) {
        gnutls_x509_crt_t crt;

        BUG_ON(gnutls_x509_crt_init(&crt) < 0); /* memory only */
        if (gnutls_x509_crt_import(crt, &list[c->n], GNUTLS_X509_FMT_DER) < 0) {
            gnutls_x509_crt_deinit(crt);
            return err_set(e, ERR_PROTO, "the certificate cannot be read");
        }
        c->crt[c->n] = crt;
    }
    return 0;
}

static void
chain_free(struct chain *c)
{
    while (c->n)
        gnutls_x509_crt_deinit(c->crt[--c->n]);
}

/* What the peer may be called, NULL-ended. */
static void
names_get(const struct tls *t, const char *names[TLS_NAMES + 1])
{
    size_t n = 0;

    for (int i = 0; i < TLS_NAMES; i++)
        if (t->name[i] && t->name[i][0])
            names[n++] = t->name[i];
    names[n] = NULL;
}

static int
chain_has_name(struct tls *t, const struct chain *c, const char *const *names,
    struct err *e)
{
    const char *name = tlschain_name(c->crt[0], names, &t->why, e);

    if (!name)
        return ERR_PROTO;
    (void)str_copy(t->peer, sizeof(t->peer), str_of(name));
    return 0;
}

static int
chain_is_dane(struct tls *t, const struct chain *c, const char *const *names,
    struct err *e)
{
    const struct tlsdane_chain chain = {c->der, c->crt, c->n};
    struct tlsdane_found found;
    int rc = tlsdane_judge(t->tlsa, &chain, names, &found, e);

    t->why = found.why;
    if (rc < 0)
        return rc;
    t->facts.how = "dane";
    (void)str_copy(t->peer, sizeof(t->peer), str_of(found.name));
    (void)snprintf(t->record, sizeof(t->record), "%u %u %u",
        (unsigned)found.record->usage, (unsigned)found.record->selector,
        (unsigned)found.record->matching);
    t->facts.tlsa = t->record;
    return 0;
}

static void
make_shown(char *text)
{
    for (char *p = text; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 127)
            *p = '?';
}

/* A client has no name that we would expect: what its certificate says. */
static void
chain_take_name(struct tls *t, struct chain *c)
{
    size_t n = sizeof(t->peer), k = sizeof(t->issuer);

    if (gnutls_x509_crt_get_dn(c->crt[0], t->peer, &n) < 0)
        t->peer[0] = '\0';
    if (gnutls_x509_crt_get_issuer_dn(c->crt[0], t->issuer, &k) < 0)
        t->issuer[0] = '\0';
    make_shown(t->peer);
    make_shown(t->issuer);
    t->facts.issuer = t->issuer;
}

static int
tls_judge(struct tls *t, struct err *e)
{
    struct chain c = {.n = 0};
    const char *names[TLS_NAMES + 1];
    int rc = chain_get(t, &c, e);

    t->facts.peer = t->peer;
    names_get(t, names);
    if (t->tlsa) {
        rc = rc ? rc : chain_is_dane(t, &c, names, e);
        chain_free(&c);
        return rc;
    }
    if (rc == 0)
        rc = tlschain_verify(tls_ca_list(t->ca), c.crt, c.n,
            t->server ? GNUTLS_KP_TLS_WWW_CLIENT : GNUTLS_KP_TLS_WWW_SERVER,
            &t->why, e);
    if (rc == 0) {
        t->facts.how = "ca";
        if (t->server)
            chain_take_name(t, &c);
    }
    if (rc == 0 && !t->server && t->verify != TLS_VERIFY_CA) {
        rc = chain_has_name(t, &c, names, e);
        t->facts.how = rc == 0 ? "host" : "none";
    }
    chain_free(&c);
    if (rc == 0)
        t->why = TLS_FINE;
    return t->verify == TLS_VERIFY_OPTIONAL ? 0 : rc;
}

/* --- handshake --- */

static void
tls_note(struct tls *t)
{
    gnutls_protocol_t version = gnutls_protocol_get_version(t->session);
    const char *name = gnutls_ciphersuite_get(t->session);
    gnutls_datum_t got;

    t->facts.protocol = gnutls_protocol_get_name(version);
    t->cipher = xdup(name ? name : "");
    t->facts.cipher = t->cipher;
    t->facts.resumed = gnutls_session_is_resumed(t->session) != 0;
    if (gnutls_alpn_get_selected_protocol(t->session, &got) == 0) {
        t->alpn = xdupn(got.data, got.size);
        t->facts.alpn = t->alpn;
    }
    if (gnutls_session_channel_binding(
            t->session, GNUTLS_CB_TLS_EXPORTER, &got) == 0) {
        memcpy(t->facts.binding, got.data,
            MIN_OF(sizeof(t->facts.binding), (size_t)got.size));
        gnutls_free(got.data);
    }
    /* before 1.3 the session is whole now; 1.3 sends tickets later */
    if (version < GNUTLS_TLS1_3 && t->resume)
        tls_keep(t);
}

static int
tls_errno(int rc)
{
    switch (rc) {
    case GNUTLS_E_AGAIN:
    case GNUTLS_E_INTERRUPTED:
        return -EAGAIN;
    case GNUTLS_E_PUSH_ERROR:
    case GNUTLS_E_PULL_ERROR:
        return errno > 0 && errno != EAGAIN ? -errno : -ECONNRESET;
    case GNUTLS_E_MEMORY_ERROR:
        return -ENOMEM;
    default:
        return -EPROTO;
    }
}

static int
tls_failed(struct tls *t, int rc, struct err *e)
{
    const char *alert;

    switch (rc) {
    case GNUTLS_E_FATAL_ALERT_RECEIVED:
        alert = gnutls_alert_get_name(gnutls_alert_get(t->session));
        return err_set(e, ERR_PROTO, "the peer says: %s",
            alert ? alert : "an alert without a name");
    case GNUTLS_E_PREMATURE_TERMINATION:
    case GNUTLS_E_PUSH_ERROR:
    case GNUTLS_E_PULL_ERROR:
        return err_set(e, ERR_PROTO, "connection lost");
    default:
        (void)gnutls_alert_send_appropriate(t->session, rc);
        return err_set(e, ERR_PROTO, "%s", gnutls_strerror(rc));
    }
}

int
tls_handshake(struct tls *t, struct err *e)
{
    int rc = GNUTLS_E_AGAIN;

    BUG_ON(t->done);
    for (int i = 0; i < TLS_STEPS_MAX; i++) {
        rc = gnutls_handshake(t->session);
        if (rc == 0 || rc == GNUTLS_E_AGAIN || gnutls_error_is_fatal(rc))
            break;
    }
    t->wants_write = gnutls_record_get_direction(t->session) == 1;
    if (rc == GNUTLS_E_AGAIN || rc == GNUTLS_E_INTERRUPTED)
        return ERR_AGAIN;
    if (rc < 0)
        return tls_failed(t, rc, e);
    if (!t->ca && !t->tlsa)
        t->why = TLS_FINE;
    else if (tls_judge(t, e) < 0) {
        (void)gnutls_alert_send(
            t->session, GNUTLS_AL_FATAL, GNUTLS_A_BAD_CERTIFICATE);
        return ERR_PROTO;
    }
    t->done = true;
    tls_note(t);
    return 0;
}

bool
tls_wants_write(const struct tls *t)
{
    return t->wants_write;
}

const struct tls_facts *
tls_facts(const struct tls *t)
{
    return t->done ? &t->facts : NULL;
}

struct str
tls_binding(const struct tls_facts *f)
{
    static const unsigned char none[sizeof(f->binding)];

    if (!f || memcmp(f->binding, none, sizeof(none)) == 0)
        return STR_NONE;
    return str_make(f->binding, sizeof(f->binding));
}

enum tls_reason
tls_why(const struct tls *t)
{
    return t->why;
}

/* --- octets --- */

ssize_t
tls_read(struct tls *t, void *p, size_t n)
{
    ssize_t got = GNUTLS_E_AGAIN;

    for (int i = 0; i < TLS_STEPS_MAX; i++) {
        got = gnutls_record_recv(t->session, p, n);
        if (t->ticket)
            tls_keep(t);
        if (got >= 0 || got == GNUTLS_E_AGAIN ||
            gnutls_error_is_fatal((int)got))
            break;
        if (got == GNUTLS_E_REHANDSHAKE)
            return -EPROTO;
    }
    if (got >= 0)
        return got;
    /* Many close without a word.  What ends a message is the protocol's. */
    if (got == GNUTLS_E_PREMATURE_TERMINATION)
        return 0;
    return tls_errno((int)got);
}

bool
tls_pending(const struct tls *t)
{
    return t->done && gnutls_record_check_pending(t->session) > 0;
}

ssize_t
tls_write(struct tls *t, const void *p, size_t n)
{
    ssize_t rc =
        gnutls_record_send(t->session, t->held ? NULL : p, t->held ? 0 : n);

    if (rc >= 0) {
        t->held = false;
        return rc;
    }
    if (rc == GNUTLS_E_AGAIN || rc == GNUTLS_E_INTERRUPTED) {
        t->held = true;
        return -EAGAIN;
    }
    return tls_errno((int)rc);
}

void
tls_bye(struct tls *t)
{
    if (t->done && !t->held)
        (void)gnutls_bye(t->session, GNUTLS_SHUT_WR);
}
