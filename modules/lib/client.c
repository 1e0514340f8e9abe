/* SPDX-License-Identifier: Apache-2.0
 *
 * client.c - the life of an outbound session.
 *
 * Nothing the peer says is believed out of turn: a reply that nobody waits for
 * ends the session, whatever it says.
 */
#include "client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client_auth.h"
#include "line.h"
#include "starttls.h"
#include "xclient.h"

void
client_fail(struct client *c, const struct impel_result *why)
{
    if (c->state == CLIENT_DEAD)
        return;
    c->state = CLIENT_DEAD;
    pipeline_abandon(c, why);
    c->host->closed(c->session, why);
}

static void
client_end(struct client *c)
{
    c->state = CLIENT_DEAD;
    c->host->closed(c->session, NULL);
}

/* A batch is here: its result is due whatever happens. */
static bool
client_is_busy(const struct client *c)
{
    switch (c->state) {
    case CLIENT_XRESET:
    case CLIENT_XCLIENT:
    case CLIENT_XHELLO:
    case CLIENT_BUSY:
        return true;
    default:
        return false;
    }
}

/* Where the session stands, for the result of a failure. */
static int
client_stage(const struct client *c)
{
    switch (c->state) {
    case CLIENT_BANNER:
        return IMPEL_AT_BANNER;
    case CLIENT_EHLO:
    case CLIENT_HELO:
        return starttls_is_on(c) ? IMPEL_AT_TLS : IMPEL_AT_HELLO;
    case CLIENT_XRESET:
    case CLIENT_PROBE:
        return IMPEL_AT_RESET;
    case CLIENT_XCLIENT:
    case CLIENT_XHELLO:
        return IMPEL_AT_CLIENT;
    case CLIENT_BUSY:
        return pipeline_stage(c);
    default:
        if (client_auth_is_on(c))
            return IMPEL_AT_LOGIN;
        return starttls_is_on(c) ? IMPEL_AT_TLS : IMPEL_AT_CONNECT;
    }
}

static int
client_blame(const struct client *c)
{
    return c->state < CLIENT_READY ? IMPEL_BLAME_HOST : IMPEL_BLAME_SESSION;
}

const char *
client_hello_verb(const struct client *c)
{
    return c->module->lmtp ? "LHLO" : "EHLO";
}

static const char *
client_doing(const struct client *c)
{
    switch (c->state) {
    case CLIENT_EHLO:
    case CLIENT_XHELLO:
        return client_hello_verb(c);
    case CLIENT_XCLIENT:
        return "XCLIENT";
    case CLIENT_HELO:
        return "HELO";
    case CLIENT_STARTTLS:
    case CLIENT_GO:
    case CLIENT_SHAKING:
        return "STARTTLS";
    case CLIENT_AUTH:
    case CLIENT_AUTH_WORK:
        return "AUTH";
    case CLIENT_PROBE:
    case CLIENT_XRESET:
        return "RSET";
    case CLIENT_BUSY:
        return pipeline_doing(c);
    default:
        return "QUIT";
    }
}

void
client_fail_text(struct client *c, const char *text)
{
    struct impel_result r =
        outcome_internal(IMPEL_RETRY, client_blame(c), client_stage(c), text);

    client_fail(c, &r);
}

void
client_protocol_error(struct client *c)
{
    c->host->count(c->module->instance, COUNT_PROTOCOL_ERRORS, 1);
    c->host->log(c->module->instance, c->session, IMPEL_LOG_WARNING,
        "event=protocol-error doing=\"%s\"", client_doing(c));
    if (c->state == CLIENT_READY) {
        client_fail_text(c, "451 4.5.0 [internal] reply without a command");
    } else {
        struct impel_result r = outcome_internal(IMPEL_RETRY, IMPEL_BLAME_HOST,
            client_stage(c), "451 4.5.0 [internal] unintelligible reply");

        client_fail(c, &r);
    }
}

void
client_wait(struct client *c, enum option_row timeout)
{
    deadline_set(&c->deadline, c->host, c->session,
        options_ms(c->module, c->scope, timeout));
}

bool
client_flush(struct client *c)
{
    int rc = out_flush(&c->out, c->host, c->session);

    if (rc == 0)
        return true;
    if (rc == IMPEL_E_FULL) {
        c->full = true;
        return false;
    }
    /* EV_LOST follows, and input() may hold why; it is not waited for long */
    c->lost = true;
    deadline_set(&c->deadline, c->host, c->session, 1000);
    return false;
}

void
client_say(
    struct client *c, enum client_state state, const char *verb, bool name)
{
    struct impel_str own = {NULL, 0};

    if (name)
        own = c->host->info(c->session, IMPEL_INFO_EHLO_NAME);
    out_text(&c->out, verb);
    if (name) {
        out_put(&c->out, " ", 1);
        if (own.n > 0 && own.n <= 255 && line_is_clean(own, false))
            out_str(&c->out, own);
        else
            out_text(&c->out, "localhost");
    }
    out_text(&c->out, "\r\n");
    c->state = state;
}

void
client_ready(struct client *c)
{
    c->state = CLIENT_READY;
    deadline_clear(&c->deadline);
    c->host->ready(c->session, 1);
}

static void
client_quit(struct client *c)
{
    client_say(c, CLIENT_QUIT, "QUIT", false);
    client_wait(c, OPT_QUIT_TIMEOUT);
}

void
client_finished(struct client *c)
{
    c->state = CLIENT_READY;
    c->warm = c->warm || c->t.answered;
    deadline_clear(&c->deadline);
    if (c->parting)
        client_quit(c);
    else if (xclient_is_spent(c) || limits_spent(&c->limits, &c->capability))
        c->host->draining(c->session);
}

/* The host will not talk: another may. */
static void
client_turned_away(struct client *c, const struct reply *r)
{
    struct impel_result why = outcome_reply(r, client_stage(c));

    why.blame = IMPEL_BLAME_HOST;
    client_fail(c, &why);
}

static void
client_banner(struct client *c, const struct reply *r)
{
    if (reply_class(r) == 2) {
        if (c->plain)
            client_say(c, CLIENT_HELO, "HELO", true);
        else
            client_say(c, CLIENT_EHLO, client_hello_verb(c), true);
        client_wait(c, OPT_EHLO_TIMEOUT);
        return;
    }
    client_turned_away(c, r);
}

static void
client_hello(struct client *c, const struct reply *r)
{
    if (reply_class(r) == 2) {
        if (c->state == CLIENT_EHLO)
            capability_parse(&c->capability, r);
        if (starttls_begin(c))
            client_auth_begin(c);
        return;
    }
    if (c->state == CLIENT_EHLO && reply_class(r) == 5 && !c->module->lmtp) {
        c->host->count(c->module->instance, COUNT_HELO_FALLBACKS, 1);
        client_say(c, CLIENT_HELO, "HELO", true);
        client_wait(c, OPT_EHLO_TIMEOUT);
        return;
    }
    client_turned_away(c, r);
}

/* Nothing was asked: a timeout of the peer's, or worse. */
static void
client_unasked(struct client *c, const struct reply *r)
{
    struct impel_result why;

    if (r->code != 421) {
        client_protocol_error(c);
        return;
    }
    why = outcome_reply(r, IMPEL_AT_CONNECT);
    client_fail(c, &why);
}

static void
client_reply(struct client *c, const struct reply *r)
{
    struct impel_result why;

    switch (c->state) {
    case CLIENT_BANNER:
        client_banner(c, r);
        break;
    case CLIENT_EHLO:
    case CLIENT_HELO:
        client_hello(c, r);
        break;
    case CLIENT_STARTTLS:
        starttls_reply(c, r);
        break;
    case CLIENT_AUTH:
    case CLIENT_AUTH_WORK:
        client_auth_reply(c, r);
        break;
    case CLIENT_XRESET:
    case CLIENT_XCLIENT:
    case CLIENT_XHELLO:
        xclient_reply(c, r);
        break;
    case CLIENT_BUSY:
        pipeline_reply(c, r);
        break;
    case CLIENT_PROBE:
        if (reply_class(r) == 2) {
            c->need_reset = false;
            client_ready(c);
            break;
        }
        why = outcome_reply(r, IMPEL_AT_RESET);
        why.verdict = IMPEL_RETRY;
        why.blame = IMPEL_BLAME_SESSION;
        client_fail(c, &why);
        break;
    case CLIENT_QUIT:
        client_end(c);
        break;
    default:
        client_unasked(c, r);
        break;
    }
}

/* Send what the turn has brought up. */
static void
client_send(struct client *c)
{
    if (c->state == CLIENT_DEAD || c->lost || c->full)
        return;
    if (c->state == CLIENT_BUSY)
        pipeline_pump(c);
    else if (client_flush(c)) /* a loss is an event of its own */
        client_auth_send(c);
}

static void
client_input(struct client *c)
{
    struct impel_str in = c->host->input(c->session);
    size_t at = 0;

    if (!in.p)
        in.p = ""; /* there is no walking from NULL */
    while (c->state != CLIENT_DEAD && c->state != CLIENT_GO) {
        struct reply r;

        switch (reply_parse(&c->scan, in.p + at, in.n - at, &r)) {
        case REPLY_OK:
            at += r.used;
            client_reply(c, &r);
            continue;
        case REPLY_BAD:
            client_protocol_error(c);
            return;
        case REPLY_MORE:
            break;
        }
        break;
    }
    if (c->state == CLIENT_DEAD)
        return;
    if (at > 0)
        c->host->consume(c->session, at);
    if (c->state == CLIENT_GO)
        starttls_go(c, in.n - at);
    else
        client_send(c);
}

static const char *
client_connect_text(int64_t error)
{
    switch (error) {
    case -ECONNREFUSED:
        return "451 4.4.1 [internal] Connection refused";
    case -ETIMEDOUT:
        return "450 4.4.1 [internal] Connection Timed Out";
    case -EHOSTUNREACH:
        return "451 4.4.1 [internal] No route to host";
    case -ENETUNREACH:
        return "451 4.4.1 [internal] Network is unreachable";
    default:
        return "451 4.4.1 [internal] unable to make connection";
    }
}

static void
client_lost(struct client *c, int64_t error)
{
    struct impel_result r;

    c->lost = true;
    if (c->state != CLIENT_DIAL)
        client_input(c); /* the peer's last words may say why */
    if (!c->lost)
        return; /* another connection is on its way */
    switch (c->state) {
    case CLIENT_DEAD:
        return;
    case CLIENT_DIAL:
        client_fail_text(c, client_connect_text(error));
        return;
    case CLIENT_BANNER:
        client_fail_text(c, "451 4.4.2 [internal] no banner");
        return;
    case CLIENT_QUIT:
        client_end(c);
        return;
    case CLIENT_STARTTLS:
    case CLIENT_GO:
    case CLIENT_SHAKING:
        starttls_failed(c, "connection closed by remote host");
        return;
    default:
        break;
    }
    r = outcome_internal(IMPEL_RETRY, client_blame(c), client_stage(c),
        "451 4.4.2 [internal] connection closed by remote host");
    /* a warm connection that went away before it answered at all: the peer
     * had enough of the session, the message was never looked at */
    if (client_is_busy(c) && c->warm && !c->t.answered)
        r.verdict = IMPEL_UNTRIED;
    client_fail(c, &r);
}

static void
client_timeout(struct client *c)
{
    char text[80];

    c->host->count(c->module->instance, COUNT_TIMEOUTS, 1);
    switch (c->state) {
    case CLIENT_DIAL:
        client_fail_text(c, client_connect_text(-ETIMEDOUT));
        break;
    case CLIENT_BANNER:
        client_fail_text(c, "451 4.4.2 [internal] no banner");
        break;
    case CLIENT_QUIT:
        client_end(c);
        break;
    case CLIENT_STARTTLS:
        starttls_unanswered(c);
        break;
    case CLIENT_SHAKING:
        starttls_failed(c, "the handshake took too long");
        break;
    default:
        snprintf(text, sizeof(text),
            c->lost || c->full || (c->state == CLIENT_BUSY && c->t.sending)
                ? "451 4.4.2 [internal] send %s failed"
                : "451 4.4.2 [internal] no %s response",
            client_doing(c));
        client_fail_text(c, text);
        break;
    }
}

static void
client_event(void *s, struct impel_batch *batch, int event, int64_t arg)
{
    struct client *c = s;

    if (c->state == CLIENT_DEAD)
        return;
    switch (event) {
    case IMPEL_EV_CONNECTED:
        c->state = CLIENT_BANNER;
        client_wait(c, OPT_BANNER_TIMEOUT);
        client_input(c);
        break;
    case IMPEL_EV_TLS:
        starttls_done(c, arg);
        break;
    case IMPEL_EV_LOGIN:
        client_auth_event(c);
        break;
    case IMPEL_EV_INPUT:
        if (c->state != CLIENT_DIAL && c->state != CLIENT_SHAKING)
            client_input(c);
        break;
    case IMPEL_EV_DRAINED:
        c->full = false;
        if (c->state == CLIENT_BUSY)
            pipeline_moved(c);
        client_send(c);
        break;
    case IMPEL_EV_BODY:
        if (batch && batch == c->t.batch && c->t.sending)
            pipeline_body_sent(c);
        client_send(c);
        break;
    case IMPEL_EV_TIMER:
        if (arg == 0 && deadline_fired(&c->deadline, c->host, c->session))
            client_timeout(c);
        break;
    case IMPEL_EV_LOST:
        client_lost(c, arg);
        break;
    default:
        break;
    }
}

int
client_dial(struct client *c, struct impel_error *e)
{
    struct impel_dial dial = {
        .size = sizeof(dial), .port = c->port, .tls = IMPEL_TLS_NONE};
    int rc = c->host->dial(c->session, &dial, e);

    c->state = CLIENT_DIAL;
    if (rc == 0)
        client_wait(c, OPT_CONNECT_TIMEOUT);
    return rc;
}

static int
client_open(void *ctx, struct impel_session *session,
    const struct impel_scope *scope, const struct impel_peer *peer, void **s,
    struct impel_error *e)
{
    struct dialogue *module = ctx;
    const struct impel_host *host = module->host;
    struct client *c = calloc(1, sizeof(*c));
    int64_t port;
    int rc;

    if (!c) {
        return outcome_refuse(e, IMPEL_E_NOMEM, "no memory for a session");
    }
    c->module = module;
    c->host = host;
    c->session = session;
    c->scope = scope;
    c->plain = line_same(peer->method, "SMTP");
    port = peer->port ? peer->port : host->opt_int(scope, OPT_PORT);
    c->port = (uint16_t)(port > 0 && port <= 65535 ? port
            : module->lmtp                         ? 2003
                                                   : 25);
    rc = client_dial(c, e);
    if (rc < 0) {
        free(c);
        return rc;
    }
    *s = c;
    return 0;
}

void
client_transact(struct client *c)
{
    c->state = CLIENT_BUSY;
    pipeline_begin(c, c->t.batch, c->t.envelope);
}

static void
client_deliver(
    void *s, struct impel_batch *batch, const struct impel_envelope *envelope)
{
    struct client *c = s;

    if (c->state != CLIENT_READY || c->lost) {
        struct impel_result r =
            outcome_internal(IMPEL_UNTRIED, IMPEL_BLAME_SESSION,
                IMPEL_AT_SENDER, "451 4.4.2 [internal] connection is closing");

        c->host->rest_done(batch, &r);
        return;
    }
    memset(&c->t, 0, sizeof(c->t));
    c->t.batch = batch;
    c->t.envelope = envelope;
    c->t.left = envelope->rcpt_count;
    if (xclient_begin(c))
        client_transact(c);
    client_send(c);
}

/* The stream is out of step with what was reported, so the session ends. */
static void
client_cancel(void *s, struct impel_batch *batch)
{
    struct client *c = s;
    struct impel_result r = outcome_internal(IMPEL_UNTRIED, IMPEL_BLAME_SESSION,
        client_stage(c), "451 4.4.2 [internal] delivery was cancelled");

    if (client_is_busy(c) && batch == c->t.batch)
        client_fail(c, &r);
}

static void
client_probe(void *s)
{
    struct client *c = s;

    if (c->state != CLIENT_READY)
        return;
    client_say(c, CLIENT_PROBE, "RSET", false);
    client_wait(c, OPT_RSET_TIMEOUT);
    client_send(c);
}

static void
client_close(void *s, int now)
{
    struct client *c = s;
    struct impel_result r;

    if (c->state == CLIENT_DEAD)
        return;
    if (!now && c->state == CLIENT_READY && !c->lost) {
        client_quit(c);
        client_send(c);
        return;
    }
    if (!now && client_is_busy(c)) {
        c->parting = true;
        return;
    }
    if (!now && c->state == CLIENT_QUIT)
        return;
    if (!client_is_busy(c)) {
        client_end(c);
        return;
    }
    r = outcome_internal(IMPEL_UNTRIED, IMPEL_BLAME_SESSION, client_stage(c),
        "451 4.4.2 [internal] session was closed");
    pipeline_abandon(c, &r);
    client_end(c);
}

static void
client_release(void *s)
{
    struct client *c = s;

    outcome_drop(&c->t.keep);
    client_auth_drop(c);
    free(c->rcpt);
    free(c);
}

const struct impel_transport dialogue_transport = {
    .size = sizeof(dialogue_transport),
    .open = client_open,
    .event = client_event,
    .deliver = client_deliver,
    .cancel = client_cancel,
    .probe = client_probe,
    .close = client_close,
    .release = client_release,
};
