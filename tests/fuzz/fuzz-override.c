/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-override.c - overrides as they are read back from the spool
 * (core/queue/overridestore.c), one in a line: what was taken is taken again
 * as it is printed, and is the same; a generation follows all of them.
 */
#include "parts.h"
#include "rows.h"

#include "base/clock.h"
#include "queue/overridestore.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static struct generation *
fresh_generation(void)
{
    struct conf_report *r = conf_report_new();
    struct generation *g;
    struct err e;

    must(generation_parse(STR("binding a { }\nbinding_group b { }\n"), false,
             "fuzz", &g, r, &e) == 0);
    conf_report_free(&r);
    return g;
}

/* It stands alone in a store of its own, as it was printed. */
static void
same(const struct override *v)
{
    struct overrides *again = overrides_new();
    json_t *once = overridestore_print(v), *twice;
    const struct override *w;
    struct buf a = BUF_INIT, b = BUF_INIT;

    must(overridestore_read(again, once, NULL) == 0);
    w = overrides_next(again, NULL);
    must(w && overrides_count(again) == 1);
    twice = overridestore_print(w);
    must(json_equal(once, twice));
    override_print_key(v, &a);
    override_print_key(w, &b);
    must(str_eq(buf_get(&a), buf_get(&b)));
    buf_cut(&a, 0);
    override_print_place(&v->place, &a);
    override_print_value(v, &a);
    clock_print_iso(&a, v->expires);
    clock_print_iso(&a, v->set_at);
    buf_fini(&a);
    buf_fini(&b);
    json_decref(once);
    json_decref(twice);
    overrides_free(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct str rest = str_make(p, n), line;
    struct generation *g;
    struct overrides *all;
    const struct override *v = NULL;

    rows_add();
    g = fresh_generation();
    all = overrides_new();
    while (rest.p && (line = str_cut(&rest, '\n')).p) {
        json_t *j = json_loadb(line.p, line.n, 0, NULL);

        if (j)
            (void)overridestore_read(all, j, NULL);
        json_decref(j);
    }
    while ((v = overrides_next(all, v)))
        same(v);
    overrides_install(all, g);
    (void)generation_scope(g, STR("a"), STR("x.test"));
    overrides_free(&all);
    generation_unref(&g);
    return 0;
}
