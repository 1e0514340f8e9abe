/* SPDX-License-Identifier: Apache-2.0
 *
 * flying.c - keys between END and the answer of the disk.
 */
#include "ecstream.h"

#include <stdlib.h>
#include <string.h>

struct flight {
    struct flight *next;
    uint64_t hash;
    size_t n;
    char key[];
};

/* FNV-1a: keys of peers that may relay, and few at a time. */
static uint64_t
flying_hash(struct impel_str key)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < key.n; i++)
        h = (h ^ (uint8_t)key.p[i]) * UINT64_C(0x100000001b3);
    return h;
}

static struct flight **
flying_place(struct flying *f, uint64_t hash, struct impel_str key)
{
    struct flight **at = &f->slots[hash & (f->size - 1)];

    while (*at &&
        ((*at)->hash != hash || (*at)->n != key.n ||
            memcmp((*at)->key, key.p, key.n) != 0))
        at = &(*at)->next;
    return at;
}

static bool
flying_grow(struct flying *f)
{
    size_t old = f->size, size = old ? 2 * old : 256;
    struct flight **slots, **was = f->slots;

    if (f->count < old)
        return true;
    slots = calloc(size, sizeof(struct flight *));
    if (!slots)
        return old > 0;
    f->slots = slots;
    f->size = size;
    for (size_t i = 0; i < old; i++)
        for (struct flight *x = was[i], *next; x; x = next) {
            next = x->next;
            x->next = slots[x->hash & (size - 1)];
            slots[x->hash & (size - 1)] = x;
        }
    free(was);
    return true;
}

static bool
flying_add(struct flying *f, struct impel_str key)
{
    uint64_t hash = flying_hash(key);
    struct flight *x, **at;

    if (!flying_grow(f))
        return false;
    at = flying_place(f, hash, key);
    if (*at)
        return false;
    x = malloc(sizeof(*x) + key.n);
    if (!x)
        return false;
    x->next = NULL;
    x->hash = hash;
    x->n = key.n;
    memcpy(x->key, key.p, key.n);
    *at = x;
    f->count++;
    return true;
}

bool
flying_begin(struct flying *f, struct impel_str key)
{
    bool begun;

    (void)pthread_mutex_lock(&f->lock);
    begun = flying_add(f, key);
    (void)pthread_mutex_unlock(&f->lock);
    return begun;
}

void
flying_end(struct flying *f, struct impel_str key)
{
    struct flight **at, *x;

    (void)pthread_mutex_lock(&f->lock);
    at = flying_place(f, flying_hash(key), key);
    x = *at;
    if (x) {
        *at = x->next;
        f->count--;
    }
    (void)pthread_mutex_unlock(&f->lock);
    free(x);
}

void
flying_fini(struct flying *f)
{
    for (size_t i = 0; i < f->size; i++)
        for (struct flight *x = f->slots[i], *next; x; x = next) {
            next = x->next;
            free(x);
        }
    free(f->slots);
    (void)pthread_mutex_destroy(&f->lock);
}
