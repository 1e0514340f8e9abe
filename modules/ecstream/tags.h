/* SPDX-License-Identifier: Apache-2.0
 *
 * tags.h - what is open on a connection, by tag.
 *
 * Tags rise by one, so new ones stand at the end; a few old ones may stay for
 * long while thousands come and go behind them.
 */
#ifndef IMPEL_ECSTREAM_TAGS_H
#define IMPEL_ECSTREAM_TAGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tag_slot {
    uint32_t tag;
    void *is; /* NULL: it was taken out */
};
struct tags { /* zeroed memory is empty */
    struct tag_slot *slots;
    size_t first, count, size; /* those before first were taken out */
    size_t live;
};
/* tag is higher than any before; false: no memory. */
bool tags_add(struct tags *t, uint32_t tag, void *is);
void *tags_find(const struct tags *t, uint32_t tag); /* or NULL */
void tags_remove(struct tags *t, uint32_t tag);      /* if it is there */
/* In their order; *at is 0 before the first.  NULL: there are no more. */
void *tags_next(const struct tags *t, size_t *at);
void tags_fini(struct tags *t);

#endif
