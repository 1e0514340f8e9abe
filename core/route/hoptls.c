/* SPDX-License-Identifier: Apache-2.0 */
#include "route/hoptls.h"

#include "base/xmem.h"
#include "route/route_options.h"
#include "spool/message.h"
#include "base/banned.h"

bool
hoptls_begin(struct domain *d, const struct scope *s, struct hoptls *to)
{
    *to = (struct hoptls){
        .domain = d, .dane = dane_wanted(s, d->method), .asks = true};
    if (d->tls != MESSAGE_TLS_ANY)
        return domainsts_look(d, s, &to->sts);
    to->dane = ROUTE_DANE_NO;
    return true;
}

bool
hoptls_peek(struct domain *d, const struct scope *s, struct hoptls *to)
{
    *to = (struct hoptls){.domain = d, .dane = dane_wanted(s, d->method)};
    if (d->tls != MESSAGE_TLS_ANY)
        return domainsts_peek(d, s, &to->sts);
    to->dane = ROUTE_DANE_NO;
    return true;
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

/* By the domain's policy in force, or because its name needed no DNS. */
static bool
hoptls_is_vouched(const struct hoptls *v, const struct host *h)
{
    return !h->own || h->secure ||
        (v->sts.policy && !v->sts.testing &&
            stspolicy_has_mx(v->sts.policy, str_of(h->name)));
}

/* For which nobody vouches, whatever records say of it. */
static bool
hoptls_is_unknown(const struct hoptls *v, const struct host *h)
{
    return v->domain->tls == MESSAGE_TLS_REQUIRED && !hoptls_is_vouched(v, h);
}

/* With what was found of it. */
static bool
hoptls_is_left_out(
    const struct hoptls *v, const struct host *h, const struct dane_found *f)
{
    return hoptls_is_unknown(v, h) ||
        (domainsts_refuses(&v->sts, h) && f->state != DANE_ASKING &&
            !hoptls_is_verified(f));
}

bool
hoptls_leaves_out(const struct hoptls *v, const struct host *h, uint16_t port)
{
    struct dane_found f;

    if (hoptls_is_unknown(v, h))
        return true;
    if (!domainsts_refuses(&v->sts, h)) /* nothing needs to be found */
        return false;
    hoptls_find(v, h, port, &f);
    return hoptls_is_left_out(v, h, &f);
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

uint64_t
hoptls_marks(const struct hoptls *v, uint64_t marks)
{
    uint64_t asked = 0;

    if (v->sts.policy && !v->sts.testing)
        asked = str_hash(v->domain->name) | 1;
    if (v->domain->tls == MESSAGE_TLS_REQUIRED)
        asked ^= UINT64_C(0x8689) << 1;
    if (!asked)
        return marks;
    return marks != asked ? marks ^ asked : 1;
}

/* Of DANE and MTA-STS. */
static struct tlsdemand *
hoptls_policy(
    const struct hoptls *v, const struct host *h, const struct dane_found *f)
{
    struct tlsdemand *sts;

    if (hoptls_is_verified(f))
        return dane_demand(f, v->domain, h);
    sts = domainsts_demand(&v->sts, h);
    if (f->state != DANE_HOLDS || (sts && sts->level == TLSDEMAND_VERIFIED))
        return sts;
    tlsdemand_unref(&sts);
    return dane_demand(f, v->domain, h);
}

/* All that decides on a handshake; what is only told of it may be missing. */
static struct tlsdemand *
hoptls_make(
    const struct hoptls *v, const struct host *h, const struct dane_found *f)
{
    struct tlsdemand *d = hoptls_policy(v, h, f);

    if (v->domain->tls != MESSAGE_TLS_REQUIRED)
        return d;
    if (!d || d->level != TLSDEMAND_VERIFIED) {
        tlsdemand_unref(&d);
        d = tlsdemand_new(TLSDEMAND_REQUIRETLS, TLSDEMAND_VERIFIED);
        tlsdemand_add_name(d, str_of(h->name));
        if (!h->own) /* an address, most likely */
            tlsdemand_add_name(d, v->domain->name);
        d->text = xdup("REQUIRETLS");
    }
    d->requiretls = true; /* nobody else has it yet */
    return d;
}

struct tlsdemand *
hoptls_demand(const struct hoptls *v, const struct host *h, uint16_t port)
{
    struct dane_found f;
    struct tlsdemand *d;

    hoptls_find(v, h, port, &f);
    d = hoptls_make(v, h, &f);
    if (d && d->by == TLSDEMAND_STS)
        domainsts_report(v->domain, &v->sts, d);
    return d;
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
    if (hoptls_is_left_out(v, h, &f) ||
        (v->dane != ROUTE_DANE_NO && dane_refuses(&f, v->dane)))
        return false;
    now = hoptls_make(v, h, &f);
    same = tlsdemand_eq(now, made);
    tlsdemand_unref(&now);
    return same;
}
