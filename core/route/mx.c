/* SPDX-License-Identifier: Apache-2.0 */
#include "route/mx.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/bug.h"
#include "base/magic.h"
#include "base/xmem.h"
#include "base/banned.h"

enum { MX_EXCHANGES_MAX = 64, MX_HOSTS_MAX = 512 };

struct exchange {
    struct mx_lookup *lookup;
    struct str name;
    uint16_t preference, rank;
    uint32_t ttl;
    bool secure;          /* the MX that names it is vouched for, */
    bool address_secure;  /* an address too, */
    bool alias_secure;    /* or that the name is an alias, */
    bool alias_unsure;    /* or nobody can say whether it is */
    struct str canonical; /* what it is an alias of */
    struct cidr address;  /* its name is one */
    struct dns_question *a, *aaaa, *cname;
};
struct mx_lookup {
    uint32_t magic;
    struct dns *dns;
    enum mx_kind kind;
    struct str name, canonical;
    bool ipv6;
    uint32_t address_ttl;
    mx_done_f *done;
    void *arg;
    struct arena *arena;
    struct dns_question *mx;
    struct exchange *exchanges;
    size_t exchange_count, open; /* open: questions about addresses */
    struct mx_host *hosts;
    size_t host_count;
    enum mx_status status;
    uint32_t ttl;
    bool mx_failed; /* the MX question itself */
    bool partial;   /* a question about an address failed */
    bool exists;    /* some name has an entry, if no address */
};

static void
mx_end(struct mx_lookup *m, enum mx_status status)
{
    m->status = status;
    m->done(m->arg, m); /* may free m */
}

/* By rank, then as they came: A before AAAA of one exchange. */
static int
host_order(const void *pa, const void *pb)
{
    const struct mx_host *a = pa, *b = pb;

    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    if (a->ip.family != b->ip.family && str_eq(a->name, b->name))
        return a->ip.family < b->ip.family ? -1 : 1;
    return 0;
}

/* Insertion sort: stable, and the lists are short and nearly in order. */
static void
hosts_sort(struct mx_host *hosts, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct mx_host h = hosts[i];
        size_t j = i;
        for (; j > 0 && host_order(&h, &hosts[j - 1]) < 0; j--)
            hosts[j] = hosts[j - 1];
        hosts[j] = h;
    }
}

/* RFC 7672 2.2.2 */
static void
hosts_secure(struct mx_lookup *m)
{
    for (size_t i = 0; i < m->host_count; i++) {
        struct mx_host *h = &m->hosts[i];
        const struct exchange *x = m->exchanges;

        while (x->name.p != h->name.p)
            x++;
        h->secure = x->secure && (x->address_secure || x->alias_secure);
        h->unsure = x->alias_unsure;
        h->canonical = x->address_secure ? x->canonical : STR_NONE;
    }
}

static void
addresses_end(struct mx_lookup *m)
{
    hosts_secure(m);
    hosts_sort(m->hosts, m->host_count);
    if (m->host_count)
        mx_end(m, MX_OK);
    else if (m->partial)
        mx_end(m, MX_FAILED);
    else
        mx_end(m, m->exists ? MX_NONE : MX_NXDOMAIN);
}

static bool
host_known(
    const struct mx_lookup *m, const struct exchange *x, const struct cidr *ip)
{
    for (size_t i = 0; i < m->host_count; i++)
        if (str_eq(m->hosts[i].name, x->name) && cidr_eq(&m->hosts[i].ip, ip))
            return true;
    return false;
}

static void
host_add(struct mx_lookup *m, const struct exchange *x, const struct cidr *ip,
    uint32_t ttl)
{
    struct mx_host *h;

    if (m->host_count == MX_HOSTS_MAX || host_known(m, x, ip))
        return;
    if ((m->host_count & (m->host_count - 1)) == 0)
        m->hosts = xgrow(
            m->hosts, m->host_count ? m->host_count * 2 : 1, sizeof(*m->hosts));
    h = &m->hosts[m->host_count++];
    memset(h, 0, sizeof(*h));
    h->name = x->name;
    h->ip = *ip;
    h->preference = x->preference;
    h->rank = x->rank;
    h->ttl = MIN_OF(x->ttl, ttl);
}

static void
on_cname(void *arg, const struct dns_answer *a)
{
    struct exchange *x = arg;

    x->cname = NULL;
    x->alias_secure = a->status == DNS_OK && a->authenticated;
    x->alias_unsure = a->status == DNS_SERVFAIL || a->status == DNS_TIMEOUT;
    x->lookup->partial |= x->alias_unsure;
    if (!--x->lookup->open)
        addresses_end(x->lookup);
}

/* All that is to be known about the addresses of one exchange.  Its name may be
 * an alias that is vouched for, of one that is not. */
static void
exchange_settle(struct exchange *x)
{
    struct mx_lookup *m = x->lookup;

    if (x->a || x->aaaa || !x->secure || x->address_secure || !x->canonical.p)
        return;
    m->open++;
    x->cname = dns_ask(m->dns, x->name, DNS_CNAME, on_cname, x);
}

static void
address_answer(struct exchange *x, const struct dns_answer *a)
{
    struct mx_lookup *m = x->lookup;

    m->ttl = MIN_OF(m->ttl, a->ttl);
    m->open--;
    x->address_secure |= a->status == DNS_OK && a->authenticated;
    if (a->canonical.p && !x->canonical.p)
        x->canonical = arena_str(m->arena, a->canonical);
    switch (a->status) {
    case DNS_OK:
        for (size_t i = 0; i < a->count; i++)
            host_add(m, x, &a->record[i].ip, a->ttl);
        break;
    case DNS_NODATA:
        m->exists = true;
        break;
    case DNS_NXDOMAIN:
        break;
    case DNS_SERVFAIL:
    case DNS_TIMEOUT:
        m->partial = true;
        break;
    }
    exchange_settle(x);
    if (!m->open)
        addresses_end(m);
}

static void
on_a(void *arg, const struct dns_answer *a)
{
    struct exchange *x = arg;

    x->a = NULL;
    address_answer(x, a);
}

static void
on_aaaa(void *arg, const struct dns_answer *a)
{
    struct exchange *x = arg;

    x->aaaa = NULL;
    address_answer(x, a);
}

static void
addresses_ask(struct mx_lookup *m)
{
    for (size_t i = 0; i < m->exchange_count; i++) {
        struct exchange *x = &m->exchanges[i];
        if (x->address.family) {
            host_add(m, x, &x->address, m->address_ttl);
            m->ttl = MIN_OF(m->ttl, m->address_ttl);
            continue;
        }
        m->open++;
        x->a = dns_ask(m->dns, x->name, DNS_A, on_a, x);
        if (!m->ipv6)
            continue;
        m->open++;
        x->aaaa = dns_ask(m->dns, x->name, DNS_AAAA, on_aaaa, x);
    }
    if (!m->open)
        addresses_end(m);
}

/* The name is its own exchange. */
static void
address_of_name(struct mx_lookup *m, uint32_t ttl, bool secure)
{
    struct exchange *x = arena_alloc(m->arena, sizeof(*x));

    x->lookup = m;
    x->name = m->name;
    x->ttl = ttl;
    x->secure = secure;
    m->exchanges = x;
    m->exchange_count = 1;
    addresses_ask(m);
}

static bool
exchange_known(const struct mx_lookup *m, struct str name)
{
    for (size_t i = 0; i < m->exchange_count; i++)
        if (str_eq(m->exchanges[i].name, name))
            return true;
    return false;
}

/* Distinct preferences, lowest first, become 0, 1, 2 ... */
static void
exchanges_rank(struct mx_lookup *m)
{
    for (size_t i = 0; i < m->exchange_count; i++) {
        struct exchange *x = &m->exchanges[i];
        for (size_t j = 0; j < m->exchange_count; j++) {
            bool first = m->exchanges[j].preference < x->preference;
            for (size_t k = 0; first && k < j; k++)
                first =
                    m->exchanges[k].preference != m->exchanges[j].preference;
            x->rank = (uint16_t)(x->rank + first);
        }
    }
}

/* The records of an answer, the best preference first: name servers answer in
 * any order, and of a large set the best are kept. */
static const struct dns_record **
best_first(struct arena *to, const struct dns_answer *a)
{
    const struct dns_record **sorted =
        arena_alloc(to, a->count * sizeof(struct dns_record *));
    for (size_t i = 0; i < a->count; i++) {
        size_t at = i;
        for (; at && sorted[at - 1]->preference > a->record[i].preference; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = &a->record[i];
    }
    return sorted;
}

/* "10 192.0.2.1": no name, but there are those who write it. */
static void
exchange_address(const struct mx_lookup *m, struct exchange *x)
{
    struct cidr ip;

    if (m->address_ttl && cidr_parse(x->name, 0, &ip, NULL) == 0 &&
        ip.family == 4)
        x->address = ip;
}

/* The root as exchange says "no mail" if it stands alone (RFC 7505 3); beside
 * others it is left out. */
static void
exchanges_of(struct mx_lookup *m, const struct dns_answer *a)
{
    const struct dns_record **from = best_first(m->arena, a);
    m->exchanges = arena_alloc(m->arena,
        MIN_OF(a->count, (size_t)MX_EXCHANGES_MAX) * sizeof(*m->exchanges));
    for (size_t i = 0; i < a->count && m->exchange_count < MX_EXCHANGES_MAX;
         i++) {
        struct exchange *x = &m->exchanges[m->exchange_count];
        if (!from[i]->name.n || exchange_known(m, from[i]->name))
            continue;
        x->lookup = m;
        x->name = arena_str(m->arena, from[i]->name);
        x->preference = from[i]->preference;
        x->ttl = a->ttl;
        x->secure = a->authenticated;
        exchange_address(m, x);
        m->exchange_count++;
    }
    m->exists = true; /* the domain does, whatever its exchanges are */
    exchanges_rank(m);
}

static void
on_mx(void *arg, const struct dns_answer *a)
{
    struct mx_lookup *m = arg;

    m->mx = NULL;
    m->ttl = MIN_OF(m->ttl, a->ttl);
    if (a->canonical.p && a->authenticated)
        m->canonical = arena_str(m->arena, a->canonical);
    switch (a->status) {
    case DNS_OK:
        exchanges_of(m, a);
        if (m->exchange_count)
            addresses_ask(m);
        else
            mx_end(m, MX_NULL);
        return;
    case DNS_NODATA:
        m->exists = true;
        if (m->kind == MX_ONLY)
            mx_end(m, MX_NONE);
        else
            address_of_name(m, a->ttl, a->authenticated);
        return;
    case DNS_NXDOMAIN:
        if (m->kind == MX_HOST)
            address_of_name(m, a->ttl, a->authenticated);
        else
            mx_end(m, MX_NXDOMAIN);
        return;
    case DNS_SERVFAIL:
    case DNS_TIMEOUT:
        break;
    }
    m->mx_failed = true;
    mx_end(m, MX_FAILED);
}

struct mx_lookup *
mx_start(
    struct dns *dns, const struct mx_request *r, mx_done_f *done, void *arg)
{
    struct mx_lookup *m = xnew(struct mx_lookup);

    BUG_ON(r->kind == MX_ADDRESS || r->kind == MX_NOTHING);
    m->magic = MX_MAGIC;
    m->dns = dns;
    m->kind = r->kind;
    m->ipv6 = r->ipv6;
    m->address_ttl = r->address_ttl;
    m->done = done;
    m->arg = arg;
    m->ttl = UINT32_MAX;
    m->arena = arena_new(256);
    m->name = arena_str(m->arena, r->name);
    if (r->kind == MX_A || (r->addresses_only && r->kind != MX_ONLY))
        address_of_name(m, UINT32_MAX, true);
    else
        m->mx = dns_ask(dns, m->name, DNS_MX, on_mx, m);
    return m;
}

void
mx_free(struct mx_lookup **pm)
{
    struct mx_lookup *m = *pm;

    if (!m)
        return;
    CHECK(m, MX_MAGIC);
    *pm = NULL;
    dns_cancel(&m->mx);
    for (size_t i = 0; i < m->exchange_count; i++) {
        dns_cancel(&m->exchanges[i].a);
        dns_cancel(&m->exchanges[i].aaaa);
        dns_cancel(&m->exchanges[i].cname);
    }
    arena_free(&m->arena);
    free(m->hosts);
    m->magic = 0;
    free(m);
}

enum mx_status
mx_status(const struct mx_lookup *m)
{
    return m->status;
}

const struct mx_host *
mx_hosts(const struct mx_lookup *m, size_t *count)
{
    *count = m->host_count;
    return m->hosts;
}

struct str
mx_canonical(const struct mx_lookup *m)
{
    return m->canonical;
}

uint32_t
mx_ttl(const struct mx_lookup *m)
{
    return m->ttl;
}

void
mx_names(const struct mx_lookup *m, struct buf *to)
{
    for (size_t i = 0; i < m->exchange_count; i++) {
        buf_str(to, m->exchanges[i].name);
        buf_char(to, '\0');
    }
}

uint16_t
mx_rank(const struct mx_lookup *m, struct str name)
{
    for (size_t i = 0; i < m->exchange_count; i++)
        if (str_ieq(m->exchanges[i].name, name))
            return m->exchanges[i].rank;
    return UINT16_MAX;
}

bool
mx_partial(const struct mx_lookup *m)
{
    return m->partial;
}

bool
mx_failed(const struct mx_lookup *m)
{
    return m->mx_failed;
}
