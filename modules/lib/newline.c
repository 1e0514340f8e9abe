/* SPDX-License-Identifier: Apache-2.0
 *
 * newline.c - lines of a message as they stream by.
 */
#include "newline.h"

#include <string.h>

static void
found(struct newline *l, enum newline_what what, size_t run, size_t skip)
{
    l->what = what;
    l->run = run;
    l->skip = skip;
    l->line_start = false;
}

/* A dot at the start of a line. */
static void
scan_dot(const char *p, size_t n, size_t i, struct newline *l)
{
    if (n - i < 2 || (p[i + 1] == '\r' && n - i < 3)) {
        found(l, NEWLINE_MORE, i, 0);
        l->line_start = true;
    } else if (p[i + 1] == '\r' && p[i + 2] == '\n') {
        found(l, NEWLINE_END, i, 3);
    } else {
        found(l, NEWLINE_DOT, i, 1);
    }
}

void
newline_scan(
    const char *p, size_t n, bool line_start, bool dotted, struct newline *l)
{
    size_t i = 0;

    while (i < n) {
        const char *lf, *cr, *end;

        if (line_start && dotted && p[i] == '.') {
            scan_dot(p, n, i, l);
            return;
        }
        lf = memchr(p + i, '\n', n - i);
        end = lf ? lf : p + n;
        cr = memchr(p + i, '\r', (size_t)(end - (p + i)));
        if (cr && cr + 1 < end) {
            found(l, NEWLINE_BARE, (size_t)(cr - p), 1);
            return;
        }
        if (!lf) {
            found(l, NEWLINE_MORE, (size_t)((cr ? cr : end) - p), 0);
            l->line_start = line_start && l->run == i;
            return;
        }
        if (!cr) {
            found(l, NEWLINE_BARE, (size_t)(lf - p), 1);
            return;
        }
        i = (size_t)(lf - p) + 1;
        line_start = true;
    }
    found(l, NEWLINE_MORE, i, 0);
    l->line_start = line_start;
}
