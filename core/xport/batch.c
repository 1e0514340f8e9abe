/* SPDX-License-Identifier: Apache-2.0
 *
 * batch.c - one message and some of its recipients, in one block of memory.
 */
#include "xport/batch.h"

#include <stdlib.h>

#include "base/bug.h"
#include "base/magic.h"
#include "base/sum.h"
#include "base/xmem.h"
#include "conf/generation.h"
#include "xport/prepare.h"
#include "base/banned.h"

const struct batch_preparer *batch_preparer;

struct batch *
batch_new(struct message *m, const uint32_t *rcpt, size_t count,
    const struct scope *s, int attempt)
{
    size_t each = sizeof(struct result) + sizeof(uint32_t), size;
    struct batch *b;
    uint32_t *copy;

    BUG_ON(!count || count > UINT32_MAX);
    BUG_ON(!sum_mul(count, each, &size) || !sum_add(size, sizeof(*b), &size));
    b = xcalloc(1, size);
    b->magic = BATCH_MAGIC;
    b->message = message_ref(m);
    b->sent = b->message;
    b->rcpt_count = (uint32_t)count;
    b->result = (struct result *)(void *)(b + 1);
    copy = (uint32_t *)(void *)(b->result + count);
    memcpy(copy, rcpt, count * sizeof(*copy));
    b->rcpt = copy;
    for (size_t i = 0; i < count; i++)
        b->result[i].retry_after = -1;
    b->scope = s;
    if (s)
        b->generation = generation_ref(scope_generation(s));
    b->attempt = attempt;
    return b;
}

void
batch_free(struct batch **bp)
{
    struct batch *b = *bp;

    *bp = NULL;
    if (!b)
        return;
    CHECK(b, BATCH_MAGIC);
    BUG_ON(b->lent || list_linked(&b->node) || b->recalling);
    for (uint32_t i = 0; i < b->rcpt_count; i++)
        result_fini(&b->result[i]);
    if (b->sent != b->message)
        message_unref(&b->sent);
    message_unref(&b->message);
    if (b->generation)
        generation_unref(&b->generation);
    free(b->prefix);
    b->magic = 0;
    free(b);
}

void
batch_fill(struct batch *b, int verdict, int blame, int stage, int code,
    const char *status, const char *text)
{
    for (uint32_t i = 0; i < b->rcpt_count; i++) {
        if (!b->result[i].verdict)
            result_set(
                &b->result[i], verdict, blame, stage, code, status, text);
    }
}
