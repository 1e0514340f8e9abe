/* SPDX-License-Identifier: Apache-2.0
 *
 * tap.c - points in the Test Anything Protocol.
 */
#include "kit.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/str.h"
#include "base/banned.h"

enum { TAP_MAX_LINES = 80 };

static int tap_points, tap_failed;

void
tap_ok(bool ok, const char *fmt, ...)
{
    va_list ap;

    printf("%s %d - ", ok ? "ok" : "not ok", ++tap_points);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
    tap_failed += !ok;
    fflush(stdout);
}

void
tap_diag(struct str lines)
{
    struct str line;

    for (int i = 0; lines.n && i < TAP_MAX_LINES; i++) {
        line = str_cut(&lines, '\n');
        printf("# %.*s\n", STR_ARG(line));
    }
}

void
tap_world(const struct kit *k, const struct world *w, const char *what)
{
    bool ok = !w->fault_count;

    tap_ok(ok, "%s: %s", what, w->script->title);
    if (ok && !k->verbose)
        return;
    if (!ok)
        printf("# %s\n", w->script->path);
    tap_diag(buf_get(&w->faults));
    tap_diag(buf_get(&w->transcript));
}

int
tap_end(void)
{
    printf("1..%d\n", tap_points);
    if (tap_failed)
        printf("# %d of %d failed\n", tap_failed, tap_points);
    return tap_failed ? 1 : 0;
}
