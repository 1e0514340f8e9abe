/* SPDX-License-Identifier: Apache-2.0
 *
 * letterbody.c - the content of a message, part by part: what is not in lines
 * of ASCII goes in base64, since hosts of mail do not take it otherwise.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "letter_int.h"
#include "mime.h"

enum { FIELD_MOST = 900, LINE_MOST = 998, BASE64_LINE = 76 };

struct body {
    struct text *to;
    unsigned parts;
};

/* Lines that end in CRLF, short enough, of ASCII without NUL. */
static bool
is_lines(struct impel_str s)
{
    size_t column = 0;

    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool cr = i > 0 && s.p[i - 1] == '\r';

        if (c == 0 || c > 127 || (c == '\n') != cr || ++column > LINE_MOST)
            return false;
        if (c == '\n')
            column = 0;
    }
    return !s.n || s.p[s.n - 1] != '\r';
}

/* Those that say what a part is; a value in other letters than ASCII is one
 * with question marks. */
static void
copy_fields(struct text *to, struct impel_str header)
{
    static const char *const names[] = {"Content-ID", "Content-Location",
        "Content-Disposition", "Content-Description", "Content-Language",
        "Content-Base"};
    char value[FIELD_MOST];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (mime_field(header, names[i], value, sizeof(value)))
            letter_field(to, names[i], value);
}

static const char *
put_lines(struct body *b, const struct part *p, const char *type)
{
    char encoding[40];

    letter_field(b->to, "Content-Type", type);
    if (mime_field(p->header, "Content-Transfer-Encoding", encoding,
            sizeof(encoding)) &&
        strcmp(encoding, "binary") != 0 && strcmp(encoding, "8bit") != 0)
        letter_field(b->to, "Content-Transfer-Encoding", encoding);
    text_z(b->to, "\r\n");
    text_str(b->to, p->body);
    return NULL;
}

/* Out of its encoding, if it has one, and into base64. */
static const char *
put_base64(struct body *b, const struct part *p, const struct mime_type *t,
    const char *type)
{
    char *plain = malloc(p->body.n + 1);
    int64_t n;

    if (!plain)
        return mime_no_memory;
    n = mime_decode(t->encoding, p->body, plain);
    if (n < 0) {
        free(plain);
        return "a part is not in its Content-Transfer-Encoding";
    }
    letter_field(b->to, "Content-Type", type);
    letter_field(b->to, "Content-Transfer-Encoding", "base64");
    text_z(b->to, "\r\n");
    text_base64(b->to, plain, (size_t)n, BASE64_LINE);
    free(plain);
    return NULL;
}

static const char *put_part(
    struct body *b, const struct part *p, unsigned depth);

/* It goes out between quotes and on lines of its own. */
static bool
is_boundary(const char *s)
{
    for (; *s; s++)
        if (*s < ' ' || *s > '~' || *s == '"' || *s == '\\')
            return false;
    return true;
}

static const char *
put_next(
    struct body *b, const struct part *p, const char *boundary, unsigned depth)
{
    text_z(b->to, "\r\n--");
    text_z(b->to, boundary);
    text_z(b->to, "\r\n");
    return put_part(b, p, depth);
}

static void
put_last(struct body *b, const char *boundary)
{
    text_z(b->to, "\r\n--");
    text_z(b->to, boundary);
    text_z(b->to, "--\r\n");
}

static const char *
put_multipart(struct body *b, const struct part *p, const struct mime_type *t,
    const char *type, unsigned depth)
{
    struct parts parts;
    struct part inner;
    enum parts_step step;
    const char *wrong;

    if (depth == LETTER_DEPTH)
        return "parts within parts within parts";
    if (!is_boundary(t->boundary))
        return "a boundary that mail does not have";
    if (!parts_begin(&parts, p->body, t->boundary))
        return "a multipart without parts";
    letter_field(b->to, "Content-Type", type);
    text_z(b->to, "\r\n");
    while ((step = parts_next(&parts, &inner)) == PARTS_PART) {
        wrong = put_next(b, &inner, t->boundary, depth + 1);
        if (wrong)
            return wrong;
    }
    put_last(b, t->boundary);
    return step == PARTS_BROKEN ? "a multipart that breaks off" : NULL;
}

static const char *
put_part(struct body *b, const struct part *p, unsigned depth)
{
    struct mime_type t;
    char type[FIELD_MOST];
    int is = mime_look(p->header, "Content-Type", type, sizeof(type));

    if (++b->parts > LETTER_PARTS)
        return "too many parts";
    if (is < 0 || !mime_type_of(p->header, &t))
        return "a Content-Type that cannot be read";
    if (!type[0])
        (void)snprintf(type, sizeof(type), "%s",
            is_lines(p->body) ? "text/plain" : "application/octet-stream");
    copy_fields(b->to, p->header);
    if (strncmp(t.name, "multipart/", 10) == 0)
        return put_multipart(b, p, &t, type, depth);
    if (is_lines(p->body))
        return put_lines(b, p, type);
    /* RFC 2046 5.2: a message has no encoding but those that are none */
    if (strncmp(t.name, "message/", 8) == 0)
        (void)snprintf(type, sizeof(type), "application/octet-stream");
    return put_base64(b, p, &t, type);
}

/* Beside each other, as they stood beside the SOAP. */
static const char *
put_all(struct body *b, const struct soap_body *all)
{
    char type[MIME_BOUNDARY_MOST + 40];
    const char *wrong = NULL;

    if (!is_boundary(all->boundary))
        return "a boundary that mail does not have";
    (void)snprintf(
        type, sizeof(type), "multipart/mixed; boundary=\"%s\"", all->boundary);
    letter_field(b->to, "Content-Type", type);
    text_z(b->to, "\r\n");
    for (size_t i = 0; i < all->count && !wrong; i++)
        wrong = put_next(b, &all->part[i], all->boundary, 1);
    put_last(b, all->boundary);
    return wrong;
}

const char *
letter_content(
    const struct call *c, const struct soap_body *body, struct text *to)
{
    const struct part *named = c->href[0] ? soap_find(body, c->href) : NULL;
    struct body b = {.to = to};

    if (named)
        return put_part(&b, named, 0);
    if (body->count > 1)
        return put_all(&b, body);
    if (body->count)
        return put_part(&b, &body->part[0], 0);
    text_z(to, "Content-Type: text/plain\r\n\r\n");
    return NULL;
}
