/* SPDX-License-Identifier: Apache-2.0
 *
 * server.c - an inbound connection: frames in, answers out, time, parting.
 */
#include "server.h"

#include <stdlib.h>
#include <string.h>

enum {
    OUT_MOST = 1 << 20, /* answers that nobody reads: no more frames are */
    OUT_SOON = 65536,
    PARTING_MS = 2000,
    ANSWER_MOST = FRAME_MOST - OUT_SOON - 1024, /* of one message */
    RCPTS_MOST = 10000, /* so that its answer fits a frame without words */
    NAME_MOST = 255
};
enum { TIMER_IDLE };

static void
server_wait(struct server *s)
{
    s->host->timer(
        s->session, TIMER_IDLE, s->host->opt_int(s->scope, OPT_IDLE_TIME));
}

static void
server_drop_all(struct server *s)
{
    struct receipt *m;
    size_t at = 0;

    while ((m = tags_next(&s->tags, &at)) != NULL)
        if (m->state != RECEIPT_COMMIT)
            receipt_free(s, m);
}

static void
server_end(struct server *s, const char *why)
{
    struct impel_result r = outcome_internal(IMPEL_RETRY, IMPEL_BLAME_SESSION,
        IMPEL_AT_CONNECT, why ? why : "421 4.4.2 ");

    server_drop_all(s);
    s->state = SERVER_DEAD;
    s->host->closed(s->session, why ? &r : NULL);
}

/* What is committing is answered by the disk first: until then nobody else may
 * bring the same key. */
static void
server_lose(struct server *s)
{
    server_drop_all(s);
    if (s->committing)
        s->state = SERVER_LOST;
    else
        server_end(s, NULL);
}

/* --- out --- */

static void
results_end(struct server *s)
{
    if (!s->results_at)
        return;
    frame_set_u16(&s->out, s->results_at, s->results);
    frame_end(&s->out);
    s->results_at = 0;
}

static void
server_flush(struct server *s)
{
    int rc;

    results_end(s);
    if (s->state == SERVER_DEAD || s->state == SERVER_LOST || s->full)
        return;
    rc = frame_flush(&s->out, s->host, s->session);
    if (rc == IMPEL_E_FULL)
        s->full = true;
    else if (rc < 0)
        server_lose(s);
}

static const char *
rcpt_words(const struct receipt *m, const struct rcpt *r)
{
    return r->text ? r->text : m->words ? m->words : "";
}

static bool
rcpt_same(const struct receipt *m, const struct rcpt *a, const struct rcpt *b)
{
    return a->code == b->code && memcmp(a->status, b->status, 3) == 0 &&
        strcmp(rcpt_words(m, a), rcpt_words(m, b)) == 0;
}

/* One run each: recipients beside each other with the same words. */
static uint16_t
answer_groups(struct server *s, const struct receipt *m, bool words)
{
    uint16_t groups = 0;

    for (size_t i = 0, n; i < m->rcpt_count; i += n, groups++) {
        const struct rcpt *r = &m->rcpt[i];

        for (n = 1; i + n < m->rcpt_count && rcpt_same(m, r, &m->rcpt[i + n]);)
            n++;
        frame_put_u16(&s->out, r->code);
        frame_put(&s->out, r->status, 3);
        frame_put_text(&s->out, line_str(words ? rcpt_words(m, r) : ""));
        frame_put_u16(&s->out, 1);
        frame_put_u32(&s->out, (uint32_t)i);
        frame_put_u32(&s->out, (uint32_t)n);
    }
    return groups;
}

void
server_answer(struct server *s, const struct receipt *m)
{
    uint16_t groups;
    size_t at;

    if (s->state == SERVER_LOST || s->state == SERVER_DEAD ||
        s->state == SERVER_PARTING)
        return;
    if (s->results_at &&
        (s->results == UINT16_MAX || s->out.n - s->out.begun > OUT_SOON))
        results_end(s);
    if (!s->results_at) {
        frame_begin(&s->out, FRAME_RESULTS);
        s->results_at = s->out.n;
        s->results = 0;
        frame_put_u16(&s->out, 0);
    }
    s->results++;
    frame_put_u32(&s->out, m->tag);
    at = s->out.n;
    frame_put_u16(&s->out, 0);
    groups = answer_groups(s, m, true);
    if (s->out.n - at > ANSWER_MOST) {
        s->out.n = at + 2;
        groups = answer_groups(s, m, false);
    }
    frame_set_u16(&s->out, at, groups);
}

static void
server_say(struct server *s, enum frame_type type, const char *text)
{
    struct impel_result r = outcome_internal(0, 0, 0, text);

    results_end(s);
    frame_begin(&s->out, type);
    frame_put_u16(&s->out, r.code);
    for (int i = 0; i < 3; i++)
        frame_put_u8(&s->out, (uint8_t)r.status[i]);
    frame_put_text(&s->out, line_str(text + 10));
    frame_end(&s->out);
}

static void
server_part(struct server *s)
{
    server_drop_all(s);
    s->state = SERVER_PARTING;
    s->host->timer(s->session, TIMER_IDLE, PARTING_MS);
}

static void
server_refuse(struct server *s, const char *text)
{
    server_say(s, FRAME_ERROR, text);
    server_part(s);
}

static void
server_wrong(struct server *s, const char *text)
{
    s->host->count(s->module->instance, COUNT_PROTOCOL_ERRORS, 1);
    s->host->log(
        s->module->instance, s->session, LEVEL_INFO, "wrong frame: %s", text);
    server_refuse(s, text);
}

/* --- the handshake --- */

static uint64_t
server_most(const struct server *s, int row)
{
    int64_t v = s->host->opt_int(s->scope, row);

    return v > 0 ? (uint64_t)v : 0;
}

uint32_t
server_most_rcpts(const struct server *s)
{
    uint64_t most = server_most(s, OPT_MAX_RECIPIENTS);

    return most && most < RCPTS_MOST ? (uint32_t)most : RCPTS_MOST;
}

static void
server_welcome(struct server *s)
{
    struct impel_str name = s->host->opt_is_set(s->scope, OPT_BANNER_HOSTNAME)
        ? s->host->opt_str(s->scope, OPT_BANNER_HOSTNAME, 0)
        : s->host->info(s->session, IMPEL_INFO_EHLO_NAME);

    s->window = (size_t)server_most(s, OPT_MAX_BATCH_SIZE);
    s->octets_window = server_most(s, OPT_WINDOW);
    frame_begin(&s->out, FRAME_WELCOME);
    frame_put_u8(&s->out, FRAME_VERSION);
    frame_put_u32(&s->out, 0);
    frame_put_u32(&s->out, (uint32_t)s->window);
    frame_put_u64(&s->out, s->octets_window);
    frame_put_u64(&s->out, server_most(s, OPT_MAX_MESSAGE_SIZE));
    frame_put_u32(&s->out, server_most_rcpts(s));
    frame_put_u32(&s->out, (uint32_t)(server_most(s, OPT_RESEND_TIME) / 1000));
    frame_put_u32(&s->out, (uint32_t)(server_most(s, OPT_IDLE_TIME) / 1000));
    frame_put_text(&s->out, name);
    frame_end(&s->out);
    s->state = SERVER_OPEN;
}

static void
take_hello(struct server *s, struct frame_in *in)
{
    struct impel_str magic = frame_octets(in, 8), stream, name;
    uint8_t low = frame_u8(in), high = frame_u8(in);

    (void)frame_u32(in);
    stream = frame_octets(in, FRAME_STREAM);
    name = frame_text(in);
    (void)frame_text(in);
    if (!frame_is_done(in) || memcmp(magic.p, FRAME_MAGIC, 8) != 0 ||
        name.n > NAME_MOST) {
        server_wrong(s, "501 5.5.4 no HELLO of ECSTREAM");
        return;
    }
    if (low > FRAME_VERSION || high < FRAME_VERSION) {
        server_wrong(s, "501 5.5.4 only version 1 is spoken here");
        return;
    }
    memcpy(s->stream, stream.p, FRAME_STREAM);
    s->state = SERVER_GREET;
    if (s->host->intake->greet(s->session, name) < 0)
        server_refuse(s, "421 4.3.2 not now");
}

static void
server_greeted(struct server *s, const struct impel_result *r)
{
    if (r->verdict != IMPEL_DELIVERED)
        server_refuse(s,
            r->code == 550 ? "550 5.7.1 this client is not wanted here"
                           : "421 4.3.2 not now");
    else if (!s->host->intake->may_relay(s->session))
        server_refuse(s,
            "550 5.7.1 ECSTREAM is for peers in relay_hosts and those with a "
            "client certificate");
    else
        server_welcome(s);
}

/* --- frames --- */

static void
take_confirm(struct server *s, struct frame_in *in)
{
    uint16_t runs = frame_u16(in);

    for (uint16_t i = 0; i < runs && !in->bad; i++) {
        uint32_t first = frame_u32(in), count = frame_u32(in);

        if (count > s->window || first > UINT32_MAX - count)
            in->bad = true;
        for (uint32_t k = 0; k < count && !in->bad; k++) {
            struct receipt *m = tags_find(&s->tags, first + k);

            if (first + k > s->last_tag || (m && m->state != RECEIPT_ANSWERED))
                in->bad = true;
            else if (m)
                receipt_confirm(s, m);
        }
    }
    if (!runs || !frame_is_done(in))
        server_wrong(s, "501 5.5.4 CONFIRM of what was not answered");
}

/* END was said, and it is not answered. */
static bool
receipt_is_whole(const struct receipt *m)
{
    return m && (m->state == RECEIPT_WAIT || m->state == RECEIPT_COMMIT);
}

/* END and ABANDON: what was answered already is past that. */
static void
take_tag(struct server *s, struct frame_in *in, bool end)
{
    uint32_t tag = frame_u32(in);
    struct receipt *m = tags_find(&s->tags, tag);

    if (!frame_is_done(in) || !tag || tag > s->last_tag ||
        receipt_is_whole(m)) {
        server_wrong(s, "503 5.5.1 no such message");
        return;
    }
    if (!m || m->state == RECEIPT_ANSWERED)
        return;
    if (end)
        receipt_end(s, m);
    else
        receipt_abandon(s, m);
}

static void
take_bye(struct server *s, const struct frame_in *in)
{
    struct receipt *m;
    size_t at = 0;

    if (!frame_is_done(in)) {
        server_wrong(s, "501 5.5.4 BYE has no payload");
        return;
    }
    s->state = SERVER_LAST;
    while ((m = tags_next(&s->tags, &at)) != NULL)
        if (m->state < RECEIPT_WAIT)
            receipt_free(s, m);
}

/* After the client's BYE: the last answers, and then ours. */
static void
server_last(struct server *s)
{
    if (s->state != SERVER_LAST || s->committing || s->waiting)
        return;
    results_end(s);
    frame_begin(&s->out, FRAME_PARTED);
    frame_end(&s->out);
    server_part(s);
}

static void
take_ping(struct server *s, struct impel_str payload)
{
    if (payload.n != 8) {
        server_wrong(s, "501 5.5.4 PING has eight octets");
        return;
    }
    results_end(s);
    frame_begin(&s->out, FRAME_PONG);
    frame_put(&s->out, payload.p, payload.n);
    frame_end(&s->out);
}

static void
take_frame(struct server *s, uint8_t type, struct impel_str payload)
{
    struct frame_in in = {(const uint8_t *)payload.p, payload.n, false};

    if (s->state == SERVER_HELLO) {
        if (type == FRAME_HELLO)
            take_hello(s, &in);
        else
            server_wrong(s, "503 5.5.1 HELLO comes first");
        return;
    }
    switch (type) {
    case FRAME_MESSAGE:
        if (!receipt_begin(s, payload))
            server_wrong(s, "501 5.5.4 MESSAGE makes no sense");
        break;
    case FRAME_END:
    case FRAME_ABANDON:
        take_tag(s, &in, type == FRAME_END);
        break;
    case FRAME_CONFIRM:
        take_confirm(s, &in);
        break;
    case FRAME_PING:
        take_ping(s, payload);
        break;
    case FRAME_BYE:
        take_bye(s, &in);
        break;
    default:
        if (type < FRAME_OPTIONAL)
            server_wrong(s, "500 5.5.1 unknown frame");
    }
}

/* The head of a BODY frame, its tag included. */
static size_t
take_body_head(struct server *s, struct impel_str in, uint32_t length)
{
    struct frame_in at = {(const uint8_t *)in.p + FRAME_HEAD, 4, false};
    struct receipt *m;
    uint32_t tag;

    if (length < 5 || s->state != SERVER_OPEN) {
        server_wrong(s, "503 5.5.1 no BODY is expected");
        return 0;
    }
    if (in.n < FRAME_HEAD + 4)
        return 0;
    tag = frame_u32(&at);
    m = tags_find(&s->tags, tag);
    if (!tag || tag > s->last_tag || receipt_is_whole(m)) {
        server_wrong(s, "503 5.5.1 no such message");
        return 0;
    }
    s->body_left = length - 5;
    s->body_of = m && m->state == RECEIPT_BODY ? m : NULL;
    if (s->body_of) {
        m->octets += s->body_left;
        s->octets += s->body_left;
        if (s->octets > s->octets_window && s->octets > m->octets)
            server_wrong(s, "552 5.3.4 more octets than the window");
    }
    return FRAME_HEAD + 4;
}

static size_t
take_body(struct server *s, struct impel_str in)
{
    size_t n = in.n < s->body_left ? in.n : (size_t)s->body_left;

    if (s->body_of && n) {
        n = receipt_body(s, s->body_of, in.p, n);
        s->no_credit = n == 0;
    }
    s->body_left -= n;
    return n;
}

/* Octets used; 0: more has to come. */
static size_t
server_take(struct server *s, struct impel_str in)
{
    struct impel_str payload;
    uint32_t length;
    uint8_t type;
    size_t used;

    if (s->body_left)
        return take_body(s, in);
    if (!s->whole.n && frame_head(in.p, in.n, &length, &type) &&
        type == FRAME_BODY)
        return take_body_head(s, in, length);
    switch (frame_gather(&s->whole, in, &used, &type, &payload)) {
    case FRAME_MORE:
        break;
    case FRAME_WHOLE:
        take_frame(s, type, payload);
        frame_out_fini(&s->whole);
        break;
    case FRAME_TOO_LONG:
        server_wrong(s, "501 5.5.2 length of a frame");
        break;
    case FRAME_NO_MEMORY:
        server_refuse(s, "421 4.3.0 no memory");
        break;
    }
    return used;
}

static bool
server_listens(const struct server *s)
{
    return !s->full && !s->no_credit && s->out.n < OUT_MOST &&
        (s->state == SERVER_HELLO || s->state == SERVER_OPEN);
}

static void
server_run(struct server *s)
{
    struct impel_str in = s->host->input(s->session);
    size_t at = 0, used;

    while (server_listens(s) && at < in.n) {
        used = server_take(s, (struct impel_str){in.p + at, in.n - at});
        if (!used)
            break;
        at += used;
    }
    if (s->state == SERVER_DEAD)
        return;
    if (s->state == SERVER_PARTING || s->state == SERVER_LAST)
        at = in.n; /* whatever it is */
    if (at) {
        s->host->consume(s->session, at);
        if (s->state == SERVER_OPEN)
            server_wait(s);
    }
    server_last(s);
    server_flush(s);
}

/* --- the host --- */

static int
server_accepted(void *ctx, struct impel_session *session,
    const struct impel_scope *scope, const struct impel_peer *peer, void **sp,
    struct impel_error *e)
{
    struct ecstream *m = ctx;
    struct server *s = calloc(1, sizeof(*s));

    (void)peer;
    if (!s) {
        e->code = IMPEL_E_NOMEM;
        memcpy(e->text, "no memory", 10);
        return IMPEL_E_NOMEM;
    }
    s->module = m;
    s->host = m->host;
    s->session = session;
    s->scope = scope;
    *sp = s;
    server_wait(s);
    return 0;
}

static void
server_time(struct server *s)
{
    if (s->state == SERVER_PARTING) {
        server_end(s, NULL);
        return;
    }
    if (s->committing || s->waiting || s->state == SERVER_GREET ||
        s->state == SERVER_SETUP || s->state == SERVER_LOST) {
        server_wait(s); /* it is we who are slow */
        return;
    }
    s->host->count(s->module->instance, COUNT_TIMEOUTS, 1);
    server_refuse(s, "421 4.4.2 silent for too long");
    server_flush(s);
}

static void
server_event(void *sp, struct impel_batch *b, int event, int64_t arg)
{
    struct server *s = sp;
    struct receipt *m;

    (void)b;
    if (s->state == SERVER_DEAD)
        return;
    switch (event) {
    case IMPEL_EV_WAKE:
        m = tags_find(&s->tags, (uint32_t)arg);
        if (m)
            receipt_woken(s, m);
        server_run(s);
        break;
    case IMPEL_EV_DRAINED:
        s->full = false;
        server_run(s);
        break;
    case IMPEL_EV_CREDIT:
        s->no_credit = false;
        server_run(s);
        break;
    case IMPEL_EV_INPUT:
        server_run(s);
        break;
    case IMPEL_EV_TIMER:
        server_time(s);
        break;
    case IMPEL_EV_LOST:
        if (s->state != SERVER_LOST)
            server_lose(s);
        break;
    default:
        break;
    }
}

/* Of the client: greet()'s answer, or a refusal that nobody has asked for. */
static void
verdict_client(struct server *s, const struct impel_result *r)
{
    if (s->state == SERVER_GREET)
        server_greeted(s, r);
    else if (r->verdict != IMPEL_DELIVERED && s->state < SERVER_LAST)
        server_refuse(s, "421 4.3.2 not now");
}

static void
server_verdict(
    void *sp, uint64_t tag, size_t rcpt, const struct impel_result *r)
{
    struct server *s = sp;
    struct receipt *m;

    if (s->state == SERVER_DEAD)
        return;
    if (!tag) {
        verdict_client(s, r);
    } else if (r->stage == IMPEL_AT_FINAL) {
        m = tags_find(&s->tags, (uint32_t)tag);
        if (m && m->state == RECEIPT_COMMIT)
            receipt_final(s, m, r);
        if (s->state == SERVER_LOST && !s->committing) {
            server_end(s, NULL);
            return;
        }
    } else if (s->setup && s->setup->tag == tag) {
        receipt_judged(s, rcpt, r);
    }
    server_run(s);
}

static void
server_close(void *sp, int now)
{
    struct server *s = sp;

    if (s->state == SERVER_DEAD)
        return;
    if (now || s->state == SERVER_HELLO || s->state == SERVER_PARTING) {
        server_end(s, NULL);
        return;
    }
    if (s->going || s->state == SERVER_LOST)
        return;
    s->going = true;
    server_say(s, FRAME_GOAWAY, "421 4.3.2 closing down");
    server_flush(s);
}

static void
server_release(void *sp)
{
    struct server *s = sp;
    struct receipt *m;
    size_t at = 0;

    while ((m = tags_next(&s->tags, &at)) != NULL) {
        m->in = NULL;
        receipt_free(s, m);
    }
    tags_fini(&s->tags);
    frame_out_fini(&s->out);
    frame_out_fini(&s->whole);
    free(s);
}

const struct impel_listener ecstream_listener = {
    .size = sizeof(struct impel_listener),
    .default_port = 1825,
    .tls = IMPEL_TLS_NONE,
    .accepted = server_accepted,
    .event = server_event,
    .verdict = server_verdict,
    .close = server_close,
    .release = server_release,
};
