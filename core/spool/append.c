/* SPDX-License-Identifier: Apache-2.0
 *
 * append.c - frames at the end of a segment.
 */
#include "spool/append.h"

#include <errno.h>
#include <stdlib.h>
#include "base/bug.h"
#include "base/xmem.h"
#include "spool/sysio.h"

#include "base/banned.h"

static char zeros[SEGMENT_BLOCK];

void
appender_fini(struct appender *a)
{
    xfree(&a->iov);
    a->segment = NULL;
}

void
appender_use(struct appender *a, struct live_segment *s)
{
    BUG_ON(a->dirty);
    a->segment = s;
    a->at = SEGMENT_BLOCK;
}

uint64_t
appender_record_size(uint64_t payload_n)
{
    return segment_round(RECORD_HEAD + payload_n, 8);
}

bool
appender_fits(const struct appender *a, uint64_t record_bytes)
{
    uint64_t n = segment_round(SEGMENT_FRAME + record_bytes, SEGMENT_BLOCK);
    return a->segment && n <= a->segment->bytes - a->at;
}

static void
push_iov(struct appender *a, size_t *n, const void *p, size_t len)
{
    if (!len)
        return;
    if (*n == a->iov_size) {
        a->iov_size = a->iov_size ? 2 * a->iov_size : 256;
        a->iov = xgrow(a->iov, a->iov_size, sizeof(*a->iov));
    }
    a->iov[(*n)++] = (struct iovec){(void *)(uintptr_t)p, len};
}

/* Head of one record, its place, and its pieces. */
static uint64_t
add_record(struct appender *a, struct append_record *r, uint32_t at,
    size_t *iovs, uint64_t sum)
{
    struct record_head h = {.length = (uint32_t)(RECORD_HEAD + r->payload_n),
        .type = r->type,
        .flags = r->flags,
        .lsn = r->lsn,
        .id = r->id,
        .payload_sum = r->payload_sum};
    uint64_t one;

    r->place.segment = a->segment->number;
    r->place.offset = at;
    r->length = h.length;
    record_head_encode(&h, a->segment->id, r->head, &one);
    push_iov(a, iovs, r->head, RECORD_HEAD);
    for (size_t i = 0; i < r->parts; i++)
        push_iov(a, iovs, r->part[i].iov_base, r->part[i].iov_len);
    push_iov(a, iovs, zeros, (size_t)segment_round(h.length, 8) - h.length);
    return frame_sum_add(sum, one);
}

int
appender_write(struct appender *a, struct append_record *const *record,
    size_t count, _Atomic uint64_t *lsn, struct err *e)
{
    struct frame_head f = {.count = (uint32_t)count};
    uint8_t head[SEGMENT_FRAME] = {0}; /* filled in last */
    size_t iovs = 0;
    uint64_t at = a->at + SEGMENT_FRAME, padded;

    push_iov(a, &iovs, head, SEGMENT_FRAME);
    if (!a->no_sync) /* else nothing is known to be on disk */
        f.before = a->before;
    if (!a->dirty) {
        a->start = a->at;
        a->commit++;
    }
    for (size_t i = 0; i < count; i++) {
        struct append_record *r = record[i];
        if (!r->lsn)
            r->lsn = atomic_fetch_add(lsn, 1) + 1;
        if (i == 0)
            f.body_sum = f.first_lsn = r->lsn;
        f.body_sum = add_record(a, r, (uint32_t)at, &iovs, f.body_sum);
        at += appender_record_size(r->payload_n);
        if (r->lsn > a->segment->max_lsn)
            a->segment->max_lsn = r->lsn;
    }
    padded = segment_round(at - a->at, SEGMENT_BLOCK);
    BUG_ON(padded > a->segment->bytes - a->at);
    f.length = (uint32_t)(at - a->at);
    f.commit = a->commit;
    f.start = a->no_sync ? SEGMENT_BLOCK : a->start;
    frame_encode(&f, a->segment->id, head);
    push_iov(a, &iovs, zeros, (size_t)padded - f.length);
    a->dirty = true;
    if (sysio_write_all(a->segment->fd, a->iov, (int)iovs, (off_t)a->at) < 0) {
        a->dirty = false;
        return err_errno(e, sysio_code(errno), errno, "writing segment %08x",
            a->segment->number);
    }
    a->before = (struct spool_place){a->segment->number, a->at};
    a->at += (uint32_t)padded;
    return 0;
}

int
appender_sync(struct appender *a, struct err *e)
{
    struct live_segment *s = a->segment;
    if (!a->dirty)
        return 0;
    a->dirty = false;
    if (!a->no_sync &&
        (a->urgent ? sysio_sync_commit(s->fd) : sysio_sync(s->fd)) < 0)
        return err_errno(
            e, sysio_code(errno), errno, "syncing segment %08x", s->number);
    a->synced = a->before;
    s->end = a->at;
    s->last = a->before.offset;
    s->commit = a->commit;
    return 0;
}
