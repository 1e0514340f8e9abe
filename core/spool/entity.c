/* SPDX-License-Identifier: Apache-2.0
 *
 * entity.c - headers and parts of a message in memory.
 */
#include "spool/entity.h"

#include "base/banned.h"

enum { LINE_MAX_TEXT = 998 /* RFC 5322 2.1.1 */ };

bool
entity_has_octets(struct str s)
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

struct str
entity_line(struct str s, size_t at)
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

void
entity_read(struct str s, struct entity *t)
{
    size_t at = 0, begin = 0;

    memset(t, 0, sizeof(*t));
    while (at < s.n) {
        struct str line = entity_line(s, at);
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

bool
entity_param(struct str type, struct str name, char *to, size_t n)
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

static enum entity_delimiter
delimiter_kind(struct str line, struct str boundary)
{
    struct str rest;
    bool last;
    if (!str_starts(line, STR("--")) ||
        !str_starts(str_from(line, 2), boundary))
        return ENTITY_NONE;
    rest = str_from(line, 2 + boundary.n);
    last = str_starts(rest, STR("--"));
    if (last)
        rest = str_from(rest, 2);
    return !is_blank(rest) ? ENTITY_NONE : last ? ENTITY_LAST : ENTITY_NEXT;
}

size_t
entity_part_end(struct str s, size_t at, struct str boundary, bool binary,
    size_t *line, enum entity_delimiter *kind)
{
    size_t begin = at;
    *kind = ENTITY_NONE;
    while (at < s.n) {
        struct str l = entity_line(s, at);
        /* among octets an LF ends no line (RFC 3030 3) */
        bool whole = !binary ||
            ((at == begin || (at - begin >= 2 && s.p[at - 2] == '\r')) &&
                !entity_has_octets(l));
        *kind = whole ? delimiter_kind(l, boundary) : ENTITY_NONE;
        if (*kind)
            break;
        at += l.n;
    }
    *line = at;
    if (!*kind || at == begin)
        return at;
    return at - (at - begin >= 2 && s.p[at - 2] == '\r' ? 2 : 1);
}
