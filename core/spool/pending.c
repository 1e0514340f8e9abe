/* SPDX-License-Identifier: Apache-2.0
 *
 * pending.c - a table of results by message.
 */
#include "spool/pending.h"

#include <stddef.h>
#include <stdlib.h>
#include "base/xmem.h"

#include "base/banned.h"

enum { BLOCK_SIZE = 1 << 20 };
struct pending_block {
    struct pending_block *next;
    size_t used, size;
    char bytes[];
};

static void *
block_alloc(struct pending_table *t, size_t n)
{
    struct pending_block *b = t->blocks;
    void *p;

    n = (n + 7) & ~(size_t)7;
    if (!b || n > b->size - b->used) {
        size_t size = n > BLOCK_SIZE ? n : BLOCK_SIZE;
        b = xmalloc(sizeof(*b) + size);
        b->next = t->blocks;
        b->used = 0;
        b->size = size;
        t->blocks = b;
    }
    p = b->bytes + b->used;
    b->used += n;
    return p;
}

void
pending_fini(struct pending_table *t)
{
    struct pending_block *next;
    for (struct pending_block *b = t->blocks; b; b = next) {
        next = b->next;
        free(b);
    }
    free(t->slots);
    memset(t, 0, sizeof(*t));
}

static size_t
slot_of(const struct pending_table *t, uint64_t id)
{
    return (size_t)((id * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & (t->size - 1);
}

static void
table_grow(struct pending_table *t)
{
    struct pending_table old = *t;
    t->size = old.size ? 2 * old.size : 1024;
    t->slots = xcalloc(t->size, sizeof(struct pending *));
    for (size_t i = 0; i < old.size; i++) {
        struct pending *p = old.slots[i], *next;
        for (; p; p = next) {
            struct pending **to = &t->slots[slot_of(t, p->id)];
            next = p->next;
            p->next = *to;
            *to = p;
        }
    }
    free(old.slots);
}

static void
copy_runs(struct pending_table *t, struct record_runs r, struct pending *to)
{
    struct record_run *list = &to->run.one;

    to->run_count = r.left;
    if (r.left > 1)
        to->run.many = list = block_alloc(t, r.left * sizeof(*list));
    for (uint32_t i = 0; i < to->run_count && record_next_run(&r, &list[i]);)
        i++;
}

static void
copy_attempt(
    struct pending_table *t, const struct index_attempt *a, struct pending *to)
{
    char *text = block_alloc(t, a->domain.n + a->moved.n + 1);

    memcpy(text, a->domain.p, a->domain.n);
    memcpy(text + a->domain.n, a->moved.p, a->moved.n);
    to->domain = str_make(text, a->domain.n);
    to->moved_n = (uint32_t)a->moved.n;
    to->next_attempt = a->next_attempt;
    to->retries = a->retries;
}

void
pending_add(
    struct pending_table *t, uint32_t segment, const struct index_entry *e)
{
    bool attempt = e->type == RECORD_ATTEMPT;
    size_t n = attempt ? sizeof(struct pending)
                       : offsetof(struct pending, next_attempt);
    struct pending *p = memset(block_alloc(t, n), 0, n);

    p->id = e->id;
    p->lsn = e->lsn;
    p->type = e->type;
    p->at = (struct spool_place){segment, e->offset};
    if (attempt)
        copy_attempt(t, &e->attempt, p);
    copy_runs(t, attempt ? e->attempt.runs : e->runs, p);
    p->all = !attempt && !p->run_count;
    if (t->count >= t->size)
        table_grow(t);
    t->count++;
    p->next = t->slots[slot_of(t, p->id)];
    t->slots[slot_of(t, p->id)] = p;
}

/* Into a list that is ordered by LSN, newest first. */
static void
insert_by_lsn(struct pending **list, struct pending *p)
{
    while (*list && (*list)->lsn > p->lsn)
        list = &(*list)->next;
    p->next = *list;
    *list = p;
}

struct pending *
pending_take(struct pending_table *t, uint64_t id)
{
    struct pending *list = NULL, **at, *p;

    if (!t->size)
        return NULL;
    at = &t->slots[slot_of(t, id)];
    while ((p = *at) != NULL) {
        if (p->id != id) {
            at = &p->next;
            continue;
        }
        *at = p->next;
        t->count--;
        insert_by_lsn(&list, p);
    }
    return list;
}
