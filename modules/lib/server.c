/* SPDX-License-Identifier: Apache-2.0
 *
 * server.c - the life of an inbound session: turns, verdicts, time, parting.
 */
#include "server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capability.h"
#include "outcome.h"
#include "wording.h"

enum {
    REPLY_ROOM = 1024,        /* what the replies to one command may take */
    THROWN_MAX = 1024 * 1024, /* input ignored before the line is cut */
    PARTING_MS = 2000,
    BODY_PIECE = 65536 /* most that body() is given at once */
};

void
server_deadline(struct server *s, enum option_row timeout)
{
    int64_t ms = options_ms(s->module, s->scope, timeout);
    int64_t now = s->host->now(), until = s->session_until;

    if (s->body_until != 0 && (until == 0 || s->body_until < until))
        until = s->body_until;
    if (until != 0 && now + ms > until)
        ms = until > now ? until - now : 1;
    deadline_set(&s->deadline, s->host, s->session, ms);
}

void
server_reply(struct server *s, const char *line)
{
    out_text(&s->out, line);
    out_put(&s->out, "\r\n", 2);
}

/* False: there is no room for all of it yet. */
static bool
server_echo(struct server *s)
{
    while (s->echoes > 0 && out_room(&s->out) >= SERVER_LINE_MAX + 2) {
        server_reply(s, s->echo.text);
        s->echoes--;
    }
    return s->echoes == 0;
}

void
server_reply_each(struct server *s, size_t rcpts, const char *line)
{
    snprintf(s->echo.text, sizeof(s->echo.text), "%s", line);
    s->echoes = s->module->lmtp ? rcpts : 1;
    (void)server_echo(s); /* the rest when there is room */
}

void
server_await(struct server *s, enum server_wait wait)
{
    s->wait = wait;
    server_deadline(s, OPT_VERDICT_TIMEOUT);
}

static void
server_end(struct server *s, const struct impel_result *why)
{
    server_reset(s);
    s->state = SERVER_DEAD;
    s->host->closed(s->session, why);
}

void
server_cut(struct server *s, const char *text)
{
    struct impel_result why = {.size = sizeof(why),
        .verdict = IMPEL_RETRY,
        .blame = IMPEL_BLAME_SESSION,
        .stage = IMPEL_AT_CONNECT,
        .retry_after = -1,
        .text = line_str(text)};

    server_end(s, &why);
}

static bool
server_flush(struct server *s)
{
    int rc = out_flush(&s->out, s->host, s->session);

    if (rc == 0)
        return true;
    if (rc == IMPEL_E_FULL) {
        s->full = true;
        return false;
    }
    s->out.n = 0; /* nobody hears it: EV_LOST is on its way */
    s->out.overflow = false;
    s->state = SERVER_PARTING;
    deadline_set(&s->deadline, s->host, s->session, PARTING_MS);
    return false;
}

void
server_reset(struct server *s)
{
    if (s->in && s->wait != WAIT_COMMIT)
        s->host->intake->abandon(s->in);
    s->in = NULL;
    s->mail = s->utf8 = s->binary = s->bdat = s->cr = s->smuggling = false;
    s->chunk_ignored = s->chunk_last = s->no_credit = false;
    s->rcpt_tried = s->rcpt_accepted = 0;
    s->body_until = 0;
    s->chunk_left = s->chunk_size = s->body_bytes = s->wasted_bytes = 0;
    s->refusal.text[0] = '\0';
}

/* What still comes in is read and thrown away, by the host too when it has all
 * of ours: closing with unread input could destroy the reply on its way. */
void
server_bye(struct server *s, const char *line)
{
    server_reset(s);
    s->wait = WAIT_NOTHING;
    s->echoes = 0;
    if (out_room(&s->out) >= SERVER_LINE_MAX + 2)
        server_reply(s, line);
    s->state = SERVER_PARTING;
    s->last = true;
    s->thrown = 0;
    deadline_set(&s->deadline, s->host, s->session, PARTING_MS);
}

void
server_error(struct server *s, const char *line)
{
    int64_t max = s->host->opt_int(s->scope, OPT_MAX_ERRORS);

    s->host->count(s->module->instance, COUNT_BAD_COMMANDS, 1);
    if (max > 0 && s->errors >= (uint64_t)max) {
        server_turn_out(s, "421 4.7.0 too many errors");
        return;
    }
    s->errors++;
    server_rejected(s, s->stage, line_str(""), line);
    server_reply(s, line);
}

/* The rest of a line that is too long, up to its LF. */
static size_t
take_long(struct server *s, const char *p, size_t n)
{
    const char *lf = n > 0 ? memchr(p, '\n', n) : NULL;
    size_t used = lf ? (size_t)(lf - p) + 1 : n;

    s->thrown += used;
    if (s->thrown > THROWN_MAX) {
        server_turn_out(s, "421 4.7.0 line is endless");
    } else if (lf) {
        s->state = SERVER_COMMAND;
        server_deadline(s, OPT_IDLE_TIME);
        server_error(s, "500 5.5.2 line is too long");
    }
    return used;
}

static size_t
take_command(struct server *s, const char *p, size_t n)
{
    size_t max = (size_t)s->host->opt_int(s->scope, OPT_MAX_LINE_LENGTH);
    size_t used = 0;
    struct impel_str text;

    if (max < 512)
        max = 512;
    if (auth_line_max(s, p, n) > max)
        max = auth_line_max(s, p, n);
    switch (line_find(&s->line, p, n, max, &text, &used)) {
    case LINE_MORE:
        return 0;
    case LINE_LONG:
        auth_abandon(s);
        s->line.seen = 0;
        s->state = SERVER_LONG;
        s->thrown = max;
        return max;
    case LINE_BARE:
        auth_abandon(s);
        server_deadline(s, OPT_IDLE_TIME);
        server_error(s, "500 5.5.2 a line ends in CRLF, not in LF");
        return used;
    case LINE_OK:
        break;
    }
    server_deadline(s, OPT_IDLE_TIME);
    if (s->state == SERVER_AUTH)
        server_auth_line(s, text);
    else if (!line_is_clean(text, true))
        server_error(s, "500 5.5.2 control character in command");
    else if (s->closing)
        server_bye(s, "421 4.3.2 closing down");
    else
        command_line(s, text);
    return used;
}

static size_t
server_take(struct server *s, const char *p, size_t n)
{
    switch (s->state) {
    case SERVER_COMMAND:
    case SERVER_AUTH:
        return take_command(s, p, n);
    case SERVER_LONG:
        return take_long(s, p, n);
    case SERVER_DATA:
        return data_take(s, p, n < BODY_PIECE ? n : BODY_PIECE);
    case SERVER_BDAT:
        return bdat_take(s, p, n < BODY_PIECE ? n : BODY_PIECE);
    case SERVER_STARTTLS:
    case SERVER_GO:
        return server_tls_take(s, n);
    default:
        s->thrown += n;
        return n;
    }
}

/* Whoever will say no more has heard all. */
static void
server_end_of_input(struct server *s)
{
    if (s->in)
        server_cut(s, "connection lost within a message");
    else
        server_end(s, NULL);
}

/* Go on with the input as far as it leads; replies go out in one piece. */
static void
server_run(struct server *s)
{
    struct impel_str in = s->host->input(s->session);
    enum server_state before;
    size_t at = 0, used;

    if (s->state == SERVER_SHAKING)
        return; /* no octet is read or written meanwhile */
    if (!in.p)
        in.p = ""; /* there is no walking from NULL */
    while (s->state != SERVER_DEAD && s->wait == WAIT_NOTHING && !s->full &&
        !s->no_credit) {
        if (out_room(&s->out) < REPLY_ROOM && !server_flush(s))
            break;
        if (!server_echo(s))
            continue;
        before = s->state;
        used = server_take(s, in.p + at, in.n - at);
        at += used;
        if (used == 0 && s->state == before)
            break;
    }
    if (s->state == SERVER_DEAD)
        return;
    if (at > 0)
        s->host->consume(s->session, at);
    /* with more to come in this turn, replies may wait for each other */
    if (!s->full && (s->wait == WAIT_NOTHING || at == in.n))
        (void)server_flush(s); /* what it finds stands in s */
    if (s->state == SERVER_GO && s->out.n == 0)
        server_tls_go(s);
    else if (s->last && s->out.n == 0)
        server_end(s, NULL);
    else if (s->state == SERVER_PARTING && s->thrown > THROWN_MAX)
        server_cut(s, "peer talks on after the last word");
    else if (s->eof && s->wait == WAIT_NOTHING && !s->no_credit && !s->full)
        server_end_of_input(s);
}

/* The first line of all. */
static void
server_banner(struct server *s)
{
    struct impel_str name;

    if (s->host->opt_is_set(s->scope, OPT_STATIC_BANNER)) {
        name = s->host->opt_str(s->scope, OPT_STATIC_BANNER, 0);
        if (name.n > 0 && name.n <= 500) {
            out_str(&s->out, name);
            out_put(&s->out, "\r\n", 2);
            return;
        }
    }
    out_text(&s->out, "220 ");
    name = (struct impel_str){NULL, 0};
    if (s->host->opt_is_set(s->scope, OPT_BANNER_HOSTNAME))
        name = s->host->opt_str(s->scope, OPT_BANNER_HOSTNAME, 0);
    if (name.n == 0)
        name = s->host->info(s->session, IMPEL_INFO_EHLO_NAME);
    if (name.n > 0 && name.n <= 255)
        out_str(&s->out, name);
    else
        out_text(&s->out, "localhost");
    out_text(&s->out, s->module->lmtp ? " LMTP\r\n" : " ESMTP\r\n");
}

/* What smtp_extensions leaves of all that is there. */
static uint32_t
server_wanted(struct server *s)
{
    static const struct {
        const char *word;
        uint32_t bit;
    } words[] = {{"PIPELINING", CAPABILITY_PIPELINING},
        {"SIZE", CAPABILITY_SIZE}, {"8BITMIME", CAPABILITY_8BITMIME},
        {"ENHANCEDSTATUSCODES", CAPABILITY_ENHANCED},
        {"SMTPUTF8", CAPABILITY_SMTPUTF8}, {"DSN", CAPABILITY_DSN},
        {"CHUNKING", CAPABILITY_CHUNKING}, {"STARTTLS", CAPABILITY_STARTTLS},
        {"BINARYMIME", CAPABILITY_BINARYMIME}, {"LIMITS", CAPABILITY_LIMITS},
        {"DELIVERBY", CAPABILITY_DELIVERBY},
        {"FUTURERELEASE", CAPABILITY_FUTURERELEASE},
        {"REQUIRETLS", CAPABILITY_REQUIRETLS}, {"XCLIENT", CAPABILITY_XCLIENT}};
    size_t n = s->host->opt_count(s->scope, OPT_SMTP_EXTENSIONS), i, k;
    uint32_t offered = 0;

    if (!s->host->opt_is_set(s->scope, OPT_SMTP_EXTENSIONS))
        return UINT32_MAX;
    for (i = 0; i < n; i++) {
        struct impel_str word =
            s->host->opt_str(s->scope, OPT_SMTP_EXTENSIONS, (uint32_t)i);

        for (k = 0; k < sizeof(words) / sizeof(words[0]); k++)
            if (line_same(word, words[k].word))
                offered |= words[k].bit;
    }
    return offered;
}

/* XCLIENT is between us and who has connected: the options of the client that
 * was named do not take it back. */
uint32_t
server_offer(struct server *s)
{
    uint32_t offered = server_wanted(s) & ~(uint32_t)CAPABILITY_XCLIENT;
    const struct impel_intake *intake = s->host->intake;

    if (s->named.offered && intake->set_peer(s->session, NULL) == 0)
        offered |= CAPABILITY_XCLIENT;
    if (!(offered & CAPABILITY_CHUNKING)) /* RFC 3030 3: by BDAT only */
        offered &= ~(uint32_t)CAPABILITY_BINARYMIME;
    if (s->host->opt_int(s->scope, OPT_FUTURE_RELEASE_MAX) < 1000)
        offered &= ~(uint32_t)CAPABILITY_FUTURERELEASE;
    /* RFC 8689 4.1: under TLS only */
    if (!s->host->info(s->session, IMPEL_INFO_TLS_VERSION).p)
        offered &= ~(uint32_t)CAPABILITY_REQUIRETLS;
    if (!server_may_tls(s))
        offered &= ~(uint32_t)CAPABILITY_STARTTLS;
    return offered;
}

/* The session's options are there, or new ones. */
static void
server_begin(struct server *s)
{
    int64_t life = s->host->opt_int(s->scope, OPT_SESSION_TIME);

    s->offered = server_offer(s);
    s->session_until = life > 0 ? s->host->now() + life : 0;
    server_banner(s);
    server_deadline(s, OPT_IDLE_TIME);
}

void
server_restart(struct server *s)
{
    server_reset(s);
    s->greeted = s->esmtp = s->auth_offered = s->logged_in = false;
    s->commands = s->errors = s->receptions = 0;
    s->recipients = 0;
    server_begin(s);
}

static int
server_accepted(void *ctx, struct impel_session *session,
    const struct impel_scope *scope, const struct impel_peer *peer, void **sp,
    struct impel_error *e)
{
    struct dialogue *module = ctx;
    struct server *s = calloc(1, sizeof(*s));

    if (!s) {
        return outcome_refuse(e, IMPEL_E_NOMEM, "no memory for a session");
    }
    s->module = module;
    s->host = module->host;
    s->session = session;
    s->scope = scope;
    s->named.port = s->peer_port = peer->port;
    s->tls = s->host->info(session, IMPEL_INFO_TLS_VERSION).n > 0;
    s->named.offered = (server_wanted(s) & CAPABILITY_XCLIENT) != 0;
    server_begin(s);
    (void)server_flush(s); /* what it finds stands in s */
    *sp = s;
    return 0;
}

static void
server_timeout(struct server *s)
{
    s->host->count(s->module->instance, COUNT_TIMEOUTS, 1);
    if (s->state == SERVER_PARTING)
        server_end(s, NULL);
    else if (s->full)
        server_cut(s, "peer does not read");
    else if (s->wait != WAIT_NOTHING || s->no_credit)
        server_bye(s, "421 4.3.0 no decision in time");
    else if (s->session_until != 0 && s->host->now() >= s->session_until)
        server_bye(s, "421 4.4.2 session lasted too long");
    else if (s->body_until != 0 && s->host->now() >= s->body_until)
        server_bye(s, "421 4.4.2 message took too long");
    else
        server_bye(s, "421 4.4.2 nothing came in time");
    if (s->state == SERVER_PARTING)
        server_run(s);
}

static void
server_lost(struct server *s, int64_t arg)
{
    bool deaf = arg != IMPEL_E_CLOSED || s->state == SERVER_GO ||
        s->state == SERVER_SHAKING;

    if (!deaf && !s->eof) {
        s->eof = true; /* what it has asked is answered */
        server_run(s);
    } else if (s->in || s->wait == WAIT_COMMIT)
        server_cut(s, "connection lost within a message");
    else
        server_end(s, NULL);
}

static void
server_event(void *sp, struct impel_batch *batch, int event, int64_t arg)
{
    struct server *s = sp;

    (void)batch;
    if (s->state == SERVER_DEAD)
        return;
    switch (event) {
    case IMPEL_EV_INPUT:
        server_run(s);
        break;
    case IMPEL_EV_DRAINED:
        s->full = false;
        server_run(s);
        break;
    case IMPEL_EV_CREDIT:
        s->no_credit = false;
        if (s->wait == WAIT_NOTHING && s->state != SERVER_PARTING)
            server_deadline(s, OPT_IDLE_TIME);
        server_run(s);
        break;
    case IMPEL_EV_TLS:
        server_tls_done(s, arg);
        break;
    case IMPEL_EV_TIMER:
        if (arg == 0 && deadline_fired(&s->deadline, s->host, s->session))
            server_timeout(s);
        break;
    case IMPEL_EV_LOST:
        server_lost(s, arg);
        break;
    default:
        break;
    }
}

/* A refusal with 421 or 521 is the last word. */
static void
server_refuse(struct server *s, const char *line)
{
    if (memcmp(line, "421", 3) == 0 || memcmp(line, "521", 3) == 0)
        server_bye(s, line);
    else
        server_reply(s, line);
}

static void
verdict_greet(struct server *s, const struct impel_result *r)
{
    static const struct wording words = {
        "250 OK", "450 4.3.0 not now", "550 5.7.1 refused"};
    char line[SERVER_LINE_MAX];

    if (r->verdict == IMPEL_DELIVERED) {
        command_greeted(s);
        return;
    }
    wording_verdict(line, sizeof(line), r, &words, 0);
    server_refuse(s, line);
}

static void
verdict_sender(struct server *s, const struct impel_result *r)
{
    static const struct wording words = {"250 2.1.0 OK",
        "450 4.1.8 sender cannot be taken now", "550 5.7.1 sender refused"};
    char line[SERVER_LINE_MAX];

    wording_verdict(line, sizeof(line), r, &words, 0);
    if (r->verdict == IMPEL_DELIVERED)
        s->mail = true;
    else
        server_reset(s);
    server_refuse(s, line);
}

static void
verdict_rcpt(struct server *s, const struct impel_result *r)
{
    static const struct wording words = {"250 2.1.5 OK",
        "450 4.3.0 recipient cannot be taken now",
        "550 5.7.1 recipient refused"};
    char line[SERVER_LINE_MAX];

    wording_verdict(line, sizeof(line), r, &words, 0);
    if (r->verdict == IMPEL_DELIVERED)
        s->rcpt_accepted++;
    else
        s->commands++;
    server_refuse(s, line);
}

static const struct wording final_words = {"250 2.0.0 OK",
    "451 4.3.0 message not taken now", "554 5.7.1 message refused"};

static void
verdict_final(struct server *s, const struct impel_result *r)
{
    char line[SERVER_LINE_MAX];

    wording_verdict(line, sizeof(line), r, &final_words, 1);
    s->in = NULL;
    data_committed(s, line, r->verdict == IMPEL_DELIVERED);
}

/* A verdict nobody waits for: on a message whose body is on its way, or on the
 * session as such. */
static void
verdict_unasked(struct server *s, uint64_t tag, const struct impel_result *r)
{
    static const struct wording words = {
        "", "421 4.3.2 not now", "521 5.3.2 refused"};
    char line[SERVER_LINE_MAX];

    if (r->verdict == IMPEL_DELIVERED || s->wait == WAIT_COMMIT)
        return;
    if (tag == 0) {
        wording_verdict(line, sizeof(line), r, &words, 0);
        server_bye(s, line);
        return;
    }
    if (s->state != SERVER_DATA && s->state != SERVER_BDAT && !s->bdat)
        return;
    if (r->stage != IMPEL_AT_BODY && r->stage != IMPEL_AT_FINAL)
        return;
    if (r->stage == IMPEL_AT_FINAL)
        s->in = NULL; /* gone with this verdict */
    wording_verdict(line, sizeof(line), r, &final_words, 0);
    data_refuse(s, line);
}

/* Is there a place for the client that was named? */
static void
verdict_client(struct server *s, const struct impel_result *r)
{
    if (r->verdict == IMPEL_DELIVERED)
        server_restart(s);
    else
        verdict_unasked(s, 0, r);
}

static void
server_verdict(
    void *sp, uint64_t tag, size_t rcpt, const struct impel_result *r)
{
    static const int stages[] = {[WAIT_NOTHING] = 0,
        [WAIT_GREET] = IMPEL_AT_CONNECT,
        [WAIT_CLIENT] = IMPEL_AT_CONNECT,
        [WAIT_SENDER] = IMPEL_AT_SENDER,
        [WAIT_RCPT] = IMPEL_AT_RCPT,
        [WAIT_COMMIT] = IMPEL_AT_FINAL,
        [WAIT_LOGIN] = IMPEL_AT_LOGIN};
    struct server *s = sp;
    enum server_wait wait = s->wait;

    (void)rcpt; /* one at a time: it is the last one named */
    if (s->state == SERVER_DEAD || s->state == SERVER_PARTING ||
        (tag != 0 && tag != s->tag))
        return;
    if (wait == WAIT_NOTHING || r->stage != stages[wait] ||
        (tag == 0) !=
            (wait == WAIT_GREET || wait == WAIT_CLIENT || wait == WAIT_LOGIN)) {
        verdict_unasked(s, tag, r);
        server_run(s);
        return;
    }
    s->wait = WAIT_NOTHING;
    server_deadline(s, OPT_IDLE_TIME);
    if (wait == WAIT_GREET)
        verdict_greet(s, r);
    else if (wait == WAIT_CLIENT)
        verdict_client(s, r);
    else if (wait == WAIT_LOGIN)
        auth_verdict(s, r);
    else if (wait == WAIT_SENDER)
        verdict_sender(s, r);
    else if (wait == WAIT_RCPT)
        verdict_rcpt(s, r);
    else
        verdict_final(s, r);
    server_run(s);
}

static void
server_close(void *sp, int now)
{
    struct server *s = sp;
    char line[SERVER_LINE_MAX];
    struct impel_str words = {NULL, 0};

    if (s->state == SERVER_DEAD)
        return;
    if (now || s->state == SERVER_PARTING) {
        server_end(s, NULL);
        return;
    }
    auth_abandon(s);
    if (s->wait == WAIT_LOGIN)
        s->wait = WAIT_NOTHING;
    /* a message on its way is finished first; the host sees to the time */
    if (s->wait != WAIT_NOTHING || s->mail || s->state != SERVER_COMMAND) {
        s->closing = true;
        return;
    }
    if (s->host->opt_is_set(s->scope, OPT_RECONFIG_MESSAGE))
        words = s->host->opt_str(s->scope, OPT_RECONFIG_MESSAGE, 0);
    if (words.n == 0 || words.n > 400 || !line_is_clean(words, true))
        words = line_str("4.3.2 Reconfiguration in progress");
    snprintf(line, sizeof(line), "421 %.*s", (int)words.n, words.p);
    server_bye(s, line);
    server_run(s);
}

static void
server_release(void *sp)
{
    free(sp);
}

#define LISTENER(port) \
    { \
        .size = sizeof(struct impel_listener), .default_port = (port), \
        .tls = IMPEL_TLS_NONE, .accepted = server_accepted, \
        .event = server_event, .verdict = server_verdict, \
        .close = server_close, .release = server_release \
    }
const struct impel_listener dialogue_listener = LISTENER(25);
const struct impel_listener dialogue_lmtp_listener = LISTENER(2003);
