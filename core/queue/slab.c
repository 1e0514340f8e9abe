/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/slab.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/xmem.h"
#include "base/banned.h"

enum { SLAB_BLOCK = 64 * 1024 };

struct slab_block {
    struct slab_block *next;
    max_align_t first;
};

void
slab_init(struct slab *s, size_t size)
{
    size_t align = sizeof(void *);

    *s = (struct slab){.size = (size + align - 1) / align * align};
    BUG_ON(s->size < sizeof(void *) || s->size > SLAB_BLOCK / 4);
}

void
slab_fini(struct slab *s)
{
    struct slab_block *b, *next;

    for (b = s->blocks; b; b = next) {
        next = b->next;
        free(b);
    }
    *s = (struct slab){.size = s->size};
}

static void
slab_grow(struct slab *s)
{
    struct slab_block *b = xmalloc(SLAB_BLOCK);
    size_t room = SLAB_BLOCK - offsetof(struct slab_block, first);
    char *p = (char *)&b->first;

    b->next = s->blocks;
    s->blocks = b;
    s->block_count++;
    for (; room >= s->size; room -= s->size, p += s->size) {
        memcpy(p, &s->spare, sizeof(void *));
        s->spare = p;
    }
}

void *
slab_take(struct slab *s)
{
    void *p;

    if (!s->spare)
        slab_grow(s);
    p = s->spare;
    memcpy(&s->spare, p, sizeof(void *));
    memset(p, 0, s->size);
    s->used++;
    return p;
}

void
slab_give(struct slab *s, void *p)
{
    memcpy(p, &s->spare, sizeof(void *));
    s->spare = p;
    s->used--;
}

size_t
slab_memory(const struct slab *s)
{
    return s->block_count * SLAB_BLOCK;
}
