/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/values.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/xmem.h"
#include "base/banned.h"

struct values_account {
    struct values_account *next;
    size_t bytes; /* of memory, for its values */
    bool full;    /* something was refused, and there is no room yet */
    size_t ns_n;
    char ns[];
};

static uint64_t
value_hash(const struct chain *c)
{
    return VALUE_OF(c)->hash;
}

void
values_init(struct values *all)
{
    *all = (struct values){0};
    chains_init(&all->index, 1, value_hash);
}

static void
value_free(struct value *v)
{
    buf_fini(&v->text);
    free(v->older);
    free(v);
}

void
values_fini(struct values *all)
{
    for (size_t i = 0; i < chains_slots(&all->index); i++)
        for (struct chain *c = chains_at(&all->index, i), *next; c; c = next) {
            next = c->next;
            value_free(VALUE_OF(c));
        }
    chains_fini(&all->index);
    for (struct values_account *a = all->accounts, *next; a; a = next) {
        next = a->next;
        free(a);
    }
    all->accounts = NULL;
}

/* --- what a namespace takes --- */

/* There are as many as modules. */
static struct values_account *
account_find(struct values *all, struct str ns)
{
    struct values_account *a = all->accounts;

    while (a && !str_eq(str_make(a->ns, a->ns_n), ns))
        a = a->next;
    if (a)
        return a;
    a = xcalloc(1, sizeof(*a) + ns.n);
    a->ns_n = ns.n;
    memcpy(a->ns, ns.p, ns.n);
    a->next = all->accounts;
    all->accounts = a;
    return a;
}

bool
values_take(struct values *all, const struct spool_value *one)
{
    struct values_account *a = account_find(all, one->ns);
    size_t bytes =
        sizeof(struct value) + one->ns.n + 1 + one->key.n + one->value.n;

    if (a->full && a->bytes < all->limit - all->limit / 10)
        a->full = false;
    if (!all->limit || a->bytes + bytes <= all->limit)
        return true;
    if (!a->full)
        log_warn(LOG_SPOOL, "state-full", "of=%.*s bytes=%zu limit=%llu",
            (int)a->ns_n, a->ns, a->bytes, (unsigned long long)all->limit);
    a->full = true;
    return false;
}

/* --- one value --- */

/* `to` has room for VALUES_KEY_MAX + 1, which no value exceeds. */
static struct str
make_key(char *to, struct str ns, struct str key)
{
    size_t n = ns.n + 1 + key.n;

    if (ns.n + key.n > VALUES_KEY_MAX)
        return STR_NONE;
    memcpy(to, ns.p, ns.n);
    to[ns.n] = '\0';
    if (key.n)
        memcpy(to + ns.n + 1, key.p, key.n);
    return str_make(to, n);
}

struct value *
value_find(struct values *all, struct str ns, struct str key, bool make)
{
    char room[VALUES_KEY_MAX + 1];
    struct str is = make_key(room, ns, key);
    uint64_t hash = str_hash(is);
    struct value *v;

    for (struct chain *c = chains_find(&all->index, hash); c; c = c->next) {
        v = VALUE_OF(c);
        if (v->hash == hash && str_eq(value_key(v), is))
            return v;
    }
    if (!make)
        return NULL;
    v = xcalloc(1, sizeof(*v) + is.n);
    v->hash = hash;
    v->key_n = is.n;
    memcpy(v->key, is.p, is.n);
    v->account = account_find(all, ns);
    v->account->bytes += sizeof(*v) + v->key_n;
    chains_add(&all->index, &v->chain);
    return v;
}

void
value_drop(struct values *all, struct value *v)
{
    v->account->bytes -= sizeof(*v) + v->key_n + v->text.n;
    chains_remove(&all->index, &v->chain);
    value_free(v);
}

void
value_set(struct value *v, struct str text, int64_t expiry)
{
    v->account->bytes += text.n - v->text.n;
    buf_cut(&v->text, 0);
    v->present = text.p != NULL;
    v->expiry = expiry;
    if (!text.n)
        return;
    buf_fit(&v->text, text.n);
    buf_str(&v->text, text);
}

void
value_empty(struct value *v)
{
    v->account->bytes -= v->text.n;
    buf_fini(&v->text);
}
