/* SPDX-License-Identifier: Apache-2.0
 *
 * tap.c - points in the Test Anything Protocol.
 */
#include "kit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/banned.h"

enum { TAP_MAX_LINES = 80, TAP_GROUPS = 16 };

static int tap_points, tap_failed;
static bool tap_brief;
static struct {
    const char *name;
    int points, failed, skipped;
} tap_groups[TAP_GROUPS];
static size_t tap_group_count, tap_at;

void
tap_group(const char *name)
{
    for (tap_at = 0; tap_at < tap_group_count; tap_at++)
        if (tap_groups[tap_at].name == name ||
            !strcmp(tap_groups[tap_at].name, name))
            return;
    if (tap_group_count < TAP_GROUPS)
        tap_groups[tap_group_count++].name = name;
}

void
tap_summary(void)
{
    tap_brief = true;
}

static void
tap_count(bool ok, bool skipped)
{
    tap_points++;
    tap_failed += !ok;
    if (tap_at >= tap_group_count)
        return;
    tap_groups[tap_at].points++;
    tap_groups[tap_at].failed += !ok;
    tap_groups[tap_at].skipped += skipped;
}

void
tap_ok(bool ok, const char *fmt, ...)
{
    va_list ap;

    tap_count(ok, strstr(fmt, "# SKIP") != NULL);
    if (ok && tap_brief)
        return;
    printf("%s %d - ", ok ? "ok" : "not ok", tap_points);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
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
    for (size_t i = 0; tap_brief && i < tap_group_count; i++)
        printf("# %-9s %5d points, %d failed, %d skipped\n", tap_groups[i].name,
            tap_groups[i].points, tap_groups[i].failed, tap_groups[i].skipped);
    if (!tap_brief)
        printf("1..%d\n", tap_points);
    if (tap_failed)
        printf("# %d of %d failed\n", tap_failed, tap_points);
    return tap_failed ? 1 : 0;
}
