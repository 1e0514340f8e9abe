/* SPDX-License-Identifier: Apache-2.0
 *
 * idset.c - a set of ids.
 */
#include "spool/idset.h"

#include <stdlib.h>
#include <string.h>
#include "base/xmem.h"

#include "base/banned.h"

static size_t
slot_first(const struct idset *s, uint64_t id)
{
    return (size_t)((id * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & (s->size - 1);
}

static size_t
slot_find(const struct idset *s, uint64_t id)
{
    size_t i = slot_first(s, id);
    while (s->slots[i] && s->slots[i] != id)
        i = (i + 1) & (s->size - 1);
    return i;
}

void
idset_fini(struct idset *s)
{
    free(s->slots);
    memset(s, 0, sizeof(*s));
}

bool
idset_has(const struct idset *s, uint64_t id)
{
    return s->size && s->slots[slot_find(s, id)] == id;
}

static void
idset_grow(struct idset *s)
{
    struct idset old = *s;
    s->size = old.size ? 2 * old.size : 64;
    s->slots = xcalloc(s->size, sizeof(*s->slots));
    for (size_t i = 0; i < old.size; i++) {
        if (old.slots[i])
            s->slots[slot_find(s, old.slots[i])] = old.slots[i];
    }
    free(old.slots);
}

bool
idset_add(struct idset *s, uint64_t id)
{
    size_t i;
    if (2 * (s->count + 1) > s->size)
        idset_grow(s);
    i = slot_find(s, id);
    if (s->slots[i])
        return false;
    s->slots[i] = id;
    s->count++;
    return true;
}

bool
idset_remove(struct idset *s, uint64_t id)
{
    size_t i, k;
    if (!s->size || s->slots[i = slot_find(s, id)] != id)
        return false;
    s->count--;
    s->slots[i] = 0;
    /* Move those back that were pushed past the hole. */
    for (k = (i + 1) & (s->size - 1); s->slots[k];
         k = (k + 1) & (s->size - 1)) {
        uint64_t moved = s->slots[k];
        s->slots[k] = 0;
        s->slots[slot_find(s, moved)] = moved;
    }
    return true;
}
