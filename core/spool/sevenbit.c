/* SPDX-License-Identifier: Apache-2.0
 *
 * sevenbit.c - walk the parts of a message, re-encode what has 8 bits.
 */
#include "spool/sevenbit.h"

#include "base/base64.h"
#include "spool/entity.h"

#include "base/banned.h"

enum {
    DEPTH_MAX = 12,
    PARTS_MAX = 10000,
    LINE_MAX_QP = 76,
    LINE_OCTETS = 57 /* of a line of base64 with 76 characters */
};

struct walk {
    struct buf *to;
    struct err *e;
    int depth;
    unsigned parts;
    bool binary; /* nothing is known of its lines */
};
static int walk_entity(struct walk *w, struct str s, bool top);

static bool
has_high(struct str s)
{
    unsigned char any = 0;
    for (size_t i = 0; i < s.n; i++)
        any |= (unsigned char)s.p[i];
    return any > 127;
}

/* --- header --- */

/* The header with another transfer encoding; NULL: as it is. */
static void
put_header(
    struct walk *w, const struct entity *t, const char *encoding, bool top)
{
    struct str blank = STR("\r\n"), h = t->header;
    size_t end = h.n;

    /* without its blank line */
    if (end >= 2 && h.p[end - 2] == '\r' && (end == 2 || h.p[end - 3] == '\n'))
        end -= 2;
    else if (end >= 1 && (end == 1 || h.p[end - 2] == '\n'))
        end -= 1;
    if (t->encoding.p && encoding) {
        size_t at = (size_t)(t->encoding.p - h.p);
        buf_str(w->to, str_sub(h, 0, at));
        buf_printf(w->to, "Content-Transfer-Encoding: %s\r\n", encoding);
        at += t->encoding.n;
        buf_str(w->to, str_sub(h, at, end - at));
    } else {
        buf_str(w->to, str_sub(h, 0, end));
        if (end && h.p[end - 1] != '\n')
            buf_str(w->to, STR("\r\n"));
        if (encoding)
            buf_printf(w->to, "Content-Transfer-Encoding: %s\r\n", encoding);
    }
    if (top && !t->mime_version && encoding)
        buf_str(w->to, STR("MIME-Version: 1.0\r\n"));
    if (top && !t->type.p && encoding)
        buf_str(
            w->to, STR("Content-Type: text/plain; charset=unknown-8bit\r\n"));
    buf_str(w->to, blank);
}

/* --- quoted-printable --- */

struct qp {
    struct buf *to;
    size_t column;
};

static void
qp_put(struct qp *q, const char *p, size_t n)
{
    if (q->column + n > LINE_MAX_QP - 1) {
        buf_str(q->to, STR("=\r\n"));
        q->column = 0;
    }
    buf_add(q->to, p, n);
    q->column += n;
}

static void
qp_byte(struct qp *q, unsigned char c, bool at_end)
{
    static const char hex[] = "0123456789ABCDEF";
    char three[3] = {'=', hex[c >> 4], hex[c & 15]};
    bool plain =
        (c > 32 && c < 127 && c != '=') || ((c == ' ' || c == '\t') && !at_end);
    if (plain)
        qp_put(q, (const char *)&c, 1);
    else
        qp_put(q, three, 3);
}

static void
put_quoted(struct buf *to, struct str s)
{
    struct qp q = {to, 0};
    for (size_t i = 0; i < s.n; i++) {
        bool crlf = s.p[i] == '\r' && i + 1 < s.n && s.p[i + 1] == '\n';
        bool at_end = i + 1 == s.n ||
            (i + 2 < s.n && s.p[i + 1] == '\r' && s.p[i + 2] == '\n');
        if (!crlf) {
            qp_byte(&q, (unsigned char)s.p[i], at_end);
            continue;
        }
        buf_str(to, STR("\r\n"));
        q.column = 0;
        i++;
    }
}

static void
put_base64(struct buf *to, struct str s)
{
    for (size_t at = 0; at < s.n; at += LINE_OCTETS) {
        base64_encode(
            to, str_sub(s, at, MIN_OF(s.n - at, (size_t)LINE_OCTETS)));
        buf_str(to, STR("\r\n"));
    }
}

/* --- parts --- */

static int
put_between(struct walk *w, struct str s, const char *what)
{
    if (has_high(s) || (w->binary && entity_has_octets(s)))
        return err_set(w->e, ERR_PROTO, "8-bit bytes %s", what);
    buf_str(w->to, s);
    return 0;
}

static int
walk_multipart(struct walk *w, const struct entity *t, struct str boundary)
{
    struct str s = t->body;
    size_t at = 0, line, end;
    enum entity_delimiter kind;
    int r;

    end = entity_part_end(s, 0, boundary, w->binary, &line, &kind);
    if (!kind)
        return err_set(w->e, ERR_PROTO, "a multipart without parts");
    r = put_between(w, str_sub(s, 0, end), "before the first part");
    at = end;
    while (!r && kind == ENTITY_NEXT) {
        struct str l = entity_line(s, line);
        if (++w->parts > PARTS_MAX)
            return err_set(w->e, ERR_PROTO, "too many parts");
        buf_str(w->to, str_sub(s, at, line + l.n - at));
        at = line + l.n;
        end = entity_part_end(s, at, boundary, w->binary, &line, &kind);
        r = walk_entity(w, str_sub(s, at, end - at), false);
        at = end;
    }
    return r ? r : put_between(w, str_from(s, at), "after the last part");
}

static bool
encoding_is(const struct entity *t, struct str name)
{
    return t->encoding_value.p && str_ieq(t->encoding_value, name);
}

static int
walk_body(struct walk *w, const struct entity *t, bool top)
{
    char boundary[ENTITY_BOUNDARY];
    if (t->type.p && str_istarts(t->type, STR("multipart/"))) {
        if (!entity_param(t->type, STR("boundary"), boundary, sizeof(boundary)))
            return err_set(w->e, ERR_PROTO, "a multipart without boundary");
        put_header(w, t, t->encoding.p ? "7bit" : NULL, false);
        return walk_multipart(w, t, str_of(boundary));
    }
    if (t->type.p && str_istarts(t->type, STR("message/"))) {
        if (!str_istarts(t->type, STR("message/rfc822")) &&
            !has_high(t->body) && !entity_has_octets(t->body)) {
            put_header(w, t, t->encoding.p ? "7bit" : NULL, false);
            buf_str(w->to, t->body);
            return 0;
        }
        if (!str_istarts(t->type, STR("message/rfc822")))
            return err_set(w->e, ERR_PROTO,
                "8-bit bytes in a part of type %.*s", STR_ARG(t->type));
        put_header(w, t, t->encoding.p ? "7bit" : NULL, false);
        return walk_entity(w, t->body, true);
    }
    if (encoding_is(t, STR("base64")) ||
        encoding_is(t, STR("quoted-printable"))) {
        if (!has_high(t->body) && !entity_has_octets(t->body)) {
            put_header(w, t, NULL, top);
            buf_str(w->to, t->body);
            return 0;
        }
        return err_set(w->e, ERR_PROTO, "8-bit bytes in a part that is %.*s",
            STR_ARG(t->encoding_value));
    }
    if (w->binary && entity_has_octets(t->body)) {
        put_header(w, t, "base64", top);
        put_base64(w->to, t->body);
    } else if (has_high(t->body)) {
        put_header(w, t, "quoted-printable", top);
        put_quoted(w->to, t->body);
    } else {
        put_header(w, t, t->encoding.p ? "7bit" : NULL, top);
        buf_str(w->to, t->body);
    }
    return 0;
}

static int
walk_entity(struct walk *w, struct str s, bool top)
{
    struct entity t;
    int r;

    if (!has_high(s) && !w->binary) {
        buf_str(w->to, s);
        return 0;
    }
    if (w->depth >= DEPTH_MAX)
        return err_set(w->e, ERR_PROTO, "parts are nested too deep");
    entity_read(s, &t);
    if (has_high(t.header) || (w->binary && entity_has_octets(t.header)))
        return err_set(w->e, ERR_PROTO, "8-bit bytes in a header");
    w->depth++;
    r = walk_body(w, &t, top);
    w->depth--;
    return r;
}

int
sevenbit_encode(struct str message, bool binary, struct buf *to, struct err *e)
{
    struct walk w = {.to = to, .e = e, .binary = binary};
    return walk_entity(&w, message, true);
}
