/* SPDX-License-Identifier: Apache-2.0 */
#include "base/slab.h"

#include <string.h>
#include <sys/mman.h>

#include "base/bug.h"
#include "base/banned.h"

/* A block is aligned to its size: its head is found from any object.  Objects
 * are made as they are needed, so what was never used takes no memory. */
enum { SLAB_BLOCK = 256 * 1024, SLAB_PAGE = 4096, SLAB_TOUCHED = 32 * 1024 };

struct slab_block {
    struct list node; /* of the slab's `room`, or in no list: it is full */
    struct slab_block *next, *prev; /* of all */
    void *spare;                    /* list through the first word */
    size_t used, made;
    max_align_t first;
};
enum { SLAB_ROOM = SLAB_BLOCK - offsetof(struct slab_block, first) };

void
slab_init(struct slab *s, size_t size)
{
    size_t align = sizeof(uint64_t); /* where pointers have 32 bits, too */

    *s = (struct slab){.size = (size + align - 1) / align * align};
    BUG_ON(s->size < sizeof(void *) || s->size > SLAB_ROOM / 4);
    list_init(&s->room);
}

static struct slab_block *
slab_block_of(void *p)
{
    return (struct slab_block *)((uintptr_t)p & ~(uintptr_t)(SLAB_BLOCK - 1));
}

/* Twice as much, and the ends go back. */
static struct slab_block *
slab_map(void)
{
    char *p = mmap(NULL, 2 * (size_t)SLAB_BLOCK, PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    size_t before;

    if (p == MAP_FAILED)
        bug_panic(__FILE__, __LINE__, __func__, "out of memory");
    before = -(uintptr_t)p & (SLAB_BLOCK - 1);
    if (before)
        (void)munmap(p, before);
    (void)munmap(p + before + SLAB_BLOCK, SLAB_BLOCK - before);
    return (struct slab_block *)(void *)(p + before);
}

static void
slab_unmap(struct slab *s, struct slab_block *b)
{
    list_remove(&b->node);
    if (b->prev)
        b->prev->next = b->next;
    else
        s->blocks = b->next;
    if (b->next)
        b->next->prev = b->prev;
    s->block_count--;
    (void)munmap(b, SLAB_BLOCK);
}

void
slab_fini(struct slab *s)
{
    while (s->blocks)
        slab_unmap(s, s->blocks);
    slab_init(s, s->size);
}

static struct slab_block *
slab_grow(struct slab *s)
{
    struct slab_block *b = slab_map(); /* zeroed */

    b->next = s->blocks;
    if (b->next)
        b->next->prev = b;
    s->blocks = b;
    s->block_count++;
    list_push(&s->room, &b->node);
    return b;
}

void *
slab_take(struct slab *s)
{
    struct list *n = list_first(&s->room);
    struct slab_block *b =
        n ? LIST_ENTRY(n, struct slab_block, node) : slab_grow(s);
    void *p = b->spare;

    if (p)
        memcpy(&b->spare, p, sizeof(void *));
    else
        p = (char *)&b->first + b->made++ * s->size;
    b->used++;
    s->used++;
    if (!b->spare && (b->made + 1) * s->size > SLAB_ROOM)
        list_remove(&b->node);
    return memset(p, 0, s->size);
}

/* As if it were new; what it has used goes back if that is much. */
static void
slab_renew(const struct slab *s, struct slab_block *b)
{
    size_t touched = offsetof(struct slab_block, first) + b->made * s->size;

    b->spare = NULL;
    b->made = 0;
    if (touched > SLAB_TOUCHED)
        (void)madvise(
            (char *)b + SLAB_PAGE, SLAB_BLOCK - SLAB_PAGE, MADV_DONTNEED);
}

/* An empty block goes, but for one that the next objects may want. */
void
slab_give(struct slab *s, void *p)
{
    struct slab_block *b = slab_block_of(p);

    BUG_ON(!b->used);
    memcpy(p, &b->spare, sizeof(void *));
    b->spare = p;
    s->used--;
    if (!list_linked(&b->node))
        list_push(&s->room, &b->node);
    if (--b->used)
        return;
    if (s->empty && s->empty != b && !s->empty->used)
        slab_unmap(s, s->empty);
    s->empty = b;
    slab_renew(s, b);
    list_remove(&b->node); /* the fuller ones go first */
    list_push(&s->room, &b->node);
}

size_t
slab_memory(const struct slab *s)
{
    return s->block_count * SLAB_BLOCK;
}
