/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-sts.c - MTA-STS: the records of a name, split at NULs, and a policy.
 * What is read and printed is read the same again; what is matched was named.
 */
#include <stdlib.h>
#include <string.h>

#include "route/stspolicy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
records(struct str text)
{
    struct dns_record txt[8] = {{0}};
    char id[STSPOLICY_ID_MAX + 1];
    struct err e;
    size_t count = 0;

    while (text.p && count < 8)
        txt[count++].bytes = str_cut(&text, '\0');
    if (stspolicy_id(txt, count, id, &e) < 0)
        return;
    if (!id[0] || strlen(id) > STSPOLICY_ID_MAX)
        abort();
}

static void
must_match(const struct stspolicy *p)
{
    for (size_t i = 0; i < p->mx_count; i++) {
        struct str mx = str_of(p->mx[i]);

        if (mx.n > 255 || !stspolicy_has_mx(p, mx))
            abort();
    }
}

static void
policy(struct str text)
{
    struct stspolicy *p, *again;
    struct buf b = BUF_INIT;
    struct err e;

    if (stspolicy_parse(text, &p, &e) < 0)
        return;
    if (p->max_age < 0 || p->max_age > STSPOLICY_AGE_MAX ||
        p->mx_count > STSPOLICY_MX_MAX)
        abort();
    must_match(p);
    stspolicy_print(p, &b);
    /* one of the most octets may be longer as we write it */
    if (text.n <= STSPOLICY_SIZE_MAX) {
        if (stspolicy_parse(buf_get(&b), &again, &e) < 0 ||
            !stspolicy_eq(p, again))
            abort();
        stspolicy_unref(&again);
    }
    stspolicy_unref(&p);
    buf_fini(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct str text = str_make(data, n);

    records(text);
    policy(text);
    return 0;
}
