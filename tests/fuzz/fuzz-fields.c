/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-fields.c - a header, then what a filter changes in it, three parts for
 * each: where, the name, the value.  Untouched it is printed as it came; after
 * any changes a plain reader finds as many fields as there are, each with its
 * name, and nothing behind them.  Both readers of headers see the same fields.
 */
#include <string.h>

#include "parts.h"

#include "base/err.h"
#include "intake/fields.h"
#include "intake/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static struct str
name_of(const struct fields *f, size_t i)
{
    return str_make(f->pair[i].key.p, f->pair[i].key.n);
}

static size_t
count_of(const struct fields *f, struct str name)
{
    size_t n = 0;

    for (size_t i = 0; i < f->count; i++)
        n += str_ieq(name_of(f, i), name);
    return n;
}

static void
received(const struct fields *f, struct str header, size_t used)
{
    struct buf b = BUF_INIT;
    struct str block = str_sub(header, 0, used);

    must(used <= header.n && f->count <= FIELDS_MOST);
    fields_print(f, &b);
    must(str_starts(buf_get(&b), block));
    must(b.n == used ||
        (b.n == used + 2 && !str_ends(block, STR("\n")) &&
            str_ends(buf_get(&b), STR("\r\n"))));
    buf_fini(&b);
    for (size_t i = 0; i < f->count && i < 8; i++) {
        must(trace_has_field(block, name_of(f, i)));
        must(trace_count_fields(block, name_of(f, i)) ==
            count_of(f, name_of(f, i)));
    }
    if (!memchr(header.p ? header.p : "", 0, header.n))
        must(trace_is_header(header) == (f->count > 0));
    (void)trace_has_parts(header);
    (void)trace_says(header, STR("TLS-Required"), STR("no"));
}

/* Lines end in CRLF only, and all but the first begin with a blank. */
static void
is_fit(struct str value)
{
    for (size_t i = 0; i < value.n; i++) {
        must(value.p[i] != '\0');
        if (value.p[i] == '\n')
            must(i && value.p[i - 1] == '\r');
        if (value.p[i] != '\r')
            continue;
        must(i + 2 < value.n && value.p[i + 1] == '\n');
        must(value.p[i + 2] == ' ' || value.p[i + 2] == '\t');
    }
}

static void
change(struct fields *f, struct str *rest)
{
    unsigned what = part_choice(rest, 4), at = part_choice(rest, 16);
    struct str name = part_next(rest), value = part_next(rest);
    size_t before = f->count, of_name = count_of(f, name);
    int rc;

    if (what == 0) {
        rc = fields_add(f, (int64_t)at - 1, name, value);
        must(rc < 0 || f->count == before + 1);
    } else if (what == 1) {
        rc = fields_change(f, at, name, STR_NONE);
        must(rc < 0 || f->count == before - (of_name && at <= of_name));
    } else {
        rc = fields_change(f, at, name, value);
        must(rc < 0 || f->count == before + (!of_name || at > of_name));
    }
    must(f->top <= f->count);
    for (size_t i = 0; i < f->count; i++)
        if (!f->raw[i].p)
            is_fit(str_make(f->pair[i].value.p, f->pair[i].value.n));
}

/* What goes out, read by one who knows nothing of it. */
static void
read_again(const struct fields *f)
{
    struct fields again;
    struct buf b = BUF_INIT;
    size_t used;

    fields_print_top(f, &b);
    fields_print(f, &b);
    fields_init(&again);
    must(fields_parse(&again, buf_get(&b), &used) == 0);
    must(used == b.n && again.count == f->count);
    for (size_t i = 0; i < f->count; i++) {
        must(str_eq(name_of(f, i), name_of(&again, i)));
        must(f->raw[i].p ||
            str_eq(str_make(f->pair[i].value.p, f->pair[i].value.n),
                str_make(again.pair[i].value.p, again.pair[i].value.n)));
    }
    fields_fini(&again);
    buf_fini(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct str rest = str_make(p, n), header = part_next(&rest);
    struct fields f;
    size_t used;

    fields_init(&f);
    if (fields_parse(&f, header, &used) == 0) {
        received(&f, header, used);
        fields_prepend(&f, STR("Date"), STR(" today"));
        for (int i = 0; i < 20 && rest.n; i++)
            change(&f, &rest);
        if (f.bytes < FIELDS_BYTES_MOST / 2)
            read_again(&f);
    }
    fields_fini(&f);
    return 0;
}
