/* SPDX-License-Identifier: Apache-2.0 */
#include "envelope.h"

#include <string.h>

enum { RCPT_LEAST = 4 + 1 + 2 + 2, META_MOST = 256 };

static bool
envelope_read_lists(struct envelope *e, struct frame_in *in)
{
    e->meta_count = frame_u16(in);
    e->meta = *in;
    for (uint16_t i = 0; i < e->meta_count && !in->bad; i++) {
        (void)frame_text(in);
        (void)frame_text(in);
    }
    e->rcpt_count = frame_u32(in);
    e->rcpt = *in;
    if (in->bad || !e->rcpt_count || e->rcpt_count > in->n / RCPT_LEAST ||
        e->meta_count > META_MOST)
        return false;
    for (uint32_t i = 0; i < e->rcpt_count && !in->bad; i++) {
        (void)frame_u32(in);
        (void)frame_u8(in);
        (void)frame_text(in);
        (void)frame_text(in);
    }
    return frame_is_done(in);
}

bool
envelope_read(struct envelope *e, struct frame_in *in)
{
    uint8_t flags = frame_u8(in);
    uint8_t ret = frame_u8(in);
    uint64_t size = frame_u64(in);

    memset(e, 0, sizeof(*e));
    e->from.size = sizeof(e->from);
    e->from.address = frame_text(in);
    e->from.envid = frame_text(in);
    if (!e->from.envid.n)
        e->from.envid.p = NULL;
    e->from.ret = ret;
    e->from.needs = (flags & FRAME_FLAG_8BIT ? IMPEL_NEED_8BIT : 0u) |
        (flags & FRAME_FLAG_UTF8 ? IMPEL_NEED_UTF8 : 0u) |
        (flags & FRAME_FLAG_TLS ? IMPEL_NEED_TLS : 0u);
    if (flags & ~FRAME_FLAGS || ret > IMPEL_RET_FULL || size > INT64_MAX)
        return false;
    e->from.declared_size = (int64_t)size;
    return envelope_read_lists(e, in);
}
