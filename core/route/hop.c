/* SPDX-License-Identifier: Apache-2.0
 *
 * hop.c - which host the next connection goes to.
 */
#include "route/resolve.h"

#include <stdio.h>

#include "base/bug.h"
#include "base/magic.h"
#include "route/hoptls.h"
#include "route/marks.h"
#include "route/route_int.h"
#include "route/route_options.h"
#include "route/way.h"
#include "base/banned.h"

/* What is asked of each host of a record. */
struct choice {
    struct domain *domain;
    struct generation *g;
    const struct scope *scope;
    struct str binding;
    uint16_t default_port;
    int64_t now;
    uint64_t marks;
    struct hoptls tls;
    bool meets_self; /* some host of the record is this server */
    /* what was found on the way */
    size_t down, full, skipped, unnamed;
    size_t asking, refused; /* by what DANE says */
    const struct host *refused_host;
    const char *refused_text;
    enum tls_reason refused_why;
    const struct host *self; /* of those left out the best */
    int64_t until;           /* the earliest end of a mark */
    uint64_t fewest;         /* failures in a row of those that are down */
    int64_t more_at;         /* the earliest token of a throttle, or 0 */
    struct line *line;       /* the shortest of those that are full */
};

static void
hop_address(const struct choice *c, const struct host *h, struct netaddr *to)
{
    if (h->ip.family) {
        netaddr_from_ip(to, &h->ip, h->port ? h->port : c->default_port);
        return;
    }
    memset(to, 0, sizeof(*to));
    (void)str_copy(to->path, sizeof(to->path), str_of(h->name)); /* it fits */
}

static bool
hop_prohibited(const struct choice *c, const struct host *h)
{
    return scope_cidr_has(
        c->scope, OPT(route_options, ROUTE_PROHIBITED_HOSTS), &h->ip);
}

/* --- this server among the hosts --- */

static uint16_t
hop_port(const struct choice *c, const struct host *h)
{
    return h->port ? h->port : c->default_port;
}

static bool
hop_is_self(const struct choice *c, const struct host *h)
{
    return self_is(&c->domain->resolver->self, &h->ip, hop_port(c, h));
}

/* Its name is in the MX list there, at the host's preference or a better one:
 * behind a NAT it does not know its address. */
static bool
hop_self_by_name(const struct choice *c, const struct host *h)
{
    return h->own && c->domain->self_rank <= h->rank &&
        self_has_port(&c->domain->resolver->self, hop_port(c, h));
}

static void
hop_begin(struct choice *c)
{
    const struct domain *d = c->domain;

    c->marks = hoptls_marks(&c->tls,
        marks_of(c->scope, domain_name(d), c->tls.dane != ROUTE_DANE_NO));
    for (size_t i = 0; i < d->host_count && !c->meets_self; i++)
        c->meets_self =
            hop_is_self(c, d->hosts[i]) || hop_self_by_name(c, d->hosts[i]);
}

/* RFC 5321 5.1: of the domain's MX this server is left out, and all of its
 * preference and of worse ones, as they would hand the mail to it.  What an
 * operator wrote is left out only if it is this server. */
static bool
hop_left_out(const struct choice *c, const struct host *h)
{
    const struct domain *d = c->domain;

    if (!c->meets_self)
        return false;
    if (hop_self_by_name(c, h) || hop_is_self(c, h))
        return true;
    for (size_t i = 0; h->own && i < d->host_count; i++) {
        const struct host *other = d->hosts[i];

        if (other->own && other->rank <= h->rank && other->port == h->port &&
            hop_is_self(c, other))
            return true;
    }
    return false;
}

/* --- which may be used --- */

/* Passed over: skip_hosts, or no source address of that family. */
static bool
hop_skipped(const struct choice *c, const struct host *h)
{
    struct way way;

    return scope_cidr_has(
               c->scope, OPT(route_options, ROUTE_SKIP_HOSTS), &h->ip) ||
        !way_find(c->scope, h->ip.family, &way);
}

static bool
hop_has_room(struct choice *c, const struct host *h)
{
    int64_t until;
    struct line *full = hostlimits_full(
        c->domain->resolver->limits, c->g, str_of(h->name), c->binding, &until);

    if (!full)
        return true;
    c->full++;
    if (!c->line || full->count < c->line->count)
        c->line = full;
    if (until)
        c->more_at = c->more_at ? MIN_OF(c->more_at, until) : until;
    return false;
}

static void
hop_mark(struct choice *c, int64_t until)
{
    c->until = c->until ? MIN_OF(c->until, until) : until;
}

/* No mail goes to a host before it is known which TLS it must have. */
static bool
hop_has_tls(struct choice *c, const struct host *h)
{
    struct dane_found f;

    switch (hoptls_judge(&c->tls, h, hop_port(c, h), &f)) {
    case HOPTLS_GOOD:
        return true;
    case HOPTLS_ASKING:
        c->asking++;
        return false;
    case HOPTLS_REFUSED:
        break;
    }
    c->refused++;
    c->refused_host = h;
    c->refused_text = f.text;
    c->refused_why = f.why;
    if (f.until != INT64_MAX)
        hop_mark(c, f.until);
    return false;
}

static bool
hop_usable(struct choice *c, const struct host *h)
{
    char name[MARKS_NAME_MAX];
    const struct host_facts *f;
    struct netaddr at;

    if (hop_skipped(c, h)) {
        c->skipped++;
        return false;
    }
    hop_address(c, h, &at);
    f = hosts_find(c->domain->resolver->hosts, &at,
        marks_name(name, c->binding, c->marks));
    if (f && f->failed_until > c->now) {
        c->fewest = c->down ? MIN_OF(c->fewest, f->failures) : f->failures;
        c->down++;
        hop_mark(c, f->failed_until);
        return false;
    }
    return hop_has_tls(c, h) && hop_has_room(c, h);
}

/* Of one preference: does a's family go first? */
static bool
hop_family_first(
    const struct choice *c, const struct host *a, const struct host *b)
{
    return a->ip.family == 6 && b->ip.family != 6 &&
        scope_int(c->scope, OPT(route_options, ROUTE_PREFER_IPV6_MXS));
}

/* Fewest connections; among those the one that was picked longest ago. */
static bool
hop_better(const struct choice *c, const struct host *a, const struct host *b)
{
    if (!b || hop_family_first(c, a, b))
        return true;
    if (hop_family_first(c, b, a))
        return false;
    if (a->open != b->open)
        return a->open < b->open;
    return a->picked < b->picked;
}

static bool
hop_is_of_level(const struct host *a, const struct host *b)
{
    return a->item_pref == b->item_pref && a->rank == b->rank;
}

/* The lowest preference with a usable host.  A prohibited address at that
 * level, whether chosen or not, denies the domain, so that the outcome does
 * not depend on chance.  While a better level is only down or full it is waited
 * for: an outage is no reason to bounce. */
static struct host *
hop_choose(struct choice *c, bool *prohibited)
{
    const struct domain *d = c->domain;
    struct host *best = NULL;
    size_t better = 0; /* hosts of better levels that can come back */

    *prohibited = false;
    for (size_t i = 0; i < d->host_count; i++) {
        struct host *h = d->hosts[i];
        if (i && !hop_is_of_level(d->hosts[i - 1], h)) {
            if (best || c->asking)
                break;
            better = c->down + c->full + c->refused;
        }
        if (hop_left_out(c, h)) {
            c->self = c->self ? c->self : h;
            continue;
        }
        if (hoptls_leaves_out(&c->tls, h, hop_port(c, h))) {
            c->unnamed++;
            continue;
        }
        if (hop_prohibited(c, h)) {
            *prohibited = !better;
            return NULL;
        }
        if (hop_usable(c, h) && hop_better(c, h, best))
            best = h;
    }
    return best;
}

static void
hop_say(struct hop *to, unsigned code, const char *status, const char *text)
{
    to->code = (uint16_t)code;
    for (int i = 0; i < 3; i++)
        to->status[i] = (uint16_t)(status[2 * i] - '0');
    (void)snprintf(to->text, sizeof(to->text), "[internal] %s", text);
}

/* Nothing is left but this server.  It may be for a while only: a better host
 * that could not be looked up, an operator who writes another one. */
static enum hop_result
hop_loop(const struct choice *c, struct hop *to)
{
    const struct domain *d = c->domain;
    struct buf text = BUF_INIT;
    struct netaddr at;

    hop_address(c, c->self, &at);
    buf_cstr(&text,
        d->whole            ? "mail loops back: this server is the best MX"
            : d->by_gateway ? "the gateway is this server itself"
            : d->rules.configured
            ? "of the hosts that routes name only this server is left"
            : "of the MX that are known this server is the best");
    buf_printf(&text, " (%.64s, ", c->self->name);
    netaddr_print(&at, &text);
    buf_char(&text, ')');
    hop_say(to, d->whole ? 554 : 454, d->whole ? "5.4.6" : "4.4.6",
        buf_get(&text).p);
    buf_fini(&text);
    return d->whole ? HOP_FAIL : HOP_DELAY;
}

/* RFC 7672 2.2: such a host is not spoken to, neither in clear. */
static enum hop_result
hop_refused(const struct choice *c, struct hop *to)
{
    struct buf text = BUF_INIT;

    buf_printf(
        &text, "DANE: %.64s: %s", c->refused_host->name, c->refused_text);
    hop_say(to, 451, "4.7.5", buf_get(&text).p);
    buf_fini(&text);
    to->why_tls = c->refused_why;
    to->name = str_of(c->refused_host->name);
    return HOP_DELAY;
}

static enum hop_result
hop_none(const struct choice *c, struct hop *to)
{
    const struct domain *d = c->domain;

    if (c->asking)
        return HOP_WAIT;
    if (c->full) {
        hop_say(to, 451, "4.4.1", "all hosts are at their limit");
        to->line = c->line;
        to->until = c->more_at;
        return HOP_LIMIT;
    }
    if (c->down) {
        hop_say(to, 421, "4.4.0",
            "no MXs for this domain could be reached at this time");
        to->until = c->until;
        to->failures = c->fewest;
        return HOP_DOWN;
    }
    if (c->refused)
        return hop_refused(c, to);
    if (c->unnamed && d->tls == MESSAGE_TLS_REQUIRED) {
        hop_say(to, 550, "5.7.1",
            "REQUIRETLS: nobody vouches for the MX (DNSSEC, MTA-STS)");
        to->status[2] = 10;
        return HOP_FAIL;
    }
    if (c->unnamed) {
        hop_say(to, 451, "4.7.5",
            "no usable MX is named by the domain's MTA-STS policy");
        return HOP_DELAY;
    }
    if (c->self && !c->skipped)
        return hop_loop(c, to);
    hop_say(to, 451, "4.4.1", "No valid hosts");
    return HOP_DELAY;
}

static enum hop_result
hop_take(struct choice *c, struct host *h, struct hop *to)
{
    struct resolver *r = c->domain->resolver;

    h->refs++;
    h->open++;
    h->picked = ++r->picks;
    hostlimits_enter(r->limits, c->g, str_of(h->name), c->binding, &to->pass);
    to->host = h;
    to->name = str_of(h->name);
    hop_address(c, h, &to->to);
    to->uri = h->uri[0] ? str_of(h->uri) : STR_NONE;
    to->preference = c->domain->rules.configured ? h->item_pref : h->preference;
    to->picked = c->now;
    to->marks = c->marks;
    to->tls = hoptls_demand(&c->tls, h, hop_port(c, h));
    return HOP_OK;
}

static enum hop_result
hop_verdict(const struct domain *d, struct hop *to)
{
    to->code = d->code;
    memcpy(to->status, d->status, sizeof(to->status));
    (void)str_copy(to->text, sizeof(to->text), str_of(d->text)); /* fits */
    return d->verdict;
}

/* Look again when a mark ends. */
static enum hop_result
hop_refuse(const struct choice *c, struct hop *to)
{
    if (c->until)
        resolver_wake(c->domain, c->until);
    return hop_none(c, to);
}

enum hop_result
domain_pick(struct domain *d, struct generation *g, const struct scope *scope,
    struct str binding, uint16_t default_port, struct hop *to)
{
    struct choice c = {.domain = d,
        .g = g,
        .scope = scope,
        .binding = binding,
        .default_port = default_port,
        .now = loop_now(d->resolver->loop)};
    struct host *h;
    bool prohibited, sts_known;

    CHECK(d, DOMAIN_MAGIC);
    memset(to, 0, sizeof(*to));
    resolver_adopt(d->resolver, g);
    if (!d->resolved || d->expires <= c.now)
        domain_look_up(d);
    sts_known = hoptls_begin(d, scope, &c.tls);
    if (!d->host_count) {
        if (domain_looking(d))
            return HOP_WAIT;
        return hop_verdict(d, to);
    }
    if (!sts_known)
        return HOP_WAIT;
    hop_begin(&c);
    h = hop_choose(&c, &prohibited);
    if (prohibited) {
        hop_say(to, 551, "5.4.6", "Private/Loopback Address");
        return HOP_FAIL;
    }
    return h ? hop_take(&c, h, to) : hop_refuse(&c, to);
}

/* --- looking only --- */

static enum hop_seen
look_seen(const struct choice *c, const struct host *h, bool chosen)
{
    struct choice one = *c;

    if (hop_left_out(c, h))
        return hop_is_self(c, h) ? HOP_SEEN_SELF : HOP_SEEN_WORSE;
    if (hoptls_leaves_out(&c->tls, h, hop_port(c, h)))
        return HOP_SEEN_UNNAMED;
    if (hop_prohibited(c, h))
        return HOP_SEEN_PROHIBITED;
    if (chosen)
        return HOP_SEEN_NEXT;
    one.down = one.full = one.skipped = one.asking = one.refused = 0;
    if (hop_usable(&one, h))
        return HOP_SEEN_FREE;
    if (one.asking || one.refused)
        return one.asking ? HOP_SEEN_ASKED : HOP_SEEN_REFUSED;
    if (one.skipped)
        return HOP_SEEN_SKIPPED;
    return one.down ? HOP_SEEN_FAILED : HOP_SEEN_FULL;
}

static void
look_tell(const struct choice *c, const struct host *h, bool chosen,
    hop_look_f *each, void *arg)
{
    struct hop_look row = {.host = h,
        .seen = look_seen(c, h, chosen),
        .name = str_of(h->name),
        .preference =
            c->domain->rules.configured ? h->item_pref : h->preference,
        .open = h->open,
        .marks = c->marks};
    const struct host_facts *f;
    char name[MARKS_NAME_MAX];

    hop_address(c, h, &row.at);
    f = hosts_find(c->domain->resolver->hosts, &row.at,
        marks_name(name, c->binding, c->marks));
    if (f && f->failed_until > c->now) {
        row.failed_at = f->failed_at;
        row.until = f->failed_until;
    }
    each(arg, &row);
}

enum hop_result
domain_look(struct domain *d, struct generation *g, const struct scope *scope,
    struct str binding, uint16_t default_port, struct hop *to, hop_look_f *each,
    void *arg)
{
    struct choice c = {.domain = d,
        .g = g,
        .scope = scope,
        .binding = binding,
        .default_port = default_port,
        .now = loop_now(d->resolver->loop)};
    const struct host *h;
    bool prohibited;

    CHECK(d, DOMAIN_MAGIC);
    memset(to, 0, sizeof(*to));
    if (!d->host_count && domain_looking(d))
        return HOP_WAIT;
    if (!d->host_count)
        return d->resolved ? hop_verdict(d, to) : HOP_OK;
    if (!hoptls_peek(d, scope, &c.tls))
        return HOP_WAIT;
    hop_begin(&c);
    h = hop_choose(&c, &prohibited);
    for (size_t i = 0; i < d->host_count; i++)
        look_tell(&c, d->hosts[i], d->hosts[i] == h && !prohibited, each, arg);
    if (prohibited) {
        hop_say(to, 551, "5.4.6", "Private/Loopback Address");
        return HOP_FAIL;
    }
    return h ? HOP_OK : hop_none(&c, to);
}

void
domain_say_full(struct domain *d, struct generation *g, struct str binding,
    struct str name, struct buf *to)
{
    hostlimits_say(d->resolver->limits, g, name, binding, to);
}

/* --- how one stands that was picked earlier --- */

static bool
hop_comes_before(const struct host *a, const struct host *b)
{
    if (a->item_pref != b->item_pref)
        return a->item_pref < b->item_pref;
    return a->rank < b->rank;
}

/* Of the record, and one that a pick may choose as far as the address goes. */
static bool
hop_is_there(const struct choice *c, const struct hop *hop)
{
    const struct domain *d = c->domain;
    struct netaddr at;

    for (size_t i = 0; i < d->host_count; i++) {
        const struct host *h = d->hosts[i];
        if (h != hop->host)
            continue;
        hop_address(c, h, &at);
        return netaddr_eq(&at, &hop->to) && !hop_left_out(c, h) &&
            !hop_skipped(c, h) && !hop_prohibited(c, h);
    }
    return false;
}

static enum hop_standing
hop_compare(struct choice *c, const struct host *mine)
{
    const struct domain *d = c->domain;

    for (size_t i = 0; i < d->host_count; i++) {
        const struct host *h = d->hosts[i];
        if (hop_comes_before(mine, h))
            break; /* they are in order */
        if (hop_is_of_level(h, mine) && !hop_family_first(c, h, mine))
            continue;
        if (!hop_left_out(c, h) &&
            !hoptls_leaves_out(&c->tls, h, hop_port(c, h)) &&
            !hop_prohibited(c, h) && hop_usable(c, h))
            return HOP_WORSE;
    }
    return c->full ? HOP_SPILLED : HOP_CURRENT;
}

enum hop_standing
domain_standing(struct domain *d, struct generation *g,
    const struct scope *scope, struct str binding, uint16_t default_port,
    const struct hop *h, int64_t *until)
{
    struct choice c = {.domain = d,
        .g = g,
        .scope = scope,
        .binding = binding,
        .default_port = default_port,
        .now = loop_now(d->resolver->loop)};
    enum hop_standing found;

    CHECK(d, DOMAIN_MAGIC);
    resolver_adopt(d->resolver, g);
    if (!d->resolved || d->expires <= c.now)
        domain_look_up(d);
    *until = domain_looking(d) ? INT64_MAX : d->expires;
    if (!d->host_count)
        return domain_looking(d) || d->verdict != HOP_FAIL ? HOP_CURRENT
                                                           : HOP_GONE;
    if (!hoptls_begin(d, scope, &c.tls))
        return HOP_CURRENT; /* until changed() */
    hop_begin(&c);
    if (!hop_is_there(&c, h) ||
        !hoptls_keeps(&c.tls, h->host, hop_port(&c, h->host), h->tls, until))
        return HOP_GONE;
    found = hop_compare(&c, h->host);
    if (c.until)
        *until = MIN_OF(*until, c.until);
    return found;
}

/* --- afterwards --- */

void
hop_closed(
    struct hop *h, struct str binding, int64_t bad, const struct scope *scope)
{
    struct host *host = h->host;
    struct resolver *r;
    char name[MARKS_NAME_MAX];
    int64_t now, retry;

    if (!host)
        return;
    CHECK(host, HOST_MAGIC);
    r = host->resolver;
    now = loop_now(r->loop);
    host->open--;
    hostlimits_leave(r->limits, &h->pass);
    if (bad >= 0) {
        retry = scope_int(scope, OPT(route_options, ROUTE_HOST_FAILURE_RETRY));
        hosts_failed(r->hosts, &h->to, marks_name(name, binding, h->marks), now,
            now + MAX_OF(retry, bad));
    }
    host_unref(&h->host);
    tlsdemand_unref(&h->tls);
    h->name = h->uri = STR_NONE;
}

void
hop_worked(struct hop *h, struct str binding)
{
    char name[MARKS_NAME_MAX];
    struct resolver *r;
    int64_t now;

    if (!h->host)
        return;
    CHECK(h->host, HOST_MAGIC);
    r = h->host->resolver;
    now = loop_now(r->loop);
    hosts_worked(r->hosts, &h->to, marks_name(name, binding, h->marks), now,
        now - h->picked);
}

struct line *
hop_may_send(struct hop *h, int64_t now, int64_t *until)
{
    return hostlimits_may_send(&h->pass, now, until);
}

bool
hop_fills(const struct hop *h, const struct line *l)
{
    return hostlimits_fills(&h->pass, l);
}

void
hop_idle(struct hop *h)
{
    hostlimits_idle(&h->pass);
}

struct tokens *
hop_tokens(const struct hop *h)
{
    return hostlimits_tokens(&h->pass);
}
