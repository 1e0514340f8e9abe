/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tlsdemand.h"

#include <stdlib.h>

#include "base/xmem.h"
#include "base/banned.h"

struct tlsdemand *
tlsdemand_new(enum tlsdemand_by by, enum tlsdemand_level level)
{
    struct tlsdemand *d = xnew(struct tlsdemand);

    d->refs = 1;
    d->by = by;
    d->level = level;
    return d;
}

void
tlsdemand_add_name(struct tlsdemand *d, struct str name)
{
    for (size_t i = 0; i < TLSDEMAND_NAMES; i++) {
        if (!d->name[i]) {
            d->name[i] = xdupn(name.p, name.n);
            return;
        }
        if (str_ieq(str_of(d->name[i]), name))
            return;
    }
}

struct tlsdemand *
tlsdemand_ref(struct tlsdemand *d)
{
    if (d)
        d->refs++;
    return d;
}

void
tlsdemand_unref(struct tlsdemand **pd)
{
    struct tlsdemand *d = *pd;

    *pd = NULL;
    if (!d || --d->refs)
        return;
    tlsa_set_unref(&d->tlsa);
    for (size_t i = 0; i < TLSDEMAND_NAMES; i++)
        free(d->name[i]);
    free(d->sni);
    free(d->text);
    free(d->policy);
    free(d->mx);
    free(d);
}

void
tlsdemand_print(const struct tlsdemand *d, struct buf *to)
{
    if (!d)
        return;
    buf_printf(
        to, "%s %s", tlsdemand_by_name(d->by), tlsdemand_level_name(d->level));
    if (d->requiretls)
        buf_cstr(to, " requiretls");
    if (d->sni)
        buf_printf(to, " sni %s", d->sni);
    for (size_t i = 0; i < TLSDEMAND_NAMES && d->name[i]; i++)
        buf_printf(to, "%s%s", i ? "," : " for ", d->name[i]);
    if (d->tlsa) {
        buf_char(to, ' ');
        tlsa_set_print(d->tlsa, to);
    }
}

bool
tlsdemand_eq(const struct tlsdemand *a, const struct tlsdemand *b)
{
    struct buf x = BUF_INIT, y = BUF_INIT;
    bool same;

    if (a == b)
        return true;
    tlsdemand_print(a, &x);
    tlsdemand_print(b, &y);
    same = str_eq(buf_get(&x), buf_get(&y));
    buf_fini(&x);
    buf_fini(&y);
    return same;
}

const char *
tlsdemand_by_name(enum tlsdemand_by by)
{
    static const char *const names[] = {[TLSDEMAND_DANE] = "dane",
        [TLSDEMAND_STS] = "sts",
        [TLSDEMAND_REQUIRETLS] = "requiretls"};

    return names[by];
}

const char *
tlsdemand_level_name(enum tlsdemand_level level)
{
    static const char *const names[] = {[TLSDEMAND_WATCHED] = "watched",
        [TLSDEMAND_ENCRYPTED] = "encrypted",
        [TLSDEMAND_VERIFIED] = "verified"};

    return names[level];
}
