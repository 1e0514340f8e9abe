/* SPDX-License-Identifier: Apache-2.0
 *
 * reply.c - SMTP replies with enhanced codes.
 */
#include "reply.h"

#include <stdbool.h>
#include <string.h>

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

size_t
reply_status(struct impel_str s, uint16_t status[3])
{
    size_t at = 0;
    int part;

    for (part = 0; part < 3; part++) {
        unsigned value = 0;
        size_t start = at;

        while (at < s.n && is_digit(s.p[at]) && at - start < 3)
            value = value * 10 + (unsigned)(s.p[at++] - '0');
        if (at == start)
            return 0;
        if (part < 2 && (at >= s.n || s.p[at++] != '.'))
            return 0;
        status[part] = (uint16_t)value;
    }
    if (at < s.n && s.p[at] != ' ' && s.p[at] != '\t' && s.p[at] != '\r')
        return 0;
    return status[0] == 2 || status[0] == 4 || status[0] == 5 ? at : 0;
}

/* What one line without its end says.  False: it is no reply line. */
static bool
reply_head(const char *p, size_t n, uint16_t *code, bool *more)
{
    if (n < 3 || p[0] < '2' || p[0] > '5' || !is_digit(p[1]) || !is_digit(p[2]))
        return false;
    if (n > 3 && p[3] != ' ' && p[3] != '-')
        return false;
    *code = (uint16_t)((p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0'));
    *more = n > 3 && p[3] == '-';
    return true;
}

/* Codes of class 3 carry no status; others must agree with it (RFC 2034 4),
 * or the status is worth nothing. */
static void
reply_enhance(struct reply *r, const char *line, size_t n)
{
    struct impel_str rest = {line + 4, n > 4 ? n - 4 : 0};
    uint16_t status[3];

    memset(r->status, 0, sizeof(r->status));
    if (reply_status(rest, status) > 0 && status[0] == r->code / 100)
        memcpy(r->status, status, sizeof(status));
}

enum reply_result
reply_parse(struct reply_scan *scan, const char *p, size_t n, struct reply *r)
{
    for (;;) {
        const char *line = p + scan->line_start, *lf;
        size_t size;
        bool more;

        lf = scan->at < n ? memchr(p + scan->at, '\n', n - scan->at) : NULL;
        size = (lf ? (size_t)(lf - p) : n) - scan->line_start;
        if (size > REPLY_MAX_LINE || scan->line_start + size > REPLY_MAX_BYTES)
            return REPLY_BAD;
        if (!lf) {
            scan->at = n;
            return REPLY_MORE;
        }
        scan->at = (size_t)(lf - p) + 1;
        if (size > 0 && line[size - 1] == '\r')
            size--;
        if (++scan->lines > REPLY_MAX_LINES ||
            !reply_head(line, size, &r->code, &more))
            return REPLY_BAD;
        if (more) {
            scan->line_start = scan->at;
            continue;
        }
        r->lines = scan->lines;
        r->used = scan->at;
        r->text = (struct impel_str){p, scan->line_start + size};
        reply_enhance(r, line, size);
        memset(scan, 0, sizeof(*scan));
        return REPLY_OK;
    }
}

struct impel_str
reply_line(const struct reply *r, uint32_t i)
{
    const char *p = r->text.p, *end = p + r->text.n, *lf;

    for (; i < r->lines && p < end; i--) {
        lf = memchr(p, '\n', (size_t)(end - p));
        if (i == 0) {
            size_t n = (size_t)((lf ? lf : end) - p);

            if (lf && n > 0 && p[n - 1] == '\r')
                n--;
            return n > 4 ? (struct impel_str){p + 4, n - 4}
                         : (struct impel_str){"", 0};
        }
        if (!lf)
            break;
        p = lf + 1;
    }
    return (struct impel_str){NULL, 0};
}
