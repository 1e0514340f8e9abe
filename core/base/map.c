/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include <stdlib.h>

#include "base/bug.h"
#include "base/sum.h"
#include "base/xmem.h"
#include "base/banned.h"

/* A removed slot keeps searches going past it: value NULL, key this. */
static const char map_gone[] = "gone";

enum { MAP_FIRST = 8 };

void
map_init(struct map *m, bool fold)
{
    *m = (struct map){.fold = fold};
}

void
map_fini(struct map *m)
{
    free(m->slots);
    *m = (struct map){.fold = m->fold};
}

static uint64_t
map_hash(const struct map *m, struct str key)
{
    return m->fold ? str_ihash(key) : str_hash(key);
}

static bool
map_match(const struct map *m, const struct map_slot *s, struct str key,
    uint64_t hash)
{
    return s->value && s->hash == hash &&
        (m->fold ? str_ieq(s->key, key) : str_eq(s->key, key));
}

/* The slot of the key, or NULL.  Ends because a quarter is always free. */
static struct map_slot *
map_seek(const struct map *m, struct str key, uint64_t hash)
{
    if (!m->count)
        return NULL;
    for (size_t i = hash & (m->size - 1);; i = (i + 1) & (m->size - 1)) {
        struct map_slot *s = &m->slots[i];
        if (map_match(m, s, key, hash))
            return s;
        if (!s->value && s->key.p != map_gone)
            return NULL;
    }
}

static struct map_slot *
map_free_slot(struct map *m, uint64_t hash)
{
    size_t i = hash & (m->size - 1);

    while (m->slots[i].value)
        i = (i + 1) & (m->size - 1);
    return &m->slots[i];
}

/* Make room for one more; removed slots vanish on the way. */
static void
map_grow(struct map *m)
{
    struct map_slot *old = m->slots;
    size_t was = m->size, size = was ? was : MAP_FIRST;

    while (m->count + 1 > size / 2)
        if (!sum_mul(size, 2, &size))
            bug_panic(__FILE__, __LINE__, __func__, "size does not fit");
    m->slots = xcalloc(size, sizeof(*m->slots));
    m->size = size;
    m->used = m->count;
    for (size_t i = 0; i < was; i++)
        if (old[i].value)
            *map_free_slot(m, old[i].hash) = old[i];
    free(old);
}

void *
map_find(const struct map *m, struct str key)
{
    struct map_slot *s;

    if (!m->count)
        return NULL;
    s = map_seek(m, key, map_hash(m, key));
    return s ? s->value : NULL;
}

void *
map_put(struct map *m, struct str key, void *value)
{
    uint64_t hash = map_hash(m, key);
    struct map_slot *s = map_seek(m, key, hash);

    BUG_ON(!value);
    if (s) {
        void *was = s->value;
        s->key = key; /* the former one may go with its object */
        s->value = value;
        return was;
    }
    if (m->used + 1 > m->size / 4 * 3)
        map_grow(m);
    s = map_free_slot(m, hash);
    if (s->key.p != map_gone)
        m->used++;
    *s = (struct map_slot){.key = key, .value = value, .hash = hash};
    m->count++;
    return NULL;
}

void *
map_remove(struct map *m, struct str key)
{
    struct map_slot *s;
    void *was;
    size_t next;

    if (!m->count || !(s = map_seek(m, key, map_hash(m, key))))
        return NULL;
    was = s->value;
    *s = (struct map_slot){.key = str_of(map_gone)};
    m->count--;
    next = ((size_t)(s - m->slots) + 1) & (m->size - 1);
    if (!m->slots[next].value && m->slots[next].key.p != map_gone) {
        s->key = STR_NONE; /* no search passes here */
        m->used--;
    }
    return was;
}

void *
map_next(const struct map *m, size_t *at)
{
    while (*at < m->size) {
        void *v = m->slots[(*at)++].value;
        if (v)
            return v;
    }
    return NULL;
}
