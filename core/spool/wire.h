/* SPDX-License-Identifier: Apache-2.0
 *
 * wire.h - numbers and texts as they stand on disk: little-endian, unaligned,
 * texts behind a 32-bit length.
 *
 * Writing appends to a struct buf.  Reading goes through a cursor that turns
 * bad at the first byte that is missing and then yields zeros, so a decoder
 * checks once at its end.
 */
#ifndef IMPEL_WIRE_H
#define IMPEL_WIRE_H

#include <endian.h>
#include "base/buf.h"

enum { WIRE_ABSENT = -1 }; /* length of a text that is absent */

static inline void
wire_store32(void *to, uint32_t v)
{
    v = htole32(v);
    memcpy(to, &v, sizeof(v));
}
static inline void
wire_store64(void *to, uint64_t v)
{
    v = htole64(v);
    memcpy(to, &v, sizeof(v));
}
static inline uint32_t
wire_load32(const void *from)
{
    uint32_t v;
    memcpy(&v, from, sizeof(v));
    return le32toh(v);
}
static inline uint64_t
wire_load64(const void *from)
{
    uint64_t v;
    memcpy(&v, from, sizeof(v));
    return le64toh(v);
}

static inline void
wire_put32(struct buf *b, uint32_t v)
{
    v = htole32(v);
    buf_add(b, &v, sizeof(v));
}
static inline void
wire_put64(struct buf *b, uint64_t v)
{
    v = htole64(v);
    buf_add(b, &v, sizeof(v));
}
static inline void
wire_put_str(struct buf *b, struct str s)
{
    wire_put32(b, s.p ? (uint32_t)s.n : (uint32_t)WIRE_ABSENT);
    if (s.p && s.n)
        buf_add(b, s.p, s.n);
}

struct wire {
    const uint8_t *p;
    size_t n;
    bool bad;
};
static inline struct wire
wire_of(const void *p, size_t n)
{
    return (struct wire){(const uint8_t *)p, n, false};
}
static inline const uint8_t *
wire_take(struct wire *w, size_t n)
{
    const uint8_t *p = w->p;
    if (w->bad || n > w->n) {
        w->bad = true;
        return NULL;
    }
    w->p += n;
    w->n -= n;
    return p;
}
static inline uint32_t
wire_get32(struct wire *w)
{
    const uint8_t *p = wire_take(w, 4);
    return p ? wire_load32(p) : 0;
}
static inline uint64_t
wire_get64(struct wire *w)
{
    const uint8_t *p = wire_take(w, 8);
    return p ? wire_load64(p) : 0;
}
static inline struct str
wire_get_str(struct wire *w)
{
    uint32_t n = wire_get32(w);
    const uint8_t *p;
    if (n == (uint32_t)WIRE_ABSENT)
        return STR_NONE;
    p = wire_take(w, n);
    return p ? str_make(p, n) : STR_NONE;
}
/* Bytes as a cursor of their own. */
static inline struct wire
wire_get_part(struct wire *w, size_t n)
{
    const uint8_t *p = wire_take(w, n);
    struct wire part = {p, p ? n : 0, p == NULL};
    return part;
}

#endif
