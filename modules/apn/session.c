/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int64_t
session_wall(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- requests --- */

void
session_watch(struct session *s)
{
    int64_t after = -1;

    if (s->first) {
        after = s->first->since + s->wait - s->host->now();
        after = after < 0 ? 0 : after;
    }
    s->host->timer(s->io, TIMER_ANSWER, after);
}

/* At the end of a line; last: of the one that ends there. */
static void
line_add(struct request **first, struct request ***last, struct request *r)
{
    r->next = NULL;
    if (!*first)
        *last = first;
    r->prev = *last;
    **last = r;
    *last = &r->next;
}

static void
line_leave(struct request *r)
{
    struct session *s = r->job->session;

    if (!r->prev)
        return;
    if (r->next)
        r->next->prev = r->prev;
    else if (s->last == &r->next)
        s->last = r->prev;
    else
        s->todo_last = r->prev;
    *r->prev = r->next;
    r->prev = NULL;
}

void
request_puts_off(struct request *r)
{
    struct session *s = r->job->session;

    line_add(&s->todo, &s->todo_last, r);
}

struct request *
request_next(struct session *s)
{
    struct request *r = s->todo;

    if (r)
        line_leave(r);
    return r;
}

bool
request_was_sent(struct request *r)
{
    if (r->id || !r->prev)
        return r->id != 0;
    line_leave(r);
    return false;
}

void
request_waits(struct request *r)
{
    struct session *s = r->job->session;

    line_leave(r);
    r->since = s->host->now();
    line_add(&s->first, &s->last, r);
    if (s->first == r)
        session_watch(s);
}

static void
job_free(struct job *j)
{
    *j->prev = j->next;
    if (j->next)
        j->next->prev = j->prev;
    push_free(j->push);
    notice_fini(&j->notice);
    free(j->request);
    free(j);
}

void
request_ends(struct request *r, const struct impel_result *result)
{
    struct job *j = r->job;
    const struct impel_host *host = j->session->host;

    if (r->over)
        return;
    r->over = true;
    line_leave(r);
    j->left--;
    if (result->flags & IMPEL_UNCERTAIN)
        host->count(j->session->module->instance, COUNT_UNCERTAIN, 1);
    for (size_t i = 0; i < r->rcpts; i++)
        host->rcpt_done(j->batch, r->rcpt + i, result);
    if (!j->left)
        job_free(j);
}

static void
say_unregistered(
    const struct request *r, const struct reason *reason, struct impel_str id)
{
    const struct job *j = r->job;
    struct apn *m = j->session->module;
    char since[24];

    (void)snprintf(
        since, sizeof(since), "%lld", (long long)(reason->since / 1000));
    struct impel_pair p[] = {
        {line_str("rcpt"), j->envelope->rcpt[r->rcpt]->address},
        {line_str("token"), line_str(r->token)},
        {line_str("reason"), line_str(reason->words)},
        {line_str("since"), line_str(since)}, {line_str("apns-id"), id}};

    m->host->count(m->instance, COUNT_UNREGISTERED, 1);
    m->host->event(m->instance, j->batch, "apn-unregistered", 5, p);
}

void
request_answered(struct request *r, struct reason *reason, struct impel_str id)
{
    struct apn *m = r->job->session->module;
    struct impel_pair info = {line_str("apns-id"), id};

    if (reason->unregistered)
        say_unregistered(r, reason, id);
    if (reason->result.verdict == IMPEL_DELIVERED)
        m->host->count(m->instance, COUNT_DELIVERED, (int64_t)r->rcpts);
    if (id.n) {
        reason->result.info = &info;
        reason->result.info_count = 1;
    }
    request_ends(r, &reason->result);
}

/* --- jobs --- */

/* Of a job that has no requests. */
static void
job_fails(struct job *j, const char *text)
{
    struct impel_result r =
        outcome_internal(text[0] == '5' ? IMPEL_FAILED : IMPEL_RETRY,
            strncmp(text + 4, "5.1.3", 5) == 0 ? IMPEL_BLAME_RCPT
                                               : IMPEL_BLAME_MESSAGE,
            IMPEL_AT_BODY, text);

    j->session->host->rest_done(j->batch, &r);
    job_free(j);
}

/* One request for the device that the message names, or one for each recipient
 * whose address is a device. */
static bool
job_split(struct job *j)
{
    const struct impel_envelope *e = j->envelope;

    j->count = j->notice.token[0] ? 1 : e->rcpt_count;
    j->request = calloc(j->count, sizeof(*j->request));
    if (!j->request)
        return false;
    j->left = j->count;
    for (size_t i = 0; i < j->count; i++) {
        struct request *r = &j->request[i];
        struct impel_str local = e->rcpt[i]->address;
        const char *at = memchr(local.p, '@', local.n);

        if (at)
            local.n = (size_t)(at - local.p);
        r->job = j;
        r->rcpt = i;
        r->rcpts = j->notice.token[0] ? e->rcpt_count : 1;
        if (j->notice.token[0])
            memcpy(r->token, j->notice.token, sizeof(r->token));
        else
            (void)notice_token(local, r->token);
    }
    return true;
}

static void
job_send(struct job *j)
{
    struct session *s = j->session;
    struct impel_result bad =
        outcome_internal(IMPEL_FAILED, IMPEL_BLAME_RCPT, IMPEL_AT_RCPT,
            "550 5.1.3 [internal] neither the message nor the address names a "
            "device");
    struct request *r = j->request;

    /* the last that ends takes the job with it */
    for (size_t i = 0, n = j->count; i < n && !s->over; i++) {
        if (r[i].token[0])
            s->speech->send(s, &r[i]);
        else
            request_ends(&r[i], &bad);
    }
}

/* Its message is read as far as it is there, and sent if that was enough. */
static void
job_goes_on(struct job *j)
{
    struct session *s = j->session;
    struct push_found found;
    char text[400];
    const char *wrong;
    int rc = push_read(j->push, s->host, j->batch, &j->at);

    if (rc == IMPEL_E_AGAIN)
        return;
    if (rc == IMPEL_E_FULL) {
        j->more = true;
        s->host->timer(s->io, TIMER_READ, 0);
        return;
    }
    if (rc < 0) {
        job_fails(j, "451 4.3.0 [internal] the message cannot be read");
        return;
    }
    wrong = push_end(j->push, &found);
    if (wrong) {
        (void)snprintf(text, sizeof(text), "550 5.6.0 [internal] %s", wrong);
        wrong = text;
    } else {
        wrong = notice_make(s->module, s->scope, j->batch, j->envelope, &found,
            s->speech->binary, &j->notice);
    }
    if (!wrong && !job_split(j))
        wrong = "451 4.3.0 [internal] no memory";
    if (wrong) {
        job_fails(j, wrong);
        return;
    }
    if (j->notice.converted)
        s->host->count(s->module->instance, COUNT_CONVERTED, 1);
    push_free(j->push);
    j->push = NULL;
    job_send(j);
    if (!s->over)
        s->speech->flush(s);
}

/* One of those that are long. */
static void
session_reads(struct session *s)
{
    struct job *j = s->jobs, *next;

    while (j && !j->more)
        j = j->next;
    if (!j)
        return;
    for (next = j->next; next && !next->more;)
        next = next->next;
    if (next)
        s->host->timer(s->io, TIMER_READ, 0);
    j->more = false;
    job_goes_on(j);
}

/* --- the end --- */

void
session_over(struct session *s, const struct impel_result *why)
{
    struct impel_result untried =
        outcome_internal(IMPEL_UNTRIED, IMPEL_BLAME_SESSION, IMPEL_AT_BODY,
            "451 4.4.2 [internal] the connection has ended");

    if (s->over)
        return;
    s->over = true;
    s->speech->lost(s);
    while (s->jobs) {
        struct job *j = s->jobs;
        struct request *r = j->request;

        if (!r) {
            s->host->rest_done(j->batch, &untried);
            job_free(j);
            continue;
        }
        while (r->over)
            r++;
        request_ends(r, &untried);
    }
    s->host->closed(s->io, why);
}

void
session_fails(struct session *s, int blame, int stage, const char *text)
{
    struct impel_result r = outcome_internal(IMPEL_RETRY, blame, stage, text);

    session_over(s, &r);
}

/* --- the host --- */

static const struct speech *
speech_of(const struct apn *m, const struct impel_scope *scope, uint16_t port)
{
    int64_t protocol = m->host->opt_int(scope, OPT_PROTOCOL);

    if (protocol == PROTOCOL_AUTO)
        protocol = port == APN_BINARY_PORT ? PROTOCOL_BINARY : PROTOCOL_HTTP2;
    return protocol == PROTOCOL_BINARY ? &binary_speech : &http_speech;
}

static int
session_open(void *ctx, struct impel_session *io,
    const struct impel_scope *scope, const struct impel_peer *peer, void **sp,
    struct impel_error *e)
{
    struct apn *m = ctx;
    uint16_t port =
        peer->port ? peer->port : (uint16_t)m->host->opt_int(scope, OPT_PORT);
    const struct speech *speech = speech_of(m, scope, port);
    struct session *s = calloc(1, speech->size);
    struct impel_dial dial = {.size = sizeof(dial),
        .port = port,
        .tls = IMPEL_TLS_NOW,
        .alpn = speech->alpn};
    int rc;

    if (!s) {
        e->code = IMPEL_E_NOMEM;
        (void)snprintf(e->text, sizeof(e->text), "no memory");
        return IMPEL_E_NOMEM;
    }
    s->speech = speech;
    s->module = m;
    s->host = m->host;
    s->io = io;
    s->scope = scope;
    s->name = peer->host;
    s->port = port;
    s->wait = m->host->opt_int(scope, OPT_RESPONSE_TIMEOUT);
    rc = m->host->dial(io, &dial, e);
    if (rc < 0) {
        free(s);
        return rc;
    }
    m->host->timer(
        io, TIMER_CONNECT, m->host->opt_int(scope, OPT_CONNECT_TIMEOUT));
    *sp = s;
    return 0;
}

static void
session_lost(struct session *s)
{
    char text[OUTCOME_TEXT];
    struct impel_result why;

    if (s->leaving)
        session_over(s, NULL);
    else if (s->up && !s->ready)
        session_fails(s, IMPEL_BLAME_HOST, IMPEL_AT_TLS,
            "451 4.7.5 [internal] closed right behind the handshake, as by a "
            "server that does not take our certificate");
    else if (s->up)
        session_fails(s, IMPEL_BLAME_SESSION, IMPEL_AT_FINAL,
            "451 4.4.2 [internal] connection closed by remote host");
    else {
        why = outcome_unconnected(s->host, s->io, text);
        session_over(s, &why);
    }
}

static void
session_timer(struct session *s, int64_t number)
{
    if (number == TIMER_CONNECT)
        session_fails(s, IMPEL_BLAME_HOST, IMPEL_AT_CONNECT,
            "451 4.4.1 [internal] no connection in time");
    else if (number == TIMER_READ)
        session_reads(s);
    else
        s->speech->timer(s, number);
}

static void
session_event(void *sp, struct impel_batch *b, int event, int64_t arg)
{
    struct session *s = sp;

    if (s->over)
        return;
    switch (event) {
    case IMPEL_EV_CONNECTED:
        s->speech->connected(s);
        break;
    case IMPEL_EV_INPUT:
        s->speech->input(s);
        break;
    case IMPEL_EV_DRAINED:
        s->speech->drained(s);
        break;
    case IMPEL_EV_BODY:
        job_goes_on(s->host->batch_get(b));
        break;
    case IMPEL_EV_TIMER:
        session_timer(s, arg);
        break;
    case IMPEL_EV_LOST:
        if (s->up)
            s->speech->input(s); /* the last answers */
        if (!s->over)
            session_lost(s);
        break;
    default:
        break;
    }
}

static void
session_deliver(
    void *sp, struct impel_batch *b, const struct impel_envelope *envelope)
{
    struct session *s = sp;
    struct push_want want = notice_want(s->module, s->scope, b);
    struct job *j = calloc(1, sizeof(*j));

    if (j)
        j->push = push_new(&want);
    if (!j || !j->push) {
        struct impel_result r =
            outcome_internal(IMPEL_UNTRIED, IMPEL_BLAME_SESSION, IMPEL_AT_BODY,
                "451 4.3.0 [internal] no memory");

        free(j);
        s->host->rest_done(b, &r);
        return;
    }
    j->session = s;
    j->batch = b;
    j->envelope = envelope;
    j->next = s->jobs;
    if (j->next)
        j->next->prev = &j->next;
    j->prev = &s->jobs;
    s->jobs = j;
    s->host->batch_set(b, j);
    job_goes_on(j);
}

static void
session_cancel(void *sp, struct impel_batch *b)
{
    struct session *s = sp;
    struct job *j = s->host->batch_get(b);
    struct impel_result r = outcome_internal(IMPEL_UNTRIED, IMPEL_BLAME_SESSION,
        IMPEL_AT_FINAL, "451 4.4.2 [internal] cancelled");
    struct request *q = j->request;

    if (!q) {
        s->host->rest_done(b, &r);
        job_free(j);
        return;
    }
    for (size_t i = 0, left = j->left; left > 0; i++) {
        if (q[i].over)
            continue;
        r.flags = s->speech->forget(s, &q[i]) ? IMPEL_UNCERTAIN : 0;
        r.verdict = r.flags ? IMPEL_RETRY : IMPEL_UNTRIED;
        left--;
        request_ends(&q[i], &r);
    }
    session_watch(s);
    s->speech->flush(s);
}

static void
session_probe(void *sp)
{
    struct session *s = sp;

    s->speech->probe(s);
}

static void
session_close(void *sp, int now)
{
    struct session *s = sp;

    if (s->over)
        return;
    s->leaving = true;
    if (now || !s->up)
        session_over(s, NULL);
    else
        s->speech->close(s);
}

static void
session_release(void *sp)
{
    struct session *s = sp;

    s->speech->fini(s);
    free(s);
}

const struct impel_transport apn_transport = {
    .size = sizeof(struct impel_transport),
    .open = session_open,
    .event = session_event,
    .deliver = session_deliver,
    .cancel = session_cancel,
    .probe = session_probe,
    .close = session_close,
    .release = session_release,
};
