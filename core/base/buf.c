/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bug.h"
#include "base/secret.h"
#include "base/sum.h"
#include "base/xmem.h"
#include "base/banned.h"

enum { BUF_FIRST = 64 };

static size_t
buf_need(const struct buf *b, size_t more)
{
    size_t need;

    if (!sum_add(b->n, more, &need) || !sum_add(need, 1, &need))
        bug_panic(__FILE__, __LINE__, __func__, "size does not fit");
    return need;
}

void
buf_grow(struct buf *b, size_t more)
{
    size_t need = buf_need(b, more), size = b->size ? b->size : BUF_FIRST;

    if (need <= b->size)
        return;
    while (size < need)
        if (!sum_mul(size, 2, &size))
            size = need;
    b->p = xrealloc(b->p, size);
    b->size = size;
}

void
buf_fit(struct buf *b, size_t more)
{
    if (b->size) {
        buf_reserve(b, more);
        return;
    }
    b->size = buf_need(b, more);
    b->p = xmalloc(b->size);
    b->p[0] = '\0';
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    buf_vprintf(b, fmt, ap);
    va_end(ap);
}

void
buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
    va_list again;
    int n;

    buf_reserve(b, BUF_FIRST);
    va_copy(again, ap);
    n = vsnprintf(b->p + b->n, b->size - b->n, fmt, again);
    va_end(again);
    BUG_ON(n < 0);
    if ((size_t)n >= b->size - b->n) {
        buf_reserve(b, (size_t)n);
        (void)vsnprintf(b->p + b->n, b->size - b->n, fmt, ap); /* fits now */
    }
    b->n += (size_t)n;
}

void
buf_cut(struct buf *b, size_t n)
{
    if (n >= b->n)
        return;
    b->n = n;
    b->p[n] = '\0';
}

void
buf_consume(struct buf *b, size_t n)
{
    if (!n || !b->n)
        return;
    n = MIN_OF(n, b->n);
    b->n -= n;
    memmove(b->p, b->p + n, b->n);
    b->p[b->n] = '\0';
}

void
buf_shrink(struct buf *b)
{
    if (b->size - b->n <= b->size / 8 + 1)
        return;
    if (!b->n) {
        buf_fini(b);
        return;
    }
    b->p = xrealloc(b->p, b->n + 1);
    b->size = b->n + 1;
}

struct str
buf_get(const struct buf *b)
{
    return str_make(b->p ? b->p : "", b->n);
}

char *
buf_detach(struct buf *b, size_t *n)
{
    char *p = b->p ? b->p : xdupn("", 0);

    if (n)
        *n = b->n;
    *b = (struct buf)BUF_INIT;
    return p;
}

void
buf_fini(struct buf *b)
{
    free(b->p);
    *b = (struct buf)BUF_INIT;
}

void
buf_wipe(struct buf *b)
{
    if (b->p)
        secret_wipe(b->p, b->size);
    buf_fini(b);
}
