/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/inject_address.h"

#include <stdlib.h>

#include "base/address.h"
#include "base/xmem.h"
#include "base/banned.h"

enum { COMMENTS_DEEP = 50 };

void
inject_address_add(struct inject_addresses *to, struct str address)
{
    for (size_t i = 0; i < to->count; i++)
        if (str_eq(str_of(to->is[i]), address))
            return;
    if (to->count == to->size) {
        to->size = to->size ? 2 * to->size : 8;
        to->is = xgrow(to->is, to->size, sizeof(*to->is));
    }
    to->is[to->count++] = xdupn(address.p, address.n);
}

void
inject_address_fini(struct inject_addresses *a)
{
    for (size_t i = 0; i < a->count; i++)
        free(a->is[i]);
    free(a->is);
    *a = (struct inject_addresses){.bare = a->bare};
}

/* --- fields --- */

static size_t
line_length(struct str s)
{
    size_t n = str_chr(s, '\n', 0);
    return n == SIZE_MAX ? s.n : n + 1;
}

static bool
is_fold(struct str s)
{
    return s.n && (s.p[0] == ' ' || s.p[0] == '\t');
}

/* The value's first line, if the line begins such a field. */
static struct str
value_of(struct str line, struct str name)
{
    if (!str_istarts(line, name))
        return STR_NONE;
    line = str_from(line, name.n);
    while (is_fold(line))
        line = str_from(line, 1);
    return line.n && line.p[0] == ':' ? str_from(line, 1) : STR_NONE;
}

bool
inject_address_field(
    struct str head, struct str name, size_t *at, struct buf *value)
{
    buf_cut(value, 0);
    while (*at < head.n) {
        struct str rest = str_from(head, *at);
        size_t n = line_length(rest);
        struct str v = value_of(str_sub(rest, 0, n), name);
        *at += n;
        if (!v.p)
            continue;
        buf_str(value, str_trim(v));
        for (rest = str_from(head, *at); is_fold(rest);
             rest = str_from(head, *at)) {
            n = line_length(rest);
            buf_char(value, ' ');
            buf_str(value, str_trim(str_sub(rest, 0, n)));
            *at += n;
        }
        return true;
    }
    return false;
}

/* --- addresses --- */

/* A comment's length, brackets included; 0: it has no end. */
static size_t
comment_length(struct str s)
{
    int deep = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\\')
            i++;
        else if (s.p[i] == '(' && ++deep > COMMENTS_DEEP)
            return 0;
        else if (s.p[i] == ')' && --deep == 0)
            return i + 1;
    }
    return 0;
}

/* A quoted string's length, quotes included; 0: it has no end. */
static size_t
quoted_length(struct str s)
{
    for (size_t i = 1; i < s.n; i++) {
        if (s.p[i] == '\\')
            i++;
        else if (s.p[i] == '"')
            return i + 1;
    }
    return 0;
}

/* One entry of the list while it is read. */
struct entry {
    struct buf words;   /* all but comments and what stands in < > */
    struct buf address; /* what stands in < > */
    bool angle;
    bool blank; /* follows the words */
    bool apart; /* there are two of them: no address */
};

static int
entry_take(struct entry *n, struct inject_addresses *to, struct err *e)
{
    struct str is =
        n->angle ? buf_get(&n->address) : str_trim(buf_get(&n->words));
    struct address parsed;
    int rc = 0;
    if (is.n) {
        int flags = ADDRESS_UTF8 | (to->bare ? ADDRESS_NO_DOMAIN : 0);
        rc = n->apart && !n->angle
            ? err_set(e, ERR_INVAL, "two words are no address")
            : address_parse(is, flags, &parsed, e);
        if (rc == 0) {
            /* a route is left out */
            const char *end = is.p + is.n;
            inject_address_add(
                to, str_make(parsed.local.p, (size_t)(end - parsed.local.p)));
        } else {
            err_prefix(e, "\"%.*s\"", STR_ARG(is));
        }
    }
    buf_cut(&n->words, 0);
    buf_cut(&n->address, 0);
    n->angle = n->blank = n->apart = false;
    return rc;
}

static bool
joins(char c)
{
    return c == '.' || c == '@';
}

/* Words of an address without < > may have blanks around dots and @. */
static void
entry_add(struct entry *n, struct str s)
{
    bool blank = s.p[0] == ' ' || s.p[0] == '\t';
    if (n->angle) /* what follows > is no address */
        return;
    if (blank) {
        n->blank = n->words.n > 0;
        return;
    }
    if (n->blank && !joins(s.p[0]) && !joins(n->words.p[n->words.n - 1]))
        n->apart = true;
    n->blank = false;
    buf_str(&n->words, s);
}

/* <...>: its length, or 0. */
static size_t
entry_angle(struct entry *n, struct str s)
{
    for (size_t i = 1; i < s.n; i++) {
        size_t skip = 0;
        if (s.p[i] == '>') {
            n->angle = true;
            return i + 1;
        }
        if (s.p[i] == '"')
            skip = quoted_length(str_from(s, i));
        else if (s.p[i] == '(')
            skip = comment_length(str_from(s, i));
        if ((s.p[i] == '"' || s.p[i] == '(') && !skip)
            return 0;
        if (s.p[i] == '"')
            buf_str(&n->address, str_sub(s, i, skip));
        else if (!skip && s.p[i] != ' ' && s.p[i] != '\t')
            buf_char(&n->address, s.p[i]);
        i += skip ? skip - 1 : 0;
    }
    return 0;
}

/* The length of what begins at s, or 0: it has no end. */
static size_t
parse_one(struct entry *n, struct str s, struct inject_addresses *to, int *rc,
    struct err *e)
{
    size_t length;
    switch (s.p[0]) {
    case '(':
        return comment_length(s);
    case '"':
        length = quoted_length(s);
        if (length)
            entry_add(n, str_sub(s, 0, length));
        return length;
    case '<':
        return n->angle ? 0 : entry_angle(n, s);
    case ':': /* "group: a, b;" */
        if (!n->angle && str_chr(buf_get(&n->words), '@', 0) == SIZE_MAX) {
            buf_cut(&n->words, 0);
            n->blank = n->apart = false;
            return 1;
        }
        break;
    case ',':
    case ';':
        *rc = entry_take(n, to, e);
        return 1;
    default:
        break;
    }
    entry_add(n, str_sub(s, 0, 1));
    return 1;
}

int
inject_address_parse(
    struct str list, struct inject_addresses *to, struct err *e)
{
    struct entry n = {.words = BUF_INIT, .address = BUF_INIT};
    int rc = 0;
    for (size_t at = 0, length; rc == 0 && at < list.n; at += length) {
        length = parse_one(&n, str_from(list, at), to, &rc, e);
        if (!length) {
            rc = err_set(e, ERR_INVAL, "\"%.*s\" has no end",
                STR_ARG(str_sub(list, at, 60)));
            break;
        }
    }
    if (rc == 0)
        rc = entry_take(&n, to, e);
    buf_fini(&n.words);
    buf_fini(&n.address);
    return rc;
}
