/* SPDX-License-Identifier: Apache-2.0 */
#include "tags.h"

#include <stdlib.h>
#include <string.h>

static struct tag_slot *
tags_slot(const struct tags *t, uint32_t tag)
{
    size_t low = t->first, high = t->count, straight;

    if (low == high || tag < t->slots[low].tag)
        return NULL;
    straight = low + (tag - t->slots[low].tag); /* if none was taken out */
    if (straight < high && t->slots[straight].tag == tag)
        return &t->slots[straight];
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (t->slots[middle].tag < tag)
            low = middle + 1;
        else
            high = middle;
    }
    return low < t->count && t->slots[low].tag == tag ? &t->slots[low] : NULL;
}

/* Those that are left move to the front. */
static void
tags_pack(struct tags *t)
{
    size_t kept = 0;

    for (size_t i = t->first; i < t->count; i++)
        if (t->slots[i].is)
            t->slots[kept++] = t->slots[i];
    t->first = 0;
    t->count = kept;
}

bool
tags_add(struct tags *t, uint32_t tag, void *is)
{
    if (t->count == t->size && t->live <= t->size / 2)
        tags_pack(t);
    if (t->count == t->size) {
        size_t size = t->size ? 2 * t->size : 64;
        struct tag_slot *p = realloc(t->slots, size * sizeof(*p));

        if (!p)
            return false;
        t->slots = p;
        t->size = size;
    }
    t->slots[t->count++] = (struct tag_slot){tag, is};
    t->live++;
    return true;
}

void *
tags_find(const struct tags *t, uint32_t tag)
{
    const struct tag_slot *s = tags_slot(t, tag);

    return s ? s->is : NULL;
}

void
tags_remove(struct tags *t, uint32_t tag)
{
    struct tag_slot *s = tags_slot(t, tag);

    if (!s || !s->is)
        return;
    s->is = NULL;
    t->live--;
    while (t->first < t->count && !t->slots[t->first].is)
        t->first++;
    if (t->first == t->count)
        t->first = t->count = 0;
}

void *
tags_next(const struct tags *t, size_t *at)
{
    size_t i = *at < t->first ? t->first : *at;

    while (i < t->count && !t->slots[i].is)
        i++;
    *at = i + 1;
    return i < t->count ? t->slots[i].is : NULL;
}

void
tags_fini(struct tags *t)
{
    free(t->slots);
    memset(t, 0, sizeof(*t));
}
