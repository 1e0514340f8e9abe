/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/impel_complete.h"

#include "base/macros.h"
#include "ctl/command_list.h"
#include "base/banned.h"

/* Known to the client alone. */
static const char *const local_words[] = {"quit", "exit", "json", "inject",
    "spool check", "spool dump", "spool compact"};

struct search {
    struct str line;   /* without blanks before it; single blanks within */
    size_t word_at;    /* where its last word begins */
    struct str common; /* of all candidates, from word_at on */
    struct buf *list;
    size_t count;
};

static bool
is_listed(const struct buf *list, struct str word)
{
    struct str rest = buf_get(list);
    while (rest.n) {
        if (str_eq(str_cut(&rest, ' '), word))
            return true;
    }
    return false;
}

static void
keep_common(struct search *s, struct str word)
{
    size_t n = 0;
    if (s->count == 0)
        s->common = word;
    while (n < s->common.n && n < word.n && s->common.p[n] == word.p[n])
        n++;
    s->common.n = n;
}

/* One command: does the line begin it, and which word is next? */
static void
consider(struct search *s, const char *command)
{
    struct str words = str_of(command);
    if (words.n < s->line.n || !str_starts(words, s->line))
        return;
    struct str rest = str_from(words, s->word_at);
    struct str word = str_cut(&rest, ' ');
    if (is_listed(s->list, word))
        return;
    keep_common(s, word);
    if (s->list->n)
        buf_char(s->list, ' ');
    buf_str(s->list, word);
    s->count++;
}

/* The line is a command and a blank: say what it takes. */
static void
show_args(struct search *s)
{
    size_t count;
    const struct command_words *list = command_list(&count);
    struct str words = str_trim(s->line);
    for (size_t i = 0; i < count; i++)
        if (str_eq(words, str_of(list[i].words)) && list[i].args[0]) {
            buf_printf(s->list, "%s %s: %s", list[i].words, list[i].args,
                list[i].brief);
            s->count = 2; /* to be shown, not inserted */
        }
}

/* Blanks before and between words as the list has them. */
static void
normalise(struct str line, struct buf *to)
{
    for (size_t i = 0; i < line.n; i++) {
        char c = line.p[i] == '\t' ? ' ' : line.p[i];
        if (c != ' ' || (to->n && to->p[to->n - 1] != ' '))
            buf_char(to, c);
    }
}

size_t
impel_complete(struct str line, struct buf *more, struct buf *list)
{
    struct buf typed = BUF_INIT;
    size_t count, blank;
    const struct command_words *commands = command_list(&count);
    normalise(line, &typed);
    if (str_starts(buf_get(&typed), STR("json ")))
        buf_consume(&typed, 5);
    struct search s = {.line = buf_get(&typed), .list = list};
    blank = str_rchr(s.line, ' ');
    s.word_at = blank == SIZE_MAX ? 0 : blank + 1;
    for (size_t i = 0; i < count; i++)
        consider(&s, commands[i].words);
    for (size_t i = 0; i < ARRAY_SIZE(local_words); i++)
        consider(&s, local_words[i]);
    if (s.count) {
        buf_str(more, str_from(s.common, s.line.n - s.word_at));
        if (s.count == 1)
            buf_char(more, ' ');
    } else
        show_args(&s);
    buf_fini(&typed);
    return s.count;
}
