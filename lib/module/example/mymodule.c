/* SPDX-License-Identifier: Apache-2.0
 *
 * mymodule.c - a transport for impeld: mail to a host by LMTP (RFC 2033), one
 * command at a time.
 *
 * A place to begin.  Everything an Impel transport does is here once, in the
 * smallest form: options, counters, a session with deadlines, a body, and a
 * result for each recipient.  docs/writing-a-module.md of Impel goes through
 * it; impel/module.h says at each type what may be done with it.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define IMPEL_ABI_NEED 0 /* nothing newer than 1.0 is used */
#include <impel/module.h>

enum { LINE_MOST = 2048, REPLY_MOST = 512, COMMAND_MOST = 1200 };
enum { OPT_PORT, OPT_TIMEOUT, OPT_ROWS };
enum { COUNT_DELIVERED, COUNT_REFUSED, COUNT_ROWS };
enum { TIMER_REPLY };

static const struct impel_option options[OPT_ROWS] = {
    [OPT_PORT] = {.name = "mymodule_port",
        .type = IMPEL_OPT_PORT,
        .scopes = IMPEL_SCOPE_OUTBOUND,
        .initial = "24",
        .min = 1,
        .max = 65535,
        .brief = "port to connect to where the route names none",
        .manual = "A port written with the route beats it.",
        .since = "0.1"},
    [OPT_TIMEOUT] = {.name = "mymodule_timeout",
        .type = IMPEL_OPT_DURATION,
        .scopes = IMPEL_SCOPE_OUTBOUND,
        .initial = "300",
        .min = 1000,
        .max = 3600000,
        .brief = "how long to wait for a connection, and for each reply",
        .manual = "When it has passed, the connection is given up and the "
                  "mail is tried again.",
        .since = "0.1"},
};

static const struct impel_counter counters[COUNT_ROWS] = {
    [COUNT_DELIVERED] = {.name = "delivered", .brief = "recipients taken"},
    [COUNT_REFUSED] = {.name = "refused", .brief = "recipients refused"},
};

/* What the next reply answers. */
enum state {
    STATE_BANNER,
    STATE_HELLO,
    STATE_IDLE, /* nothing: the session is ready */
    STATE_SENDER,
    STATE_RCPT,
    STATE_DATA,
    STATE_BODY,  /* it is on its way; a refusal may come already */
    STATE_FINAL, /* one reply for each recipient that was taken (4.2) */
    STATE_RESET,
    STATE_QUIT
};

struct mymodule {
    const struct impel_host *host;
    struct impel_instance *instance;
};

struct session {
    struct mymodule *module;
    const struct impel_host *host;
    struct impel_session *io;
    const struct impel_scope *scope;
    enum state state;
    bool over, leaving;
    bool eightbit, utf8; /* what the host offers */

    struct impel_batch *batch; /* in hand, or NULL */
    const struct impel_envelope *envelope;
    size_t at;     /* the recipient that the next reply is about */
    size_t left;   /* those without a result */
    bool *settled; /* one for each recipient: it has its result */

    char reply[REPLY_MOST]; /* the text of a reply of several lines */
    size_t reply_n;
    char out[COMMAND_MOST]; /* a command that found no room */
    size_t out_n;
};

static void session_over(struct session *s, const struct impel_result *why);

/* --- results --- */

static int
stage_of(const struct session *s)
{
    static const int stages[] = {[STATE_BANNER] = IMPEL_AT_BANNER,
        [STATE_HELLO] = IMPEL_AT_HELLO,
        [STATE_IDLE] = IMPEL_AT_SENDER,
        [STATE_SENDER] = IMPEL_AT_SENDER,
        [STATE_RCPT] = IMPEL_AT_RCPT,
        [STATE_DATA] = IMPEL_AT_DATA,
        [STATE_BODY] = IMPEL_AT_BODY,
        [STATE_FINAL] = IMPEL_AT_FINAL,
        [STATE_RESET] = IMPEL_AT_RESET,
        [STATE_QUIT] = IMPEL_AT_RESET};

    return stages[s->state];
}

static struct impel_result
result_make(int verdict, int blame, int stage, const char *text)
{
    return (struct impel_result){.size = sizeof(struct impel_result),
        .verdict = verdict,
        .blame = blame,
        .stage = stage,
        .retry_after = -1,
        .text = {text, strlen(text)}};
}

/* How far a refusal reaches: a recipient, the message, or all of the host. */
static int
blame_of(const struct session *s)
{
    switch (s->state) {
    case STATE_RCPT:
    case STATE_FINAL:
        return IMPEL_BLAME_RCPT;
    case STATE_SENDER:
    case STATE_DATA:
    case STATE_BODY:
        return IMPEL_BLAME_MESSAGE;
    case STATE_BANNER:
    case STATE_HELLO:
        return IMPEL_BLAME_HOST;
    default:
        return IMPEL_BLAME_SESSION;
    }
}

/* A reply of the host: its code, its enhanced status if it has one (RFC 2034),
 * and its words, unedited. */
static struct impel_result
result_of(const struct session *s, int code)
{
    struct impel_result r =
        result_make(IMPEL_RETRY, blame_of(s), stage_of(s), s->reply);
    unsigned a, b, c;

    if (code >= 200 && code < 300)
        r.verdict = IMPEL_DELIVERED;
    else if (code >= 500)
        r.verdict = IMPEL_FAILED;
    if (code == 421)
        r.blame = IMPEL_BLAME_SESSION;
    if (!r.text.n)
        r.text = (struct impel_str){"no words", 8};
    r.code = (uint16_t)code;
    if (sscanf(s->reply, "%1u.%3u.%3u", &a, &b, &c) == 3) {
        r.status[0] = (uint16_t)a;
        r.status[1] = (uint16_t)b;
        r.status[2] = (uint16_t)c;
    }
    return r;
}

/* --- recipients --- */

static void
rcpt_result(struct session *s, size_t i, const struct impel_result *r)
{
    int counter = r->verdict == IMPEL_DELIVERED ? COUNT_DELIVERED
        : r->verdict == IMPEL_FAILED            ? COUNT_REFUSED
                                                : -1;

    s->settled[i] = true;
    s->left--;
    if (counter >= 0)
        s->host->count(s->module->instance, (uint32_t)counter, 1);
    if (s->left == 0) /* no more mail before we say so */
        s->host->ready(s->io, 0);
    s->host->rcpt_done(s->batch, i, r);
    if (s->left == 0) {
        s->batch = NULL;
        s->envelope = NULL;
    }
}

static void
rest_result(struct session *s, const struct impel_result *r)
{
    size_t count = s->batch ? s->envelope->rcpt_count : 0;

    for (size_t i = 0; i < count; i++) {
        if (!s->settled[i])
            rcpt_result(s, i, r);
    }
}

/* The next that is to be asked for, or to be answered for, from i on. */
static size_t
rcpt_next(const struct session *s, size_t i)
{
    while (i < s->envelope->rcpt_count && s->settled[i])
        i++;
    return i;
}

/* --- the end --- */

static void
session_over(struct session *s, const struct impel_result *why)
{
    struct impel_result r =
        result_make(IMPEL_UNTRIED, IMPEL_BLAME_SESSION, stage_of(s), "ended");

    if (s->over)
        return;
    s->over = true;
    if (why)
        r = *why;
    if (s->state == STATE_BODY || s->state == STATE_FINAL) {
        r.verdict = IMPEL_RETRY; /* perhaps the host has it */
        r.flags = IMPEL_UNCERTAIN;
    }
    if (s->batch && r.blame == IMPEL_BLAME_HOST)
        r.blame = IMPEL_BLAME_SESSION; /* it has talked to us before */
    rest_result(s, &r);
    s->host->closed(s->io, why);
}

static void
session_fail(struct session *s, int blame, const char *text)
{
    struct impel_result r = result_make(IMPEL_RETRY, blame, stage_of(s), text);

    session_over(s, &r);
}

/* --- commands --- */

/* All of it goes out, or it waits for EV_DRAINED. */
static void
command_flush(struct session *s)
{
    int rc = s->host->write(s->io, s->out, s->out_n);

    if (rc == 0)
        s->out_n = 0;
    else if (rc != IMPEL_E_FULL && rc != IMPEL_E_AGAIN)
        session_fail(s, IMPEL_BLAME_SESSION, "cannot write");
}

__attribute__((format(printf, 3, 4))) static bool
command(struct session *s, enum state next, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(s->out, sizeof(s->out) - 2, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof(s->out) - 2)
        return false;
    for (int i = 0; i < n; i++) {
        if ((unsigned char)s->out[i] < ' ' || s->out[i] == 127)
            return false; /* it would be two commands */
    }
    memcpy(s->out + n, "\r\n", 2);
    s->out_n = (size_t)n + 2;
    s->state = next;
    s->host->timer(s->io, TIMER_REPLY, s->host->opt_int(s->scope, OPT_TIMEOUT));
    command_flush(s);
    return true;
}

static void
say_hello(struct session *s)
{
    struct impel_str name = s->host->info(s->io, IMPEL_INFO_EHLO_NAME);

    (void)command(s, STATE_HELLO, "LHLO %.*s", (int)name.n, name.p);
}

static void
go_idle(struct session *s)
{
    s->state = STATE_IDLE;
    s->host->timer(s->io, TIMER_REPLY, -1);
    if (s->leaving)
        (void)command(s, STATE_QUIT, "QUIT");
    else
        s->host->ready(s->io, 1);
}

/* RCPT for the next recipient; when all were asked for, DATA. */
static void
ask_on(struct session *s)
{
    struct impel_result r = result_make(IMPEL_FAILED, IMPEL_BLAME_RCPT,
        IMPEL_AT_RCPT, "not an address of LMTP");

    while (s->batch && s->at < s->envelope->rcpt_count) {
        struct impel_str to = s->envelope->rcpt[s->at]->address;

        if (command(s, STATE_RCPT, "RCPT TO:<%.*s>", (int)to.n, to.p))
            return;
        rcpt_result(s, s->at, &r);
        if (s->batch)
            s->at = rcpt_next(s, s->at + 1);
    }
    if (s->batch)
        (void)command(s, STATE_DATA, "DATA");
    else
        (void)command(s, STATE_RESET, "RSET");
}

static void
send_body(struct session *s)
{
    int form = IMPEL_BODY_DOTTED;

    if (!s->eightbit)
        form |= IMPEL_BODY_SEVENBIT;
    s->state = STATE_BODY;
    s->host->timer(s->io, TIMER_REPLY, s->host->opt_int(s->scope, OPT_TIMEOUT));
    if (s->host->send_body(s->batch, form) < 0)
        session_fail(s, IMPEL_BLAME_SESSION, "cannot send the message");
}

/* --- replies --- */

/* One line of the reply to LHLO. */
static void
learn(struct session *s, const char *word, size_t n)
{
    if (n == 8 && strncasecmp(word, "8BITMIME", 8) == 0)
        s->eightbit = true;
    if (n == 8 && strncasecmp(word, "SMTPUTF8", 8) == 0)
        s->utf8 = true;
}

static void
on_rcpt(struct session *s, int code)
{
    struct impel_result r = result_of(s, code);

    if (r.verdict != IMPEL_DELIVERED)
        rcpt_result(s, s->at, &r);
    if (s->batch)
        s->at = rcpt_next(s, s->at + 1);
    ask_on(s);
}

static void
on_final(struct session *s, int code)
{
    struct impel_result r = result_of(s, code);

    rcpt_result(s, s->at, &r);
    if (!s->batch) {
        go_idle(s);
        return;
    }
    s->at = rcpt_next(s, s->at + 1);
    s->host->timer(s->io, TIMER_REPLY, s->host->opt_int(s->scope, OPT_TIMEOUT));
}

/* The host does not want it, or says what was not asked. */
static void
on_refusal(struct session *s, int code)
{
    struct impel_result r = result_of(s, code);

    if (r.verdict == IMPEL_DELIVERED) {
        r.verdict = IMPEL_RETRY;
        r.blame = IMPEL_BLAME_SESSION;
    }
    if (code != 421 && (s->state == STATE_SENDER || s->state == STATE_DATA)) {
        rest_result(s, &r);
        (void)command(s, STATE_RESET, "RSET");
        return;
    }
    if (s->state == STATE_BODY)
        rest_result(s, &r); /* it was said of the message, not of the line */
    session_over(s, &r);
}

static void
on_reply(struct session *s, int code)
{
    bool yes = code >= 200 && code < 300;

    if (s->state == STATE_RCPT && code != 421)
        on_rcpt(s, code);
    else if (s->state == STATE_FINAL && code != 421)
        on_final(s, code);
    else if (s->state == STATE_DATA && code == 354)
        send_body(s);
    else if (s->state == STATE_QUIT)
        session_over(s, NULL);
    else if (!yes || s->state == STATE_DATA || s->state == STATE_BODY ||
        s->state == STATE_IDLE)
        on_refusal(s, code);
    else if (s->state == STATE_BANNER)
        say_hello(s);
    else if (s->state == STATE_SENDER)
        ask_on(s);
    else
        go_idle(s);
}

/* One line, without its end.  A reply is several: "250-...", "250 ...". */
static void
on_line(struct session *s, const char *p, size_t n)
{
    size_t room = sizeof(s->reply) - 1 - s->reply_n, take;

    if (n < 3 || p[0] < '2' || p[0] > '5' || p[1] < '0' || p[1] > '9' ||
        p[2] < '0' || p[2] > '9' || (n > 3 && p[3] != ' ' && p[3] != '-')) {
        session_fail(s, IMPEL_BLAME_SESSION, "the host speaks no LMTP");
        return;
    }
    if (s->state == STATE_HELLO && n > 4)
        learn(s, p + 4, strcspn(p + 4, " \r\n"));
    if (s->reply_n && room) {
        s->reply[s->reply_n++] = ' ';
        room--;
    }
    take = n > 4 ? n - 4 : 0;
    if (take > room)
        take = room;
    memcpy(s->reply + s->reply_n, p + (n > 4 ? 4 : n), take);
    s->reply_n += take;
    s->reply[s->reply_n] = '\0';
    if (n > 3 && p[3] == '-')
        return;
    s->reply_n = 0;
    on_reply(s, (p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0'));
}

static void
on_input(struct session *s)
{
    while (!s->over) {
        struct impel_str in = s->host->input(s->io);
        const char *end = in.n ? memchr(in.p, '\n', in.n) : NULL;
        char line[LINE_MOST];
        size_t n;

        if (!end) {
            if (in.n >= LINE_MOST)
                session_fail(s, IMPEL_BLAME_SESSION, "a line without end");
            return;
        }
        n = (size_t)(end - in.p);
        if (n >= LINE_MOST) {
            session_fail(s, IMPEL_BLAME_SESSION, "too long a line");
            return;
        }
        memcpy(line, in.p, n); /* what is consumed is gone */
        s->host->consume(s->io, n + 1);
        if (n && line[n - 1] == '\r')
            n--;
        line[n] = '\0';
        on_line(s, line, n);
    }
}

/* --- what the host asks of a transport --- */

static int
mymodule_open(void *ctx, struct impel_session *io,
    const struct impel_scope *scope, const struct impel_peer *peer, void **to,
    struct impel_error *e)
{
    struct mymodule *m = ctx;
    struct session *s = calloc(1, sizeof(*s));
    struct impel_dial dial = {
        .size = sizeof(dial), .port = peer->port, .tls = IMPEL_TLS_NONE};
    int rc;

    if (!s) {
        e->code = IMPEL_E_NOMEM;
        (void)snprintf(e->text, sizeof(e->text), "no memory for a session");
        return IMPEL_E_NOMEM;
    }
    if (!dial.port)
        dial.port = (uint16_t)m->host->opt_int(scope, OPT_PORT);
    s->module = m;
    s->host = m->host;
    s->io = io;
    s->scope = scope;
    rc = m->host->dial(io, &dial, e);
    if (rc < 0) {
        free(s);
        return rc;
    }
    m->host->timer(io, TIMER_REPLY, m->host->opt_int(scope, OPT_TIMEOUT));
    *to = s;
    return 0;
}

/* What this module cannot promise, it says instead of sending the mail. */
static const char *
cannot_keep(const struct session *s, uint32_t needs)
{
    if (needs & IMPEL_NEED_TLS)
        return "this transport has no TLS";
    if (needs & IMPEL_NEED_BINARY)
        return "this transport takes lines only";
    if (needs & IMPEL_NEED_UTF8 && !s->utf8)
        return "the host does not offer SMTPUTF8";
    return NULL;
}

static void
mymodule_deliver(
    void *arg, struct impel_batch *b, const struct impel_envelope *envelope)
{
    struct session *s = arg;
    const char *why = cannot_keep(s, envelope->needs);
    const char *body = envelope->needs & IMPEL_NEED_8BIT && s->eightbit
        ? " BODY=8BITMIME"
        : "";
    const char *utf8 = envelope->needs & IMPEL_NEED_UTF8 ? " SMTPUTF8" : "";
    struct impel_result r = result_make(IMPEL_FAILED, IMPEL_BLAME_MESSAGE,
        IMPEL_AT_SENDER, why ? why : "not a sender of LMTP");

    s->batch = b;
    s->envelope = envelope;
    s->left = envelope->rcpt_count;
    s->at = 0;
    free(s->settled);
    s->settled = calloc(s->left, sizeof(*s->settled));
    if (!s->settled) {
        r = result_make(
            IMPEL_UNTRIED, IMPEL_BLAME_SESSION, IMPEL_AT_SENDER, "no memory");
        s->batch = NULL;
        s->host->rest_done(b, &r);
        return;
    }
    if (!why &&
        command(s, STATE_SENDER, "MAIL FROM:<%.*s>%s%s",
            (int)envelope->sender.n, envelope->sender.p, body, utf8))
        return;
    rest_result(s, &r);
    go_idle(s);
}

static void
mymodule_cancel(void *arg, struct impel_batch *b)
{
    struct session *s = arg;

    if (s->batch == b) /* its replies would be taken for those of the next */
        session_over(s, NULL);
}

static void
mymodule_probe(void *arg)
{
    (void)command(arg, STATE_RESET, "RSET");
}

static void
mymodule_close(void *arg, int now)
{
    struct session *s = arg;

    s->leaving = true;
    if (now || (s->state < STATE_IDLE && !s->over))
        session_over(s, NULL);
    else if (s->state == STATE_IDLE)
        (void)command(s, STATE_QUIT, "QUIT");
}

/* why: -errno, or an IMPEL_E_*, which are few and small. */
static void
mymodule_lost(struct session *s, int64_t why)
{
    char text[100];

    (void)snprintf(text, sizeof(text), "no connection: %s",
        why < IMPEL_E_UNSUP ? strerror((int)-why) : "closed by the host");
    if (s->leaving || s->state == STATE_IDLE)
        session_over(s, NULL);
    else if (s->state == STATE_BANNER)
        session_fail(s, IMPEL_BLAME_HOST, text);
    else
        session_fail(s, IMPEL_BLAME_SESSION, "connection lost");
}

static void
mymodule_event(void *arg, struct impel_batch *b, int event, int64_t value)
{
    struct session *s = arg;

    if (s->over)
        return;
    switch (event) {
    case IMPEL_EV_INPUT:
        on_input(s);
        break;
    case IMPEL_EV_DRAINED:
        if (s->out_n)
            command_flush(s);
        break;
    case IMPEL_EV_BODY:
        if (b == s->batch && s->state == STATE_BODY) {
            s->state = STATE_FINAL;
            s->at = rcpt_next(s, 0);
        }
        break;
    case IMPEL_EV_TIMER:
        session_fail(s,
            s->state == STATE_BANNER ? IMPEL_BLAME_HOST : IMPEL_BLAME_SESSION,
            "no reply in time");
        break;
    case IMPEL_EV_LOST:
        mymodule_lost(s, value);
        break;
    default: /* EV_CONNECTED: the host speaks first */
        break;
    }
}

static void
mymodule_release(void *arg)
{
    struct session *s = arg;

    free(s->settled);
    free(s);
}

static int
mymodule_load(const struct impel_host *host, struct impel_instance *instance,
    void **ctx, struct impel_error *e)
{
    struct mymodule *m = calloc(1, sizeof(*m));

    if (!m) {
        e->code = IMPEL_E_NOMEM;
        (void)snprintf(e->text, sizeof(e->text), "no memory");
        return IMPEL_E_NOMEM;
    }
    m->host = host;
    m->instance = instance;
    *ctx = m;
    return 0;
}

static void
mymodule_unload(void *ctx)
{
    free(ctx);
}

static const struct impel_transport transport = {
    .size = sizeof(transport),
    .open = mymodule_open,
    .event = mymodule_event,
    .deliver = mymodule_deliver,
    .cancel = mymodule_cancel,
    .probe = mymodule_probe,
    .close = mymodule_close,
    .release = mymodule_release,
};

static const char *const methods[] = {"MYMODULE", NULL};
static const char *const schemes[] = {"mymodule", NULL};

IMPEL_MODULE(mymodule) = {
    IMPEL_MODULE_STAMP,
    .option_count = OPT_ROWS,
    .counter_count = COUNT_ROWS,
    .name = "mymodule",
    .version = "0.1",
    .brief = "mail to a host by LMTP",
    .methods = methods,
    .schemes = schemes,
    .options = options,
    .counters = counters,
    .load = mymodule_load,
    .unload = mymodule_unload,
    .transport = &transport,
};
