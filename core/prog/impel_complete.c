/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/impel_complete.h"

#include "base/macros.h"
#include "ctl/command_list.h"
#include "base/banned.h"

/* Known to the client alone. */
static const struct command_words local_words[] = {
    {"quit", "", "leave", false},
    {"exit", "", "leave", false},
    {"json", "COMMAND...", "the answer as JSON", false},
    {"inject", "[OPTION...] FILE...", "send mail to a server", false},
    {"module new", "NAME [--dir DIR] [--plain|--autotools]",
        "a transport of your own, to begin with", false},
    {"password", "NAME", "a line for auth_password_file", false},
    {"spool check", "DIR", "verify every record", false},
    {"spool dump", "[bodies] DIR", "print every record", false},
    {"spool compact", "DIR", "give space back now", false},
    {"spool export", "DIR TO [--keep]", "a copy for another machine", false},
};

void
impel_complete_each(
    void (*fn)(void *arg, const struct command_words *row), void *arg)
{
    size_t count;
    const struct command_words *list = command_list(&count);
    for (size_t i = 0; i < count; i++)
        fn(arg, &list[i]);
    for (size_t i = 0; i < ARRAY_SIZE(local_words); i++)
        fn(arg, &local_words[i]);
}

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
consider(void *arg, const struct command_words *row)
{
    struct search *s = arg;
    struct str words = str_of(row->words);
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
show_args(void *arg, const struct command_words *row)
{
    struct search *s = arg;
    if (!str_eq(str_trim(s->line), str_of(row->words)) || !row->args[0])
        return;
    buf_printf(s->list, "%s %s: %s", row->words, row->args, row->brief);
    s->count = 2; /* to be shown, not inserted */
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
    size_t blank;
    normalise(line, &typed);
    if (str_starts(buf_get(&typed), STR("json ")))
        buf_consume(&typed, 5);
    struct search s = {.line = buf_get(&typed), .list = list};
    blank = str_rchr(s.line, ' ');
    s.word_at = blank == SIZE_MAX ? 0 : blank + 1;
    impel_complete_each(consider, &s);
    if (s.count) {
        buf_str(more, str_from(s.common, s.line.n - s.word_at));
        if (s.count == 1)
            buf_char(more, ' ');
    } else
        impel_complete_each(show_args, &s);
    buf_fini(&typed);
    return s.count;
}
