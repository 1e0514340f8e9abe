/* SPDX-License-Identifier: Apache-2.0 */
#include "route/sts.h"

#include <stdlib.h>
#include <sys/random.h>

#include "base/address.h"
#include "base/bug.h"
#include "base/clock.h"
#include "base/idna.h"
#include "base/log.h"
#include "base/xmem.h"
#include "route/rules.h"
#include "route/sts_int.h"
#include "route/sts_options.h"
#include "base/banned.h"

enum { STS_NAME_MAX = 240, STS_TURN_MOST = 200 };

static void entry_ask(struct sts_entry *e);

/* --- entries --- */

bool
sts_name(struct str domain, struct buf *to)
{
    struct cidr ip;
    struct str name;

    if (!domain.n || domain.n > ADDRESS_DOMAIN_MAX || !idna_fold(domain, to))
        return false;
    name = buf_get(to);
    return name.n <= STS_NAME_MAX && address_is_domain(name, false) &&
        !rules_is_literal(name, &ip);
}

static uint64_t
entry_hash(const struct chain *c)
{
    return str_hash(
        str_of(CONTAINER_OF(c, const struct sts_entry, chain)->domain));
}

struct sts_entry *
sts_entry_find(struct sts *s, struct str domain)
{
    struct chain *c = chains_find(&s->entries, str_hash(domain));

    for (; c; c = c->next) {
        struct sts_entry *e = CONTAINER_OF(c, struct sts_entry, chain);

        if (str_eq(str_of(e->domain), domain))
            return e;
    }
    return NULL;
}

struct sts_entry *
sts_entry_make(struct sts *s, struct str domain)
{
    struct sts_entry *e = sts_entry_find(s, domain);

    if (e)
        return e;
    e = xnew(struct sts_entry);
    e->sts = s;
    e->domain = xdupn(domain.p, domain.n);
    e->used = loop_now(s->on.loop);
    list_init(&e->uses);
    list_push(&s->used, &e->used_node);
    chains_add(&s->entries, &e->chain);
    return e;
}

static bool
entry_is_busy(const struct sts_entry *e)
{
    return e->question || e->fetch;
}

/* Nobody's, and nothing to keep. */
static void
entry_count_idle(struct sts_entry *e)
{
    bool idle = !e->policy && list_empty(&e->uses);

    e->sts->idle += (size_t)idle - (size_t)e->idle;
    e->idle = idle;
}

static void
entry_free(struct sts_entry *e)
{
    struct sts *s = e->sts;

    BUG_ON(!list_empty(&e->uses));
    s->idle -= e->idle;
    s->policies -= e->policy != NULL;
    s->bytes -= e->bytes;
    dns_cancel(&e->question);
    fetch_cancel(&e->fetch);
    stspolicy_unref(&e->policy);
    heap_remove(&s->plan, &e->plan);
    list_remove(&e->used_node);
    chains_remove(&s->entries, &e->chain);
    free(e->domain);
    free(e);
}

static void
entry_tell(struct sts_entry *e)
{
    struct list *it, *next;

    LIST_FOREACH_SAFE (it, next, &e->uses) {
        struct sts_use *u = LIST_ENTRY(it, struct sts_use, node);

        u->changed(u->arg);
    }
}

/* --- time --- */

static void
sts_arm(struct sts *s)
{
    const struct heap_node *first = heap_first(&s->plan);

    if (first)
        timer_start_at(&s->timer, first->when);
    else
        timer_stop(&s->timer);
}

/* A wall time as a monotonic one. */
static int64_t
mono_of(const struct sts *s, int64_t wall)
{
    return loop_now(s->on.loop) + (wall - clock_wall());
}

/* A part of it, by chance: not all that was fetched together is fetched
 * together again. */
static int64_t
some_of(int64_t ms)
{
    uint32_t chance = 0;

    (void)getrandom(&chance, sizeof(chance), 0); /* 0 serves as well */
    return ms > 0 ? (int64_t)(chance % (uint64_t)ms) : 0;
}

void
sts_entry_plan(struct sts_entry *e)
{
    struct sts *s = e->sts;
    int64_t at = INT64_MAX;

    entry_count_idle(e);
    if (!entry_is_busy(e)) {
        if (e->policy)
            at = mono_of(s, e->expires);
        if (e->policy && loop_now(s->on.loop) - e->used < STS_USED_MS)
            at = MIN_OF(at, e->refresh_at);
        if (!e->known || e->idle)
            at = MIN_OF(at, e->check_at);
    }
    if (at == INT64_MAX)
        heap_remove(&s->plan, &e->plan);
    else
        heap_set(&s->plan, &e->plan, at);
    sts_arm(s);
}

static void
entry_expire(struct sts_entry *e)
{
    struct sts *s = e->sts;

    log_notice(LOG_NET, "mta-sts-expired", "domain=%s mode=%s id=%s", e->domain,
        stspolicy_mode_name(e->policy->mode), e->id);
    stspolicy_unref(&e->policy);
    s->policies--;
    s->bytes -= e->bytes;
    s->expired++;
    e->bytes = 0;
    e->id[0] = '\0';
    e->known = false; /* the next mail waits until that is found out anew */
    e->check_at = 0;
    sts_store(e);
    entry_tell(e);
}

static void
entry_due(struct sts_entry *e)
{
    int64_t now = loop_now(e->sts->on.loop);

    if (e->policy && clock_wall() >= e->expires)
        entry_expire(e);
    entry_count_idle(e);
    if (e->idle) {
        entry_free(e);
        return;
    }
    if (e->policy && now >= e->refresh_at) {
        e->force = true;
        entry_ask(e);
    } else if (!e->known && now >= e->check_at) {
        entry_ask(e);
    }
    sts_entry_plan(e);
}

static void
sts_due(void *arg)
{
    struct sts *s = arg;
    int64_t now = loop_now(s->on.loop);
    struct heap_node *n;

    for (int i = 0; i < STS_TURN_MOST; i++) {
        n = heap_first(&s->plan);
        if (!n || n->when > now)
            break;
        heap_remove(&s->plan, n);
        entry_due(CONTAINER_OF(n, struct sts_entry, plan));
    }
    sts_arm(s);
}

/* --- what is in force --- */

void
sts_make_room(struct sts *s, const struct sts_entry *but)
{
    struct list *it, *next;

    if (s->loading) /* the spool is being read */
        return;
    LIST_FOREACH_SAFE (it, next, &s->used) {
        struct sts_entry *e = LIST_ENTRY(it, struct sts_entry, used_node);

        if (s->policies <= s->most && s->bytes <= STS_BYTES_MOST)
            return;
        if (e == but || !e->policy || !list_empty(&e->uses))
            continue;
        log_notice(LOG_NET, "mta-sts-dropped", "domain=%s mode=%s id=%s",
            e->domain, stspolicy_mode_name(e->policy->mode), e->id);
        stspolicy_unref(&e->policy);
        s->policies--;
        s->bytes -= e->bytes;
        e->bytes = 0;
        sts_store(e);
        entry_free(e);
    }
}

static size_t
policy_bytes(const struct stspolicy *p)
{
    size_t n = sizeof(*p);

    for (size_t i = 0; i < p->mx_count; i++)
        n += strlen(p->mx[i]) + 1 + sizeof(char *);
    return n;
}

void
sts_entry_take(struct sts_entry *e, struct stspolicy *p, const char *id,
    int64_t fetched, int64_t expires)
{
    struct sts *s = e->sts;
    int64_t again = MIN_OF((int64_t)STS_REFRESH_MS, p->max_age * 1000 / 2);
    int64_t at = mono_of(s, fetched + again - some_of(again / 8));

    s->policies += e->policy == NULL;
    s->bytes -= e->bytes;
    stspolicy_unref(&e->policy);
    e->policy = stspolicy_ref(p);
    e->bytes = policy_bytes(p);
    s->bytes += e->bytes;
    (void)str_copy(e->id, sizeof(e->id), str_of(id)); /* it fits */
    e->fetched = fetched;
    e->expires = expires;
    e->known = true;
    /* after a restart many may be late: not all at once */
    e->refresh_at = MAX_OF(
        at, loop_now(s->on.loop) + STS_CHECK_MIN_MS + some_of(STS_RETRY_MS));
    sts_make_room(s, e);
    sts_entry_plan(e);
}

/* It is found out, for now. */
static void
entry_settle(struct sts_entry *e)
{
    bool first = !e->known;

    e->known = true;
    e->force = false;
    if (first && !e->policy) /* those that have one did not wait */
        entry_tell(e);
    sts_entry_plan(e);
}

/* --- the policy --- */

static void
entry_failed(struct sts_entry *e, enum tls_reason why, const char *text)
{
    struct sts *s = e->sts;
    unsigned shift = (unsigned)MIN_OF(e->failures, UINT64_C(9));
    int64_t wait = MIN_OF((int64_t)STS_RETRY_MS << shift, STS_RETRY_MAX_MS);

    e->failures++;
    s->failed++;
    memcpy(e->failed_id, e->asked_id, sizeof(e->failed_id));
    e->retry_at = loop_now(s->on.loop) + wait + some_of(wait / 8);
    e->refresh_at = e->retry_at;
    (void)str_copy(e->trouble, sizeof(e->trouble), str_of(text)); /* cut */
    log_warn(LOG_NET, "mta-sts-failed",
        "domain=%s why=%s held=%d failures=%llu reason=\"%s\"", e->domain,
        tlsreason_name(why), e->policy != NULL, (unsigned long long)e->failures,
        text);
    if (s->trouble)
        s->trouble(
            s->trouble_arg, str_of(e->domain), why, text, e->policy != NULL);
    entry_settle(e);
}

static void
entry_got(struct sts_entry *e, struct stspolicy *p)
{
    int64_t now = clock_wall();
    bool same = stspolicy_eq(e->policy, p);

    e->failures = 0;
    e->failed_id[0] = e->trouble[0] = '\0';
    sts_entry_take(e, p, e->asked_id, now,
        now + MAX_OF(p->max_age * 1000, (int64_t)STS_LEAST_MS));
    sts_store(e);
    if (same)
        log_debug(LOG_NET, "mta-sts-same", "domain=%s id=%s", e->domain, e->id);
    else
        log_notice(LOG_NET, "mta-sts-policy",
            "domain=%s mode=%s id=%s max_age=%lld mx=%zu", e->domain,
            stspolicy_mode_name(p->mode), e->id, (long long)p->max_age,
            p->mx_count);
    e->known = true;
    e->force = false;
    if (!same)
        entry_tell(e);
    sts_entry_plan(e);
}

static void
entry_read(struct sts_entry *e, const struct fetch_answer *a)
{
    struct stspolicy *p;
    struct buf text = BUF_INIT;
    struct err err = {0};

    if (a->outcome != FETCH_ANSWERED) {
        bool tls = a->outcome == FETCH_CERTIFICATE || a->outcome == FETCH_TLS;

        buf_printf(&text, "%s: %s", fetch_outcome_name(a->outcome), a->error);
        entry_failed(e, tls ? TLS_STS_WEBPKI : TLS_STS_FETCH, text.p);
    } else if (a->status != 200) {
        buf_printf(&text, "the server says %d", a->status);
        entry_failed(e, TLS_STS_FETCH, text.p);
    } else if (!stspolicy_is_text(a->type)) {
        entry_failed(e, TLS_STS_INVALID, "the document is no text/plain");
    } else if (stspolicy_parse(a->body, &p, &err) < 0) {
        entry_failed(e, TLS_STS_INVALID, err.text);
    } else {
        entry_got(e, p);
        stspolicy_unref(&p);
    }
    buf_fini(&text);
}

static void
entry_fetched(void *arg, const struct fetch_answer *a)
{
    struct sts_entry *e = arg;

    e->fetch = NULL;
    if (a->outcome == FETCH_STOPPED)
        return;
    e->sts->fetched++;
    entry_read(e, a);
}

static void
entry_fetch(struct sts_entry *e, const char *id)
{
    struct sts *s = e->sts;
    struct fetch_request r = {
        .timeout_ms = STS_FETCH_MS, .most = STSPOLICY_SIZE_MAX};
    struct buf url = BUF_INIT;
    struct err err = {0};

    buf_printf(&url, "https://mta-sts.%s", e->domain);
    if (s->port != 443)
        buf_printf(&url, ":%u", s->port);
    buf_cstr(&url, "/.well-known/mta-sts.txt");
    r.url = url.p;
    (void)str_copy(e->asked_id, sizeof(e->asked_id), str_of(id)); /* it fits */
    e->fetch =
        fetch_begin(s->on.fetcher, s->on.loop, &r, entry_fetched, e, &err);
    buf_fini(&url);
    if (e->fetch)
        return;
    if (err.code == ERR_FULL) { /* our own trouble, and no answer */
        e->check_at = loop_now(s->on.loop) + STS_BUSY_MS;
        e->refresh_at = MAX_OF(e->refresh_at, e->check_at);
        sts_entry_plan(e);
    } else if (err.code != ERR_CLOSED) {
        entry_failed(e, TLS_STS_FETCH, err.text);
    }
}

/* --- the record --- */

static void
entry_note(struct sts_entry *e, const char *text)
{
    (void)str_copy(e->record, sizeof(e->record), str_of(text)); /* cut */
    e->checked = clock_wall();
}

/* Without a record that can be read what is in force stays. */
static void
entry_no_record(struct sts_entry *e, const struct dns_answer *a, int rc,
    const struct err *why)
{
    struct buf text = BUF_INIT;

    if (a->status != DNS_OK)
        buf_printf(&text, "DNS says %s", dns_status_name(a->status));
    else
        buf_cstr(&text, why->text);
    entry_note(e, buf_get(&text).p);
    if (rc == ERR_PROTO)
        log_info(LOG_NET, "mta-sts-record", "domain=%s reason=\"%s\"",
            e->domain, why->text);
    e->refresh_at = loop_now(e->sts->on.loop) + STS_CHECK_MAX_MS;
    entry_settle(e);
    buf_fini(&text);
}

static void
entry_record(struct sts_entry *e, const char *id)
{
    bool fresh = e->policy && strcmp(e->id, id) == 0 && !e->force;
    bool waits = strcmp(e->failed_id, id) == 0 &&
        loop_now(e->sts->on.loop) < e->retry_at;

    entry_note(e, id);
    if (fresh || waits)
        entry_settle(e);
    else
        entry_fetch(e, id);
}

static void
entry_answered(void *arg, const struct dns_answer *a)
{
    struct sts_entry *e = arg;
    char id[STSPOLICY_ID_MAX + 1];
    struct err err = {0};
    int64_t wait = (int64_t)a->ttl * 1000;
    bool failed = a->status == DNS_SERVFAIL || a->status == DNS_TIMEOUT;
    int rc = ERR_NOTFOUND;

    e->question = NULL;
    wait = MAX_OF(wait, (int64_t)STS_CHECK_MIN_MS);
    wait = MIN_OF(wait, (int64_t)STS_CHECK_MAX_MS);
    e->check_at =
        loop_now(e->sts->on.loop) + (failed ? STS_CHECK_MIN_MS : wait);
    if (a->status == DNS_OK)
        rc = stspolicy_id(a->record, a->count, id, &err);
    if (rc == 0)
        entry_record(e, id);
    else
        entry_no_record(e, a, rc, &err);
}

static void
entry_ask(struct sts_entry *e)
{
    struct buf name = BUF_INIT;

    if (entry_is_busy(e))
        return;
    heap_remove(&e->sts->plan, &e->plan);
    buf_printf(&name, "_mta-sts.%s", e->domain);
    e->question =
        dns_ask(e->sts->on.dns, buf_get(&name), DNS_TXT, entry_answered, e);
    buf_fini(&name);
}

int
sts_refresh(struct sts *s, struct str domain, struct err *err)
{
    struct buf name = BUF_INIT;
    struct sts_entry *e;
    int rc = 0;

    if (!sts_name(domain, &name)) {
        rc = err_set(err, ERR_INVAL, "no domain that can have a policy");
    } else {
        e = sts_entry_make(s, buf_get(&name));
        if (entry_is_busy(e)) {
            rc = err_set(err, ERR_BUSY, "it is being asked for already");
        } else {
            buf_cut(&name, 0);
            buf_printf(&name, "_mta-sts.%s", e->domain);
            dns_forget(s->on.dns, buf_get(&name));
            dns_forget(s->on.dns, str_from(buf_get(&name), 1));
            e->force = true;
            e->failed_id[0] = '\0';
            entry_ask(e);
        }
    }
    buf_fini(&name);
    return rc;
}

/* --- who uses it --- */

bool
sts_use_begin(struct sts *s, struct str domain, sts_changed_f *changed,
    void *arg, struct sts_use *u)
{
    struct buf name = BUF_INIT;
    bool can = sts_name(domain, &name);

    if (can) {
        u->entry = sts_entry_make(s, buf_get(&name));
        u->changed = changed;
        u->arg = arg;
        list_push(&u->entry->uses, &u->node);
        entry_count_idle(u->entry);
    }
    buf_fini(&name);
    return can;
}

void
sts_use_end(struct sts_use *u)
{
    struct sts_entry *e = u->entry;

    if (!e)
        return;
    u->entry = NULL;
    list_remove(&u->node);
    entry_count_idle(e);
    if (e->idle && e->sts->idle > STS_NEGATIVE_MOST)
        entry_free(e);
    else
        sts_entry_plan(e);
}

bool
sts_use_get(struct sts_use *u, const struct stspolicy **to)
{
    struct sts_entry *e = u->entry;
    struct sts *s = e->sts;

    *to = NULL;
    e->used = loop_now(s->on.loop);
    list_remove(&e->used_node);
    list_push(&s->used, &e->used_node);
    if (!s->loaded)
        return false;
    if (e->policy && clock_wall() >= e->expires)
        entry_expire(e);
    if (e->used >= e->check_at)
        entry_ask(e);
    *to = e->policy;
    return e->policy || e->known;
}

bool
sts_use_peek(const struct sts_use *u, const struct stspolicy **to)
{
    const struct sts_entry *e = u->entry;

    *to = e->policy && clock_wall() < e->expires ? e->policy : NULL;
    return e->sts->loaded && (*to || e->known);
}

/* --- all of them --- */

struct sts *
sts_new(const struct sts_config *c)
{
    struct sts *s = xnew(struct sts);

    s->on = *c;
    s->port = 443;
    s->most = 10000;
    list_init(&s->used);
    chains_init(&s->entries, 1, entry_hash);
    timer_init(&s->timer, c->loop, sts_due, s, "mta-sts");
    return s;
}

void
sts_free(struct sts **ps)
{
    struct sts *s = *ps;
    struct list *n;

    if (!s)
        return;
    *ps = NULL;
    timer_stop(&s->timer);
    while ((n = list_first(&s->used)) != NULL)
        entry_free(LIST_ENTRY(n, struct sts_entry, used_node));
    timer_stop(&s->timer);
    heap_fini(&s->plan);
    chains_fini(&s->entries);
    free(s);
}

void
sts_adopt(struct sts *s, struct generation *g)
{
    const struct scope *all = generation_global(g);

    s->port = (uint16_t)scope_int(all, OPT(sts_options, STS_PORT));
    s->most = (size_t)scope_int(all, OPT(sts_options, STS_CACHE_SIZE));
    sts_make_room(s, NULL);
}

void
sts_set_trouble(struct sts *s, sts_trouble_f *fn, void *arg)
{
    s->trouble = fn;
    s->trouble_arg = arg;
}
