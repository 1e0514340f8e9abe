/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/parcel.h"

#include <stdlib.h>

#include "base/bug.h"
#include "base/log.h"
#include "base/magic.h"
#include "base/sum.h"
#include "base/xmem.h"
#include "base/banned.h"

enum { INDEX_FIRST = 1024, INDEX_LOAD = 4 };

#define PARCEL_STATE_TEXT(id, text) text,
static const char *const state_names[] = {PARCEL_STATES(PARCEL_STATE_TEXT)};

#define TO(id) (1u << PARCEL_##id)
static const unsigned may_follow[PARCEL_STATE_COUNT] = {
    [PARCEL_LOOSE] =
        TO(DELAYED) | TO(LOADING) | TO(READY) | TO(FAILING) | TO(GONE),
    [PARCEL_DELAYED] = TO(LOOSE),
    [PARCEL_LOADING] = TO(READY) | TO(LOOSE),
    [PARCEL_READY] = TO(LENT) | TO(LOOSE),
    [PARCEL_LENT] = TO(BEGUN) | TO(RECALLING) | TO(LOOSE),
    [PARCEL_RECALLING] = TO(BEGUN) | TO(LOOSE),
    [PARCEL_BEGUN] = TO(LOOSE),
    [PARCEL_FAILING] = TO(LOOSE),
    [PARCEL_GONE] = 0,
};

const char *
parcel_state_name(int state)
{
    return state >= 0 && state < PARCEL_STATE_COUNT ? state_names[state] : "?";
}

void
parcel_enter(struct parcel *p, enum parcel_state to)
{
    CHECK(p, PARCEL_MAGIC);
    BUG_ON(!(may_follow[p->state] & (1u << to)));
    if (log_enabled(LOG_LEVEL_DEBUG, LOG_QUEUE))
        log_debug(LOG_QUEUE, "parcel-state",
            "message=%016llx rcpt=%u count=%u from=%s to=%s",
            (unsigned long long)p->id, parcel_rcpt(p)[0], p->rcpt_count,
            state_names[p->state], state_names[to]);
    p->state = to & 15u;
}

void
parcels_init(struct parcels *all)
{
    slab_init(&all->slab, sizeof(struct parcel));
    all->half = all->room = INDEX_FIRST;
    all->next = all->count = 0;
    all->index = xcalloc(all->room, sizeof(struct parcel *));
}

void
parcels_fini(struct parcels *all)
{
    for (size_t i = 0; i < all->half + all->next; i++)
        for (struct parcel *p = all->index[i]; p; p = p->chain)
            if (p->rcpt_count > 1)
                free(p->rcpt.many);
    slab_fini(&all->slab);
    xfree(&all->index);
    all->half = all->next = all->room = all->count = 0;
}

static size_t
parcel_slot(const struct parcels *all, uint64_t id)
{
    uint64_t h = (id * UINT64_C(0x9e3779b97f4a7c15)) >> 20;
    size_t at = h & (2 * all->half - 1);

    return at < all->half + all->next ? at : at - all->half;
}

/* One chain more: the next in line gives it those that belong there. */
static void
parcels_grow(struct parcels *all)
{
    size_t from = all->next, to = all->half + all->next;
    struct parcel *p, *rest;

    if (to == all->room) {
        all->room += all->room / 8;
        all->index = xgrow(all->index, all->room, sizeof(struct parcel *));
    }
    rest = all->index[from];
    all->index[from] = all->index[to] = NULL;
    if (++all->next == all->half) {
        all->half *= 2;
        all->next = 0;
    }
    while ((p = rest) != NULL) {
        size_t at = parcel_slot(all, p->id);

        rest = p->chain;
        p->chain = all->index[at];
        all->index[at] = p;
    }
}

size_t
parcels_memory(const struct parcels *all)
{
    return slab_memory(&all->slab) + all->room * sizeof(struct parcel *);
}

static void
parcel_index(struct parcels *all, struct parcel *p)
{
    size_t at;

    if (all->count >= INDEX_LOAD * (all->half + all->next))
        parcels_grow(all);
    at = parcel_slot(all, p->id);
    p->chain = all->index[at];
    all->index[at] = p;
    all->count++;
}

static void
parcel_unindex(struct parcels *all, struct parcel *p)
{
    struct parcel **at = &all->index[parcel_slot(all, p->id)];

    while (*at != p) {
        BUG_ON(!*at);
        at = &(*at)->chain;
    }
    *at = p->chain;
    p->chain = NULL;
    all->count--;
}

static void
parcel_set_rcpt(struct parcel *p, const uint32_t *rcpt, size_t count)
{
    size_t size;

    BUG_ON(!count || count > PARCEL_RCPT_MOST);
    BUG_ON(!sum_mul(count, sizeof(*rcpt), &size));
    p->rcpt_count = (uint32_t)count & PARCEL_RCPT_MOST;
    if (count == 1)
        p->rcpt.one = rcpt[0];
    else
        p->rcpt.many = (uint32_t *)(void *)xdupn(rcpt, size);
}

struct parcel *
parcel_new(struct parcels *all, uint64_t id, const uint32_t *rcpt, size_t count)
{
    struct parcel *p = slab_take(&all->slab);

    p->magic = PARCEL_MAGIC;
    p->id = id;
    parcel_set_rcpt(p, rcpt, count);
    parcel_index(all, p);
    return p;
}

static void
parcel_give(struct parcels *all, struct parcel *p)
{
    p->magic = 0;
    slab_give(&all->slab, p);
}

void
parcel_free(struct parcels *all, struct parcel **pp)
{
    struct parcel *p = *pp;

    *pp = NULL;
    parcel_enter(p, PARCEL_GONE);
    parcel_unindex(all, p);
    if (p->rcpt_count > 1)
        xfree(&p->rcpt.many);
    p->rcpt_count = 0;
    p->queue = NULL;
    if (!p->writing)
        parcel_give(all, p);
}

void
parcel_writes(struct parcel *p)
{
    BUG_ON(p->writing == PARCEL_WRITING_MOST);
    p->writing++;
}

void
parcel_written(struct parcels *all, struct parcel *p, struct spool_place place)
{
    CHECK(p, PARCEL_MAGIC);
    BUG_ON(!p->writing);
    p->writing--;
    if (place.segment)
        p->attempt = place;
    if (p->state == PARCEL_GONE && !p->writing)
        parcel_give(all, p);
}

const uint32_t *
parcel_rcpt(const struct parcel *p)
{
    return p->rcpt_count > 1 ? p->rcpt.many : &p->rcpt.one;
}

void
parcel_keep(struct parcel *p, const uint32_t *rcpt, size_t count)
{
    uint32_t *was = p->rcpt_count > 1 ? p->rcpt.many : NULL;

    parcel_set_rcpt(p, rcpt, count);
    free(was);
}

/* Both lists are in the same order, and `less` is part of `all`. */
static size_t
parcel_without(const uint32_t *all, size_t count, const uint32_t *less,
    size_t less_count, uint32_t *to)
{
    size_t n = 0, at = 0;

    for (size_t i = 0; i < count; i++) {
        if (at < less_count && all[i] == less[at])
            at++;
        else
            to[n++] = all[i];
    }
    BUG_ON(at != less_count);
    return n;
}

struct parcel *
parcel_split(
    struct parcels *all, struct parcel *p, const uint32_t *rcpt, size_t count)
{
    struct parcel *new = parcel_new(all, p->id, rcpt, count);
    uint32_t *rest = xmalloc((size_t)p->rcpt_count * sizeof(*rest));
    size_t n = parcel_without(parcel_rcpt(p), p->rcpt_count, rcpt, count, rest);

    new->flags = p->flags;
    new->accept = p->accept;
    new->queue = p->queue;
    new->received = p->received;
    new->deadline = p->deadline;
    new->retries = p->retries;
    new->told = p->told;
    new->moved = p->moved;
    parcel_keep(p, rest, n);
    free(rest);
    return new;
}

struct parcel *
parcel_find(const struct parcels *all, uint64_t id)
{
    struct parcel *p = all->index[parcel_slot(all, id)];

    while (p && p->id != id)
        p = p->chain;
    return p;
}

struct parcel *
parcel_next(const struct parcel *p)
{
    struct parcel *next = p->chain;

    while (next && next->id != p->id)
        next = next->chain;
    return next;
}

bool
parcel_is_last(const struct parcels *all, const struct parcel *p)
{
    const struct parcel *first = parcel_find(all, p->id);

    return first == p && !parcel_next(first);
}

int64_t
parcel_received(const struct parcel *p)
{
    return (int64_t)p->received * 1000;
}
