/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/inject_mbox.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "base/banned.h"

bool
inject_mbox_is_from(struct str line)
{
    if (!str_starts(line, STR("From ")))
        return false;
    for (size_t i = 5; i + 3 < line.n && line.p[i] != '\n'; i++)
        if (isdigit((unsigned char)line.p[i]) && line.p[i + 1] == ':' &&
            isdigit((unsigned char)line.p[i + 2]) &&
            isdigit((unsigned char)line.p[i + 3]))
            return true;
    return false;
}

void
inject_mbox_init(struct inject_mbox *m, int fd)
{
    m->fd = fd;
    m->at = 0;
    m->from = m->n = 0;
    m->end = false;
}

/* `want` octets from m->from on, unless the file ends before. */
static int
mbox_fill(struct inject_mbox *m, size_t want, struct err *e)
{
    while (!m->end && m->n - m->from < want) {
        ssize_t got;
        memmove(m->p, m->p + m->from, m->n - m->from);
        m->at += m->from;
        m->n -= m->from;
        m->from = 0;
        got = pread(
            m->fd, m->p + m->n, sizeof(m->p) - m->n, (off_t)(m->at + m->n));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(e, ERR_IO, errno, "reading");
        m->end = got == 0;
        m->n += (size_t)got;
    }
    return 0;
}

static struct str
mbox_rest(const struct inject_mbox *m)
{
    return str_make(m->p + m->from, m->n - m->from);
}

/* To the beginning of the next line. */
static int
mbox_skip_line(struct inject_mbox *m, struct err *e)
{
    for (;;) {
        struct str rest = mbox_rest(m);
        const char *end = rest.n ? memchr(rest.p, '\n', rest.n) : NULL;
        m->from += end ? (size_t)(end - rest.p) + 1 : rest.n;
        if (end || (m->end && m->from == m->n))
            return 0;
        if (mbox_fill(m, 1, e) < 0)
            return e->code;
    }
}

/* Octets of an empty line's end at the front, or 0. */
static size_t
empty_line(struct str s)
{
    if (s.n && s.p[0] == '\n')
        return 1;
    return str_starts(s, STR("\r\n")) ? 2 : 0;
}

/* Up to the line that begins the next, or the end. */
static int
mbox_find_end(struct inject_mbox *m, uint64_t *end, struct err *e)
{
    bool may_begin = true; /* the header may be empty */
    uint64_t separator = m->at + m->from;
    for (;;) {
        if (mbox_fill(m, INJECT_MBOX_FROM, e) < 0)
            return e->code;
        struct str rest = mbox_rest(m);
        uint64_t here = m->at + m->from;
        if (!rest.n) {
            *end = may_begin ? separator : here;
            return 0;
        }
        if (may_begin &&
            inject_mbox_is_from(str_sub(rest, 0, INJECT_MBOX_FROM))) {
            *end = separator;
            return 0;
        }
        may_begin = empty_line(rest) > 0;
        separator = here;
        if (mbox_skip_line(m, e) < 0)
            return e->code;
    }
}

int
inject_mbox_next(
    struct inject_mbox *m, uint64_t *at, uint64_t *length, struct err *e)
{
    uint64_t end = 0;
    if (mbox_fill(m, INJECT_MBOX_FROM, e) < 0)
        return e->code;
    struct str rest = mbox_rest(m);
    if (!rest.n)
        return 0;
    if (!inject_mbox_is_from(str_sub(rest, 0, INJECT_MBOX_FROM)))
        return err_set(e, ERR_INVAL, "this is no mbox");
    if (mbox_skip_line(m, e) < 0)
        return e->code;
    *at = m->at + m->from;
    if (mbox_find_end(m, &end, e) < 0)
        return e->code;
    *length = end - *at;
    return 1;
}
