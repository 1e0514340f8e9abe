/* SPDX-License-Identifier: Apache-2.0
 *
 * segment.c - heads and frames of segments, and reading them whole.
 */
#include "spool/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <xxhash.h>
#include "base/xmem.h"
#include "spool/packer.h"
#include "spool/sysio.h"

#include "base/banned.h"

#define HEAD_WORD "IMPELSG1"
enum { FRAME_MAGIC = 0x52464d49, HEAD_SUMMED = 64 };

void
segment_head_encode(const struct segment_head *h, uint8_t to[SEGMENT_BLOCK])
{
    memset(to, 0, SEGMENT_BLOCK);
    memcpy(to, HEAD_WORD, 8);
    wire_store32(to + 8, SEGMENT_FORMAT);
    wire_store32(to + 12, h->number);
    wire_store64(to + 16, h->id);
    wire_store64(to + 24, h->bytes);
    wire_store32(to + 32, h->kind);
    wire_store64(to + 40, (uint64_t)h->created);
    wire_store64(to + HEAD_SUMMED, XXH3_64bits(to, HEAD_SUMMED));
}

int
segment_head_decode(
    const uint8_t *p, size_t n, struct segment_head *h, struct err *e)
{
    uint32_t version;
    if (n < SEGMENT_BLOCK || memcmp(p, HEAD_WORD, 8))
        return err_set(e, ERR_DAMAGED, "no segment head");
    if (wire_load64(p + HEAD_SUMMED) != XXH3_64bits(p, HEAD_SUMMED))
        return err_set(e, ERR_DAMAGED, "checksum of the segment head");
    version = wire_load32(p + 8);
    if (version != SEGMENT_FORMAT)
        return err_set(e, ERR_VERSION, "segment of version %u", version);
    h->number = wire_load32(p + 12);
    h->id = wire_load64(p + 16);
    h->bytes = wire_load64(p + 24);
    h->kind = wire_load32(p + 32);
    h->created = (int64_t)wire_load64(p + 40);
    return 0;
}

void
frame_encode(
    const struct frame_head *h, uint64_t segment_id, uint8_t to[SEGMENT_FRAME])
{
    wire_store32(to, FRAME_MAGIC);
    wire_store32(to + 4, h->length);
    wire_store64(to + 8, h->commit);
    wire_store32(to + 16, h->before.segment);
    wire_store32(to + 20, h->before.offset);
    wire_store32(to + 24, h->start);
    wire_store32(to + 28, h->count);
    wire_store64(to + 32, h->first_lsn);
    wire_store64(to + 40, h->body_sum);
    wire_store64(to + 48, 0);
    wire_store64(to + 56, XXH3_64bits_withSeed(to, 56, segment_id));
}

bool
frame_decode(const uint8_t *image, size_t n, uint32_t at, uint64_t segment_id,
    struct frame_head *h)
{
    const uint8_t *p = image + at;
    if (at > n || n - at < SEGMENT_FRAME || wire_load32(p) != FRAME_MAGIC ||
        wire_load64(p + 56) != XXH3_64bits_withSeed(p, 56, segment_id))
        return false;
    h->length = wire_load32(p + 4);
    h->commit = wire_load64(p + 8);
    h->before.segment = wire_load32(p + 16);
    h->before.offset = wire_load32(p + 20);
    h->start = wire_load32(p + 24);
    h->count = wire_load32(p + 28);
    h->first_lsn = wire_load64(p + 32);
    h->body_sum = wire_load64(p + 40);
    return h->length >= SEGMENT_FRAME && h->length <= n - at && h->start <= at;
}

uint64_t
frame_sum_add(uint64_t sum, uint64_t record_head_sum)
{
    uint64_t two[2] = {htole64(sum), htole64(record_head_sum)};
    return XXH3_64bits(two, sizeof(two));
}

/* --- scanning --- */

static struct segment_frame *
scan_push(struct segment_scan *s, uint32_t at, uint32_t length)
{
    struct segment_frame *f;
    if (s->frame_count % 64 == 0)
        s->frames = xgrow(s->frames, s->frame_count + 64, sizeof(*s->frames));
    f = &s->frames[s->frame_count++];
    memset(f, 0, sizeof(*f));
    f->at = at;
    f->length = length;
    return f;
}

typedef void record_walk_f(
    struct segment_scan *s, uint32_t at, struct record_head *h, bool good);

/* Each record of a frame whose head can be read; how many are whole. */
static uint32_t
walk_records(struct segment_scan *s, const struct segment_frame *f,
    record_walk_f *fn, uint64_t *sum, uint32_t *reached)
{
    uint32_t at = f->at + SEGMENT_FRAME, end = f->at + f->head.length;
    uint32_t whole = 0;
    uint64_t one;
    struct record_head h;

    *sum = f->head.first_lsn;
    for (uint32_t i = 0; i < f->head.count && at < end; i++) {
        const uint8_t *p = s->image + at;
        bool good;
        if (!record_head_decode(p, end - at, s->head.id, &h, &one))
            break;
        good = h.type == RECORD_HOLE ||
            record_sum(p + RECORD_HEAD, h.length - RECORD_HEAD) ==
                h.payload_sum;
        *sum = frame_sum_add(*sum, one);
        whole += good;
        if (fn)
            fn(s, at, &h, good);
        at += (uint32_t)segment_round(h.length, 8);
    }
    *reached = at;
    return whole;
}

/* All frames in order, with the gaps between them. */
static void
scan_frames(struct segment_scan *s, size_t n)
{
    uint32_t at = SEGMENT_BLOCK, gap = 0, reached;
    struct frame_head h;
    uint64_t sum;

    while (at < n) {
        struct segment_frame *f;
        if (!frame_decode(s->image, n, at, s->head.id, &h)) {
            gap = gap ? gap : at;
            at += SEGMENT_BLOCK;
            continue;
        }
        if (gap)
            scan_push(s, gap, at - gap)->gap = true;
        gap = 0;
        f = scan_push(s, at, (uint32_t)segment_round(h.length, SEGMENT_BLOCK));
        f->head = h;
        f->whole = walk_records(s, f, NULL, &sum, &reached) == h.count &&
            sum == h.body_sum;
        at += f->length;
        s->last = f->at;
        s->commit = h.commit;
    }
    s->end = SEGMENT_BLOCK;
    if (s->frame_count) {
        struct segment_frame *f = &s->frames[s->frame_count - 1];
        s->end = (uint32_t)MIN_OF((uint64_t)f->at + f->length, (uint64_t)n);
    }
}

/* Where bad bytes are no damage: the newest commit, unless it was synced. */
static void
scan_judge(struct segment_scan *s)
{
    uint32_t start = UINT32_MAX;
    for (size_t i = s->frame_count; i-- > 0;) {
        if (s->frames[i].gap)
            continue;
        start = s->frames[i].head.start;
        break;
    }
    if (s->known > start)
        start = s->known;
    for (size_t i = 0; i < s->frame_count; i++)
        s->frames[i].torn = s->frames[i].at >= start;
}

static void
scan_say_bad(struct segment_scan *s, uint32_t at, uint32_t n, bool torn)
{
    if (torn)
        s->torn++;
    else
        s->damaged++;
    if (s->bad)
        s->bad(s->arg, at, n, torn);
}

/* Its reader has it as it was before it was packed. */
static void
scan_packed(struct segment_scan *s, struct segment_record *r)
{
    struct buf b = BUF_INIT;

    if (packer_unpack(&b, r->payload, r->payload_n)) {
        scan_say_bad(s, r->offset, r->head.length, false);
    } else {
        s->records++;
        r->head.flags &= (uint8_t)~RECORD_PACKED;
        r->payload = (const uint8_t *)b.p;
        r->payload_n = b.n;
        s->record(s->arg, r);
    }
    buf_fini(&b);
}

static void
scan_record(
    struct segment_scan *s, uint32_t at, struct record_head *h, bool good)
{
    struct segment_record r = {.head = *h,
        .offset = at,
        .payload = s->image + at + RECORD_HEAD,
        .payload_n = h->length - RECORD_HEAD};

    if (h->lsn > s->max_lsn)
        s->max_lsn = h->lsn;
    if (!good || h->type == RECORD_HOLE)
        return;
    if (!s->record || !(h->flags & RECORD_PACKED)) {
        s->records++;
        if (s->record)
            s->record(s->arg, &r);
        return;
    }
    scan_packed(s, &r);
}

/* Say what is bad inside a frame that is not whole. */
static void
scan_broken(struct segment_scan *s, const struct segment_frame *f)
{
    uint32_t at = f->at + SEGMENT_FRAME, end = f->at + f->head.length;
    struct record_head h;
    uint64_t sum;
    uint64_t bad = s->damaged + s->torn;

    for (uint32_t i = 0; i < f->head.count && at < end; i++) {
        const uint8_t *p = s->image + at;
        if (!record_head_decode(p, end - at, s->head.id, &h, &sum)) {
            scan_say_bad(s, at, end - at, f->torn);
            return;
        }
        if (h.type != RECORD_HOLE &&
            record_sum(p + RECORD_HEAD, h.length - RECORD_HEAD) !=
                h.payload_sum)
            scan_say_bad(s, at, h.length, f->torn);
        at += (uint32_t)segment_round(h.length, 8);
    }
    if (s->damaged + s->torn == bad)
        scan_say_bad(s, f->at, SEGMENT_FRAME, f->torn);
}

int
segment_scan(struct segment_scan *s, struct err *e)
{
    size_t n;
    uint64_t sum;
    uint32_t reached;
    int r = segment_head_decode(s->image, s->n, &s->head, e);

    if (r)
        return r;
    n = s->n & ~(size_t)(SEGMENT_BLOCK - 1);
    if (n > UINT32_MAX - SEGMENT_BLOCK)
        n = UINT32_MAX & ~(size_t)(SEGMENT_BLOCK - 1);
    if (s->stop && s->stop < n)
        n = s->stop;
    scan_frames(s, n);
    scan_judge(s);
    for (size_t i = 0; i < s->frame_count; i++) {
        struct segment_frame *f = &s->frames[i];
        if (f->gap) {
            scan_say_bad(s, f->at, f->length, f->torn);
            continue;
        }
        (void)walk_records(s, f, scan_record, &sum, &reached);
        if (!f->whole)
            scan_broken(s, f);
    }
    return 0;
}

void
segment_scan_fini(struct segment_scan *s)
{
    xfree(&s->frames);
    s->frame_count = 0;
}

/* --- repair --- */

static void
repair_record(
    struct segment_scan *s, uint32_t at, struct record_head *h, bool good)
{
    uint64_t sum;
    if (good)
        return;
    h->type = RECORD_HOLE;
    record_head_encode(h, s->head.id, s->image + at, &sum);
}

/* Torn records become holes, what lies behind an unreadable head is cut. */
static void
repair_frame(struct segment_scan *s, struct segment_frame *f)
{
    uint32_t reached, count = 0, at = f->at + SEGMENT_FRAME;
    uint64_t sum, one;
    struct record_head h;

    (void)walk_records(s, f, repair_record, &sum, &reached);
    sum = f->head.first_lsn;
    while (at < reached &&
        record_head_decode(s->image + at, reached - at, s->head.id, &h, &one)) {
        sum = frame_sum_add(sum, one);
        count++;
        at += (uint32_t)segment_round(h.length, 8);
    }
    f->head.count = count;
    f->head.body_sum = sum;
    frame_encode(&f->head, s->head.id, s->image + f->at);
}

static void
repair_gap(struct segment_scan *s, struct segment_frame *f)
{
    const struct segment_frame *next = f + 1; /* a gap is never the last */
    f->head = next->head;
    f->head.count = 0;
    f->head.length = f->length;
    f->head.body_sum = f->head.first_lsn;
    frame_encode(&f->head, s->head.id, s->image + f->at);
}

int
segment_repair(struct segment_scan *s, int fd, const char *path, struct err *e)
{
    for (size_t i = 0; i < s->frame_count; i++) {
        struct segment_frame *f = &s->frames[i];
        struct iovec iov;
        if (!f->torn || f->whole)
            continue;
        if (f->gap)
            repair_gap(s, f);
        else
            repair_frame(s, f);
        iov.iov_base = s->image + f->at;
        iov.iov_len = f->gap ? SEGMENT_BLOCK : MIN_OF(f->length, s->n - f->at);
        if (sysio_write_all(fd, &iov, 1, (off_t)f->at) < 0)
            return err_errno(e, ERR_IO, errno, "repairing %s", path);
    }
    /* What a killed process wrote may be in memory only. */
    if (sysio_sync(fd) < 0)
        return err_errno(e, ERR_IO, errno, "syncing %s", path);
    return 0;
}

int
segment_load(
    const char *path, size_t max, uint8_t **image, size_t *n, struct err *e)
{
    ssize_t got;
    off_t size;
    int fd = sysio_get()->open(path, O_RDONLY | O_NONBLOCK, 0);

    *image = NULL;
    if (fd < 0)
        return err_errno(
            e, errno == ENOENT ? ERR_NOTFOUND : ERR_IO, errno, "%s", path);
    size = lseek(fd, 0, SEEK_END);
    if (size < 0 || (uint64_t)size > max) {
        (void)sysio_get()->close(fd); /* nothing was read */
        return err_set(e, ERR_DAMAGED, "%s: impossible size", path);
    }
    *image = xtry((size_t)size + 1);
    got = *image ? sysio_read_all(fd, *image, (size_t)size, 0) : -1;
    if (got < 0)
        err_errno(e, ERR_IO, errno, "reading %s", path);
    (void)sysio_get()->close(fd); /* only read */
    if (got < 0)
        xfree(image);
    *n = got < 0 ? 0 : (size_t)got;
    return got < 0 ? ERR_IO : 0;
}
