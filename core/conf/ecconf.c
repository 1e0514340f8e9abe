/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/ecconf.h"

#include <ctype.h>
#include <stdio.h>

#include "conf/lexer.h"
#include "base/banned.h"

struct ecconf {
    struct lexer lexer;
    struct tree *tree;
    const char *file;
    enum lexer_token token;
    bool failed;
};

static struct report_at
ecconf_at(const struct ecconf *p)
{
    return (struct report_at){
        p->file, p->lexer.token_line, p->lexer.token_column};
}

static void
ecconf_next(struct ecconf *p)
{
    p->token = lexer_next(&p->lexer);
}

static bool
ecconf_is(const struct ecconf *p, char sign)
{
    return p->token == LEXER_SIGN && p->lexer.sign == sign;
}

/* One error ends the file: what follows would be guesses. */
static void
ecconf_expected(struct ecconf *p, const char *what)
{
    struct report_at at = ecconf_at(p);

    if (p->failed)
        return;
    p->failed = true;
    if (p->token == LEXER_BAD)
        conf_report_add(
            p->tree->report, REPORT_ERROR, at, "%s", p->lexer.error.text);
    else if (p->token == LEXER_END)
        conf_report_add(p->tree->report, REPORT_ERROR, at,
            "expected %s, but the file ends", what);
    else if (p->token == LEXER_SIGN)
        conf_report_add(p->tree->report, REPORT_ERROR, at,
            "expected %s, not '%c'", what, p->lexer.sign);
    else
        conf_report_add(p->tree->report, REPORT_ERROR, at,
            "expected %s, not '%.*s'", what,
            (int)MIN_OF(p->lexer.word.n, (size_t)60), p->lexer.word.p);
}

static void
ecconf_too_many(struct ecconf *p)
{
    if (!p->failed)
        conf_report_add(p->tree->report, REPORT_ERROR, ecconf_at(p),
            "a list of more than %d items", TREE_ITEMS_MAX);
    p->failed = true;
}

static struct str
ecconf_word(struct ecconf *p)
{
    return arena_str(p->tree->arena, buf_get(&p->lexer.word));
}

/* Behind "(" up to and with ")". */
static void
ecconf_list(struct ecconf *p, struct node *n)
{
    struct words items = {0};

    p->lexer.commas = true;
    for (ecconf_next(p); !p->failed && !ecconf_is(p, ')'); ecconf_next(p)) {
        if (ecconf_is(p, ',') && items.count)
            continue;
        if (p->token != LEXER_WORD)
            ecconf_expected(p,
                ecconf_is(p, '=') || ecconf_is(p, '[')
                    ? "an item (with this sign, in quotes)"
                    : "an item or ')'");
        else if (!words_add(&items, ecconf_word(p)))
            ecconf_too_many(p);
    }
    p->lexer.commas = false;
    tree_set_items(p->tree, n, &items, NULL);
    ecconf_next(p);
}

static void
ecconf_pair(struct ecconf *p, struct words *keys, struct words *items)
{
    struct str key;

    if (p->token != LEXER_WORD) {
        ecconf_expected(p, "a key or ']'");
        return;
    }
    key = ecconf_word(p);
    ecconf_next(p);
    if (!ecconf_is(p, '=')) {
        ecconf_expected(p,
            "'=' behind the key; if the value begins with [, "
            "as an IPv6 address may, put it in quotes");
        return;
    }
    ecconf_next(p);
    if (p->token != LEXER_WORD)
        ecconf_expected(p, "a value");
    else if (!words_add(keys, key) || !words_add(items, ecconf_word(p)))
        ecconf_too_many(p);
}

/* Behind "[" up to and with "]". */
static void
ecconf_dict(struct ecconf *p, struct node *n)
{
    struct words keys = {0}, items = {0};

    p->lexer.commas = true;
    for (ecconf_next(p); !p->failed && !ecconf_is(p, ']'); ecconf_next(p))
        if (!ecconf_is(p, ',') || !keys.count)
            ecconf_pair(p, &keys, &items);
    p->lexer.commas = false;
    tree_set_items(p->tree, n, &items, &keys);
    ecconf_next(p);
}

static void ecconf_body(struct ecconf *p, struct node *stanza, int depth);

static void
ecconf_stanza(struct ecconf *p, struct node *parent, struct str keyword,
    struct str name, struct report_at at, int depth)
{
    struct node *n = tree_add(p->tree, parent, NODE_STANZA, keyword, at);

    if (!n || depth >= TREE_DEPTH_MAX) {
        if (n && !p->failed)
            conf_report_add(p->tree->report, REPORT_ERROR, at,
                "stanzas nested more than %d deep", TREE_DEPTH_MAX);
        p->failed = true;
        return;
    }
    n->name = name;
    ecconf_next(p);
    ecconf_body(p, n, depth + 1);
    if (p->failed)
        return;
    if (!ecconf_is(p, '}')) {
        char what[80];

        (void)snprintf(
            what, sizeof(what), "'}' to end the stanza of line %d", at.line);
        ecconf_expected(p, what);
        return;
    }
    ecconf_next(p);
}

static void
ecconf_scalar(struct ecconf *p, struct node *n, int sign_line)
{
    n->text = ecconf_word(p);
    if (p->lexer.after_comment && p->lexer.token_line > sign_line)
        conf_report_add(p->tree->report, REPORT_WARNING, n->value_at,
            "the value of %.*s is '%.*s', from another line, since # began a "
            "comment; a value with # stands in quotes",
            STR_ARG(n->keyword), (int)MIN_OF(n->text.n, (size_t)60), n->text.p);
    ecconf_next(p);
}

/* Behind "name": "=" and a value, or "[" without it. */
static void
ecconf_option(struct ecconf *p, struct node *parent, struct str keyword,
    struct report_at at, int depth)
{
    int sign_line = p->lexer.token_line;
    struct node *n;

    if (ecconf_is(p, '='))
        ecconf_next(p);
    if (ecconf_is(p, '{')) {
        ecconf_stanza(p, parent, keyword, STR_NONE, at, depth);
        return;
    }
    n = tree_add(p->tree, parent, NODE_OPTION, keyword, at);
    if (!n) {
        p->failed = true;
        return;
    }
    n->value_at = ecconf_at(p);
    if (p->token == LEXER_WORD)
        ecconf_scalar(p, n, sign_line);
    else if (ecconf_is(p, '('))
        ecconf_list(p, n);
    else if (ecconf_is(p, '['))
        ecconf_dict(p, n);
    else
        ecconf_expected(p, "a value, '(' or '['");
}

static bool
ecconf_is_name(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!isalnum((unsigned char)s.p[i]) && s.p[i] != '_')
            return false;
    return s.n > 0 && s.n <= 100;
}

static void
ecconf_named(struct ecconf *p, struct node *parent, struct str keyword,
    struct report_at at, int depth)
{
    bool readonly = str_ieq(keyword, STR("readonly_include"));
    struct report_at name_at = ecconf_at(p);
    struct str name = ecconf_word(p);
    struct node *n;

    ecconf_next(p);
    if (ecconf_is(p, '{')) {
        ecconf_stanza(p, parent, keyword, name, at, depth);
        return;
    }
    if (!readonly && !str_ieq(keyword, STR("include"))) {
        char what[240];

        (void)snprintf(what, sizeof(what),
            "'{' to begin %.*s \"%.*s\" (or '=' behind %.*s)",
            STR_ARG(str_sub(keyword, 0, 60)), STR_ARG(str_sub(name, 0, 40)),
            STR_ARG(str_sub(keyword, 0, 60)));
        ecconf_expected(p, what);
        return;
    }
    n = tree_add(p->tree, parent, NODE_INCLUDE, keyword, at);
    if (!n) {
        p->failed = true;
        return;
    }
    n->text = name;
    n->value_at = name_at;
    n->readonly = readonly;
}

static void
ecconf_statement(struct ecconf *p, struct node *parent, int depth)
{
    struct report_at at = ecconf_at(p);
    struct str keyword = ecconf_word(p);

    if (!ecconf_is_name(keyword)) {
        ecconf_expected(p,
            "the name of an option or stanza (letters, digits "
            "and _)");
        return;
    }
    ecconf_next(p);
    if (ecconf_is(p, '{'))
        ecconf_stanza(p, parent, keyword, STR_NONE, at, depth);
    else if (ecconf_is(p, '=') || ecconf_is(p, '['))
        ecconf_option(p, parent, keyword, at, depth);
    else if (p->token == LEXER_WORD)
        ecconf_named(p, parent, keyword, at, depth);
    else
        ecconf_expected(p, "'=' or '{'");
}

/* Statements up to "}", which is left, or to the end of the file. */
static void
ecconf_body(struct ecconf *p, struct node *stanza, int depth)
{
    while (!p->failed && p->token == LEXER_WORD)
        ecconf_statement(p, stanza, depth);
}

void
ecconf_parse(
    struct tree *t, struct node *parent, struct str text, const char *file)
{
    struct ecconf p = {.tree = t, .file = file};

    lexer_init(&p.lexer, text);
    ecconf_next(&p);
    ecconf_body(&p, parent, 0);
    if (!p.failed && p.token != LEXER_END)
        ecconf_expected(&p, "the name of an option or stanza");
    lexer_fini(&p.lexer);
}

static bool
ecconf_is_bare(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!isalnum((unsigned char)s.p[i]) && !strchr("_.:@%+/-", s.p[i]))
            return false;
    return s.n > 0 && memchr(s.p, 0, s.n) == NULL;
}

void
ecconf_print_word(struct str s, struct buf *to)
{
    if (ecconf_is_bare(s)) {
        buf_str(to, s);
        return;
    }
    buf_char(to, '"');
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i], next = i + 1 < s.n ? s.p[i + 1] : '\\';

        if (c == '\n')
            buf_cstr(to, "\\n");
        else if (c == '\r')
            buf_cstr(to, "\\r");
        else if (c == '\t')
            buf_cstr(to, "\\t");
        else if (c == '"')
            buf_cstr(to, "\\\"");
        else if (c == '\\' && strchr("nrt\"\\\n\r\t", next))
            buf_cstr(to, "\\\\");
        else
            buf_char(to, c);
    }
    buf_char(to, '"');
}

void
ecconf_print_value(const struct node *n, struct buf *to)
{
    if (n->shape == NODE_ONE) {
        ecconf_print_word(n->text, to);
        return;
    }
    buf_cstr(to, n->shape == NODE_LIST ? "(" : "[");
    for (size_t i = 0; i < n->count; i++) {
        buf_char(to, ' ');
        if (n->keys) {
            ecconf_print_word(n->keys[i], to);
            buf_cstr(to, " = ");
        }
        ecconf_print_word(n->items[i], to);
    }
    buf_cstr(to, n->shape == NODE_LIST ? " )" : " ]");
}

static void
ecconf_print_body(const struct node *stanza, struct buf *to, int depth)
{
    for (const struct node *n = stanza->first; n; n = n->next) {
        buf_printf(to, "%*s%.*s", depth * 2, "", STR_ARG(n->keyword));
        if (n->kind == NODE_OPTION) {
            buf_cstr(to, " = ");
            ecconf_print_value(n, to);
        } else if (n->kind == NODE_INCLUDE) {
            buf_char(to, ' ');
            ecconf_print_word(n->text, to);
        } else {
            if (n->name.p) {
                buf_char(to, ' ');
                ecconf_print_word(n->name, to);
            }
            buf_cstr(to, " {");
            if (n->first) {
                buf_char(to, '\n');
                ecconf_print_body(n, to, depth + 1);
                buf_printf(to, "%*s", depth * 2, "");
            }
            buf_char(to, '}');
        }
        buf_char(to, '\n');
    }
}

void
ecconf_print(const struct node *root, struct buf *to)
{
    ecconf_print_body(root, to, 0);
}
