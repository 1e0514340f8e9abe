/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-export.c - the list of an export that somebody has brought along.  Of
 * what is taken, each path leads into the directory, once, and what is printed
 * from it is taken again.
 */
#include <stdint.h>
#include <stdlib.h>

#include "spool/exportlist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
must(bool it)
{
    if (!it)
        abort();
}

/* Whether or not its sum is right: a fuzzer cannot guess one. */
static void
try_lines(struct str text)
{
    struct exportlist l, again;
    struct buf whole = BUF_INIT;
    struct err e;
    size_t count = 0;

    for (size_t at = 0; (at = str_find(text, STR("\nfile "), at)) != SIZE_MAX;
         at++)
        count++;
    buf_str(&whole, text);
    exportlist_end(&whole, count);
    if (exportlist_parse(buf_get(&whole), &l, &e) == 0) {
        struct buf same = BUF_INIT;
        must(l.count == count && l.segments <= count);
        exportlist_begin(&same, l.spool, 0);
        for (size_t i = 0; i < l.count; i++) {
            must(str_find(l.file[i].path, STR(".."), 0) == SIZE_MAX);
            must(l.file[i].path.p[0] != '/');
            must(!i || str_cmp(l.file[i - 1].path, l.file[i].path) < 0);
            exportlist_add(&same, &l.file[i]);
        }
        exportlist_end(&same, l.count);
        must(exportlist_parse(buf_get(&same), &again, &e) == 0);
        must(again.count == l.count && again.spool == l.spool);
        exportlist_fini(&again);
        exportlist_fini(&l);
        buf_fini(&same);
    }
    buf_fini(&whole);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct exportlist l;
    struct err e;

    if (exportlist_parse(str_make(data, n), &l, &e) == 0)
        exportlist_fini(&l);
    try_lines(str_make(data, n));
    return 0;
}
