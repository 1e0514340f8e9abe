/* SPDX-License-Identifier: Apache-2.0 */
#include "net/dnscache.h"

#include <stdlib.h>

#include "base/list.h"
#include "base/map.h"
#include "base/xmem.h"
#include "base/banned.h"

struct entry {
    struct list node; /* in order of use, the latest at the end */
    struct dnscache_answer *answer;
    uint64_t number; /* of the put */
    size_t n;
    char key[]; /* type, name */
};
struct dnscache {
    struct map map;
    struct list used;
    size_t most;
    uint64_t puts, cleared; /* those up to that one are gone */
};

enum { KEY_MAX = 257 };
struct key {
    size_t n;
    char bytes[KEY_MAX];
};

static struct str
key_make(struct key *k, struct str name, enum dns_type t)
{
    k->bytes[0] = (char)t;
    k->n = 1;
    if (name.n < sizeof(k->bytes)) {
        memcpy(k->bytes + 1, name.p, name.n);
        k->n += name.n;
    }
    return str_make(k->bytes, k->n);
}

struct dnscache_answer *
dnscache_answer_new(void)
{
    struct dnscache_answer *a = xnew(struct dnscache_answer);

    a->refs = 1;
    a->arena = arena_new(128);
    return a;
}

struct dnscache_answer *
dnscache_answer_ref(struct dnscache_answer *a)
{
    a->refs++;
    return a;
}

void
dnscache_answer_unref(struct dnscache_answer **pa)
{
    struct dnscache_answer *a = *pa;

    *pa = NULL;
    if (!a || --a->refs)
        return;
    arena_free(&a->arena);
    free(a);
}

struct dnscache *
dnscache_new(size_t most)
{
    struct dnscache *c = xnew(struct dnscache);

    map_init(&c->map, false);
    list_init(&c->used);
    c->most = most;
    return c;
}

static void
dnscache_drop(struct dnscache *c, struct entry *e)
{
    (void)map_remove(&c->map, str_make(e->key, e->n));
    list_remove(&e->node);
    dnscache_answer_unref(&e->answer);
    free(e);
}

static void
dnscache_shrink(struct dnscache *c, size_t most)
{
    while (c->map.count > most)
        dnscache_drop(c, LIST_ENTRY(list_first(&c->used), struct entry, node));
}

void
dnscache_resize(struct dnscache *c, size_t most)
{
    c->most = most;
    dnscache_shrink(c, most);
}

void
dnscache_free(struct dnscache **pc)
{
    struct dnscache *c = *pc;

    if (!c)
        return;
    *pc = NULL;
    dnscache_shrink(c, 0);
    map_fini(&c->map);
    free(c);
}

struct dnscache_answer *
dnscache_find(struct dnscache *c, struct str name, enum dns_type t, int64_t now)
{
    struct key k;
    struct entry *e = map_find(&c->map, key_make(&k, name, t));

    if (!e)
        return NULL;
    if (e->answer->expires <= now || e->number <= c->cleared) {
        dnscache_drop(c, e);
        return NULL;
    }
    list_remove(&e->node);
    list_push(&c->used, &e->node);
    return dnscache_answer_ref(e->answer);
}

void
dnscache_put(struct dnscache *c, struct str name, enum dns_type t,
    struct dnscache_answer *a)
{
    struct key k;
    struct str key = key_make(&k, name, t);
    struct entry *e = map_find(&c->map, key);

    if (e)
        dnscache_drop(c, e);
    if (!c->most)
        return;
    dnscache_shrink(c, c->most - 1);
    e = xcalloc(1, sizeof(*e) + key.n);
    e->number = ++c->puts;
    e->n = key.n;
    memcpy(e->key, key.p, key.n);
    e->answer = dnscache_answer_ref(a);
    list_push(&c->used, &e->node);
    (void)map_put(&c->map, str_make(e->key, e->n), e); /* none was there */
}

void
dnscache_forget(struct dnscache *c, struct str name)
{
    static const enum dns_type types[] = {
        DNS_A, DNS_CNAME, DNS_PTR, DNS_MX, DNS_TXT, DNS_AAAA, DNS_TLSA};
    struct key k;

    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        struct entry *e = map_find(&c->map, key_make(&k, name, types[i]));
        if (e)
            dnscache_drop(c, e);
    }
}

size_t
dnscache_count(const struct dnscache *c)
{
    return c->map.count;
}

void
dnscache_clear(struct dnscache *c)
{
    c->cleared = c->puts;
}

/* What was cleared stands before the rest: nothing of it is used any more. */
bool
dnscache_drop_cleared(struct dnscache *c, size_t most)
{
    struct list *n;

    for (; (n = list_first(&c->used)) != NULL; most--) {
        struct entry *e = LIST_ENTRY(n, struct entry, node);

        if (e->number > c->cleared)
            return false;
        if (!most)
            return true;
        dnscache_drop(c, e);
    }
    return false;
}

void
dnscache_each(
    const struct dnscache *c, int64_t now, dnscache_each_f *each, void *arg)
{
    for (const struct list *n = c->used.prev; n != &c->used; n = n->prev) {
        const struct entry *e = LIST_ENTRY(n, struct entry, node);

        if (e->number <= c->cleared)
            return;
        if (e->answer->expires > now &&
            !each(arg, str_make(e->key + 1, e->n - 1),
                (enum dns_type)(unsigned char)e->key[0], e->answer))
            return;
    }
}
