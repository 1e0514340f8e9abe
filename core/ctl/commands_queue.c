/* SPDX-License-Identifier: Apache-2.0
 *
 * commands_queue.c - commands about domains, bindings and their queues.
 */
#include "ctl/commands_int.h"

#include <stdlib.h>
#include "base/log.h"
#include "base/num.h"
#include "base/xmem.h"
#include "ctl/jsontext.h"
#include "base/banned.h"

enum { MAILQ_LIMIT = 20, MAILQ_SELECTORS = 64, SHOWQUEUE_LIMIT = 100 };

/* --- active, delayed, domains --- */

static void
print_domains(
    struct command_call *c, bool delayed, struct str binding, uint64_t above)
{
    scheduler_print_domains(
        c->on->scheduler, delayed, above, binding, commands_ask(c));
}

static void
above(struct command_call *c, size_t at, bool delayed, bool on_binding)
{
    size_t want = on_binding ? 2 : 1;
    uint64_t n;
    if (!commands_args(c, at, want, want) ||
        !commands_number(c, c->words[at + want - 1], &n))
        return;
    print_domains(c, delayed, on_binding ? c->words[at] : STR_NONE, n);
}

void
command_active(struct command_call *c, size_t at)
{
    above(c, at, false, false);
}

void
command_delayed(struct command_call *c, size_t at)
{
    above(c, at, true, false);
}

void
command_binding_active(struct command_call *c, size_t at)
{
    above(c, at, false, true);
}

void
command_binding_delayed(struct command_call *c, size_t at)
{
    above(c, at, true, true);
}

void
command_domains(struct command_call *c, size_t at)
{
    if (commands_args(c, at, 0, 0))
        print_domains(c, false, STR_NONE, SCHEDULER_EVERY_DOMAIN);
}

void
command_domain(struct command_call *c, size_t at)
{
    struct buf out = BUF_INIT;
    struct err e;
    if (!commands_args(c, at, 1, 1))
        return;
    if (!commands_all(c->words[at]).p) {
        print_domains(c, false, STR_NONE, SCHEDULER_EVERY_DOMAIN);
        return;
    }
    if (scheduler_print_domain(
            c->on->scheduler, c->words[at], c->json, &out, &e) < 0)
        commands_fail(c, "%s", e.text);
    else
        commands_take(c, &out);
    buf_fini(&out);
}

void
command_binding_summary(struct command_call *c, size_t at)
{
    struct buf out = BUF_INIT;
    if (!commands_args(c, at, 0, 1))
        return;
    scheduler_print_bindings(c->on->scheduler,
        c->word_count > at ? c->words[at] : STR_NONE, c->json, &out);
    commands_take(c, &out);
}

/* --- mailq --- */

struct mailq { /* one look after the other */
    struct command_call *call;
    size_t at;
    json_t *all;
    struct buf out;
    struct str domain[MAILQ_SELECTORS], binding[MAILQ_SELECTORS];
    size_t domains, bindings;
    uint64_t limit;
};

static bool
mailq_add(struct str to[], size_t *n, struct str word)
{
    if (*n >= MAILQ_SELECTORS)
        return false;
    to[(*n)++] = word;
    return true;
}

static bool
mailq_parse(struct command_call *c, size_t at, struct mailq *q)
{
    for (; at + 1 < c->word_count; at += 2) {
        struct str value = c->words[at + 1];
        bool ok;
        if (commands_is(c, at, "-d") || commands_is(c, at, "--domain"))
            ok = mailq_add(q->domain, &q->domains, value);
        else if (commands_is(c, at, "-b") || commands_is(c, at, "--binding"))
            ok = mailq_add(q->binding, &q->bindings, value);
        else
            ok = (commands_is(c, at, "-l") || commands_is(c, at, "--limit")) &&
                num_u64(value, &q->limit) == 0;
        if (!ok)
            return false;
    }
    return at == c->word_count;
}

/* Two documents of the same kind: the lists of the second behind those of the
 * first, and numbers added up. */
static void
merge(json_t *to, json_t *from)
{
    const char *key;
    json_t *value;
    if (json_is_array(to) && json_is_array(from))
        json_array_extend(to, from);
    else if (json_is_object(to))
        json_object_foreach(from, key, value)
        {
            json_t *have = json_object_get(to, key);
            if (json_is_array(have) && json_is_array(value))
                json_array_extend(have, value);
            else if (json_is_integer(have) && json_is_integer(value))
                json_integer_set(
                    have, json_integer_value(have) + json_integer_value(value));
        }
}

static void
mailq_add_text(struct mailq *q, struct str text)
{
    if (q->out.n)
        (void)str_cut(&text, '\n'); /* the heading stands there already */
    if (text.p)
        buf_str(&q->out, text);
}

static void
mailq_add_json(struct mailq *q, struct str text)
{
    json_t *doc = json_loadb(text.p, text.n, 0, NULL);

    if (doc && q->all)
        merge(q->all, doc);
    else if (doc)
        q->all = json_incref(doc);
    json_decref(doc);
}

static void
mailq_free(struct mailq *q)
{
    json_decref(q->all);
    buf_fini(&q->out);
    free(q);
}

static void mailq_next(struct mailq *q);

static void
mailq_found(void *arg, struct str text, const struct err *e)
{
    struct mailq *q = arg;

    if (e && e->code != ERR_OK) {
        commands_fail(q->call, "%s", e->text);
        mailq_free(q);
        return;
    }
    if (q->call->json)
        mailq_add_json(q, text);
    else
        mailq_add_text(q, text);
    q->at++;
    mailq_next(q);
}

/* The next pair of a domain and a binding, or the end. */
static void
mailq_next(struct mailq *q)
{
    struct command_call *c = q->call;
    size_t bindings = q->bindings ? q->bindings : 1;
    size_t pairs = (q->domains ? q->domains : 1) * bindings;
    struct scheduler_ask ask = {
        .reply = mailq_found, .arg = q, .json = c->json};

    if (q->at < pairs) {
        scheduler_print_mailq(c->on->scheduler,
            q->domains ? q->domain[q->at / bindings] : STR_NONE,
            q->bindings ? q->binding[q->at % bindings] : STR_NONE, q->limit,
            &ask);
        return;
    }
    if (q->all) {
        jsontext_take(&q->out, q->all);
        q->all = NULL;
    }
    commands_take(c, &q->out);
    mailq_free(q);
}

void
command_mailq(struct command_call *c, size_t at)
{
    struct mailq *q = xnew(struct mailq);

    q->call = c;
    q->limit = MAILQ_LIMIT;
    if (mailq_parse(c, at, q)) {
        mailq_next(q);
        return;
    }
    mailq_free(q);
    commands_usage(c, at);
}

/* --- showqueue --- */

/* "limit,offset" or "limit". */
static bool
showqueue_range(struct str word, uint64_t *limit, uint64_t *offset)
{
    struct str first = str_cut(&word, ',');
    *offset = 0;
    return num_u64(first, limit) == 0 &&
        (!word.p || num_u64(word, offset) == 0);
}

void
command_showqueue(struct command_call *c, size_t at)
{
    struct str binding = STR_NONE;
    uint64_t limit = SHOWQUEUE_LIMIT, offset = 0;
    if (commands_is(c, at, "binding") && c->word_count - at >= 3) {
        binding = commands_all(c->words[at + 1]);
        at += 2;
    }
    if (!commands_args(c, at, 1, 2))
        return;
    if (c->word_count - at == 2 &&
        !showqueue_range(c->words[at + 1], &limit, &offset))
        commands_fail(c, "\"%.*s\" is no LIMIT or LIMIT,OFFSET",
            STR_ARG(c->words[at + 1]));
    else
        scheduler_show_queue(c->on->scheduler, binding, c->words[at], limit,
            offset, commands_ask(c));
}

/* --- flush, fail, refresh --- */

void
command_flush_domain(struct command_call *c, size_t at)
{
    if (commands_args(c, at, 1, 1))
        scheduler_flush(c->on->scheduler, STR_NONE, commands_all(c->words[at]),
            commands_ask(c));
}

void
command_binding_flush_domain(struct command_call *c, size_t at)
{
    if (commands_args(c, at, 2, 2))
        scheduler_flush(c->on->scheduler, c->words[at],
            commands_all(c->words[at + 1]), commands_ask(c));
}

/* text absent: the scheduler's own words. */
static void
fail(struct command_call *c, size_t text_at, struct str binding,
    struct str domain, bool quiet)
{
    struct buf text = BUF_INIT;
    commands_join(c, text_at, &text);
    scheduler_fail_domain(c->on->scheduler, binding, domain, quiet,
        text.n ? buf_get(&text) : STR_NONE, commands_ask(c));
    buf_fini(&text);
}

void
command_fail_domain(struct command_call *c, size_t at)
{
    bool quiet = commands_is(c, at, "quiet");
    size_t domain = at + quiet;
    if (c->word_count <= domain) {
        commands_usage(c, at);
        return;
    }
    if (!commands_all(c->words[domain]).p) {
        commands_fail(c,
            "all mail at once is not given up by accident: name a "
            "domain, or use \"binding fail domain BINDING all\"");
        return;
    }
    fail(c, domain + 1, STR_NONE, c->words[domain], quiet);
}

void
command_binding_fail_domain(struct command_call *c, size_t at)
{
    bool quiet = commands_is(c, at, "quiet");
    size_t binding = at + quiet;
    if (c->word_count <= binding + 1) {
        commands_usage(c, at);
        return;
    }
    fail(c, binding + 2, c->words[binding], commands_all(c->words[binding + 1]),
        quiet);
}

void
command_refresh_domain(struct command_call *c, size_t at)
{
    if (commands_args(c, at, 1, 1))
        scheduler_refresh_domain(
            c->on->scheduler, commands_all(c->words[at]), commands_ask(c));
}

/* --- explain --- */

void
command_explain_domain(struct command_call *c, size_t at)
{
    struct buf out = BUF_INIT;
    struct str binding = STR_NONE;
    struct err e;
    size_t n = c->word_count - at;
    if (n == 3 && commands_is(c, at + 1, "binding"))
        binding = c->words[at + 2];
    else if (n != 1) {
        commands_usage(c, at);
        return;
    }
    if (scheduler_explain_domain(
            c->on->scheduler, c->words[at], binding, c->json, &out, &e) < 0)
        commands_fail(c, "%s", e.text);
    else
        commands_take(c, &out);
    buf_fini(&out);
}
