/* SPDX-License-Identifier: Apache-2.0
 *
 * packer.c - zstd at its quickest: a compaction is bound by its byte rate, and
 * higher levels gain little on messages.
 */
#include "spool/packer.h"

#include <stdlib.h>
#include <zstd.h>
#include "base/bug.h"
#include "base/xmem.h"

#include "base/banned.h"

enum { PACKER_LEVEL = 1 };
#define PACKER_MAX ((unsigned long long)1 << 31) /* a segment is smaller */

struct packer {
    ZSTD_CCtx *zstd;
};

struct packer *
packer_new(void)
{
    struct packer *p = xnew(struct packer);

    p->zstd = ZSTD_createCCtx();
    BUG_ON(!p->zstd);
    return p;
}

void
packer_free(struct packer **to)
{
    if (!*to)
        return;
    ZSTD_freeCCtx((*to)->zstd);
    xfree(to);
}

void
packer_add(struct packer *p, struct buf *to, const void *from, size_t n)
{
    size_t most = ZSTD_compressBound(n), got;

    buf_reserve(to, most);
    got =
        ZSTD_compressCCtx(p->zstd, to->p + to->n, most, from, n, PACKER_LEVEL);
    BUG_ON(ZSTD_isError(got)); /* it has room, and memory was there */
    to->n += got;
    to->p[to->n] = 0;
}

int
packer_unpack(struct buf *to, const void *from, size_t n)
{
    unsigned long long size = ZSTD_getFrameContentSize(from, n);
    size_t got;

    if (size > PACKER_MAX) /* what says that it is unknown is above, too */
        return ERR_DAMAGED;
    buf_reserve(to, (size_t)size);
    got = ZSTD_decompress(to->p + to->n, (size_t)size, from, n);
    if (ZSTD_isError(got) || got != size)
        return ERR_DAMAGED;
    to->n += got;
    to->p[to->n] = 0;
    return 0;
}
