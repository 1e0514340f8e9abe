/* SPDX-License-Identifier: Apache-2.0
 *
 * http.c - the HTTP/2 provider API: a request for each notification, as many at
 * once as Apple's settings allow.
 *
 * An answer that does not come in time costs its message an attempt, and makes
 * us ask whether the connection is still alive; nothing more is taken until it
 * says so.
 */
#include "session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PING_MS = 5000, FIELDS = 7 };
struct http {
    struct session base;
    struct h2 *h2;
    uint32_t room;
    bool asked;    /* a PING is out, and nothing is taken meanwhile */
    bool draining; /* GOAWAY */
    bool full;     /* more requests than streams */
};

static struct http *
http_of(struct session *s)
{
    return (struct http *)s;
}

/* --- what the host is told --- */

/* A batch may be many requests: while some of them have no stream, no more
 * batches are taken than are there. */
static void
http_ready(struct http *h)
{
    struct session *s = &h->base;
    uint32_t open = h->asked ? 0 : h->room;

    if (s->todo && !h->asked)
        open = h->full = 1;
    else
        h->full = 0;
    if (!s->over && !h->draining && !s->leaving)
        s->host->ready(s->io, open);
}

static void
http_ends_if_over(struct http *h)
{
    struct session *s = &h->base;

    if (s->over)
        return;
    if (h2_is_over(h->h2)) {
        if (s->leaving || h->draining)
            session_over(s, NULL);
        else
            session_fails(s, IMPEL_BLAME_HOST, IMPEL_AT_FINAL,
                "451 4.5.0 [internal] the server breaks the rules of HTTP/2");
    } else if ((s->leaving || h->draining) && !h2_open(h->h2) && !s->jobs) {
        h2_goodbye(h->h2);
        (void)h2_flush(h->h2);
        session_over(s, NULL);
    }
}

static void http_go_on(struct http *h);

static void
http_flush(struct session *s)
{
    struct http *h = http_of(s);
    int rc;

    if (s->over || !s->up)
        return;
    http_go_on(h);
    rc = h2_flush(h->h2);
    if (rc < 0 && rc != IMPEL_E_FULL) {
        session_fails(s, IMPEL_BLAME_SESSION, IMPEL_AT_FINAL,
            "451 4.4.2 [internal] connection closed by remote host");
        return;
    }
    http_ends_if_over(h);
}

static void
http_ask(struct http *h)
{
    struct session *s = &h->base;

    if (h->asked)
        return;
    h->asked = true;
    http_ready(h);
    h2_ping(h->h2);
    s->host->timer(s->io, TIMER_PING, PING_MS);
}

/* --- requests --- */

static struct provider_key
http_key(const struct session *s)
{
    return (struct provider_key){
        .pem = s->host->opt_str(s->scope, OPT_AUTH_KEY, 0),
        .key_id = s->host->opt_str(s->scope, OPT_KEY_ID, 0),
        .team_id = s->host->opt_str(s->scope, OPT_TEAM_ID, 0)};
}

static size_t
put_field(struct h2_field *to, size_t n, const char *name, const char *value,
    bool varies)
{
    if (!value[0])
        return n;
    to[n] = (struct h2_field){line_str(name), line_str(value), varies};
    return n + 1;
}

static size_t
http_fields(const struct notice *n, const char *authorization,
    char expiration[24], struct h2_field to[FIELDS])
{
    size_t count = 0;

    (void)snprintf(expiration, 24, "%lld", (long long)n->expiration);
    count = put_field(to, count, "authorization", authorization, false);
    count = put_field(to, count, "apns-topic", n->topic, false);
    count = put_field(to, count, "apns-push-type", n->push_type, false);
    count = put_field(to, count, "apns-priority", n->priority, false);
    count = put_field(to, count, "apns-expiration", expiration, true);
    count = put_field(to, count, "apns-collapse-id", n->collapse_id, true);
    return put_field(to, count, "apns-id", n->id, true);
}

/* false: *why says what is wrong with the key. */
static bool
http_authorize(struct session *s, struct request *r,
    char to[PROVIDER_TOKEN_MOST], const char **why)
{
    struct provider_key key = http_key(s);

    to[0] = '\0';
    *why = NULL;
    if (!key.pem.n) /* the certificate says who we are */
        return true;
    r->provider_token =
        provider_token(&s->module->provider, &key, session_wall(), to, why);
    return r->provider_token != 0;
}

static void
request_cannot(struct request *r, int verdict, int blame, const char *text)
{
    char whole[300];
    struct impel_result result;

    (void)snprintf(whole, sizeof(whole), "%s", text);
    result = outcome_internal(verdict, blame, IMPEL_AT_BODY, whole);
    request_ends(r, &result);
}

static void
http_request(struct session *s, struct request *r)
{
    struct http *h = http_of(s);
    const struct notice *n = &r->job->notice;
    char token[PROVIDER_TOKEN_MOST], expiration[24], authority[280];
    char path[NOTICE_TOKEN_MOST + 16], text[200];
    struct h2_field field[FIELDS];
    const char *why;
    struct h2_request q = {.method = line_str("POST"),
        .scheme = line_str("https"),
        .body = {n->payload, n->payload_n}};
    int32_t id;

    if (!http_authorize(s, r, token, &why)) {
        (void)snprintf(text, sizeof(text), "451 4.7.8 [internal] %s", why);
        request_cannot(r, IMPEL_RETRY, IMPEL_BLAME_ROUTE, text);
        return;
    }
    (void)snprintf(path, sizeof(path), "/3/device/%s", r->token);
    (void)snprintf(authority, sizeof(authority),
        s->port == 443 ? "%.*s" : "%.*s:%u",
        s->name.n > 255 ? 255 : (int)s->name.n, s->name.p, s->port);
    q.path = line_str(path);
    q.authority = line_str(authority);
    q.field = field;
    q.field_count = http_fields(n, token, expiration, field);
    id = h2_request(h->h2, &q, r);
    if (id > 0) {
        r->id = (uint32_t)id;
        request_waits(r);
    } else if (id == IMPEL_E_INVAL) {
        request_cannot(r, IMPEL_FAILED, IMPEL_BLAME_MESSAGE,
            "550 5.6.0 [internal] a field that HTTP does not allow");
    } else {
        request_cannot(r, IMPEL_UNTRIED, IMPEL_BLAME_SESSION,
            "451 4.4.2 [internal] the connection takes no more");
        h->draining = true;
        s->host->draining(s->io);
    }
}

static void
http_send(struct session *s, struct request *r)
{
    struct http *h = http_of(s);

    if (!s->todo && h2_open(h->h2) < h->room) {
        http_request(s, r);
        return;
    }
    request_puts_off(r);
    if (!h->full)
        http_ready(h);
}

/* Those that had no stream, as far as there are some now. */
static void
http_go_on(struct http *h)
{
    struct session *s = &h->base;

    while (s->todo && !s->over && h2_open(h->h2) < h->room)
        http_request(s, request_next(s));
    if (h->full && !s->todo)
        http_ready(h);
}

static bool
http_forget(struct session *s, struct request *r)
{
    return request_was_sent(r) && h2_forget(http_of(s)->h2, (int32_t)r->id);
}

/* Apple wants a newer token: once more with it, on this connection. */
static bool
http_again(struct http *h, struct request *r)
{
    struct session *s = &h->base;
    struct provider_key key = http_key(s);

    if (r->again || h->draining || s->over || !r->provider_token ||
        !provider_expired(
            &s->module->provider, &key, r->provider_token, session_wall()))
        return false;
    s->host->count(s->module->instance, COUNT_TOKENS, 1);
    r->again = true;
    return true;
}

static void
http_broken(struct request *r, const struct h2_answer *a)
{
    struct session *s = r->job->session;
    struct impel_result result;
    char text[120];

    if (a->end == H2_UNTOUCHED) {
        s->host->count(s->module->instance, COUNT_UNTOUCHED, 1);
        request_cannot(r, IMPEL_UNTRIED, IMPEL_BLAME_SESSION,
            "451 4.4.2 [internal] the server has not begun with it");
        return;
    }
    (void)snprintf(text, sizeof(text),
        "451 4.4.2 [internal] the stream was reset (error %u)", a->error);
    result = outcome_internal(IMPEL_RETRY, IMPEL_BLAME_SESSION, IMPEL_AT_FINAL,
        s->over ? "451 4.4.2 [internal] the connection has ended without an "
                  "answer"
                : text);
    result.flags = IMPEL_UNCERTAIN;
    request_ends(r, &result);
}

static void
http_answer(void *arg, void *mark, const struct h2_answer *a)
{
    struct http *h = arg;
    struct request *r = mark;
    struct reason reason;

    if (a->end != H2_ANSWERED) {
        http_broken(r, a);
        return;
    }
    reason_of(a, session_wall(), &reason);
    if (reason.expired && http_again(h, r)) {
        http_request(&h->base, r);
        return;
    }
    request_answered(r, &reason, h2_header(a, "apns-id"));
}

static void
http_room(void *arg, uint32_t streams)
{
    struct http *h = arg;

    h->base.host->timer(h->base.io, TIMER_CONNECT, -1);
    h->base.ready = true;
    h->room = streams;
    http_ready(h);
}

static void
http_goaway(void *arg, uint32_t error, struct impel_str words)
{
    struct http *h = arg;
    struct session *s = &h->base;
    size_t n = 0;

    while (n < words.n && n < 200 && words.p[n] >= ' ' && words.p[n] <= '~')
        n++;
    s->host->log(s->module->instance, s->io, error ? 2 : 1,
        "GOAWAY, error %u: %.*s", error, (int)n, n ? words.p : "");
    s->host->count(s->module->instance, COUNT_GOAWAYS, 1);
    if (!h->draining)
        s->host->draining(s->io);
    h->draining = true;
}

static void
http_pong(void *arg)
{
    struct http *h = arg;

    if (!h->asked)
        return;
    h->asked = false;
    h->base.host->timer(h->base.io, TIMER_PING, -1);
    http_ready(h);
}

static const struct h2_calls http_calls = {
    http_answer, http_room, http_goaway, http_pong};

/* --- events --- */

static void
http_connected(struct session *s)
{
    struct http *h = http_of(s);
    const char *fault = h2_fault(s->host, s->io);

    if (fault) {
        session_fails(s, IMPEL_BLAME_HOST, IMPEL_AT_TLS, fault);
        return;
    }
    h->h2 = h2_new(s->host, s->io, &http_calls, h);
    if (!h->h2) {
        session_fails(s, IMPEL_BLAME_SESSION, IMPEL_AT_HELLO,
            "451 4.3.0 [internal] no memory");
        return;
    }
    s->up = true;
    http_flush(s);
}

static void
http_input(struct session *s)
{
    struct http *h = http_of(s);
    const char *why = NULL;
    char text[200];

    if (h2_input(h->h2, &why) < 0) {
        (void)snprintf(text, sizeof(text),
            "451 4.5.0 [internal] the server breaks the rules of HTTP/2: %s",
            why);
        session_fails(s, IMPEL_BLAME_HOST, IMPEL_AT_FINAL, text);
        return;
    }
    http_flush(s);
}

static void
http_time(struct session *s, int64_t number)
{
    struct http *h = http_of(s);
    struct impel_result late =
        outcome_internal(IMPEL_RETRY, IMPEL_BLAME_SESSION, IMPEL_AT_FINAL,
            "451 4.4.2 [internal] no answer in time");
    int64_t now = s->host->now();

    if (number == TIMER_PING) {
        session_fails(s, IMPEL_BLAME_HOST, IMPEL_AT_FINAL,
            "451 4.4.2 [internal] no answer to PING");
        return;
    }
    while (s->first && s->first->since + s->wait <= now) {
        struct request *r = s->first;

        s->host->count(s->module->instance, COUNT_TIMEOUTS, 1);
        late.flags = http_forget(s, r) ? IMPEL_UNCERTAIN : 0;
        late.verdict = late.flags ? IMPEL_RETRY : IMPEL_UNTRIED;
        request_ends(r, &late);
        http_ask(h);
    }
    session_watch(s);
    http_flush(s);
}

static void
http_probe(struct session *s)
{
    struct http *h = http_of(s);

    h->asked = false;
    http_ask(h);
    http_flush(s);
}

static void
http_lost(struct session *s)
{
    struct http *h = http_of(s);

    if (h->h2)
        h2_end(h->h2);
}

static void
http_fini(struct session *s)
{
    h2_free(http_of(s)->h2);
}

const struct speech http_speech = {
    .size = sizeof(struct http),
    .alpn = h2_alpn,
    .connected = http_connected,
    .input = http_input,
    .drained = http_flush,
    .timer = http_time,
    .send = http_send,
    .flush = http_flush,
    .forget = http_forget,
    .probe = http_probe,
    .close = http_flush,
    .lost = http_lost,
    .fini = http_fini,
};
