/* SPDX-License-Identifier: Apache-2.0
 *
 * server.c - a connection on which an MMSC asks: HTTP in and out, time, the
 * end.
 */
#include "server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    SERVER_HEAD = 4096,
    SERVER_PART_MS = 2000,
    SERVER_WRONG_MS = 1000, /* before a login that was wrong is refused */
    SERVER_NAME = 300
};

static void server_run(struct server *s);

/* --- the end --- */

static void
server_end(struct server *s, const char *why)
{
    struct impel_result r = outcome_internal(IMPEL_RETRY, IMPEL_BLAME_SESSION,
        IMPEL_AT_CONNECT, why ? why : "421 4.4.2 ");

    if (s->state == SERVER_DEAD)
        return;
    s->state = SERVER_DEAD;
    incoming_drop(s);
    s->host->closed(s->session, why ? &r : NULL);
}

void
server_give_up(struct server *s)
{
    server_end(s, NULL);
}

/* What is being committed is waited for: until then nobody else may bring
 * it. */
static void
server_lose(struct server *s)
{
    if (s->state == SERVER_WORK && s->incoming.committing)
        s->state = SERVER_LOST;
    else
        server_end(s, NULL);
}

/* --- out --- */

static void
server_flush(struct server *s)
{
    int rc;

    while (!s->full && s->out_at < s->out.n && s->state != SERVER_DEAD &&
        s->state != SERVER_LOST) {
        size_t n = s->out.n - s->out_at;

        if (n > 16384)
            n = 16384;
        rc = s->host->write(s->session, s->out.p + s->out_at, n);
        if (rc == IMPEL_E_FULL) {
            s->full = true;
            return;
        }
        if (rc < 0) {
            server_lose(s);
            return;
        }
        s->out_at += n;
    }
    if (s->out_at < s->out.n)
        return;
    s->out.n = s->out_at = 0;
    if (s->state == SERVER_PART && s->ended)
        server_end(s, NULL);
}

static void
server_idle(struct server *s)
{
    s->host->timer(
        s->session, TIMER_SERVER, s->host->opt_int(s->scope, OPT_IDLE_TIME));
}

static void
put_date(struct http1_out *o)
{
    time_t now = time(NULL);
    char date[40];
    struct tm tm;

    if (gmtime_r(&now, &tm) &&
        strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm))
        http1_put_field(o, "Date", line_str(date));
}

/* The answer is there: the next request, or the end. */
static void
server_say(struct server *s, int status, const struct text *body, bool keep)
{
    char head[SERVER_HEAD];
    struct http1_out o = {head, sizeof(head), 0, false};

    keep = keep && !s->leaving;
    http1_put_status(&o, status);
    put_date(&o);
    if (status == 401)
        admit_challenge(s, &o);
    if (status == 405)
        http1_put_field(&o, "Allow", line_str("POST"));
    if (body->n)
        http1_put_field(
            &o, "Content-Type", line_str("text/xml; charset=\"utf-8\""));
    if (!keep)
        http1_put_field(&o, "Connection", line_str("close"));
    http1_put_end(&o, body->n);
    text_put(&s->out, head, o.n);
    text_put(&s->out, body->p, body->n);
    s->host->timer(s->session, TIMER_WORK, -1);
    http1_next(s->http);
    s->refusal = 0;
    s->state = keep ? SERVER_READ : SERVER_PART;
    if (keep)
        server_idle(s);
    else
        s->host->timer(s->session, TIMER_SERVER, SERVER_PART_MS);
    if (s->out.failed || o.bad)
        server_end(s, "451 4.3.0 [internal] no memory");
}

static struct impel_str
version_of(const struct server *s)
{
    return s->host->opt_str(s->scope, OPT_SERVER_VERSION, 0);
}

void
server_answer(struct server *s, int status, const char *details)
{
    struct text body = {NULL, 0, 0, false};
    bool keep;

    if (s->state == SERVER_LOST) {
        server_end(s, NULL);
        return;
    }
    if (s->state != SERVER_WORK)
        return;
    if (status != CALL_SUCCESS && status != CALL_PARTLY)
        s->host->count(s->module->instance, COUNT_CALLS_REFUSED, 1);
    keep = http1_read(s->http)->keep;
    call_answer(&s->call, version_of(s), status, details, &body);
    server_say(s, 200, &body, keep);
    text_wipe(&body);
}

static void
server_fault(struct server *s, int status, const char *why)
{
    struct text body = {NULL, 0, 0, false};

    s->host->count(s->module->instance, COUNT_CALLS_REFUSED, 1);
    call_fault(&s->call, version_of(s), status, why, &body);
    server_say(s, 500, &body, http1_read(s->http)->keep);
    text_wipe(&body);
}

void
server_refuse(struct server *s, int status, bool keep)
{
    static const struct text none = {NULL, 0, 0, false};

    s->host->count(s->module->instance, COUNT_CALLS_REFUSED, 1);
    server_say(s, status, &none, keep);
}

/* --- in --- */

static void
server_begin(struct server *s)
{
    const struct http1_message *m = http1_read(s->http);
    const char *why;
    int status;

    memset(&s->call, 0, sizeof(s->call));
    s->waited = s->looking = s->no_credit = false;
    why = soap_split(http1_field(m, "Content-Type"), m->body, &s->body);
    if (why) {
        server_fault(s, CALL_FORMAT, why);
        return;
    }
    status = call_read(s->body.xml, &s->call, &why);
    if (status)
        server_fault(s, status, why);
    else if (s->call.kind == CALL_DELIVER)
        incoming_begin(s);
    else
        report_bring(s);
}

/* A head: asked once, with the body still to come or without one. */
static void
server_head(struct server *s, bool whole)
{
    const struct http1_message *m = http1_read(s->http);

    s->refusal = admit_head(s, m);
    if (s->refusal)
        http1_drop(s->http); /* whatever a stranger sends */
    if (whole || !m->expects)
        return;
    if (s->refusal)
        server_refuse(s, s->refusal, false); /* the body is not sent, or is */
    else
        text_z(&s->out, "HTTP/1.1 100 Continue\r\n\r\n");
}

static void
server_whole(struct server *s)
{
    s->state = SERVER_WORK;
    s->host->timer(s->session, TIMER_SERVER, -1); /* it is we who are slow */
    if (s->refusal && s->wrong)
        s->host->timer(s->session, TIMER_WORK, SERVER_WRONG_MS);
    else if (s->refusal)
        server_refuse(s, s->refusal, http1_read(s->http)->keep);
    else
        server_begin(s);
}

static void
server_feed(struct server *s, struct impel_str in)
{
    enum http1_step step;
    bool begun = http1_has_begun(s->http);
    int status;
    size_t n = http1_feed(s->http, in.p, in.n, &step);

    s->host->consume(s->session, n);
    if (!begun)
        server_idle(s); /* for all of the request from now on */
    if (step == HTTP1_BAD) {
        (void)http1_fault(s->http, &status);
        server_refuse(s, status, false);
        return;
    }
    if (step == HTTP1_HEAD) {
        s->headed = true;
        server_head(s, false);
    }
    if (step == HTTP1_WHOLE) {
        if (!s->headed)
            server_head(s, true);
        s->headed = false;
        server_whole(s);
    }
}

static void
server_run(struct server *s)
{
    struct impel_str in;

    while (!s->full && (s->state == SERVER_READ || s->state == SERVER_PART)) {
        in = s->host->input(s->session);
        if (!in.n)
            break;
        if (s->state == SERVER_PART)
            s->host->consume(s->session, in.n);
        else
            server_feed(s, in);
        server_flush(s);
    }
    server_flush(s);
    if (s->state == SERVER_READ && !s->full &&
        (s->ended || (s->leaving && !http1_has_begun(s->http))))
        server_end(s, NULL);
}

/* He may have said all that he wants to say, and read on. */
static void
server_ended(struct server *s)
{
    s->ended = s->leaving = true;
    if (s->no_credit)
        server_give_up(s);
    else
        server_run(s);
}

/* --- the host --- */

static int
server_accepted(void *ctx, struct impel_session *session,
    const struct impel_scope *scope, const struct impel_peer *peer, void **sp,
    struct impel_error *e)
{
    struct mm7 *m = ctx;
    struct server *s = calloc(1, sizeof(*s));
    char name[SERVER_NAME];
    bool v6 = peer->addr.n && memchr(peer->addr.p, ':', peer->addr.n);

    if (s)
        s->http = http1_new(
            HTTP1_REQUEST, (size_t)m->host->opt_int(scope, OPT_REQUEST_MOST));
    if (!s || !s->http) {
        free(s);
        return outcome_refuse(e, IMPEL_E_NOMEM, "no memory");
    }
    s->module = m;
    s->host = m->host;
    s->session = session;
    s->scope = scope;
    *sp = s;
    server_idle(s);
    /* HTTP has no greeting: an address as a name (RFC 5321 4.1.3) */
    (void)snprintf(name, sizeof(name), "[%s%.*s]", v6 ? "IPv6:" : "",
        (int)(peer->addr.n < 255 ? peer->addr.n : 255),
        peer->addr.n ? peer->addr.p : "");
    if (s->host->intake->greet(session, line_str(name)) < 0)
        s->state = SERVER_READ; /* each message is judged anyway */
    return 0;
}

static void
server_time(struct server *s, int64_t number)
{
    if (number == TIMER_WORK) {
        if (s->state != SERVER_WORK)
            return;
        if (s->refusal)
            server_refuse(s, s->refusal, http1_read(s->http)->keep);
        else
            report_late(s);
        server_run(s);
        return;
    }
    if (s->state == SERVER_READ && http1_has_begun(s->http)) {
        s->host->count(s->module->instance, COUNT_TIMEOUTS, 1);
        server_refuse(s, 408, false);
        server_flush(s);
    } else {
        server_end(s, NULL);
    }
}

static void
server_event(void *sp, struct impel_batch *b, int event, int64_t arg)
{
    struct server *s = sp;

    (void)b;
    if (s->state == SERVER_DEAD)
        return;
    switch (event) {
    case IMPEL_EV_INPUT:
        server_run(s);
        break;
    case IMPEL_EV_DRAINED:
        s->full = false;
        server_run(s);
        break;
    case IMPEL_EV_CREDIT:
        incoming_goes_on(s);
        server_run(s);
        break;
    case IMPEL_EV_WAKE:
        if (s->state == SERVER_WORK)
            report_woken(s, arg);
        server_run(s);
        break;
    case IMPEL_EV_TIMER:
        server_time(s, arg);
        break;
    case IMPEL_EV_LOST:
        if (arg == IMPEL_E_CLOSED && s->state < SERVER_PART)
            server_ended(s);
        else if (s->state != SERVER_LOST)
            server_lose(s);
        break;
    default:
        break;
    }
}

static void
server_greeted(struct server *s, const struct impel_result *r)
{
    if (r->verdict == IMPEL_DELIVERED) {
        if (s->state == SERVER_GREET)
            s->state = SERVER_READ;
        return;
    }
    if (s->state > SERVER_READ)
        return;
    server_refuse(s, r->code / 100 == 4 ? 503 : 403, false);
}

static void
server_verdict(
    void *sp, uint64_t tag, size_t rcpt, const struct impel_result *r)
{
    struct server *s = sp;

    if (s->state == SERVER_DEAD)
        return;
    if (!tag)
        server_greeted(s, r);
    else
        incoming_verdict(s, tag, rcpt, r);
    if (s->state != SERVER_DEAD)
        server_run(s);
}

/* A request that has begun is answered, unless there is no time. */
static void
server_close(void *sp, int now)
{
    struct server *s = sp;

    s->leaving = true;
    if (s->state == SERVER_DEAD)
        return;
    if (now || s->state == SERVER_GREET || s->state == SERVER_PART)
        server_end(s, NULL);
    else
        server_run(s);
}

static void
server_release(void *sp)
{
    struct server *s = sp;

    s->incoming.in = NULL;
    incoming_drop(s);
    http1_free(s->http);
    text_wipe(&s->out);
    free(s);
}

const struct impel_listener mm7_listener = {
    .size = sizeof(struct impel_listener),
    .default_port = 8081,
    .tls = IMPEL_TLS_NONE,
    .accepted = server_accepted,
    .event = server_event,
    .verdict = server_verdict,
    .close = server_close,
    .release = server_release,
};
