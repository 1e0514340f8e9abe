/* SPDX-License-Identifier: Apache-2.0
 *
 * session.c - a connection to a server: one request at a time, as long as the
 * server keeps it open.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "answer.h"
#include "document.h"
#include "http.h"
#include "result.h"
#include "webhook.h"

enum { TIMER_CONNECT, TIMER_ANSWER };
enum { REQUEST_MOST = 32768, STEP = 12288 /* a multiple of 3 */ };

static const char *const alpn[] = {"http/1.1", NULL};

enum state {
    STATE_OPENING,
    STATE_READY,
    STATE_READING, /* the beginning of the message, for the document */
    STATE_WRITING,
    STATE_WAITING /* for the answer */
};

enum piece { PIECE_FRONT, PIECE_MESSAGE, PIECE_BACK }; /* of the document */

struct session {
    struct webhook *module;
    const struct impel_host *host;
    struct impel_session *io;
    const struct impel_scope *scope;
    enum state state;
    bool over, leaving, used;
    char name[300]; /* the field Host */

    struct impel_batch *batch; /* in hand, or NULL */
    const struct impel_envelope *envelope;
    uint64_t size, at; /* of the message; how far it is out */
    char *head;        /* its beginning */
    size_t head_n;
    struct document document;
    enum piece piece;
    size_t piece_at; /* octets of it that are out */
    struct http http;

    char out[REQUEST_MOST]; /* what found no room yet */
    size_t out_n;
};

/* --- results --- */

static void
count(struct session *s, int row, uint64_t by)
{
    s->host->count(s->module->instance, (uint32_t)row, (int64_t)by);
}

static void
count_result(struct session *s, const struct impel_result *r, uint64_t by)
{
    if (r->verdict == IMPEL_DELIVERED)
        count(s, COUNT_DELIVERED, by);
    else if (r->verdict == IMPEL_FAILED)
        count(s, COUNT_REFUSED, by);
    else if (r->flags & IMPEL_UNCERTAIN)
        count(s, COUNT_UNCERTAIN, by);
    else
        count(s, COUNT_DELAYED, by);
}

/* The message is no longer ours; its results follow. */
static struct impel_batch *
batch_take(struct session *s)
{
    struct impel_batch *b = s->batch;

    s->host->timer(s->io, TIMER_ANSWER, -1);
    free(s->head);
    s->head = NULL;
    document_fini(&s->document);
    s->batch = NULL;
    s->out_n = 0;
    return b;
}

static void
batch_ends(struct session *s, const struct impel_result *r)
{
    count_result(s, r, s->envelope->rcpt_count);
    s->host->rest_done(batch_take(s), r);
    s->envelope = NULL;
}

static void
session_over(struct session *s, const struct impel_result *why)
{
    struct impel_result r = result_make(
        IMPEL_UNTRIED, IMPEL_BLAME_SESSION, IMPEL_AT_BODY, "the session ended");

    if (s->over)
        return;
    s->over = true;
    if (why)
        r = *why;
    if (s->state == STATE_WAITING) { /* perhaps it was worked on */
        r.verdict = IMPEL_RETRY;
        r.flags |= IMPEL_UNCERTAIN;
    }
    if (s->batch && r.blame == IMPEL_BLAME_HOST)
        r.blame = IMPEL_BLAME_SESSION; /* it was reached */
    if (s->batch)
        batch_ends(s, &r);
    s->host->closed(s->io, why);
}

static void
session_fails(struct session *s, int blame, int stage, const char *text)
{
    struct impel_result r = result_make(IMPEL_RETRY, blame, stage, text);

    session_over(s, &r);
}

static void
batch_fails(struct session *s, int verdict, const char *text)
{
    struct impel_result r =
        result_make(verdict, IMPEL_BLAME_MESSAGE, IMPEL_AT_SENDER, text);

    s->state = STATE_READY;
    batch_ends(s, &r);
    if (s->leaving)
        session_over(s, NULL);
}

/* --- a request --- */

/* All of out, or what is left of it waits for EV_DRAINED: false. */
static bool
flush(struct session *s)
{
    int rc = s->out_n ? s->host->write(s->io, s->out, s->out_n) : 0;

    if (rc == 0) {
        s->out_n = 0;
        return true;
    }
    if (rc != IMPEL_E_FULL && rc != IMPEL_E_AGAIN)
        session_fails(s, IMPEL_BLAME_SESSION, IMPEL_AT_BODY,
            "the connection takes no more");
    return false;
}

/* Front or back. */
static bool
write_text(struct session *s, const char *text)
{
    size_t left = strlen(text) - s->piece_at;

    while (left > 0) {
        size_t n = left < sizeof(s->out) ? left : sizeof(s->out);

        memcpy(s->out, text + s->piece_at, n);
        s->out_n = n;
        s->piece_at += n;
        left -= n;
        if (!flush(s))
            return false;
    }
    s->piece_at = 0;
    return true;
}

/* The message in base64; what is read is a multiple of 3 but at its end. */
static bool
write_message(struct session *s)
{
    char in[STEP];

    while (s->at < s->size) {
        size_t n = 0;

        while (n < sizeof(in) && s->at + n < s->size) {
            int64_t rc = s->host->read_body(
                s->batch, IMPEL_BODY_RAW, s->at + n, in + n, sizeof(in) - n);

            if (rc == IMPEL_E_AGAIN && n < 3)
                return false; /* EV_BODY follows */
            if (rc == IMPEL_E_AGAIN)
                break;
            if (rc <= 0) {
                session_fails(s, IMPEL_BLAME_SESSION, IMPEL_AT_BODY,
                    "the message cannot be read");
                return false;
            }
            n += (size_t)rc;
        }
        if (s->at + n < s->size)
            n -= n % 3;
        s->out_n = document_base64(in, n, s->out);
        s->at += n;
        if (!flush(s))
            return false;
    }
    return true;
}

/* As much of the request as there is room for. */
static void
write_on(struct session *s)
{
    if (!flush(s))
        return;
    if (s->piece == PIECE_FRONT) {
        if (!write_text(s, s->document.front))
            return;
        s->piece = PIECE_MESSAGE;
    }
    if (s->piece == PIECE_MESSAGE) {
        if (!write_message(s))
            return;
        s->piece = PIECE_BACK;
    }
    if (!write_text(s, s->document.back))
        return;
    s->state = STATE_WAITING;
    s->host->timer(
        s->io, TIMER_ANSWER, s->host->opt_int(s->scope, OPT_ANSWER_TIMEOUT));
}

__attribute__((format(printf, 2, 3))) static bool
put(struct session *s, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(s->out + s->out_n, sizeof(s->out) - s->out_n, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof(s->out) - s->out_n)
        return false;
    s->out_n += (size_t)n;
    return true;
}

/* Paths and fields are bounded by check(), so there is room. */
static bool
put_head(struct session *s)
{
    const struct impel_host *host = s->host;
    struct impel_str path = host->opt_str(s->scope, OPT_PATH, 0);
    struct impel_str token = host->opt_str(s->scope, OPT_TOKEN, 0);
    bool ok;

    s->out_n = 0;
    ok = put(s,
        "POST %.*s HTTP/1.1\r\nHost: %s\r\nUser-Agent: Impel-webhook/1.0\r\n"
        "Content-Type: application/json\r\nContent-Length: %llu\r\n",
        (int)path.n, path.p, s->name, (unsigned long long)s->document.length);
    if (token.n)
        ok = ok &&
            put(s, "Authorization: Bearer %.*s\r\n", (int)token.n, token.p);
    for (uint32_t i = 0; i < host->opt_count(s->scope, OPT_FIELDS); i++) {
        struct impel_str name = host->opt_key(s->scope, OPT_FIELDS, i);
        struct impel_str value = host->opt_str(s->scope, OPT_FIELDS, i);

        ok = ok &&
            put(s, "%.*s: %.*s\r\n", (int)name.n, name.p, (int)value.n,
                value.p);
    }
    return ok && put(s, "\r\n");
}

static void
request_begin(struct session *s)
{
    struct impel_str head = {s->head ? s->head : "", s->head_n};

    if (!document_make(&s->document, s->envelope, head, s->size,
            (size_t)s->host->opt_int(s->scope, OPT_TEXT_SIZE)) ||
        !put_head(s)) {
        batch_fails(s, IMPEL_RETRY, "no memory for a request");
        return;
    }
    s->at = 0;
    s->piece = PIECE_FRONT;
    s->piece_at = 0;
    http_next(&s->http);
    s->state = STATE_WRITING;
    count(s, COUNT_REQUESTS, 1);
    s->host->timer(
        s->io, TIMER_ANSWER, s->host->opt_int(s->scope, OPT_ANSWER_TIMEOUT));
    write_on(s);
}

/* The beginning of the message, as far as the document wants it. */
static void
read_on(struct session *s)
{
    size_t want =
        s->size < DOCUMENT_HEAD_MOST ? (size_t)s->size : DOCUMENT_HEAD_MOST;

    while (s->head_n < want) {
        int64_t n = s->host->read_body(s->batch, IMPEL_BODY_RAW, s->head_n,
            s->head + s->head_n, want - s->head_n);

        if (n == IMPEL_E_AGAIN)
            return;
        if (n <= 0) {
            batch_fails(s, IMPEL_RETRY, "the message cannot be read");
            return;
        }
        s->head_n += (size_t)n;
    }
    request_begin(s);
}

/* --- answers --- */

/* What an answer says of recipients, while it is read. */
struct said {
    const struct impel_envelope *envelope;
    struct {
        int verdict; /* 0: nothing */
        char text[ANSWER_TEXT_MOST];
    } * rcpt; /* one for each of them */
};

static void
on_row(void *arg, const struct answer_row *row)
{
    struct said *said = arg;

    for (size_t i = 0; i < said->envelope->rcpt_count; i++) {
        if (row->number != (int64_t)said->envelope->rcpt[i]->number)
            continue;
        said->rcpt[i].verdict = row->verdict;
        memcpy(said->rcpt[i].text, row->text, sizeof(row->text));
    }
}

/* Each recipient has a result of its own if the answer says so. */
static void
report_each(struct session *s, const struct impel_result *whole,
    const struct said *said)
{
    size_t n = s->envelope->rcpt_count;
    struct impel_batch *b = batch_take(s);

    for (size_t i = 0; i < n; i++) {
        struct impel_result r = *whole;

        if (said->rcpt[i].verdict)
            result_say(&r, said->rcpt[i].verdict, said->rcpt[i].text);
        count_result(s, &r, 1);
        s->host->rcpt_done(b, i, &r);
    }
    s->envelope = NULL;
}

static struct impel_result
unreadable(const char *why)
{
    struct impel_result r =
        result_make(IMPEL_RETRY, IMPEL_BLAME_MESSAGE, IMPEL_AT_FINAL, why);

    r.flags = IMPEL_UNCERTAIN; /* it may have been a no for some */
    return r;
}

static void
report(struct session *s)
{
    struct http *h = &s->http;
    struct said said = {.envelope = s->envelope,
        .rcpt = calloc(s->envelope->rcpt_count, sizeof(*said.rcpt))};
    char words[ANSWER_TEXT_MOST] = "", text[RESULT_TEXT];
    bool json = h->json && h->body_n, read = false;
    struct impel_result r;

    if (json && said.rcpt)
        read = answer_read(h->body, h->body_n, words, on_row, &said);
    r = result_of_status(
        h->status, h->reason, read ? words : "", h->retry_after, text);
    if (json && !read && r.verdict == IMPEL_DELIVERED)
        r = unreadable("an answer in JSON that cannot be read");
    if (read && r.verdict == IMPEL_DELIVERED)
        report_each(s, &r, &said);
    else
        batch_ends(s, &r);
    free(said.rcpt);
}

static void
answered(struct session *s)
{
    bool again = s->http.keep && s->state == STATE_WAITING && !s->leaving;

    s->used = true;
    s->state = STATE_READY;
    if (!again)
        s->host->draining(s->io);
    report(s);
    if (!again)
        session_over(s, NULL);
}

static void
on_input(struct session *s)
{
    struct impel_str in = s->host->input(s->io);
    enum http_step step = HTTP_MORE;
    size_t n;

    if (s->state < STATE_WRITING) { /* nothing was asked */
        session_over(s, NULL);
        return;
    }
    n = http_feed(&s->http, in.p, in.n, &step);
    s->host->consume(s->io, n);
    if (step == HTTP_BAD)
        session_fails(s, IMPEL_BLAME_HOST, IMPEL_AT_FINAL, s->http.why);
    else if (step == HTTP_DONE && n < in.n)
        s->http.keep = false; /* more than an answer to this */
    if (step == HTTP_DONE)
        answered(s);
}

/* --- the connection --- */

static void
name_host(
    struct session *s, const struct impel_peer *peer, uint16_t port, bool tls)
{
    int n = (int)(peer->host.n < 255 ? peer->host.n : 255);
    const char *host = peer->host.n ? peer->host.p : "";
    bool v6 = n && memchr(host, ':', (size_t)n) && host[0] != '[';
    char number[8] = "";

    if (port != (tls ? 443 : 80))
        (void)snprintf(number, sizeof(number), ":%u", port);
    (void)snprintf(s->name, sizeof(s->name), "%s%.*s%s%s", v6 ? "[" : "", n,
        host, v6 ? "]" : "", number);
}

static int
session_open(void *ctx, struct impel_session *io,
    const struct impel_scope *scope, const struct impel_peer *peer, void **to,
    struct impel_error *e)
{
    struct webhook *w = ctx;
    struct session *s = calloc(1, sizeof(*s));
    bool tls = w->host->opt_int(scope, OPT_TLS) > 0;
    struct impel_dial dial = {.size = sizeof(dial),
        .port = peer->port,
        .tls = tls ? IMPEL_TLS_NOW : IMPEL_TLS_NONE,
        .alpn = alpn};
    int rc;

    if (!s) {
        e->code = IMPEL_E_NOMEM;
        (void)snprintf(e->text, sizeof(e->text), "no memory for a session");
        return IMPEL_E_NOMEM;
    }
    if (!dial.port)
        dial.port = (uint16_t)w->host->opt_int(scope, OPT_PORT);
    s->module = w;
    s->host = w->host;
    s->io = io;
    s->scope = scope;
    http_init(&s->http);
    name_host(s, peer, dial.port, tls);
    rc = w->host->dial(io, &dial, e);
    if (rc < 0) {
        free(s);
        return rc;
    }
    w->host->timer(
        io, TIMER_CONNECT, w->host->opt_int(scope, OPT_ANSWER_TIMEOUT));
    *to = s;
    return 0;
}

static bool
is_verified(struct session *s)
{
    struct impel_str how = s->host->info(s->io, IMPEL_INFO_TLS_HOW);

    return how.n && !(how.n == 4 && memcmp(how.p, "none", 4) == 0);
}

static void
connected(struct session *s)
{
    s->host->timer(s->io, TIMER_CONNECT, -1);
    if (s->host->opt_str(s->scope, OPT_TOKEN, 0).n && !is_verified(s)) {
        session_fails(s, IMPEL_BLAME_HOST, IMPEL_AT_TLS,
            "the server was not verified (tls_verify), so it does not get "
            "webhook_token");
        return;
    }
    s->state = STATE_READY;
    s->host->ready(s->io, 1);
}

/* A server may hang up between two requests, and need not have seen the one
 * that was on its way then. */
static void
lost(struct session *s, int64_t why)
{
    struct impel_str tls = s->host->info(s->io, IMPEL_INFO_TLS_ERROR);
    bool unseen = s->used && s->state == STATE_WRITING;
    char text[RESULT_TEXT];

    if (s->state == STATE_OPENING) {
        (void)snprintf(text, sizeof(text), "no connection: %s",
            why < IMPEL_E_UNSUP ? strerror((int)-why) : "closed by the server");
        if (tls.n)
            (void)snprintf(text, sizeof(text), "TLS: %.*s",
                (int)(tls.n < 300 ? tls.n : 300), tls.p);
        session_fails(
            s, IMPEL_BLAME_HOST, tls.n ? IMPEL_AT_TLS : IMPEL_AT_CONNECT, text);
    } else if (s->state <= STATE_READING ||
        (unseen && !http_has_begun(&s->http))) {
        session_over(s, NULL);
    } else if (http_end(&s->http) == HTTP_DONE) {
        answered(s);
    } else {
        session_fails(s, IMPEL_BLAME_SESSION, IMPEL_AT_FINAL,
            "the connection ended without an answer");
    }
}

static void
late(struct session *s, int64_t timer)
{
    if (timer == TIMER_CONNECT)
        session_fails(
            s, IMPEL_BLAME_HOST, IMPEL_AT_CONNECT, "no connection in time");
    else
        session_fails(
            s, IMPEL_BLAME_SESSION, IMPEL_AT_FINAL, "no answer in time");
}

static void
drained(struct session *s)
{
    if (s->state != STATE_WRITING)
        return;
    s->host->timer(
        s->io, TIMER_ANSWER, s->host->opt_int(s->scope, OPT_ANSWER_TIMEOUT));
    write_on(s);
}

static void
session_event(void *arg, struct impel_batch *b, int event, int64_t value)
{
    struct session *s = arg;

    if (s->over)
        return;
    switch (event) {
    case IMPEL_EV_CONNECTED:
        connected(s);
        break;
    case IMPEL_EV_INPUT:
        on_input(s);
        break;
    case IMPEL_EV_DRAINED:
        if (!b)
            drained(s);
        break;
    case IMPEL_EV_BODY:
        if (b != s->batch)
            break;
        if (s->state == STATE_READING)
            read_on(s);
        else if (s->state == STATE_WRITING)
            write_on(s);
        break;
    case IMPEL_EV_TIMER:
        late(s, value);
        break;
    case IMPEL_EV_LOST:
        lost(s, value);
        break;
    default:
        break;
    }
}

/* --- messages --- */

static void
session_deliver(
    void *arg, struct impel_batch *b, const struct impel_envelope *envelope)
{
    struct session *s = arg;
    int64_t size = s->host->body_size(b, IMPEL_BODY_RAW);

    s->batch = b;
    s->envelope = envelope;
    s->state = STATE_READING;
    s->size = size > 0 ? (uint64_t)size : 0;
    s->head_n = 0;
    s->head = malloc(s->size < DOCUMENT_HEAD_MOST ? (size_t)s->size + 1
                                                  : DOCUMENT_HEAD_MOST);
    if (size < 0)
        batch_fails(s, IMPEL_RETRY, "the message cannot be read");
    else if (envelope->needs & IMPEL_NEED_TLS)
        batch_fails(s, IMPEL_FAILED,
            "REQUIRETLS ends here: this server is no host of mail");
    else if (!s->head)
        batch_fails(s, IMPEL_RETRY, "no memory for a message");
    else
        read_on(s);
}

static void
session_cancel(void *arg, struct impel_batch *b)
{
    struct session *s = arg;

    if (b != s->batch)
        return;
    if (s->state == STATE_READING) {
        struct impel_result r = result_make(
            IMPEL_UNTRIED, IMPEL_BLAME_SESSION, IMPEL_AT_BODY, "cancelled");

        s->state = STATE_READY;
        batch_ends(s, &r);
        if (s->leaving)
            session_over(s, NULL);
    } else { /* its answer would be taken for that of the next */
        session_over(s, NULL);
    }
}

static void
session_probe(void *arg)
{
    struct session *s = arg;

    s->host->ready(s->io, 1); /* HTTP has no question for that */
}

static void
session_close(void *arg, int now)
{
    struct session *s = arg;

    s->leaving = true;
    if (now || !s->batch)
        session_over(s, NULL);
}

static void
session_release(void *arg)
{
    struct session *s = arg;

    http_fini(&s->http);
    document_fini(&s->document);
    free(s->head);
    explicit_bzero(s->out, sizeof(s->out)); /* it has had the token */
    free(s);
}

const struct impel_transport webhook_transport = {
    .size = sizeof(struct impel_transport),
    .open = session_open,
    .event = session_event,
    .deliver = session_deliver,
    .cancel = session_cancel,
    .probe = session_probe,
    .close = session_close,
    .release = session_release,
};
