/* SPDX-License-Identifier: Apache-2.0
 *
 * http1head.c - request lines, status lines, fields, and what they say of the
 * body (RFC 9112 3, 4, 5, 6.3).
 */
#include "http1head.h"

#include <string.h>

#include "line.h"

static bool
is_token(const char *at, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char c = at[i];

        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
            (c >= 'a' && c <= 'z') || (c && strchr("!#$%&'*+-.^_`|~", c)))
            continue;
        return false;
    }
    return n > 0;
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* --- the first line --- */

/* "HTTP/1.0" or "HTTP/1.1" */
static const char *
take_version(struct http1 *h, const char *at, size_t n, int *status)
{
    if (n != 8 || memcmp(at, "HTTP/", 5) != 0 || !is_digit(at[5]) ||
        at[6] != '.' || !is_digit(at[7]))
        return "no version of HTTP";
    if (at[5] != '1') {
        *status = 505;
        return "another version of HTTP";
    }
    h->m.minor = at[7] == '0' ? 0 : 1;
    return NULL;
}

static const char *
first_of_request(struct http1 *h, const char *line, size_t n, int *status)
{
    const char *space = memchr(line, ' ', n), *target, *end;

    if (!space || !is_token(line, (size_t)(space - line)))
        return "no request line";
    target = space + 1;
    end = memchr(target, ' ', n - (size_t)(target - line));
    if (!end || end == target)
        return "no request line";
    h->m.method = (struct impel_str){line, (size_t)(space - line)};
    h->m.target = (struct impel_str){target, (size_t)(end - target)};
    if (h->m.target.n > HTTP1_TARGET_MOST) {
        *status = 414;
        return "the target is too long";
    }
    for (const char *c = target; c < end; c++)
        if (*c <= ' ' || *c > '~')
            return "the target is no URI";
    return take_version(h, end + 1, n - (size_t)(end + 1 - line), status);
}

static const char *
first_of_response(struct http1 *h, const char *line, size_t n, int *status)
{
    const char *fault =
        n < 12 ? "no status line" : take_version(h, line, 8, status);

    if (fault)
        return fault;
    if (line[8] != ' ' || !is_digit(line[9]) || !is_digit(line[10]) ||
        !is_digit(line[11]) || (n > 12 && line[12] != ' '))
        return "no status line";
    h->m.status =
        (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
    if (h->m.status < 100 || h->m.status > 599 || h->m.status == 101)
        return "a status that no answer has";
    h->m.reason = (struct impel_str){line + 12, 0};
    if (n > 13)
        h->m.reason = (struct impel_str){line + 13, n - 13};
    return NULL;
}

const char *
http1head_first(struct http1 *h, const char *line, size_t n, int *status)
{
    if (h->kind == HTTP1_REQUEST)
        return first_of_request(h, line, n, status);
    return first_of_response(h, line, n, status);
}

/* --- fields --- */

const char *
http1head_check(const char *line, size_t n)
{
    const char *colon = memchr(line, ':', n);

    if (n > 0 && (line[0] == ' ' || line[0] == '\t'))
        return "a folded field";
    if (!colon || !is_token(line, (size_t)(colon - line)))
        return "a line that is no field";
    return NULL;
}

static struct impel_str
trimmed(const char *at, size_t n)
{
    while (n > 0 && (at[0] == ' ' || at[0] == '\t')) {
        at++;
        n--;
    }
    while (n > 0 && (at[n - 1] == ' ' || at[n - 1] == '\t'))
        n--;
    return (struct impel_str){at, n};
}

const char *
http1head_field(struct http1 *h, const char *line, size_t n, int *status)
{
    const char *fault = http1head_check(line, n), *colon;
    struct impel_pair *f;

    if (fault)
        return fault;
    if (h->m.field_count == HTTP1_FIELDS_MOST) {
        *status = 431;
        return "too many fields";
    }
    colon = memchr(line, ':', n);
    f = &h->field[h->m.field_count++];
    f->key = (struct impel_str){line, (size_t)(colon - line)};
    f->value = trimmed(colon + 1, n - (size_t)(colon + 1 - line));
    h->m.field = h->field;
    return NULL;
}

struct impel_str
http1_field(const struct http1_message *m, const char *name)
{
    for (size_t i = 0; i < m->field_count; i++)
        if (line_same(m->field[i].key, name))
            return m->field[i].value;
    return (struct impel_str){NULL, 0};
}

static bool
has_word(struct impel_str list, const char *word)
{
    while (list.n > 0) {
        const char *comma = memchr(list.p, ',', list.n);
        size_t n = comma ? (size_t)(comma - list.p) : list.n;

        if (line_same(trimmed(list.p, n), word))
            return true;
        n += comma ? 1 : 0;
        list.p += n;
        list.n -= n;
    }
    return false;
}

bool
http1_has_word(const struct http1_message *m, const char *name, const char *w)
{
    for (size_t i = 0; i < m->field_count; i++)
        if (line_same(m->field[i].key, name) && has_word(m->field[i].value, w))
            return true;
    return false;
}

static size_t
count_of(const struct http1_message *m, const char *name)
{
    size_t n = 0;

    for (size_t i = 0; i < m->field_count; i++)
        n += line_same(m->field[i].key, name);
    return n;
}

/* --- the end of the head --- */

static bool
take_length(struct impel_str s, uint64_t *to)
{
    *to = 0;
    if (s.n == 0 || s.n > 15)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (!is_digit(s.p[i]))
            return false;
        *to = *to * 10 + (uint64_t)(s.p[i] - '0');
    }
    return true;
}

/* Whose fields tell of a body that another answer would have. */
static bool
is_bare(const struct http1 *h)
{
    return h->kind == HTTP1_RESPONSE &&
        (h->m.status == 204 || h->m.status == 304);
}

static const char *
end_of_coding(struct http1 *h, enum head_body *how, int *status)
{
    struct impel_str coding = http1_field(&h->m, "Transfer-Encoding");

    if (count_of(&h->m, "Content-Length"))
        return "both Content-Length and Transfer-Encoding";
    if (h->m.minor == 0)
        return "Transfer-Encoding in HTTP/1.0";
    if (count_of(&h->m, "Transfer-Encoding") > 1 ||
        !line_same(coding, "chunked")) {
        *status = 501;
        return "another Transfer-Encoding than chunked";
    }
    *how = is_bare(h) ? HEAD_EMPTY : HEAD_CHUNKS;
    return NULL;
}

static const char *
end_of_length(struct http1 *h, enum head_body *how, int *status)
{
    if (count_of(&h->m, "Content-Length") > 1)
        return "Content-Length twice";
    if (!take_length(http1_field(&h->m, "Content-Length"), &h->left))
        return "Content-Length is no number";
    if (is_bare(h))
        h->left = 0;
    if (h->left > h->body_most) {
        *status = 413;
        return "the body is larger than is allowed";
    }
    *how = h->left ? HEAD_LENGTH : HEAD_EMPTY;
    return NULL;
}

static void
end_of_keep(struct http1 *h)
{
    h->m.keep = h->m.minor ? !http1_has_word(&h->m, "Connection", "close")
                           : http1_has_word(&h->m, "Connection", "keep-alive");
}

const char *
http1head_end(struct http1 *h, enum head_body *how, int *status)
{
    bool request = h->kind == HTTP1_REQUEST;

    end_of_keep(h);
    if (request && h->m.minor && count_of(&h->m, "Host") != 1)
        return "not one field Host";
    if (request && http1_has_word(&h->m, "Expect", "100-continue"))
        h->m.expects = h->m.minor > 0;
    if (!request && h->m.status < 200) {
        *how = HEAD_INTERIM;
        return NULL;
    }
    if (count_of(&h->m, "Transfer-Encoding"))
        return end_of_coding(h, how, status);
    if (count_of(&h->m, "Content-Length"))
        return end_of_length(h, how, status);
    *how = HEAD_EMPTY;
    if (!request && !is_bare(h)) {
        h->m.keep = false;
        *how = HEAD_REST;
    }
    return NULL;
}
