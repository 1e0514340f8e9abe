/* SPDX-License-Identifier: Apache-2.0 */
#include "base/heap.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/xmem.h"
#include "base/banned.h"

/* There may be a heap for each of many queues: they begin small. */
enum { HEAP_FIRST = 4, HEAP_KEEP = 1024 };

void
heap_init(struct heap *h, struct heap_node **room, size_t size)
{
    *h = (struct heap){.nodes = room, .room = room, .size = size};
}

void
heap_fini(struct heap *h)
{
    for (size_t i = 0; i < h->count; i++)
        h->nodes[i]->index = 0;
    if (h->nodes != h->room)
        free(h->nodes);
    *h = (struct heap){0};
}

static void
heap_resize(struct heap *h, size_t size)
{
    struct heap_node **was = h->nodes;

    h->nodes =
        xgrow(was == h->room ? NULL : was, size, sizeof(struct heap_node *));
    if (was == h->room && h->count)
        memcpy(h->nodes, was, h->count * sizeof(struct heap_node *));
    h->size = size;
}

static void
heap_place(struct heap *h, size_t i, struct heap_node *n)
{
    h->nodes[i] = n;
    n->index = (uint32_t)(i + 1);
}

static void
heap_up(struct heap *h, size_t i, struct heap_node *n)
{
    while (i > 0 && h->nodes[(i - 1) / 2]->when > n->when) {
        heap_place(h, i, h->nodes[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    heap_place(h, i, n);
}

static void
heap_down(struct heap *h, size_t i, struct heap_node *n)
{
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= h->count)
            break;
        if (child + 1 < h->count &&
            h->nodes[child + 1]->when < h->nodes[child]->when)
            child++;
        if (h->nodes[child]->when >= n->when)
            break;
        heap_place(h, i, h->nodes[child]);
        i = child;
    }
    heap_place(h, i, n);
}

/* Put n, which belongs at i or near, where it belongs. */
static void
heap_settle(struct heap *h, size_t i, struct heap_node *n)
{
    if (i > 0 && h->nodes[(i - 1) / 2]->when > n->when)
        heap_up(h, i, n);
    else
        heap_down(h, i, n);
}

void
heap_set(struct heap *h, struct heap_node *n, int64_t when)
{
    size_t i = n->index;

    n->when = when;
    if (i) {
        BUG_ON(i > h->count || h->nodes[i - 1] != n);
        heap_settle(h, i - 1, n);
        return;
    }
    if (h->count == h->size) {
        BUG_ON(h->count >= UINT32_MAX - 1);
        heap_resize(h, h->size ? h->size + h->size / 2 : HEAP_FIRST);
    }
    heap_up(h, h->count++, n);
}

void
heap_remove(struct heap *h, struct heap_node *n)
{
    size_t i = n->index;
    struct heap_node *last;

    if (!i)
        return;
    BUG_ON(i > h->count || h->nodes[i - 1] != n);
    n->index = 0;
    last = h->nodes[--h->count];
    if (last != n)
        heap_settle(h, i - 1, last);
    if (h->size > HEAP_KEEP && h->count < h->size / 4)
        heap_resize(h, h->size / 2);
}

struct heap_node *
heap_first(const struct heap *h)
{
    return h->count ? h->nodes[0] : NULL;
}
