/* SPDX-License-Identifier: Apache-2.0
 *
 * resolver.c - all domain records, when they expire, who is told of changes.
 */
#include "route/resolve.h"

#include <stdlib.h>

#include "base/bug.h"
#include "base/magic.h"
#include "base/num.h"
#include "base/xmem.h"
#include "route/route_int.h"
#include "route/route_options.h"
#include "route/sts.h"
#include "base/banned.h"

static void resolver_sweep(void *arg);
static void resolver_woken(void *arg);

static struct str
resolver_key(const struct domain *d)
{
    return str_make(d->key, d->key_n);
}

static uint64_t
resolver_hash(const struct chain *c)
{
    return str_hash(resolver_key(CONTAINER_OF(c, const struct domain, chain)));
}

struct resolver *
resolver_new(struct loop *l, struct dns *dns, const struct resolver_events *ev)
{
    struct resolver *r = xnew(struct resolver);

    r->magic = RESOLVER_MAGIC;
    r->loop = l;
    r->dns = dns;
    r->events = *ev;
    chains_init(&r->domains, 1, resolver_hash);
    list_init(&r->all);
    list_init(&r->told);
    list_init(&r->cursors);
    r->hosts = hosts_new();
    r->dane = dane_new(r);
    r->limits = hostlimits_new(l, ev->wake);
    timer_init(&r->sweep, l, resolver_sweep, r, "route sweep");
    timer_init(&r->wake, l, resolver_woken, r, "route wake");
    timer_start(&r->sweep, ROUTE_SWEEP_MS);
    return r;
}

void
resolver_free(struct resolver **pr)
{
    struct resolver *r = *pr;
    struct list *it;

    if (!r)
        return;
    CHECK(r, RESOLVER_MAGIC);
    *pr = NULL;
    while ((it = list_first(&r->all)) != NULL)
        domain_free(LIST_ENTRY(it, struct domain, node));
    timer_stop(&r->sweep);
    timer_stop(&r->wake);
    defer_cancel(&r->tell);
    heap_fini(&r->expiry);
    heap_fini(&r->wakes);
    chains_fini(&r->domains);
    hosts_free(&r->hosts);
    dane_free(&r->dane);
    hostlimits_free(&r->limits);
    self_fini(&r->self);
    if (r->sts && r->events.policy_failed)
        sts_set_trouble(r->sts, NULL, NULL);
    if (r->generation)
        generation_unref(&r->generation);
    r->magic = 0;
    free(r);
}

void
resolver_adopt(struct resolver *r, struct generation *g)
{
    if (r->generation == g)
        return;
    if (r->generation)
        generation_unref(&r->generation);
    r->generation = generation_ref(g);
}

static void
resolver_trouble(void *arg, struct str domain, enum tls_reason why,
    const char *text, bool held)
{
    struct resolver *r = arg;

    (void)held; /* an older one stays, but that is no excuse */
    CHECK(r, RESOLVER_MAGIC);
    r->events.policy_failed(r->events.arg, domain, why, text);
}

void
resolver_set_sts(struct resolver *r, struct sts *sts)
{
    CHECK(r, RESOLVER_MAGIC);
    r->sts = sts;
    if (sts && r->events.policy_failed)
        sts_set_trouble(sts, resolver_trouble, r);
}

void
resolver_recovered(struct resolver *r)
{
    CHECK(r, RESOLVER_MAGIC);
    if (r->sts)
        sts_load(r->sts);
}

void
resolver_set_self(struct resolver *r, const struct netaddr *at, size_t count)
{
    CHECK(r, RESOLVER_MAGIC);
    self_set(&r->self, at, count);
    r->self_read = loop_now(r->loop);
}

const struct scope *
resolver_scope(const struct resolver *r, struct str domain)
{
    return generation_scope(r->generation, STR_NONE, domain);
}

/* --- telling --- */

static void
resolver_tell_all(void *arg)
{
    struct resolver *r = arg;
    struct list *it;
    size_t most = ROUTE_SWEEP_MOST;

    CHECK(r, RESOLVER_MAGIC);
    while (most-- && (it = list_take(&r->told)) != NULL)
        r->events.changed(
            r->events.arg, LIST_ENTRY(it, struct domain, told_node));
    if (list_first(&r->told))
        defer_post(r->loop, &r->tell, resolver_tell_all, r, "route changes");
}

void
resolver_tell(struct domain *d)
{
    struct resolver *r = d->resolver;

    if (!d->refs || list_linked(&d->told_node))
        return;
    list_push(&r->told, &d->told_node);
    if (!defer_pending(&r->tell))
        defer_post(r->loop, &r->tell, resolver_tell_all, r, "route changes");
}

/* --- time --- */

static void
resolver_arm_wake(struct resolver *r)
{
    const struct heap_node *first = heap_first(&r->wakes);

    if (first)
        timer_start_at(&r->wake, first->when);
    else
        timer_stop(&r->wake);
}

static void
resolver_woken(void *arg)
{
    struct resolver *r = arg;
    int64_t now = loop_now(r->loop);
    struct heap_node *n;

    CHECK(r, RESOLVER_MAGIC);
    while ((n = heap_first(&r->wakes)) != NULL && n->when <= now) {
        heap_remove(&r->wakes, n);
        resolver_tell(CONTAINER_OF(n, struct domain, wake));
    }
    resolver_arm_wake(r);
}

void
resolver_wake(struct domain *d, int64_t when)
{
    heap_set(&d->resolver->wakes, &d->wake, when);
    resolver_arm_wake(d->resolver);
}

void
resolver_expires(struct domain *d, int64_t when)
{
    heap_set(&d->resolver->expiry, &d->expiry, when);
}

static void
resolver_sweep(void *arg)
{
    struct resolver *r = arg;
    int64_t now = loop_now(r->loop);
    struct heap_node *n;
    int most = ROUTE_SWEEP_MOST;

    CHECK(r, RESOLVER_MAGIC);
    while (most-- && (n = heap_first(&r->expiry)) != NULL && n->when <= now) {
        heap_remove(&r->expiry, n);
        domain_expired(CONTAINER_OF(n, struct domain, expiry));
    }
    hosts_sweep(r->hosts, now, ROUTE_METRICS_MS, ROUTE_SWEEP_MOST);
    hostlimits_sweep(r->limits);
    dane_sweep(r->dane, now, ROUTE_SWEEP_MOST);
    if (now - r->self_read >= ROUTE_SELF_MS) {
        self_refresh(&r->self);
        r->self_read = now;
    }
    timer_start(&r->sweep, most > 0 ? ROUTE_SWEEP_MS : 100);
}

/* --- records --- */

static struct domain *
resolver_find(const struct resolver *r, struct str key)
{
    struct chain *c = chains_find(&r->domains, str_hash(key));

    for (; c; c = c->next) {
        struct domain *d = CONTAINER_OF(c, struct domain, chain);

        if (str_eq(resolver_key(d), key))
            return d;
    }
    return NULL;
}

struct domain *
domain_get(struct resolver *r, const struct destination *to)
{
    struct buf key = BUF_INIT;
    struct domain *d;

    CHECK(r, RESOLVER_MAGIC);
    num_print(&key, (uint64_t)to->method);
    buf_char(&key, to->by_gateway ? 'g' : ' ');
    num_print(&key, to->by_gateway ? to->gateway_port : 0);
    buf_char(&key, " !?"[to->tls % 3]);
    buf_str(&key, to->domain);
    d = resolver_find(r, buf_get(&key));
    if (!d)
        d = domain_new(r, to, buf_get(&key));
    buf_fini(&key);
    if (!d->refs++)
        r->unused--;
    return d;
}

static bool
domain_has_failed(const struct domain *d)
{
    return d->failures || d->mx_failures;
}

static bool
domain_may_go(const struct domain *d)
{
    return !domain_has_failed(d) && !domain_looking(d);
}

/* One that nobody uses stays for a moment, unless there are many: there may be
 * as many as there are domains, and what DNS said is in its cache.  Its counts
 * of failures are nowhere else: with them it stays until it expires. */
void
domain_unref(struct domain **pd)
{
    struct domain *d = *pd;

    *pd = NULL;
    if (!d)
        return;
    CHECK(d, DOMAIN_MAGIC);
    BUG_ON(!d->refs);
    if (--d->refs)
        return;
    list_remove(&d->told_node);
    heap_remove(&d->resolver->wakes, &d->wake);
    if (++d->resolver->unused > ROUTE_UNUSED_MOST && domain_may_go(d))
        domain_free(d);
    else if (!d->expiry.index)
        resolver_expires(d, loop_now(d->resolver->loop));
    else if (!domain_has_failed(d))
        resolver_expires(d,
            MIN_OF(
                d->expiry.when, loop_now(d->resolver->loop) + ROUTE_UNUSED_MS));
}

void
domain_cursor_begin(struct resolver *r, struct domain_cursor *c)
{
    CHECK(r, RESOLVER_MAGIC);
    cursor_begin(&c->cursor, &r->cursors, &r->all);
}

struct domain *
domain_cursor_next(struct domain_cursor *c)
{
    struct list *n = c->cursor.at;

    cursor_next(&c->cursor);
    return n ? LIST_ENTRY(n, struct domain, node) : NULL;
}

void
domain_cursor_end(struct domain_cursor *c)
{
    cursor_end(&c->cursor);
}
