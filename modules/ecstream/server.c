/* SPDX-License-Identifier: Apache-2.0
 *
 * server.c - an inbound connection: answers out, time, parting.
 */
#include "server.h"

#include <stdlib.h>
#include <string.h>

enum {
    OUT_MOST = 1 << 20, /* answers that nobody reads: no more frames are */
    OUT_SOON = 65536,
    PARTING_MS = 2000,
    ANSWER_MOST = FRAME_MOST - OUT_SOON - 1024 /* of one message */
};
enum { TIMER_IDLE, TIMER_ANSWERS };

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

void
server_results_end(struct server *s)
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

    server_results_end(s);
    if (s->state == SERVER_DEAD || s->state == SERVER_LOST || s->full)
        return;
    rc = frame_flush(&s->out, s->host, s->session);
    if (rc == IMPEL_E_FULL)
        s->full = true;
    else if (rc < 0)
        server_lose(s);
}

static struct impel_str
rcpt_words(const struct receipt *m, const struct rcpt *r)
{
    return r->text ? line_str(r->text) : m->words;
}

static bool
rcpt_same(const struct receipt *m, const struct rcpt *a, const struct rcpt *b)
{
    struct impel_str x = rcpt_words(m, a), y = rcpt_words(m, b);

    return a->code == b->code && memcmp(a->status, b->status, 3) == 0 &&
        x.n == y.n && (!x.n || memcmp(x.p, y.p, x.n) == 0);
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
        frame_put_text(&s->out, words ? rcpt_words(m, r) : line_str(""));
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
        server_results_end(s);
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

    server_results_end(s);
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

void
server_refuse(struct server *s, const char *text)
{
    server_say(s, FRAME_ERROR, text);
    server_part(s);
}

void
server_wrong(struct server *s, const char *text)
{
    s->host->count(s->module->instance, COUNT_PROTOCOL_ERRORS, 1);
    s->host->log(s->module->instance, s->session, IMPEL_LOG_INFO,
        "wrong frame: %s", text);
    server_refuse(s, text);
}

/* After the client's BYE: the last answers, and then ours. */
static void
server_last(struct server *s)
{
    if (s->state != SERVER_LAST || s->committing || s->waiting)
        return;
    server_results_end(s);
    frame_begin(&s->out, FRAME_PARTED);
    frame_end(&s->out);
    server_part(s);
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
        return outcome_refuse(e, IMPEL_E_NOMEM, "no memory");
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
server_timer(struct server *s, int64_t which)
{
    if (which == TIMER_ANSWERS) {
        s->answers_due = false;
        server_run(s);
    } else {
        server_time(s);
    }
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
        server_timer(s, arg);
        break;
    case IMPEL_EV_LOST:
        if (s->state != SERVER_LOST)
            server_lose(s);
        break;
    default:
        break;
    }
}

/* Answers of one commit come one by one, and go as one: those that follow in
 * this turn are waited for. */
static void
server_answer_soon(struct server *s)
{
    if (!s->answers_due)
        s->host->timer(s->session, TIMER_ANSWERS, 0);
    s->answers_due = true;
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

/* No more messages; those that have begun are worked on. */
static void
server_goes(struct server *s)
{
    if (s->going)
        return;
    s->going = true;
    server_say(s, FRAME_GOAWAY, "421 4.3.2 closing down");
}

/* Behind an answer with 421, such as a filter's, there are no more. */
static void
server_heeds(struct server *s, const struct impel_result *r)
{
    if (r->code == 421 && (s->state == SERVER_OPEN || s->state == SERVER_SETUP))
        server_goes(s);
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
        server_heeds(s, r);
        if (s->state == SERVER_LOST && !s->committing) {
            server_end(s, NULL);
            return;
        }
        if (s->committing && s->state != SERVER_LOST) {
            server_answer_soon(s);
            return;
        }
    } else if (s->setup && s->setup->tag == tag) {
        receipt_judged(s, rcpt, r);
        server_heeds(s, r);
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
    if (s->state == SERVER_LOST)
        return;
    server_goes(s);
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
    receipt_fini(s);
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
