/* SPDX-License-Identifier: Apache-2.0
 *
 * values.h - the small durable values in memory, for state.c alone.
 *
 * A value is found by its namespace and key; what those of one namespace take
 * of memory is known.  The caller has the lock.
 */
#ifndef IMPEL_VALUES_H
#define IMPEL_VALUES_H

#include "base/buf.h"
#include "base/chains.h"
#include "base/macros.h"
#include "spool/spool.h"

enum { VALUES_KEY_MAX = 1024 }; /* namespace and key together */

struct values_account; /* of a namespace */
struct value {
    struct chain chain;
    uint64_t hash;
    struct values_account *account;
    struct buf text;
    bool present;
    int64_t expiry;
    /* the newest record on disk: */
    uint64_t lsn;
    struct spool_place at;
    bool at_present; /* it holds a value */
    uint32_t *older; /* segments with older records of this key */
    size_t older_count;
    size_t puts; /* on their way to the disk */
    size_t key_n;
    char key[]; /* ns, NUL, key */
};
struct values {
    struct chains index;
    struct values_account *accounts;
    uint64_t limit; /* bytes of each namespace, for values_take(); 0: none */
};

#define VALUE_OF(c) CONTAINER_OF(c, struct value, chain)
/* None is added or removed meanwhile. */
#define VALUES_FOREACH(v, all) \
    for (size_t at_ = 0; at_ < chains_slots(&(all)->index); at_++) \
        for (struct chain *c_ = chains_at(&(all)->index, at_); \
             c_ && ((v) = VALUE_OF(c_)); c_ = c_->next)

void values_init(struct values *all);
void values_fini(struct values *all);

/* make: a new one, neither present nor on disk, if there is none; else NULL.
 * ns and key are not longer than VALUES_KEY_MAX. */
struct value *value_find(
    struct values *all, struct str ns, struct str key, bool make);
static inline struct str
value_key(const struct value *v) /* ns, NUL, key */
{
    return str_make(v->key, v->key_n);
}
void value_drop(struct values *all, struct value *v); /* frees it */
/* An absent text: there is no value. */
void value_set(struct value *v, struct str text, int64_t expiry);
void value_empty(
    struct value *v); /* what it takes of memory, but for its key */

/* Is there room for one more, of a key that is not there yet?  When there is
 * none a warning says so, once until a tenth of the limit is free. */
bool values_take(struct values *all, const struct spool_value *one);

#endif
