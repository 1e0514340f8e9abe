/* SPDX-License-Identifier: Apache-2.0
 *
 * chains.h - hash index of objects that hold their own link.
 *
 * For what there may be millions of: 8 octets in each object and as many or
 * less in the table, which holds neither keys nor values.  The table is one of
 * chains that grows and shrinks by one chain at a time (linear hashing): nobody
 * waits until all have found a new place.  One thread.
 */
#ifndef IMPEL_CHAINS_H
#define IMPEL_CHAINS_H

#include <stddef.h>
#include <stdint.h>

struct chain { /* in the object */
    struct chain *next;
};
typedef uint64_t chains_hash_f(const struct chain *c);
struct chains {
    struct chain **first;
    chains_hash_f *hash;
    size_t load;       /* objects for each chain, on average */
    size_t room;       /* chains there is memory for */
    size_t half, next; /* chains: half + next; those below next are split */
    size_t count;      /* objects */
};

/* Those of equal keys have equal hashes; all bits should depend on all of the
 * key. */
void chains_init(struct chains *t, size_t load, chains_hash_f *hash);
void chains_fini(struct chains *t); /* objects stay as they are */
void chains_add(struct chains *t, struct chain *c);
void chains_remove(struct chains *t, struct chain *c); /* it is in there */
/* All with that hash, and others, are c and those that follow by `next`; NULL
 * ends them. */
struct chain *chains_find(const struct chains *t, uint64_t hash);
/* For those who look at all of them: so many chains, and the first of each.
 * What is added or removed between moves others to another chain. */
static inline size_t
chains_slots(const struct chains *t)
{
    return t->half + t->next;
}
static inline struct chain *
chains_at(const struct chains *t, size_t slot)
{
    return t->first[slot];
}
size_t chains_memory(const struct chains *t); /* of the table */
/* A hash of two numbers, which may be anything but an attacker's. */
uint64_t chains_mix(uint64_t a, uint64_t b);

#endif
