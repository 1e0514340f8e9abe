/* SPDX-License-Identifier: Apache-2.0
 *
 * message.c - messages: counting, ids as text.
 */
#include "spool/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <impel/module.h>
#include "base/bug.h"
#include "base/err.h"
#include "base/magic.h"
#include "base/num.h"
#include "base/xmem.h"
#include "spool/content.h"

#include "base/banned.h"

enum { ENVELOPE_ROOM = 512 }; /* for that of most messages */

struct message *
message_new(uint64_t id)
{
    struct arena *a = arena_new(sizeof(struct message) + ENVELOPE_ROOM);
    struct message *m = arena_alloc(a, sizeof(*m)); /* it goes with it */

    m->magic = MESSAGE_MAGIC;
    atomic_init(&m->refs, 1);
    m->id = id;
    m->arena = a;
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
    struct arena *a = m->arena;
    content_free(&m->content);
    message_unref(&m->within);
    m->magic = 0;
    arena_free(&a);
}

struct str
message_str(struct message *m, struct str s)
{
    return arena_str(m->arena, s);
}

enum { ID_LENGTH = 20 };

bool
message_is_binary(const struct message *m)
{
    return (m->env.needs & IMPEL_NEED_BINARY) != 0;
}

enum message_tls
message_tls(const struct message *m)
{
    if (m->env.needs & IMPEL_NEED_TLS)
        return MESSAGE_TLS_REQUIRED;
    return m->env.needs & MESSAGE_ANY_TLS ? MESSAGE_TLS_ANY : MESSAGE_TLS_USUAL;
}

/* An id is 24 bits of the spool's start counter and 40 bits of a counter in
 * it.  The text is start/20, counter/32 as two pairs of digits, then the rest
 * of the start and the rest of the counter, so that it reads like MC 5.1 has
 * it and nothing is lost. */
static const struct {
    uint8_t at, n, shift, before;
} id_part[] = {
    {0, 2, 60, 0}, {3, 2, 32, '/'}, {6, 5, 40, '-'}, {12, 8, 0, '-'}};

/* By hand: each delivery prints a few of them. */
void
message_id_print(uint64_t id, char to[MESSAGE_ID_SIZE])
{
    for (size_t i = 0; i < ARRAY_SIZE(id_part); i++) {
        uint64_t left = id >> id_part[i].shift;
        char *p = to + id_part[i].at;

        if (id_part[i].before)
            p[-1] = (char)id_part[i].before;
        for (uint8_t k = id_part[i].n; k-- > 0; left >>= 4)
            p[k] = "0123456789ABCDEF"[left & 15];
    }
    to[ID_LENGTH] = '\0';
}

int
message_id_parse(struct str s, uint64_t *id)
{
    uint64_t sum = 0, v;

    if (s.n != ID_LENGTH)
        return ERR_INVAL;
    for (size_t i = 0; i < ARRAY_SIZE(id_part); i++) {
        if (id_part[i].before &&
            s.p[id_part[i].at - 1] != (char)id_part[i].before)
            return ERR_INVAL;
        if (num_hex(str_sub(s, id_part[i].at, id_part[i].n), &v))
            return ERR_INVAL;
        if (i == 0 && v > 15)
            return ERR_INVAL;
        sum |= v << id_part[i].shift;
    }
    *id = sum;
    return 0;
}
