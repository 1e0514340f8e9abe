/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bug.h"
#include "base/magic.h"
#include "base/sum.h"
#include "base/xmem.h"
#include "base/banned.h"

enum { ARENA_FIRST_MIN = 256, ARENA_BLOCK_MAX = 65536 };

struct arena_block {
    struct arena_block *next;
    size_t size, used; /* of room */
    max_align_t room[];
};
struct arena {
    uint32_t magic;
    size_t next_size; /* of the next block's room */
    size_t total;
    struct arena_block *open;   /* the one to allocate from */
    struct arena_block *blocks; /* all but the first */
    max_align_t first[];        /* that one comes with the arena */
};

struct arena *
arena_new(size_t first)
{
    size_t room = MIN_OF(first, (size_t)ARENA_BLOCK_MAX), size;
    struct arena *a;

    room = MAX_OF(room, (size_t)ARENA_FIRST_MIN);
    size = sizeof(*a) + sizeof(*a->open) + room;
    a = xcalloc(1, size);
    a->magic = ARENA_MAGIC;
    a->next_size = MIN_OF(2 * room, (size_t)ARENA_BLOCK_MAX);
    a->total = size;
    a->open = (struct arena_block *)a->first;
    a->open->size = room;
    return a;
}

void
arena_free(struct arena **pa)
{
    struct arena *a = *pa;

    if (!a)
        return;
    CHECK(a, ARENA_MAGIC);
    *pa = NULL;
    while (a->blocks) {
        struct arena_block *b = a->blocks;
        a->blocks = b->next;
        free(b);
    }
    a->magic = 0;
    free(a);
}

static struct arena_block *
arena_grow(struct arena *a, size_t room)
{
    struct arena_block *b;
    size_t size;

    if (!sum_add(room, sizeof(*b), &size))
        bug_panic(__FILE__, __LINE__, __func__, "size does not fit");
    b = xcalloc(1, size);
    b->size = room;
    b->next = a->blocks;
    a->blocks = b;
    a->total += size;
    return b;
}

/* A block of its own: the rest of the one in use is not lost. */
static void *
arena_large(struct arena *a, size_t n)
{
    struct arena_block *b = arena_grow(a, n);

    b->used = n;
    return b->room;
}

void *
arena_alloc(struct arena *a, size_t n)
{
    struct arena_block *b = a->open;
    const size_t align = _Alignof(max_align_t);
    void *p;

    CHECK(a, ARENA_MAGIC);
    if (!sum_add(n ? n : 1, align - 1, &n))
        bug_panic(__FILE__, __LINE__, __func__, "size does not fit");
    n -= n % align;
    if (n > b->size - b->used) {
        if (n > a->next_size / 2)
            return arena_large(a, n);
        a->open = b = arena_grow(a, a->next_size);
        a->next_size = MIN_OF(a->next_size * 2, (size_t)ARENA_BLOCK_MAX);
    }
    p = (char *)b->room + b->used;
    b->used += n;
    return p;
}

struct str
arena_str(struct arena *a, struct str s)
{
    size_t size;
    char *p;

    if (!s.p)
        return s;
    if (!sum_add(s.n, 1, &size))
        bug_panic(__FILE__, __LINE__, __func__, "size does not fit");
    p = arena_alloc(a, size);
    if (s.n)
        memcpy(p, s.p, s.n);
    return str_make(p, s.n);
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    char *p;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    BUG_ON(n < 0);
    p = arena_alloc(a, (size_t)n + 1);
    va_start(ap, fmt);
    (void)vsnprintf(p, (size_t)n + 1, fmt, ap); /* measured above */
    va_end(ap);
    return p;
}

size_t
arena_size(const struct arena *a)
{
    CHECK(a, ARENA_MAGIC);
    return a->total;
}
