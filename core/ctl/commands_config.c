/* SPDX-License-Identifier: Apache-2.0
 *
 * commands_config.c - commands about the configuration in force.
 */
#include "ctl/commands_int.h"

#include <stdlib.h>
#include "base/idna.h"
#include "base/log.h"
#include "conf/query.h"
#include "ctl/agree.h"
#include "route/resolve.h"
#include "base/banned.h"

static void
reloaded(void *arg, bool ok, struct str text)
{
    struct command_call *c = arg;
    struct buf out = BUF_INIT;
    if (!ok) {
        commands_fail(c, "%.*s", STR_ARG(str_trim(text)));
        return;
    }
    buf_str(&out, text);
    commands_take(c, &out);
}

void
command_config_reload(struct command_call *c, size_t at)
{
    const struct control_process *p = c->on->process;
    if (!commands_args(c, at, 0, 1))
        return;
    if (c->word_count > at && c->words[at].n && c->words[at].p[0] != '/')
        commands_fail(c, "the daemon needs a path from /, not \"%.*s\"",
            STR_ARG(c->words[at]));
    else
        p->reload(
            p->arg, c->word_count > at ? c->words[at] : STR_NONE, reloaded, c);
}

/* Everything behind "config" goes to the configuration's own query. */
static int
query(struct command_call *c, size_t at, struct query *q, struct err *e)
{
    *q = (struct query){.words = c->words + at - 1,
        .word_count = c->word_count - (at - 1),
        .json = c->json,
        .generation = c->on->generation,
        .out = q->out};
    return query_run(q, e);
}

/* The word behind that one, or absent. */
static struct str
named(const struct command_call *c, size_t at, const char *word)
{
    for (size_t i = at; i + 1 < c->word_count; i++)
        if (commands_is(c, i, word))
            return c->words[i + 1];
    return STR_NONE;
}

/* A gateway's mail is delivered as that of the gateway's name. */
static void
add_gateway(const struct command_call *c, size_t at, struct buf *out)
{
    struct str domain = named(c, at, "domain");
    struct buf lower = BUF_INIT;
    struct destination d;

    if (c->json || !commands_is(c, at - 1, "explain") || !domain.n ||
        domain.n > 320 || commands_is(c, at, "global"))
        return;
    (void)idna_fold(domain, &lower);
    resolve_destination(
        c->on->generation, named(c, at, "binding"), buf_get(&lower), &d);
    if (d.by_gateway)
        buf_printf(out,
            "  Its mail goes by the gateway %.*s: but for gateway, "
            "delivery_method and ports, ask for domain %.*s\n",
            STR_ARG(d.domain), STR_ARG(d.domain));
    buf_fini(&lower);
}

void
command_config_query(struct command_call *c, size_t at)
{
    struct buf out = BUF_INIT;
    struct query q = {.out = &out};
    struct err e;
    if (query(c, at, &q, &e) < 0)
        commands_fail(c, "%s", e.text);
    else {
        add_gateway(c, at, &out);
        commands_take(c, &out);
    }
    if (q.changed)
        generation_unref(&q.changed); /* not for a command that only asks */
    buf_fini(&out);
}

/* Reading files is not for the scheduler's thread, nor with the daemon's
 * rights; the command is in the list for help and completion. */
void
command_config_file(struct command_call *c, size_t at)
{
    commands_fail(c,
        "impel itself does that, without the daemon: impel %.*s "
        "%.*s FILE",
        STR_ARG(c->words[at - 2]), STR_ARG(c->words[at - 1]));
}

/* The modules have their say, as in a reload. */
static bool
modules_agree(struct command_call *c, struct generation *g)
{
    struct conf_report *r = conf_report_new();
    bool ok = agree_check(NULL, g, r) == 0;
    if (!ok) {
        struct buf why = BUF_INIT;
        conf_report_print(r, &why);
        commands_fail(
            c, "Reconfigure failed: %.*s", STR_ARG(str_trim(buf_get(&why))));
        buf_fini(&why);
    }
    conf_report_free(&r);
    return ok;
}

void
command_config_change(struct command_call *c, size_t at)
{
    struct buf out = BUF_INIT;
    struct query q = {.out = &out};
    struct err e;
    const struct control_process *p = c->on->process;
    if (query(c, at, &q, &e) < 0) {
        commands_fail(
            c, "Reconfigure failed: %.*s%s", STR_ARG(buf_get(&out)), e.text);
    } else if (!q.changed) {
        commands_take(c, &out);
    } else if (modules_agree(c, q.changed)) {
        p->adopt(p->arg, q.changed);
        log_notice(LOG_CONF, "config-change", "%s generation=%llu", c->who,
            (unsigned long long)generation_number(q.changed));
        if (out.n)
            commands_take(c, &out);
        else
            commands_say(c, "Configuration generation %llu is in force",
                (unsigned long long)generation_number(q.changed));
    }
    if (q.changed)
        generation_unref(&q.changed);
    buf_fini(&out);
}
