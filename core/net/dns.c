/* SPDX-License-Identifier: Apache-2.0 */
#include "net/dns.h"

#include <stdlib.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/idna.h"
#include "base/list.h"
#include "base/magic.h"
#include "base/map.h"
#include "base/xmem.h"
#include "loop/defer.h"
#include "loop/timer.h"
#include "net/dnscache.h"
#include "net/dnschannel.h"
#include "net/dnsparse.h"
#include "base/banned.h"

enum {
    DNS_IN_FLIGHT_MAX = 1000, /* the rest waits its turn */
    DNS_SEND_PER_TURN = 64,
    DNS_DROP_PER_TURN = 1000, /* of a cache that was flushed */
    DNS_HOSTS_TTL = 60,       /* of what the hosts file says */
    DNS_HOSTS_MAX = 16,
    DNS_NEGATIVE_TTL = 60, /* of negative answers without SOA */
    DNS_FAILURE_TTL = 5    /* so that a dead server is not flooded */
};

/* A name and type that is being asked; all who ask meanwhile share it. */
struct lookup {
    struct list waiting; /* in dns.waiting or dns.limited until it is sent */
    struct dns *dns;
    struct list questions;
    enum dns_type type;
    int64_t asked_us;
    bool is_limited;
    bool forgotten;   /* dns_forget() came after it was sent */
    uint64_t flushes; /* dns.flushes when it was sent */
    size_t key_n;
    char *name; /* NUL-ended; in key */
    char key[];
};
struct dns_question {
    struct list node; /* of a lookup, or of dns.ready */
    struct dnscache_answer *answer;
    dns_answer_f *fn;
    void *arg;
};
struct dns {
    uint32_t magic;
    struct loop *loop;
    uint32_t min_ttl, max_ttl, negative_ttl_max, tlsa_ttl_max;
    struct dnschannel *channel;
    struct dnscache *cache;
    struct map lookups; /* by type and name */
    struct list waiting, ready;
    struct list limited; /* MX questions that wait for a token */
    size_t limited_count, limited_max;
    struct tokens tokens;
    struct timer tokens_timer;
    size_t in_flight;
    struct defer deliver, more, drop;
    uint64_t flushes;
    struct dns_stats stats;
    int64_t response_us_sum;
    uint64_t responses;
};

static const struct {
    enum dns_type type;
    int stat; /* of dns_stats, or -1 */
} dns_types[] = {{DNS_A, 0}, {DNS_AAAA, 1}, {DNS_MX, 2}, {DNS_TXT, 3},
    {DNS_PTR, -1}, {DNS_CNAME, -1}, {DNS_TLSA, -1}};

static int
dns_stat(enum dns_type t)
{
    for (size_t i = 0; i < ARRAY_SIZE(dns_types); i++)
        if (dns_types[i].type == t)
            return dns_types[i].stat;
    return -1;
}

static void dns_send_more(void *arg);

static void
dns_configure(struct dns *d, const struct dns_config *c)
{
    d->min_ttl = MIN_OF(c->min_ttl, c->max_ttl);
    d->max_ttl = c->max_ttl;
    d->negative_ttl_max = c->negative_ttl_max;
    d->tlsa_ttl_max = c->tlsa_ttl_max ? c->tlsa_ttl_max : c->max_ttl;
    d->limited_max = c->mx_waiting_max;
    tokens_set_rate(&d->tokens, c->mx_rate, loop_now(d->loop));
    defer_post(d->loop, &d->more, dns_send_more, d, "dns send");
}

struct dns *
dns_new(struct loop *l, const struct dns_config *c, struct err *e)
{
    struct dnschannel *channel = dnschannel_new(l, c, e);
    struct dns *d;

    if (!channel)
        return NULL;
    d = xnew(struct dns);
    d->magic = DNS_MAGIC;
    d->loop = l;
    d->channel = channel;
    d->cache = dnscache_new(c->cache_size);
    map_init(&d->lookups, false);
    list_init(&d->waiting);
    list_init(&d->ready);
    list_init(&d->limited);
    tokens_init(&d->tokens, c->mx_rate, loop_now(l));
    timer_init(&d->tokens_timer, l, dns_send_more, d, "dns rate limit");
    dns_configure(d, c);
    return d;
}

void
dns_reload(struct dns *d, const struct dns_config *c)
{
    CHECK(d, DNS_MAGIC);
    dns_configure(d, c);
    dnscache_resize(d->cache, c->cache_size);
    dnschannel_reload(d->channel, c);
}

/* --- handing out answers --- */

static void
question_answer(struct dns_question *q, int64_t now)
{
    struct dns_answer a = q->answer->a;
    int64_t left = q->answer->expires - now;

    a.ttl = left > 0 ? (uint32_t)MIN_OF((left + 999) / 1000, UINT32_MAX) : 0;
    q->fn(q->arg, &a);
    dnscache_answer_unref(&q->answer);
    free(q);
}

/* What is asked meanwhile is answered in a later round. */
static void
dns_deliver(void *arg)
{
    struct dns *d = arg;
    struct list round, *it;
    int64_t now = loop_now(d->loop);

    CHECK(d, DNS_MAGIC);
    list_init(&round);
    while ((it = list_take(&d->ready)) != NULL)
        list_push(&round, it);
    while ((it = list_take(&round)) != NULL)
        question_answer(LIST_ENTRY(it, struct dns_question, node), now);
}

static void
dns_ready(struct dns *d, struct dns_question *q, struct dnscache_answer *a)
{
    q->answer = dnscache_answer_ref(a);
    list_remove(&q->node);
    list_push(&d->ready, &q->node);
    if (!defer_pending(&d->deliver))
        defer_post(d->loop, &d->deliver, dns_deliver, d, "dns answers");
}

/* How long an answer is kept, in seconds. */
static uint32_t
dns_keep(const struct dns *d, enum dns_type t, const struct dns_answer *a)
{
    if (t == DNS_TLSA && a->status == DNS_OK)
        return MIN_OF(a->ttl, MIN_OF(d->tlsa_ttl_max, d->max_ttl));
    switch (a->status) {
    case DNS_OK:
        return MIN_OF(MAX_OF(a->ttl, d->min_ttl), d->max_ttl);
    case DNS_NODATA:
    case DNS_NXDOMAIN:
        return MIN_OF(a->ttl == UINT32_MAX ? DNS_NEGATIVE_TTL : a->ttl,
            d->negative_ttl_max);
    case DNS_SERVFAIL:
    case DNS_TIMEOUT:
        break;
    }
    return MIN_OF((uint32_t)DNS_FAILURE_TTL, d->negative_ttl_max);
}

/* --- lookups --- */

static void
lookup_end(struct lookup *k, struct dnscache_answer *a)
{
    struct dns *d = k->dns;
    struct str name = str_of(k->name);
    struct list *it;
    uint32_t keep = dns_keep(d, k->type, &a->a);

    a->expires = loop_now(d->loop) + (int64_t)keep * 1000;
    if (keep && !k->forgotten && k->flushes == d->flushes)
        dnscache_put(d->cache, name, k->type, a);
    while ((it = list_first(&k->questions)) != NULL)
        dns_ready(d, LIST_ENTRY(it, struct dns_question, node), a);
    /* A forgotten one may have been replaced in the map. */
    if (map_find(&d->lookups, str_make(k->key, k->key_n)) == k)
        (void)map_remove(&d->lookups, str_make(k->key, k->key_n));
    list_remove(&k->waiting);
    free(k);
}

static void
lookup_count(struct lookup *k, enum dns_status status)
{
    struct dns *d = k->dns;
    int stat = dns_stat(k->type);
    int64_t us = clock_mono_us() - k->asked_us;

    if (stat >= 0 && status == DNS_TIMEOUT)
        d->stats.timeouts[stat]++;
    if (status != DNS_OK)
        return;
    d->response_us_sum += us;
    d->responses++;
    d->stats.response_us_peak = MAX_OF(d->stats.response_us_peak, us);
}

static void
lookup_answered(
    void *arg, enum dns_status status, struct str bytes, bool trusted)
{
    struct lookup *k = arg;
    struct dns *d = k->dns;
    struct dnscache_answer *a = dnscache_answer_new();

    lookup_count(k, status);
    a->a.status = status;
    if (status == DNS_OK)
        dnsparse_answer(bytes, str_of(k->name), k->type, a->arena, &a->a);
    else
        a->a.ttl = UINT32_MAX;
    a->a.authenticated &= trusted;
    d->in_flight--;
    if (list_first(&d->waiting) || list_first(&d->limited))
        defer_post(d->loop, &d->more, dns_send_more, d, "dns send");
    lookup_end(k, a);
    dnscache_answer_unref(&a);
}

static struct dns_record *
answer_addresses(struct dnscache_answer *a, const struct cidr *ip, size_t count)
{
    struct dns_record *r = arena_alloc(a->arena, count * sizeof(*r));

    for (size_t i = 0; i < count; i++) {
        r[i].ip = ip[i];
        r[i].ttl = DNS_HOSTS_TTL;
    }
    a->a.status = DNS_OK;
    a->a.ttl = DNS_HOSTS_TTL;
    a->a.record = r;
    a->a.count = count;
    return r;
}

/* What no server is asked: localhost (RFC 6761 6.3), the hosts file. */
static bool
lookup_local(struct lookup *k)
{
    struct str name = str_of(k->name);
    bool localhost =
        str_eq(name, STR("localhost")) || str_ends(name, STR(".localhost"));
    struct cidr ip[DNS_HOSTS_MAX];
    struct dnscache_answer *a;
    size_t count = 0;

    if (k->type == DNS_A || k->type == DNS_AAAA) {
        if (localhost)
            count = cidr_parse(k->type == DNS_A ? STR("127.0.0.1") : STR("::1"),
                        0, ip, NULL) == 0;
        else
            count = dnschannel_hosts(k->dns->channel, k->name,
                k->type == DNS_A ? 4 : 6, ip, DNS_HOSTS_MAX);
    }
    if (!count && !localhost)
        return false;
    a = dnscache_answer_new();
    a->a.status = DNS_NODATA;
    a->a.ttl = DNS_HOSTS_TTL;
    if (count)
        (void)answer_addresses(a, ip, count);
    lookup_end(k, a);
    dnscache_answer_unref(&a);
    return true;
}

static void
lookup_send(struct lookup *k)
{
    struct dns *d = k->dns;
    int stat = dns_stat(k->type);

    list_remove(&k->waiting);
    d->limited_count -= k->is_limited;
    k->is_limited = false;
    k->flushes = d->flushes;
    if (lookup_local(k))
        return;
    if (stat >= 0)
        d->stats.queries[stat]++;
    d->in_flight++;
    k->asked_us = clock_mono_us();
    dnschannel_send(d->channel, k->name, k->type, lookup_answered, k);
}

/* Those that wait for the rate, as far as it goes. */
static int
dns_send_limited(struct dns *d, int left)
{
    int64_t stamp, until;
    struct list *it;

    while (left && d->in_flight < DNS_IN_FLIGHT_MAX &&
        (it = list_first(&d->limited)) != NULL) {
        if (!tokens_take(&d->tokens, loop_now(d->loop), &stamp, &until)) {
            timer_start_at(&d->tokens_timer, until);
            break;
        }
        lookup_send(LIST_ENTRY(it, struct lookup, waiting));
        left--;
    }
    return left;
}

static void
dns_send_more(void *arg)
{
    struct dns *d = arg;
    struct list *it;
    int left = DNS_SEND_PER_TURN;

    CHECK(d, DNS_MAGIC);
    while (left && d->in_flight < DNS_IN_FLIGHT_MAX &&
        (it = list_first(&d->waiting)) != NULL) {
        lookup_send(LIST_ENTRY(it, struct lookup, waiting));
        left--;
    }
    if (!dns_send_limited(d, left))
        defer_post(d->loop, &d->more, dns_send_more, d, "dns send");
}

static struct lookup *
lookup_new(struct dns *d, struct str key)
{
    struct lookup *k = xcalloc(1, sizeof(*k) + key.n + 1);

    k->dns = d;
    k->type = (enum dns_type)(unsigned char)key.p[0];
    k->key_n = key.n;
    memcpy(k->key, key.p, key.n);
    k->name = k->key + 1;
    list_init(&k->questions);
    (void)map_put(&d->lookups, str_make(k->key, key.n), k); /* none there */
    k->is_limited = k->type == DNS_MX && d->tokens.rate.count > 0 &&
        d->limited_count < d->limited_max;
    d->limited_count += k->is_limited;
    list_push(k->is_limited ? &d->limited : &d->waiting, &k->waiting);
    /* Not from here: c-ares may answer at once. */
    defer_post(d->loop, &d->more, dns_send_more, d, "dns send");
    return k;
}

/* --- names --- */

static bool
name_plain(struct str name, struct buf *to)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        if (c <= ' ' || c > '~' || c == '\\')
            return false;
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        buf_char(to, c);
    }
    return true;
}

static bool
name_idn(struct str name, struct buf *to)
{
    struct buf ascii = BUF_INIT;
    bool ok = idna_fold(name, &ascii) && name_plain(buf_get(&ascii), to);

    buf_fini(&ascii);
    return ok;
}

static void
name_reverse(const struct cidr *ip, struct buf *to)
{
    if (ip->family == 4) {
        buf_printf(to, "%u.%u.%u.%u.in-addr.arpa", ip->addr[3], ip->addr[2],
            ip->addr[1], ip->addr[0]);
        return;
    }
    for (int i = 15; i >= 0; i--)
        buf_printf(to, "%x.%x.", ip->addr[i] & 15u, ip->addr[i] >> 4u);
    buf_cstr(to, "ip6.arpa");
}

/* Type and name as the cache knows them; false: no name that can be asked. */
static bool
name_key(struct str name, enum dns_type t, struct buf *to)
{
    struct cidr ip;
    bool ok = true, wide = false;

    buf_char(to, (char)t);
    if (name.n > 0 && name.p[name.n - 1] == '.')
        name.n--;
    for (size_t i = 0; i < name.n; i++)
        wide |= (name.p[i] & 0x80) != 0;
    if (t == DNS_PTR && cidr_parse(name, CIDR_BRACKETS, &ip, NULL) == 0)
        name_reverse(&ip, to);
    else if (name.n > 500)
        return false;
    else
        ok = wide ? name_idn(name, to) : name_plain(name, to);
    return ok && to->n > 1 && to->n <= 1 + DNSPARSE_NAME_MAX - 2;
}

/* --- what others call --- */

static void
dns_refuse(struct dns *d, struct dns_question *q, enum dns_status status)
{
    struct dnscache_answer *a = dnscache_answer_new();

    a->a.status = status;
    a->expires = loop_now(d->loop);
    dns_ready(d, q, a);
    dnscache_answer_unref(&a);
}

struct dns_question *
dns_ask(struct dns *d, struct str name, enum dns_type t, dns_answer_f *fn,
    void *arg)
{
    struct dns_question *q = xnew(struct dns_question);
    struct dnscache_answer *a;
    struct buf key = BUF_INIT;
    struct lookup *k;

    CHECK(d, DNS_MAGIC);
    q->fn = fn;
    q->arg = arg;
    if (!name_key(name, t, &key)) {
        dns_refuse(d, q, DNS_NXDOMAIN);
        buf_fini(&key);
        return q;
    }
    a = dnscache_find(
        d->cache, str_from(buf_get(&key), 1), t, loop_now(d->loop));
    if (a) {
        d->stats.cache_hits++;
        dns_ready(d, q, a);
        dnscache_answer_unref(&a);
    } else {
        k = map_find(&d->lookups, buf_get(&key));
        if (!k)
            k = lookup_new(d, buf_get(&key));
        list_push(&k->questions, &q->node);
    }
    buf_fini(&key);
    return q;
}

/* The lookup goes on: its answer is for the cache. */
void
dns_cancel(struct dns_question **pq)
{
    struct dns_question *q = *pq;

    if (!q)
        return;
    *pq = NULL;
    list_remove(&q->node);
    dnscache_answer_unref(&q->answer);
    free(q);
}

/* What is under way may bring the old answer: those who ask from now on start
 * a new lookup. */
void
dns_forget(struct dns *d, struct str name)
{
    struct buf key = BUF_INIT;

    CHECK(d, DNS_MAGIC);
    for (size_t i = 0; i < ARRAY_SIZE(dns_types); i++) {
        struct lookup *k;
        buf_cut(&key, 0);
        if (!name_key(name, dns_types[i].type, &key))
            continue;
        if (!i || dns_types[i].type == DNS_PTR)
            dnscache_forget(d->cache, str_from(buf_get(&key), 1));
        k = map_find(&d->lookups, buf_get(&key));
        if (!k || list_linked(&k->waiting))
            continue;
        k->forgotten = true;
        (void)map_remove(&d->lookups, buf_get(&key));
    }
    buf_fini(&key);
}

static void
dns_drop(void *arg)
{
    struct dns *d = arg;

    CHECK(d, DNS_MAGIC);
    if (dnscache_drop_cleared(d->cache, DNS_DROP_PER_TURN))
        defer_post(d->loop, &d->drop, dns_drop, d, "dns flush");
}

void
dns_flush(struct dns *d)
{
    CHECK(d, DNS_MAGIC);
    d->flushes++;
    dnscache_clear(d->cache);
    dns_drop(d);
}

/* --- looking --- */

struct each {
    struct dns *dns;
    dns_each_f *fn;
    void *arg;
};

static bool
each_kept(void *arg, struct str name, enum dns_type t,
    const struct dnscache_answer *a)
{
    struct each *e = arg;
    struct dns_kept k = {.name = name, .type = t, .answer = a->a};
    int64_t left = a->expires - loop_now(e->dns->loop);

    k.answer.ttl = (uint32_t)MIN_OF((left + 999) / 1000, UINT32_MAX);
    return e->fn(e->arg, &k);
}

/* One name is found by its keys: the cache may be large. */
static void
each_of_name(struct each *e, struct str asked)
{
    for (size_t i = 0; i < ARRAY_SIZE(dns_types); i++) {
        enum dns_type t = dns_types[i].type;
        struct buf key = BUF_INIT;
        struct dnscache_answer *a;
        bool more = true;

        if (name_key(asked, t, &key)) {
            struct str name = str_from(buf_get(&key), 1);

            a = dnscache_find(e->dns->cache, name, t, loop_now(e->dns->loop));
            if (a)
                more = each_kept(e, name, t, a);
            dnscache_answer_unref(&a);
        }
        buf_fini(&key);
        if (!more)
            return;
    }
}

void
dns_each(struct dns *d, struct str name, dns_each_f *each, void *arg)
{
    struct each e = {.dns = d, .fn = each, .arg = arg};

    CHECK(d, DNS_MAGIC);
    if (name.p)
        each_of_name(&e, name);
    else
        dnscache_each(d->cache, loop_now(d->loop), each_kept, &e);
}

bool
dns_is_kept(struct dns *d, struct str name, enum dns_type t)
{
    struct dnscache_answer *a = NULL;
    struct buf key = BUF_INIT;
    bool found;

    CHECK(d, DNS_MAGIC);
    if (name_key(name, t, &key))
        a = dnscache_find(
            d->cache, str_from(buf_get(&key), 1), t, loop_now(d->loop));
    found = a != NULL;
    dnscache_answer_unref(&a);
    buf_fini(&key);
    return found;
}

bool
dns_is_trusted(const struct dns *d)
{
    CHECK(d, DNS_MAGIC);
    return dnschannel_is_trusted(d->channel);
}

void
dns_get_stats(const struct dns *d, struct dns_stats *st)
{
    CHECK(d, DNS_MAGIC);
    *st = d->stats;
    st->replies = d->responses;
    st->pending = d->lookups.count;
    st->limited = d->limited_count;
    st->cache_count = dnscache_count(d->cache);
    st->response_us_avg =
        d->responses ? d->response_us_sum / (int64_t)d->responses : 0;
}

static void
dns_refuse_all(struct list *waiting)
{
    struct list *it;

    while ((it = list_first(waiting)) != NULL) {
        struct dnscache_answer *a = dnscache_answer_new();

        a->a.status = DNS_SERVFAIL;
        lookup_end(LIST_ENTRY(it, struct lookup, waiting), a);
        dnscache_answer_unref(&a);
    }
}

void
dns_free(struct dns **pd)
{
    struct dns *d = *pd;

    if (!d)
        return;
    CHECK(d, DNS_MAGIC);
    *pd = NULL;
    dnschannel_free(&d->channel); /* ends what was sent */
    dns_refuse_all(&d->waiting);
    dns_refuse_all(&d->limited);
    timer_stop(&d->tokens_timer);
    while (list_first(&d->ready))
        dns_deliver(d);
    defer_cancel(&d->deliver);
    defer_cancel(&d->more);
    defer_cancel(&d->drop);
    dnscache_free(&d->cache);
    map_fini(&d->lookups);
    d->magic = 0;
    free(d);
}
