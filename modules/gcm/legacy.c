/* SPDX-License-Identifier: Apache-2.0
 *
 * legacy.c - the JSON protocol of GCM and of FCM until 2024, by HTTP/1.1: one
 * request after another, each with the server key.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authority.h"
#include "http1.h"
#include "retryafter.h"
#include "session.h"

enum { HEAD_MOST = 6144, ANSWER_MOST = 65536 };
struct legacy {
    struct pushconn base;
    struct http1 *http;
    uint64_t number;
    struct impel_str uri;
    char name[AUTHORITY_MOST];    /* of the host, for Host */
    struct pushconn_request *now; /* whose answer comes next */
    char *out;                    /* what is not written yet */
    size_t out_n;
    bool dropped; /* an answer may come that is nobody's any more */
};

static struct legacy *
legacy_of(struct pushconn *c)
{
    return (struct legacy *)c;
}

static void
legacy_wipe(struct legacy *l)
{
    if (l->out)
        explicit_bzero(l->out, l->out_n);
    free(l->out);
    l->out = NULL;
    l->out_n = 0;
}

/* --- out --- */

/* The key goes into a buffer that is wiped. */
static bool
put_head(struct legacy *l, size_t length, char head[HEAD_MOST], size_t *n)
{
    struct pushconn *c = &l->base;
    struct impel_str key = c->host->opt_str(c->scope, OPT_KEY, 0);
    struct http1_out o = {head, HEAD_MOST, 0, false};
    char value[1100];

    (void)snprintf(value, sizeof(value), "key=%.*s",
        key.n > 1024 ? 1024 : (int)key.n, key.n ? key.p : "");
    http1_put_request(&o, "POST", l->uri, line_str(l->name));
    http1_put_field(&o, "User-Agent", line_str("Impel"));
    http1_put_field(&o, "Authorization", line_str(value));
    http1_put_field(&o, "Content-Type", line_str("application/json"));
    http1_put_end(&o, length);
    explicit_bzero(value, sizeof(value));
    *n = o.n;
    return !o.bad;
}

/* Head and body in one piece.  false: nothing was made, and it has ended. */
static bool
legacy_make(struct legacy *l, struct pushconn_request *r)
{
    char head[HEAD_MOST], *body = session_body(r);
    size_t head_n, n;

    if (!body)
        return false;
    n = strlen(body);
    if (put_head(l, n, head, &head_n)) {
        l->out = malloc(head_n + n);
        if (l->out) {
            memcpy(l->out, head, head_n);
            memcpy(l->out + head_n, body, n);
            l->out_n = head_n + n;
        } else {
            pushconn_cannot(r, IMPEL_UNTRIED, IMPEL_BLAME_SESSION,
                "451 4.3.0 [internal] no memory");
        }
    } else {
        pushconn_cannot(r, IMPEL_RETRY, IMPEL_BLAME_ROUTE,
            "451 4.3.5 [internal] http_uri or http_host is nothing for HTTP, "
            "or too long");
    }
    explicit_bzero(head, sizeof(head));
    free(body);
    return l->out != NULL;
}

static void
legacy_write(struct pushconn *c)
{
    struct legacy *l = legacy_of(c);
    int rc = l->out ? c->host->write(c->io, l->out, l->out_n) : 0;

    if (rc == 0)
        legacy_wipe(l);
    else if (rc != IMPEL_E_FULL)
        pushconn_fails(c, IMPEL_BLAME_SESSION, IMPEL_AT_BODY,
            "451 4.4.2 [internal] connection closed by remote host");
}

static void
legacy_begin(struct pushconn *c, struct pushconn_request *r)
{
    struct legacy *l = legacy_of(c);

    if (!legacy_make(l, r))
        return;
    l->now = r;
    r->id = 1;
    pushconn_waits(r);
    http1_next(l->http);
    legacy_write(c);
}

static void
legacy_send(struct pushconn *c, struct pushconn_request *r)
{
    if (legacy_of(c)->now || c->todo)
        pushconn_puts_off(r);
    else
        legacy_begin(c, r);
}

/* The next of those that wait for their turn, or the end. */
static void
legacy_flush(struct pushconn *c)
{
    struct legacy *l = legacy_of(c);

    while (!c->over && !l->dropped && !l->now && c->todo)
        legacy_begin(c, pushconn_next(c));
    if (!c->over && (l->dropped || (c->leaving && !c->jobs)))
        pushconn_over(c, NULL);
}

/* --- answers --- */

/* true: the connection is good for another request. */
static bool
legacy_judge(struct legacy *l)
{
    struct pushconn *c = &l->base;
    const struct http1_message *m = http1_read(l->http);
    struct pushconn_request *r = l->now;
    int64_t after =
        retryafter_read(http1_field(m, "Retry-After"), pushconn_wall());
    /* a key that is refused is the connection's as long as it stands */
    bool good = m->keep && !l->out && m->status != 401;
    struct answer answer;

    answer_legacy(m->status, m->body, after, &answer);
    l->now = NULL;
    legacy_wipe(l);
    session_answered(r, &answer, l->number);
    if (!c->over)
        pushconn_watch(c);
    return good;
}

static void
legacy_nonsense(struct legacy *l)
{
    char text[300];

    (void)snprintf(text, sizeof(text),
        "451 4.5.0 [internal] the server breaks the rules of HTTP: %s",
        http1_fault(l->http, NULL));
    pushconn_fails(&l->base, IMPEL_BLAME_HOST, IMPEL_AT_FINAL, text);
}

static void
legacy_input(struct pushconn *c)
{
    struct legacy *l = legacy_of(c);

    while (!c->over) {
        struct impel_str in = c->host->input(c->io);
        enum http1_step step;
        size_t n;

        if (!in.n)
            return;
        if (!l->now) { /* such as 408 before the server closes */
            pushconn_over(c, NULL);
            return;
        }
        n = http1_feed(l->http, in.p, in.n, &step);
        c->host->consume(c->io, n);
        if (step == HTTP1_BAD)
            legacy_nonsense(l);
        else if (step == HTTP1_WHOLE && (!legacy_judge(l) || n < in.n))
            pushconn_over(c, NULL); /* more would be taken for the next's */
        else if (step == HTTP1_WHOLE)
            legacy_flush(c);
    }
}

static bool
legacy_forget(struct pushconn *c, struct pushconn_request *r)
{
    struct legacy *l = legacy_of(c);
    bool out = !l->out;

    if (!pushconn_was_sent(r))
        return false;
    /* its answer would be taken for that of the next */
    l->now = NULL;
    l->dropped = true;
    legacy_wipe(l);
    return out;
}

static void
legacy_lost(struct pushconn *c)
{
    struct legacy *l = legacy_of(c);
    struct pushconn_request *r = l->now;
    struct impel_result lost =
        outcome_internal(IMPEL_RETRY, IMPEL_BLAME_SESSION, IMPEL_AT_FINAL,
            "451 4.4.2 [internal] the connection has ended without an answer");

    if (!r)
        return;
    if (http1_end(l->http) == HTTP1_WHOLE) { /* it ended with the connection */
        (void)legacy_judge(l);
        return;
    }
    lost.flags = l->out ? 0 : IMPEL_UNCERTAIN;
    lost.verdict = l->out ? IMPEL_UNTRIED : IMPEL_RETRY;
    l->now = NULL;
    pushconn_ends(r, &lost);
}

/* --- events --- */

static void
legacy_connected(struct pushconn *c)
{
    struct legacy *l = legacy_of(c);
    struct impel_str version = c->host->info(c->io, IMPEL_INFO_TLS_VERSION);
    struct impel_str alpn = c->host->info(c->io, IMPEL_INFO_ALPN);

    if (!version.n || (alpn.n && !line_same(alpn, "http/1.1"))) {
        pushconn_fails(c, IMPEL_BLAME_HOST, IMPEL_AT_TLS,
            version.n
                ? "451 4.7.5 [internal] the server does not speak HTTP/1.1 "
                  "(ALPN)"
                : "451 4.7.5 [internal] the connection has no TLS");
        return;
    }
    l->http = http1_new(HTTP1_RESPONSE, ANSWER_MOST);
    if (!l->http) {
        pushconn_fails(c, IMPEL_BLAME_SESSION, IMPEL_AT_HELLO,
            "451 4.3.0 [internal] no memory");
        return;
    }
    c->host->timer(c->io, PUSHCONN_CONNECT, -1);
    c->up = c->ready = true;
    c->host->ready(c->io, 1);
}

static void
legacy_timer(struct pushconn *c, int64_t number)
{
    (void)number;
    if (pushconn_late(c))
        pushconn_fails(c, IMPEL_BLAME_SESSION, IMPEL_AT_FINAL,
            "451 4.4.2 [internal] no answer in time");
    else
        pushconn_watch(c);
}

/* There is no question that is answered. */
static void
legacy_probe(struct pushconn *c)
{
    c->host->ready(c->io, 1);
}

static void
legacy_fini(struct pushconn *c)
{
    struct legacy *l = legacy_of(c);

    http1_free(l->http);
    legacy_wipe(l);
}

/* GCM had a path of its own. */
static struct impel_str
uri_of(struct pushconn *c, const struct impel_peer *peer)
{
    static const char gcm[] = "/gcm/send", fcm[] = "/fcm/send";
    struct impel_str uri = c->host->opt_str(c->scope, OPT_HTTP_URI, 0);

    if (!uri.n)
        uri = http1_path_of(peer->uri);
    if (uri.n > 1)
        return uri;
    return line_str(gcm_protocol_of(PROTOCOL_AUTO, peer->host, false, true) ==
                PROTOCOL_LEGACY
            ? gcm
            : fcm);
}

void
legacy_opened(struct pushconn *c, const struct impel_peer *peer)
{
    struct legacy *l = legacy_of(c);

    l->number = quota_project(c->host->opt_str(c->scope, OPT_KEY, 0));
    l->uri = uri_of(c, peer);
    authority_of(l->name, c->host->opt_str(c->scope, OPT_HTTP_HOST, 0), c->name,
        c->port, 443);
}

static const char *const legacy_alpn[] = {"http/1.1", NULL};

const struct pushconn_speech legacy_speech = {
    .size = sizeof(struct legacy),
    .alpn = legacy_alpn,
    .connected = legacy_connected,
    .input = legacy_input,
    .drained = legacy_write,
    .timer = legacy_timer,
    .send = legacy_send,
    .flush = legacy_flush,
    .forget = legacy_forget,
    .probe = legacy_probe,
    .close = legacy_flush,
    .lost = legacy_lost,
    .fini = legacy_fini,
};
