/* SPDX-License-Identifier: Apache-2.0
 *
 * domainshow.c - a domain record in words: `domain D`, `explain`.
 */
#include "route/resolve.h"

#include "base/bug.h"
#include "base/magic.h"
#include "route/domainsts.h"
#include "route/marks.h"
#include "route/route_int.h"
#include "route/route_options.h"
#include "base/banned.h"

static bool
same_exchange(const struct host *a, const struct host *b)
{
    return a->item_pref == b->item_pref && a->rank == b->rank &&
        strcmp(a->name, b->name) == 0 && strcmp(a->uri, b->uri) == 0;
}

/* The record's hosts, as the code that picks tells of them. */
struct host_lines {
    struct domain *domain;
    struct str binding;
    bool dane;
    const struct host *last;
    struct buf *to;
};

static void
print_exchange(const struct host_lines *l, const struct host *h)
{
    if (l->domain->rules.configured)
        buf_printf(l->to, "[%d.%u %s TTL:%u]", (int)h->item_pref,
            (unsigned)h->preference, h->name, (unsigned)h->ttl);
    else
        buf_printf(l->to, "[%u %s TTL:%u]", (unsigned)h->preference, h->name,
            (unsigned)h->ttl);
    if (h->uri[0])
        buf_printf(l->to, " from \"%s\"", h->uri);
    buf_char(l->to, '\n');
}

static void
print_facts(const struct host_lines *l, const struct hop_look *row)
{
    static const char *const words[] = {[HOP_SEEN_NEXT] = "",
        [HOP_SEEN_FREE] = "",
        [HOP_SEEN_FAILED] = "",
        [HOP_SEEN_FULL] = " at its limit",
        [HOP_SEEN_SKIPPED] = " passed over",
        [HOP_SEEN_PROHIBITED] = " prohibited",
        [HOP_SEEN_ASKED] = " waits for its TLSA records",
        [HOP_SEEN_REFUSED] = " refused",
        [HOP_SEEN_SELF] = " left out: this server",
        [HOP_SEEN_WORSE] = " left out: no better than this server",
        [HOP_SEEN_UNNAMED] = " left out: not in its MTA-STS policy"};
    const struct resolver *r = l->domain->resolver;
    char name[MARKS_NAME_MAX];
    const struct host_facts *f = hosts_find(
        r->hosts, &row->at, marks_name(name, l->binding, row->marks));
    int64_t now = loop_now(r->loop);

    if (!f)
        buf_cstr(l->to, " (no connection yet)");
    else if (f->connect_ms > 0)
        buf_printf(l->to, " (%.0f ms con)", f->connect_ms);
    if (row->until)
        buf_printf(l->to, " %lld s since failure, %lld s to go",
            (long long)((now - row->failed_at) / 1000),
            (long long)((row->until - now + 999) / 1000));
    buf_cstr(l->to, words[row->seen]);
    if (row->open)
        buf_printf(l->to, " %lld open", (long long)row->open);
}

static void
print_host(void *arg, const struct hop_look *row)
{
    struct host_lines *l = arg;
    const struct host *h = row->host;
    struct domain *d = l->domain;

    if (!l->last || !same_exchange(h, l->last))
        print_exchange(l, h);
    l->last = h;
    buf_printf(l->to, "  %s%s [", row->seen == HOP_SEEN_NEXT ? "=>" : "  ",
        row->seen == HOP_SEEN_FAILED ? "*" : " ");
    if (h->ip.family) {
        cidr_print(&h->ip, l->to);
        buf_printf(l->to, "] IPv%d", h->ip.family);
    } else {
        buf_printf(l->to, "%s] socket", h->name);
    }
    if (h->port)
        buf_printf(l->to, " port %u", (unsigned)h->port);
    print_facts(l, row);
    buf_char(l->to, '\n');
    if (!l->dane)
        return;
    buf_cstr(l->to, "       ");
    dane_print(d->resolver->dane, d, h, row->at.port, l->to);
    buf_char(l->to, '\n');
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
domain_print(struct domain *d, struct generation *g, const struct scope *scope,
    struct str binding, uint16_t default_port, struct buf *to)
{
    struct host_lines l = {.domain = d,
        .binding = binding,
        .dane = dane_wanted(scope, d->method) != ROUTE_DANE_NO,
        .to = to};
    struct hop hop;

    CHECK(d, DOMAIN_MAGIC);
    buf_printf(to, "Domain '%.*s' has %zu MX%s and a TTL of %lld seconds",
        STR_ARG(d->name), d->mx_count, d->mx_count == 1 ? "" : "s",
        seconds_left(d));
    if (d->by_gateway)
        buf_cstr(to, " (a gateway)");
    if (d->rules.configured)
        buf_cstr(to, " (by routes)");
    if (!str_eq(binding, STR("default")))
        buf_printf(to, " for binding %.*s", STR_ARG(binding));
    buf_char(to, '\n');
    if (domain_is_old(d)) {
        domain_print_old(d, to);
        buf_char(to, '\n');
    }
    domainsts_print(d, scope, to);
    (void)domain_look(d, g, scope, binding, default_port, &hop, print_host, &l);
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

void
domain_print_sts(const struct domain *d, const struct scope *scope,
    const char *indent, struct buf *to)
{
    struct buf line = BUF_INIT;

    CHECK(d, DOMAIN_MAGIC);
    domainsts_print(d, scope, &line);
    if (line.n)
        buf_printf(to, "%s%.*s", indent, STR_ARG(buf_get(&line)));
    buf_fini(&line);
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
    } else if (domainsts_is_asking(d)) {
        buf_printf(
            to, "the MTA-STS policy of %.*s is being asked for", STR_ARG(name));
    } else if (d->dane_waits) {
        buf_printf(to, "TLSA records of hosts of %.*s are being asked for",
            STR_ARG(name));
    } else {
        buf_printf(
            to, "%zu hosts of %.*s are known", d->host_count, STR_ARG(name));
    }
}
