/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/parcel.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/log.h"
#include "base/magic.h"
#include "base/xmem.h"
#include "base/banned.h"

enum { INDEX_LOAD = 4 };

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

static uint64_t
parcel_mix(uint64_t id)
{
    return chains_mix(id, 0);
}

static uint64_t
parcel_hash(const struct chain *c)
{
    return parcel_mix(CONTAINER_OF(c, const struct parcel, chain)->id);
}

void
parcels_init(struct parcels *all)
{
    slab_init(&all->slab, sizeof(struct parcel));
    bins_init(&all->lists);
    chains_init(&all->index, INDEX_LOAD, parcel_hash);
}

void
parcels_fini(struct parcels *all)
{
    bins_fini(&all->lists);
    slab_fini(&all->slab);
    chains_fini(&all->index);
}

size_t
parcels_memory(const struct parcels *all)
{
    return slab_memory(&all->slab) + chains_memory(&all->index);
}

static void
parcel_set_rcpt(
    struct parcels *all, struct parcel *p, const uint32_t *rcpt, size_t count)
{
    BUG_ON(!count || count > PARCEL_RCPT_MOST);
    p->rcpt_count = (uint32_t)count & PARCEL_RCPT_MOST;
    if (count == 1) {
        p->rcpt.one = rcpt[0];
        return;
    }
    p->rcpt.many = bins_take(&all->lists, count * sizeof(*rcpt));
    memcpy(p->rcpt.many, rcpt, count * sizeof(*rcpt));
}

struct parcel *
parcel_new(struct parcels *all, uint64_t id, const uint32_t *rcpt, size_t count)
{
    struct parcel *p = slab_take(&all->slab);

    p->magic = PARCEL_MAGIC;
    p->id = id;
    parcel_set_rcpt(all, p, rcpt, count);
    chains_add(&all->index, &p->chain);
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
    chains_remove(&all->index, &p->chain);
    if (p->rcpt_count > 1)
        bins_give(&all->lists, p->rcpt.many, p->rcpt_count * sizeof(uint32_t));
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
parcel_keep(
    struct parcels *all, struct parcel *p, const uint32_t *rcpt, size_t count)
{
    uint32_t *was = p->rcpt_count > 1 ? p->rcpt.many : NULL;
    size_t was_count = p->rcpt_count;

    parcel_set_rcpt(all, p, rcpt, count);
    bins_give(&all->lists, was, was_count * sizeof(*was));
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
    new->only_told = p->only_told;
    new->retries = p->retries;
    new->told = p->told;
    new->moved = p->moved;
    parcel_keep(all, p, rest, n);
    free(rest);
    return new;
}

static struct parcel *
parcel_of_message(struct chain *c, uint64_t id)
{
    while (c && CONTAINER_OF(c, struct parcel, chain)->id != id)
        c = c->next;
    return c ? CONTAINER_OF(c, struct parcel, chain) : NULL;
}

struct parcel *
parcel_find(const struct parcels *all, uint64_t id)
{
    return parcel_of_message(chains_find(&all->index, parcel_mix(id)), id);
}

struct parcel *
parcel_next(const struct parcel *p)
{
    return parcel_of_message(p->chain.next, p->id);
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

bool
parcel_is_held(const struct parcel *p, int64_t now)
{
    return p->state == PARCEL_DELAYED && !p->retries && p->in.due.when > now &&
        parcel_received(p) > now;
}

/* Ids rise with arrival. */
static bool
parcel_before(const struct heap_node *a, const struct heap_node *b)
{
    if (a->when != b->when)
        return a->when < b->when;
    return CONTAINER_OF(a, const struct parcel, in.due)->id <
        CONTAINER_OF(b, const struct parcel, in.due)->id;
}

void
parcel_set_due(struct heap *h, struct parcel *p, int64_t when)
{
    heap_set_by(h, &p->in.due, when, parcel_before);
}

void
parcel_clear_due(struct heap *h, struct parcel *p)
{
    heap_remove_by(h, &p->in.due, parcel_before);
}
