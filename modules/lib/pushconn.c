/* SPDX-License-Identifier: Apache-2.0
 *
 * pushconn.c - a connection to a push service: opened, lent messages, ended.
 */
#include "pushconn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "line.h"
#include "outcome.h"

int64_t
pushconn_wall(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- requests --- */

void
pushconn_watch(struct pushconn *c)
{
    int64_t after = -1;

    if (c->first) {
        after = c->first->since + c->wait - c->host->now();
        after = after < 0 ? 0 : after;
    }
    c->host->timer(c->io, PUSHCONN_ANSWER, after);
}

/* At the end of a line; last: of the one that ends there. */
static void
line_add(struct pushconn_request **first, struct pushconn_request ***last,
    struct pushconn_request *r)
{
    r->next = NULL;
    if (!*first)
        *last = first;
    r->prev = *last;
    **last = r;
    *last = &r->next;
}

static void
line_leave(struct pushconn_request *r)
{
    struct pushconn *c = r->job->conn;

    if (!r->prev)
        return;
    if (r->next)
        r->next->prev = r->prev;
    else if (c->last == &r->next)
        c->last = r->prev;
    else
        c->todo_last = r->prev;
    *r->prev = r->next;
    r->prev = NULL;
}

void
pushconn_puts_off(struct pushconn_request *r)
{
    struct pushconn *c = r->job->conn;

    line_leave(r);
    r->id = 0;
    line_add(&c->todo, &c->todo_last, r);
}

struct pushconn_request *
pushconn_next(struct pushconn *c)
{
    struct pushconn_request *r = c->todo;

    if (r)
        line_leave(r);
    return r;
}

bool
pushconn_was_sent(struct pushconn_request *r)
{
    if (r->id || !r->prev)
        return r->id != 0;
    line_leave(r);
    return false;
}

void
pushconn_waits(struct pushconn_request *r)
{
    struct pushconn *c = r->job->conn;

    line_leave(r);
    r->since = c->host->now();
    line_add(&c->first, &c->last, r);
    if (c->first == r)
        pushconn_watch(c);
}

static void
job_free(struct pushconn_job *j)
{
    *j->prev = j->next;
    if (j->next)
        j->next->prev = j->prev;
    push_free(j->push);
    j->conn->service->notice_fini(j->notice);
    free(j->notice);
    free(j->request);
    free(j->devices);
    free(j);
}

void
pushconn_ends(struct pushconn_request *r, const struct impel_result *result)
{
    struct pushconn_job *j = r->job;
    struct pushconn *c = j->conn;

    if (r->over)
        return;
    r->over = true;
    line_leave(r);
    j->left--;
    if (result->flags & IMPEL_UNCERTAIN)
        c->host->count(c->instance, c->service->counter.uncertain, 1);
    for (size_t i = 0; i < r->rcpts; i++)
        c->host->rcpt_done(j->batch, r->rcpt + i, result);
    if (!j->left)
        job_free(j);
}

void
pushconn_cannot(
    struct pushconn_request *r, int verdict, int blame, const char *text)
{
    struct impel_result result =
        outcome_internal(verdict, blame, IMPEL_AT_BODY, text);

    pushconn_ends(r, &result);
}

void
pushconn_answered(struct pushconn_request *r, const struct impel_result *result,
    const char *key, struct impel_str id)
{
    struct pushconn *c = r->job->conn;
    struct impel_result whole = *result;
    struct impel_pair info = {line_str(key), id};

    if (whole.verdict == IMPEL_DELIVERED)
        c->host->count(
            c->instance, c->service->counter.delivered, (int64_t)r->rcpts);
    if (id.n && !whole.info_count) {
        whole.info = &info;
        whole.info_count = 1;
    }
    pushconn_ends(r, &whole);
}

size_t
pushconn_late(struct pushconn *c)
{
    struct impel_result late =
        outcome_internal(IMPEL_RETRY, IMPEL_BLAME_SESSION, IMPEL_AT_FINAL,
            "451 4.4.2 [internal] no answer in time");
    int64_t now = c->host->now();
    size_t n = 0;

    for (; c->first && c->first->since + c->wait <= now; n++) {
        struct pushconn_request *r = c->first;

        c->host->count(c->instance, c->service->counter.timeouts, 1);
        late.flags = c->speech->forget(c, r) ? IMPEL_UNCERTAIN : 0;
        late.verdict = late.flags ? IMPEL_RETRY : IMPEL_UNTRIED;
        pushconn_ends(r, &late);
    }
    return n;
}

struct impel_str
pushconn_rcpt(const struct pushconn_request *r)
{
    return r->job->envelope->rcpt[r->rcpt]->address;
}

/* --- jobs --- */

/* Of a job that has no requests. */
static void
job_fails(struct pushconn_job *j, const char *text)
{
    struct impel_result r =
        outcome_internal(text[0] == '5' ? IMPEL_FAILED : IMPEL_RETRY,
            strncmp(text + 4, "5.1.3", 5) == 0 ? IMPEL_BLAME_RCPT
                                               : IMPEL_BLAME_MESSAGE,
            IMPEL_AT_BODY, text);

    j->conn->host->rest_done(j->batch, &r);
    job_free(j);
}

static struct impel_str
local_of(const struct impel_rcpt *r)
{
    struct impel_str s = r->address;
    const char *at = s.n ? memrchr(s.p, '@', s.n) : NULL;

    if (at)
        s.n = (size_t)(at - s.p);
    return s;
}

/* The devices of all recipients, one behind the other. */
static bool
job_devices(struct pushconn_job *j)
{
    const struct impel_envelope *e = j->envelope;
    size_t room = 1;
    char *to;

    for (size_t i = 0; i < e->rcpt_count; i++)
        room += local_of(e->rcpt[i]).n + 1;
    to = j->devices = calloc(room, 1);
    for (size_t i = 0; to && i < e->rcpt_count; i++) {
        struct impel_str local = local_of(e->rcpt[i]);

        if (!j->conn->service->device(j->conn, local, to))
            *to = '\0';
        j->request[i].device = to;
        to += local.n + 1;
    }
    return to != NULL;
}

/* One request for the device that the message names, or one for each recipient
 * whose address is a device. */
static bool
job_split(struct pushconn_job *j, const char *device)
{
    size_t rcpts = j->envelope->rcpt_count;
    bool one = device && device[0];

    j->count = one ? 1 : rcpts;
    j->request = calloc(j->count, sizeof(*j->request));
    if (!j->request)
        return false;
    for (size_t i = 0; i < j->count; i++)
        j->request[i] = (struct pushconn_request){
            .job = j, .rcpt = i, .rcpts = one ? rcpts : 1, .device = device};
    j->left = j->count;
    if (one || job_devices(j))
        return true;
    free(j->request);
    j->request = NULL;
    return false;
}

static void
job_send(struct pushconn_job *j)
{
    struct pushconn *c = j->conn;
    struct pushconn_request *r = j->request;

    /* the last that ends takes the job with it */
    for (size_t i = 0, n = j->count; i < n && !c->over; i++) {
        if (r[i].device[0])
            c->speech->send(c, &r[i]);
        else
            pushconn_cannot(&r[i], IMPEL_FAILED, IMPEL_BLAME_RCPT,
                "550 5.1.3 [internal] neither the message nor the address "
                "names a device");
    }
}

/* What was read is enough.  NULL, or why nothing can be sent. */
static const char *
job_make(struct pushconn_job *j)
{
    struct pushconn *c = j->conn;
    struct pushconn_made made = {NULL, false};
    struct push_found found;
    const char *wrong = push_end(j->push, &found);

    if (wrong)
        return wrong;
    wrong = c->service->notice(c, j, &found, &made);
    if (!wrong && !job_split(j, made.device))
        wrong = "451 4.3.0 [internal] no memory";
    if (!wrong && made.converted)
        c->host->count(c->instance, c->service->counter.converted, 1);
    return wrong;
}

/* Its message is read as far as it is there, and sent if that was enough. */
static void
job_goes_on(struct pushconn_job *j)
{
    struct pushconn *c = j->conn;
    const char *wrong;
    int rc = push_read(j->push, c->host, j->batch, &j->at);

    if (rc == IMPEL_E_AGAIN)
        return;
    if (rc == IMPEL_E_FULL) {
        j->more = true;
        c->host->timer(c->io, PUSHCONN_READ, 0);
        return;
    }
    wrong = rc < 0 ? "451 4.3.0 [internal] the message cannot be read"
                   : job_make(j);
    if (wrong) {
        job_fails(j, wrong);
    } else {
        push_free(j->push);
        j->push = NULL;
        job_send(j);
    }
    if (!c->over)
        c->speech->flush(c);
}

/* One of those that are long. */
static void
conn_reads(struct pushconn *c)
{
    struct pushconn_job *j = c->jobs, *next;

    while (j && !j->more)
        j = j->next;
    if (!j)
        return;
    for (next = j->next; next && !next->more;)
        next = next->next;
    if (next)
        c->host->timer(c->io, PUSHCONN_READ, 0);
    j->more = false;
    job_goes_on(j);
}

/* --- the end --- */

void
pushconn_over(struct pushconn *c, const struct impel_result *why)
{
    struct impel_result untried =
        outcome_internal(IMPEL_UNTRIED, IMPEL_BLAME_SESSION, IMPEL_AT_BODY,
            "451 4.4.2 [internal] the connection has ended");

    if (c->over)
        return;
    c->over = true;
    c->speech->lost(c);
    while (c->jobs) {
        struct pushconn_job *j = c->jobs;
        struct pushconn_request *r = j->request;

        if (!r) {
            c->host->rest_done(j->batch, &untried);
            job_free(j);
            continue;
        }
        while (r->over)
            r++;
        pushconn_ends(r, &untried);
    }
    c->host->closed(c->io, why);
}

void
pushconn_fails(struct pushconn *c, int blame, int stage, const char *text)
{
    struct impel_result r = outcome_internal(IMPEL_RETRY, blame, stage, text);

    pushconn_over(c, &r);
}

/* --- the host --- */

int
pushconn_open(const struct pushconn_open *how, struct impel_session *io,
    struct pushconn **to, struct impel_error *e)
{
    struct pushconn *c = calloc(1, how->speech->size);
    struct impel_dial dial = {.size = sizeof(dial),
        .port = how->port,
        .tls = IMPEL_TLS_NOW,
        .alpn = how->speech->alpn};
    int rc;

    if (!c) {
        return outcome_refuse(e, IMPEL_E_NOMEM, "no memory");
    }
    c->speech = how->speech;
    c->service = how->service;
    c->module = how->module;
    c->host = how->host;
    c->instance = how->instance;
    c->io = io;
    c->scope = how->scope;
    c->name = how->peer->host;
    c->port = how->port;
    c->wait = how->answer_wait;
    rc = c->host->dial(io, &dial, e);
    if (rc < 0) {
        free(c);
        return rc;
    }
    c->host->timer(io, PUSHCONN_CONNECT, how->connect_wait);
    *to = c;
    return 0;
}

static void
conn_lost(struct pushconn *c)
{
    char text[OUTCOME_TEXT];
    struct impel_result why;

    if (c->leaving)
        pushconn_over(c, NULL);
    else if (c->up && !c->ready)
        pushconn_fails(c, IMPEL_BLAME_HOST, IMPEL_AT_TLS,
            "451 4.7.5 [internal] closed right behind the handshake, as by a "
            "server that does not take our certificate");
    else if (c->up)
        pushconn_fails(c, IMPEL_BLAME_SESSION, IMPEL_AT_FINAL,
            "451 4.4.2 [internal] connection closed by remote host");
    else {
        why = outcome_unconnected(c->host, c->io, text);
        pushconn_over(c, &why);
    }
}

static void
conn_timer(struct pushconn *c, int64_t number)
{
    if (number == PUSHCONN_CONNECT)
        pushconn_fails(c, IMPEL_BLAME_HOST, IMPEL_AT_CONNECT,
            "451 4.4.1 [internal] no connection in time");
    else if (number == PUSHCONN_READ)
        conn_reads(c);
    else
        c->speech->timer(c, number);
}

void
pushconn_event(void *s, struct impel_batch *b, int event, int64_t arg)
{
    struct pushconn *c = s;

    if (c->over)
        return;
    switch (event) {
    case IMPEL_EV_CONNECTED:
        c->speech->connected(c);
        break;
    case IMPEL_EV_INPUT:
        c->speech->input(c);
        break;
    case IMPEL_EV_DRAINED:
        if (!b)
            c->speech->drained(c);
        break;
    case IMPEL_EV_BODY:
        job_goes_on(c->host->batch_get(b));
        break;
    case IMPEL_EV_TIMER:
        conn_timer(c, arg);
        break;
    case IMPEL_EV_WAKE:
        if (c->speech->woken)
            c->speech->woken(c, arg);
        break;
    case IMPEL_EV_LOST:
        if (c->up)
            c->speech->input(c); /* the last answers */
        if (!c->over)
            conn_lost(c);
        break;
    default:
        break;
    }
}

static struct pushconn_job *
job_new(struct pushconn *c, struct impel_batch *b)
{
    struct push_want want = c->service->want(c, b);
    struct pushconn_job *j = calloc(1, sizeof(*j));

    if (!j)
        return NULL;
    j->push = push_new(&want);
    j->notice = calloc(1, c->service->notice_size);
    if (j->push && j->notice)
        return j;
    push_free(j->push);
    free(j->notice);
    free(j);
    return NULL;
}

void
pushconn_deliver(
    void *s, struct impel_batch *b, const struct impel_envelope *envelope)
{
    struct pushconn *c = s;
    struct pushconn_job *j = job_new(c, b);

    if (!j) {
        struct impel_result r =
            outcome_internal(IMPEL_UNTRIED, IMPEL_BLAME_SESSION, IMPEL_AT_BODY,
                "451 4.3.0 [internal] no memory");

        c->host->rest_done(b, &r);
        return;
    }
    j->conn = c;
    j->batch = b;
    j->envelope = envelope;
    j->next = c->jobs;
    if (j->next)
        j->next->prev = &j->next;
    j->prev = &c->jobs;
    c->jobs = j;
    c->host->batch_set(b, j);
    job_goes_on(j);
}

void
pushconn_cancel(void *s, struct impel_batch *b)
{
    struct pushconn *c = s;
    struct pushconn_job *j = c->host->batch_get(b);
    struct impel_result r = outcome_internal(IMPEL_UNTRIED, IMPEL_BLAME_SESSION,
        IMPEL_AT_FINAL, "451 4.4.2 [internal] cancelled");
    struct pushconn_request *q = j->request;
    size_t left = j->left; /* none while it is read */

    if (!q) {
        c->host->rest_done(b, &r);
        job_free(j);
    }
    for (size_t i = 0; left > 0; i++) {
        if (q[i].over)
            continue;
        r.flags = c->speech->forget(c, &q[i]) ? IMPEL_UNCERTAIN : 0;
        r.verdict = r.flags ? IMPEL_RETRY : IMPEL_UNTRIED;
        left--;
        pushconn_ends(&q[i], &r);
    }
    pushconn_watch(c);
    c->speech->flush(c);
}

void
pushconn_probe(void *s)
{
    struct pushconn *c = s;

    c->speech->probe(c);
}

void
pushconn_close(void *s, int now)
{
    struct pushconn *c = s;

    if (c->over)
        return;
    c->leaving = true;
    if (now || !c->up)
        pushconn_over(c, NULL);
    else
        c->speech->close(c);
}

void
pushconn_release(void *s)
{
    struct pushconn *c = s;

    c->speech->fini(c);
    free(c);
}
