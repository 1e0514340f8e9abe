/* SPDX-License-Identifier: Apache-2.0
 *
 * commands.h - console commands: words, help, function.
 *
 * The words are Momentum's (momentum-modules.md 4.2).  The same list
 * (command_list.h) feeds dispatch, `help`, the completion of `impel`, and its
 * manual page.  Scheduler thread only.
 */
#ifndef IMPEL_COMMANDS_H
#define IMPEL_COMMANDS_H

#include "ctl/command_list.h"
#include "ctl/control.h"

struct command_call { /* one running command */
    const struct control_config *on;
    const struct str *words; /* all of them, the command's own included */
    size_t word_count;
    bool json;
    int status;      /* what `impel` exits with when the answer is ok */
    const char *who; /* "uid=0 pid=123" */
    /* How to answer: exactly once, at once or later; the call is gone then.
     * text or error is copied. */
    void (*answer)(struct command_call *c, bool ok, struct str text);
    void (*progress)(struct command_call *c, uint64_t done, uint64_t total);
    void *arg;
    struct scheduler_ask ask; /* of the command that asks the scheduler */
};
/* args_at: index of the first word behind the command's own. */
typedef void command_f(struct command_call *c, size_t args_at);
struct command {
    const char *words; /* "flush domain" */
    const char *args;  /* "DOMAIN|all" */
    const char *brief; /* one line, no full stop */
    command_f *run;
    bool changes; /* logged with who did it */
};
/* Find the longest match and run it; an unknown one answers with near names. */
void commands_run(struct command_call *c);
const struct command *commands_table(size_t *count);

#endif
