/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <iconv.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { VALUE_MOST = 16384, WORD_MOST = 128 };

/* A string that grows to a bound. */
struct grow {
    char *p;
    size_t n, size, most;
    bool full;
};

static void
put(struct grow *g, const char *p, size_t n)
{
    size_t size = g->size ? g->size : 64;
    char *more;

    if (n > g->most - g->n) {
        g->full = true;
        return;
    }
    while (size < g->n + n + 1)
        size *= 2;
    if (size != g->size) {
        more = realloc(g->p, size);
        if (!more) {
            g->full = true;
            return;
        }
        g->p = more;
        g->size = size;
    }
    memcpy(g->p + g->n, p, n);
    g->n += n;
    g->p[g->n] = '\0';
}

/* --- UTF-8 --- */

/* Octets of the character that stands at p, or 0: none that is valid does
 * (RFC 3629: no surrogates, nothing longer than it need be). */
static size_t
character(const unsigned char *p, size_t n)
{
    size_t width = p[0] < 0x80 ? 1
        : p[0] < 0xc2          ? 0
        : p[0] < 0xe0          ? 2
        : p[0] < 0xf0          ? 3
        : p[0] < 0xf5          ? 4
                               : 0;

    if (width == 0 || width > n)
        return 0;
    for (size_t i = 1; i < width; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return width;
}

char *
text_mend(const char *p, size_t n)
{
    char *to = malloc(3 * n + 1), *at = to;

    for (size_t i = 0; to && i < n;) {
        size_t width = character((const unsigned char *)p + i, n - i);

        if (width && p[i]) {
            memcpy(at, p + i, width);
            at += width;
            i += width;
        } else {
            memcpy(at, "\xef\xbf\xbd", 3);
            at += 3;
            i++;
        }
    }
    if (to)
        *at = '\0';
    return to;
}

/* --- headers --- */

static struct impel_str
line_at(struct impel_str s)
{
    const char *end = s.n ? memchr(s.p, '\n', s.n) : NULL;

    return (struct impel_str){s.p, end ? (size_t)(end - s.p) + 1 : s.n};
}

static void
skip(struct impel_str *s, size_t n)
{
    s->p += n;
    s->n -= n;
}

/* A line without its end, without the blanks around it. */
static struct impel_str
trim(struct impel_str s)
{
    while (s.n && strchr(" \t\r\n", s.p[0]) && s.p[0])
        skip(&s, 1);
    while (s.n && strchr(" \t\r\n", s.p[s.n - 1]) && s.p[s.n - 1])
        s.n--;
    return s;
}

bool
text_field(struct impel_str *at, struct impel_str *name, char **value)
{
    struct impel_str line = line_at(*at), part;
    const char *colon = line.n ? memchr(line.p, ':', line.n) : NULL;
    struct grow g = {.most = VALUE_MOST};

    *value = NULL;
    if (!colon || colon == line.p) { /* the empty line, or no header at all */
        if (!trim(line).n)
            skip(at, line.n);
        return false;
    }
    *name = trim((struct impel_str){line.p, (size_t)(colon - line.p)});
    part = (struct impel_str){colon + 1, line.n - (size_t)(colon + 1 - line.p)};
    part = trim(part);
    put(&g, part.p, part.n);
    skip(at, line.n);
    while (at->n && (at->p[0] == ' ' || at->p[0] == '\t')) {
        line = line_at(*at);
        part = trim(line);
        if (!part.n && line.n < 3)
            break; /* an empty line that has blanks ends no field */
        put(&g, " ", 1);
        put(&g, part.p, part.n);
        skip(at, line.n);
    }
    *value = g.p;
    return g.p != NULL;
}

/* What is of interest in the header of a part. */
struct part {
    char type[WORD_MOST], charset[WORD_MOST], boundary[WORD_MOST];
    char coding[WORD_MOST];
    bool attached;
};

static void
word_of(const char *p, size_t n, char to[WORD_MOST])
{
    if (n >= WORD_MOST)
        n = 0;
    memcpy(to, p, n);
    to[n] = '\0';
}

/* The parameter "; name=value" of a field's value, quoted or not. */
static void
parameter(const char *value, const char *name, char to[WORD_MOST])
{
    size_t n = strlen(name);
    const char *p = value;

    while ((p = strchr(p, ';')) != NULL) {
        p++;
        p += strspn(p, " \t");
        if (strncasecmp(p, name, n) != 0 || p[n] != '=')
            continue;
        p += n + 1;
        if (*p == '"')
            word_of(p + 1, strcspn(p + 1, "\""), to);
        else
            word_of(p, strcspn(p, "; \t"), to);
        return;
    }
}

static void
part_read(struct part *to, struct impel_str *at)
{
    struct impel_str name;
    char *value;

    *to = (struct part){
        .type = "text/plain", .charset = "us-ascii", .coding = "7bit"};
    for (int i = 0; i < TEXT_FIELDS_MOST && text_field(at, &name, &value);
         i++) {
        if (name.n == 12 && strncasecmp(name.p, "Content-Type", 12) == 0) {
            word_of(value, strcspn(value, "; \t"), to->type);
            parameter(value, "charset", to->charset);
            parameter(value, "boundary", to->boundary);
        } else if (name.n == 25 &&
            strncasecmp(name.p, "Content-Transfer-Encoding", 25) == 0) {
            word_of(value, strcspn(value, "; \t"), to->coding);
        } else if (name.n == 19 &&
            strncasecmp(name.p, "Content-Disposition", 19) == 0) {
            to->attached = strncasecmp(value, "attachment", 10) == 0;
        }
        free(value);
    }
}

/* --- octets --- */

static int
base64_digit(char c)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : -1;
}

static void
unbase64(struct impel_str s, struct grow *to)
{
    uint32_t bits = 0;
    int have = 0;

    for (size_t i = 0; i < s.n && s.p[i] != '=' && !to->full; i++) {
        int d = base64_digit(s.p[i]);

        if (d < 0)
            continue; /* a line's end, or what does not belong here */
        bits = (bits << 6 | (uint32_t)d) & 0xffffff;
        have += 6;
        if (have >= 8) {
            char c = (char)(bits >> (have - 8) & 0xff);

            have -= 8;
            put(to, &c, 1);
        }
    }
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void
unquote(struct impel_str s, struct grow *to)
{
    while (s.n && !to->full) {
        int a = s.n > 2 ? hex_digit(s.p[1]) : -1;
        int b = s.n > 2 ? hex_digit(s.p[2]) : -1;

        if (s.p[0] != '=') {
            const char *next = memchr(s.p, '=', s.n);
            size_t n = next ? (size_t)(next - s.p) : s.n;

            if (n > to->most - to->n)
                to->full = true, n = to->most - to->n;
            put(to, s.p, n);
            skip(&s, n);
        } else if (a >= 0 && b >= 0) {
            char c = (char)(a << 4 | b);

            put(to, &c, 1);
            skip(&s, 3);
        } else {
            struct impel_str line = line_at(s);

            if (trim(line).n > 1) { /* no soft end of a line: as it is */
                put(to, s.p, 1);
                skip(&s, 1);
            } else {
                skip(&s, line.n);
            }
        }
    }
}

static void
decode(const struct part *part, struct impel_str body, struct grow *to)
{
    if (strcasecmp(part->coding, "base64") == 0) {
        unbase64(body, to);
    } else if (strcasecmp(part->coding, "quoted-printable") == 0) {
        unquote(body, to);
    } else {
        if (body.n > to->most)
            to->full = true, body.n = to->most;
        put(to, body.p, body.n);
    }
}

/* To UTF-8, as far as there is room; what the charset does not have is "?". */
static bool
convert(const char *charset, struct grow *from, struct grow *to)
{
    iconv_t c = iconv_open("UTF-8", charset);
    char *in = from->p ? from->p : (char *)"";
    size_t left = from->n;

    if (c == (iconv_t)-1)
        return false;
    while (left && !to->full) {
        char part[1024], *out = part;
        size_t room = sizeof(part), rc = iconv(c, &in, &left, &out, &room);

        put(to, part, (size_t)(out - part));
        if (rc != (size_t)-1 || out != part || !left)
            continue;
        put(to, "?", 1);
        in++;
        left--;
    }
    (void)iconv_close(c);
    return true;
}

/* CRLF to LF, cut between characters. */
static char *
finish(struct grow *g, size_t most, bool *cut)
{
    char *mended = text_mend(g->p ? g->p : "", g->n);
    size_t n = 0, k = 0;

    for (; mended && mended[n]; n++) {
        if (mended[n] != '\r' || mended[n + 1] != '\n')
            mended[k++] = mended[n];
    }
    if (!mended)
        return NULL;
    if (k > most) {
        *cut = true;
        k = most;
        while (k && (mended[k] & 0xc0) == 0x80)
            k--;
    }
    mended[k] = '\0';
    return mended;
}

static char *
plain(const struct part *part, struct impel_str body, size_t most, bool *cut)
{
    struct grow octets = {.most = 2 * most + 16},
                text = {.most = 2 * most + 16};
    const char *charset = part->charset[0] ? part->charset : "us-ascii";
    char *made = NULL;

    decode(part, body, &octets);
    if (strcasecmp(charset, "utf-8") == 0 ||
        strcasecmp(charset, "us-ascii") == 0)
        made = finish(&octets, most, cut);
    else if (convert(charset, &octets, &text))
        made = finish(&text, most, cut);
    *cut = *cut || octets.full || text.full;
    free(octets.p);
    free(text.p);
    return made;
}

/* --- parts --- */

/* Up to the line that is the boundary, to which the end of the line before
 * belongs; *last: it was the closing one, or there is none. */
static struct impel_str
up_to_boundary(struct impel_str *at, const char *boundary, bool *last)
{
    struct impel_str all = *at;
    size_t n = strlen(boundary);

    while (at->n) {
        struct impel_str line = line_at(*at), word = trim(line);
        size_t before = (size_t)(at->p - all.p);

        skip(at, line.n);
        if (word.n >= n + 2 && !memcmp(line.p, "--", 2) &&
            !memcmp(line.p + 2, boundary, n) &&
            (word.n == n + 2 ||
                (word.n == n + 4 && !memcmp(word.p + n + 2, "--", 2)))) {
            *last = word.n == n + 4;
            if (before && all.p[before - 1] == '\n')
                before -= before > 1 && all.p[before - 2] == '\r' ? 2 : 1;
            return (struct impel_str){all.p, before};
        }
    }
    *last = true;
    return all;
}

/* One look into a message. */
struct look {
    const char *end; /* where it was cut; NULL: it was not */
    size_t most;
    bool cut;
};

static char *
text_in(struct look *l, struct impel_str message, int depth)
{
    struct impel_str body = message;
    struct part part;
    char *found = NULL;
    bool last = false;

    part_read(&part, &body);
    if (strcasecmp(part.type, "text/plain") == 0 && !part.attached) {
        l->cut = l->end && body.p + body.n == l->end;
        return plain(&part, body, l->most, &l->cut);
    }
    if (strncasecmp(part.type, "multipart/", 10) != 0 || !part.boundary[0] ||
        depth == TEXT_DEPTH_MOST)
        return NULL;
    (void)up_to_boundary(&body, part.boundary, &last);
    for (int i = 0; i < TEXT_PARTS_MOST && !last && !found; i++)
        found =
            text_in(l, up_to_boundary(&body, part.boundary, &last), depth + 1);
    return found;
}

char *
text_of_message(struct impel_str message, bool more, size_t most, bool *cut)
{
    struct look l = {.end = more ? message.p + message.n : NULL, .most = most};
    char *text = most ? text_in(&l, message, 0) : NULL;

    *cut = l.cut;
    return text;
}
