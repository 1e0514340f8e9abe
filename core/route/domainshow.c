/* SPDX-License-Identifier: Apache-2.0
 *
 * domainshow.c - a domain record in words: `domain D`, `explain`.
 */
#include "route/resolve.h"

#include "base/bug.h"
#include "base/magic.h"
#include "route/route_int.h"
#include "base/banned.h"

static const struct host *
next_pick(const struct domain *d)
{
    const struct host *best = NULL;

    for (size_t i = 0; i < d->host_count; i++) {
        const struct host *h = d->hosts[i];
        if (best && (h->item_pref != best->item_pref || h->rank != best->rank))
            break;
        if (!best || h->open < best->open ||
            (h->open == best->open && h->picked < best->picked))
            best = h;
    }
    return best;
}

static void
print_facts(const struct domain *d, const struct host *h, struct buf *to)
{
    struct hosts *hosts = d->resolver->hosts;
    int64_t now = loop_now(d->resolver->loop);
    struct host_facts f;

    if (!hosts_summary(hosts, &h->ip, h->port, now, &f)) {
        buf_cstr(to, " (no connection yet)");
        return;
    }
    if (f.connect_ms > 0)
        buf_printf(to, " (%.0f ms con)", f.connect_ms);
    if (f.failed_until > now)
        buf_printf(to, " %lld s since failure, %lld s to go",
            (long long)((now - f.failed_at) / 1000),
            (long long)((f.failed_until - now + 999) / 1000));
}

static void
print_host(
    const struct domain *d, const struct host *h, bool next, struct buf *to)
{
    struct host_facts f;
    bool known = hosts_summary(
        d->resolver->hosts, &h->ip, h->port, loop_now(d->resolver->loop), &f);
    bool failed = known && f.failed_until > loop_now(d->resolver->loop);

    buf_printf(to, "  %s%s [", next ? "=>" : "  ", failed ? "*" : " ");
    cidr_print(&h->ip, to);
    buf_printf(to, "] IPv%d", h->ip.family);
    if (h->port)
        buf_printf(to, " port %u", (unsigned)h->port);
    print_facts(d, h, to);
    if (h->open)
        buf_printf(to, " %lld open", (long long)h->open);
    buf_char(to, '\n');
}

static bool
same_exchange(const struct host *a, const struct host *b)
{
    return a->item_pref == b->item_pref && a->rank == b->rank &&
        strcmp(a->name, b->name) == 0 && strcmp(a->uri, b->uri) == 0;
}

static void
print_hosts(const struct domain *d, struct buf *to)
{
    const struct host *next = next_pick(d);

    for (size_t i = 0; i < d->host_count; i++) {
        const struct host *h = d->hosts[i];
        if (!i || !same_exchange(h, d->hosts[i - 1])) {
            if (d->rules.configured)
                buf_printf(to, "[%d.%u %s TTL:%u]", (int)h->item_pref,
                    (unsigned)h->preference, h->name, (unsigned)h->ttl);
            else
                buf_printf(to, "[%u %s TTL:%u]", (unsigned)h->preference,
                    h->name, (unsigned)h->ttl);
            if (h->uri[0])
                buf_printf(to, " from \"%s\"", h->uri);
            buf_char(to, '\n');
        }
        print_host(d, h, h == next, to);
    }
}

static long long
seconds_left(const struct domain *d)
{
    int64_t left = d->expires - loop_now(d->resolver->loop);

    return left > 0 ? (left + 999) / 1000 : 0;
}

void
domain_print_old(const struct domain *d, struct buf *to)
{
    CHECK(d, DOMAIN_MAGIC);
    buf_printf(to,
        "routes of an older configuration hold for %lld s more, until their "
        "TTL ends (refresh domain %.*s changes them at once)",
        seconds_left(d), STR_ARG(d->name));
}

void
domain_print(const struct domain *d, struct buf *to)
{
    CHECK(d, DOMAIN_MAGIC);
    buf_printf(to, "Domain '%.*s' has %zu MX%s and a TTL of %lld seconds",
        STR_ARG(d->name), d->mx_count, d->mx_count == 1 ? "" : "s",
        seconds_left(d));
    if (d->by_gateway)
        buf_cstr(to, " (a gateway)");
    if (d->rules.configured)
        buf_cstr(to, " (by routes)");
    buf_char(to, '\n');
    if (domain_is_old(d)) {
        domain_print_old(d, to);
        buf_char(to, '\n');
    }
    print_hosts(d, to);
    if (!d->resolved)
        buf_cstr(to,
            domain_looking(d) ? "DNS is being asked\n" : "not looked up yet\n");
    else if (!d->host_count || d->stale_ok)
        buf_printf(to, "last lookup failed: %u %u.%u.%u %s\n",
            (unsigned)d->code, (unsigned)d->status[0], (unsigned)d->status[1],
            (unsigned)d->status[2], d->text);
    if (d->failures)
        buf_printf(to, "%llu failed lookups in a row\n",
            (unsigned long long)d->failures);
}

/* All hosts marked: the earliest end; 0: some host is free. */
static int64_t
all_down_until(const struct domain *d)
{
    int64_t now = loop_now(d->resolver->loop), until = 0;
    struct host_facts f;

    for (size_t i = 0; i < d->host_count; i++) {
        const struct host *h = d->hosts[i];
        if (!hosts_summary(d->resolver->hosts, &h->ip, h->port, now, &f) ||
            f.failed_until <= now)
            return 0;
        until = until ? MIN_OF(until, f.failed_until) : f.failed_until;
    }
    return until;
}

void
domain_why(const struct domain *d, struct buf *to, int64_t *until)
{
    struct str name;

    CHECK(d, DOMAIN_MAGIC);
    name = d->name;
    *until = 0;
    if (!d->host_count && domain_looking(d)) {
        buf_printf(to, "DNS is being asked for %.*s since %lld s",
            STR_ARG(name),
            (long long)((loop_now(d->resolver->loop) - d->asked) / 1000));
    } else if (!d->resolved) {
        buf_printf(to, "%.*s was not looked up yet", STR_ARG(name));
    } else if (!d->host_count) {
        buf_printf(to, "the lookup of %.*s failed %llu times: %u %u.%u.%u %s",
            STR_ARG(name), (unsigned long long)d->failures, (unsigned)d->code,
            (unsigned)d->status[0], (unsigned)d->status[1],
            (unsigned)d->status[2], d->text);
        *until = d->expires;
    } else if ((*until = all_down_until(d)) != 0) {
        buf_printf(to, "all %zu hosts of %.*s failed a short while ago",
            d->host_count, STR_ARG(name));
    } else if (d->limited) {
        buf_printf(to, "the hosts of %.*s are at their limit", STR_ARG(name));
    } else {
        buf_printf(to, "%.*s has a host to connect to", STR_ARG(name));
    }
}
