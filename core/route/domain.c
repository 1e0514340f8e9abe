/* SPDX-License-Identifier: Apache-2.0
 *
 * domain.c - one domain record: its lookups and what came of them.
 */
#include "route/resolve.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/bug.h"
#include "base/log.h"
#include "base/magic.h"
#include "base/xmem.h"
#include "route/binding.h"
#include "route/domainsts.h"
#include "route/relay.h"
#include "route/route_int.h"
#include "route/route_options.h"
#include "base/banned.h"

static void domain_settle(void *arg);

struct domain *
domain_new(struct resolver *r, const struct destination *to, struct str key)
{
    struct domain *d = xnew(struct domain);

    d->magic = DOMAIN_MAGIC;
    d->resolver = r;
    d->key = xdupn(key.p, key.n);
    d->key_n = key.n;
    d->name = str_make(d->key + (key.n - to->domain.n), to->domain.n);
    d->method = to->method;
    d->by_gateway = to->by_gateway;
    d->tls = to->tls;
    d->gateway_port = to->by_gateway ? to->gateway_port : 0;
    list_push(&r->all, &d->node);
    chains_add(&r->domains, &d->chain);
    r->unused++;
    return d;
}

void
host_unref(struct host **ph)
{
    struct host *h = *ph;

    *ph = NULL;
    if (!h)
        return;
    CHECK(h, HOST_MAGIC);
    if (--h->refs)
        return;
    free(h->name);
    free(h->uri);
    free(h->canonical);
    h->magic = 0;
    free(h);
}

static void
hosts_drop(struct host ***hosts, size_t *count)
{
    for (size_t i = 0; i < *count; i++)
        host_unref(&(*hosts)[i]);
    xfree(hosts);
    *count = 0;
}

static void
lookups_end(struct domain *d)
{
    for (size_t i = 0; i < d->lookup_count; i++)
        mx_free(&d->lookups[i].mx);
    xfree(&d->lookups);
    d->lookup_count = d->lookup_open = 0;
    d->settling = false;
    defer_cancel(&d->settle);
}

void
domain_free(struct domain *d)
{
    struct resolver *r = d->resolver;

    CHECK(d, DOMAIN_MAGIC);
    lookups_end(d);
    domainsts_end(d);
    dane_leave(r->dane, d);
    rules_fini(&d->rules);
    hosts_drop(&d->hosts, &d->host_count);
    cursor_leave(&r->cursors, &d->node);
    list_remove(&d->node);
    list_remove(&d->told_node);
    heap_remove(&r->expiry, &d->expiry);
    heap_remove(&r->wakes, &d->wake);
    chains_remove(&r->domains, &d->chain);
    if (!d->refs)
        r->unused--;
    buf_fini(&d->asked_names);
    free(d->canonical);
    free(d->key);
    d->magic = 0;
    free(d);
}

struct str
domain_name(const struct domain *d)
{
    CHECK(d, DOMAIN_MAGIC);
    return d->name;
}

/* --- asking --- */

bool
domain_looking(const struct domain *d)
{
    return d->lookup_count > 0;
}

static void
domain_post_settle(struct domain *d)
{
    if (d->settling)
        return;
    d->settling = true;
    defer_post(d->resolver->loop, &d->settle, domain_settle, d, "route settle");
}

static void
rule_done(void *arg, struct mx_lookup *m)
{
    struct rule_lookup *k = arg;

    k->done = true;
    k->status = mx_status(m);
    if (--k->domain->lookup_open == 0)
        domain_post_settle(k->domain);
}

/* mxip {}: in seconds; 0: there is none. */
static uint32_t
domain_address_ttl(const struct domain *d)
{
    struct generation *g = d->resolver->generation;
    const struct stanza *mxip = generation_stanza(g, SCOPE_MXIP, NULL, NULL);
    const struct scope *all = generation_global(g);
    int64_t ttl;

    if (!mxip)
        return 0;
    ttl = scope_int(stanza_scope(mxip), OPT(route_options, ROUTE_MXIP_TTL));
    ttl = MAX_OF(ttl, scope_int(all, OPT(route_options, ROUTE_MIN_DNS_TTL)));
    ttl = MIN_OF(ttl, scope_int(all, OPT(route_options, ROUTE_MAX_DNS_TTL)));
    return (uint32_t)MAX_OF(MIN_OF(ttl / 1000, (int64_t)UINT32_MAX), 1);
}

static void
rule_start(struct domain *d, struct rule_lookup *k, bool ipv6, bool to_a)
{
    struct rule *rule = k->rule;
    struct mx_request q = {.name = rule->name,
        .kind = rule->kind,
        .ipv6 = ipv6,
        .addresses_only = to_a && rule->kind != MX_ONLY,
        .address_ttl = domain_address_ttl(d)};

    if (rule->kind == MX_ADDRESS || rule->kind == MX_NOTHING) {
        k->done = true;
        k->status = rule->kind == MX_ADDRESS ? MX_OK : MX_NONE;
        return;
    }
    d->lookup_open++;
    k->mx = mx_start(d->resolver->dns, &q, rule_done, k);
}

/* mx_failures_fallback_to_a: so many MX questions that failed in a row. */
static bool
domain_falls_to_a(const struct domain *d, const struct scope *s)
{
    int64_t most =
        scope_int(s, OPT(route_options, ROUTE_MX_FAILURES_FALLBACK_TO_A));

    /* Whoever can keep MX records from being heard must not choose the host. */
    if (scope_int(s, OPT(route_options, ROUTE_USE_DANE)) != ROUTE_DANE_NO)
        return false;
    return d->mx_failures && (most < 0 || d->mx_failures >= (uint64_t)most);
}

/* Of what decides which hosts the record has: its routes, and whether the best
 * MX alone serve. */
static uint64_t
domain_rules_hash(const struct domain *d, const struct scope *s)
{
    struct generation *g = d->resolver->generation;
    uint64_t hash = rules_hash(g, s, d->by_gateway);

    if (rules_ask_own_mx(g, s, d->by_gateway) && relay_best_only(g, d->name))
        hash ^= UINT64_C(0xb5297a4d3f84d5b5);
    return hash;
}

void
domain_look_up(struct domain *d)
{
    struct resolver *r = d->resolver;
    const struct scope *s;
    bool ipv6, to_a;

    if (domain_looking(d) || !r->generation)
        return;
    s = resolver_scope(r, d->name);
    ipv6 = scope_int(s, OPT(route_options, ROUTE_USE_IPV6));
    to_a = domain_falls_to_a(d, s);
    rules_fini(&d->rules);
    rules_load(&d->rules, r->generation, s, d->name, d->method, d->by_gateway,
        d->gateway_port);
    domainsts_rules_changed(d);
    d->rules_hash = domain_rules_hash(d, s);
    d->asked = loop_now(r->loop);
    d->lookup_count = d->rules.count;
    d->lookups =
        xcalloc(MAX_OF(d->lookup_count, (size_t)1), sizeof(*d->lookups));
    for (size_t i = 0; i < d->lookup_count; i++) {
        d->lookups[i].domain = d;
        d->lookups[i].rule = &d->rules.items[i];
        rule_start(d, &d->lookups[i], ipv6, to_a);
    }
    if (!d->lookup_open)
        domain_post_settle(d);
}

static void
domain_forget_answers(struct domain *d)
{
    struct dns *dns = d->resolver->dns;
    struct str names = str_make(d->asked_names.p, d->asked_names.n);

    dns_forget(dns, d->name);
    for (size_t i = 0; i < d->rules.count; i++)
        dns_forget(dns, d->rules.items[i].name);
    while (names.n)
        dns_forget(dns, str_cut(&names, '\0'));
}

void
domain_refresh(struct domain *d)
{
    CHECK(d, DOMAIN_MAGIC);
    domain_forget_answers(d);
    d->refreshed = loop_now(d->resolver->loop);
    lookups_end(d); /* what is under way may be old already */
    d->expires = 0;
    if (!d->resolver->generation && d->refs) {
        struct generation *g = generation_current();
        if (g) {
            resolver_adopt(d->resolver, g);
            generation_unref(&g);
        }
    }
    domain_look_up(d);
}

bool
domain_is_old(const struct domain *d)
{
    const struct resolver *r = d->resolver;

    CHECK(d, DOMAIN_MAGIC);
    return d->resolved && r->generation &&
        d->found_hash != domain_rules_hash(d, resolver_scope(r, d->name));
}

/* In use: look up again, so that no mail waits for it.  Failed ones wait for
 * mail instead, else an idle queue would count failures. */
void
domain_expired(struct domain *d)
{
    CHECK(d, DOMAIN_MAGIC);
    if (!d->refs && !domain_looking(d))
        domain_free(d);
    else if (d->host_count)
        domain_look_up(d);
}

/* --- answers --- */

static struct host *
host_same(const struct domain *d, const struct rule *rule, struct str name,
    const struct cidr *ip)
{
    for (size_t i = 0; i < d->host_count; i++) {
        struct host *h = d->hosts[i];
        if (h && cidr_eq(&h->ip, ip) && h->port == rule->port &&
            str_eq(str_of(h->name), name) && strcmp(h->uri, rule->text) == 0)
            return h;
    }
    return NULL;
}

/* What is connected to it stays counted when a host is found again. */
static struct host *
host_make(const struct domain *d, const struct rule *rule,
    const struct mx_host *found)
{
    struct host *h = host_same(d, rule, found->name, &found->ip);

    if (h) {
        h->refs++;
    } else {
        h = xnew(struct host);
        h->magic = HOST_MAGIC;
        h->refs = 1;
        h->resolver = d->resolver;
        h->name = xdupn(found->name.p, found->name.n);
        h->uri = xdup(rule->text);
        h->ip = found->ip;
        h->port = rule->port;
    }
    h->item_pref = rule->pref;
    h->own = rule->own;
    h->rank = found->rank;
    h->preference = found->preference;
    h->ttl = found->ttl;
    h->secure = found->secure;
    h->unsure = found->unsure;
    xfree(&h->canonical);
    if (found->canonical.p)
        h->canonical = xdupn(found->canonical.p, found->canonical.n);
    return h;
}

struct gathered {
    struct host **hosts;
    size_t count;
    uint32_t ttl;
    uint16_t self_rank;
    bool partial;
    struct str canonical; /* of the domain's own name */
};

static bool
host_before(const struct host *a, const struct host *b)
{
    if (a->item_pref != b->item_pref)
        return a->item_pref < b->item_pref;
    return a->rank < b->rank;
}

static void
gather_one(struct gathered *to, struct host *h)
{
    size_t at = to->count;

    if ((to->count & (to->count - 1)) == 0)
        to->hosts = xgrow(
            to->hosts, to->count ? to->count * 2 : 1, sizeof(struct host *));
    while (at > 0 && host_before(h, to->hosts[at - 1])) {
        to->hosts[at] = to->hosts[at - 1];
        at--;
    }
    to->hosts[at] = h;
    to->count++;
}

static void
gather_address(
    const struct domain *d, const struct rule *rule, struct gathered *to)
{
    const struct scope *s = resolver_scope(d->resolver, d->name);
    int64_t ttl = rule->ttl >= 0
        ? rule->ttl
        : scope_int(s, OPT(route_options, ROUTE_ROUTE_TTL)) / 1000;
    struct buf name = BUF_INIT;
    struct mx_host found = {
        .ip = rule->addr, .ttl = (uint32_t)MIN_OF(ttl, (int64_t)UINT32_MAX)};

    if (rule->addr.family)
        cidr_print(&rule->addr, &name);
    else
        buf_str(&name, rule->name);
    found.name = buf_get(&name);
    gather_one(to, host_make(d, rule, &found));
    to->ttl = MIN_OF(to->ttl, found.ttl);
    buf_fini(&name);
}

/* This server's name in the list counts, if it has an address or not. */
static void
gather_self(
    const struct domain *d, const struct rule_lookup *k, struct gathered *to)
{
    struct str name =
        binding_hostname(generation_global(d->resolver->generation));

    if (k->rule->own)
        to->self_rank = MIN_OF(to->self_rank, mx_rank(k->mx, name));
}

static void
gather_rule(const struct domain *d, struct rule_lookup *k, struct gathered *to)
{
    const struct mx_host *found;
    uint32_t ttl;
    size_t count;
    bool best_only;

    if (k->rule->kind == MX_ADDRESS) {
        gather_address(d, k->rule, to);
        return;
    }
    if (!k->mx || k->status != MX_OK) {
        to->partial |= k->status != MX_NONE || k->mx;
        return;
    }
    gather_self(d, k, to);
    if (k->rule->own)
        to->canonical = mx_canonical(k->mx);
    found = mx_hosts(k->mx, &count);
    ttl = k->rule->ttl >= 0 ? (uint32_t)k->rule->ttl : mx_ttl(k->mx);
    to->ttl = MIN_OF(to->ttl, ttl);
    to->partial |= mx_partial(k->mx);
    best_only = k->rule->kind == MX_DOMAIN &&
        relay_best_only(d->resolver->generation, d->name);
    for (size_t i = 0; i < count; i++) {
        struct mx_host h = found[i];
        if (best_only && h.rank)
            break; /* they are in order */
        if (k->rule->ttl >= 0)
            h.ttl = ttl;
        gather_one(to, host_make(d, k->rule, &h));
    }
}

static size_t
count_exchanges(const struct domain *d)
{
    size_t count = 0;

    for (size_t i = 0; i < d->host_count; i++) {
        bool seen = false;
        for (size_t j = 0; j < i && !seen; j++)
            seen = strcmp(d->hosts[i]->name, d->hosts[j]->name) == 0 &&
                d->hosts[i]->item_pref == d->hosts[j]->item_pref;
        count += !seen;
    }
    return count;
}

static bool
domain_is_own(const struct domain *d)
{
    for (size_t i = 0; i < d->rules.count; i++)
        if (!d->rules.items[i].own || d->rules.items[i].kind == MX_NOTHING)
            return false;
    return true;
}

static void
domain_found(struct domain *d, struct gathered *g)
{
    int64_t keep = MAX_OF((int64_t)g->ttl, 1) * 1000;

    hosts_drop(&d->hosts, &d->host_count);
    d->hosts = g->hosts;
    d->host_count = g->count;
    d->mx_count = count_exchanges(d);
    d->self_rank = g->self_rank;
    d->print = 0;
    xfree(&d->canonical);
    if (g->canonical.p)
        d->canonical = xdupn(g->canonical.p, g->canonical.n);
    d->whole = !g->partial && !d->by_gateway && domain_is_own(d);
    d->resolved = true;
    d->stale_ok = false;
    d->failures = 0;
    d->ttl = g->ttl;
    if (g->partial)
        keep = MIN_OF(keep, (int64_t)ROUTE_PARTIAL_MS);
    d->expires = loop_now(d->resolver->loop) + keep;
}

static void
domain_verdict(struct domain *d, enum hop_result verdict, unsigned code,
    const char *status, const char *text)
{
    d->verdict = verdict;
    d->code = (uint16_t)code;
    for (int i = 0; i < 3; i++)
        d->status[i] = (uint16_t)(status[2 * i] - '0');
    (void)snprintf(d->text, sizeof(d->text), "[internal] %s", text);
}

/* Doubled each time, and a little by chance, so that many domains that failed
 * together do not come back together. */
static int64_t
domain_failed_wait(const struct domain *d)
{
    unsigned shift =
        (unsigned)MIN_OF(d->failures ? d->failures - 1 : 0, UINT64_C(10));
    int64_t wait =
        MIN_OF((int64_t)ROUTE_FAILED_MS << shift, ROUTE_FAILED_MAX_MS);
    uint32_t chance = 0;

    (void)getrandom(&chance, sizeof(chance), 0); /* 0 serves as well */
    return wait + (int64_t)(chance % (uint32_t)(wait / 4));
}

/* The worst that may still turn out well decides: what may work later is no
 * reason to fail, and what an operator wrote never is. */
static enum mx_status
domain_status(const struct domain *d, bool *final)
{
    enum mx_status s = MX_NONE;
    bool own = true;

    for (size_t i = 0; i < d->lookup_count; i++) {
        const struct rule_lookup *k = &d->lookups[i];
        own &= k->rule->own && k->rule->kind != MX_NOTHING;
        if (!i || k->status == MX_FAILED)
            s = k->status;
        else if (s != MX_FAILED && k->status == MX_NONE)
            s = MX_NONE;
    }
    *final = own && (s == MX_NULL || s == MX_NXDOMAIN);
    return s;
}

/* A failure counts for dns_failures_to_purge only if the servers say anything
 * at all: a resolver that is down is no fault of the domain. */
static void
domain_count_failure(struct domain *d)
{
    struct dns_stats st;

    dns_get_stats(d->resolver->dns, &st);
    if (!d->failures || st.replies != d->replies)
        d->failures++;
    d->replies = st.replies;
}

static bool
domain_gives_up(const struct domain *d)
{
    const struct scope *s = resolver_scope(d->resolver, d->name);
    int64_t most =
        scope_int(s, OPT(route_options, ROUTE_DNS_FAILURES_TO_PURGE));

    return domain_is_own(d) && most > 0 && d->failures >= (uint64_t)most;
}

static void
domain_say(struct domain *d, enum mx_status s, bool final)
{
    if (s == MX_NULL && final)
        domain_verdict(
            d, HOP_FAIL, 550, "5.4.4", "NULL MX domain does not accept mail");
    else if (final || domain_gives_up(d))
        domain_verdict(d, HOP_FAIL, 554, "5.4.4", "Domain Lookup Failed");
    else if (d->name.n && d->name.p[0] == '#' && !d->rules.configured)
        domain_verdict(
            d, HOP_DELAY, 454, "4.4.4", "no routes for this synthetic domain");
    else if (s == MX_NULL)
        domain_verdict(
            d, HOP_DELAY, 454, "4.4.4", "the gateway accepts no mail");
    else if (s == MX_FAILED)
        domain_verdict(d, HOP_DELAY, 454, "4.4.4", "DNS lookup failed");
    else
        domain_verdict(d, HOP_DELAY, 454, "4.4.4", "no MX or A for domain");
}

static void
domain_not_found(struct domain *d)
{
    struct str name = d->name;
    bool final;
    enum mx_status s = domain_status(d, &final);
    int64_t now = loop_now(d->resolver->loop);

    if (d->name.n && d->name.p[0] == '[' && domain_is_own(d) == false &&
        !d->by_gateway && !d->rules.configured)
        final = true; /* [no.address] never becomes one */
    domain_count_failure(d);
    d->resolved = true;
    domain_say(d, s, final);
    /* What was known serves on while DNS fails, but not when it says no. */
    d->stale_ok = d->host_count && s == MX_FAILED && d->verdict == HOP_DELAY;
    if (!d->stale_ok)
        hosts_drop(&d->hosts, &d->host_count);
    d->expires = now + domain_failed_wait(d);
    log_info(LOG_DNS, "route-lookup-failed",
        "domain=%.*s failures=%llu text=\"%s\"", STR_ARG(name),
        (unsigned long long)d->failures, d->text);
}

/* Any answer about MX restarts the count.  After addresses were asked in its
 * place, the next lookup tries MX once more, but for a limit of -1. */
static void
domain_count_mx(struct domain *d)
{
    const struct scope *s = resolver_scope(d->resolver, d->name);
    int64_t most =
        scope_int(s, OPT(route_options, ROUTE_MX_FAILURES_FALLBACK_TO_A));
    bool asked = false, failed = false;

    for (size_t i = 0; i < d->lookup_count; i++) {
        const struct rule_lookup *k = &d->lookups[i];
        asked |= k->mx && k->rule->kind != MX_A;
        failed |= k->mx && mx_failed(k->mx);
    }
    if (failed)
        d->mx_failures++;
    else if (asked && !domain_falls_to_a(d, s))
        d->mx_failures = 0;
    else if (asked && most > 0)
        d->mx_failures = (uint64_t)most - 1;
}

static void
domain_settle(void *arg)
{
    struct domain *d = arg;
    struct gathered g = {.ttl = UINT32_MAX, .self_rank = UINT16_MAX};

    CHECK(d, DOMAIN_MAGIC);
    domain_count_mx(d);
    buf_cut(&d->asked_names, 0);
    for (size_t i = 0; i < d->lookup_count; i++) {
        gather_rule(d, &d->lookups[i], &g);
        if (d->lookups[i].mx)
            mx_names(d->lookups[i].mx, &d->asked_names);
    }
    if (g.count)
        domain_found(d, &g);
    else
        domain_not_found(d);
    if (!d->stale_ok)
        d->found_hash = d->rules_hash;
    lookups_end(d);
    resolver_expires(d, d->expires);
    resolver_tell(d);
}
