/* SPDX-License-Identifier: Apache-2.0
 *
 * said.c - what a filter says: options, answers, changes.
 */
#include <stdlib.h>
#include <string.h>

#include "talk.h"
#include "verb.h"

static struct impel_str
plain_address(struct impel_str s)
{
    while (s.n && *s.p == ' ')
        s = (struct impel_str){s.p + 1, s.n - 1};
    while (s.n && s.p[s.n - 1] == ' ')
        s.n--;
    if (s.n >= 2 && s.p[0] == '<' && s.p[s.n - 1] == '>')
        return (struct impel_str){s.p + 1, s.n - 2};
    return s;
}

/* As a client may say it, too. */
static bool
is_envid(struct impel_str s)
{
    return s.n && s.n <= VERB_MAX_ENVID && verb_is_xtext(s, false);
}

/* The next of the arguments that a filter gives behind an address. */
static bool
next_arg(struct impel_str *args, struct impel_str *arg)
{
    size_t n = 0;

    while (args->n && *args->p == ' ')
        *args = (struct impel_str){args->p + 1, args->n - 1};
    if (!args->n) /* there may be no pointer either */
        return false;
    while (n < args->n && args->p[n] != ' ')
        n++;
    *arg = (struct impel_str){args->p, n};
    *args = (struct impel_str){args->p + n, args->n - n};
    return true;
}

/* It begins so, in any case: *value is the rest. */
static bool
arg_has(struct impel_str arg, const char *key, struct impel_str *value)
{
    size_t n = strlen(key);

    if (arg.n < n || strncasecmp(arg.p, key, n) != 0)
        return false;
    *value = (struct impel_str){arg.p + n, arg.n - n};
    return true;
}

static bool
same_word(struct impel_str s, const char *word)
{
    return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

/* RET= and ENVID= behind a sender; the rest is for servers that know more. */
static void
take_args(struct impel_str args, struct impel_sender *s)
{
    struct impel_str arg, value;

    while (next_arg(&args, &arg)) {
        if (same_word(arg, "RET=FULL"))
            s->ret = IMPEL_RET_FULL;
        else if (same_word(arg, "RET=HDRS"))
            s->ret = IMPEL_RET_HDRS;
        else if (arg_has(arg, "ENVID=", &value) && is_envid(value))
            s->envid = value;
    }
}

static uint32_t
notify_word(struct impel_str s)
{
    static const char *const words[] = {"NEVER", "SUCCESS", "FAILURE", "DELAY"};

    for (int i = 0; i < 4; i++)
        if (same_word(s, words[i]))
            return 1u << i; /* as IMPEL_NOTIFY_* */
    return 0;
}

/* Of a list with commas; words that are none are left out. */
static uint32_t
notify_bits(struct impel_str list)
{
    uint32_t bits = 0;

    for (size_t i = 0, from = 0; i <= list.n; i++) {
        if (i < list.n && list.p[i] != ',')
            continue;
        bits |= notify_word((struct impel_str){list.p + from, i - from});
        from = i + 1;
    }
    return bits & IMPEL_NOTIFY_NEVER ? IMPEL_NOTIFY_NEVER : bits;
}

/* NOTIFY= and ORCPT= behind a recipient, as take_args(). */
static void
take_rcpt_args(struct impel_str args, struct impel_rcpt *r)
{
    struct impel_str arg, value;

    while (next_arg(&args, &arg)) {
        if (arg_has(arg, "NOTIFY=", &value))
            r->notify = notify_bits(value);
        else if (arg_has(arg, "ORCPT=", &value) &&
            value.n <= VERB_MAX_ORIGINAL && verb_is_original(value, false))
            r->original = value;
    }
}

/* A field's value as the host wants it: with what stands behind the colon. */
static int
give_field(struct talk *t, bool change)
{
    const struct impel_filtering *f = t->host->filtering;
    const struct packet_said *s = &t->said;
    struct impel_str v = s->value;
    bool space = !(t->steps & STEP_LEADING_SPACE);
    char *copy = NULL;
    int rc;

    if (change && v.n == 0)
        return f->change_field(
            t->session, s->index, s->name, (struct impel_str){NULL, 0});
    if (space) {
        copy = malloc(v.n + 1);
        if (!copy)
            return IMPEL_E_NOMEM;
        copy[0] = ' ';
        memcpy(copy + 1, v.p, v.n);
        v = (struct impel_str){copy, v.n + 1};
    }
    if (change)
        rc = f->change_field(t->session, s->index, s->name, v);
    else
        rc = f->add_field(t->session,
            s->command == SAID_INSERT_HEADER ? (int64_t)s->index
                                             : IMPEL_LAST_FIELD,
            s->name, v);
    free(copy);
    return rc;
}

static int
give_sender(struct talk *t)
{
    struct impel_sender s = {
        .size = sizeof(s), .address = plain_address(t->said.name)};

    take_args(t->said.value, &s);
    return t->host->filtering->set_sender(t->session, &s);
}

static int
give_rcpt(struct talk *t)
{
    struct impel_rcpt r = {
        .size = sizeof(r), .address = plain_address(t->said.name)};

    take_rcpt_args(t->said.value, &r);
    return t->host->filtering->add_rcpt(t->session, &r);
}

/* Which action a change is, 0: it is none. */
static uint32_t
change_action(int command)
{
    switch (command) {
    case SAID_ADD_HEADER:
    case SAID_INSERT_HEADER:
        return ACT_ADD_HEADERS;
    case SAID_CHANGE_HEADER:
        return ACT_CHANGE_HEADERS;
    case SAID_BODY:
        return ACT_BODY;
    case SAID_SENDER:
        return ACT_SENDER;
    case SAID_ADD_RCPT:
        return ACT_ADD_RCPT;
    case SAID_ADD_RCPT_ARGS:
        return ACT_ADD_RCPT_ARGS;
    case SAID_REMOVE_RCPT:
        return ACT_REMOVE_RCPT;
    case SAID_QUARANTINE:
        return ACT_QUARANTINE;
    default:
        return 0;
    }
}

static int
give_change(struct talk *t)
{
    const struct packet_said *s = &t->said;

    switch (s->command) {
    case SAID_ADD_HEADER:
    case SAID_INSERT_HEADER:
        return give_field(t, false);
    case SAID_CHANGE_HEADER:
        return give_field(t, true);
    case SAID_BODY:
        return t->host->filtering->replace_body(
            t->session, s->value.p, s->value.n);
    case SAID_SENDER:
        return give_sender(t);
    case SAID_ADD_RCPT:
    case SAID_ADD_RCPT_ARGS:
        return give_rcpt(t);
    default:
        return t->host->filtering->remove_rcpt(
            t->session, plain_address(s->name));
    }
}

/* For a log: one line, no quotes in it. */
static void
plain_words(struct impel_str s, char to[200])
{
    size_t n = s.n < 199 ? s.n : 199;

    for (size_t i = 0; i < n; i++)
        to[i] = s.p[i] < ' ' || s.p[i] > '~' || s.p[i] == '"' ? '?' : s.p[i];
    to[n] = '\0';
}

static void
take_quarantine(struct talk *t)
{
    static const char *const words[] = {
        "tempfail", "accept", "reject", "discard"}; /* ACTION_* */
    int64_t action = t->host->opt_int(t->scope, ROW_QUARANTINE);
    char why[200];

    plain_words(t->said.value, why);
    t->host->log(t->module->instance, t->session, IMPEL_LOG_WARNING,
        "event=filter-quarantine addr=%s port=%u action=%s reason=\"%s\"",
        t->target.addr, t->target.port, words[action], why);
    if (action == ACTION_ACCEPT)
        return;
    if (action == ACTION_DISCARD)
        talk_answer(t, IMPEL_DISCARD, NULL);
    else if (action == ACTION_REJECT)
        talk_refuse(t, IMPEL_REFUSE, 550, "5.7.1", "Message is not wanted");
    else
        talk_refuse(t, IMPEL_REFUSE, 451, "4.7.1",
            "Message is to be looked at, try again later");
    talk_fail(t, "quarantine"); /* what it would still say is for nothing */
}

/* true: it is done with; false: it waits for room. */
static bool
take_change(struct talk *t, uint32_t action)
{
    int rc;

    if (t->step.step != IMPEL_STEP_END) {
        talk_fail(t, "a change before the end of the message");
        return true;
    }
    if (!(t->actions & action)) {
        talk_fail(t, "a change that was not agreed upon");
        return true;
    }
    if (action == ACT_QUARANTINE) {
        take_quarantine(t);
        return true;
    }
    rc = give_change(t);
    if (rc == IMPEL_E_AGAIN) {
        t->credit = true;
        return false;
    }
    if (rc < 0)
        talk_fail(t, "a change that cannot be made");
    else
        talk_count(t, COUNT_CHANGES);
    return true;
}

static void
take_reply(struct talk *t)
{
    const struct packet_said *s = &t->said;
    bool last = s->code == 421;
    struct impel_result r;

    talk_result(&r, s->code, s->code / 100 == 5 ? "5.7.1" : "4.7.1",
        talk_words(s->text));
    if (s->status[0])
        memcpy(r.status, s->status, sizeof(r.status));
    if (t->step.step == IMPEL_STEP_CONNECT && s->code / 100 == 5)
        last = true;
    talk_answer(t, last ? IMPEL_HANG_UP : IMPEL_REFUSE, &r);
}

/* It wants no more: of the client, or of the message. */
static void
take_discard(struct talk *t)
{
    if (t->step.step < IMPEL_STEP_SENDER)
        talk_fail(t, "nothing to be discarded yet");
    else
        talk_answer(t, IMPEL_DISCARD, NULL);
}

static void
take_answer(struct talk *t)
{
    bool connect = t->step.step == IMPEL_STEP_CONNECT;

    switch (t->said.command) {
    case SAID_CONTINUE:
        t->waiting = false;
        t->settled = t->step.step == IMPEL_STEP_END;
        break;
    case SAID_ACCEPT:
        talk_answer(t, IMPEL_PASS, NULL);
        break;
    case SAID_SKIP:
        if (t->step.step == IMPEL_STEP_BODY && (t->steps & STEP_SKIP))
            talk_answer(t, IMPEL_ENOUGH, NULL);
        else
            talk_fail(t, "nothing to be skipped");
        break;
    case SAID_REJECT:
        if (connect)
            talk_refuse(t, IMPEL_HANG_UP, 554, "5.7.1", "Refused");
        else
            talk_refuse(t, IMPEL_REFUSE, 550, "5.7.1", "Command rejected");
        break;
    case SAID_TEMPFAIL:
        talk_refuse(t, IMPEL_REFUSE, 451, "4.7.1",
            "Service unavailable, try again later");
        break;
    case SAID_REPLY:
        take_reply(t);
        break;
    case SAID_DISCARD:
        take_discard(t);
        break;
    case SAID_SHUTDOWN:
    case SAID_CONN_FAIL:
        talk_refuse(t, IMPEL_HANG_UP, 421, "4.7.0",
            "Service unavailable, closing the connection");
        break;
    default:
        talk_fail(t, "an answer that is not known here");
        break;
    }
}

static void
keep_macros(struct talk *t)
{
    for (int i = 0; i < MACRO_STAGES; i++) {
        struct impel_str s = t->said.macros[i];

        if (!s.p || s.n > 1024)
            continue;
        free(t->macros[i]);
        t->macros[i] = strndup(s.p, s.n);
    }
}

static void
take_options(struct talk *t)
{
    const struct packet_said *s = &t->said;
    bool old = t->version < 3;
    uint32_t actions = old ? ACT_ALL_V2 : ACT_ALL;
    uint32_t steps = old ? STEP_ALL_V2 : STEP_ALL;

    if (s->command != SAID_OPTIONS || s->index < 2 || s->index > t->version ||
        (s->actions & ~actions) || (s->steps & ~steps)) {
        talk_fail(t, "options that were not offered");
        return;
    }
    t->version = s->index;
    t->actions = s->actions;
    t->steps = s->steps;
    keep_macros(t);
    t->state = TALK_OPEN;
    deadline_clear(&t->deadline);
}

/* One packet of the filter.  false: it has to wait. */
bool
said_take(struct talk *t)
{
    const char *bad = packet_parse(t->command, t->data, &t->said);
    uint32_t action = change_action(t->command);

    if (bad) {
        talk_fail(t, bad);
    } else if (t->state == TALK_OPTIONS) {
        take_options(t);
    } else if (!t->waiting) {
        talk_fail(t, "an answer to nothing");
    } else if (t->command == SAID_PROGRESS) {
        deadline_set(&t->deadline, t->host, t->session, talk_step_ms(t));
    } else if (action) {
        if (!take_change(t, action))
            return false;
        if (t->state == TALK_OPEN && t->step.step)
            deadline_set(&t->deadline, t->host, t->session, talk_step_ms(t));
    } else {
        take_answer(t);
    }
    return true;
}
