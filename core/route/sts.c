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

bool
sts_entry_is_busy(const struct sts_entry *e)
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

void
sts_entry_tell(struct sts_entry *e)
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

int64_t
sts_some_of(int64_t ms)
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
    if (!sts_entry_is_busy(e)) {
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
    sts_entry_tell(e);
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
        sts_entry_ask(e);
    } else if (!e->known && now >= e->check_at) {
        sts_entry_ask(e);
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
    int64_t at = mono_of(s, fetched + again - sts_some_of(again / 8));

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
    e->refresh_at = MAX_OF(at,
        loop_now(s->on.loop) + STS_CHECK_MIN_MS + sts_some_of(STS_RETRY_MS));
    sts_make_room(s, e);
    sts_entry_plan(e);
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
        sts_entry_ask(e);
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
