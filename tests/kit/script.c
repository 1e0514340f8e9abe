/* SPDX-License-Identifier: Apache-2.0 */
#include "script.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "base/xmem.h"
#include "script_int.h"
#include "word.h"
#include "base/banned.h"

int
script_bad(struct reading *r, const char *what, struct str at)
{
    return err_set(r->e, ERR_CONF, "%s:%d: %s: \"%.*s\"", r->s->path, r->line,
        what, STR_ARG(at));
}

static const char *
kept(struct script *s, struct str t)
{
    struct str k = arena_str(s->arena, t);

    return k.p ? k.p : "";
}

struct impel_str
script_kept(struct script *s, struct str t)
{
    struct str k = arena_str(s->arena, t);

    return (struct impel_str){k.p, k.n};
}

struct script_message *
script_message(struct script *s, struct str name)
{
    for (size_t i = 0; i < s->message_count; i++)
        if (str_eq(str_of(s->message[i].name), name))
            return &s->message[i];
    return NULL;
}

/* {u32 5}, {text abc}: how many octets of `in` that is; 0: it is none. */
static size_t
expand_octets(struct str in, struct buf *out)
{
    size_t end = str_chr(in, '}', 0);

    if (end == SIZE_MAX || !word_octets(str_sub(in, 1, end - 1), out))
        return 0;
    return end + 1;
}

int
script_expand(struct reading *r, struct str in, struct buf *out)
{
    static const char from[] = "rnt0\\", to[] = "\r\n\t\0\\";
    struct script_message *m;
    const char *at;
    uint64_t v;
    size_t end;

    for (size_t i = 0; i < in.n; i++) {
        if (in.p[i] == '{' && str_starts(str_from(in, i), STR("{size "))) {
            end = str_chr(in, '}', i);
            if (end == SIZE_MAX)
                return script_bad(r, "'}' is missing", in);
            m = script_message(r->s, str_trim(str_sub(in, i + 6, end - i - 6)));
            if (!m)
                return script_bad(r, "no such message above", in);
            buf_printf(out, "%zu", m->body.n);
            i = end;
        } else if (in.p[i] == '{' &&
            (end = expand_octets(str_from(in, i), out)) > 0) {
            i += end - 1;
        } else if (in.p[i] != '\\') {
            buf_char(out, in.p[i]);
        } else if (++i < in.n && in.p[i] == 'x') {
            if (in.n - i < 3 || num_hex(str_sub(in, i + 1, 2), &v))
                return script_bad(r, "two hex digits expected", in);
            buf_char(out, (char)v);
            i += 2;
        } else {
            at = i < in.n ? strchr(from, in.p[i]) : NULL;
            if (!at || !*at)
                return script_bad(r, "unknown escape", in);
            buf_char(out, to[at - from]);
        }
    }
    return 0;
}

int
script_number(struct reading *r, struct str t, int *to)
{
    uint64_t v;

    if (num_u64(t, &v) || v > 1000000)
        return script_bad(r, "a number expected", t);
    *to = (int)v;
    return 0;
}

static int
parse_status(struct reading *r, struct str t, struct script_want *w)
{
    struct str all = t;

    for (int i = 0; i < 3; i++)
        if (script_number(r, str_cut(&t, '.'), &w->status[i]))
            return script_bad(r, "a status like 5.1.1 expected", all);
    return 0;
}

static int
parse_named(struct reading *r, const struct word *words, struct str t, int *to)
{
    *to = word_find(words, t);
    return *to < 0 ? script_bad(r, "unknown word", t) : 0;
}

/* VERDICT [key=value ...] */
int
script_want(
    struct reading *r, struct str rest, struct script_want *w, int64_t *wait)
{
    struct str word = word_next(&rest), key;
    int rc = parse_named(r, word_verdict, word, &w->verdict), ms = 0;

    while (!rc && (word = word_next(&rest)).n) {
        key = str_cut(&word, '=');
        word = word_unquoted(word);
        if (str_eq(key, STR("blame")))
            rc = parse_named(r, word_blame, word, &w->blame);
        else if (str_eq(key, STR("stage")))
            rc = parse_named(r, word_stage, word, &w->stage);
        else if (str_eq(key, STR("code")))
            rc = script_number(r, word, &w->code);
        else if (str_eq(key, STR("status")))
            rc = parse_status(r, word, w);
        else if (str_eq(key, STR("text")))
            w->text = kept(r->s, word);
        else if (str_eq(key, STR("uncertain")))
            w->uncertain = true;
        else if (wait && str_eq(key, STR("wait"))) {
            rc = script_number(r, word, &ms);
            *wait = ms;
        } else
            rc = script_bad(r, "unknown key", key);
    }
    return rc;
}

static int
parse_bits(
    struct reading *r, const struct word *words, struct str list, uint32_t *to)
{
    struct str word;
    int v;

    while (list.n) {
        word = str_cut(&list, ',');
        if (parse_named(r, words, word, &v))
            return r->e ? r->e->code : ERR_CONF;
        *to |= (uint32_t)v;
    }
    return 0;
}

/* rcpt ADDRESS [notify=A,B] [orcpt=TEXT] [-> WANT] */
static int
parse_rcpt(struct reading *r, struct str rest)
{
    struct script_message *m = r->message;
    struct script_rcpt *to;
    struct str word;

    if (m->rcpt_count == SCRIPT_MAX_RCPTS)
        return script_bad(r, "too many recipients", rest);
    m->rcpt = xgrow(m->rcpt, m->rcpt_count + 1, sizeof(*m->rcpt));
    to = &m->rcpt[m->rcpt_count];
    memset(to, 0, sizeof(*to));
    to->rcpt.number = (uint32_t)m->rcpt_count++;
    to->rcpt.size = sizeof(to->rcpt);
    to->rcpt.address = script_kept(r->s, word_next(&rest));
    while ((word = word_next(&rest)).n) {
        if (str_eq(word, STR("->")))
            return script_want(r, rest, &to->want, NULL);
        if (str_starts(word, STR("orcpt=")))
            to->rcpt.original = script_kept(r->s, str_from(word, 6));
        else if (!str_starts(word, STR("notify=")))
            return script_bad(r, "unknown word", word);
        else if (parse_bits(
                     r, word_notify, str_from(word, 7), &to->rcpt.notify))
            return ERR_CONF;
    }
    return 0;
}

/* client addr=A port=N helo=X proto=X login=X */
static int
parse_client(struct reading *r, struct str rest)
{
    struct script_message *m = r->message;
    struct str word, key;
    int port = 0;

    while ((word = word_next(&rest)).n) {
        key = str_cut(&word, '=');
        word = word_unquoted(word);
        if (str_eq(key, STR("addr")))
            m->client_addr = script_kept(r->s, word);
        else if (str_eq(key, STR("helo")))
            m->client_helo = script_kept(r->s, word);
        else if (str_eq(key, STR("proto")))
            m->client_proto = script_kept(r->s, word);
        else if (str_eq(key, STR("login")))
            m->client_login = script_kept(r->s, word);
        else if (str_eq(key, STR("mechanism")))
            m->client_mechanism = script_kept(r->s, word);
        else if (str_eq(key, STR("tls")))
            m->client_tls = script_kept(r->s, word);
        else if (!str_eq(key, STR("port")))
            return script_bad(r, "unknown key", key);
        else if (script_number(r, word, &port))
            return ERR_CONF;
    }
    m->client_port = (uint32_t)port;
    return 0;
}

static int
parse_message_line(struct reading *r, struct str key, struct str rest)
{
    struct script_message *m = r->message;
    int rc = 0;

    if (str_eq(key, STR("sender")))
        m->sender = script_kept(r->s, rest);
    else if (str_eq(key, STR("envid")))
        m->envid = script_kept(r->s, rest);
    else if (str_eq(key, STR("ret")))
        m->ret = str_eq(rest, STR("hdrs")) ? IMPEL_RET_HDRS : IMPEL_RET_FULL;
    else if (str_eq(key, STR("client")))
        rc = parse_client(r, rest);
    else if (str_eq(key, STR("meta"))) {
        m->meta_key = script_kept(r->s, word_next(&rest)).p;
        m->meta_value = script_kept(r->s, str_trim(rest));
    } else if (str_eq(key, STR("needs")))
        rc = parse_bits(r, word_need, rest, &m->needs);
    else if (str_eq(key, STR("rcpt")))
        rc = parse_rcpt(r, rest);
    else if (str_eq(key, STR("lines")))
        rc = script_lines(r, rest);
    else
        rc = script_bad(r, "unknown line in a message", key);
    return rc;
}

struct script_step *
script_add_step(struct reading *r, enum script_step_kind kind)
{
    struct script_session *t = r->session;
    struct script_step *step;

    if (t->step_count == SCRIPT_MAX_ROWS)
        return NULL;
    t->step = xgrow(t->step, t->step_count + 1, sizeof(*t->step));
    step = &t->step[t->step_count++];
    memset(step, 0, sizeof(*step));
    step->kind = kind;
    step->line = r->line;
    return step;
}

static int
parse_say(struct reading *r, struct str rest, int kind, bool newline, int times)
{
    struct script_step *step = script_add_step(r, (enum script_step_kind)kind);
    struct buf b = BUF_INIT;
    int rc = 0;

    if (!step)
        return script_bad(r, "too many lines", rest);
    if (rest.n && rest.p[0] == ' ')
        rest = str_from(rest, 1);
    while (times-- && !rc)
        rc = script_expand(r, rest, &b);
    if (newline)
        buf_cstr(&b, "\r\n");
    step->text = script_kept(r->s, buf_get(&b));
    buf_fini(&b);
    return rc;
}

static int
parse_expect(struct reading *r, struct str rest, enum script_step_kind kind)
{
    struct script_step *step = script_add_step(r, kind);
    struct buf b = BUF_INIT;
    int rc;

    if (!step)
        return script_bad(r, "too many lines", rest);
    rest = str_trim(rest);
    if (rest.n > 1 && rest.p[0] == '/' && rest.p[rest.n - 1] == '/') {
        step->text = script_kept(r->s, str_sub(rest, 1, rest.n - 2));
        if (regcomp(&step->regex, step->text.p, REG_EXTENDED | REG_NOSUB))
            return script_bad(r, "not a regular expression", rest);
        step->is_regex = true;
        return 0;
    }
    rc = script_expand(r, rest, &b);
    step->text = script_kept(r->s, buf_get(&b));
    buf_fini(&b);
    return rc;
}

static int
parse_message_step(struct reading *r, struct str name, int kind)
{
    struct script_step *step = script_add_step(r, (enum script_step_kind)kind);

    if (!step)
        return script_bad(r, "too many lines", name);
    step->message = script_message(r->s, name);
    return step->message ? 0 : script_bad(r, "no such message above", name);
}

/* send NAME, sendraw NAME: the peer of a listener sends a body. */
static int
parse_send(struct reading *r, struct str name, bool dotted)
{
    struct script_message *m = script_message(r->s, name);
    struct script_step *step = script_add_step(r, STEP_SAY);
    struct buf b = BUF_INIT;

    if (!m || !step)
        return script_bad(r, "no such message above", name);
    for (size_t i = 0; i < m->body.n; i++) {
        if (dotted && m->body.p[i] == '.' && (!i || m->body.p[i - 1] == '\n'))
            buf_char(&b, '.');
        buf_char(&b, m->body.p[i]);
    }
    if (dotted)
        buf_cstr(&b, ".\r\n");
    step->text = script_kept(r->s, buf_get(&b));
    buf_fini(&b);
    return 0;
}

static int
parse_dial(struct reading *r, struct str rest)
{
    struct script_session *t = r->session;
    struct str word, key;
    int rc = 0;

    while (!rc && (word = word_next(&rest)).n) {
        key = str_cut(&word, '=');
        if (str_eq(key, STR("tls")))
            rc = parse_named(r, word_tls, word, &t->dial_tls);
        else if (str_eq(key, STR("port")))
            rc = script_number(r, word, &t->dial_port);
        else if (str_eq(key, STR("fails")))
            rc = parse_named(r, word_errno, word, &t->dial_errno);
        else
            rc = script_bad(r, "unknown key", key);
    }
    return rc;
}

struct script_act *
script_add_act(struct reading *r, enum script_act_kind kind)
{
    struct script_session *t = r->session;
    struct script_act *a;

    if (t->act_count == SCRIPT_MAX_ROWS)
        return NULL;
    t->act = xgrow(t->act, t->act_count + 1, sizeof(*t->act));
    a = &t->act[t->act_count++];
    *a = (struct script_act){.kind = kind, .line = r->line};
    return a;
}

static int
parse_act(struct reading *r, enum script_act_kind kind, struct str rest)
{
    struct script_act *a = script_add_act(r, kind);

    if (!a)
        return script_bad(r, "too many lines", rest);
    a->now = str_eq(rest, STR("now"));
    if (kind != ACT_LEND && kind != ACT_CANCEL)
        return 0;
    a->message = script_message(r->s, rest);
    return a->message ? 0 : script_bad(r, "no such message above", rest);
}

static int
parse_received(struct reading *r, struct str rest)
{
    struct script_session *t = r->session;
    struct str word;

    while ((word = word_next(&rest)).n) {
        if (t->received_count == SCRIPT_MAX_MESSAGES)
            return script_bad(r, "too many messages", word);
        t->received =
            xgrow(t->received, t->received_count + 1, sizeof(t->received[0]));
        t->received[t->received_count] = script_message(r->s, word);
        if (!t->received[t->received_count++])
            return script_bad(r, "no such message above", word);
    }
    return 0;
}

static int
parse_repeat(struct reading *r, struct str rest)
{
    int times, rc = script_number(r, word_next(&rest), &times);

    return rc ? rc : parse_say(r, rest, STEP_SAY, false, times);
}

static int
parse_wait(struct reading *r, struct str rest)
{
    struct script_step *step = script_add_step(r, STEP_WAIT);
    int64_t ms;

    if (!step || num_duration(rest, &ms))
        return script_bad(r, "a duration like 90 or 500ms expected", rest);
    step->ms = ms;
    return 0;
}

static int
parse_session_line(struct reading *r, struct str key, struct str rest)
{
    struct str closed = rest;
    int rc = 0;

    if (str_eq(key, STR(">")) || str_eq(key, STR(">-")))
        return parse_say(r, rest, STEP_SAY, key.n == 1, 1);
    if (str_eq(key, STR("<-")))
        return parse_say(r, rest, STEP_OCTETS, false, 1);
    if (str_eq(key, STR("<")))
        return parse_expect(r, rest, STEP_EXPECT);
    if (str_eq(key, STR("<?")))
        return parse_expect(r, rest, STEP_MAYBE);
    rest = str_trim(rest);
    if (str_eq(key, STR("repeat")))
        return parse_repeat(r, rest);
    if (str_eq(key, STR("body")))
        return parse_message_step(r, rest, STEP_BODY);
    if (str_eq(key, STR("chunk")))
        return parse_message_step(r, rest, STEP_CHUNK);
    if (str_eq(key, STR("half")))
        return parse_message_step(r, rest, STEP_HALF);
    if (str_eq(key, STR("accepted")))
        return parse_message_step(r, rest, STEP_ACCEPTED);
    if (str_eq(key, STR("send")))
        return parse_send(r, rest, true);
    if (str_eq(key, STR("sendraw")))
        return parse_send(r, rest, false);
    if (str_eq(key, STR("tls")))
        return script_add_step(r,
                   str_eq(rest, STR("verified"))         ? STEP_TLS_VERIFIED
                       : str_eq(rest, STR("requiretls")) ? STEP_TLS_REQUIRETLS
                       : rest.n                          ? STEP_TLS_FAILS
                                                         : STEP_TLS)
            ? 0
            : script_bad(r, "too many lines", rest);
    if (str_eq(key, STR("drop")))
        return script_add_step(r, STEP_DROP)
            ? 0
            : script_bad(r, "too many lines", rest);
    if (str_eq(key, STR("wait")))
        return parse_wait(r, rest);
    if (str_eq(key, STR("dial")))
        return parse_dial(r, rest);
    if (str_eq(key, STR("lend")))
        return parse_act(r, ACT_LEND, rest);
    if (str_eq(key, STR("probe")))
        return parse_act(r, ACT_PROBE, rest);
    if (str_eq(key, STR("cancel")))
        return parse_act(r, ACT_CANCEL, rest);
    if (str_eq(key, STR("close")))
        return parse_act(r, ACT_CLOSE, rest);
    if (str_eq(key, STR("received")))
        return parse_received(r, rest);
    if (script_filter_line(r, key, closed, &rc))
        return rc;
    if (!str_eq(key, STR("closed")))
        return script_bad(r, "unknown line in a session", key);
    r->session->has_closed = true;
    return script_want(r, closed, &r->session->closed, NULL);
}

/* answer POINT [GLOB] WANT, POINT: greet client login sender rcpt commit */
static int
parse_answer(struct reading *r, struct str rest)
{
    static const struct word points[] = {{"greet", IMPEL_AT_CONNECT},
        {"client", SCRIPT_AT_CLIENT}, {"login", IMPEL_AT_LOGIN},
        {"sender", IMPEL_AT_SENDER}, {"rcpt", IMPEL_AT_RCPT},
        {"commit", IMPEL_AT_FINAL}, {NULL, 0}};
    struct script *s = r->s;
    struct script_answer *a;
    struct str word, before;

    if (s->answer_count == SCRIPT_MAX_ROWS)
        return script_bad(r, "too many lines", rest);
    s->answer = xgrow(s->answer, s->answer_count + 1, sizeof(*s->answer));
    a = &s->answer[s->answer_count++];
    memset(a, 0, sizeof(*a));
    if (parse_named(r, points, word_next(&rest), &a->stage))
        return ERR_CONF;
    before = rest;
    word = word_next(&rest);
    if (word_find(word_verdict, word) > 0)
        rest = before;
    else
        a->glob = kept(s, word_unquoted(word));
    return script_want(r, rest, &a->say, &a->ms);
}

/* fetch URL STATUS [BODY]; the URL is a pattern */
static int
parse_fetch(struct reading *r, struct str rest)
{
    struct script *s = r->s;
    struct script_fetch *f;
    struct str word;

    if (s->fetch_count == SCRIPT_MAX_ROWS)
        return script_bad(r, "too many lines", rest);
    s->fetch = xgrow(s->fetch, s->fetch_count + 1, sizeof(*s->fetch));
    f = &s->fetch[s->fetch_count++];
    *f =
        (struct script_fetch){.glob = kept(s, word_unquoted(word_next(&rest)))};
    word = word_next(&rest);
    if (!word.n || script_number(r, word, &f->status))
        return word.n ? ERR_CONF : script_bad(r, "a status is missing", rest);
    f->body = script_kept(s, word_unquoted(word_next(&rest)));
    return 0;
}

/* value KEY VALUE */
static int
parse_value(struct reading *r, struct str rest)
{
    struct script *s = r->s;
    struct buf key = BUF_INIT, value = BUF_INIT;
    struct script_value *v;
    int rc;

    s->value = xgrow(s->value, s->value_count + 1, sizeof(*s->value));
    v = &s->value[s->value_count++];
    rc = script_expand(r, word_next(&rest), &key);
    rc = rc ? rc : script_expand(r, str_trim(rest), &value);
    v->key = script_kept(s, buf_get(&key));
    v->value = script_kept(s, buf_get(&value));
    buf_fini(&key);
    buf_fini(&value);
    return rc;
}

static int
parse_peer(struct reading *r, struct str rest)
{
    struct script *s = r->s;
    struct str word, key;

    while ((word = word_next(&rest)).n) {
        key = str_cut(&word, '=');
        word = word_unquoted(word);
        if (str_eq(key, STR("method")))
            s->method = kept(s, word);
        else if (str_eq(key, STR("host")))
            s->host = kept(s, word);
        else if (str_eq(key, STR("addr")))
            s->addr = kept(s, word);
        else if (str_eq(key, STR("uri")))
            s->uri = kept(s, word);
        else if (!str_eq(key, STR("port")))
            return script_bad(r, "unknown key", key);
        else if (script_number(r, word, &s->port))
            return ERR_CONF;
    }
    return 0;
}

static int
parse_option(struct reading *r, struct str rest)
{
    struct script *s = r->s;
    struct script_option *o;

    if (s->option_count == SCRIPT_MAX_ROWS)
        return script_bad(r, "too many lines", rest);
    s->option = xgrow(s->option, s->option_count + 1, sizeof(*s->option));
    o = &s->option[s->option_count++];
    *o = (struct script_option){.line = r->line};
    o->name = kept(s, word_next(&rest));
    o->value = kept(s, str_trim(rest));
    return 0;
}

static int
begin_message(struct reading *r, struct str name)
{
    struct script *s = r->s;

    if (s->message_count == SCRIPT_MAX_MESSAGES)
        return script_bad(r, "too many messages", name);
    if (!name.n || script_message(s, name))
        return script_bad(r, "a message needs a name of its own", name);
    r->message = &s->message[s->message_count++];
    r->message->name = kept(s, name);
    r->message->line = r->line;
    r->message->sender = script_kept(s, STR("sender@example.org"));
    return 0;
}

static int
begin_session(struct reading *r)
{
    struct script *s = r->s;

    if (s->session_count == SCRIPT_MAX_SESSIONS)
        return script_bad(r, "too many sessions", STR("session"));
    r->session = &s->session[s->session_count++];
    r->session->line = r->line;
    r->session->dial_tls = -1;
    r->session->frame_length = 4;
    return 0;
}

/* Lines that begin at the margin. */
static int
parse_outer(struct reading *r, struct str key, struct str rest)
{
    r->message = NULL;
    r->session = NULL;
    rest = str_trim(rest);
    if (str_eq(key, STR("message")))
        return begin_message(r, rest);
    if (str_eq(key, STR("session")))
        return begin_session(r);
    if (str_eq(key, STR("title")))
        return r->s->title = kept(r->s, word_unquoted(rest)), 0;
    if (str_eq(key, STR("listener")))
        return r->s->listener = kept(r->s, rest), 0;
    if (str_eq(key, STR("filter")))
        return r->s->filter = true, 0;
    if (str_eq(key, STR("trusted")))
        return r->s->trusted = true, 0;
    if (str_eq(key, STR("alone")))
        return r->s->alone = true, 0;
    if (str_eq(key, STR("stranger")))
        return r->s->stranger = true, 0;
    if (str_eq(key, STR("value")))
        return parse_value(r, rest);
    if (str_eq(key, STR("option")))
        return parse_option(r, rest);
    if (str_eq(key, STR("peer")))
        return parse_peer(r, rest);
    if (str_eq(key, STR("answer")))
        return parse_answer(r, rest);
    if (str_eq(key, STR("fetch")))
        return parse_fetch(r, rest);
    return script_bad(r, "unknown line", key);
}

static int
parse_line(struct reading *r, struct str line)
{
    struct str text = str_trim(line), key = text;
    size_t n;
    int rc = 0;

    if (!text.n || text.p[0] == '#')
        return 0;
    if (text.p[0] == '|' && r->message) { /* | body */
        text = str_from(line, (size_t)(text.p - line.p) + 1);
        if (text.n && text.p[0] == ' ')
            text = str_from(text, 1);
        rc = script_expand(r, text, &r->message->body);
        buf_cstr(&r->message->body, "\r\n");
        return rc;
    }
    n = strcspn(text.p, " \t\r\n");
    key = str_sub(text, 0, n);
    text = str_from(line, (size_t)(text.p - line.p) + key.n);
    if (line.p[0] != ' ' && line.p[0] != '\t')
        return parse_outer(r, key, text);
    if (r->message)
        return parse_message_line(r, key, str_trim(text));
    if (r->session)
        return parse_session_line(r, key, text);
    return script_bad(r, "indented, but in no message and no session", key);
}

static struct script *
script_new(const char *path)
{
    struct script *s = xnew(struct script);

    s->arena = arena_new(1024);
    s->path = arena_str(s->arena, str_of(path)).p;
    s->title = s->path;
    s->host = "peer.example.net";
    s->addr = "192.0.2.1";
    s->message = xcalloc(SCRIPT_MAX_MESSAGES, sizeof(*s->message));
    s->session = xcalloc(SCRIPT_MAX_SESSIONS, sizeof(*s->session));
    return s;
}

int
script_read(const char *path, struct script **to, struct err *e)
{
    struct reading r = {.e = e};
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t size = 0;
    ssize_t n;
    int rc = 0;

    if (!f)
        return err_errno(e, ERR_IO, errno, "%s", path);
    r.s = script_new(path);
    while (!rc && (n = getline(&line, &size, f)) > 0) {
        r.line++;
        if (line[n - 1] == '\n')
            line[--n] = '\0';
        rc = parse_line(&r, str_make(line, (size_t)n));
    }
    if (!rc && !r.s->session_count)
        rc = script_bad(&r, "no session", str_of(path));
    free(line);
    fclose(f);
    if (rc)
        script_free(&r.s);
    *to = r.s;
    return rc;
}

struct script *
script_builtin(const char *method)
{
    static const char *const lines[] = {"title \"built in\"", "message one",
        " rcpt one@example.net", " rcpt two@example.net", " | Subject: test",
        " |", " | .dot", "message two", " rcpt three@example.net", " | text",
        "session", " lend one", " probe", " lend two"};
    struct err e = {0};
    struct reading r = {.s = script_new("built-in"), .e = &e};

    for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
        (void)parse_line(&r, str_of(lines[i])); /* known to be right */
    r.s->method = arena_str(r.s->arena, str_of(method)).p;
    return r.s;
}

void
script_free(struct script **to)
{
    struct script *s = *to;

    if (!s)
        return;
    for (size_t i = 0; i < s->message_count; i++) {
        free(s->message[i].rcpt);
        buf_fini(&s->message[i].body);
    }
    for (size_t i = 0; i < s->session_count; i++) {
        for (size_t k = 0; k < s->session[i].step_count; k++)
            if (s->session[i].step[k].is_regex)
                regfree(&s->session[i].step[k].regex);
        free(s->session[i].step);
        free(s->session[i].act);
        free(s->session[i].received);
        free(s->session[i].change);
    }
    free(s->message);
    free(s->session);
    free(s->option);
    free(s->answer);
    free(s->fetch);
    free(s->value);
    arena_free(&s->arena);
    xfree(to);
}
