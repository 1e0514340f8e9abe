/* SPDX-License-Identifier: Apache-2.0
 *
 * queue_fake_route.c - a resolver with a table of hosts.
 */
#include "queue_world.h"

#include "route/binding.h"
#include "route/fit.h"
#include "route/mxshare.h"
#include "route/resolve.h"
#include "route/sts.h"

struct resolver {
    struct resolver_events ev;
};
struct domain {
    struct domain *next;
    char name[64];
    int refs;
    bool old;
};
struct host {
    struct fake_host *h;
};

struct fake_host fake_hosts[FAKE_HOSTS];
int fake_pick, fake_down_ms = 120000;
bool fake_greets_as_sender, fake_misfit;
const char *fake_gateway;
struct fake_share fake_shares[FAKE_SHARES];
int fake_port;
struct line fake_line;
static struct domain *domains;
static struct resolver *the_resolver;

bool
fit_routes(struct generation *g, struct str domain, int method, bool by_gateway,
    struct buf *why)
{
    (void)g, (void)domain, (void)method, (void)by_gateway;
    if (fake_misfit && why)
        buf_cstr(why, "\"apn\" does not fit");
    return !fake_misfit;
}

void
fake_route_reset(void)
{
    domains = NULL;
    memset(fake_hosts, 0, sizeof(fake_hosts));
    fake_hosts[0].addr = "192.0.2.1";
    fake_pick = HOP_OK;
    fake_down_ms = 120000;
    fake_gateway = NULL;
    memset(fake_shares, 0, sizeof(fake_shares));
    fake_port = 25;
    fake_greets_as_sender = fake_misfit = false;
}

void
resolve_destination(struct generation *g, struct str binding, struct str domain,
    struct destination *to)
{
    (void)g, (void)binding;
    *to = (struct destination){.domain = domain,
        .method = METHOD_ESMTP,
        .port = (uint16_t)fake_port,
        .by_gateway = fake_gateway != NULL};
    if (fake_gateway)
        to->domain = str_of(fake_gateway);
}

struct resolver *
resolver_new(struct loop *l, struct dns *dns, const struct resolver_events *ev)
{
    (void)l, (void)dns;
    the_resolver = xnew(struct resolver);
    the_resolver->ev = *ev;
    line_init(&fake_line, ev->wake);
    return the_resolver;
}

void
resolver_free(struct resolver **r)
{
    while (domains) {
        struct domain *d = domains;

        assert_int_equal(d->refs, 0);
        domains = d->next;
        free(d);
    }
    xfree(r);
}

struct domain *
domain_get(struct resolver *r, const struct destination *to)
{
    struct domain *d;

    (void)r;
    for (d = domains; d; d = d->next)
        if (str_eq(str_of(d->name), to->domain))
            break;
    if (!d) {
        d = xnew(struct domain);
        (void)str_copy(d->name, sizeof(d->name), to->domain);
        d->next = domains;
        domains = d;
    }
    d->refs++;
    return d;
}

void
domain_unref(struct domain **d)
{
    (*d)->refs--;
    *d = NULL;
}

struct str
domain_name(const struct domain *d)
{
    return str_of(d->name);
}

void
fake_route_changed(const char *domain)
{
    for (struct domain *d = domains; d; d = d->next)
        if (!domain || strcmp(d->name, domain) == 0)
            the_resolver->ev.changed(the_resolver->ev.arg, d);
    world_run();
}

void
domain_refresh(struct domain *d)
{
    (void)d;
}

void
resolver_adopt(struct resolver *r, struct generation *g)
{
    (void)r, (void)g;
}

void
resolver_set_sts(struct resolver *r, struct sts *sts)
{
    (void)r, (void)sts;
}

void
domain_print_sts(const struct domain *d, const struct scope *scope,
    const char *indent, struct buf *to)
{
    (void)d, (void)scope, (void)indent, (void)to;
}

unsigned fake_route_recovered;

void
resolver_recovered(struct resolver *r)
{
    (void)r;
    fake_route_recovered++;
}

void
resolver_set_self(struct resolver *r, const struct netaddr *at, size_t count)
{
    (void)r, (void)at, (void)count;
}

bool
mxshare_is_configured(const struct generation *g)
{
    (void)g;
    return fake_shares[0].domain != NULL;
}

enum mxshare
mxshare_find(struct domain *d, struct generation *g, struct str binding,
    struct mxshare_with *to)
{
    (void)g, (void)binding;
    if (fake_pick == HOP_WAIT)
        return MXSHARE_WAIT;
    for (int i = 0; i < FAKE_SHARES && fake_shares[i].domain; i++) {
        if (strcmp(fake_shares[i].domain, d->name) != 0 || !fake_shares[i].name)
            continue;
        to->name = str_of(fake_shares[i].name);
        to->print = fake_shares[i].print;
        return MXSHARE_YES;
    }
    return MXSHARE_NO;
}

bool
domain_is_old(const struct domain *d)
{
    return d->old;
}

void
domain_print_old(const struct domain *d, struct buf *to)
{
    buf_printf(to, "the routes of %s are old", d->name);
}

void
fake_route_age(const char *name, bool old)
{
    for (struct domain *d = domains; d; d = d->next)
        if (strcmp(d->name, name) == 0)
            d->old = old;
}

void
domain_cursor_begin(struct resolver *r, struct domain_cursor *c)
{
    (void)r;
    c->cursor.at = (struct list *)(void *)domains;
}

struct domain *
domain_cursor_next(struct domain_cursor *c)
{
    struct domain *d = (struct domain *)(void *)c->cursor.at;

    c->cursor.at = d ? (struct list *)(void *)d->next : NULL;
    return d;
}

void
domain_cursor_end(struct domain_cursor *c)
{
    (void)c;
}

static bool
serves(const struct fake_host *h, const struct domain *d)
{
    return h->addr && (!h->domain || strcmp(h->domain, d->name) == 0);
}

enum hop_result
domain_pick(struct domain *d, struct generation *g, const struct scope *scope,
    struct str binding, uint16_t default_port, struct hop *to)
{
    enum hop_result why = HOP_DOWN;

    (void)g, (void)scope, (void)binding;
    memset(to, 0, sizeof(*to));
    if (fake_pick == HOP_DELAY || fake_pick == HOP_FAIL) {
        to->code = fake_pick == HOP_FAIL ? 550 : 454;
        memcpy(to->status, (uint16_t[3]){fake_pick == HOP_FAIL ? 5 : 4, 4, 4},
            sizeof(to->status));
        (void)str_copy(
            to->text, sizeof(to->text), STR("[internal] no MX or A"));
    }
    if (fake_pick != HOP_OK)
        return (enum hop_result)fake_pick;
    to->until = INT64_MAX;
    to->failures = UINT64_MAX;
    for (int i = 0; i < FAKE_HOSTS; i++) {
        struct fake_host *h = &fake_hosts[i];

        if (!serves(h, d))
            continue;
        if (h->down_until > clock_mono()) {
            to->until = MIN_OF(to->until, h->down_until);
            to->failures = MIN_OF(to->failures, (uint64_t)h->in_a_row);
        } else if (h->throttled || (h->limit && h->open >= h->limit)) {
            why = HOP_LIMIT;
            to->line = &fake_line;
            to->until = h->throttled ? clock_mono() + 3000 : 0;
        } else {
            to->host = xnew(struct host);
            to->host->h = h;
            to->name = str_of(h->addr);
            to->uri = STR_NONE;
            assert_int_equal(
                cidr_parse(str_of(h->addr), 0, &to->to.ip, NULL), 0);
            to->to.port = default_port;
            h->open++;
            return HOP_OK;
        }
    }
    return why;
}

/* As domain_pick() says, without taking anything. */
enum hop_result
domain_look(struct domain *d, struct generation *g, const struct scope *scope,
    struct str binding, uint16_t default_port, struct hop *to, hop_look_f *each,
    void *arg)
{
    enum hop_result r = domain_pick(d, g, scope, binding, default_port, to);
    struct host *taken = to->host;

    for (int i = 0; i < FAKE_HOSTS && fake_pick == HOP_OK; i++) {
        struct fake_host *h = &fake_hosts[i];
        struct hop_look row = {.seen = HOP_SEEN_FREE, .open = h->open};

        if (!serves(h, d))
            continue;
        row.name = str_of(h->addr);
        assert_int_equal(cidr_parse(row.name, 0, &row.at.ip, NULL), 0);
        if (h->down_until > clock_mono()) {
            row.seen = HOP_SEEN_FAILED;
            row.failed_at = h->down_until - fake_down_ms;
            row.until = h->down_until;
        } else if (h->throttled || (h->limit && h->open >= h->limit))
            row.seen = HOP_SEEN_FULL;
        each(arg, &row);
    }
    if (taken) {
        taken->h->open--;
        xfree(&to->host);
    }
    return r;
}

void
domain_say_full(struct domain *d, struct generation *g, struct str binding,
    struct str name, struct buf *to)
{
    (void)d, (void)g, (void)binding;
    buf_printf(to, "a limit of %.*s", STR_ARG(name));
}

enum hop_standing
domain_standing(struct domain *d, struct generation *g,
    const struct scope *scope, struct str binding, uint16_t default_port,
    const struct hop *hop, int64_t *until)
{
    struct fake_host *mine = hop->host->h;
    enum hop_standing found = HOP_CURRENT;

    (void)g, (void)scope, (void)binding, (void)default_port;
    *until = INT64_MAX;
    if (!serves(mine, d))
        return HOP_GONE;
    for (struct fake_host *h = fake_hosts; h < mine; h++) {
        if (!serves(h, d))
            continue;
        if (h->down_until > clock_mono())
            *until = MIN_OF(*until, h->down_until);
        else if (h->limit && h->open >= h->limit)
            found = HOP_SPILLED;
        else
            return HOP_WORSE;
    }
    return found;
}

void
hop_closed(
    struct hop *h, struct str binding, int64_t bad, const struct scope *scope)
{
    struct fake_host *of;

    (void)binding, (void)scope;
    if (!h->host)
        return;
    of = h->host->h;
    of->open--;
    assert_true(of->open >= 0);
    (void)line_wake(&fake_line);
    if (bad >= 0) {
        of->failures++;
        of->in_a_row++;
        of->down_until = clock_mono() + MAX_OF(fake_down_ms, bad);
    }
    xfree(&h->host);
}

bool
hop_fills(const struct hop *h, const struct line *l)
{
    return l == &fake_line && h->host && h->host->h->limit;
}

void
hop_idle(struct hop *h)
{
    if (h->host && h->host->h->limit)
        (void)line_wake(&fake_line);
}

struct line *
hop_may_send(struct hop *h, int64_t now, int64_t *until)
{
    *until = now + 3000;
    return h->host->h->throttled ? &fake_line : NULL;
}

struct tokens *
hop_tokens(const struct hop *h)
{
    static struct tokens endless;

    return h->host->h->paced ? &endless : NULL;
}

void
hop_worked(struct hop *h, struct str binding)
{
    (void)binding;
    h->host->h->worked++;
    h->host->h->in_a_row = 0;
}

void
domain_print(struct domain *d, struct generation *g, const struct scope *scope,
    struct str binding, uint16_t default_port, struct buf *to)
{
    (void)g, (void)scope, (void)binding, (void)default_port;
    buf_printf(to, "hosts of %s\n", d->name);
}

void
domain_why(const struct domain *d, struct buf *to, int64_t *until)
{
    buf_printf(to, "the hosts of %s", d->name);
    *until = 0;
}

void
binding_source(const struct scope *s, int family, struct cidr *to)
{
    (void)s, (void)family;
    memset(to, 0, sizeof(*to));
}

bool
binding_greets_as_sender(const struct scope *s)
{
    (void)s;
    return fake_greets_as_sender;
}

void
binding_ehlo_name(
    const struct scope *s, struct str sender_domain, struct buf *to)
{
    (void)s, (void)sender_domain;
    buf_cstr(to, "mta.test");
}

struct str
binding_hostname(const struct scope *s)
{
    (void)s;
    return STR("mta.test");
}
