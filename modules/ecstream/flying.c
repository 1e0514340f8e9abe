/* SPDX-License-Identifier: Apache-2.0
 *
 * flying.c - keys between END and the answer of the disk.
 */
#include "ecstream.h"

#include <stdlib.h>
#include <string.h>

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
        ((*at)->hash != hash || (*at)->key.n != key.n ||
            memcmp((*at)->key.p, key.p, key.n) != 0))
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

static enum flying_got
flying_add(struct flying *f, struct flight *x, struct flying_wait *w)
{
    struct flight **at;

    if (!flying_grow(f))
        return FLYING_NO_MEMORY;
    at = flying_place(f, x->hash, x->key);
    if (*at) {
        w->waits = true;
        w->next = (*at)->waiting;
        (*at)->waiting = w;
        return FLYING_WAITS;
    }
    x->next = NULL;
    x->waiting = NULL;
    *at = x;
    f->count++;
    return FLYING_BEGUN;
}

enum flying_got
flying_begin(struct flying *f, struct flight *x, struct flying_wait *w)
{
    enum flying_got got;

    x->hash = flying_hash(x->key);
    (void)pthread_mutex_lock(&f->lock);
    got = flying_add(f, x, w);
    (void)pthread_mutex_unlock(&f->lock);
    return got;
}

/* With the lock held, so that nobody who is told here is gone. */
static void
flight_wake(const struct flight *x, const struct ecstream *m)
{
    for (struct flying_wait *w = x->waiting; w; w = w->next) {
        w->waits = false;
        (void)m->host->wake(m->instance, w->token, w->arg);
    }
}

void
flying_end(struct flying *f, struct flight *x, const struct ecstream *m)
{
    struct flight **at;

    (void)pthread_mutex_lock(&f->lock);
    at = &f->slots[x->hash & (f->size - 1)];
    while (*at != x)
        at = &(*at)->next;
    *at = x->next;
    f->count--;
    flight_wake(x, m);
    (void)pthread_mutex_unlock(&f->lock);
}

void
flying_leave(struct flying *f, struct impel_str key, struct flying_wait *w)
{
    struct flying_wait **at;

    (void)pthread_mutex_lock(&f->lock);
    if (w->waits) {
        at = &(*flying_place(f, flying_hash(key), key))->waiting;
        while (*at != w)
            at = &(*at)->next;
        *at = w->next;
        w->waits = false;
    }
    (void)pthread_mutex_unlock(&f->lock);
}

void
flying_fini(struct flying *f)
{
    free(f->slots);
    (void)pthread_mutex_destroy(&f->lock);
}
