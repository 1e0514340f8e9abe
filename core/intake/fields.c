/* SPDX-License-Identifier: Apache-2.0 */
#include "intake/fields.h"

#include <stdlib.h>
#include <string.h>
#include "base/err.h"
#include "base/xmem.h"
#include "base/banned.h"

void
fields_init(struct fields *f)
{
    memset(f, 0, sizeof(*f));
    f->arena = arena_new(4096);
}

void
fields_fini(struct fields *f)
{
    arena_free(&f->arena);
    free(f->pair);
    free(f->raw);
    memset(f, 0, sizeof(*f));
}

static struct impel_str
pair_str(struct str s)
{
    return (struct impel_str){s.p, s.n};
}

static struct str
str_of_pair(struct impel_str s)
{
    return str_make(s.p, s.n);
}

/* A place at i for one more. */
static void
fields_open(struct fields *f, size_t i)
{
    if (f->count == f->size) {
        f->size = f->size ? 2 * f->size : 32;
        f->pair = xgrow(f->pair, f->size, sizeof(*f->pair));
        f->raw = xgrow(f->raw, f->size, sizeof(*f->raw));
    }
    memmove(&f->pair[i + 1], &f->pair[i], (f->count - i) * sizeof(*f->pair));
    memmove(&f->raw[i + 1], &f->raw[i], (f->count - i) * sizeof(*f->raw));
    f->count++;
}

static void
fields_close(struct fields *f, size_t i)
{
    f->count--;
    memmove(&f->pair[i], &f->pair[i + 1], (f->count - i) * sizeof(*f->pair));
    memmove(&f->raw[i], &f->raw[i + 1], (f->count - i) * sizeof(*f->raw));
    if (i < f->top)
        f->top--;
}

/* --- what was received --- */

static bool
is_name_char(char c)
{
    return c > ' ' && c < 127 && c != ':';
}

/* Octets of the name that a line begins with; *value: behind the colon. */
static size_t
field_name(struct str line, size_t *value)
{
    size_t n = 0, i;

    while (n < line.n && is_name_char(line.p[n]))
        n++;
    i = n;
    while (i < line.n && (line.p[i] == ' ' || line.p[i] == '\t'))
        i++; /* RFC 5322 4.5 */
    if (!n || i == line.n || line.p[i] != ':')
        return 0;
    *value = i + 1;
    return n;
}

/* Octets of the field that rest begins with, folded lines included. */
static size_t
field_size(struct str rest)
{
    size_t at = 0, lf;

    do {
        lf = str_chr(rest, '\n', at);
        at = lf == SIZE_MAX ? rest.n : lf + 1;
    } while (at < rest.n && (rest.p[at] == ' ' || rest.p[at] == '\t'));
    return at;
}

static struct str
cut_line_end(struct str s)
{
    if (s.n && s.p[s.n - 1] == '\n')
        s.n--;
    if (s.n && s.p[s.n - 1] == '\r')
        s.n--;
    return s;
}

int
fields_parse(struct fields *f, struct str header, size_t *used)
{
    size_t at = 0, value, name, n;

    *used = 0;
    while (at < header.n &&
        (name = field_name(str_from(header, at), &value)) > 0) {
        n = field_size(str_from(header, at));
        if (memchr(header.p + at, '\0', n))
            return ERR_INVAL;
        if (f->count == FIELDS_MOST || f->bytes + n > FIELDS_BYTES_MOST / 2)
            return ERR_LIMIT;
        f->bytes += n;
        fields_open(f, f->count);
        struct str raw = arena_str(f->arena, str_make(header.p + at, n));
        f->raw[f->count - 1] = raw;
        f->pair[f->count - 1].key = (struct impel_str){raw.p, name};
        f->pair[f->count - 1].value =
            pair_str(cut_line_end(str_from(raw, value)));
        at += n;
        *used = at;
    }
    return 0;
}

void
fields_prepend(struct fields *f, struct str name, struct str value)
{
    fields_open(f, 0);
    f->raw[0] = STR_NONE;
    f->pair[0].key = pair_str(arena_str(f->arena, name));
    f->pair[0].value = pair_str(arena_str(f->arena, value));
    f->bytes += name.n + value.n;
}

/* --- what filters change --- */

static bool
name_is_fit(struct str name)
{
    for (size_t i = 0; i < name.n; i++)
        if (!is_name_char(name.p[i]))
            return false;
    return name.n > 0 && name.n <= 255;
}

/* Lines end in CRLF and go on with a blank; no NUL; no end of a line last. */
static struct str
mend(struct fields *f, struct str value)
{
    struct buf b = BUF_INIT;
    struct str kept;

    while (value.n &&
        (value.p[value.n - 1] == '\n' || value.p[value.n - 1] == '\r'))
        value.n--;
    for (size_t i = 0; i < value.n; i++) {
        char c = value.p[i];

        if (c == '\0')
            continue;
        if (c != '\r' && c != '\n') {
            buf_char(&b, c);
            continue;
        }
        if (c == '\r' && i + 1 < value.n && value.p[i + 1] == '\n')
            i++;
        buf_cstr(&b, "\r\n");
        if (i + 1 < value.n && value.p[i + 1] != ' ' && value.p[i + 1] != '\t')
            buf_char(&b, '\t');
    }
    kept = arena_str(f->arena, buf_get(&b));
    buf_fini(&b);
    return kept;
}

/* For a value, in a new field or in place of another one's. */
static int
fields_room(
    const struct fields *f, bool more, struct str name, struct str value)
{
    if ((more && f->count >= FIELDS_MOST) || value.n > FIELDS_BYTES_MOST ||
        f->bytes + name.n + value.n > FIELDS_BYTES_MOST)
        return ERR_LIMIT;
    return 0;
}

int
fields_add(struct fields *f, int64_t at, struct str name, struct str value)
{
    int rc = name_is_fit(name) ? fields_room(f, true, name, value) : ERR_INVAL;
    size_t i;

    if (rc < 0)
        return rc;
    if (at < 0 || (uint64_t)at > f->count)
        i = f->count;
    else if ((size_t)at <= f->top)
        i = (size_t)at;
    else
        i = (size_t)at - 1; /* what the host adds is counted, too */
    if (at >= 0 && (size_t)at <= f->top)
        f->top++;
    fields_open(f, i);
    f->raw[i] = STR_NONE;
    f->pair[i].key = pair_str(arena_str(f->arena, name));
    f->pair[i].value = pair_str(mend(f, value));
    f->bytes += name.n + value.n;
    f->changed = true;
    return 0;
}

int
fields_change(struct fields *f, uint32_t nth, struct str name, struct str value)
{
    uint32_t seen = 0;
    int rc;

    if (!name_is_fit(name))
        return ERR_INVAL;
    for (size_t i = 0; i < f->count; i++) {
        if (!str_ieq(str_of_pair(f->pair[i].key), name) ||
            ++seen < (nth ? nth : 1))
            continue;
        rc = value.p ? fields_room(f, false, name, value) : 0;
        if (rc < 0)
            return rc;
        f->changed = true;
        if (!value.p) {
            fields_close(f, i);
            return 0;
        }
        f->raw[i] = STR_NONE;
        f->pair[i].key = pair_str(arena_str(f->arena, name));
        f->pair[i].value = pair_str(mend(f, value));
        f->bytes += name.n + value.n;
        return 0;
    }
    return value.p ? fields_add(f, IMPEL_LAST_FIELD, name, value) : 0;
}

static void
print_some(const struct fields *f, size_t from, size_t to_end, struct buf *to)
{
    for (size_t i = from; i < to_end; i++) {
        if (f->raw[i].p) {
            buf_str(to, f->raw[i]);
            if (!str_ends(f->raw[i], STR("\n")))
                buf_cstr(to, "\r\n");
            continue;
        }
        buf_str(to, str_of_pair(f->pair[i].key));
        buf_char(to, ':');
        buf_str(to, str_of_pair(f->pair[i].value));
        buf_cstr(to, "\r\n");
    }
}

void
fields_print(const struct fields *f, struct buf *to)
{
    print_some(f, f->top, f->count, to);
}

void
fields_print_top(const struct fields *f, struct buf *to)
{
    print_some(f, 0, f->top, to);
}
