/* SPDX-License-Identifier: Apache-2.0
 *
 * slab.h - many objects of one size: taken from blocks, given back to them.
 *
 * For parcels, of which there may be millions, and queues.  One thread.  A
 * block without objects returns to the system at once, but for a page or some
 * of one.
 */
#ifndef IMPEL_SLAB_H
#define IMPEL_SLAB_H

#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

struct slab_block;
struct slab {
    size_t size;      /* of one object */
    struct list room; /* blocks with room */
    struct slab_block *blocks;
    struct slab_block *empty; /* the one without objects that stays, or NULL */
    size_t block_count;
    uint64_t used;
};

void slab_init(struct slab *s, size_t size);
void slab_fini(struct slab *s);  /* all objects go */
void *slab_take(struct slab *s); /* zeroed */
void slab_give(struct slab *s, void *p);
size_t slab_memory(const struct slab *s); /* bytes taken from the system */

#endif
