/* SPDX-License-Identifier: Apache-2.0
 *
 * session.c - the host's side of a connection: opened, lent messages, ended.
 */
#include "session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MM7_RESPONSE_MOST = 262144 }; /* octets of an answer */

static const char *const session_alpn[] = {"http/1.1", NULL};

/* --- the end --- */

/* The recipient whose request has begun, and those behind it. */
static void
session_drop(struct session *s, const struct impel_result *why)
{
    struct impel_result untried =
        outcome_internal(IMPEL_UNTRIED, IMPEL_BLAME_SESSION, IMPEL_AT_BODY,
            "451 4.4.2 [internal] the connection has ended");
    struct impel_result lost =
        outcome_internal(IMPEL_RETRY, IMPEL_BLAME_SESSION, IMPEL_AT_FINAL,
            "451 4.4.2 [internal] the connection has ended without an answer");

    if (!s->batch)
        return;
    if (s->asking && (why || request_is_out(s))) { /* it had its chance */
        if (why)
            lost = *why;
        lost.blame = IMPEL_BLAME_SESSION;
        if (request_is_out(s)) {
            lost.flags = IMPEL_UNCERTAIN;
            s->host->count(s->module->instance, COUNT_UNCERTAIN, 1);
        }
        s->host->rcpt_done(s->batch, s->rcpt++, &lost);
    }
    if (s->rcpt < s->rcpts)
        job_ends(s, &untried);
    else
        job_clear(s);
}

void
session_over(struct session *s, const struct impel_result *why)
{
    if (s->over)
        return;
    s->over = true;
    session_drop(s, why);
    s->host->closed(s->io, why);
}

void
session_fails(struct session *s, int blame, int stage, const char *text)
{
    struct impel_result r = outcome_internal(IMPEL_RETRY, blame, stage, text);

    session_over(s, &r);
}

void
session_ends_here(struct session *s)
{
    s->rcpt++;
    session_over(s, NULL);
}

/* --- opening --- */

static bool
begins(struct impel_str s, const char *z)
{
    return s.n >= strlen(z) && strncasecmp(s.p, z, strlen(z)) == 0;
}

static struct impel_str
uri_of(const struct mm7 *m, const struct impel_scope *scope,
    const struct impel_peer *peer)
{
    struct impel_str uri = m->host->opt_str(scope, OPT_URI, 0);

    if (!uri.n)
        uri = m->host->opt_str(scope, OPT_PATH, 0);
    if (!uri.n)
        uri = http1_path_of(peer->uri);
    return uri.n ? uri : line_str("/");
}

static int
session_open(void *ctx, struct impel_session *io,
    const struct impel_scope *scope, const struct impel_peer *peer, void **sp,
    struct impel_error *e)
{
    struct mm7 *m = ctx;
    uint16_t port =
        peer->port ? peer->port : (uint16_t)m->host->opt_int(scope, OPT_PORT);
    bool tls =
        m->host->opt_int(scope, OPT_TLS) > 0 || begins(peer->uri, "https:");
    struct session *s = calloc(1, sizeof(*s));
    struct impel_dial dial = {.size = sizeof(dial),
        .port = port,
        .tls = tls ? IMPEL_TLS_NOW : IMPEL_TLS_NONE,
        .alpn = session_alpn};
    int rc;

    if (s)
        s->http = http1_new(HTTP1_RESPONSE, MM7_RESPONSE_MOST);
    if (s && s->http) {
        s->module = m;
        s->host = m->host;
        s->io = io;
        s->scope = scope;
        s->uri = uri_of(m, scope, peer);
        authority_of(s->name, m->host->opt_str(scope, OPT_HOST, 0), peer->host,
            port, tls ? 443 : 80);
        (void)snprintf(s->place, sizeof(s->place), "%.*s:%u",
            (int)(peer->host.n < 255 ? peer->host.n : 255),
            peer->host.n ? peer->host.p : "", port);
        rc = m->host->dial(io, &dial, e);
    } else {
        rc = outcome_refuse(e, IMPEL_E_NOMEM, "no memory");
    }
    if (rc < 0) {
        if (s)
            http1_free(s->http);
        free(s);
        return rc;
    }
    m->host->timer(
        io, TIMER_CONNECT, m->host->opt_int(scope, OPT_CONNECT_TIMEOUT));
    *sp = s;
    return 0;
}

/* --- events --- */

static void
session_connected(struct session *s)
{
    s->up = true;
    s->host->timer(s->io, TIMER_CONNECT, -1);
    s->host->ready(s->io, 1);
}

static void
session_lost(struct session *s)
{
    char text[OUTCOME_TEXT];
    struct impel_result why;

    if (s->up)
        request_lost(s);
    if (s->over)
        return;
    if (s->leaving || (s->up && !s->asking))
        session_over(s, NULL);
    else if (s->up)
        session_fails(s, IMPEL_BLAME_SESSION, IMPEL_AT_FINAL,
            "451 4.4.2 [internal] connection closed by remote host");
    else {
        why = outcome_unconnected(s->host, s->io, text);
        session_over(s, &why);
    }
}

static void
session_time(struct session *s, int64_t number)
{
    if (number == TIMER_READ) {
        job_goes_on(s);
        return;
    }
    if (number == TIMER_CONNECT) {
        session_fails(s, IMPEL_BLAME_HOST, IMPEL_AT_CONNECT,
            "451 4.4.1 [internal] no connection in time");
        return;
    }
    s->host->count(s->module->instance, COUNT_TIMEOUTS, 1);
    session_fails(s, IMPEL_BLAME_SESSION, IMPEL_AT_FINAL,
        "451 4.4.2 [internal] no answer in time");
}

/* There is room again, so the peer reads: it has more time. */
static void
session_drained(struct session *s)
{
    if (!s->asking || request_is_out(s))
        return;
    s->host->timer(
        s->io, TIMER_ANSWER, s->host->opt_int(s->scope, OPT_RESPONSE_TIMER));
    request_write(s);
}

static void
session_event(void *sp, struct impel_batch *b, int event, int64_t arg)
{
    struct session *s = sp;

    if (s->over)
        return;
    switch (event) {
    case IMPEL_EV_CONNECTED:
        session_connected(s);
        break;
    case IMPEL_EV_INPUT:
        request_input(s);
        break;
    case IMPEL_EV_DRAINED:
        if (!b)
            session_drained(s);
        break;
    case IMPEL_EV_BODY:
        if (b == s->batch && !s->asking)
            job_goes_on(s);
        break;
    case IMPEL_EV_TIMER:
        session_time(s, arg);
        break;
    case IMPEL_EV_LOST:
        session_lost(s);
        break;
    default:
        break;
    }
}

/* --- messages --- */

static const char *const session_types[] = {
    "message/vnd.msys.mm7", "multipart/vnd.msys.mm7", NULL};

/* A container has a part for us; an ordinary message is sent as it is, where
 * push_convert allows that. */
static bool
session_reads(struct session *s)
{
    bool convert = s->host->opt_int(s->scope, OPT_CONVERT) != 0;
    struct push_want want = {.types = session_types,
        .most = (size_t)s->host->opt_int(s->scope, OPT_CONTENT_MOST),
        .container = push_is_container(s->host, s->batch),
        .convert = convert};

    if (convert && !want.container)
        return true;
    s->push = push_new(&want);
    return s->push != NULL;
}

static void
session_deliver(
    void *sp, struct impel_batch *b, const struct impel_envelope *envelope)
{
    struct session *s = sp;
    const char *wrong;

    s->batch = b;
    s->envelope = envelope;
    s->at = 0;
    s->rcpt = 0;
    s->rcpts = envelope->rcpt_count;
    wrong = submit_wants(s->module, s->scope, b, &s->want);
    if (!wrong && !session_reads(s))
        wrong = "451 4.3.0 [internal] no memory";
    if (wrong)
        job_fails(s, wrong);
    else
        job_goes_on(s);
}

static void
session_cancel(void *sp, struct impel_batch *b)
{
    struct session *s = sp;

    (void)b;
    if (s->asking) { /* its answer would be taken for that of the next */
        session_over(s, NULL);
        return;
    }
    struct impel_result r = outcome_internal(IMPEL_UNTRIED, IMPEL_BLAME_SESSION,
        IMPEL_AT_BODY, "451 4.4.2 [internal] cancelled");
    job_ends(s, &r);
    if (s->leaving)
        session_over(s, NULL);
}

static void
session_probe(void *sp)
{
    struct session *s = sp;

    s->host->ready(s->io, 1);
}

static void
session_close(void *sp, int now)
{
    struct session *s = sp;

    if (s->over)
        return;
    s->leaving = true;
    if (now || !s->batch)
        session_over(s, NULL);
}

static void
session_release(void *sp)
{
    struct session *s = sp;

    http1_free(s->http);
    push_free(s->push);
    text_wipe(&s->whole);
    text_wipe(&s->body);
    submit_content_fini(&s->content);
    explicit_bzero(s->head, sizeof(s->head));
    free(s);
}

const struct impel_transport mm7_transport = {
    .size = sizeof(struct impel_transport),
    .open = session_open,
    .event = session_event,
    .deliver = session_deliver,
    .cancel = session_cancel,
    .probe = session_probe,
    .close = session_close,
    .release = session_release,
};
