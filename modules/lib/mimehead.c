/* SPDX-License-Identifier: Apache-2.0
 *
 * mimehead.c - fields of a header, and what they say of a body.
 */
#include <string.h>

#include "mime.h"

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static char
small(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool
same(const char *p, size_t n, const char *word)
{
    for (size_t i = 0; i < n; i++)
        if (!word[i] || small(p[i]) != small(word[i]))
            return false;
    return !word[n];
}

void
mime_split(
    struct impel_str message, struct impel_str *header, struct impel_str *body)
{
    size_t at = 0;

    *header = message;
    *body = (struct impel_str){NULL, 0};
    while (at < message.n) {
        const char *p = message.p + at;
        const char *lf = memchr(p, '\n', message.n - at);
        size_t n = lf ? (size_t)(lf - p) + 1 : message.n - at;

        if (lf && (n == 1 || (n == 2 && p[0] == '\r'))) {
            header->n = at;
            *body = (struct impel_str){p + n, message.n - at - n};
            return;
        }
        at += n;
    }
}

/* The next field with its folded lines, the last line end without; p NULL: no
 * more. */
static struct impel_str
next_field(struct impel_str header, size_t *at)
{
    struct impel_str f = {NULL, 0};

    if (*at >= header.n)
        return f; /* a message without octets has no place either */
    f.p = header.p + *at;
    while (*at < header.n) {
        const char *p = header.p + *at;
        const char *lf = memchr(p, '\n', header.n - *at);

        *at += lf ? (size_t)(lf - p) + 1 : header.n - *at;
        if (*at >= header.n || !is_blank(header.p[*at]))
            break;
    }
    f.n = (size_t)(header.p + *at - f.p);
    while (f.n > 0 && (f.p[f.n - 1] == '\n' || f.p[f.n - 1] == '\r'))
        f.n--;
    return f;
}

/* The value of a field of that name, still folded; p NULL: another one. */
static struct impel_str
field_value(struct impel_str f, const char *name)
{
    const char *colon = memchr(f.p, ':', f.n);
    size_t n = colon ? (size_t)(colon - f.p) : 0;

    while (n > 0 && is_blank(f.p[n - 1])) /* obsolete, and seen */
        n--;
    if (!n || !same(f.p, n, name))
        return (struct impel_str){NULL, 0};
    colon++;
    return (struct impel_str){colon, f.n - (size_t)(colon - f.p)};
}

/* false: it does not fit.  A NUL in it does not either. */
static bool
unfold(struct impel_str v, char *to, size_t size)
{
    size_t n = 0;

    while (v.n > 0 && (is_blank(*v.p) || *v.p == '\r' || *v.p == '\n'))
        v.p++, v.n--;
    while (v.n > 0 && is_blank(v.p[v.n - 1]))
        v.n--;
    for (size_t i = 0; i < v.n; i++) {
        if (v.p[i] == '\r' || v.p[i] == '\n')
            continue;
        if (n + 1 >= size || !v.p[i]) {
            to[0] = '\0';
            return false;
        }
        to[n++] = v.p[i];
    }
    to[n] = '\0';
    return true;
}

int
mime_look(struct impel_str header, const char *name, char *to, size_t size)
{
    struct impel_str f, v;
    size_t at = 0;

    to[0] = '\0';
    while ((f = next_field(header, &at)).p) {
        v = field_value(f, name);
        if (v.p)
            return unfold(v, to, size) ? 1 : -1;
    }
    return 0;
}

bool
mime_field(struct impel_str header, const char *name, char *to, size_t size)
{
    return mime_look(header, name, to, size) > 0;
}

/* --- Content-Type --- */

/* Blanks and comments. */
static const char *
skip_blanks(const char *p)
{
    int depth = 0;

    for (; *p; p++) {
        if (*p == '(')
            depth++;
        else if (*p == ')' && depth)
            depth--;
        else if (*p == '\\' && depth && p[1])
            p++;
        else if (!depth && !is_blank(*p))
            break;
    }
    return p;
}

static bool
is_token(char c)
{
    return c > ' ' && c < 127 && !strchr("()<>@,;:\\\"[]?=", c);
}

/* A token or a quoted string; NULL: neither, or longer than fits. */
static const char *
take_value(const char *p, char *to, size_t size)
{
    size_t n = 0;
    bool quoted = *p == '"';

    for (p += quoted; *p && (quoted ? *p != '"' : is_token(*p) || *p == '/');
         p++) {
        if (quoted && *p == '\\' && p[1])
            p++;
        if (n + 1 >= size)
            return NULL;
        to[n++] = *p;
    }
    to[n] = '\0';
    if (quoted && *p != '"')
        return NULL;
    return n ? p + quoted : NULL;
}

static const char *
take_param(const char *p, struct mime_type *t)
{
    char name[64], value[256];
    char *to = NULL;
    size_t size = 0;

    p = skip_blanks(p);
    if (!*p)
        return p; /* a semicolon at the end */
    p = take_value(p, name, sizeof(name));
    if (!p || *(p = skip_blanks(p)) != '=')
        return NULL;
    p = take_value(skip_blanks(p + 1), value, sizeof(value));
    if (p && same(name, strlen(name), "boundary")) {
        to = t->boundary;
        size = sizeof(t->boundary);
    } else if (p && same(name, strlen(name), "charset")) {
        to = t->charset;
        size = sizeof(t->charset);
    }
    if (!p || !to || to[0])
        return p;
    if (strlen(value) >= size)
        return NULL;
    memcpy(to, value, strlen(value) + 1);
    return p;
}

static bool
take_type(const char *p, struct mime_type *t)
{
    char *slash;

    p = take_value(skip_blanks(p), t->name, sizeof(t->name));
    slash = strchr(t->name, '/');
    if (!p || !slash || slash == t->name || !slash[1])
        return false;
    for (char *c = t->name; *c; c++)
        *c = small(*c);
    while (*(p = skip_blanks(p)) == ';')
        if (!(p = take_param(p + 1, t)))
            return false;
    for (size_t n = strlen(t->boundary); n > 0 && is_blank(t->boundary[n - 1]);
         n--)
        t->boundary[n - 1] = '\0';
    return true; /* what follows that is no parameter is not looked at */
}

static enum mime_encoding
take_encoding(struct impel_str header)
{
    static const struct {
        const char *name;
        enum mime_encoding encoding;
    } known[] = {{"", MIME_PLAIN}, {"7bit", MIME_PLAIN}, {"8bit", MIME_PLAIN},
        {"binary", MIME_PLAIN}, {"quoted-printable", MIME_QUOTED},
        {"base64", MIME_BASE64}};
    char value[64];
    int is =
        mime_look(header, "Content-Transfer-Encoding", value, sizeof(value));
    size_t n;

    if (is <= 0)
        return is < 0 ? MIME_UNKNOWN : MIME_PLAIN;
    n = strcspn(value, " \t(;");
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (same(value, n, known[i].name))
            return known[i].encoding;
    return MIME_UNKNOWN;
}

bool
mime_type_of(struct impel_str header, struct mime_type *to)
{
    char value[1024];
    int is = mime_look(header, "Content-Type", value, sizeof(value));

    memset(to, 0, sizeof(*to));
    to->encoding = take_encoding(header);
    if (is < 0)
        return false;
    if (value[0])
        return take_type(value, to);
    memcpy(to->name, "text/plain", sizeof("text/plain"));
    return true;
}
