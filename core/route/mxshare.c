/* SPDX-License-Identifier: Apache-2.0 */
#include "route/mxshare.h"

#include "base/bug.h"
#include "base/magic.h"
#include "route/domainsts.h"
#include "route/route_int.h"
#include "route/route_options.h"
#include "base/banned.h"

static bool
stanza_shares(const struct stanza *host)
{
    struct option_value v;

    return stanza_value(host, OPT(route_options, ROUTE_ROLLUP_MX), &v);
}

/* In the stanza itself, and in the bindings of a group. */
static bool
place_shares(const struct generation *g, const struct stanza *place)
{
    static const uint32_t kinds[] = {IMPEL_SCOPE_GROUP, IMPEL_SCOPE_BINDING};
    const struct stanza *s = NULL;

    while ((s = generation_stanza(g, IMPEL_SCOPE_HOST, place, s)) != NULL)
        if (stanza_shares(s))
            return true;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        while ((s = generation_stanza(g, kinds[i], place, s)) != NULL)
            if (place_shares(g, s))
                return true;
    return false;
}

bool
mxshare_is_configured(const struct generation *g)
{
    return place_shares(g, NULL);
}

/* Of one host: the name its stanza gives, or its own. */
static bool
host_shares(struct generation *g, struct str binding, const struct host *h,
    struct str *name)
{
    const struct scope *s = generation_host_scope(g, binding, str_of(h->name));

    if (!h->own || scope_int(s, OPT(route_options, ROUTE_ROLLUP_MX)) != 1)
        return false;
    *name = scope_str(s, OPT(route_options, ROUTE_ROLLUP_MX_NAME));
    if (!name->n)
        *name = str_of(h->name);
    return true;
}

/* With one name given, that; else the first of the hosts', so that their order
 * in an answer does not matter. */
static bool
best_share(const struct domain *d, struct generation *g, struct str binding,
    struct str *name)
{
    bool named = false;

    *name = STR_NONE;
    for (size_t i = 0; i < d->host_count; i++) {
        const struct host *h = d->hosts[i];
        struct str one;
        bool own_name;

        if (h->rank != d->hosts[0]->rank)
            break;
        if (!host_shares(g, binding, h, &one))
            return false;
        own_name = one.p == h->name;
        if (i && named == own_name)
            return false; /* one is named, another is not */
        named = !own_name;
        if (i && named && !str_eq(one, *name))
            return false;
        if (!i || str_cmp(one, *name) < 0)
            *name = one;
    }
    return name->n > 0;
}

/* Names by rank, each once, whatever the order of equals in the answer. */
static uint64_t
print_of(const struct domain *d)
{
    uint64_t print = 0;

    for (size_t i = 0; i < d->host_count; i++) {
        const struct host *h = d->hosts[i];
        bool seen = false;

        for (size_t j = 0; j < i && !seen; j++)
            seen = d->hosts[j]->rank == h->rank &&
                strcmp(d->hosts[j]->name, h->name) == 0;
        if (seen)
            continue;
        print += (str_hash(str_of(h->name)) | 1) *
            (UINT64_C(0x9e3779b97f4a7c15) + 2 * (uint64_t)h->rank +
                2 * UINT64_C(0x10001) * h->secure);
    }
    return print;
}

/* Routes and gateways are what an operator wrote, and are no MX. */
static bool
shares_at_all(const struct domain *d)
{
    return !d->by_gateway && !d->rules.configured && d->host_count &&
        d->rules.count == 1 && d->rules.items[0].kind == MX_DOMAIN;
}

enum mxshare
mxshare_find(struct domain *d, struct generation *g, struct str binding,
    struct mxshare_with *to)
{
    struct domainsts_view policy;

    CHECK(d, DOMAIN_MAGIC);
    resolver_adopt(d->resolver, g);
    if (!d->resolved || d->expires <= loop_now(d->resolver->loop))
        domain_look_up(d);
    if (!d->host_count && domain_looking(d))
        return MXSHARE_WAIT;
    if (!shares_at_all(d) || !best_share(d, g, binding, &to->name))
        return MXSHARE_NO;
    /* A policy is one domain's: its hosts are not to serve by that of another,
     * nor by none (RFC 8461 3). */
    if (!domainsts_look(d, generation_scope(g, binding, d->name), &policy))
        return MXSHARE_WAIT;
    if (policy.policy)
        return MXSHARE_NO;
    if (!d->print)
        d->print = print_of(d) | 1;
    to->print = d->print;
    return MXSHARE_YES;
}
