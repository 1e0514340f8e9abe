/* SPDX-License-Identifier: Apache-2.0 */
#include "route/domainsts.h"

#include <stdlib.h>

#include "base/xmem.h"
#include "route/sts_options.h"
#include "base/banned.h"

struct domainsts {
    struct sts_use use;
};

static void
domainsts_changed(void *arg)
{
    resolver_tell(arg);
}

/* Do any of its hosts come from the domain's own MX? */
static bool
domainsts_is_subject(const struct domain *d)
{
    for (size_t i = 0; i < d->rules.count && !d->by_gateway; i++) {
        const struct rule *rule = &d->rules.items[i];

        if (rule->own && rule->kind == MX_DOMAIN)
            return true;
    }
    return false;
}

void
domainsts_end(struct domain *d)
{
    if (!d->sts)
        return;
    sts_use_end(&d->sts->use);
    xfree(&d->sts);
}

void
domainsts_rules_changed(struct domain *d)
{
    d->sts_seen = 0;
}

/* Begins or ends, as options and rules have it. */
static void
domainsts_follow(struct domain *d)
{
    struct resolver *r = d->resolver;
    uint64_t now = generation_number(r->generation);
    bool wanted;

    if (!r->sts || d->sts_seen == now)
        return;
    d->sts_seen = now;
    wanted = domainsts_is_subject(d) &&
        scope_int(resolver_scope(r, d->name), OPT(sts_options, STS_USE)) == 1;
    if (!wanted) {
        domainsts_end(d);
    } else if (!d->sts) {
        d->sts = xnew(struct domainsts);
        if (!sts_use_begin(r->sts, d->name, domainsts_changed, d, &d->sts->use))
            xfree(&d->sts);
    }
}

static void
domainsts_judge(const struct stspolicy *p, const struct scope *scope,
    struct domainsts_view *to)
{
    int64_t enable = scope_int(scope, OPT(sts_options, STS_ENABLE));

    if (!p || p->mode == STSPOLICY_NONE || enable == STS_ENABLE_NO)
        return;
    to->policy = p;
    to->testing = p->mode == STSPOLICY_TESTING || enable == STS_ENABLE_TESTING;
}

bool
domainsts_look(
    struct domain *d, const struct scope *scope, struct domainsts_view *to)
{
    const struct stspolicy *p = NULL;
    bool known;

    *to = (struct domainsts_view){.policy = NULL};
    domainsts_follow(d);
    if (!d->sts)
        return true;
    known = sts_use_get(&d->sts->use, &p);
    domainsts_judge(p, scope, to);
    return known ||
        scope_int(scope, OPT(sts_options, STS_ENABLE)) == STS_ENABLE_NO;
}

bool
domainsts_peek(const struct domain *d, const struct scope *scope,
    struct domainsts_view *to)
{
    const struct stspolicy *p;
    bool known;

    *to = (struct domainsts_view){.policy = NULL};
    if (!d->sts)
        return true;
    known = sts_use_peek(&d->sts->use, &p);
    domainsts_judge(p, scope, to);
    return known ||
        scope_int(scope, OPT(sts_options, STS_ENABLE)) == STS_ENABLE_NO;
}

bool
domainsts_is_asking(const struct domain *d)
{
    const struct stspolicy *p;

    return d->sts && !sts_use_peek(&d->sts->use, &p);
}

bool
domainsts_refuses(const struct domainsts_view *v, const struct host *h)
{
    return v->policy && !v->testing && h->own &&
        !stspolicy_has_mx(v->policy, str_of(h->name));
}

struct tlsdemand *
domainsts_demand(const struct domainsts_view *v, const struct host *h)
{
    struct tlsdemand *t;

    if (!v->policy || !h->own)
        return NULL;
    t = tlsdemand_new(
        TLSDEMAND_STS, v->testing ? TLSDEMAND_WATCHED : TLSDEMAND_VERIFIED);
    tlsdemand_add_name(t, str_of(h->name));
    t->unnamed = !stspolicy_has_mx(v->policy, str_of(h->name));
    return t;
}

void
domainsts_report(
    const struct domain *d, const struct domainsts_view *v, struct tlsdemand *t)
{
    struct buf text = BUF_INIT;

    buf_printf(&text, "MTA-STS of %.*s: %s%s", STR_ARG(d->name),
        v->testing ? "testing" : "enforce",
        t->unnamed ? ", without this host" : "");
    t->text = buf_detach(&text, NULL);
    stspolicy_print(v->policy, &text); /* a line each */
    t->policy = buf_detach(&text, NULL);
    for (size_t i = 0; i < v->policy->mx_count; i++)
        buf_printf(&text, "%s\n", v->policy->mx[i]);
    t->mx = buf_detach(&text, NULL);
}

void
domainsts_print(
    const struct domain *d, const struct scope *scope, struct buf *to)
{
    static const char *const words[] = {
        [STS_ENABLE_NO] = " (not in force here)",
        [STS_ENABLE_YES] = "",
        [STS_ENABLE_TESTING] = " (in force here as testing)"};
    struct sts_facts f;

    if (!d->sts || sts_find(d->resolver->sts, d->name, &f) < 0)
        return;
    buf_cstr(to, "MTA-STS: ");
    sts_print(&f, to);
    if (f.policy)
        buf_cstr(to, words[scope_int(scope, OPT(sts_options, STS_ENABLE))]);
    buf_char(to, '\n');
}
