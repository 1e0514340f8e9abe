/* SPDX-License-Identifier: Apache-2.0
 *
 * commands_message.c - commands about one message.
 */
#include "ctl/commands_int.h"

#include <stdlib.h>
#include "base/banned.h"

void
command_message_details(struct command_call *c, size_t at)
{
    bool full = commands_is(c, at, "full");
    uint64_t id;
    if (commands_args(c, at, 1 + full, 1 + full) &&
        commands_id(c, c->words[at + full], &id))
        scheduler_message_details(c->on->scheduler, id, full, commands_ask(c));
}

void
command_message_retry(struct command_call *c, size_t at)
{
    uint64_t id;
    if (commands_args(c, at, 1, 1) && commands_id(c, c->words[at], &id))
        scheduler_message_retry(c->on->scheduler, id, commands_ask(c));
}

void
command_message_fail(struct command_call *c, size_t at)
{
    struct buf text = BUF_INIT;
    bool quiet = commands_is(c, at, "quiet");
    uint64_t id;
    if (c->word_count <= at + quiet) {
        commands_usage(c, at);
        return;
    }
    if (!commands_id(c, c->words[at + quiet], &id))
        return;
    commands_join(c, at + quiet + 1, &text);
    scheduler_message_fail(c->on->scheduler, id, quiet,
        text.n ? buf_get(&text) : STR_NONE, commands_ask(c));
    buf_fini(&text);
}

void
command_explain_message(struct command_call *c, size_t at)
{
    struct buf out = BUF_INIT;
    struct err e;
    uint64_t id;
    if (!commands_args(c, at, 1, 1) || !commands_id(c, c->words[at], &id))
        return;
    if (scheduler_explain_message(c->on->scheduler, id, c->json, &out, &e) < 0)
        commands_fail(c, "%s", e.text);
    else
        commands_take(c, &out);
    buf_fini(&out);
}
