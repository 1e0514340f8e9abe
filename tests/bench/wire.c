/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "bench.h"

struct wire {
    gnutls_session_t session;
    bool server, up;
    size_t held; /* octets that GnuTLS has and the socket has not */
};

long wire_count, wire_resumed;
static gnutls_certificate_credentials_t credentials;
static gnutls_datum_t ticket_key, last; /* of a server; a client's */

static void
must(int rc)
{
    if (rc < 0)
        bench_die("TLS: %s", gnutls_strerror(rc));
}

static void
need_credentials(void)
{
    if (!credentials)
        must(gnutls_certificate_allocate_credentials(&credentials));
}

void
wire_certificate(const char *pem)
{
    need_credentials();
    must(gnutls_certificate_set_x509_key_file(
        credentials, pem, pem, GNUTLS_X509_FMT_PEM));
    must(gnutls_session_ticket_key_generate(&ticket_key));
}

struct wire *
wire_new(int fd, bool server, bool fresh)
{
    struct wire *w = calloc(1, sizeof(*w));

    if (!w)
        bench_die("no memory");
    w->server = server;
    need_credentials();
    must(gnutls_init(&w->session,
        GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL |
            (server ? GNUTLS_SERVER : GNUTLS_CLIENT)));
    must(gnutls_set_default_priority(w->session));
    must(gnutls_credentials_set(
        w->session, GNUTLS_CRD_CERTIFICATE, credentials));
    gnutls_transport_set_int(w->session, fd);
    if (server)
        must(gnutls_session_ticket_enable_server(w->session, &ticket_key));
    else if (last.data && !fresh)
        must(gnutls_session_set_data(w->session, last.data, last.size));
    return w;
}

static bool
again(int rc)
{
    errno =
        rc == GNUTLS_E_AGAIN || rc == GNUTLS_E_INTERRUPTED ? EAGAIN : EPROTO;
    return errno == EAGAIN;
}

static bool
shake(struct wire *w)
{
    int rc;

    do {
        rc = gnutls_handshake(w->session);
    } while (rc < 0 && rc != GNUTLS_E_AGAIN && !gnutls_error_is_fatal(rc));
    if (rc < 0 && !again(rc))
        bench_die("handshake: %s", gnutls_strerror(rc));
    if (rc < 0)
        return false;
    w->up = true;
    wire_count++;
    wire_resumed += gnutls_session_is_resumed(w->session) != 0;
    return true;
}

ssize_t
wire_recv(struct wire *w, int fd, void *p, size_t n)
{
    ssize_t got;

    if (!w)
        return recv(fd, p, n, 0);
    if (!w->up && !shake(w))
        return -1;
    do {
        got = gnutls_record_recv(w->session, p, n);
    } while (
        got < 0 && got != GNUTLS_E_AGAIN && !gnutls_error_is_fatal((int)got));
    if (got >= 0 || again((int)got))
        return got < 0 ? -1 : got;
    return got == GNUTLS_E_PREMATURE_TERMINATION ? 0 : -1;
}

ssize_t
wire_send(struct wire *w, int fd, const void *p, size_t n)
{
    ssize_t sent;

    if (!w)
        return send(fd, p, n, MSG_NOSIGNAL);
    if (!w->up) {
        errno = EAGAIN;
        return -1;
    }
    sent = gnutls_record_send(w->session, w->held ? NULL : p, w->held ? 0 : n);
    if (sent >= 0) {
        w->held = 0;
        return sent;
    }
    if (again((int)sent))
        w->held = n;
    return -1;
}

bool
wire_is_up(const struct wire *w)
{
    return !w || w->up;
}

void
wire_free(struct wire **pw)
{
    struct wire *w = *pw;
    gnutls_datum_t data;

    *pw = NULL;
    if (!w)
        return;
    if (!w->server && w->up &&
        gnutls_session_get_flags(w->session) & GNUTLS_SFLAGS_SESSION_TICKET &&
        gnutls_session_get_data2(w->session, &data) == 0) {
        gnutls_free(last.data);
        last = data;
    }
    if (w->up && !w->held)
        (void)gnutls_bye(w->session, GNUTLS_SHUT_WR);
    gnutls_deinit(w->session);
    free(w);
}
