/* SPDX-License-Identifier: Apache-2.0
 *
 * convert.c - one notation as the other; includes stay includes.
 */
#include "conf/ecconf.h"
#include "conf/query.h"
#include "conf/tree.h"
#include "conf/yaml.h"
#include "base/banned.h"

int
query_convert(const char *path, bool to_yaml, struct buf *out, struct err *e)
{
    struct conf_report *r = conf_report_new();
    struct tree t;
    int rc;

    tree_init(&t, r);
    tree_load(&t, path, false);
    rc = conf_report_err(r, e);
    if (rc == 0 && to_yaml)
        rc = yaml_print(&t.root, out, e);
    else if (rc == 0)
        ecconf_print(&t.root, out);
    tree_fini(&t);
    conf_report_free(&r);
    return rc;
}
