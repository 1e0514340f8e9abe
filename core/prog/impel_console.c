/* SPDX-License-Identifier: Apache-2.0
 *
 * impel_console.c - commands typed at a terminal, with history and completion;
 * or read from a file or pipe, one per line.
 */
#include "prog/impel.h"

#include <errno.h>
#include <histedit.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/xmem.h"
#include "prog/impel_complete.h"
#include "base/banned.h"

enum { HISTORY_LINES = 1000, PRIVATE_UMASK = 077 };

struct console {
    struct impel_run *run;
    EditLine *el;
    History *history;
    Tokenizer *tokens;
    char *history_path;
    int status; /* of the first command that failed */
};

/* 0: go on; 1: it was quit. */
static int
run_line(struct console *c, const char *line)
{
    struct str words[IMPEL_WORDS_MAX];
    const char **v;
    int n;
    tok_reset(c->tokens);
    if (tok_str(c->tokens, line, &n, &v) != 0 || n > IMPEL_WORDS_MAX) {
        fputs("impel: a quote is not closed\n", stderr);
        c->status = c->status ? c->status : EXIT_USAGE;
        return 0;
    }
    if (n == 0 || v[0][0] == '#')
        return 0;
    for (int i = 0; i < n; i++)
        words[i] = str_of(v[i]);
    if (n == 1 &&
        (str_ieq(words[0], STR("quit")) || str_ieq(words[0], STR("exit"))))
        return 1;
    int status = impel_command(c->run, words, (size_t)n);
    c->status = c->status ? c->status : status;
    fflush(stdout);
    return 0;
}

/* --- from a file or pipe --- */

static void
run_batch(struct console *c)
{
    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, stdin) >= 0)
        if (run_line(c, line))
            break;
    free(line);
}

/* --- at a terminal --- */

static char *
prompt(EditLine *el)
{
    static char text[32];
    struct tm tm;
    time_t now = time(NULL);
    (void)el;
    (void)localtime_r(&now, &tm);
    (void)strftime(text, sizeof(text), "%H:%M:%S impel> ", &tm);
    return text;
}

static unsigned char
complete(EditLine *el, int ch)
{
    const LineInfo *li = el_line(el);
    struct buf more = BUF_INIT, list = BUF_INIT;
    (void)ch;
    size_t matches = impel_complete(
        str_make(li->buffer, (size_t)(li->cursor - li->buffer)), &more, &list);
    unsigned char done = CC_REFRESH;
    if (more.n)
        (void)el_insertstr(el, more.p);
    else if (matches > 1) {
        printf("\n%s\n", list.p);
        done = CC_REDISPLAY;
    } else
        done = CC_REFRESH_BEEP;
    buf_fini(&more);
    buf_fini(&list);
    return done;
}

static void
load_history(struct console *c)
{
    HistEvent ev;
    const char *home = getenv("HOME");
    c->history = history_init();
    (void)history(c->history, &ev, H_SETSIZE, HISTORY_LINES);
    (void)history(c->history, &ev, H_SETUNIQUE, 1);
    if (home && home[0] == '/') {
        c->history_path = xprintf("%s/.impel_history", home);
        (void)history(c->history, &ev, H_LOAD, c->history_path); /* or none */
    }
}

/* A history is a convenience: that it cannot be kept is no error. */
static void
save_history(struct console *c)
{
    HistEvent ev;
    if (c->history_path) {
        mode_t before = umask(PRIVATE_UMASK);
        (void)history(c->history, &ev, H_SAVE, c->history_path);
        (void)umask(before);
    }
    history_end(c->history);
    free(c->history_path);
}

static void
open_editor(struct console *c)
{
    c->el = el_init("impel", stdin, stdout, stderr);
    el_set(c->el, EL_PROMPT, prompt);
    el_set(c->el, EL_EDITOR, "emacs");
    el_set(c->el, EL_SIGNAL, 1);
    el_set(c->el, EL_HIST, history, c->history);
    el_set(c->el, EL_ADDFN, "impel-complete", "complete a command", complete);
    el_set(c->el, EL_BIND, "^I", "impel-complete", NULL);
    (void)el_source(c->el, NULL); /* ~/.editrc, if there is one */
}

static void
run_terminal(struct console *c)
{
    HistEvent ev;
    const char *line;
    int n;
    load_history(c);
    open_editor(c);
    printf("impel %s, %s.  help lists the commands, quit leaves.\n",
        PACKAGE_VERSION, c->run->socket);
    while ((line = el_gets(c->el, &n)) != NULL || (n < 0 && errno == EINTR)) {
        if (!line)
            continue;
        if (n > 1)
            (void)history(c->history, &ev, H_ENTER, line);
        if (run_line(c, line))
            break;
    }
    if (!line)
        putchar('\n');
    el_end(c->el);
    save_history(c);
    c->status = EXIT_DONE; /* what failed was seen */
}

int
impel_console(struct impel_run *r)
{
    struct console c = {.run = r, .tokens = tok_init(NULL)};
    if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
        run_terminal(&c);
    else
        run_batch(&c);
    tok_end(c.tokens);
    return c.status;
}
