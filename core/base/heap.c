/* SPDX-License-Identifier: Apache-2.0 */
#include "base/heap.h"

#include <stdlib.h>

#include "base/bug.h"
#include "base/xmem.h"
#include "base/banned.h"

/* There may be a heap for each of many queues: they begin small, grow in small
 * steps, and become small again. */
enum { HEAP_STEP = 2, HEAP_KEEP = 8 };

void
heap_init(struct heap *h, struct bins *bins)
{
    *h = (struct heap){.bins = bins};
}

static void
heap_drop_nodes(struct heap *h)
{
    if (h->bins)
        bins_give(
            h->bins, h->nodes, (size_t)h->size * sizeof(struct heap_node *));
    else
        free(h->nodes);
}

void
heap_fini(struct heap *h)
{
    for (size_t i = 0; i < h->count; i++)
        h->nodes[i]->index = 0;
    heap_drop_nodes(h);
    *h = (struct heap){.bins = h->bins};
}

enum { ONE = sizeof(struct heap_node *) };

static void
heap_resize(struct heap *h, uint32_t size)
{
    size_t was = (size_t)h->size * ONE, to = (size_t)size * ONE;

    if (h->bins) {
        to = bins_room(to);
        h->nodes = bins_resize(h->bins, h->nodes, was, to);
    } else {
        h->nodes = xrealloc(h->nodes, to);
    }
    h->size = (uint32_t)(to / ONE);
}

/* To the next bin, or by a quarter. */
static void
heap_grow(struct heap *h)
{
    uint32_t more = MAX_OF(h->size / 4, (uint32_t)HEAP_STEP);

    BUG_ON(h->size >= UINT32_MAX / 2);
    if (h->bins && (size_t)h->size * ONE < BINS_MOST)
        more = 1;
    heap_resize(h, h->size + more);
}

static void
heap_place(struct heap *h, size_t i, struct heap_node *n)
{
    h->nodes[i] = n;
    n->index = (uint32_t)(i + 1);
}

static bool
heap_by_time(const struct heap_node *a, const struct heap_node *b)
{
    return a->when < b->when;
}

static void
heap_up(struct heap *h, size_t i, struct heap_node *n, heap_before_f *before)
{
    while (i > 0 && before(n, h->nodes[(i - 1) / 2])) {
        heap_place(h, i, h->nodes[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    heap_place(h, i, n);
}

static void
heap_down(struct heap *h, size_t i, struct heap_node *n, heap_before_f *before)
{
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= h->count)
            break;
        if (child + 1 < h->count &&
            before(h->nodes[child + 1], h->nodes[child]))
            child++;
        if (!before(h->nodes[child], n))
            break;
        heap_place(h, i, h->nodes[child]);
        i = child;
    }
    heap_place(h, i, n);
}

/* Put n, which belongs at i or near, where it belongs. */
static void
heap_settle(
    struct heap *h, size_t i, struct heap_node *n, heap_before_f *before)
{
    if (i > 0 && before(n, h->nodes[(i - 1) / 2]))
        heap_up(h, i, n, before);
    else
        heap_down(h, i, n, before);
}

void
heap_set_by(
    struct heap *h, struct heap_node *n, int64_t when, heap_before_f *before)
{
    size_t i = n->index;

    n->when = when;
    if (i) {
        BUG_ON(i > h->count || h->nodes[i - 1] != n);
        heap_settle(h, i - 1, n, before);
        return;
    }
    if (h->count == h->size)
        heap_grow(h);
    heap_up(h, h->count++, n, before);
}

void
heap_remove_by(struct heap *h, struct heap_node *n, heap_before_f *before)
{
    size_t i = n->index;
    struct heap_node *last;

    if (!i)
        return;
    BUG_ON(i > h->count || h->nodes[i - 1] != n);
    n->index = 0;
    last = h->nodes[--h->count];
    if (last != n)
        heap_settle(h, i - 1, last, before);
    if (h->size > HEAP_KEEP && h->count < h->size / 4)
        heap_resize(h, h->size / 2);
}

void
heap_set(struct heap *h, struct heap_node *n, int64_t when)
{
    heap_set_by(h, n, when, heap_by_time);
}

void
heap_remove(struct heap *h, struct heap_node *n)
{
    heap_remove_by(h, n, heap_by_time);
}

struct heap_node *
heap_first(const struct heap *h)
{
    return h->count ? h->nodes[0] : NULL;
}
