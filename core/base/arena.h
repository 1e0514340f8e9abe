/* SPDX-License-Identifier: Apache-2.0
 *
 * arena.h - allocate many small things, free them all at once.
 *
 * For a parse, a configuration generation, an envelope.  One thread at a time.
 */
#ifndef IMPEL_ARENA_H
#define IMPEL_ARENA_H

#include "base/macros.h"
#include "base/str.h"

struct arena;

/* first: bytes of the first block; blocks double up to 64 KiB. */
struct arena *arena_new(size_t first) ATTR_NONNULL_RET;
void arena_free(struct arena **a);
/* Aligned for any type; zeroed. */
void *arena_alloc(struct arena *a, size_t n) ATTR_NONNULL_RET;
/* A copy with a NUL behind it; an absent string stays absent. */
struct str arena_str(struct arena *a, struct str s);
char *arena_printf(struct arena *a, const char *fmt, ...)
    ATTR_PRINTF(2, 3) ATTR_NONNULL_RET;
size_t arena_size(const struct arena *a); /* bytes allocated from the system */

#endif
