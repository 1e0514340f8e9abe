/* SPDX-License-Identifier: Apache-2.0
 *
 * pushh2.c - notifications by HTTP/2.
 */
#include "pushh2.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authority.h"
#include "line.h"
#include "outcome.h"

enum { PING_MS = 5000 };

static struct pushh2 *
h2_of(struct pushconn *c)
{
    return (struct pushh2 *)c;
}

static const struct pushh2_half *
half_of(const struct pushconn *c)
{
    return &((const struct pushh2_speech *)c->speech)->half;
}

/* --- what the host is told --- */

/* A batch may be many requests: while some of them have no stream, no more
 * batches are taken than are there. */
static void
h2_ready(struct pushh2 *h)
{
    struct pushconn *c = &h->base;
    uint32_t open = h->asked || h->held ? 0 : h->room;

    if (c->todo && open)
        open = h->full = 1;
    else
        h->full = 0;
    if (!c->over && !h->draining && !c->leaving)
        c->host->ready(c->io, open);
}

static void
h2_ends_if_over(struct pushh2 *h)
{
    struct pushconn *c = &h->base;

    if (c->over)
        return;
    if (h2_is_over(h->h2)) {
        if (c->leaving || h->draining)
            pushconn_over(c, NULL);
        else
            pushconn_fails(c, IMPEL_BLAME_HOST, IMPEL_AT_FINAL,
                "451 4.5.0 [internal] the server breaks the rules of HTTP/2");
    } else if ((c->leaving || h->draining) && !h2_open(h->h2) && !c->jobs) {
        h2_goodbye(h->h2);
        (void)h2_flush(h->h2);
        pushconn_over(c, NULL);
    }
}

/* Those that had no stream, as far as there are some now. */
static void
h2_go_on(struct pushh2 *h)
{
    struct pushconn *c = &h->base;

    while (c->todo && !c->over && !h->held && h2_open(h->h2) < h->room)
        half_of(c)->send(c, pushconn_next(c));
    if (h->full && !c->todo)
        h2_ready(h);
}

void
pushh2_flush(struct pushconn *c)
{
    struct pushh2 *h = h2_of(c);
    int rc;

    if (c->over || !c->up)
        return;
    h2_go_on(h);
    rc = h2_flush(h->h2);
    if (rc < 0 && rc != IMPEL_E_FULL) {
        pushconn_fails(c, IMPEL_BLAME_SESSION, IMPEL_AT_FINAL,
            "451 4.4.2 [internal] connection closed by remote host");
        return;
    }
    h2_ends_if_over(h);
}

static void
h2_ask(struct pushh2 *h)
{
    struct pushconn *c = &h->base;

    if (h->asked)
        return;
    h->asked = true;
    h2_ready(h);
    h2_ping(h->h2);
    c->host->timer(c->io, PUSHCONN_PING, PING_MS);
}

void
pushh2_hold(struct pushconn *c, bool hold)
{
    struct pushh2 *h = h2_of(c);

    if (h->held == hold)
        return;
    h->held = hold;
    if (h->room)
        h2_ready(h);
}

/* --- requests --- */

void
pushh2_request(
    struct pushconn *c, struct pushconn_request *r, struct h2_request *q)
{
    struct pushh2 *h = h2_of(c);
    const struct impel_str none = {NULL, 0};
    char authority[AUTHORITY_MOST];
    int32_t id;

    authority_of(authority, none, c->name, c->port, 443);
    q->scheme = line_str("https");
    q->authority = line_str(authority);
    id = h2_request(h->h2, q, r);
    if (id > 0) {
        r->id = (uint32_t)id;
        pushconn_waits(r);
    } else if (id == IMPEL_E_INVAL) {
        pushconn_cannot(r, IMPEL_FAILED, IMPEL_BLAME_MESSAGE,
            "550 5.6.0 [internal] a field that HTTP does not allow");
    } else {
        pushconn_cannot(r, IMPEL_UNTRIED, IMPEL_BLAME_SESSION,
            "451 4.4.2 [internal] the connection takes no more");
        h->draining = true;
        c->host->draining(c->io);
    }
}

void
pushh2_leave(struct pushconn *c)
{
    struct pushh2 *h = h2_of(c);

    if (!h->draining)
        c->host->draining(c->io);
    h->draining = true;
    h2_goodbye(h->h2);
}

bool
pushh2_may_again(const struct pushconn *c)
{
    return !c->over && !((const struct pushh2 *)c)->draining;
}

void
pushh2_send(struct pushconn *c, struct pushconn_request *r)
{
    struct pushh2 *h = h2_of(c);

    if (!c->todo && !h->held && h2_open(h->h2) < h->room) {
        half_of(c)->send(c, r);
        return;
    }
    pushconn_puts_off(r);
    if (!h->full)
        h2_ready(h);
}

bool
pushh2_forget(struct pushconn *c, struct pushconn_request *r)
{
    return pushconn_was_sent(r) && h2_forget(h2_of(c)->h2, (int32_t)r->id);
}

static void
h2_broken(struct pushconn_request *r, const struct h2_answer *a)
{
    struct pushconn *c = r->job->conn;
    struct impel_result result;
    char text[120];

    if (a->end == H2_UNTOUCHED) {
        c->host->count(c->instance, c->service->counter.untouched, 1);
        pushconn_cannot(r, IMPEL_UNTRIED, IMPEL_BLAME_SESSION,
            "451 4.4.2 [internal] the server has not begun with it");
        return;
    }
    (void)snprintf(text, sizeof(text),
        "451 4.4.2 [internal] the stream was reset (error %u)", a->error);
    result = outcome_internal(IMPEL_RETRY, IMPEL_BLAME_SESSION, IMPEL_AT_FINAL,
        c->over ? "451 4.4.2 [internal] the connection has ended without an "
                  "answer"
                : text);
    result.flags = IMPEL_UNCERTAIN;
    pushconn_ends(r, &result);
}

static void
h2_answered(void *arg, void *mark, const struct h2_answer *a)
{
    struct pushh2 *h = arg;
    struct pushconn_request *r = mark;

    if (a->end == H2_ANSWERED)
        half_of(&h->base)->answered(&h->base, r, a);
    else
        h2_broken(r, a);
}

static void
h2_has_room(void *arg, uint32_t streams)
{
    struct pushh2 *h = arg;

    h->base.host->timer(h->base.io, PUSHCONN_CONNECT, -1);
    h->base.ready = true;
    h->room = streams;
    h2_ready(h);
}

static void
h2_goes_away(void *arg, uint32_t error, struct impel_str words)
{
    struct pushh2 *h = arg;
    struct pushconn *c = &h->base;
    size_t n = 0;

    while (n < words.n && n < 200 && words.p[n] >= ' ' && words.p[n] <= '~')
        n++;
    c->host->log(c->instance, c->io, error ? IMPEL_LOG_NOTICE : IMPEL_LOG_INFO,
        "GOAWAY, error %u: %.*s", error, (int)n, n ? words.p : "");
    c->host->count(c->instance, c->service->counter.goaways, 1);
    if (!h->draining)
        c->host->draining(c->io);
    h->draining = true;
}

static void
h2_pong(void *arg)
{
    struct pushh2 *h = arg;

    if (!h->asked)
        return;
    h->asked = false;
    h->base.host->timer(h->base.io, PUSHCONN_PING, -1);
    h2_ready(h);
}

static const struct h2_calls h2_calls_of = {
    h2_answered, h2_has_room, h2_goes_away, h2_pong};

/* --- events --- */

void
pushh2_connected(struct pushconn *c)
{
    struct pushh2 *h = h2_of(c);
    const char *fault = h2_fault(c->host, c->io);

    if (fault) {
        pushconn_fails(c, IMPEL_BLAME_HOST, IMPEL_AT_TLS, fault);
        return;
    }
    h->h2 = h2_new(c->host, c->io, &h2_calls_of, h);
    if (!h->h2) {
        pushconn_fails(c, IMPEL_BLAME_SESSION, IMPEL_AT_HELLO,
            "451 4.3.0 [internal] no memory");
        return;
    }
    c->up = true;
    pushh2_flush(c);
}

void
pushh2_input(struct pushconn *c)
{
    struct pushh2 *h = h2_of(c);
    const char *why = NULL;
    char text[200];

    if (h2_input(h->h2, &why) < 0) {
        (void)snprintf(text, sizeof(text),
            "451 4.5.0 [internal] the server breaks the rules of HTTP/2: %s",
            why);
        pushconn_fails(c, IMPEL_BLAME_HOST, IMPEL_AT_FINAL, text);
        return;
    }
    pushh2_flush(c);
}

void
pushh2_timer(struct pushconn *c, int64_t number)
{
    struct pushh2 *h = h2_of(c);

    if (number == PUSHCONN_PING) {
        pushconn_fails(c, IMPEL_BLAME_HOST, IMPEL_AT_FINAL,
            "451 4.4.2 [internal] no answer to PING");
        return;
    }
    if (pushconn_late(c))
        h2_ask(h);
    pushconn_watch(c);
    pushh2_flush(c);
}

void
pushh2_probe(struct pushconn *c)
{
    struct pushh2 *h = h2_of(c);

    h->asked = false;
    h2_ask(h);
    pushh2_flush(c);
}

void
pushh2_lost(struct pushconn *c)
{
    struct pushh2 *h = h2_of(c);

    if (h->h2)
        h2_end(h->h2);
}

void
pushh2_fini(struct pushconn *c)
{
    h2_free(h2_of(c)->h2);
}
