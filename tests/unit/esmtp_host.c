/* SPDX-License-Identifier: Apache-2.0
 *
 * esmtp_host.c - the smallest host that runs the esmtp module.
 */
#include "esmtp_host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct esmtp_host *the; /* one at a time */

static void
host_log(struct impel_instance *i, struct impel_session *s, int level,
    const char *fmt, ...)
{
    (void)i;
    (void)s;
    (void)level;
    (void)fmt;
    the->log_count++;
}

static int64_t
host_now(void)
{
    return the->now;
}

static int
host_opt_is_set(const struct impel_scope *s, uint32_t row)
{
    (void)s;
    return row != OPT_STATIC_BANNER && row != OPT_BANNER_HOSTNAME &&
        row != OPT_SMTP_EXTENSIONS && row != OPT_RECONFIG_MESSAGE;
}

static size_t
host_opt_count(const struct impel_scope *s, uint32_t row)
{
    (void)s;
    (void)row;
    return 0;
}

static int64_t
host_opt_int(const struct impel_scope *s, uint32_t row)
{
    (void)s;
    return the->option[row];
}

static struct impel_str
host_opt_str(const struct impel_scope *s, uint32_t row, uint32_t item)
{
    (void)s;
    (void)row;
    (void)item;
    return (struct impel_str){NULL, 0};
}

static void
host_count(struct impel_instance *i, uint32_t counter, int64_t by)
{
    (void)i;
    (void)by;
    MUST(counter < COUNT_MAX);
}

static int
host_dial(
    struct impel_session *s, const struct impel_dial *d, struct impel_error *e)
{
    (void)e;
    MUST(d->port != 0 && s->dials < 2 && s->ready == 0);
    s->dialled = s->down = true;
    the->connect_due = ++s->dials == 2;
    the->drained_due = false;
    s->in.n = s->in_at = 0;
    return 0;
}

static int
host_start_tls(struct impel_session *s, struct impel_error *e)
{
    MUST(!s->closed && !s->down && !the->drained_due);
    if (s->in_at < s->in.n) {
        snprintf(e->text, sizeof(e->text), "more came in clear");
        return IMPEL_E_INVAL;
    }
    the->tls_due = true;
    return 0;
}

static struct impel_str
host_input(struct impel_session *s)
{
    MUST(!s->closed);
    if (!s->in.p)
        return (struct impel_str){NULL, 0};
    return (struct impel_str){s->in.p + s->in_at, s->in.n - s->in_at};
}

static void
host_consume(struct impel_session *s, size_t n)
{
    MUST(!s->closed && n <= s->in.n - s->in_at);
    s->in_at += n;
}

static int
host_write(struct impel_session *s, const void *p, size_t n)
{
    MUST(!s->closed && n > 0 && !the->drained_due && !the->body_due);
    MUST(!s->down && !the->tls_due);
    if (the->full_every > 0 && ++the->writes % the->full_every == 0) {
        the->drained_due = true;
        return IMPEL_E_FULL;
    }
    text_add(&s->out, p, n);
    return 0;
}

static struct impel_str
host_info(struct impel_session *s, int what)
{
    (void)s;
    if (what == IMPEL_INFO_TLS_VERSION && the->tls)
        return (struct impel_str){the->tls, strlen(the->tls)};
    if (what == IMPEL_INFO_TLS_MAY && the->tls_may)
        return (struct impel_str){"yes", 3};
    return what == IMPEL_INFO_EHLO_NAME ? (struct impel_str){"own.test", 8}
                                        : (struct impel_str){NULL, 0};
}

static void
host_timer(struct impel_session *s, int number, int64_t after)
{
    MUST(!s->closed && number == 0);
    s->due = after < 0 ? 0 : the->now + after;
}

static int64_t
host_body_size(struct impel_batch *b, int form)
{
    MUST(!b->ended);
    if ((form & IMPEL_BODY_SEVENBIT) && b->rigid)
        return IMPEL_E_UNSUP;
    return (int64_t)strlen(b->body);
}

static int
host_send_body(struct impel_batch *b, int form)
{
    MUST(!b->ended && !the->body_due);
    b->form = form;
    text_add(&the->session.out, b->body, strlen(b->body));
    if (form & IMPEL_BODY_DOTTED)
        text_add(&the->session.out, ".\r\n", 3);
    the->body_due = true;
    return 0;
}

static void
host_ready(struct impel_session *s, uint32_t open)
{
    MUST(!s->closed);
    s->ready = open;
}

static void
host_draining(struct impel_session *s)
{
    MUST(!s->closed);
    the->drained++;
}

static void
report(struct impel_batch *b, size_t i, const struct impel_result *r)
{
    size_t k;

    MUST(!b->ended && r->verdict >= IMPEL_DELIVERED &&
        r->verdict <= IMPEL_UNTRIED && r->size == sizeof(*r));
    b->reported[i]++;
    b->verdict[i] = r->verdict;
    b->flags[i] = r->flags;
    for (k = 0; k < r->info_count; k++) {
        b->no_dsn = b->no_dsn || r->info[k].key.p[0] == 'd';
        b->no_by = b->no_by || r->info[k].key.p[0] == 'b';
    }
    MUST(b->reported[i] == 1);
}

static void
end_if_last(struct impel_batch *b)
{
    size_t i;

    for (i = 0; i < b->envelope.rcpt_count; i++)
        if (!b->reported[i])
            return;
    b->ended = true;
}

static void
host_rcpt_done(struct impel_batch *b, size_t i, const struct impel_result *r)
{
    MUST(i < b->envelope.rcpt_count);
    report(b, i, r);
    end_if_last(b);
}

static void
host_rest_done(struct impel_batch *b, const struct impel_result *r)
{
    size_t i, n = 0;

    for (i = 0; i < b->envelope.rcpt_count; i++)
        if (!b->reported[i]) {
            report(b, i, r);
            n++;
        }
    MUST(n > 0);
    end_if_last(b);
}

static void
host_closed(struct impel_session *s, const struct impel_result *why)
{
    (void)why;
    MUST(!s->closed);
    s->closed = true;
}

static int
ask(uint64_t tag, int stage, size_t rcpt)
{
    MUST(!the->asked);
    the->asked = true;
    the->asked_tag = tag;
    the->asked_stage = stage;
    the->asked_rcpt = rcpt;
    return 0;
}

static int
intake_greet(struct impel_session *s, struct impel_str name)
{
    MUST(!s->closed && name.n > 0);
    return ask(0, IMPEL_AT_CONNECT, SIZE_MAX);
}

static struct impel_incoming *
intake_begin(struct impel_session *s, uint64_t tag)
{
    struct impel_incoming *in = &the->incoming;

    MUST(!s->closed && tag != 0 && !in->open);
    in->tag = tag;
    in->open = true;
    in->rcpts = 0;
    in->text.n = 0;
    return in;
}

static bool
is_line(struct impel_str s)
{
    size_t i;

    for (i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ')
            return false;
    return true;
}

static int
intake_sender(struct impel_incoming *in, const struct impel_sender *from)
{
    MUST(in->open && is_line(from->address) && is_line(from->envid));
    in->needs = from->needs;
    in->hold_until = from->hold_until;
    in->deadline = from->deadline;
    in->by = from->by;
    text_str(&in->text, from->address);
    the->refuse = from->address.n > 0 && from->address.p[0] == '!';
    return ask(in->tag, IMPEL_AT_SENDER, SIZE_MAX);
}

static int
intake_recipient(struct impel_incoming *in, const struct impel_rcpt *to)
{
    MUST(in->open && to->address.n > 0 && is_line(to->address) &&
        is_line(to->original));
    the->refuse = to->address.p[0] == '!';
    if (!the->refuse)
        text_str(&in->text, to->address);
    return ask(in->tag, IMPEL_AT_RCPT, in->rcpts++);
}

static int
intake_set_meta(
    struct impel_incoming *in, struct impel_str key, struct impel_str value)
{
    MUST(in->open && key.n > 0 && value.n > 0);
    return 0;
}

static int
intake_body(struct impel_incoming *in, const void *p, size_t n)
{
    MUST(in->open && n > 0 && !the->credit_due);
    if (the->again_every > 0 && ++the->body_calls % the->again_every == 0) {
        the->credit_due = true;
        return IMPEL_E_AGAIN;
    }
    text_add(&in->text, p, n);
    return 0;
}

static int
intake_commit(struct impel_incoming *in, struct impel_str key)
{
    const char *p = in->text.p;
    size_t i, n = in->text.n;

    MUST(in->open && !key.p && n >= 1);
    MUST(n < 2 || p[n - 1] == '\n' || (in->needs & IMPEL_NEED_BINARY));
    for (i = 0; i < n && !(in->needs & IMPEL_NEED_BINARY); i++)
        MUST(p[i] != '\r' || (i + 1 < n && p[i + 1] == '\n'));
    text_add(&the->taken, p, n);
    text_add(&the->taken, "\0", 1);
    the->committed++;
    return ask(in->tag, IMPEL_AT_FINAL, SIZE_MAX);
}

static void
intake_abandon(struct impel_incoming *in)
{
    MUST(in->open);
    in->open = false;
    the->credit_due = false;
    if (the->asked && the->asked_tag == in->tag)
        the->asked = false;
}

static bool
starts(struct impel_str s, const char *with)
{
    return s.n >= strlen(with) && memcmp(s.p, with, strlen(with)) == 0;
}

/* Whoever speaks is trusted; the first octets of the address say what becomes
 * of it. */
static int
intake_set_peer(struct impel_session *s, const struct impel_peer *p)
{
    MUST(!s->closed && !the->asked);
    if (!p)
        return 0;
    MUST(p->size == sizeof(*p) && !the->incoming.open);
    MUST(is_line(p->host) && is_line(p->addr) && is_line(p->helo) &&
        is_line(p->login) && is_line(p->local));
    MUST(p->helo.n <= 255 && p->login.n <= 255);
    if (starts(p->addr, "bad"))
        return IMPEL_E_INVAL;
    if (starts(p->addr, "no"))
        return IMPEL_E_UNSUP;
    if (!starts(p->addr, "room") && !starts(p->addr, "full"))
        return 0;
    the->refuse = starts(p->addr, "full");
    ask(0, IMPEL_AT_CONNECT, SIZE_MAX);
    return IMPEL_E_AGAIN;
}

/* --- logins: words decide what becomes of them --- */

static struct impel_str
intake_mechanisms(struct impel_session *s)
{
    MUST(!s->closed && !the->asked);
    if (!the->logins)
        return (struct impel_str){NULL, 0};
    return (struct impel_str){"PLAIN LOGIN", 11};
}

static int
intake_sasl(
    struct impel_session *s, struct impel_sasl *q, struct impel_error *e)
{
    (void)e;
    MUST(!s->closed && !the->asked && q->size == sizeof(*q));
    MUST(is_line(q->mechanism));
    q->out = (struct impel_str){NULL, 0};
    if (q->end) {
        MUST(the->login_open);
        the->login_open = false;
        return 0;
    }
    if (q->mechanism.p) {
        MUST(!the->login_open && q->mechanism.n > 0);
        if (!starts(q->mechanism, "PLAIN") && !starts(q->mechanism, "LOGIN"))
            return IMPEL_E_UNSUP;
    } else {
        MUST(the->login_open && q->in.p);
    }
    the->login_open = true;
    if (!q->in.p || starts(q->in, "more")) {
        q->out = (struct impel_str){"bW9yZQ==", q->in.p ? 8 : 0};
        return 0;
    }
    the->login_open = false;
    the->refuse = starts(q->in, "no");
    ask(0, IMPEL_AT_LOGIN, SIZE_MAX);
    return IMPEL_E_AGAIN;
}

static int
host_login(struct impel_session *s, struct impel_sasl *q, struct impel_error *e)
{
    MUST(!s->closed && !s->down && s->ready == 0 && q->size == sizeof(*q));
    q->out = (struct impel_str){NULL, 0};
    snprintf(e->text, sizeof(e->text), "no login");
    if (!the->logins)
        return IMPEL_E_UNSUP;
    if (q->end) {
        MUST(the->login_open && !the->login_due);
        return the->now % 2 ? IMPEL_E_INVAL : 0;
    }
    if (q->mechanism.p) {
        MUST(!the->login_due);
        if (!memmem(q->mechanism.p, q->mechanism.n, "PLAIN", 5))
            return IMPEL_E_INVAL;
        q->mechanism = (struct impel_str){"PLAIN", 5};
        the->login_open = true;
    } else {
        MUST(the->login_open && !the->login_due);
        if (q->in.p && starts(q->in, "bad"))
            return IMPEL_E_INVAL;
        if (q->in.p && starts(q->in, "slow")) {
            the->login_due = true;
            return IMPEL_E_AGAIN;
        }
    }
    q->out = (struct impel_str){"c2VjcmV0", 8};
    return 0;
}

/* For a log that is none here. */
static void
intake_refused(struct impel_session *s, struct impel_str rcpt,
    const struct impel_result *r)
{
    (void)s, (void)rcpt, (void)r;
}

static const struct impel_intake intake = {.mechanisms = intake_mechanisms,
    .sasl = intake_sasl,
    .set_peer = intake_set_peer,
    .size = sizeof(intake),
    .greet = intake_greet,
    .begin = intake_begin,
    .sender = intake_sender,
    .recipient = intake_recipient,
    .set_meta = intake_set_meta,
    .body = intake_body,
    .commit = intake_commit,
    .abandon = intake_abandon,
    .refused = intake_refused};

struct esmtp_host *
esmtp_host_new(void)
{
    struct esmtp_host *h = calloc(1, sizeof(*h));
    size_t i;

    MUST(h != NULL);
    the = h;
    h->host = (struct impel_host){.size = sizeof(h->host),
        .log = host_log,
        .now = host_now,
        .opt_is_set = host_opt_is_set,
        .opt_count = host_opt_count,
        .opt_int = host_opt_int,
        .opt_str = host_opt_str,
        .count = host_count,
        .dial = host_dial,
        .login = host_login,
        .start_tls = host_start_tls,
        .input = host_input,
        .consume = host_consume,
        .write = host_write,
        .info = host_info,
        .timer = host_timer,
        .body_size = host_body_size,
        .send_body = host_send_body,
        .ready = host_ready,
        .draining = host_draining,
        .rcpt_done = host_rcpt_done,
        .rest_done = host_rest_done,
        .closed = host_closed,
        .intake = &intake};
    h->module.host = &h->host;
    h->now = 1000000;
    for (i = 0; i < OPT_ROWS; i++)
        if (options_esmtp[i].initial)
            h->option[i] = atoi(options_esmtp[i].initial);
    h->option[OPT_PIPELINING] = h->option[OPT_CHUNKING] = 1;
    h->option[OPT_PORT] = 25;
    h->option[OPT_TRANSFORM_8BITMIME] = TRANSFORM_IFNEEDED;
    h->option[OPT_MAX_ERRORS] = 20;
    h->option[OPT_MAX_COMMANDS] = 1000;
    return h;
}

void
esmtp_host_free(struct esmtp_host *h)
{
    free(h->session.in.p);
    free(h->session.out.p);
    free(h->incoming.text.p);
    free(h->taken.p);
    free(h);
    the = NULL;
}

void
esmtp_host_listen(struct esmtp_host *h)
{
    struct impel_peer peer = {.size = sizeof(peer)};
    struct impel_error e;

    MUST(dialogue_listener.accepted(
             &h->module, &h->session, NULL, &peer, &h->s, &e) == 0);
}

void
esmtp_host_connect(struct esmtp_host *h, const char *method)
{
    struct impel_peer peer = {
        .size = sizeof(peer), .method = {method, strlen(method)}};
    struct impel_error e;

    MUST(dialogue_transport.open(
             &h->module, &h->session, NULL, &peer, &h->s, &e) == 0);
    MUST(h->session.dialled);
    h->session.down = false;
    dialogue_transport.event(h->s, NULL, IMPEL_EV_CONNECTED, 0);
}

static void
session_event(
    struct esmtp_host *h, struct impel_batch *b, int event, int64_t arg)
{
    if (h->session.dialled)
        dialogue_transport.event(h->s, b, event, arg);
    else
        dialogue_listener.event(h->s, b, event, arg);
}

static bool
settle_verdict(struct esmtp_host *h)
{
    struct impel_result r = {.size = sizeof(r),
        .verdict = h->refuse ? IMPEL_FAILED : IMPEL_DELIVERED,
        .stage = h->asked_stage,
        .retry_after = -1};

    if (!h->asked)
        return false;
    h->asked = h->refuse = false;
    if (h->asked_stage == IMPEL_AT_FINAL)
        h->incoming.open = false;
    dialogue_listener.verdict(h->s, h->asked_tag, h->asked_rcpt, &r);
    return true;
}

static struct impel_batch *lent;

void
esmtp_host_settle(struct esmtp_host *h)
{
    bool more = true;

    while (more && !h->session.closed) {
        more = settle_verdict(h);
        if (h->drained_due && !h->session.closed) {
            h->drained_due = false;
            session_event(h, NULL, IMPEL_EV_DRAINED, 0);
            more = true;
        }
        if (h->credit_due && !h->session.closed) {
            h->credit_due = false;
            dialogue_listener.event(h->s, NULL, IMPEL_EV_CREDIT, 0);
            more = true;
        }
        if (h->tls_due && !h->session.closed) {
            h->tls_due = false;
            h->session.down = h->tls_fails;
            session_event(
                h, NULL, IMPEL_EV_TLS, h->tls_fails ? IMPEL_E_CLOSED : 0);
            more = true;
        }
        if (h->login_due && !h->session.closed) {
            h->login_due = false;
            session_event(h, NULL, IMPEL_EV_LOGIN, 0);
            more = true;
        }
        if (h->connect_due && !h->session.closed) {
            h->connect_due = h->session.down = false;
            session_event(h, NULL, IMPEL_EV_CONNECTED, 0);
            more = true;
        }
        if (h->body_due && !h->session.closed) {
            h->body_due = false;
            dialogue_transport.event(h->s, lent, IMPEL_EV_BODY, 0);
            more = true;
        }
    }
}

void
esmtp_host_feed(struct esmtp_host *h, const void *p, size_t n)
{
    struct impel_session *s = &h->session;

    if (s->closed)
        return;
    if (s->in_at == s->in.n)
        s->in_at = s->in.n = 0;
    text_add(&s->in, p, n);
    session_event(h, NULL, IMPEL_EV_INPUT, 0);
    esmtp_host_settle(h);
}

void
esmtp_host_lend(struct esmtp_host *h, struct impel_batch *b)
{
    MUST(!h->session.closed && h->session.ready == 1);
    lent = b;
    dialogue_transport.deliver(h->s, b, &b->envelope);
    esmtp_host_settle(h);
}

void
esmtp_host_end(struct esmtp_host *h)
{
    bool out = h->session.dialled;

    /* who falls back to clear text has dialled once more */
    for (int i = 0; i < 2 && !h->session.closed; i++)
        session_event(h, NULL, IMPEL_EV_LOST, 0);
    MUST(h->session.closed);
    MUST(out || !h->incoming.open || h->asked);
    (out ? dialogue_transport.release : dialogue_listener.release)(h->s);
}
