/* SPDX-License-Identifier: Apache-2.0
 *
 * verb.c - SMTP command lines: read by listeners, written by clients.
 */
#include "verb.h"

#include <string.h>
#include <strings.h>

#include "line.h"

static const struct {
    const char *word;
    enum verb verb;
} verbs[] = {
    {"MAIL", VERB_MAIL},
    {"RCPT", VERB_RCPT},
    {"DATA", VERB_DATA},
    {"BDAT", VERB_BDAT},
    {"EHLO", VERB_EHLO},
    {"HELO", VERB_HELO},
    {"LHLO", VERB_LHLO},
    {"RSET", VERB_RSET},
    {"NOOP", VERB_NOOP},
    {"QUIT", VERB_QUIT},
    {"VRFY", VERB_VRFY},
    {"EXPN", VERB_EXPN},
    {"HELP", VERB_HELP},
    {"STARTTLS", VERB_STARTTLS},
    {"AUTH", VERB_AUTH},
    {"XCLIENT", VERB_XCLIENT},
};

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool
is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
        (c >= 'a' && c <= 'z');
}

static void
skip(struct impel_str *s, size_t n)
{
    s->p += n;
    s->n -= n;
}

static void
skip_blanks(struct impel_str *s)
{
    while (s->n > 0 && is_blank(*s->p))
        skip(s, 1);
}

enum verb
verb_parse(struct impel_str line, struct impel_str *args)
{
    struct impel_str word = {line.p, 0};
    size_t i;

    while (word.n < line.n && !is_blank(line.p[word.n]))
        word.n++;
    *args = (struct impel_str){line.p + word.n, line.n - word.n};
    skip_blanks(args);
    for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
        if (line_same(word, verbs[i].word))
            return verbs[i].verb;
    return VERB_UNKNOWN;
}

bool
verb_cut_blanks(struct impel_str *args)
{
    size_t n = args->n;

    while (args->n > 0 && is_blank(args->p[args->n - 1]))
        args->n--;
    return args->n < n;
}

/* Index of the '>' that ends the path begun at 0, or SIZE_MAX.  A quoted
 * local part may hold one. */
static size_t
path_end(struct impel_str s)
{
    bool quoted = false;
    size_t i;

    for (i = 0; i < s.n; i++) {
        if (quoted && s.p[i] == '\\')
            i++;
        else if (s.p[i] == '"')
            quoted = !quoted;
        else if (s.p[i] == '>' && !quoted)
            return i;
    }
    return SIZE_MAX;
}

bool
verb_path(struct impel_str *args, const char *keyword, bool blanks,
    struct impel_str *address)
{
    size_t n = strlen(keyword), end;
    const char *colon;

    if (args->n < n || strncasecmp(args->p, keyword, n) != 0)
        return false;
    skip(args, n);
    if (blanks)
        skip_blanks(args);
    if (args->n == 0 || *args->p != '<')
        return false;
    skip(args, 1);
    end = path_end(*args);
    if (end == SIZE_MAX)
        return false;
    *address = (struct impel_str){args->p, end};
    skip(args, end + 1);
    if (args->n > 0 && !is_blank(*args->p))
        return false;
    skip_blanks(args);
    if (address->n > 0 && *address->p == '@') { /* RFC 5321 appendix C */
        colon = memchr(address->p, ':', address->n);
        if (!colon)
            return false;
        skip(address, (size_t)(colon + 1 - address->p));
        return address->n > 0;
    }
    return true;
}

bool
verb_is_utf8(struct impel_str s)
{
    size_t i;

    for (i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] >= 0x80)
            return true;
    return false;
}

static bool
is_domain(struct impel_str d)
{
    size_t i;
    bool dot = true;

    if (d.n == 0 || d.n > 255)
        return false;
    if (d.p[0] == '[') {
        for (i = 1; i + 1 < d.n; i++)
            if (d.p[i] <= ' ' || strchr("[]<>\\\"", d.p[i]))
                return false;
        return d.n > 2 && d.p[d.n - 1] == ']';
    }
    for (i = 0; i < d.n; i++) {
        char c = d.p[i];

        if (c == '.') {
            if (dot)
                return false;
            dot = true;
        } else if (is_alnum(c) || c == '-' || c == '_' ||
            (unsigned char)c >= 0x80) {
            dot = false;
        } else {
            return false;
        }
    }
    return !dot;
}

/* A quoted string, or atoms with dots.  Dots at odd places are let through:
 * such mailboxes exist. */
static bool
is_local(struct impel_str l)
{
    size_t i;

    if (l.n == 0)
        return false;
    if (l.p[0] != '"') {
        for (i = 0; i < l.n; i++)
            if (strchr(" <>()[]\\,;:@\"", l.p[i]))
                return false;
        return true;
    }
    for (i = 1; i + 1 < l.n; i++) {
        if (l.p[i] == '\\')
            i++;
        else if (l.p[i] == '"')
            return false;
    }
    return i + 1 == l.n && l.p[i] == '"';
}

/* Index of the @ between local part and domain; SIZE_MAX: none. */
static size_t
address_at(struct impel_str a)
{
    size_t i;

    for (i = a.n; i > 0; i--)
        if (a.p[i - 1] == '@')
            return i - 1;
    return SIZE_MAX;
}

bool
verb_is_mailbox(struct impel_str a, bool utf8, bool unqualified)
{
    size_t at = address_at(a);

    if (a.n > VERB_MAX_ADDRESS || !line_is_clean(a, utf8))
        return false;
    if (at == SIZE_MAX || (a.n > 0 && a.p[a.n - 1] == '"'))
        return unqualified && is_local(a);
    return is_local((struct impel_str){a.p, at}) &&
        is_domain((struct impel_str){a.p + at + 1, a.n - at - 1});
}

int
verb_param(
    struct impel_str *args, struct impel_str *key, struct impel_str *value)
{
    skip_blanks(args);
    if (args->n == 0)
        return 0;
    *key = (struct impel_str){args->p, 0};
    *value = (struct impel_str){NULL, 0};
    while (args->n > 0 && (is_alnum(*args->p) || *args->p == '-')) {
        key->n++;
        skip(args, 1);
    }
    if (key->n == 0 || *key->p == '-')
        return -1;
    if (args->n == 0 || is_blank(*args->p))
        return 1;
    if (*args->p != '=')
        return -1;
    skip(args, 1);
    *value = (struct impel_str){args->p, 0};
    while (args->n > 0 && !is_blank(*args->p)) {
        unsigned char c = (unsigned char)*args->p;

        if (c < 0x21 || c == 0x7f || c == '=')
            return -1;
        value->n++;
        skip(args, 1);
    }
    return value->n > 0 ? 1 : -1;
}

bool
verb_number(struct impel_str s, uint64_t max, uint64_t *value)
{
    uint64_t v = 0;
    size_t i;

    if (s.n == 0)
        return false;
    for (i = 0; i < s.n; i++) {
        unsigned digit = (unsigned)(s.p[i] - '0');

        if (s.p[i] < '0' || s.p[i] > '9' || v > max / 10 ||
            v * 10 > max - digit)
            return false;
        v = v * 10 + digit;
    }
    *value = v;
    return true;
}

bool
verb_notify(struct impel_str s, uint32_t *bits)
{
    static const struct {
        const char *word;
        uint32_t bit;
    } words[] = {{"NEVER", VERB_NOTIFY_NEVER}, {"SUCCESS", VERB_NOTIFY_SUCCESS},
        {"FAILURE", VERB_NOTIFY_FAILURE}, {"DELAY", VERB_NOTIFY_DELAY}};
    size_t i;

    *bits = 0;
    for (;;) {
        struct impel_str word = {s.p, 0};

        while (word.n < s.n && s.p[word.n] != ',')
            word.n++;
        for (i = 0; i < 4 && !line_same(word, words[i].word); i++)
            ;
        if (i == 4)
            return false;
        *bits |= words[i].bit;
        if (word.n == s.n)
            break;
        skip(&s, word.n + 1);
    }
    return !(*bits & VERB_NOTIFY_NEVER) || *bits == VERB_NOTIFY_NEVER;
}

static int
hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
verb_is_xtext(struct impel_str s, bool utf8)
{
    size_t i;

    for (i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        int high, low;

        if (c <= 0x20 || c == 0x7f || c == '=' || (c >= 0x80 && !utf8))
            return false;
        if (c != '+')
            continue;
        if (i + 2 >= s.n || (high = hex(s.p[i + 1])) < 0 ||
            (low = hex(s.p[i + 2])) < 0)
            return false;
        if (high < 2 || high * 16 + low == 0x7f)
            return false; /* a control character in disguise */
        i += 2;
    }
    return s.n > 0;
}

bool
verb_is_original(struct impel_str s, bool utf8)
{
    size_t i = 0;

    if (s.n > VERB_MAX_ORIGINAL)
        return false;
    while (i < s.n && (is_alnum(s.p[i]) || s.p[i] == '-'))
        i++;
    if (i == 0 || i >= s.n || s.p[i] != ';')
        return false;
    return verb_is_xtext((struct impel_str){s.p + i + 1, s.n - i - 1}, utf8);
}

bool
verb_bdat(struct impel_str args, uint64_t *size, bool *last)
{
    struct impel_str number = {args.p, 0};

    while (number.n < args.n && !is_blank(args.p[number.n]))
        number.n++;
    if (!verb_number(number, INT64_MAX, size))
        return false;
    skip(&args, number.n);
    skip_blanks(&args);
    verb_cut_blanks(&args);
    *last = line_same(args, "LAST");
    return *last || args.n == 0;
}

/* RFC 2852 4: nine digits at most. */
static void
put_by(struct out *o, const struct verb_mail *m)
{
    int64_t seconds = m->by_seconds;

    out_text(o, seconds < 0 ? " BY=-" : " BY=");
    if (seconds < 0)
        seconds = -seconds;
    out_number(o, seconds < 999999999 ? (uint64_t)seconds : 999999999);
    out_text(o, m->by & IMPEL_BY_RETURN ? ";R" : ";N");
    if (m->by & IMPEL_BY_TRACE)
        out_text(o, "T");
}

void
verb_put_mail(struct out *o, const struct verb_mail *m)
{
    out_text(o, "MAIL FROM:<");
    out_str(o, m->sender);
    out_put(o, ">", 1);
    if (m->size >= 0) {
        out_text(o, " SIZE=");
        out_number(o, (uint64_t)m->size);
    }
    if (m->eightbit)
        out_text(o, " BODY=8BITMIME");
    if (m->binary)
        out_text(o, " BODY=BINARYMIME");
    if (m->utf8)
        out_text(o, " SMTPUTF8");
    if (m->requiretls)
        out_text(o, " REQUIRETLS");
    if (m->ret == VERB_RET_FULL || m->ret == VERB_RET_HDRS)
        out_text(o, m->ret == VERB_RET_FULL ? " RET=FULL" : " RET=HDRS");
    if (m->envid.p && m->envid.n <= VERB_MAX_ENVID &&
        verb_is_xtext(m->envid, false)) {
        out_text(o, " ENVID=");
        out_str(o, m->envid);
    }
    if (m->by)
        put_by(o, m);
    out_text(o, "\r\n");
}

static void
put_notify(struct out *o, uint32_t notify)
{
    const char *comma = "";

    out_text(o, " NOTIFY=");
    if (notify & VERB_NOTIFY_NEVER) {
        out_text(o, "NEVER");
        return;
    }
    if (notify & VERB_NOTIFY_SUCCESS) {
        out_text(o, "SUCCESS");
        comma = ",";
    }
    if (notify & VERB_NOTIFY_FAILURE) {
        out_text(o, comma);
        out_text(o, "FAILURE");
        comma = ",";
    }
    if (notify & VERB_NOTIFY_DELAY) {
        out_text(o, comma);
        out_text(o, "DELAY");
    }
}

void
verb_put_rcpt(struct out *o, struct impel_str address, bool dsn,
    uint32_t notify, struct impel_str original, bool utf8)
{
    out_text(o, "RCPT TO:<");
    out_str(o, address);
    out_put(o, ">", 1);
    if (dsn && (notify & 15) != 0)
        put_notify(o, notify);
    if (dsn && original.p && verb_is_original(original, utf8)) {
        out_text(o, " ORCPT=");
        out_str(o, original);
    }
    out_text(o, "\r\n");
}
