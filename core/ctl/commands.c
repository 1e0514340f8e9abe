/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/commands.h"
#include "ctl/commands_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "base/num.h"
#include "base/xmem.h"
#include "ctl/jsontext.h"
#include "spool/message.h"
#include "base/banned.h"

enum { WORDS_MAX = 3 };   /* of a command */
enum { SHOWN_MAX = 200 }; /* bytes of a log line */

#define ROW(function, words, args, brief, changes) \
    {words, args, brief, command_##function, changes},
static const struct command table[] = {COMMANDS(ROW)};

const struct command *
commands_table(size_t *count)
{
    *count = ARRAY_SIZE(table);
    return table;
}

/* --- answers --- */

static void ATTR_PRINTF(3, 0) answer_sentence(
    struct command_call *c, bool ok, const char *fmt, va_list ap)
{
    struct buf text = BUF_INIT, out = BUF_INIT;
    buf_vprintf(&text, fmt, ap);
    if (ok && c->json)
        jsontext_take(
            &out, json_pack("{so}", "text", jsontext_value(buf_get(&text))));
    c->answer(c, ok, out.n ? buf_get(&out) : buf_get(&text));
    buf_fini(&text);
    buf_fini(&out);
}

void
commands_say(struct command_call *c, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    answer_sentence(c, true, fmt, ap);
    va_end(ap);
}

void
commands_fail(struct command_call *c, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    answer_sentence(c, false, fmt, ap);
    va_end(ap);
}

/* By its first two characters: showqueue's text begins with a bracket too. */
static bool
is_document(struct str s)
{
    s = str_trim(s);
    if (s.n < 2 || (s.p[0] != '{' && s.p[0] != '['))
        return false;
    s = str_trim(str_from(s, 1));
    return s.n && s.p[0] && strchr("\"{}[]-0123456789", s.p[0]);
}

void
commands_take(struct command_call *c, struct buf *out)
{
    struct buf text = *out;
    *out = (struct buf)BUF_INIT;
    if (c->json && !is_document(buf_get(&text)))
        commands_say(c, "%.*s", STR_ARG(str_trim(buf_get(&text))));
    else
        c->answer(c, true, buf_get(&text));
    buf_fini(&text);
}

/* --- arguments --- */

bool
commands_is(const struct command_call *c, size_t at, const char *word)
{
    return at < c->word_count && str_ieq(c->words[at], str_of(word));
}

void
commands_join(const struct command_call *c, size_t from, struct buf *to)
{
    for (size_t i = from; i < c->word_count; i++) {
        if (i > from)
            buf_char(to, ' ');
        buf_str(to, c->words[i]);
    }
}

struct str
commands_all(struct str word)
{
    return str_ieq(word, STR("all")) ? STR_NONE : word;
}

/* How many of the call's words are the command's own; 0: it is another. */
static size_t
match(const struct command_call *c, const struct command *row)
{
    struct str words = str_of(row->words);
    size_t n = 0;
    while (words.p) {
        struct str want = str_cut(&words, ' ');
        if (n >= c->word_count || !str_ieq(c->words[n], want))
            return 0;
        n++;
    }
    return n;
}

static const struct command *
find(const struct command_call *c, size_t *args_at)
{
    const struct command *best = NULL;
    *args_at = 0;
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        size_t n = match(c, &table[i]);
        if (n > *args_at) {
            *args_at = n;
            best = &table[i];
        }
    }
    return best;
}

void
commands_usage(struct command_call *c, size_t args_at)
{
    const struct command *row = find(c, &args_at);
    commands_fail(
        c, "usage: %s%s%s", row->words, row->args[0] ? " " : "", row->args);
}

bool
commands_args(struct command_call *c, size_t args_at, size_t min, size_t max)
{
    size_t n = c->word_count - args_at;
    if (n >= min && n <= max)
        return true;
    commands_usage(c, args_at);
    return false;
}

bool
commands_number(struct command_call *c, struct str word, uint64_t *to)
{
    if (num_u64(word, to) == 0)
        return true;
    commands_fail(c, "\"%.*s\" is no number", STR_ARG(word));
    return false;
}

bool
commands_id(struct command_call *c, struct str word, uint64_t *to)
{
    if (message_id_parse(word, to) == 0)
        return true;
    commands_fail(c,
        "\"%.*s\" is no message id; one looks like 00/3F-00412-5B3C2A90",
        STR_ARG(word));
    return false;
}

/* --- the scheduler's verbs that answer later --- */

static void
asked(void *arg, struct str text, const struct err *e)
{
    struct command_call *c = arg;
    struct buf out = BUF_INIT;
    if (e && e->code != ERR_OK) {
        commands_fail(c, "%s", e->text);
        return;
    }
    buf_str(&out, text);
    commands_take(c, &out);
}

static void
moved(void *arg, uint64_t done, uint64_t total)
{
    struct command_call *c = arg;
    if (c->progress)
        c->progress(c, done, total);
}

const struct scheduler_ask *
commands_ask(struct command_call *c)
{
    c->ask = (struct scheduler_ask){
        .reply = asked, .progress = moved, .arg = c, .json = c->json};
    return &c->ask;
}

/* --- dispatch --- */

static void
log_change(const struct command_call *c)
{
    struct buf words = BUF_INIT;
    commands_join(c, 0, &words);
    log_notice(LOG_CONF, "command", "%s words=\"%.*s\"%s", c->who,
        STR_ARG(str_sub(buf_get(&words), 0, SHOWN_MAX)),
        words.n > SHOWN_MAX ? "..." : "");
    buf_fini(&words);
}

/* All commands that begin with the first word, for "message" alone. */
static bool
say_continuations(struct command_call *c)
{
    struct buf list = BUF_INIT;
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct str words = str_of(table[i].words);
        if (str_ieq(str_cut(&words, ' '), c->words[0]) && words.p)
            buf_printf(&list, "%s%s", list.n ? ", " : "", table[i].words);
    }
    bool any = list.n > 0;
    if (any && c->word_count == 1)
        commands_fail(c, "\"%.*s\" is not whole; there are: %s",
            STR_ARG(c->words[0]), list.p);
    else if (any)
        commands_fail(c, "unknown command \"%.*s %.*s\"; there are: %s",
            STR_ARG(c->words[0]), STR_ARG(str_sub(c->words[1], 0, SHOWN_MAX)),
            list.p);
    buf_fini(&list);
    return any;
}

/* The nearest command to the first one, two or three words. */
static const char *
nearest(const struct command_call *c)
{
    const char *names[ARRAY_SIZE(table)], *near = NULL;
    struct buf said = BUF_INIT;
    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        names[i] = table[i].words;
    for (size_t n = 0; n < WORDS_MAX && n < c->word_count; n++) {
        if (said.n + c->words[n].n > SHOWN_MAX)
            break;
        if (n)
            buf_char(&said, ' ');
        buf_str(&said, c->words[n]);
        const char *found =
            str_nearest(buf_get(&said), names, ARRAY_SIZE(table));
        near = found ? found : near;
    }
    buf_fini(&said);
    return near;
}

static void
say_unknown(struct command_call *c)
{
    const char *near;
    struct str first = str_sub(c->words[0], 0, SHOWN_MAX);
    if (say_continuations(c))
        return;
    near = nearest(c);
    if (near)
        commands_fail(c, "unknown command \"%.*s\"; did you mean \"%s\"?",
            STR_ARG(first), near);
    else
        commands_fail(
            c, "unknown command \"%.*s\"; see \"help\"", STR_ARG(first));
}

void
commands_run(struct command_call *c)
{
    size_t args_at;
    const struct command *row;
    if (c->word_count == 0) {
        commands_fail(c, "no command; see \"help\"");
        return;
    }
    row = find(c, &args_at);
    if (!row) {
        say_unknown(c);
        return;
    }
    /* What is begun now would outlive the spool; shutdown itself may hurry
     * the clients that are waited for. */
    if (row->changes && row->run != command_shutdown &&
        scheduler_is_drained(c->on->scheduler)) {
        commands_fail(c, "the daemon is stopping");
        return;
    }
    if (row->changes)
        log_change(c);
    row->run(c, args_at);
}

/* --- help --- */

void
command_help(struct command_call *c, size_t args_at)
{
    struct buf prefix = BUF_INIT, out = BUF_INIT;
    commands_join(c, args_at, &prefix);
    size_t found = c->json ? command_list_json(buf_get(&prefix), &out)
                           : command_list_print(buf_get(&prefix), &out);
    if (found)
        commands_take(c, &out);
    else
        commands_fail(c, "no such command; see \"help\"");
    buf_fini(&prefix);
    buf_fini(&out);
}
