/* SPDX-License-Identifier: Apache-2.0
 *
 * dns_wire.h - writes DNS messages for tests.
 */
#ifndef TEST_DNS_WIRE_H
#define TEST_DNS_WIRE_H

#include "base/buf.h"

static inline void
wire_u16(struct buf *b, unsigned v)
{
    buf_char(b, (char)(v >> 8));
    buf_char(b, (char)v);
}
static inline void
wire_u32(struct buf *b, unsigned v)
{
    wire_u16(b, v >> 16);
    wire_u16(b, v & 0xffff);
}
static inline void
wire_name(struct buf *b, const char *name)
{
    struct str rest = str_of(name);

    while (rest.p && rest.n) {
        struct str label = str_cut(&rest, '.');
        buf_char(b, (char)label.n);
        buf_str(b, label);
    }
    buf_char(b, '\0');
}
/* Header and question; counts of answers and authorities follow. */
static inline void
wire_begin(struct buf *b, unsigned id, unsigned flags, unsigned an, unsigned ns,
    const char *name, unsigned type)
{
    buf_cut(b, 0);
    wire_u16(b, id);
    wire_u16(b, flags);
    wire_u16(b, 1);
    wire_u16(b, an);
    wire_u16(b, ns);
    wire_u16(b, 0);
    wire_name(b, name);
    wire_u16(b, type);
    wire_u16(b, 1);
}
static inline void
wire_rr(struct buf *b, const char *owner, unsigned type, unsigned ttl,
    const void *data, size_t n)
{
    wire_name(b, owner);
    wire_u16(b, type);
    wire_u16(b, 1);
    wire_u32(b, ttl);
    wire_u16(b, (unsigned)n);
    buf_add(b, data, n);
}
static inline void
wire_rr_name(struct buf *b, const char *owner, unsigned type, unsigned ttl,
    int pref, const char *name)
{
    struct buf d = BUF_INIT;

    if (pref >= 0)
        wire_u16(&d, (unsigned)pref);
    wire_name(&d, name);
    wire_rr(b, owner, type, ttl, d.p, d.n);
    buf_fini(&d);
}
static inline void
wire_soa(struct buf *b, const char *owner, unsigned ttl, unsigned minimum)
{
    struct buf d = BUF_INIT;

    wire_name(&d, "ns.example");
    wire_name(&d, "root.example");
    for (int i = 0; i < 4; i++)
        wire_u32(&d, 1);
    wire_u32(&d, minimum);
    wire_rr(b, owner, 6, ttl, d.p, d.n);
    buf_fini(&d);
}

#endif
