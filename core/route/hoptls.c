/* SPDX-License-Identifier: Apache-2.0 */
#include "route/hoptls.h"

#include "route/route_options.h"
#include "base/banned.h"

bool
hoptls_begin(struct domain *d, const struct scope *s, struct hoptls *to)
{
    to->domain = d;
    to->dane = dane_wanted(s, d->method);
    to->asks = true;
    return domainsts_look(d, s, &to->sts);
}

bool
hoptls_peek(struct domain *d, const struct scope *s, struct hoptls *to)
{
    to->domain = d;
    to->dane = dane_wanted(s, d->method);
    to->asks = false;
    return domainsts_peek(d, s, &to->sts);
}

static void
hoptls_find(const struct hoptls *v, const struct host *h, uint16_t port,
    struct dane_found *f)
{
    *f = (struct dane_found){.state = DANE_NONE, .until = INT64_MAX};
    if (v->dane != ROUTE_DANE_NO)
        dane_find(v->domain->resolver->dane, v->domain, h, port, v->asks, f);
}

static bool
hoptls_is_verified(const struct dane_found *f)
{
    return f->state == DANE_HOLDS && f->set->count > 0;
}

bool
hoptls_leaves_out(const struct hoptls *v, const struct host *h, uint16_t port)
{
    struct dane_found f;

    if (!domainsts_refuses(&v->sts, h))
        return false;
    hoptls_find(v, h, port, &f);
    return f.state != DANE_ASKING && !hoptls_is_verified(&f);
}

enum hoptls_state
hoptls_judge(const struct hoptls *v, const struct host *h, uint16_t port,
    struct dane_found *f)
{
    hoptls_find(v, h, port, f);
    if (f->state == DANE_ASKING)
        return HOPTLS_ASKING;
    return v->dane != ROUTE_DANE_NO && dane_refuses(f, v->dane) ? HOPTLS_REFUSED
                                                                : HOPTLS_GOOD;
}

struct tlsdemand *
hoptls_demand(const struct hoptls *v, const struct host *h, uint16_t port)
{
    struct tlsdemand *sts;
    struct dane_found f;

    hoptls_find(v, h, port, &f);
    if (hoptls_is_verified(&f))
        return dane_demand(&f, v->domain, h);
    sts = domainsts_demand(v->domain, &v->sts, h);
    if (f.state != DANE_HOLDS || (sts && sts->level == TLSDEMAND_VERIFIED))
        return sts;
    tlsdemand_unref(&sts);
    return dane_demand(&f, v->domain, h);
}

bool
hoptls_keeps(const struct hoptls *v, const struct host *h, uint16_t port,
    const struct tlsdemand *made, int64_t *until)
{
    struct tlsdemand *now;
    struct dane_found f;
    bool same;

    if (v->dane == ROUTE_DANE_NO && !v->sts.policy && !made)
        return true;
    hoptls_find(v, h, port, &f);
    *until = MIN_OF(*until, f.until);
    if (f.state == DANE_ASKING || f.state == DANE_FAILED)
        return true;
    if (hoptls_leaves_out(v, h, port) ||
        (v->dane != ROUTE_DANE_NO && dane_refuses(&f, v->dane)))
        return false;
    now = hoptls_demand(v, h, port);
    same = tlsdemand_eq(now, made);
    tlsdemand_unref(&now);
    return same;
}
