/* SPDX-License-Identifier: Apache-2.0 */
#include "xport/dkim.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/macros.h"
#include "base/xmem.h"
#include "base/banned.h"

enum { FOLD_AT = 72 };

struct field {
    struct str all;  /* with its end and the lines that continue it */
    struct str name; /* without white space before the colon */
};
struct fields {
    struct field *list; /* as they stand */
    size_t count;
};

/* --- the header --- */

/* A field with the lines that continue it, from `at` on. */
static size_t
field_end(struct str header, size_t at)
{
    for (;;) {
        size_t lf = str_chr(header, '\n', at);

        if (lf == SIZE_MAX)
            return header.n;
        at = lf + 1;
        if (at >= header.n || (header.p[at] != ' ' && header.p[at] != '\t'))
            return at;
    }
}

static struct str
field_name(struct str all)
{
    size_t colon = str_chr(all, ':', 0);

    return str_trim(str_sub(all, 0, colon == SIZE_MAX ? 0 : colon));
}

/* The value, unfolded or not, without the line end. */
static struct str
field_value(const struct field *f)
{
    size_t colon = str_chr(f->all, ':', 0);

    return colon == SIZE_MAX ? STR("") : str_trim(str_from(f->all, colon + 1));
}

/* Up to the blank line; what has no name is no field and is passed over. */
static int
fields_split(struct str header, struct fields *to, struct err *e)
{
    size_t at = 0, room = 0;

    *to = (struct fields){NULL, 0};
    while (at < header.n && header.p[at] != '\r' && header.p[at] != '\n') {
        size_t end = field_end(header, at);
        struct str all = str_sub(header, at, end - at);
        struct field f = {all, field_name(all)};

        at = end;
        if (!f.name.n)
            continue;
        if (to->count == DKIM_FIELDS_MAX)
            return err_set(e, ERR_LIMIT, "more than %d fields in the header",
                DKIM_FIELDS_MAX);
        if (to->count == room) {
            room = room ? 2 * room : 32;
            to->list = xgrow(to->list, room, sizeof(*to->list));
        }
        to->list[to->count++] = f;
    }
    return 0;
}

/* RFC 6376 3.4.2. */
static void
canon_relaxed(const struct field *f, struct buf *to)
{
    struct str value = field_value(f);
    bool space = false;

    for (size_t i = 0; i < f->name.n; i++) {
        char c = f->name.p[i];
        buf_char(to, c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c);
    }
    buf_char(to, ':');
    for (size_t i = 0; i < value.n; i++) {
        char c = value.p[i];

        if (c == ' ' || c == '\t') {
            space = true;
        } else if (c != '\r' && c != '\n') {
            if (space)
                buf_char(to, ' ');
            space = false;
            buf_char(to, c);
        }
    }
    buf_cstr(to, "\r\n");
}

static void
canon_put(const struct dkim_how *how, const struct field *f, struct buf *to)
{
    if (how->header_form == BODYHASH_RELAXED) {
        canon_relaxed(f, to);
        return;
    }
    buf_str(to, f->all);
    if (!str_ends(f->all, STR("\r\n")))
        buf_cstr(to, "\r\n"); /* the last line; it is sent with one */
}

/* --- what is signed --- */

static bool
is_listed(struct str name, const struct str *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_ieq(name, list[i]))
            return true;
    return false;
}

/* The signature as it grows: what h= says, and what is hashed. */
struct selection {
    const struct dkim_how *how;
    const struct fields *fields;
    struct buf names; /* "from:from:to" */
    struct buf data;
};

static void
select_name(struct selection *s, struct str name)
{
    if (s->names.n)
        buf_char(&s->names, ':');
    for (size_t i = 0; i < name.n; i++)
        buf_char(&s->names,
            name.p[i] >= 'A' && name.p[i] <= 'Z' ? (char)(name.p[i] | 0x20)
                                                 : name.p[i]);
}

/* Every field of that name, the last first (RFC 6376 5.4.2), and once more
 * where none may be added. */
static void
select_fields(struct selection *s, struct str name)
{
    const struct dkim_how *how = s->how;

    if (is_listed(name, how->skip, how->skip_count) &&
        !str_ieq(name, STR("from")))
        return;
    for (size_t i = s->fields->count; i-- > 0;) {
        const struct field *f = &s->fields->list[i];

        if (!str_ieq(f->name, name))
            continue;
        select_name(s, name);
        canon_put(how, f, &s->data);
    }
    if (is_listed(name, how->over, how->over_count))
        select_name(s, name);
}

static void
select_all(struct selection *s)
{
    const struct dkim_how *how = s->how;

    if (!is_listed(STR("from"), how->sign, how->sign_count) &&
        !is_listed(STR("from"), how->over, how->over_count))
        select_fields(s, STR("from"));
    for (size_t i = 0; i < how->sign_count; i++)
        if (!is_listed(how->sign[i], how->sign, i))
            select_fields(s, how->sign[i]);
    for (size_t i = 0; i < how->over_count; i++)
        if (!is_listed(how->over[i], how->sign, how->sign_count) &&
            !is_listed(how->over[i], how->over, i))
            select_fields(s, how->over[i]);
}

/* --- the field --- */

/* A word that stays on its line if it can; the line begins anew before it if
 * it cannot. */
static void
fold_word(struct buf *to, size_t *column, struct str word)
{
    if (*column + word.n > FOLD_AT) {
        buf_cstr(to, "\r\n\t");
        *column = 8;
    }
    buf_str(to, word);
    *column += word.n;
}

static void
fold_names(struct buf *to, size_t *column, struct str names)
{
    while (names.p) {
        struct str one = str_cut(&names, ':');
        struct str with = str_make(one.p, one.n + 1); /* its ':' or the end */

        fold_word(to, column, names.p ? with : one);
    }
    buf_cstr(to, ";");
}

/* All up to "b=", which is its last tag. */
static void
put_tags(const struct dkim_how *how, const struct dkim_key *key,
    struct str names, const uint8_t body[BODYHASH_SIZE], int64_t now,
    struct buf *to)
{
    static const char *const forms[] = {"simple", "relaxed"};
    size_t column = 10;

    buf_printf(to, "DKIM-Signature: v=1; a=%s; c=%s/%s;\r\n",
        dkimkey_algorithm(key), forms[how->header_form], forms[how->body_form]);
    buf_printf(to, "\td=%.*s; s=%.*s;\r\n", STR_ARG(how->domain),
        STR_ARG(how->selector));
    buf_printf(to, "\tt=%" PRId64 ";", now);
    if (how->lifetime > 0)
        buf_printf(to, " x=%" PRId64 ";", now + how->lifetime);
    buf_cstr(to, "\r\n\th=");
    fold_names(to, &column, names);
    buf_cstr(to, "\r\n\tbh=");
    base64_encode(to, str_make(body, BODYHASH_SIZE));
    buf_cstr(to, ";\r\n\tb=");
}

/* White space in b= does not count (RFC 6376 3.5). */
static void
put_signature(struct buf *to, struct str signature)
{
    struct buf text = BUF_INIT;

    base64_encode(&text, signature);
    for (size_t at = 0; at < text.n; at += FOLD_AT) {
        if (at)
            buf_cstr(to, "\r\n\t");
        buf_str(to, str_sub(buf_get(&text), at, FOLD_AT));
    }
    buf_cstr(to, "\r\n");
    buf_fini(&text);
}

static int
sign_selected(struct selection *s, struct dkim_key *key,
    const uint8_t body[BODYHASH_SIZE], int64_t now, struct buf *to,
    struct err *e)
{
    struct buf own = BUF_INIT, signature = BUF_INIT;
    struct field f;
    int rc;

    put_tags(s->how, key, buf_get(&s->names), body, now, &own);
    f = (struct field){buf_get(&own), STR("DKIM-Signature")};
    canon_put(s->how, &f, &s->data);
    buf_cut(&s->data, s->data.n - 2); /* its CRLF is not hashed */
    rc = dkimkey_sign(key, buf_get(&s->data), &signature, e);
    if (rc == 0) {
        buf_str(to, buf_get(&own));
        put_signature(to, buf_get(&signature));
    }
    buf_fini(&own);
    buf_fini(&signature);
    return rc;
}

static bool
fields_have(const struct fields *all, struct str name)
{
    for (size_t i = 0; i < all->count; i++)
        if (str_ieq(all->list[i].name, name))
            return true;
    return false;
}

int
dkim_sign(const struct dkim_how *how, struct dkim_key *key, struct str header,
    const uint8_t body[BODYHASH_SIZE], int64_t now, struct buf *to,
    struct err *e)
{
    struct fields all;
    struct selection s = {.how = how, .fields = &all};
    int rc = fields_split(header, &all, e);

    if (rc == 0 && !fields_have(&all, STR("from")))
        rc = err_set(e, ERR_INVAL, "there is no From field");
    if (rc == 0) {
        select_all(&s);
        rc = sign_selected(&s, key, body, now, to, e);
    }
    buf_fini(&s.names);
    buf_fini(&s.data);
    free(all.list);
    return rc;
}

/* --- From --- */

static bool
ends_domain(char c)
{
    return strchr(" \t\r\n>,;()<\"", c) != NULL;
}

/* Behind the last '@' of the first address; what stands in quotes or comments
 * is not looked at. */
static struct str
value_domain(struct str value)
{
    bool quoted = false;
    int comment = 0;
    size_t at = SIZE_MAX, end;

    for (size_t i = 0; i < value.n; i++) {
        char c = value.p[i];

        if (c == '\\' && (quoted || comment))
            i++;
        else if (c == '"' && !comment)
            quoted = !quoted;
        else if (c == '(' && !quoted)
            comment++;
        else if (c == ')' && comment)
            comment--;
        else if (c == '@' && !quoted && !comment)
            at = i + 1;
        else if ((c == ',' || c == '>') && !quoted && !comment &&
            at != SIZE_MAX)
            break;
    }
    if (at == SIZE_MAX)
        return STR_NONE;
    for (end = at; end < value.n && !ends_domain(value.p[end]);)
        end++;
    return end > at ? str_sub(value, at, end - at) : STR_NONE;
}

struct str
dkim_from_domain(struct str header)
{
    struct str domain = STR_NONE;
    struct fields all;

    (void)fields_split(header, &all, NULL); /* the first ones will do */
    for (size_t i = 0; i < all.count && !domain.p; i++)
        if (str_ieq(all.list[i].name, STR("from")))
            domain = value_domain(field_value(&all.list[i]));
    free(all.list);
    return domain;
}
