/* SPDX-License-Identifier: Apache-2.0
 *
 * put.c - the packets of a step.
 */
#include <stdio.h>
#include <string.h>

#include "talk.h"

static void
put_macros(struct talk *t, int stage, int command)
{
    struct macro_source m = {t->module, t->session, t->scope, &t->step};

    macro_put(&t->out, &m, stage, command,
        t->macros[stage] ? talk_words(t->macros[stage])
                         : (struct impel_str){NULL, 0});
}

static void
put_address(struct talk *t, struct impel_str address)
{
    packet_byte(&t->out, '<');
    packet_bytes(&t->out, address.p, address.n);
    packet_word(&t->out, ">");
}

/* "NAME=value" as one text. */
static void
put_arg(struct talk *t, const char *name, struct impel_str value)
{
    packet_bytes(&t->out, name, strlen(name));
    packet_text(&t->out, value);
}

static void
put_size(struct talk *t, int64_t size)
{
    char word[40];

    snprintf(word, sizeof(word), "SIZE=%lld", (long long)size);
    packet_word(&t->out, word);
}

static void
put_notify(struct talk *t, uint32_t notify)
{
    static const struct {
        uint32_t bit;
        const char *word;
    } rows[] = {{IMPEL_NOTIFY_NEVER, "NEVER"},
        {IMPEL_NOTIFY_SUCCESS, "SUCCESS"}, {IMPEL_NOTIFY_FAILURE, "FAILURE"},
        {IMPEL_NOTIFY_DELAY, "DELAY"}};
    char word[64] = "NOTIFY";
    size_t n = strlen(word);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (notify & rows[i].bit)
            n += (size_t)snprintf(word + n, sizeof(word) - n, "%c%s",
                strchr(word, '=') ? ',' : '=', rows[i].word);
    }
    packet_word(&t->out, word);
}

static void
put_connect(struct talk *t)
{
    const struct impel_peer *p = t->step.client;
    bool v6 = p->addr.n && memchr(p->addr.p, ':', p->addr.n);
    bool v4 = p->addr.n && !v6 && memchr(p->addr.p, '.', p->addr.n) &&
        p->addr.p[0] != '/';

    put_macros(t, 0, SEND_CONNECT);
    packet_begin(&t->out, SEND_CONNECT);
    if (!v4 && !v6) {
        packet_word(&t->out, "unknown");
        packet_byte(&t->out, 'U');
    } else {
        packet_byte(&t->out, '[');
        packet_bytes(&t->out, p->addr.p, p->addr.n);
        packet_word(&t->out, "]");
        packet_byte(&t->out, v6 ? '6' : '4');
        packet_u16(&t->out, p->port);
        packet_text(&t->out, p->addr);
    }
    packet_end(&t->out);
}

static void
put_helo(struct talk *t)
{
    put_macros(t, 1, SEND_HELO);
    packet_begin(&t->out, SEND_HELO);
    packet_text(&t->out, t->step.client->helo);
    packet_end(&t->out);
}

static void
put_mail(struct talk *t)
{
    const struct impel_sender *s = t->step.sender;

    put_macros(t, 2, SEND_MAIL);
    packet_begin(&t->out, SEND_MAIL);
    put_address(t, s->address);
    if (s->declared_size > 0)
        put_size(t, s->declared_size);
    if (s->needs & IMPEL_NEED_BINARY)
        packet_word(&t->out, "BODY=BINARYMIME");
    else if (s->needs & IMPEL_NEED_8BIT)
        packet_word(&t->out, "BODY=8BITMIME");
    if (s->needs & IMPEL_NEED_UTF8)
        packet_word(&t->out, "SMTPUTF8");
    if (s->ret)
        packet_word(
            &t->out, s->ret == IMPEL_RET_FULL ? "RET=FULL" : "RET=HDRS");
    if (s->envid.n)
        put_arg(t, "ENVID=", s->envid);
    if (s->auth.n)
        put_arg(t, "AUTH=", s->auth);
    packet_end(&t->out);
}

static void
put_rcpt(struct talk *t)
{
    const struct impel_rcpt *r = t->step.rcpt;

    put_macros(t, 3, SEND_RCPT);
    packet_begin(&t->out, SEND_RCPT);
    put_address(t, r->address);
    if (r->notify)
        put_notify(t, r->notify);
    if (r->original.n)
        put_arg(t, "ORCPT=", r->original);
    packet_end(&t->out);
}

static void
put_field(struct talk *t, const struct impel_pair *f)
{
    struct impel_str v = f->value;

    packet_begin(&t->out, SEND_HEADER);
    packet_text(&t->out, f->key);
    if (!(t->steps & STEP_LEADING_SPACE) && v.n && *v.p == ' ')
        v = (struct impel_str){v.p + 1, v.n - 1};
    packet_value(&t->out, v);
    packet_end(&t->out);
}

void
put_plain(struct talk *t, int stage, int command)
{
    if (stage >= 0)
        put_macros(t, stage, command);
    packet_begin(&t->out, command);
    packet_end(&t->out);
}

/* One packet that `no` can spare; whether it is answered. */
#define WANTED(t, no) (!((t)->steps & (no)))

/* The parts of HEADER: the word that content comes, its fields, their end.
 * false: there are none left. */
static bool
put_header_part(struct talk *t)
{
    if (t->part == PART_FIRST) {
        t->part = PART_FIELDS;
        t->at = 0;
        if (t->version >= 4 && WANTED(t, STEP_NO_DATA)) {
            put_plain(t, 4, SEND_DATA);
            t->waiting = WANTED(t, STEP_NR_DATA);
            return true;
        }
    }
    if (t->part == PART_FIELDS) {
        if (WANTED(t, STEP_NO_HEADERS) && t->at < t->step.field_count) {
            put_field(t, &t->step.field[t->at++]);
            t->waiting = WANTED(t, STEP_NR_HEADER);
            return true;
        }
        t->part = PART_EOH;
    }
    if (t->part != PART_EOH)
        return false;
    t->part = PART_DONE;
    if (!WANTED(t, STEP_NO_EOH))
        return false;
    put_plain(t, 6, SEND_EOH);
    t->waiting = WANTED(t, STEP_NR_EOH);
    return true;
}

static bool
put_body_part(struct talk *t)
{
    size_t n = t->step.body.n - t->at;

    if (!WANTED(t, STEP_NO_BODY) || n == 0)
        return false;
    if (n > PACKET_BODY)
        n = PACKET_BODY;
    packet_begin(&t->out, SEND_BODY);
    packet_bytes(&t->out, t->step.body.p + t->at, n);
    packet_end(&t->out);
    t->at += n;
    t->waiting = WANTED(t, STEP_NR_BODY);
    return true;
}

/* The next packet of the step.  false: all of it is said. */
bool
put_part(struct talk *t)
{
    static const struct {
        void (*put)(struct talk *);
        uint32_t no, silent;
    } rows[] = {
        [IMPEL_STEP_CONNECT] = {put_connect, STEP_NO_CONNECT, STEP_NR_CONNECT},
        [IMPEL_STEP_GREET] = {put_helo, STEP_NO_HELO, STEP_NR_HELO},
        [IMPEL_STEP_SENDER] = {put_mail, STEP_NO_MAIL, STEP_NR_MAIL},
        [IMPEL_STEP_RCPT] = {put_rcpt, STEP_NO_RCPT, STEP_NR_RCPT}};
    int step = t->step.step;

    if (step == IMPEL_STEP_HEADER)
        return put_header_part(t);
    if (step == IMPEL_STEP_BODY)
        return put_body_part(t);
    if (t->part != PART_FIRST)
        return false;
    t->part = PART_DONE;
    if (step == IMPEL_STEP_END) {
        put_plain(t, 5, SEND_END);
        t->waiting = true;
        return true;
    }
    if (!WANTED(t, rows[step].no))
        return false;
    rows[step].put(t);
    t->waiting = WANTED(t, rows[step].silent);
    return true;
}
