/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bins.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/xmem.h"
#include "base/banned.h"

/* The bin of a size, and how much each of it holds. */
static size_t
bins_index(size_t n, size_t *room)
{
    size_t at = BINS_FINE / BINS_STEP, low = BINS_FINE;

    if (n <= BINS_FINE) {
        at = n ? (n - 1) / BINS_STEP : 0;
        *room = (at + 1) * BINS_STEP;
        return at;
    }
    for (; n > 2 * low; low *= 2)
        at += 4;
    n = (n - low - 1) / (low / 4);
    *room = low + (n + 1) * (low / 4);
    return at + n;
}

void
bins_init(struct bins *b)
{
    size_t at = 0, room = 0;

    *b = (struct bins){0};
    for (size_t n = 1; n <= BINS_MOST; n = room + 1) {
        at = bins_index(n, &room);
        slab_init(&b->slabs[at], room);
    }
    BUG_ON(at != BINS_COUNT - 1);
}

void
bins_fini(struct bins *b)
{
    for (size_t i = 0; i < BINS_COUNT; i++)
        slab_fini(&b->slabs[i]);
}

void *
bins_take(struct bins *b, size_t n)
{
    size_t room;

    if (n <= BINS_MOST)
        return slab_take(&b->slabs[bins_index(n, &room)]);
    b->large += n;
    return xcalloc(1, n);
}

void
bins_give(struct bins *b, void *p, size_t n)
{
    size_t room;

    if (!p)
        return;
    if (n <= BINS_MOST) {
        slab_give(&b->slabs[bins_index(n, &room)], p);
        return;
    }
    b->large -= n;
    free(p);
}

void *
bins_resize(struct bins *b, void *p, size_t was, size_t n)
{
    void *to;

    if (p && was > BINS_MOST && n > BINS_MOST) {
        b->large += n - was;
        return xrealloc(p, n); /* without a copy, as a rule */
    }
    to = bins_take(b, n);
    if (p)
        memcpy(to, p, MIN_OF(was, n));
    bins_give(b, p, was);
    return to;
}

size_t
bins_room(size_t n)
{
    size_t room = n;

    if (n <= BINS_MOST)
        (void)bins_index(n, &room);
    return room;
}

size_t
bins_memory(const struct bins *b)
{
    size_t n = b->large;

    for (size_t i = 0; i < BINS_COUNT; i++)
        n += slab_memory(&b->slabs[i]);
    return n;
}
