/* SPDX-License-Identifier: Apache-2.0
 *
 * map.h - hash map from bytes to a pointer.
 *
 * The key is borrowed: it must live as long as the entry, usually inside the
 * object that is mapped.  Open addressing, grows by doubling; one thread.
 * A large one grows bit by bit: what a put has to move is bounded, so that
 * nobody waits until hundreds of thousands have found a new place.
 */
#ifndef IMPEL_MAP_H
#define IMPEL_MAP_H

#include "base/str.h"

struct map_slot {
    struct str key;
    void *value; /* NULL: free */
    uint64_t hash;
};
struct map {
    struct map_slot *slots;
    size_t count, size; /* size: 0 or a power of two */
    size_t used;        /* slots in use, or left by a removal */
    bool fold;          /* ASCII case of keys is ignored */
    /* The smaller table that it grows out of, or NULL; below old_at its slots
     * have moved. */
    struct map_slot *old;
    size_t old_size, old_at;
};
enum { MAP_MOVES = 16, MAP_AT_ONCE = 4096 }; /* slots a put looks at */

/* Zeroed memory is a valid empty map that minds case. */
void map_init(struct map *m, bool fold);
void map_fini(struct map *m);                        /* values are not freed */
void *map_find(const struct map *m, struct str key); /* or NULL */
/* Add or replace; value is not NULL.  Returns the former value, or NULL. */
void *map_put(struct map *m, struct str key, void *value);
void *map_remove(struct map *m, struct str key); /* the value, or NULL */
/* Iterate in no order: *at starts at 0; NULL at the end.  Nothing may be put
 * or removed meanwhile, but for the entry just returned, which may go. */
void *map_next(const struct map *m, size_t *at);
/* As it, and NULL once *at has reached `end`, which counts slots, free ones
 * too: for who looks at some at a time.  Between two calls anything may be put
 * or removed; what grows meanwhile may show entries again, or not in this
 * round. */
void *map_next_within(const struct map *m, size_t *at, size_t end);
/* As map_next(), for the key as well. */
struct map_slot *map_next_slot(const struct map *m, size_t *at);

#define MAP_FOREACH(v, m, at) for (at = 0; (v = map_next(m, &at)) != NULL;)

#endif
