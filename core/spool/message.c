/* SPDX-License-Identifier: Apache-2.0
 *
 * message.c - messages: counting, ids as text.
 */
#include "spool/message.h"

#include <stdio.h>
#include <stdlib.h>
#include "base/bug.h"
#include "base/err.h"
#include "base/magic.h"
#include "base/num.h"
#include "base/xmem.h"
#include "spool/content.h"

#include "base/banned.h"

struct message *
message_new(uint64_t id)
{
    struct message *m = xnew(struct message);
    m->magic = MESSAGE_MAGIC;
    atomic_init(&m->refs, 1);
    m->id = id;
    m->arena = arena_new(1024);
    return m;
}

struct message *
message_ref(struct message *m)
{
    CHECK(m, MESSAGE_MAGIC);
    atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
    return m;
}

void
message_unref(struct message **to)
{
    struct message *m = *to;
    *to = NULL;
    if (!m)
        return;
    CHECK(m, MESSAGE_MAGIC);
    if (atomic_fetch_sub_explicit(&m->refs, 1, memory_order_acq_rel) != 1)
        return;
    content_free(&m->content);
    arena_free(&m->arena);
    m->magic = 0;
    free(m);
}

struct str
message_str(struct message *m, struct str s)
{
    return arena_str(m->arena, s);
}

/* An id is 24 bits of the spool's start counter and 40 bits of a counter in
 * it.  The text is start/20, counter/32 as two pairs of digits, then the rest
 * of the start and the rest of the counter, so that it reads like MC 5.1 has
 * it and nothing is lost. */
void
message_id_print(uint64_t id, char to[MESSAGE_ID_SIZE])
{
    uint64_t start = id >> 40;
    snprintf(to, MESSAGE_ID_SIZE, "%02X/%02X-%05X-%08X",
        (unsigned)(start >> 20), (unsigned)(id >> 32 & 0xff),
        (unsigned)(start & 0xfffff), (unsigned)(id & 0xffffffff));
}

int
message_id_parse(struct str s, uint64_t *id)
{
    static const struct {
        uint8_t at, n, shift, before;
    } part[] = {
        {0, 2, 60, 0}, {3, 2, 32, '/'}, {6, 5, 40, '-'}, {12, 8, 0, '-'}};
    uint64_t sum = 0, v;

    if (s.n != 20)
        return ERR_INVAL;
    for (size_t i = 0; i < ARRAY_SIZE(part); i++) {
        if (part[i].before && s.p[part[i].at - 1] != (char)part[i].before)
            return ERR_INVAL;
        if (num_hex(str_sub(s, part[i].at, part[i].n), &v))
            return ERR_INVAL;
        if (i == 0 && v > 15)
            return ERR_INVAL;
        sum |= v << part[i].shift;
    }
    *id = sum;
    return 0;
}
