/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-talk.c - conversations with a filter that says anything.
 *
 * The first two octets choose options; the rest is what the filter says, to
 * two clients one behind the other.  Each step is answered once, changes come
 * at the end of a message only, nothing is written while there is no room, and
 * what is written are packets that a filter can take apart.  Given octet by
 * octet it all is the same as given packet by packet.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "talk.h"

int LLVMFuzzerTestOneInput(const unsigned char *p, size_t n);

#define MUST(x) \
    do { \
        if (!(x)) { \
            fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #x); \
            abort(); \
        } \
    } while (0)

struct text {
    char *p;
    size_t n, room;
};
struct impel_session {
    struct text in, out, told; /* told: answers and changes, in order */
    size_t in_at;
    bool dialled, closed, ready, asked, drained_due, credit_due, closing;
    int64_t due;
    int step; /* the last one told */
    unsigned writes, bodies;
};

static struct impel_session one;
static int64_t now, version, action, quarantine, reuse;
static unsigned full_every, again_every;
static bool refuses; /* changes are refused */

static void
text_add(struct text *t, const void *p, size_t n)
{
    if (t->room - t->n < n) {
        t->room = 2 * t->room + n;
        t->p = realloc(t->p, t->room);
        MUST(t->p);
    }
    if (n)
        memcpy(t->p + t->n, p, n);
    t->n += n;
}

static void
tell(const char *what, struct impel_str a, struct impel_str b)
{
    struct text *t = &one.told;

    MUST(!one.closed);
    text_add(t, what, strlen(what));
    text_add(t, a.p, a.n);
    text_add(t, "=", 1);
    text_add(t, b.p, b.n);
    text_add(t, "\n", 1);
}

/* --- the host --- */

static void
host_log(struct impel_instance *i, struct impel_session *s, int level,
    const char *fmt, ...)
{
    char line[1000];
    va_list ap;

    (void)i, (void)s, (void)level;
    va_start(ap, fmt);
    MUST(vsnprintf(line, sizeof(line), fmt, ap) < (int)sizeof(line));
    va_end(ap);
    MUST(!strchr(line, '\n') && !strchr(line, '\r'));
}

static int64_t
host_now(void)
{
    return now;
}

static int
host_opt_is_set(const struct impel_scope *s, uint32_t row)
{
    (void)s;
    return row != ROW_DAEMON_NAME;
}

static size_t
host_opt_count(const struct impel_scope *s, uint32_t row)
{
    (void)s;
    return row == ROW_MILTERS || row >= ROW_CONNECT_MACROS;
}

static int64_t
host_opt_int(const struct impel_scope *s, uint32_t row)
{
    (void)s;
    switch (row) {
    case ROW_DEFAULT_ACTION:
        return action;
    case ROW_PROTOCOL:
        return version;
    case ROW_QUARANTINE:
        return quarantine;
    case ROW_REUSE:
        return reuse;
    default:
        return 30000;
    }
}

static struct impel_str
host_opt_str(const struct impel_scope *s, uint32_t row, uint32_t item)
{
    static const char filter[] = "inet:127.0.0.1:8891";
    static const char macros[] = "j,{client_addr} i _ mail_addr {rcpt_addr}";

    (void)s, (void)item;
    return row == ROW_MILTERS ? (struct impel_str){filter, sizeof(filter) - 1}
                              : (struct impel_str){macros, sizeof(macros) - 1};
}

static void
host_count(struct impel_instance *i, uint32_t counter, int64_t by)
{
    (void)i;
    MUST(counter < COUNT_COUNT && by == 1);
}

static int
host_dial(
    struct impel_session *s, const struct impel_dial *d, struct impel_error *e)
{
    (void)e;
    MUST(d->addr.n == 9 && d->port == 8891 && !s->dialled);
    s->dialled = true;
    return 0;
}

static struct impel_str
host_input(struct impel_session *s)
{
    MUST(!s->closed);
    return (struct impel_str){
        s->in.p ? s->in.p + s->in_at : NULL, s->in.n - s->in_at};
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
    MUST(!s->closed && n > 0 && !s->drained_due);
    if (full_every && ++s->writes % full_every == 0) {
        s->drained_due = true;
        return IMPEL_E_FULL;
    }
    text_add(&s->out, p, n);
    return 0;
}

static struct impel_str
host_info(struct impel_session *s, int what)
{
    (void)s, (void)what;
    return (struct impel_str){"own.test", 8};
}

static void
host_timer(struct impel_session *s, int number, int64_t after)
{
    MUST(number == 0 && !s->closed);
    s->due = after < 0 ? 0 : now + after;
}

static void
host_ready(struct impel_session *s, uint32_t open)
{
    MUST(s->step == IMPEL_STEP_LEAVE && !s->closed && open == 1);
    s->ready = true;
}

static void
host_closed(struct impel_session *s, const struct impel_result *why)
{
    (void)why;
    MUST(!s->closed);
    MUST(!s->asked || s->closing); /* a step is answered first */
    s->closed = true;
}

/* --- what a filter may do --- */

static void
api_answer(struct impel_session *s, int what, const struct impel_result *r)
{
    char head[40];
    struct impel_str words = {NULL, 0};

    MUST(what >= IMPEL_GO_ON && what <= IMPEL_DISCARD);
    MUST(s->asked || what == IMPEL_ABSENT);
    MUST(what != IMPEL_ENOUGH || s->step == IMPEL_STEP_BODY);
    MUST((what != IMPEL_REFUSE && what != IMPEL_HANG_UP) || r);
    if (r) {
        words = r->text;
        MUST(r->code >= 400 && r->code <= 599);
        MUST(r->status[0] == r->code / 100);
        for (size_t i = 0; i < words.n; i++)
            MUST(words.p[i] >= ' ' && words.p[i] < 127);
    }
    snprintf(head, sizeof(head), "answer %d to %d: %u ", what, s->step,
        r ? r->code : 0);
    tell(head, words, (struct impel_str){NULL, 0});
    s->asked = false;
    if (s->step != IMPEL_STEP_RCPT || what != IMPEL_REFUSE)
        s->step = what == IMPEL_GO_ON ? s->step : -what;
}

static int
change(const char *what, struct impel_str a, struct impel_str b)
{
    MUST(one.asked && one.step == IMPEL_STEP_END);
    tell(what, a, b);
    return refuses ? IMPEL_E_INVAL : 0;
}

static int
api_add_field(struct impel_session *s, int64_t at, struct impel_str name,
    struct impel_str value)
{
    char head[40];

    (void)s;
    MUST(at >= IMPEL_LAST_FIELD);
    snprintf(head, sizeof(head), "add %lld ", (long long)at);
    return change(head, name, value);
}

static int
api_change_field(struct impel_session *s, uint32_t nth, struct impel_str name,
    struct impel_str value)
{
    char head[40];

    (void)s;
    snprintf(head, sizeof(head), "change %u ", nth);
    return change(head, name, value);
}

static int
api_replace_body(struct impel_session *s, const void *p, size_t n)
{
    MUST(!s->credit_due);
    if (again_every && ++s->bodies % again_every == 0) {
        s->credit_due = true;
        return IMPEL_E_AGAIN;
    }
    return change(
        "body ", (struct impel_str){p, n}, (struct impel_str){NULL, 0});
}

static int
api_set_sender(struct impel_session *s, const struct impel_sender *sender)
{
    (void)s;
    MUST(sender->envid.n <= 100); /* RFC 3461 4.4 */
    for (size_t i = 0; i < sender->envid.n; i++)
        MUST(sender->envid.p[i] > ' ' && sender->envid.p[i] < 127);
    return change("sender ", sender->address, sender->envid);
}

static int
api_add_rcpt(struct impel_session *s, const struct impel_rcpt *rcpt)
{
    (void)s;
    return change("rcpt ", rcpt->address, rcpt->original);
}

static int
api_remove_rcpt(struct impel_session *s, struct impel_str address)
{
    (void)s;
    return change("remove ", address, (struct impel_str){NULL, 0});
}

static const struct impel_filtering filtering = {
    .size = sizeof(struct impel_filtering),
    .answer = api_answer,
    .add_field = api_add_field,
    .change_field = api_change_field,
    .replace_body = api_replace_body,
    .set_sender = api_set_sender,
    .add_rcpt = api_add_rcpt,
    .remove_rcpt = api_remove_rcpt};
static const struct impel_host host = {.size = sizeof(struct impel_host),
    .log = host_log,
    .now = host_now,
    .opt_is_set = host_opt_is_set,
    .opt_count = host_opt_count,
    .opt_int = host_opt_int,
    .opt_str = host_opt_str,
    .count = host_count,
    .dial = host_dial,
    .input = host_input,
    .consume = host_consume,
    .write = host_write,
    .info = host_info,
    .timer = host_timer,
    .ready = host_ready,
    .closed = host_closed,
    .filtering = &filtering};
static struct milter module = {.host = &host};

/* --- the client --- */

static const struct impel_peer peer = {.size = sizeof(peer),
    .addr = {"192.0.2.7", 9},
    .helo = {"c.test", 6},
    .port = 4711};
static const struct impel_sender sender = {
    .size = sizeof(sender), .address = {"s@x.test", 8}, .envid = {"id", 2}};
static const struct impel_rcpt rcpt = {.size = sizeof(rcpt),
    .address = {"a@y.test", 8},
    .original = {"rfc822;b@y.test", 15}};
static const struct impel_pair field[] = {
    {{"Subject", 7}, {" x", 2}}, {{"To", 2}, {"a\r\n b", 5}}};

static void
step(void *s, int what)
{
    struct impel_step st = {.size = sizeof(st),
        .step = what,
        .client = &peer,
        .proto = {"esmtp", 5},
        .id = {"1", 1},
        .sender = &sender,
        .rcpt = what == IMPEL_STEP_RCPT ? &rcpt : NULL};

    if (what == IMPEL_STEP_HEADER) {
        st.field_count = 2;
        st.field = field;
    }
    if (what == IMPEL_STEP_BODY)
        st.body = (struct impel_str){"hello\r\n", 7};
    one.step = what;
    one.asked = what < IMPEL_STEP_ABANDON;
    milter_filter.step(s, &st);
}

static const int script[] = {IMPEL_STEP_CONNECT, IMPEL_STEP_GREET,
    IMPEL_STEP_SENDER, IMPEL_STEP_RCPT, IMPEL_STEP_RCPT, IMPEL_STEP_HEADER,
    IMPEL_STEP_BODY, IMPEL_STEP_BODY, IMPEL_STEP_END, IMPEL_STEP_SENDER,
    IMPEL_STEP_RCPT, IMPEL_STEP_ABANDON, IMPEL_STEP_SENDER, IMPEL_STEP_HEADER,
    IMPEL_STEP_END, IMPEL_STEP_LEAVE, 0};

/* The next that there is to tell; false: nothing. */
static bool
next(void *s, size_t *at)
{
    int last = one.step;

    if (last == -IMPEL_ABSENT)
        return false;
    if (last == -IMPEL_ENOUGH) {
        *at += script[*at] == IMPEL_STEP_BODY;
    } else if (last < 0 && last != -IMPEL_GO_ON) {
        if (*at < 3 || last == -IMPEL_HANG_UP) { /* for the client */
            while (script[*at] && script[*at] != IMPEL_STEP_LEAVE)
                ++*at;
        } else { /* for the message */
            while (script[*at] && script[*at] != IMPEL_STEP_LEAVE &&
                script[*at] != IMPEL_STEP_SENDER)
                ++*at;
        }
    }
    if (!script[*at])
        return false;
    step(s, script[(*at)++]);
    return true;
}

/* Until it has nothing to do but wait for the filter. */
static void
settle(void *s, size_t *at)
{
    for (int i = 0; i < 1000 && !one.closed; i++) {
        if (one.drained_due) {
            one.drained_due = false;
            milter_filter.event(s, NULL, IMPEL_EV_DRAINED, 0);
        } else if (one.credit_due) {
            one.credit_due = false;
            milter_filter.event(s, NULL, IMPEL_EV_CREDIT, 0);
        } else if (one.step == IMPEL_STEP_LEAVE) {
            if (!one.ready)
                return;
            one.ready = false;
            one.step = 0;
            *at = 0;
        } else if (one.asked || !next(s, at)) {
            return;
        }
    }
}

/* How many octets are one packet; what makes none goes at once. */
static size_t
packet_of(const unsigned char *p, size_t n)
{
    size_t size;

    if (n < 4)
        return n;
    size = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
    return size < n - 4 ? size + 4 : n;
}

static void
check_out(void)
{
    static const char known[] = "ABCDEHKLMNOQRT";
    struct packet_in in = {0};
    size_t at = 0, used;

    while (at < one.out.n) {
        struct impel_str data;
        int command;
        enum packet_state got = packet_take(
            &in, one.out.p + at, one.out.n - at, &used, &command, &data);

        at += used;
        MUST(got == PACKET_WHOLE && command && strchr(known, command));
        if (strchr("CDHLMR", command))
            MUST(data.n && data.p[data.n - 1] == '\0');
        if (strchr("AEKNQT", command))
            MUST(data.n == 0);
        packet_next(&in);
    }
    packet_fini(&in);
}

static void
end(void *s, unsigned how)
{
    if (!one.closed && how == 0) {
        milter_filter.event(s, NULL, IMPEL_EV_LOST, IMPEL_E_CLOSED);
    } else if (!one.closed && how == 1) {
        now += 3600000;
        milter_filter.event(s, NULL, IMPEL_EV_TIMER, 0);
    }
    one.closing = true;
    if (!one.closed)
        milter_filter.close(s, how == 2);
    MUST(one.closed);
    milter_filter.release(s);
}

enum pieces { PACKETS, OCTETS, WHOLE };

/* What was told and what was written. */
static struct text
play(const unsigned char *p, size_t n, enum pieces pieces, unsigned how)
{
    struct impel_error e;
    size_t at = 0, step_at = 0, take;
    struct text all;
    void *s;

    memset(&one, 0, sizeof(one));
    now = 1000000;
    MUST(milter_filter.open(&module, &one, NULL, 0, &s, &e) == 0);
    milter_filter.event(s, NULL, IMPEL_EV_CONNECTED, 0);
    settle(s, &step_at);
    for (; at < n && !one.closed; at += take) {
        take = pieces == OCTETS ? 1
            : pieces == WHOLE   ? n
                                : packet_of(p + at, n - at);
        text_add(&one.in, p + at, take);
        milter_filter.event(s, NULL, IMPEL_EV_INPUT, 0);
        settle(s, &step_at);
    }
    end(s, how);
    check_out();
    all = one.told;
    text_add(&all, one.out.p, one.out.n);
    free(one.in.p);
    free(one.out.p);
    return all;
}

int
LLVMFuzzerTestOneInput(const unsigned char *p, size_t n)
{
    struct text a, b;

    if (n < 2)
        return 0;
    version = 2 + p[0] % 5;
    action = p[0] / 5 % 3;
    quarantine = p[0] / 15 % 4;
    reuse = p[1] & 1;
    refuses = p[1] & 2;
    full_every = again_every = 0;
    a = play(p + 2, n - 2, PACKETS, p[1] / 4 % 4);
    b = play(p + 2, n - 2, OCTETS, p[1] / 4 % 4);
    MUST(a.n == b.n && memcmp(a.p, b.p, a.n) == 0);
    free(a.p);
    free(b.p);
    full_every = 3;
    again_every = 2;
    a = play(p + 2, n - 2, PACKETS, p[1] / 4 % 4);
    free(a.p);
    full_every = 0;
    a = play(p + 2, n - 2, WHOLE, p[1] / 4 % 4);
    free(a.p);
    return 0;
}
