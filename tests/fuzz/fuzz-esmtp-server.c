/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-esmtp-server.c - an inbound session against any bytes.  Fed whole and
 * byte by byte, with and without pauses for credit and for output, it must say
 * the same and take the same messages: what a peer can change by timing alone
 * is a hole.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/esmtp_host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct esmtp_host *
play(const uint8_t *data, size_t n, size_t piece, unsigned again, int mode)
{
    struct esmtp_host *h = esmtp_host_new();
    size_t at, take;

    h->again_every = h->full_every = again;
    h->option[OPT_BARE_NEWLINE] = mode & 1;
    h->module.lmtp = mode & 2;
    h->option[OPT_MAX_MESSAGE_SIZE] = 2000;
    h->option[OPT_DELIVER_BY_MIN] = 5000;
    h->tls = n % 3 ? NULL : "TLS1.3"; /* for REQUIRETLS */
    h->logins = n % 2;
    esmtp_host_listen(h);
    esmtp_host_settle(h);
    for (at = 0; at < n; at += take) {
        take = n - at < piece ? n - at : piece;
        esmtp_host_feed(h, data + at, take);
    }
    esmtp_host_end(h);
    return h;
}

static int
same(const struct text *a, const struct text *b)
{
    return a->n == b->n && (a->n == 0 || memcmp(a->p, b->p, a->n) == 0);
}

/* A flight is what comes up to an LF.  Behind a STARTTLS that is taken nothing
 * of its flight is heard: after "220 2.0.0" comes what answers the next. */
static void
secure(const uint8_t *data, size_t n, size_t lines, int policy)
{
    struct esmtp_host *h = esmtp_host_new();
    static const char go[] = "220 2.0.0 go ahead\r\n";
    size_t at = 0, end, i, said;

    h->tls_may = true;
    h->logins = n % 2;
    h->tls_fails = n % 5 == 0;
    h->option[OPT_INJECTION] = policy;
    esmtp_host_listen(h);
    esmtp_host_settle(h);
    while (at < n && !h->session.closed) {
        for (end = at, i = 0; end < n && i < lines; end++)
            i += data[end] == '\n';
        esmtp_host_feed(h, data + at, end - at);
        said = h->session.out.n;
        if (h->tls_may && said >= sizeof(go) - 1 && !h->tls_fails &&
            memcmp(h->session.out.p + said - (sizeof(go) - 1), go,
                sizeof(go) - 1) == 0) {
            if (h->session.in_at != h->session.in.n)
                abort();
            h->tls_may = false;
        }
        at = end;
    }
    esmtp_host_end(h);
    esmtp_host_free(h);
}

/* Halfway the time is up, or the session is to end: at once, or when the peer
 * has been heard. */
static void
leave(const uint8_t *data, size_t n, int how)
{
    struct esmtp_host *h = esmtp_host_new();
    size_t at, take;

    h->again_every = 3;
    h->logins = true;
    /* only here: it has the time of day in its answer to EHLO */
    h->option[OPT_FUTURE_RELEASE_MAX] = INT64_C(86400000);
    esmtp_host_listen(h);
    esmtp_host_settle(h);
    for (at = 0; at < n && !h->session.closed; at += take) {
        take = n - at < 5 ? n - at : 5;
        if (at <= n / 2 && at + take > n / 2 && how == 2) {
            h->now += INT64_C(100000000);
            dialogue_listener.event(h->s, NULL, IMPEL_EV_TIMER, 0);
        } else if (at <= n / 2 && at + take > n / 2) {
            dialogue_listener.close(h->s, how);
        }
        esmtp_host_feed(h, data + at, take);
    }
    esmtp_host_end(h);
    esmtp_host_free(h);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct esmtp_host *a, *b;
    int mode;

    for (mode = 0; mode < 3; mode++)
        leave(data, n, mode);
    for (mode = 0; mode < 4; mode++)
        secure(data, n, mode & 1 ? 1 : 3, mode & 2 ? 1 : 0);

    for (mode = 0; mode < 4; mode++) { /* mend newlines; LMTP */
        a = play(data, n, n, 0, mode);
        b = play(data, n, 1, 3, mode);
        if (!same(&a->session.out, &b->session.out) ||
            !same(&a->taken, &b->taken) || a->committed != b->committed)
            abort();
        esmtp_host_free(a);
        esmtp_host_free(b);
    }
    return 0;
}
