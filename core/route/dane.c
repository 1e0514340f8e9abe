/* SPDX-License-Identifier: Apache-2.0 */
#include "route/dane.h"

#include <stdlib.h>

#include "base/bug.h"
#include "base/log.h"
#include "base/magic.h"
#include "base/xmem.h"
#include "route/route_int.h"
#include "route/route_options.h"
#include "base/banned.h"

enum { DANE_KEEP_MS = 600000 /* what nobody has used since */ };

/* A TLSA question: "_25._tcp.mx.example.net". */
struct entry {
    uint32_t magic;
    struct dane *dane;
    struct list node; /* by use, the latest at the end */
    struct chain chain;
    struct dns_question *question; /* it is being asked */
    bool known, failed;
    struct tlsa_set *set; /* NULL: there are no records */
    const char *text;     /* without: why */
    int64_t asked, expires, used;
    unsigned failures; /* in a row */
    struct domain **waiting;
    size_t waiting_count;
    size_t base; /* where the host's name begins in name */
    size_t n;
    char name[];
};
struct dane {
    struct resolver *resolver;
    struct chains entries;
    struct list used;
    size_t count;
    bool warned; /* that nothing can be believed */
};

static struct str
entry_name(const struct entry *e)
{
    return str_make(e->name, e->n);
}

static uint64_t
entry_hash(const struct chain *c)
{
    return str_hash(entry_name(CONTAINER_OF(c, const struct entry, chain)));
}

struct dane *
dane_new(struct resolver *r)
{
    struct dane *t = xnew(struct dane);

    t->resolver = r;
    chains_init(&t->entries, 1, entry_hash);
    list_init(&t->used);
    return t;
}

static void
entry_free(struct entry *e)
{
    struct dane *t = e->dane;

    dns_cancel(&e->question);
    for (size_t i = 0; i < e->waiting_count; i++)
        e->waiting[i]->dane_waits--;
    free(e->waiting);
    tlsa_set_unref(&e->set);
    list_remove(&e->node);
    chains_remove(&t->entries, &e->chain);
    t->count--;
    e->magic = 0;
    free(e);
}

void
dane_free(struct dane **pt)
{
    struct dane *t = *pt;
    struct list *it;

    *pt = NULL;
    while ((it = list_first(&t->used)) != NULL)
        entry_free(LIST_ENTRY(it, struct entry, node));
    chains_fini(&t->entries);
    free(t);
}

/* The oldest that are not being asked. */
static void
dane_shrink(struct dane *t, size_t most)
{
    struct list *it, *next;

    LIST_FOREACH_SAFE (it, next, &t->used) {
        struct entry *e = LIST_ENTRY(it, struct entry, node);

        if (t->count <= most)
            return;
        if (!e->question)
            entry_free(e);
    }
}

void
dane_sweep(struct dane *t, int64_t now, size_t most)
{
    struct list *it, *next;

    LIST_FOREACH_SAFE (it, next, &t->used) {
        struct entry *e = LIST_ENTRY(it, struct entry, node);

        if (!most-- || e->used + DANE_KEEP_MS > now)
            return;
        if (!e->question && e->expires <= now)
            entry_free(e);
    }
}

void
dane_leave(struct dane *t, struct domain *d)
{
    struct list *it;

    if (!d->dane_waits)
        return;
    LIST_FOREACH (it, &t->used) {
        struct entry *e = LIST_ENTRY(it, struct entry, node);

        for (size_t i = e->waiting_count; i-- > 0;) {
            if (e->waiting[i] != d)
                continue;
            e->waiting[i] = e->waiting[--e->waiting_count];
            d->dane_waits--;
        }
    }
}

/* --- options --- */

int
dane_wanted(const struct scope *s, int method)
{
    int want;

    if (method != METHOD_ESMTP && method != METHOD_SMTP)
        return ROUTE_DANE_NO;
    want = (int)scope_int(s, OPT(route_options, ROUTE_USE_DANE));
    return want != ROUTE_DANE_NO &&
            scope_int(s, OPT(route_options, ROUTE_ENABLE_DANE))
        ? want
        : ROUTE_DANE_NO;
}

/* --- asking --- */

/* What an answer comes to.  An insecure one is none (RFC 7672 2.1): the zone of
 * the host is signed, so nobody can make it so who does not own it. */
static void
entry_take(struct entry *e, const struct dns_answer *a)
{
    struct str *rdata;

    e->failed = a->status == DNS_SERVFAIL || a->status == DNS_TIMEOUT;
    tlsa_set_unref(&e->set);
    if (e->failed) {
        e->text = a->status == DNS_TIMEOUT
            ? "the servers did not answer about its TLSA records"
            : "no answer about its TLSA records that can be believed";
        return;
    }
    e->failures = 0;
    e->text = "it has no TLSA records";
    if (a->status != DNS_OK)
        return;
    e->text = "its TLSA records are not signed";
    if (!a->authenticated)
        return;
    rdata = xcalloc(a->count, sizeof(*rdata));
    for (size_t i = 0; i < a->count; i++)
        rdata[i] = a->record[i].bytes;
    e->set = tlsa_set_new(rdata, a->count);
    free(rdata);
}

static int64_t
entry_keep(struct entry *e, uint32_t ttl)
{
    unsigned shift = MIN_OF(e->failures, 10u);

    if (!e->failed)
        return (int64_t)MAX_OF(ttl, 1u) * 1000;
    e->failures++;
    return MIN_OF((int64_t)ROUTE_FAILED_MS << shift, ROUTE_FAILED_MAX_MS);
}

static void
entry_answered(void *arg, const struct dns_answer *a)
{
    struct entry *e = arg;
    int64_t now = loop_now(e->dane->resolver->loop);

    CHECK(e, DANE_MAGIC);
    e->question = NULL;
    e->known = true;
    entry_take(e, a);
    e->expires = now + entry_keep(e, a->ttl);
    if (e->failed)
        log_info(LOG_DNS, "tlsa-lookup-failed", "name=%s status=\"%s\"",
            e->name, dns_status_name(a->status));
    for (size_t i = 0; i < e->waiting_count; i++) {
        e->waiting[i]->dane_waits--;
        resolver_tell(e->waiting[i]);
    }
    e->waiting_count = 0;
    xfree(&e->waiting);
}

static void
entry_wait(struct entry *e, struct domain *d)
{
    for (size_t i = 0; i < e->waiting_count; i++)
        if (e->waiting[i] == d)
            return;
    if ((e->waiting_count & (e->waiting_count - 1)) == 0)
        e->waiting =
            xgrow(e->waiting, e->waiting_count ? e->waiting_count * 2 : 1,
                sizeof(struct domain *));
    e->waiting[e->waiting_count++] = d;
    d->dane_waits++;
}

static struct entry *
entry_find(struct dane *t, struct str name)
{
    struct chain *c = chains_find(&t->entries, str_hash(name));

    for (; c; c = c->next) {
        struct entry *e = CONTAINER_OF(c, struct entry, chain);

        if (str_eq(entry_name(e), name))
            return e;
    }
    return NULL;
}

static struct entry *
entry_get(struct dane *t, struct str base, uint16_t port, bool make)
{
    struct buf name = BUF_INIT;
    struct entry *e;
    size_t at;

    buf_printf(&name, "_%u._tcp.", (unsigned)port);
    at = name.n;
    buf_str(&name, base);
    e = entry_find(t, buf_get(&name));
    if (!e && make) {
        e = xcalloc(1, sizeof(*e) + name.n + 1);
        e->magic = DANE_MAGIC;
        e->dane = t;
        memcpy(e->name, name.p, name.n);
        e->n = name.n;
        e->base = at;
        dane_shrink(t, DANE_MOST - 1);
        list_push(&t->used, &e->node);
        chains_add(&t->entries, &e->chain);
        t->count++;
    }
    buf_fini(&name);
    return e;
}

/* `refresh domain` wants to hear it again. */
static bool
entry_is_old(const struct entry *e, const struct domain *d)
{
    return e->known && d->refreshed && e->asked <= d->refreshed;
}

static enum dane_state
entry_state(const struct entry *e, const struct domain *d, int64_t now)
{
    if (!e || !e->known || e->expires <= now || entry_is_old(e, d))
        return DANE_ASKING;
    if (e->failed)
        return DANE_FAILED;
    return e->set ? DANE_HOLDS : DANE_NONE;
}

static void
find_one(struct dane *t, struct domain *d, struct str base, uint16_t port,
    bool ask, struct dane_found *to)
{
    struct entry *e = entry_get(t, base, port, ask);
    int64_t now = loop_now(t->resolver->loop);

    to->state = entry_state(e, d, now);
    if (!e)
        return;
    e->used = now;
    list_remove(&e->node);
    list_push(&t->used, &e->node);
    to->until = MIN_OF(to->until, e->expires);
    to->set = e->set;
    to->base = str_make(e->name + e->base, e->n - e->base);
    to->text = e->text;
    to->why = e->failed ? TLS_DNSSEC_INVALID : TLS_DANE_REQUIRED;
    if (e->set && !e->set->count)
        to->text = "none of its TLSA records can be used";
    if (to->state != DANE_ASKING || !ask)
        return;
    entry_wait(e, d);
    if (e->question)
        return;
    if (entry_is_old(e, d))
        dns_forget(t->resolver->dns, entry_name(e));
    /* later than a refresh in the same moment */
    e->asked = MAX_OF(now, d->refreshed + 1);
    e->question =
        dns_ask(t->resolver->dns, entry_name(e), DNS_TLSA, entry_answered, e);
}

static void
dane_warn(struct dane *t)
{
    bool trusted = dns_is_trusted(t->resolver->dns);

    if (!trusted && !t->warned)
        log_warn(LOG_DNS, "dane-not-trusted",
            "reason=\"use_dane is of no effect: the name servers are neither "
            "of this machine nor in dns_trusted_servers\"");
    t->warned = !trusted;
}

void
dane_find(struct dane *t, struct domain *d, const struct host *h, uint16_t port,
    bool ask, struct dane_found *to)
{
    *to = (struct dane_found){
        .state = DANE_NONE, .until = INT64_MAX, .why = TLS_DANE_REQUIRED};
    if (ask)
        dane_warn(t);
    if (h->unsure) {
        to->state = DANE_FAILED;
        to->why = TLS_DNSSEC_INVALID;
        to->until = d->expires;
        to->text = "whether its name is signed could not be found out";
        return;
    }
    if (!h->secure || !h->ip.family) {
        to->text = dns_is_trusted(t->resolver->dns)
            ? "DNS does not vouch for its name (no DNSSEC)"
            : "the name servers are not trusted (dns_trusted_servers)";
        return;
    }
    /* RFC 7672 2.2.2: where the alias leads first, then the name itself. */
    if (h->canonical)
        find_one(t, d, str_of(h->canonical), port, ask, to);
    if (to->state == DANE_NONE)
        find_one(t, d, str_of(h->name), port, ask, to);
}

bool
dane_refuses(const struct dane_found *f, int wanted)
{
    if (f->state == DANE_HOLDS)
        return wanted == ROUTE_DANE_REQUIRED && !f->set->count;
    return f->state == DANE_FAILED ||
        (f->state == DANE_NONE && wanted == ROUTE_DANE_REQUIRED);
}

/* --- what follows --- */

static char *
demand_text(const struct dane_found *f)
{
    return xprintf("%zu of %zu TLSA records of %.*s", f->set->count,
        f->set->seen, STR_ARG(f->base));
}

/* RFC 7672 3.2.2: the names that a certificate below an authority may have. */
struct tlsdemand *
dane_demand(
    const struct dane_found *f, const struct domain *d, const struct host *h)
{
    bool usable = f->set->count > 0;
    struct tlsdemand *to = tlsdemand_new(
        TLSDEMAND_DANE, usable ? TLSDEMAND_VERIFIED : TLSDEMAND_ENCRYPTED);

    to->sni = xdupn(f->base.p, f->base.n);
    to->text = demand_text(f);
    if (!usable)
        return to;
    to->tlsa = tlsa_set_ref(f->set);
    tlsdemand_add_name(to, f->base);
    if (!tlsa_set_has(f->set, TLSA_TA))
        return to;
    tlsdemand_add_name(to, str_of(h->name));
    if (h->own)
        tlsdemand_add_name(to, d->name);
    if (h->own && d->canonical)
        tlsdemand_add_name(to, str_of(d->canonical));
    return to;
}

void
dane_print(struct dane *t, struct domain *d, const struct host *h,
    uint16_t port, struct buf *to)
{
    struct dane_found f;

    dane_find(t, d, h, port, false, &f);
    buf_cstr(to, "DANE: ");
    switch (f.state) {
    case DANE_HOLDS:
        buf_printf(to, "%zu of %zu TLSA records of %.*s can be used: %s",
            f.set->count, f.set->seen, STR_ARG(f.base),
            f.set->count ? "TLS, and a certificate that fits one"
                         : "TLS, with any certificate");
        break;
    case DANE_ASKING:
        buf_cstr(to, "its TLSA records are not known yet");
        break;
    case DANE_NONE:
        buf_printf(to, "no, %s", f.text);
        break;
    case DANE_FAILED:
        buf_printf(to, "not used: %s", f.text);
        break;
    }
}
