/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-conf.c - any bytes as a configuration: no crash, and what was read is
 * printed so that it is read the same again; a generation of the core's own
 * options is made of it.  Built once for each notation: FUZZ_YAML is true or
 * false.
 */
#include <stdint.h>
#include <stdlib.h>

#include "rows.h"

#include "conf/ecconf.h"
#include "conf/generation.h"
#include "conf/tree.h"
#include "conf/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
again(const struct node *root, bool yaml)
{
    struct conf_report *r = conf_report_new();
    struct buf b = BUF_INIT;
    struct tree t;

    tree_init(&t, r);
    if (yaml ? yaml_print(root, &b, NULL) == 0
             : (ecconf_print(root, &b), true)) {
        tree_parse(&t, &t.root, buf_get(&b), yaml, "again");
        if (conf_report_count(r, true) || !tree_eq(root, &t.root))
            abort();
    }
    tree_fini(&t);
    buf_fini(&b);
    conf_report_free(&r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct conf_report *r = conf_report_new();
    struct generation *g;
    struct tree t;
    struct err e;

    rows_add();
    tree_init(&t, r);
    tree_parse(&t, &t.root, str_make(p, n), FUZZ_YAML, "fuzz");
    if (!conf_report_count(r, true))
        again(&t.root, FUZZ_YAML);
    tree_fini(&t);
    conf_report_free(&r);
    r = conf_report_new();
    if (generation_parse(str_make(p, n), FUZZ_YAML, "fuzz", &g, r, &e) == 0)
        generation_unref(&g);
    conf_report_free(&r);
    return 0;
}
