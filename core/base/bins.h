/* SPDX-License-Identifier: Apache-2.0
 *
 * bins.h - small memory of many sizes, each size from a slab of its own.
 *
 * For what is many and stays long beside much that comes and goes: in malloc's
 * heap a few octets that stay would keep their page when all around them is
 * freed.  One thread.
 */
#ifndef IMPEL_BINS_H
#define IMPEL_BINS_H

#include "base/slab.h"

enum {
    BINS_STEP = 16,  /* sizes up to BINS_FINE are multiples of it, */
    BINS_FINE = 256, /* then there are four to each power of two */
    BINS_MOST = 32 * 1024,
    BINS_COUNT = BINS_FINE / BINS_STEP + 4 * 7
};
struct bins {
    struct slab slabs[BINS_COUNT];
    size_t large; /* octets of what is larger than BINS_MOST: malloc's */
};

void bins_init(struct bins *b);
void bins_fini(struct bins *b); /* all goes, but what is large: give it */
/* Zeroed, at least one octet. */
void *bins_take(struct bins *b, size_t n);
/* n: as it was taken; p may be NULL. */
void bins_give(struct bins *b, void *p, size_t n);
/* With as much of its content as fits; what is new is not zeroed. */
void *bins_resize(struct bins *b, void *p, size_t was, size_t n);
/* How much n octets take: so many may be used. */
size_t bins_room(size_t n);
size_t bins_memory(const struct bins *b); /* bytes taken from the system */

#endif
