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
    free(m->old);
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

/* The slot of the key in one table, or NULL.  Ends because a quarter of the
 * table is always free. */
static struct map_slot *
map_seek_in(const struct map *m, struct map_slot *slots, size_t size,
    struct str key, uint64_t hash)
{
    for (size_t i = (size_t)hash & (size - 1);; i = (i + 1) & (size - 1)) {
        struct map_slot *s = &slots[i];
        if (map_match(m, s, key, hash))
            return s;
        if (!s->value && s->key.p != map_gone)
            return NULL;
    }
}

static struct map_slot *
map_seek(const struct map *m, struct str key, uint64_t hash)
{
    struct map_slot *s;

    if (!m->count)
        return NULL;
    s = map_seek_in(m, m->slots, m->size, key, hash);
    if (!s && m->old)
        s = map_seek_in(m, m->old, m->old_size, key, hash);
    return s;
}

static struct map_slot *
map_free_slot(struct map *m, uint64_t hash)
{
    size_t i = (size_t)hash & (m->size - 1);

    while (m->slots[i].value)
        i = (i + 1) & (m->size - 1);
    return &m->slots[i];
}

/* Into the table as it is now; there is room. */
static void
map_place(struct map *m, struct map_slot slot)
{
    struct map_slot *to = map_free_slot(m, slot.hash);

    if (to->key.p != map_gone)
        m->used++;
    *to = slot;
}

/* The next few slots of the old table. */
static void
map_move(struct map *m, size_t most)
{
    for (; m->old_at < m->old_size && most; most--) {
        struct map_slot *s = &m->old[m->old_at++];

        if (!s->value)
            continue;
        map_place(m, *s);
        *s = (struct map_slot){.key = str_of(map_gone)};
    }
    if (m->old && m->old_at == m->old_size) {
        xfree(&m->old);
        m->old_size = m->old_at = 0;
    }
}

/* Make room for one more; removed slots vanish on the way.  A quarter of the
 * new table is filled before it is full again: by then the old one, which is
 * no larger, has long been emptied by the steps of map_put(). */
static void
map_grow(struct map *m)
{
    size_t size = m->size ? m->size : MAP_FIRST;

    BUG_ON(m->old);
    while (m->count + 1 > size / 2)
        if (!sum_mul(size, 2, &size))
            bug_panic(__FILE__, __LINE__, __func__, "size does not fit");
    m->old = m->slots;
    m->old_size = m->size;
    m->slots = xcalloc(size, sizeof(*m->slots));
    m->size = size;
    m->used = 0;
    if (m->old_size <= MAP_AT_ONCE)
        map_move(m, SIZE_MAX);
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
    map_move(m, MAP_MOVES);
    if (m->used + 1 > m->size / 4 * 3)
        map_grow(m);
    map_place(m, (struct map_slot){.key = key, .value = value, .hash = hash});
    m->count++;
    return NULL;
}

static bool
map_is_in(const struct map *m, const struct map_slot *s)
{
    return s >= m->slots && s < m->slots + m->size;
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
    if (!map_is_in(m, s))
        return was;
    next = ((size_t)(s - m->slots) + 1) & (m->size - 1);
    if (!m->slots[next].value && m->slots[next].key.p != map_gone) {
        s->key = STR_NONE; /* no search passes here */
        m->used--;
    }
    return was;
}

static struct map_slot *
map_next_before(const struct map *m, size_t *at, size_t end)
{
    while (*at < end) {
        size_t i = (*at)++;
        struct map_slot *s = i < m->size ? &m->slots[i] : &m->old[i - m->size];

        if (s->value)
            return s;
    }
    return NULL;
}

struct map_slot *
map_next_slot(const struct map *m, size_t *at)
{
    return map_next_before(m, at, m->size + m->old_size);
}

void *
map_next_within(const struct map *m, size_t *at, size_t end)
{
    size_t all = m->size + m->old_size;
    struct map_slot *s = map_next_before(m, at, end < all ? end : all);

    return s ? s->value : NULL;
}

void *
map_next(const struct map *m, size_t *at)
{
    struct map_slot *s = map_next_slot(m, at);

    return s ? s->value : NULL;
}
