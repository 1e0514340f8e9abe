/* SPDX-License-Identifier: Apache-2.0
 *
 * heap.h - binary heap of deadlines: the earliest first.
 *
 * Intrusive: an element holds a struct heap_node; index 0 means "in no heap".
 */
#ifndef IMPEL_HEAP_H
#define IMPEL_HEAP_H

#include <stdbool.h>
#include <stdint.h>
#include "base/bins.h"

/* 12 bytes, aligned to 4: there may be millions (queue/parcel.h). */
struct heap_node {
    int64_t when __attribute__((packed, aligned(4)));
    uint32_t index; /* position + 1; 0: not in a heap */
};
struct heap {
    struct heap_node **nodes;
    struct bins *bins; /* where nodes are from; NULL: malloc's */
    uint32_t count, size;
};

/* Zeroed memory is an empty heap without bins. */
void heap_init(struct heap *h, struct bins *bins);
void heap_fini(struct heap *h);
/* Insert, or move if it is in this heap already. */
void heap_set(struct heap *h, struct heap_node *n, int64_t when);
void heap_remove(struct heap *h, struct heap_node *n); /* no-op if out */
struct heap_node *heap_first(const struct heap *h);    /* or NULL */

/* The same where an order among those of one time matters: always with the same
 * before(), which compares the times first. */
typedef bool heap_before_f(
    const struct heap_node *a, const struct heap_node *b);
void heap_set_by(
    struct heap *h, struct heap_node *n, int64_t when, heap_before_f *before);
void heap_remove_by(struct heap *h, struct heap_node *n, heap_before_f *before);

#endif
