/* SPDX-License-Identifier: Apache-2.0
 *
 * bits.h - sets of small numbers over caller's words.
 */
#ifndef IMPEL_BITS_H
#define IMPEL_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BITS_WORDS(count) (((count) + 63) / 64)

static inline bool
bits_has(const uint64_t *w, size_t i)
{
    return (w[i / 64] >> (i % 64)) & 1;
}
static inline void
bits_set(uint64_t *w, size_t i)
{
    w[i / 64] |= UINT64_C(1) << (i % 64);
}
static inline void
bits_clear(uint64_t *w, size_t i)
{
    w[i / 64] &= ~(UINT64_C(1) << (i % 64));
}
static inline size_t
bits_count(const uint64_t *w, size_t words)
{
    size_t n = 0;
    for (size_t i = 0; i < words; i++)
        n += (size_t)__builtin_popcountll(w[i]);
    return n;
}

#endif
