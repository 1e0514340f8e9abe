/* SPDX-License-Identifier: Apache-2.0
 *
 * report.c - what was found wrong with a configuration, with file and line.
 */
#include "conf/report_int.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/xmem.h"
#include "base/banned.h"

struct conf_report {
    struct arena *arena;
    struct conf_note *notes;
    size_t count, size;
    size_t errors; /* kept or not */
    size_t lost;
    bool strict;
};

struct conf_report *
conf_report_new(void)
{
    struct conf_report *r = xnew(struct conf_report);

    r->arena = arena_new(1024);
    return r;
}

void
conf_report_free(struct conf_report **r)
{
    if (!*r)
        return;
    arena_free(&(*r)->arena);
    free((*r)->notes);
    xfree(r);
}

void
conf_report_strict(struct conf_report *r, bool strict)
{
    r->strict = strict;
}

static void
conf_report_keep(struct conf_report *r, bool error, struct report_at at,
    const struct buf *text)
{
    struct conf_note *n;

    if (r->count == r->size) {
        r->size = r->size ? r->size * 2 : 16;
        r->notes = xgrow(r->notes, r->size, sizeof(*r->notes));
    }
    n = &r->notes[r->count++];
    n->error = error;
    n->file = arena_str(r->arena, str_of(at.file ? at.file : "impel")).p;
    n->line = at.line;
    n->column = at.column;
    n->text = arena_str(r->arena, buf_get(text)).p;
}

void
conf_report_add(struct conf_report *r, enum report_level level,
    struct report_at at, const char *fmt, ...)
{
    bool error =
        level == REPORT_ERROR || (level == REPORT_WARNING && r->strict);
    struct buf b = BUF_INIT;
    va_list ap;

    r->errors += error;
    /* an error is kept beyond the bound if it is the first one */
    if (r->count >= REPORT_MAX && !(error && r->errors == 1)) {
        r->lost++;
        return;
    }
    va_start(ap, fmt);
    buf_vprintf(&b, fmt, ap);
    va_end(ap);
    for (size_t i = 0; i < b.n; i++)
        if ((unsigned char)b.p[i] < 0x20 || b.p[i] == 0x7f)
            b.p[i] = '?';
    conf_report_keep(r, error, at, &b);
    buf_fini(&b);
}

size_t
conf_report_count(const struct conf_report *r, bool errors_only)
{
    return errors_only ? r->errors : r->count;
}

const struct conf_note *
conf_report_note(const struct conf_report *r, size_t i)
{
    return i < r->count ? &r->notes[i] : NULL;
}

static void
conf_report_print_at(const struct conf_note *n, struct buf *to)
{
    buf_cstr(to, n->file);
    if (n->line)
        buf_printf(to, ":%d", n->line);
    if (n->line && n->column)
        buf_printf(to, ":%d", n->column);
    buf_cstr(to, ": ");
}

void
conf_report_print(const struct conf_report *r, struct buf *to)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct conf_note *n = &r->notes[i];

        conf_report_print_at(n, to);
        buf_printf(to, "%s: %s\n", n->error ? "error" : "warning", n->text);
    }
    if (r->lost)
        buf_printf(to, "%zu more are not shown\n", r->lost);
}

int
conf_report_err(const struct conf_report *r, struct err *e)
{
    struct buf b = BUF_INIT;
    size_t i = 0;

    if (!r->errors)
        return 0;
    while (i < r->count && !r->notes[i].error)
        i++;
    if (i < r->count) {
        conf_report_print_at(&r->notes[i], &b);
        buf_cstr(&b, r->notes[i].text);
    }
    if (r->errors > 1)
        buf_printf(&b, " (and %zu more)", r->errors - 1);
    (void)err_set(e, ERR_CONF, "%s", b.p);
    buf_fini(&b);
    return ERR_CONF;
}
