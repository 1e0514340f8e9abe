/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/impel_words.h"

#include "base/log.h"
#include "base/macros.h"
#include "conf/option.h"
#include "ctl/command_list.h"
#include "prog/declare.h"
#include "prog/impel_complete.h"
#include "prog/inject_args.h"
#include "base/banned.h"

struct words {
    const struct str *is; /* the last one is begun */
    size_t count;
    struct buf *to;
    size_t found;
};

static bool
is_listed(const struct buf *list, struct str word)
{
    struct str rest = buf_get(list);
    while (rest.n)
        if (str_eq(str_cut(&rest, '\n'), word))
            return true;
    return false;
}

static void
offer(struct words *w, struct str word)
{
    if (!word.n || !str_starts(word, w->is[w->count - 1]) ||
        is_listed(w->to, word))
        return;
    buf_str(w->to, word);
    buf_char(w->to, '\n');
    w->found++;
}

/* --- options before the command --- */

/* Without them; an option that is still typed stays. */
static void
skip_options(struct words *w, const struct impel_switch *options)
{
    while (w->count > 1 && w->is[0].n > 1 && w->is[0].p[0] == '-') {
        struct str word = w->is[0];
        size_t gone = 1;
        for (const struct impel_switch *o = options; o->name; o++) {
            bool is_long = str_starts(word, STR("--")) &&
                str_eq(str_from(word, 2), str_of(o->name));
            bool is_short = word.n == 2 && word.p[1] == o->letter;
            if (o->has_arg && (is_long || is_short))
                gone = 2;
        }
        if (gone >= w->count)
            gone = w->count - 1;
        w->is += gone;
        w->count -= gone;
    }
}

static void
offer_options(struct words *w, const struct impel_switch *options)
{
    for (const struct impel_switch *o = options; o->name; o++) {
        struct buf name = BUF_INIT;
        buf_printf(&name, "--%s", o->name);
        offer(w, buf_get(&name));
        buf_fini(&name);
    }
}

/* --- arguments of a command --- */

static bool
is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
        c == '-' || c == '=';
}

/* What is to be written as it stands: not DOMAIN, which is a place. */
static bool
is_literal(struct str word)
{
    bool small = word.n > 0;
    for (size_t i = 0; i < word.n; i++)
        small = small &&
            ((word.p[i] >= 'a' && word.p[i] <= 'z') || word.p[i] == '_');
    return small || (str_starts(word, STR("--")) && word.n > 2);
}

static void
offer_args(struct words *w, const char *args)
{
    struct str s = str_of(args);
    while (s.n) {
        size_t n = 0;
        while (n < s.n && is_name(s.p[n]))
            n++;
        struct str word = str_sub(s, 0, n);
        size_t value = str_chr(word, '=', 0);
        if (value != SIZE_MAX)
            word = str_sub(word, 0, value + 1);
        if (is_literal(word) && !str_starts(str_from(s, n), STR("...")))
            offer(w, word);
        s = str_from(s, n ? n : 1);
        if (value != SIZE_MAX) /* the others are values, too */
            s = str_from(s, str_chr(s, ']', 0));
    }
}

/* One command: the words before the last one begin it, or are all of it. */
static void
consider(void *arg, const struct command_words *row)
{
    struct words *w = arg;
    struct str rest = str_of(row->words);
    for (size_t i = 0; i + 1 < w->count && rest.n; i++)
        if (!str_ieq(str_cut(&rest, ' '), w->is[i]))
            return;
    if (rest.n) /* str_cut() has left the words that follow */
        offer(w, str_cut(&rest, ' '));
    else
        offer_args(w, row->args);
}

/* --- commands with words of their own --- */

static bool
is_at(const struct words *w, size_t at, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count && at + 1 < w->count; i++)
        if (str_ieq(w->is[at], str_of(names[i])))
            return true;
    return false;
}

static void
offer_config_options(struct words *w, const char *modules)
{
    struct err e;
    log_set_mask(LOG_LEVEL_NOTICE, 0); /* a broken module is told elsewhere */
    (void)declare_options(modules, &e);
    for (uint32_t i = 0; i < option_count(); i++)
        offer(w, str_of(option_get(i)->name));
}

static void
offer_inject(struct words *w)
{
    struct buf text = BUF_INIT;
    inject_args_print(false, &text);
    for (struct str rest = buf_get(&text); rest.n;) {
        struct str line = str_trim(str_cut(&rest, '\n'));
        if (str_starts(line, STR("--")))
            offer(w, str_cut(&line, ' '));
    }
    buf_fini(&text);
}

size_t
impel_words(const struct impel_switch *options, const char *modules,
    const struct str *words, size_t count, struct buf *to)
{
    static const char *const
        config[] = {"config"},
        *const verbs[] = {"get", "eval", "explain", "set", "unset", "describe"},
        *const override[] = {"override"}, *const changes[] = {"set", "clear"},
        *const inject[] = {"inject"}, *const json[] = {"json"};
    struct words w = {.is = words, .count = count, .to = to};

    skip_options(&w, options);
    if (is_at(&w, 0, json, 1)) {
        w.is++;
        w.count--;
    }
    if (w.count == 1 && str_starts(w.is[0], STR("-")))
        offer_options(&w, options);
    if (is_at(&w, 0, inject, 1))
        offer_inject(&w);
    else
        impel_complete_each(consider, &w);
    if ((is_at(&w, 0, config, 1) && is_at(&w, 1, verbs, ARRAY_SIZE(verbs))) ||
        (is_at(&w, 0, override, 1) &&
            is_at(&w, 1, changes, ARRAY_SIZE(changes))))
        offer_config_options(&w, modules);
    return w.found;
}
