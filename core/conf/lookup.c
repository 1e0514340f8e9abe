/* SPDX-License-Identifier: Apache-2.0
 *
 * lookup.c - which stanzas hold for a binding and domain, a host, a peer, and
 * the scope that they make (MC 2.1, 2.3, 2.4).
 *
 * Without patterns a look-up is three hash tables and one for the chain.  With
 * patterns the result is remembered: two tables, the older dropped when the
 * newer is full.
 */
#include <stdlib.h>
#include <stdio.h>

#include "conf/generation_int.h"
#include "conf/overlay.h"

#include "base/bug.h"
#include "base/magic.h"
#include "base/xmem.h"
#include "base/banned.h"

struct chain {
    const struct stanza *items[GENERATION_CHAIN_MAX];
    size_t count;
};

static void
chain_add(struct chain *c, const struct stanza *s)
{
    if (s && c->count < GENERATION_CHAIN_MAX - 8)
        c->items[c->count++] = s;
}

/* For the last links, which there is always room for. */
static void
chain_add_wide(struct chain *c, const struct stanza *s)
{
    if (s && c->count < GENERATION_CHAIN_MAX)
        c->items[c->count++] = s;
}

/* The exact stanza first, then patterns in their order; those see `shown`. */
static void
chain_add_shown(struct chain *c, const struct match_set *set, struct str name,
    struct str shown)
{
    if (!set || !name.p)
        return;
    chain_add(c, map_find(&set->exact, name));
    for (size_t i = 0; i < set->regexes.count; i++)
        if (value_regex_matches(set->regexes.items[i]->regex, shown))
            chain_add(c, set->regexes.items[i]);
}

static void
chain_add_matches(struct chain *c, const struct match_set *set, struct str name)
{
    chain_add_shown(c, set, name, name);
}

/* A host that is an address is matched as one writes it: no literal. */
static void
chain_add_host(struct chain *c, const struct match_set *set, struct str name)
{
    struct str bare = name;

    if (name.p && name.n > 2 && name.p[0] == '[') {
        bare = str_sub(name, 1, name.n - 2);
        if (str_starts(bare, STR("ipv6:")))
            bare = str_from(bare, 5);
    }
    chain_add_shown(c, set, name, bare);
}

const struct scope *
generation_global(const struct generation *g)
{
    const struct stanza *chain[1] = {&g->global};
    /* the cache inside changes, nothing that can be seen */
    struct generation *w = (struct generation *)(uintptr_t)g;

    return overlay_scope(
        w, scope_of_chain(w, chain, 1, false), STR_NONE, STR_NONE, STR_NONE);
}

struct place {
    const struct stanza *binding, *group;
};

static struct place
lookup_place(const struct generation *g, struct str binding)
{
    struct place p = {NULL, NULL};

    p.binding = map_find(&g->bindings, binding.p ? binding : STR("default"));
    if (!p.binding)
        p.binding = map_find(&g->bindings, STR("default"));
    if (p.binding && p.binding->parent->scope == IMPEL_SCOPE_GROUP)
        p.group = p.binding->parent;
    else
        p.group = map_find(&g->groups, STR("default"));
    return p;
}

static bool
lookup_has_regexes(const struct stanza *s)
{
    return s && s->domains && s->domains->regexes.count;
}

static const struct scope *
lookup_domain(struct generation *g, const struct place *p, struct str domain)
{
    struct chain c = {.count = 0};

    if (p->binding)
        chain_add_matches(&c, p->binding->domains, domain);
    if (p->group)
        chain_add_matches(&c, p->group->domains, domain);
    chain_add_wide(&c, p->binding);
    chain_add_wide(&c, p->group);
    chain_add_matches(&c, g->global.domains, domain);
    chain_add_wide(&c, &g->global);
    return scope_of_chain(g, c.items, c.count, false);
}

static void
lookup_free_keys(struct map *m)
{
    struct map_slot *s;
    size_t at = 0;

    while ((s = map_next_slot(m, &at)) != NULL)
        free((char *)(uintptr_t)s->key.p);
    map_fini(m);
}

void
generation_forget_matches(struct generation *g)
{
    lookup_free_keys(&g->matches);
    lookup_free_keys(&g->old_matches);
}

static void
lookup_remember(struct generation *g, struct str key, const struct scope *s)
{
    if (g->matches.count >= GENERATION_MATCHES_MAX / 2) {
        lookup_free_keys(&g->old_matches);
        g->old_matches = g->matches;
        map_init(&g->matches, false);
    }
    (void)map_put(&g->matches, str_make(xdupn(key.p, key.n), key.n),
        (void *)(uintptr_t)s);
}

/* Matching patterns takes long: not under the lock. */
static const struct scope *
lookup_matched(struct generation *g, const struct place *p, struct str domain,
    struct str key)
{
    const struct scope *s, *known;

    (void)pthread_mutex_lock(&g->lock);
    known = s = map_find(&g->matches, key);
    if (!s)
        s = map_find(&g->old_matches, key);
    (void)pthread_mutex_unlock(&g->lock);
    if (known)
        return known;
    if (!s)
        s = lookup_domain(g, p, domain);
    (void)pthread_mutex_lock(&g->lock);
    if (!map_find(&g->matches, key)) /* another thread may have been faster */
        lookup_remember(g, key, s);
    (void)pthread_mutex_unlock(&g->lock);
    return s;
}

/* Overrides go by the names of what was found. */
static const struct scope *
lookup_over(struct generation *g, const struct scope *base,
    const struct place *p, struct str domain)
{
    return overlay_scope(g, base, p->group ? p->group->name : STR("default"),
        p->binding ? p->binding->name : STR("default"), domain);
}

/* For one message the same is asked several times, one after the other. */
enum { RECENT = 4, RECENT_MOST = 256 };
struct recent {
    uint64_t number; /* of the generation */
    const struct scope *scope;
    size_t binding_n, domain_n;
    char text[RECENT_MOST]; /* binding, domain */
};
static _Thread_local struct {
    struct recent list[RECENT];
    unsigned next;
} recent;

static const struct scope *
recent_find(uint64_t number, struct str binding, struct str domain)
{
    for (size_t i = 0; i < RECENT; i++) {
        const struct recent *r = &recent.list[i];

        if (r->number == number &&
            str_eq(str_make(r->text, r->binding_n), binding) &&
            str_eq(str_make(r->text + r->binding_n, r->domain_n), domain))
            return r->scope;
    }
    return NULL;
}

static void
recent_add(uint64_t number, struct str binding, struct str domain,
    const struct scope *s)
{
    struct recent *r = &recent.list[recent.next];

    if (binding.n > RECENT_MOST || domain.n > RECENT_MOST - binding.n)
        return;
    recent.next = (recent.next + 1) % RECENT;
    r->number = number;
    r->scope = s;
    r->binding_n = binding.n;
    r->domain_n = domain.n;
    if (binding.n)
        memcpy(r->text, binding.p, binding.n);
    if (domain.n)
        memcpy(r->text + binding.n, domain.p, domain.n);
}

static const struct scope *
lookup_scope(struct generation *g, struct str binding, struct str domain)
{
    char name[GENERATION_NAME_MAX + 64], key[GENERATION_NAME_MAX + 96];
    struct place p = lookup_place(g, binding);
    struct str folded = STR_NONE;
    size_t n = 0;
    int used;

    if (domain.p && names_domain(domain, name, &n))
        folded = str_make(name, n);
    if (!lookup_has_regexes(p.binding) && !lookup_has_regexes(p.group) &&
        !lookup_has_regexes(&g->global))
        return lookup_over(g, lookup_domain(g, &p, folded), &p, folded);
    used = snprintf(key, sizeof(key), "%u/%u/",
        p.binding ? p.binding->index : 0, p.group ? p.group->index : 0);
    memcpy(key + used, name, n);
    return lookup_over(g,
        lookup_matched(g, &p, folded, str_make(key, (size_t)used + n)), &p,
        folded);
}

const struct scope *
generation_scope(struct generation *g, struct str binding, struct str domain)
{
    const struct scope *s;
    uint64_t overrides = atomic_load(&g->overrides);

    CHECK(g, GENERATION_MAGIC);
    /* not before it is published, nor what overrides may change at any time;
     * an absent text is another question than an empty one */
    if (!g->number || atomic_load(&g->overlaid) || !domain.p)
        return lookup_scope(g, binding, domain);
    if (!binding.p)
        binding = STR("default");
    s = recent_find(g->number, binding, domain);
    if (!s) {
        s = lookup_scope(g, binding, domain);
        if (!atomic_load(&g->overlaid) &&
            atomic_load(&g->overrides) == overrides)
            recent_add(g->number, binding, domain, s);
    }
    return s;
}

const struct scope *
generation_place_scope(struct generation *g, const struct stanza *binding,
    const struct stanza *group, struct str domain)
{
    char name[GENERATION_NAME_MAX + 64];
    struct place p = {binding, group};
    struct str folded = STR_NONE;
    size_t n = 0;

    if (domain.p && names_domain(domain, name, &n))
        folded = str_make(name, n);
    return overlay_scope(g, lookup_domain(g, &p, folded),
        group ? group->name : STR_NONE, binding ? binding->name : STR_NONE,
        folded);
}

const struct scope *
generation_group_scope(struct generation *g, struct str group)
{
    struct place p = {NULL, map_find(&g->groups, group)};

    return overlay_scope(
        g, lookup_domain(g, &p, STR_NONE), group, STR_NONE, STR_NONE);
}

static bool
place_has_hosts(const struct generation *g, const struct place *p)
{
    return g->global.hosts || (p->binding && p->binding->hosts) ||
        (p->group && p->group->hosts);
}

const struct scope *
generation_host_scope(struct generation *g, struct str binding, struct str host)
{
    char name[GENERATION_NAME_MAX + 64];
    struct place p = lookup_place(g, binding);
    struct str folded = STR_NONE;
    struct chain c = {.count = 0};
    size_t n = 0;

    if (!place_has_hosts(g, &p))
        return scope_of_chain(g, c.items, 0, true);
    if (host.p && names_domain(host, name, &n))
        folded = str_make(name, n);
    if (p.binding)
        chain_add_host(&c, p.binding->hosts, folded);
    if (p.group)
        chain_add_host(&c, p.group->hosts, folded);
    chain_add_host(&c, g->global.hosts, folded);
    return scope_of_chain(g, c.items, c.count, true);
}

struct str
generation_binding_group(const struct generation *g, struct str binding)
{
    const struct stanza *s = map_find(&g->bindings, binding);

    if (s && s->parent->scope == IMPEL_SCOPE_GROUP)
        return s->parent->name;
    return s || str_eq(binding, STR("default")) ? STR("default") : STR_NONE;
}

const struct stanza *
generation_group(const struct generation *g, struct str name)
{
    return map_find(&g->groups, name);
}

bool
generation_has_domain(const struct generation *g, struct str domain)
{
    char name[GENERATION_NAME_MAX + 64];
    size_t n;

    return g->global.domains && names_domain(domain, name, &n) &&
        map_find(&g->global.domains->exact, str_make(name, n));
}

static void
chain_add_parents(struct chain *c, const struct stanza *s)
{
    for (; s; s = s->parent)
        chain_add_wide(c, s);
    if (!c->count || c->items[c->count - 1]->scope != IMPEL_SCOPE_GLOBAL)
        BUG_ON(1); /* every stanza stands somewhere in the global scope */
}

const struct scope *
stanza_scope(const struct stanza *s)
{
    struct chain c = {.count = 0};

    chain_add_parents(&c, s);
    return scope_of_chain(s->g, c.items, c.count, false);
}

static const struct stanza *
lookup_peer(const struct stanza *in, const struct cidr *addr)
{
    const struct stanza *best = NULL, *s;

    for (s = in->first; s; s = s->next)
        if (s->scope == IMPEL_SCOPE_PEER && cidr_contains(&s->peer, addr) &&
            (!best || s->peer.bits > best->peer.bits))
            best = s;
    return best;
}

const struct scope *
generation_peer_scope(const struct generation *g, const struct stanza *listen,
    const struct cidr *peer)
{
    const struct stanza *listener = listen->parent;
    struct cidr addr = *peer;
    struct chain c = {.count = 0};

    (void)g;
    cidr_unmap(&addr);
    chain_add(&c, lookup_peer(listen, &addr));
    chain_add(&c, listen);
    chain_add(&c, lookup_peer(listener, &addr));
    chain_add_parents(&c, listener);
    return scope_of_chain(listen->g, c.items, c.count, false);
}
