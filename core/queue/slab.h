/* SPDX-License-Identifier: Apache-2.0
 *
 * slab.h - many objects of one size: taken from blocks, given back to a list.
 *
 * For parcels, of which there may be millions.  One thread.  Memory returns to
 * the system only with slab_fini().
 */
#ifndef IMPEL_SLAB_H
#define IMPEL_SLAB_H

#include <stddef.h>
#include <stdint.h>

struct slab_block;
struct slab {
    size_t size; /* of one object */
    void *spare; /* list through the first word */
    struct slab_block *blocks;
    size_t block_count;
    uint64_t used;
};

void slab_init(struct slab *s, size_t size);
void slab_fini(struct slab *s);  /* all objects go */
void *slab_take(struct slab *s); /* zeroed */
void slab_give(struct slab *s, void *p);
size_t slab_memory(const struct slab *s); /* bytes taken from the system */

#endif
