/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"

#include <string.h>

struct reader {
    const char *p, *end;
    char *text; /* of the whole */
    int depth, rows;
    answer_row_f *fn;
    void *arg;
};

static bool skip_value(struct reader *r);

/* --- words --- */

static void
blanks(struct reader *r)
{
    while (r->p < r->end && memchr(" \t\r\n", *r->p, 4))
        r->p++;
}

static bool
sign(struct reader *r, char c)
{
    blanks(r);
    if (r->p == r->end || *r->p != c)
        return false;
    r->p++;
    return true;
}

/* A string as it is on one line: as much as fits, no character cut. */
struct text {
    char *to;
    size_t n;
    bool full;
};

static void
put_octets(struct text *t, const char *p, size_t n)
{
    if (!t->to || t->full)
        return;
    if (t->n + n >= ANSWER_TEXT_MOST) {
        t->full = true;
        return;
    }
    memcpy(t->to + t->n, p, n);
    t->n += n;
    t->to[t->n] = '\0';
}

static void
put_character(struct text *t, uint32_t c)
{
    char o[4];

    if (c < ' ' || c == 127 || (c >= 0xd800 && c < 0xe000))
        c = ' ';
    if (c < 0x80) {
        o[0] = (char)c;
        put_octets(t, o, 1);
    } else if (c < 0x800) {
        o[0] = (char)(0xc0 | c >> 6);
        o[1] = (char)(0x80 | (c & 63));
        put_octets(t, o, 2);
    } else if (c < 0x10000) {
        o[0] = (char)(0xe0 | c >> 12);
        o[1] = (char)(0x80 | (c >> 6 & 63));
        o[2] = (char)(0x80 | (c & 63));
        put_octets(t, o, 3);
    } else {
        o[0] = (char)(0xf0 | c >> 18);
        o[1] = (char)(0x80 | (c >> 12 & 63));
        o[2] = (char)(0x80 | (c >> 6 & 63));
        o[3] = (char)(0x80 | (c & 63));
        put_octets(t, o, 4);
    }
}

/* Four digits behind "\u". */
static bool
hex(struct reader *r, uint32_t *to)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";

    *to = 0;
    if (r->end - r->p < 4)
        return false;
    for (int i = 0; i < 4; i++, r->p++) {
        const char *at = *r->p ? strchr(digits, *r->p) : NULL;

        if (!at)
            return false;
        *to = *to << 4 | (uint32_t)(at - digits) % 16;
    }
    return true;
}

/* Behind a backslash. */
static bool
escape(struct reader *r, struct text *t)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/     ";
    uint32_t c, low;
    const char *at;

    if (r->p == r->end)
        return false;
    if (*r->p != 'u') {
        at = *r->p ? strchr(from, *r->p++) : NULL;
        if (at)
            put_character(t, (uint32_t)to[at - from]);
        return at != NULL;
    }
    r->p++;
    if (!hex(r, &c))
        return false;
    if (c >= 0xd800 && c < 0xdc00 && r->end - r->p >= 6 && r->p[0] == '\\' &&
        r->p[1] == 'u') {
        r->p += 2;
        if (!hex(r, &low))
            return false;
        c = low >= 0xdc00 && low < 0xe000
            ? 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00)
            : ' ';
    }
    put_character(t, c);
    return true;
}

/* to: ANSWER_TEXT_MOST octets, or NULL.  Octets that are no UTF-8 are left to
 * whoever prints it. */
static bool
string(struct reader *r, char *to)
{
    struct text t = {.to = to};

    if (to)
        to[0] = '\0';
    if (!sign(r, '"'))
        return false;
    while (r->p < r->end && *r->p != '"') {
        const char *from = r->p;

        if ((unsigned char)*r->p < ' ')
            return false;
        if (*r->p == '\\') {
            r->p++;
            if (!escape(r, &t))
                return false;
            continue;
        }
        do
            r->p++;
        while (r->p < r->end && ((unsigned char)*r->p & 0xc0) == 0x80);
        put_octets(&t, from, (size_t)(r->p - from));
    }
    return sign(r, '"');
}

static bool
word(struct reader *r, const char *w)
{
    size_t n = strlen(w);

    if ((size_t)(r->end - r->p) < n || memcmp(r->p, w, n) != 0)
        return false;
    r->p += n;
    return true;
}

/* A number; *whole: its value if it is one from 0 on, else -1. */
static bool
number(struct reader *r, int64_t *whole)
{
    const char *from;

    blanks(r);
    from = r->p;
    *whole = 0;
    while (r->p < r->end && *r->p && strchr("+-.eE0123456789", *r->p)) {
        if (*r->p >= '0' && *r->p <= '9' && *whole >= 0 && *whole < 1000000000)
            *whole = *whole * 10 + (*r->p - '0');
        else
            *whole = -1;
        r->p++;
    }
    return r->p > from;
}

/* --- values --- */

typedef bool member_f(struct reader *r, const char *name, void *arg);

/* An object: fn reads each member's value. */
static bool
object(struct reader *r, member_f *fn, void *arg)
{
    char name[ANSWER_TEXT_MOST];

    if (!sign(r, '{') || ++r->depth > ANSWER_DEPTH_MOST)
        return false;
    if (!sign(r, '}')) {
        do {
            if (!string(r, name) || !sign(r, ':') || !fn(r, name, arg))
                return false;
        } while (sign(r, ','));
        if (!sign(r, '}'))
            return false;
    }
    r->depth--;
    return true;
}

static bool
array(struct reader *r, bool (*fn)(struct reader *r))
{
    if (!sign(r, '[') || ++r->depth > ANSWER_DEPTH_MOST)
        return false;
    if (!sign(r, ']')) {
        do {
            if (!fn(r))
                return false;
        } while (sign(r, ','));
        if (!sign(r, ']'))
            return false;
    }
    r->depth--;
    return true;
}

static bool
skip_member(struct reader *r, const char *name, void *arg)
{
    (void)name, (void)arg;
    return skip_value(r);
}

static bool
skip_value(struct reader *r)
{
    int64_t n;

    blanks(r);
    if (r->p == r->end)
        return false;
    switch (*r->p) {
    case '{':
        return object(r, skip_member, NULL);
    case '[':
        return array(r, skip_value);
    case '"':
        return string(r, NULL);
    case 't':
        return word(r, "true");
    case 'f':
        return word(r, "false");
    case 'n':
        return word(r, "null");
    default:
        return number(r, &n);
    }
}

static bool
is_next(struct reader *r, const char *signs)
{
    blanks(r);
    return r->p < r->end && *r->p && strchr(signs, *r->p);
}

static int
verdict_of(const char *result)
{
    if (strcmp(result, "delivered") == 0)
        return IMPEL_DELIVERED;
    if (strcmp(result, "failed") == 0)
        return IMPEL_FAILED;
    return IMPEL_RETRY; /* what is not understood is not taken for a yes */
}

static bool
row_member(struct reader *r, const char *name, void *arg)
{
    struct answer_row *row = arg;
    char result[ANSWER_TEXT_MOST];

    if (strcmp(name, "number") == 0 && is_next(r, "0123456789"))
        return number(r, &row->number);
    if (strcmp(name, "text") == 0 && is_next(r, "\""))
        return string(r, row->text);
    if (strcmp(name, "result") != 0 || !is_next(r, "\""))
        return skip_value(r);
    if (!string(r, result))
        return false;
    row->verdict = verdict_of(result);
    return true;
}

static bool
row(struct reader *r)
{
    struct answer_row row = {.number = -1, .verdict = IMPEL_RETRY};

    if (!is_next(r, "{"))
        return skip_value(r);
    if (!object(r, row_member, &row) || ++r->rows > ANSWER_ROWS_MOST)
        return false;
    r->fn(r->arg, &row);
    return true;
}

static bool
whole_member(struct reader *r, const char *name, void *arg)
{
    (void)arg;
    if (strcmp(name, "text") == 0 && is_next(r, "\""))
        return string(r, r->text);
    if (strcmp(name, "recipients") == 0 && is_next(r, "["))
        return array(r, row);
    return skip_value(r);
}

bool
answer_read(const char *json, size_t n, char text[ANSWER_TEXT_MOST],
    answer_row_f *fn, void *arg)
{
    struct reader r = {
        .p = json, .end = json + n, .text = text, .fn = fn, .arg = arg};

    text[0] = '\0';
    if (!object(&r, whole_member, NULL))
        return false;
    blanks(&r);
    return r.p == r.end;
}
