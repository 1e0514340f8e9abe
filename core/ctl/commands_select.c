/* SPDX-License-Identifier: Apache-2.0
 *
 * commands_select.c - fail all, flush all, delay, rebind, reroute queue: mail
 * chosen by what it is; spool import.
 */
#include "ctl/commands_int.h"

#include "base/num.h"
#include "queue/scheduler.h"
#include "base/banned.h"

enum { SELECTION_PLAIN = 4 };

/* What stands behind the words of a command. */
struct selection {
    struct command_call *c;
    struct scheduler_filter filter;
    struct scheduler_order order;
    struct buf text;
    struct str plain[SELECTION_PLAIN]; /* words that are no options */
    size_t at, plain_count, plain_most;
    bool chosen; /* something was said about which mail */
};

static bool
selection_time(struct selection *sel, struct str word, int64_t *to)
{
    if (num_duration(word, to) == 0 && *to > 0)
        return true;
    commands_fail(
        sel->c, "\"%.*s\" is no time: say 90, 15m, 2h or 3d", STR_ARG(word));
    return false;
}

/* "Name: pattern", "Name=pattern", or a name alone: it is there. */
static bool
selection_header(struct selection *sel, struct str word)
{
    size_t colon = str_chr(word, ':', 0), equal = str_chr(word, '=', 0);
    size_t end = colon < equal ? colon : equal;

    if (end == SIZE_MAX) {
        sel->filter.header = word;
        return true;
    }
    sel->filter.header = str_trim(str_make(word.p, end));
    sel->filter.pattern = str_trim(str_from(word, end + 1));
    return true;
}

/* "name=pattern", or a name alone. */
static bool
selection_meta(struct selection *sel, struct str word)
{
    size_t equal = str_chr(word, '=', 0);

    sel->filter.meta = word;
    if (equal == SIZE_MAX)
        return true;
    sel->filter.meta = str_make(word.p, equal);
    sel->filter.value = str_from(word, equal + 1);
    return true;
}

static bool
selection_take(struct selection *sel, const char *name, struct str word)
{
    struct scheduler_filter *f = &sel->filter;
    struct str n = str_of(name);

    sel->chosen = true;
    if (str_eq(n, STR("--domain")))
        f->domain = word;
    else if (str_eq(n, STR("--binding")))
        f->binding = word;
    else if (str_eq(n, STR("--group")))
        f->group = word;
    else if (str_eq(n, STR("--sender")))
        f->sender = word;
    else if (str_eq(n, STR("--header")))
        return selection_header(sel, word);
    else if (str_eq(n, STR("--meta")))
        return selection_meta(sel, word);
    else if (str_eq(n, STR("--older")))
        return selection_time(sel, word, &f->older);
    else
        return selection_time(sel, word, &f->newer);
    return true;
}

/* One option with its value, if one stands there. */
static bool
selection_option(struct selection *sel, bool *bad)
{
    static const char *const names[] = {"--domain", "--binding", "--group",
        "--sender", "--header", "--meta", "--older", "--newer"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!commands_is(sel->c, sel->at, names[i]))
            continue;
        if (sel->at + 1 >= sel->c->word_count) {
            commands_fail(sel->c, "%s needs a value", names[i]);
            *bad = true;
        } else {
            *bad = !selection_take(sel, names[i], sel->c->words[sel->at + 1]);
            sel->at += 2;
        }
        return true;
    }
    return false;
}

static bool
selection_words(struct selection *sel)
{
    struct command_call *c = sel->c;
    bool fails = sel->order.work == SCHEDULER_FAIL, bad = false;

    while (sel->at < c->word_count && !bad) {
        if (selection_option(sel, &bad))
            continue;
        if (commands_is(c, sel->at, "--dry-run")) {
            sel->order.dry_run = true;
        } else if (fails && commands_is(c, sel->at, "--quiet")) {
            sel->order.quiet = true;
        } else if (fails && commands_is(c, sel->at, "--text")) {
            commands_join(c, sel->at + 1, &sel->text);
            sel->order.text = sel->text.n ? buf_get(&sel->text) : STR_NONE;
            return true;
        } else if (sel->plain_count < sel->plain_most &&
            !str_starts(c->words[sel->at], STR("--"))) {
            sel->plain[sel->plain_count++] = c->words[sel->at];
        } else {
            commands_fail(c, "unknown word \"%.*s\"; see \"help\"",
                STR_ARG(c->words[sel->at]));
            return false;
        }
        sel->at++;
    }
    return !bad;
}

static struct selection
selection_begin(struct command_call *c, size_t at, enum scheduler_work work)
{
    return (struct selection){.c = c,
        .at = at,
        .order = {.work = work, .text = STR_NONE, .to = STR_NONE},
        .filter = {.binding = STR_NONE,
            .group = STR_NONE,
            .domain = STR_NONE,
            .sender = STR_NONE,
            .header = STR_NONE,
            .pattern = STR_NONE,
            .meta = STR_NONE,
            .value = STR_NONE}};
}

static void
selection_go(struct selection *sel)
{
    if (sel->chosen)
        scheduler_select(sel->c->on->scheduler, &sel->filter, &sel->order,
            commands_ask(sel->c));
    else
        commands_fail(sel->c,
            "which mail? say at least one of --domain, --binding, --group, "
            "--sender, --header, --meta, --older, --newer");
}

static void
selection_run(struct selection *sel)
{
    if (selection_words(sel))
        selection_go(sel);
    buf_fini(&sel->text);
}

void
command_fail_all(struct command_call *c, size_t at)
{
    struct selection sel = selection_begin(c, at, SCHEDULER_FAIL);

    selection_run(&sel);
}

void
command_flush_all(struct command_call *c, size_t at)
{
    struct selection sel = selection_begin(c, at, SCHEDULER_FLUSH);

    selection_run(&sel);
}

void
command_spool_import(struct command_call *c, size_t at)
{
    bool dry_run = commands_is(c, at + 1, "--dry-run");

    if (c->word_count != at + 1 + (size_t)dry_run)
        commands_usage(c, at);
    else
        scheduler_import(
            c->on->scheduler, c->words[at], dry_run, commands_ask(c));
}

void
command_delay(struct command_call *c, size_t at)
{
    struct selection sel = selection_begin(c, at + 1, SCHEDULER_DELAY);

    if (c->word_count <= at) {
        commands_usage(c, at);
        return;
    }
    if (num_duration(c->words[at], &sel.order.delay) < 0 ||
        sel.order.delay <= 0)
        commands_fail(c, "\"%.*s\" is no time: say 90, 15m, 2h or 3d",
            STR_ARG(c->words[at]));
    else
        selection_run(&sel);
}

/* --- moving --- */

static bool
selection_is(const struct selection *sel, size_t i, const char *word)
{
    return i < sel->plain_count && str_eq(sel->plain[i], str_of(word));
}

/* "BINDING [DOMAIN] [to BINDING]" */
static bool
selection_rebind(struct selection *sel)
{
    size_t i = 0;

    if (!sel->plain_count)
        return false;
    sel->filter.binding = sel->plain[i++];
    if (i < sel->plain_count && !selection_is(sel, i, "to"))
        sel->filter.domain = sel->plain[i++];
    if (i == sel->plain_count)
        return true;
    if (!selection_is(sel, i, "to") || i + 2 != sel->plain_count)
        return false;
    sel->order.to = sel->plain[i + 1];
    return true;
}

/* "DOMAIN [DOMAIN]" */
static bool
selection_reroute(struct selection *sel)
{
    if (!sel->plain_count)
        return false;
    sel->filter.domain = sel->plain[0];
    if (sel->plain_count > 1)
        sel->order.to = sel->plain[1];
    return true;
}

/* Options stand anywhere between the words. */
static void
selection_move(struct command_call *c, size_t at, enum scheduler_work work,
    size_t most, bool (*take)(struct selection *sel))
{
    struct selection sel = selection_begin(c, at, work);

    sel.plain_most = most;
    if (!selection_words(&sel))
        return;
    sel.chosen = true;
    if (take(&sel))
        selection_go(&sel);
    else
        commands_usage(c, at);
}

void
command_rebind(struct command_call *c, size_t at)
{
    selection_move(c, at, SCHEDULER_REBIND, 4, selection_rebind);
}

void
command_reroute_queue(struct command_call *c, size_t at)
{
    selection_move(c, at, SCHEDULER_REROUTE, 2, selection_reroute);
}
