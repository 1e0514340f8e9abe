/* SPDX-License-Identifier: Apache-2.0
 *
 * sevenbit.c - walk the parts of a message, re-encode what has 8 bits.
 */
#include "spool/sevenbit.h"

#include "base/base64.h"

#include "base/banned.h"

enum {
    DEPTH_MAX = 12,
    PARTS_MAX = 10000,
    LINE_MAX_QP = 76,
    LINE_OCTETS = 57,   /* of a line of base64 with 76 characters */
    LINE_MAX_TEXT = 998 /* RFC 5322 2.1.1 */
};

struct walk {
    struct buf *to;
    struct err *e;
    int depth;
    unsigned parts;
    bool binary; /* nothing is known of its lines */
};
struct entity {
    struct str header, body; /* header with its blank line */
    struct str type;         /* value of Content-Type, or absent */
    struct str encoding;     /* field of Content-Transfer-Encoding, whole */
    struct str encoding_value;
    bool mime_version;
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

/* Other than lines of text that end in CRLF. */
static bool
has_octets(struct str s)
{
    size_t begin = 0;

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\r' && i + 1 < s.n && s.p[i + 1] == '\n') {
            begin = i + 2;
            i++;
        } else if (s.p[i] == '\0' || s.p[i] == '\r' || s.p[i] == '\n' ||
            i - begin >= LINE_MAX_TEXT) {
            return true;
        }
    }
    return false;
}

/* The line at `at` with its ending. */
static struct str
line_at(struct str s, size_t at)
{
    size_t lf = str_chr(s, '\n', at);
    return str_sub(s, at, (lf == SIZE_MAX ? s.n : lf + 1) - at);
}

static bool
is_blank(struct str line)
{
    return str_trim(line).n == 0;
}

/* Ends a header: no octet but its CRLF.  A line of blanks goes on with the
 * field before it, as others read it. */
static bool
is_empty(struct str line)
{
    return str_eq(line, STR("\r\n")) || str_eq(line, STR("\n"));
}

/* --- header --- */

static void
note_field(struct entity *t, struct str field)
{
    size_t colon = str_chr(field, ':', 0);
    struct str name, value;

    if (colon == SIZE_MAX)
        return;
    name = str_trim(str_sub(field, 0, colon));
    value = str_trim(str_from(field, colon + 1));
    if (str_ieq(name, STR("Content-Type")) && !t->type.p) {
        t->type = value;
    } else if (str_ieq(name, STR("Content-Transfer-Encoding")) &&
        !t->encoding.p) {
        t->encoding = field;
        t->encoding_value = value;
    } else if (str_ieq(name, STR("MIME-Version"))) {
        t->mime_version = true;
    }
}

static void
read_header(struct str s, struct entity *t)
{
    size_t at = 0, begin = 0;

    memset(t, 0, sizeof(*t));
    while (at < s.n) {
        struct str line = line_at(s, at);
        bool folded = line.p[0] == ' ' || line.p[0] == '\t';
        if (at > begin && !folded) {
            note_field(t, str_sub(s, begin, at - begin));
            begin = at;
        }
        at += line.n;
        if (is_empty(line))
            break;
    }
    if (at == s.n && begin < at)
        note_field(t, str_sub(s, begin, at - begin));
    t->header = str_sub(s, 0, at);
    t->body = str_from(s, at);
}

/* A parameter of Content-Type, into a buffer of n bytes; false: none. */
static bool
find_param(struct str type, struct str name, char *to, size_t n)
{
    size_t at = str_chr(type, ';', 0);
    while (at != SIZE_MAX) {
        struct str rest = str_trim(str_from(type, at + 1));
        size_t used = 0, i = name.n;
        if (str_istarts(rest, name)) {
            while (i < rest.n && (rest.p[i] == ' ' || rest.p[i] == '\t'))
                i++;
            if (i < rest.n && rest.p[i] == '=') {
                bool quoted;
                i++;
                while (i < rest.n && (rest.p[i] == ' ' || rest.p[i] == '\t'))
                    i++;
                quoted = i < rest.n && rest.p[i] == '"';
                i += quoted;
                for (; i < rest.n && used + 1 < n; i++) {
                    char c = rest.p[i];
                    if (quoted ? c == '"'
                               : c == ';' || c == ' ' || c == '\t' ||
                                c == '\r' || c == '\n')
                        break;
                    if (quoted && c == '\\' && i + 1 < rest.n)
                        c = rest.p[++i];
                    to[used++] = c;
                }
                to[used] = 0;
                return used > 0;
            }
        }
        at = str_chr(type, ';', at + 1);
    }
    return false;
}

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

/* 0: not a delimiter, 1: one, 2: the closing one. */
static int
delimiter_kind(struct str line, struct str boundary)
{
    struct str rest;
    bool last;
    if (!str_starts(line, STR("--")) ||
        !str_starts(str_from(line, 2), boundary))
        return 0;
    rest = str_from(line, 2 + boundary.n);
    last = str_starts(rest, STR("--"));
    if (last)
        rest = str_from(rest, 2);
    return !is_blank(rest) ? 0 : last ? 2 : 1;
}

/* From `at` to the next delimiter; the CRLF before it belongs to it. */
static size_t
part_end(const struct walk *w, struct str s, size_t at, struct str boundary,
    size_t *line, int *kind)
{
    size_t begin = at;
    *kind = 0;
    while (at < s.n) {
        struct str l = line_at(s, at);
        /* among octets an LF ends no line */
        bool starts = !w->binary || at == begin ||
            (at - begin >= 2 && s.p[at - 2] == '\r');
        *kind = starts ? delimiter_kind(l, boundary) : 0;
        if (*kind)
            break;
        at += l.n;
    }
    *line = at;
    if (!*kind || at == begin)
        return at;
    return at - (at - begin >= 2 && s.p[at - 2] == '\r' ? 2 : 1);
}

static int
put_between(struct walk *w, struct str s, const char *what)
{
    if (has_high(s) || (w->binary && has_octets(s)))
        return err_set(w->e, ERR_PROTO, "8-bit bytes %s", what);
    buf_str(w->to, s);
    return 0;
}

static int
walk_multipart(struct walk *w, const struct entity *t, struct str boundary)
{
    struct str s = t->body;
    size_t at = 0, line, end;
    int kind, r;

    end = part_end(w, s, 0, boundary, &line, &kind);
    if (!kind)
        return err_set(w->e, ERR_PROTO, "a multipart without parts");
    r = put_between(w, str_sub(s, 0, end), "before the first part");
    at = end;
    while (!r && kind == 1) {
        struct str l = line_at(s, line);
        if (++w->parts > PARTS_MAX)
            return err_set(w->e, ERR_PROTO, "too many parts");
        buf_str(w->to, str_sub(s, at, line + l.n - at));
        at = line + l.n;
        end = part_end(w, s, at, boundary, &line, &kind);
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
    char boundary[80];
    if (t->type.p && str_istarts(t->type, STR("multipart/"))) {
        if (!find_param(t->type, STR("boundary"), boundary, sizeof(boundary)))
            return err_set(w->e, ERR_PROTO, "a multipart without boundary");
        put_header(w, t, t->encoding.p ? "7bit" : NULL, false);
        return walk_multipart(w, t, str_of(boundary));
    }
    if (t->type.p && str_istarts(t->type, STR("message/"))) {
        if (!str_istarts(t->type, STR("message/rfc822")) &&
            !has_high(t->body) && !has_octets(t->body)) {
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
        if (!has_high(t->body) && !has_octets(t->body)) {
            put_header(w, t, NULL, top);
            buf_str(w->to, t->body);
            return 0;
        }
        return err_set(w->e, ERR_PROTO, "8-bit bytes in a part that is %.*s",
            STR_ARG(t->encoding_value));
    }
    if (w->binary && has_octets(t->body)) {
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
    read_header(s, &t);
    if (has_high(t.header) || (w->binary && has_octets(t.header)))
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
