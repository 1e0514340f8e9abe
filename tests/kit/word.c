/* SPDX-License-Identifier: Apache-2.0 */
#include "word.h"

#include <errno.h>
#include <stdlib.h>

#include "base/num.h"
#include "base/str.h"
#include "base/xmem.h"
#include "base/banned.h"

const struct word word_verdict[] = {{"delivered", IMPEL_DELIVERED},
    {"retry", IMPEL_RETRY}, {"failed", IMPEL_FAILED},
    {"untried", IMPEL_UNTRIED}, {"unlent", SCRIPT_UNLENT}, {NULL, 0}};
const struct word word_blame[] = {{"rcpt", IMPEL_BLAME_RCPT},
    {"message", IMPEL_BLAME_MESSAGE}, {"session", IMPEL_BLAME_SESSION},
    {"host", IMPEL_BLAME_HOST}, {"route", IMPEL_BLAME_ROUTE}, {NULL, 0}};
const struct word word_stage[] = {{"connect", IMPEL_AT_CONNECT},
    {"tls", IMPEL_AT_TLS}, {"login", IMPEL_AT_LOGIN},
    {"sender", IMPEL_AT_SENDER}, {"rcpt", IMPEL_AT_RCPT},
    {"body", IMPEL_AT_BODY}, {"final", IMPEL_AT_FINAL},
    {"banner", IMPEL_AT_BANNER}, {"hello", IMPEL_AT_HELLO},
    {"client", IMPEL_AT_CLIENT}, {"reset", IMPEL_AT_RESET},
    {"data", IMPEL_AT_DATA}, {NULL, 0}};
const struct word word_tls[] = {{"none", IMPEL_TLS_NONE},
    {"now", IMPEL_TLS_NOW}, {"later", IMPEL_TLS_LATER}, {NULL, 0}};
const struct word word_errno[] = {{"ECONNREFUSED", ECONNREFUSED},
    {"ETIMEDOUT", ETIMEDOUT}, {"EHOSTUNREACH", EHOSTUNREACH}, {NULL, 0}};
const struct word word_need[] = {{"8bit", IMPEL_NEED_8BIT},
    {"utf8", IMPEL_NEED_UTF8}, {"tls", IMPEL_NEED_TLS},
    {"binary", IMPEL_NEED_BINARY}, {NULL, 0}};
const struct word word_notify[] = {{"never", IMPEL_NOTIFY_NEVER},
    {"success", IMPEL_NOTIFY_SUCCESS}, {"failure", IMPEL_NOTIFY_FAILURE},
    {"delay", IMPEL_NOTIFY_DELAY}, {NULL, 0}};

int
word_find(const struct word *w, struct str name)
{
    for (; w->name; w++)
        if (str_ieq(name, str_of(w->name)))
            return w->value;
    return -1;
}

static const char *
word_of(const struct word *w, int value)
{
    for (; w->name; w++)
        if (w->value == value)
            return w->name;
    return "?";
}

const char *
script_verdict_name(int verdict)
{
    return word_of(word_verdict, verdict);
}

const char *
script_stage_name(int stage)
{
    return word_of(word_stage, stage);
}

const char *
script_blame_name(int blame)
{
    return word_of(word_blame, blame);
}

/* The next word of *rest; quotes hold spaces together.  Absent at the end. */
struct str
word_next(struct str *rest)
{
    struct str w;
    size_t i, n;

    *rest = str_trim(*rest);
    if (!rest->n)
        return STR_NONE;
    for (i = 0; i < rest->n && rest->p[i] != ' ' && rest->p[i] != '\t'; i++) {
        if (rest->p[i] != '"')
            continue;
        n = str_chr(*rest, '"', i + 1);
        i = n == SIZE_MAX ? rest->n - 1 : n;
    }
    w = str_sub(*rest, 0, i);
    *rest = str_from(*rest, i);
    return w;
}

struct str
word_unquoted(struct str s)
{
    if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"')
        return str_sub(s, 1, s.n - 2);
    return s;
}

static void
put_number(struct buf *to, uint64_t v, size_t octets)
{
    while (octets--)
        buf_char(to, (char)(v >> (8 * octets)));
}

bool
word_octets(struct str word, struct buf *to)
{
    static const struct word kinds[] = {
        {"u8", 1}, {"u16", 2}, {"u32", 4}, {"u64", 8}, {NULL, 0}};
    struct str rest = word, name = str_cut(&rest, ' ');
    int octets = word_find(kinds, name);
    uint64_t v;

    if (str_eq(name, STR("text"))) {
        put_number(to, rest.n, 2);
        buf_str(to, rest);
        return true;
    }
    if (octets < 0 || num_u64(rest, &v))
        return false;
    put_number(to, v, (size_t)octets);
    return true;
}

bool
script_glob(const char *glob, struct impel_str text)
{
    size_t at = 0, back = 0;
    const char *star = NULL;

    while (at < text.n) {
        if (*glob == '*') {
            star = glob++;
            back = at;
        } else if (*glob && *glob == text.p[at]) {
            glob++;
            at++;
        } else if (star) {
            glob = star + 1;
            at = ++back;
        } else {
            return false;
        }
    }
    while (*glob == '*')
        glob++;
    return !*glob;
}

bool
script_step_matches(const struct script_step *step, struct impel_str line)
{
    char *z;
    bool ok;

    if (!step->is_regex)
        return script_glob(step->text.p ? step->text.p : "", line);
    z = xdupn(line.p, line.n);
    ok = regexec(&step->regex, z, 0, NULL, 0) == 0;
    free(z);
    return ok;
}
