/* SPDX-License-Identifier: Apache-2.0
 *
 * plug_tls.c - TLS of a plug, by GnuTLS.
 */
#include "plug.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#define PRIORITY "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

struct plug_tls {
    gnutls_certificate_credentials_t credentials;
    bool verify;
    char *name; /* NULL: none to be asked for */
};

static bool
name_is_address(const char *name)
{
    unsigned char octets[16];

    return inet_pton(AF_INET, name, octets) == 1 ||
        inet_pton(AF_INET6, name, octets) == 1;
}

static int
tls_load(struct plug_tls *t, const struct ecstream_options *o,
    char why[ECSTREAM_ERROR_SIZE])
{
    int rc = 0;

    if (t->verify) {
        rc = o->tls_ca
            ? gnutls_certificate_set_x509_trust_file(
                  t->credentials, o->tls_ca, GNUTLS_X509_FMT_PEM)
            : gnutls_certificate_set_x509_system_trust(t->credentials);
        if (rc < 0 || (rc == 0 && o->tls_ca)) {
            snprintf(why, ECSTREAM_ERROR_SIZE, "authorities in %.100s: %s",
                o->tls_ca ? o->tls_ca : "the system's folder",
                rc < 0 ? gnutls_strerror(rc) : "there are none");
            return -1;
        }
    }
    if (o->tls_certificate) {
        rc = gnutls_certificate_set_x509_key_file(t->credentials,
            o->tls_certificate, o->tls_key ? o->tls_key : o->tls_certificate,
            GNUTLS_X509_FMT_PEM);
        if (rc < 0) {
            snprintf(why, ECSTREAM_ERROR_SIZE, "certificate in %.100s: %s",
                o->tls_certificate, gnutls_strerror(rc));
            return -1;
        }
    }
    return 0;
}

struct plug_tls *
plug_tls_new(const struct ecstream_options *o, char why[ECSTREAM_ERROR_SIZE])
{
    const char *name = o->tls_name     ? o->tls_name
        : o->host && o->host[0] != '/' ? o->host
                                       : NULL;
    struct plug_tls *t = calloc(1, sizeof(*t));

    snprintf(why, ECSTREAM_ERROR_SIZE, "no memory");
    if (!t)
        return NULL;
    t->verify = o->tls == ECSTREAM_TLS_VERIFIED;
    t->name = name ? strdup(name) : NULL;
    if (t->verify && !name) {
        snprintf(why, ECSTREAM_ERROR_SIZE,
            "TLS is to be verified, and there is no name for that");
        plug_tls_free(&t);
        return NULL;
    }
    if ((name && !t->name) ||
        gnutls_certificate_allocate_credentials(&t->credentials) < 0 ||
        tls_load(t, o, why) < 0)
        plug_tls_free(&t);
    return t;
}

void
plug_tls_free(struct plug_tls **t)
{
    if (!*t)
        return;
    if ((*t)->credentials)
        gnutls_certificate_free_credentials((*t)->credentials);
    free((*t)->name);
    free(*t);
    *t = NULL;
}

static int
tls_set(gnutls_session_t session, const struct plug_tls *t)
{
    int rc = gnutls_priority_set_direct(session, PRIORITY, NULL);

    if (rc >= 0)
        rc = gnutls_credentials_set(
            session, GNUTLS_CRD_CERTIFICATE, t->credentials);
    if (rc >= 0 && t->name && !name_is_address(t->name))
        rc = gnutls_server_name_set(
            session, GNUTLS_NAME_DNS, t->name, strlen(t->name));
    if (rc >= 0 && t->verify)
        gnutls_session_set_verify_cert(session, t->name, 0);
    return rc;
}

int
plug_tls_start(struct plug *p, const struct plug_tls *t)
{
    gnutls_session_t session = NULL;
    int rc = gnutls_init(
        &session, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);

    if (rc >= 0)
        rc = tls_set(session, t);
    if (rc < 0) {
        snprintf(p->error, sizeof(p->error), "%s", gnutls_strerror(rc));
        if (session)
            gnutls_deinit(session);
        return PLUG_FAILED;
    }
    gnutls_transport_set_int(session, p->fd);
    gnutls_handshake_set_timeout(session, 0); /* the stream has a deadline */
    p->session = session;
    return PLUG_DONE;
}

static void
tls_say_unverified(struct plug *p)
{
    gnutls_datum_t text = {NULL, 0};
    unsigned status = gnutls_session_get_verify_cert_status(p->session);

    if (gnutls_certificate_verification_status_print(
            status, GNUTLS_CRT_X509, &text, 0) < 0)
        return;
    snprintf(p->error, sizeof(p->error), "%.*s", (int)text.size,
        (const char *)text.data);
    gnutls_free(text.data);
}

static int
tls_outcome(struct plug *p, ssize_t rc)
{
    if (rc == GNUTLS_E_AGAIN || rc == GNUTLS_E_INTERRUPTED)
        return PLUG_AGAIN;
    if (rc == GNUTLS_E_FATAL_ALERT_RECEIVED)
        snprintf(p->error, sizeof(p->error), "TLS: the server says: %s",
            gnutls_alert_get_name(gnutls_alert_get(p->session)));
    else
        snprintf(p->error, sizeof(p->error), "%s%s", rc == 0 ? "" : "TLS: ",
            rc == 0 ? "the server has closed it" : gnutls_strerror((int)rc));
    return PLUG_FAILED;
}

int
plug_tls_shake(struct plug *p)
{
    int rc;

    do
        rc = gnutls_handshake(p->session);
    while (rc < 0 && !gnutls_error_is_fatal(rc) && rc != GNUTLS_E_AGAIN &&
        rc != GNUTLS_E_INTERRUPTED);
    if (rc == 0)
        return PLUG_DONE;
    rc = rc == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR ? PLUG_DENIED
                                                       : tls_outcome(p, rc);
    if (rc == PLUG_DENIED)
        tls_say_unverified(p);
    return rc;
}

int
plug_tls_wants(const struct plug *p)
{
    return gnutls_record_get_direction(p->session) ? POLLOUT : POLLIN;
}

/* Alerts that are no end, and tickets, are no data. */
static bool
tls_goes_on(ssize_t rc)
{
    return rc < 0 && rc != GNUTLS_E_AGAIN && rc != GNUTLS_E_INTERRUPTED &&
        rc != GNUTLS_E_REHANDSHAKE && !gnutls_error_is_fatal((int)rc);
}

int64_t
plug_tls_read(struct plug *p, void *to, size_t n)
{
    ssize_t got;

    do
        got = gnutls_record_recv(p->session, to, n);
    while (tls_goes_on(got));
    return got > 0 ? got : tls_outcome(p, got);
}

int64_t
plug_tls_write(struct plug *p, const void *from, size_t n)
{
    ssize_t put = p->half ? gnutls_record_send(p->session, NULL, 0)
                          : gnutls_record_send(p->session, from, n);

    p->half = put == GNUTLS_E_AGAIN || put == GNUTLS_E_INTERRUPTED;
    return put > 0 ? put : tls_outcome(p, put);
}

bool
plug_tls_has_input(const struct plug *p)
{
    return gnutls_record_check_pending(p->session) > 0;
}

void
plug_tls_close(struct plug *p)
{
    if (!p->session)
        return;
    (void)gnutls_bye(p->session, GNUTLS_SHUT_WR);
    gnutls_deinit(p->session);
    p->session = NULL;
}
