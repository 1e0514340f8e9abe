/* SPDX-License-Identifier: Apache-2.0
 *
 * mime.c - lines into parts.
 *
 * A line is kept until it is known whether it is a boundary; that takes no more
 * octets than the longest boundary has.  The end of a line waits for the next
 * one, since it belongs to the boundary if that is one.
 */
#include "mime.h"

#include <stdlib.h>
#include <string.h>

const char mime_no_memory[] = "no memory";

enum { LINE_KEPT = MIME_BOUNDARY_MOST + 8 };
enum mime_state {
    STATE_HEADER,
    STATE_TAKEN,
    STATE_BETWEEN /* before, between and behind parts, and in those skipped */
};
struct level { /* a multipart that is open */
    char boundary[MIME_BOUNDARY_MOST + 1];
    size_t n;
};
struct mime {
    const struct mime_calls *calls;
    void *arg;
    enum mime_state state;
    const char *wrong;
    struct level level[MIME_DEPTH];
    unsigned depth;   /* levels that are open */
    unsigned entered; /* depth of the next header */
    unsigned parts;
    char line[LINE_KEPT];
    size_t line_n;
    bool through; /* the rest of this line is no boundary */
    char eol[2];  /* the end of the last line, not passed on yet */
    size_t eol_n;
    bool cr; /* the last octet passed through was held: a CR */
    char *header;
    size_t header_n, header_room;
    size_t header_line; /* where its last line begins */
};

struct mime *
mime_new(const struct mime_calls *calls, void *arg)
{
    struct mime *m = calloc(1, sizeof(*m));

    if (m) {
        m->calls = calls;
        m->arg = arg;
    }
    return m;
}

void
mime_free(struct mime *m)
{
    if (!m)
        return;
    free(m->header);
    free(m);
}

/* --- parts --- */

static void
part_ends(struct mime *m, bool whole)
{
    if (m->state == STATE_TAKEN)
        m->calls->end(m->arg, whole);
    m->state = STATE_BETWEEN;
}

static void
header_begins(struct mime *m)
{
    m->state = STATE_HEADER;
    m->header_n = m->header_line = 0;
    m->line_n = m->eol_n = 0;
    m->through = m->cr = false;
}

/* A multipart's parts are looked for from here on. */
static void
level_opens(struct mime *m, const struct mime_type *t)
{
    struct level *l;

    if (!t->boundary[0]) {
        m->wrong = "a multipart without a boundary";
        return;
    }
    if (m->depth == MIME_DEPTH) {
        m->wrong = "too many parts within parts";
        return;
    }
    l = &m->level[m->depth++];
    l->n = strlen(t->boundary);
    memcpy(l->boundary, t->boundary, l->n + 1);
}

static void
header_ends(struct mime *m)
{
    struct mime_part part = {
        .header = {m->header ? m->header : "", m->header_n},
        .depth = m->entered};
    enum mime_choice choice;

    m->state = STATE_BETWEEN;
    m->line_n = m->eol_n = 0;
    m->through = m->cr = false;
    if (++m->parts > MIME_PARTS_MOST) {
        m->wrong = "too many parts";
        return;
    }
    if (!mime_type_of(part.header, &part.type)) {
        m->wrong = "a Content-Type that cannot be read";
        return;
    }
    choice = m->calls->part(m->arg, &part);
    if (choice == MIME_TAKE) {
        m->state = STATE_TAKEN;
    } else if (choice == MIME_ENTER) {
        m->entered++;
        header_begins(m);
        if (m->entered > 2 * MIME_DEPTH)
            m->wrong = "too many messages within messages";
    } else if (choice == MIME_SKIP &&
        strncmp(part.type.name, "multipart/", 10) == 0) {
        level_opens(m, &part.type);
    }
}

/* --- the header --- */

static bool
header_put(struct mime *m, const char *p, size_t n)
{
    size_t room = m->header_room;
    char *grown;

    if (m->header_n + n > MIME_HEADER_MOST) {
        m->wrong = "a header that is too long";
        return false;
    }
    if (m->header_n + n > room) {
        while (room < m->header_n + n)
            room = room ? room * 2 : 1024;
        grown = realloc(m->header, room);
        if (!grown) {
            m->wrong = mime_no_memory;
            return false;
        }
        m->header = grown;
        m->header_room = room;
    }
    memcpy(m->header + m->header_n, p, n);
    m->header_n += n;
    return true;
}

static bool
is_empty_line(const char *p, size_t n)
{
    return n == 1 || (n == 2 && p[0] == '\r');
}

/* Which of the open levels a line is a boundary of, from 1 on; 0: none.  One of
 * an outer level ends all within. */
static unsigned
line_level(const struct mime *m, const char *p, size_t n, bool *last)
{
    while (n > 0 && strchr("\r\n \t", p[n - 1]))
        n--;
    if (n < 3 || p[0] != '-' || p[1] != '-')
        return 0;
    for (unsigned i = m->depth; i > 0; i--) {
        const struct level *l = &m->level[i - 1];
        size_t rest = n - 2 - l->n;

        if (n - 2 < l->n || memcmp(p + 2, l->boundary, l->n) != 0)
            continue;
        *last = rest == 2 && memcmp(p + 2 + l->n, "--", 2) == 0;
        if (rest == 0 || *last)
            return i;
    }
    return 0;
}

static void
boundary_found(struct mime *m, unsigned level, bool last)
{
    m->eol_n = 0; /* it is the boundary's */
    part_ends(m, true);
    m->depth = last ? level - 1 : level;
    m->entered = level;
    if (!last)
        header_begins(m);
}

/* --- the header --- */

/* Octets used. */
static size_t
header_feed(struct mime *m, const char *p, size_t n)
{
    const char *lf = memchr(p, '\n', n);
    size_t used = lf ? (size_t)(lf - p) + 1 : n;
    bool last = false;
    unsigned level;

    if (!header_put(m, p, used) || !lf)
        return used;
    p = m->header + m->header_line;
    n = m->header_n - m->header_line;
    if (is_empty_line(p, n)) {
        m->header_n = m->header_line;
        header_ends(m);
    } else if ((level = line_level(m, p, n, &last)) > 0) {
        boundary_found(m, level, last); /* a part without a body */
    } else {
        m->header_line = m->header_n;
    }
    return used;
}

/* --- bodies --- */

static void
body_put(struct mime *m, const char *p, size_t n)
{
    if (m->state == STATE_TAKEN && n)
        m->calls->body(m->arg, p, n);
}

/* It is none, whatever follows: out with what was kept. */
static void
line_is_text(struct mime *m)
{
    body_put(m, m->eol, m->eol_n);
    m->eol_n = 0;
    body_put(m, m->line, m->line_n);
    m->line_n = 0;
    m->through = true;
}

/* The line is whole, and kept whole. */
static void
line_ends(struct mime *m)
{
    bool last = false;
    unsigned level = line_level(m, m->line, m->line_n, &last);
    size_t n = m->line_n;
    char end[2];

    if (level > 0) {
        m->line_n = 0;
        boundary_found(m, level, last);
        return;
    }
    m->line_n -= n > 1 && m->line[n - 2] == '\r' ? 2 : 1;
    n -= m->line_n;
    memcpy(end, m->line + m->line_n, n);
    line_is_text(m);
    memcpy(m->eol, end, n);
    m->eol_n = n;
    m->through = false;
}

/* Could a line that begins so be a boundary? */
static bool
may_be_boundary(const struct mime *m, const char *p, size_t n)
{
    if (!m->depth || (n > 0 && p[0] != '-') || (n > 1 && p[1] != '-'))
        return false;
    return n < LINE_KEPT - 4;
}

/* What is known to be text, up to the end of its line.  A CR at the end of what
 * came may belong to the LF that follows. */
static size_t
text_feed(struct mime *m, const char *p, size_t n)
{
    const char *lf = memchr(p, '\n', n);
    size_t used = lf ? (size_t)(lf - p) + 1 : n, text = lf ? used - 1 : n;
    bool cr = m->cr;

    m->cr = false;
    if (cr && text > 0) {
        body_put(m, "\r", 1);
        cr = false;
    }
    if (text > 0 && p[text - 1] == '\r') {
        text--;
        cr = true;
    }
    body_put(m, p, text);
    if (!lf) {
        m->cr = cr;
        return used;
    }
    m->eol_n = 0;
    if (cr)
        m->eol[m->eol_n++] = '\r';
    m->eol[m->eol_n++] = '\n';
    m->through = false;
    return used;
}

static size_t
body_feed(struct mime *m, const char *p, size_t n)
{
    const char *lf;
    size_t used;

    if (m->through)
        return text_feed(m, p, n);
    lf = memchr(p, '\n', n);
    used = lf ? (size_t)(lf - p) + 1 : n;
    if (used > LINE_KEPT - 4 - m->line_n) {
        used = LINE_KEPT - 4 - m->line_n;
        lf = NULL;
    }
    memcpy(m->line + m->line_n, p, used);
    m->line_n += used;
    if (lf) {
        line_ends(m);
    } else if (!may_be_boundary(m, m->line, m->line_n)) {
        /* a CR that was kept may still be half of a line's end */
        m->cr = m->line[m->line_n - 1] == '\r';
        m->line_n -= m->cr;
        line_is_text(m);
    }
    return used;
}

const char *
mime_feed(struct mime *m, const char *p, size_t n)
{
    size_t used;

    for (; n > 0 && !m->wrong; p += used, n -= used)
        used = m->state == STATE_HEADER ? header_feed(m, p, n)
                                        : body_feed(m, p, n);
    return m->wrong;
}

const char *
mime_end(struct mime *m)
{
    bool last = false;
    unsigned level;

    if (m->wrong)
        return m->wrong;
    if (m->state == STATE_HEADER) { /* no empty line: no body either */
        level = line_level(m, m->header ? m->header + m->header_line : "",
            m->header_n - m->header_line, &last);
        if (level > 0)
            boundary_found(m, level, last);
        else
            header_ends(m);
    } else if (!m->through && m->line_n > 0 &&
        (level = line_level(m, m->line, m->line_n, &last)) > 0) {
        boundary_found(m, level, last); /* without an end of its line */
    }
    if (m->state == STATE_TAKEN) {
        if (!m->through)
            line_is_text(m);
        if (m->cr)
            body_put(m, "\r", 1);
        body_put(m, m->eol, m->eol_n);
    }
    part_ends(m, m->depth == 0);
    return m->wrong;
}
