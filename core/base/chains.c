/* SPDX-License-Identifier: Apache-2.0 */
#include "base/chains.h"

#include <stdlib.h>

#include "base/bug.h"
#include "base/macros.h"
#include "base/xmem.h"
#include "base/banned.h"

enum { CHAINS_FIRST = 64 };

uint64_t
chains_mix(uint64_t a, uint64_t b)
{
    a ^= b << 32 | b >> 32;
    a = (a ^ a >> 32) * UINT64_C(0x9e3779b97f4a7c15);
    a = (a ^ a >> 29) * UINT64_C(0xb5297a4d3f84d5b5);
    return a ^ a >> 32;
}

void
chains_init(struct chains *t, size_t load, chains_hash_f *hash)
{
    *t = (struct chains){
        .hash = hash, .load = load, .half = CHAINS_FIRST, .room = CHAINS_FIRST};
    BUG_ON(!load);
    t->first = xcalloc(t->room, sizeof(struct chain *));
}

void
chains_fini(struct chains *t)
{
    xfree(&t->first);
    t->half = t->next = t->room = t->count = 0;
}

static struct chain **
chains_slot(const struct chains *t, uint64_t hash)
{
    size_t at = (size_t)hash & (2 * t->half - 1);

    return &t->first[at < t->half + t->next ? at : at - t->half];
}

static void
chains_put(struct chains *t, struct chain *c)
{
    struct chain **at = chains_slot(t, t->hash(c));

    c->next = *at;
    *at = c;
}

/* One chain more: the next in line gives it those that belong there. */
static void
chains_grow(struct chains *t)
{
    size_t from = t->next, to = t->half + t->next;
    struct chain *c, *rest;

    if (to == t->room) {
        t->room += t->room / 8;
        t->first = xgrow(t->first, t->room, sizeof(struct chain *));
    }
    rest = t->first[from];
    t->first[from] = t->first[to] = NULL;
    if (++t->next == t->half) {
        t->half *= 2;
        t->next = 0;
    }
    while ((c = rest) != NULL) {
        rest = c->next;
        chains_put(t, c);
    }
}

/* The last chain goes to the end of the one it once came from. */
static void
chains_shrink(struct chains *t)
{
    struct chain **at;

    if (!t->next) {
        t->half /= 2;
        t->next = t->half;
    }
    t->next--;
    for (at = &t->first[t->next]; *at; at = &(*at)->next)
        ;
    *at = t->first[t->half + t->next];
    if (t->half + t->next < t->room / 2) {
        t->room -= t->room / 4;
        t->first = xgrow(t->first, t->room, sizeof(struct chain *));
    }
}

void
chains_add(struct chains *t, struct chain *c)
{
    if (t->count >= t->load * (t->half + t->next))
        chains_grow(t);
    chains_put(t, c);
    t->count++;
}

void
chains_remove(struct chains *t, struct chain *c)
{
    struct chain **at = chains_slot(t, t->hash(c));

    while (*at != c) {
        BUG_ON(!*at);
        at = &(*at)->next;
    }
    *at = c->next;
    c->next = NULL;
    t->count--;
    while (t->half + t->next > CHAINS_FIRST && /* up to four */
        t->count < t->load * (t->half + t->next) / 4)
        chains_shrink(t);
}

struct chain *
chains_find(const struct chains *t, uint64_t hash)
{
    return *chains_slot(t, hash);
}

size_t
chains_memory(const struct chains *t)
{
    return t->room * sizeof(struct chain *);
}
