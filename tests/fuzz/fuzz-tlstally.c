/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-tlstally.c - counts of TLS as they are read back from the spool
 * (core/queue/tlstally.c): what was read once reads the same again.
 */
#include <stdlib.h>

#include "base/macros.h"
#include "queue/tlstally.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    json_t *j = json_loadb((const char *)p, n, JSON_ALLOW_NUL, NULL), *once,
           *again;
    struct tlstally *t, *u;

    if (!j)
        return 0;
    t = tlstally_new(STR("x.test"), 0);
    tlstally_read(t, j);
    once = tlstally_print(t);
    u = tlstally_new(STR("x.test"), 0);
    tlstally_read(u, once);
    again = tlstally_print(u);
    if (!json_equal(once, again) || t->good != u->good || t->bad != u->bad ||
        t->policy_count > TLSTALLY_POLICIES)
        abort();
    json_decref(again);
    json_decref(once);
    json_decref(j);
    tlstally_free(&u);
    tlstally_free(&t);
    return 0;
}
