/* SPDX-License-Identifier: Apache-2.0
 *
 * commands_int.h - what the files of commands share.
 */
#ifndef IMPEL_COMMANDS_INT_H
#define IMPEL_COMMANDS_INT_H

#include "base/buf.h"
#include "ctl/commands.h"

/* command_summary() and so on, one per row. */
#define COMMANDS_PROTOTYPE(function, words, args, brief, changes) \
    command_f command_##function;
COMMANDS(COMMANDS_PROTOTYPE)
#undef COMMANDS_PROTOTYPE

/* --- commands.c: answers --- */
/* A sentence; {"text": "..."} for json.  No final line end needed. */
void commands_say(struct command_call *c, const char *fmt, ...)
    ATTR_PRINTF(2, 3);
void commands_fail(struct command_call *c, const char *fmt, ...)
    ATTR_PRINTF(2, 3);
/* What was printed, for the user as it is; the buffer is freed.  For json a
 * text that is no document becomes {"text": "..."}. */
void commands_take(struct command_call *c, struct buf *out);
/* "usage: flush domain DOMAIN|all" */
void commands_usage(struct command_call *c, size_t args_at);
/* Wrong number of arguments: says so, and returns false. */
bool commands_args(
    struct command_call *c, size_t args_at, size_t min, size_t max);
/* A number; else says so, and returns false. */
bool commands_number(struct command_call *c, struct str word, uint64_t *to);
/* The id of a message; else says so, and returns false. */
bool commands_id(struct command_call *c, struct str word, uint64_t *to);
/* "all" in any case is absent. */
struct str commands_all(struct str word);
/* The words from `from` on, joined by blanks. */
void commands_join(const struct command_call *c, size_t from, struct buf *to);
/* Is that word there? */
bool commands_is(const struct command_call *c, size_t at, const char *word);
/* What to give to the scheduler's verbs that answer later. */
const struct scheduler_ask *commands_ask(struct command_call *c);

#endif
