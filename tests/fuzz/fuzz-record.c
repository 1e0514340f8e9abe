/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-record.c - decoders of records, and recovery of a segment image.
 *
 * The first byte chooses.  Checksums of an image are made right first, or the
 * fuzzer would never get past them.
 */
#include <stdlib.h>
#include <string.h>
#include "spool/envelope.h"
#include "spool/index.h"
#include "spool/segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
read_entries(const struct index *ix)
{
    struct index_entry e;
    struct index_attempt a;
    struct record_run run;
    struct str d;
    uint32_t count;
    for (size_t at = 0; index_next(ix, &at, &e);) {
        struct record_runs runs = e.runs;
        while (record_next_run(&runs, &run))
            continue;
        while (index_next_domain(ix, &e, &d, &count))
            continue;
        while (index_next_attempt(ix, &e, &a))
            continue;
    }
}

static void
one_record(const uint8_t *p, size_t n, int type)
{
    struct index ix = {0};
    struct record_head h = {
        .type = (uint8_t)type, .length = (uint32_t)n + RECORD_HEAD};
    struct record_accept head;
    struct message *m = message_new(1);

    (void)envelope_decode(p, n, &head, m); /* must only not fall over */
    message_unref(&m);
    (void)index_add(&ix, &h, 4096, p, n);
    read_entries(&ix);
    index_fini(&ix);
}

static void
on_record(void *arg, const struct segment_record *r)
{
    (void)index_add(arg, &r->head, r->offset, r->payload, r->payload_n);
}

/* Heads of frames and records get right checksums where their lengths fit. */
static void
make_right(uint8_t *p, size_t n)
{
    struct segment_head h = {1, 0, 7, n, 0};
    struct frame_head f;

    segment_head_encode(&h, p);
    for (size_t at = 4096; at + 4096 <= n; at += 4096) {
        uint32_t end, pos = (uint32_t)at + SEGMENT_FRAME;
        f.length = wire_load32(p + at + 4) % 8192;
        f.count = wire_load32(p + at + 28) % 16;
        f.commit = p[at + 8];
        f.start = (uint32_t)at;
        f.first_lsn = f.body_sum = p[at + 32];
        f.before = (struct spool_place){1, 0};
        if (f.length < SEGMENT_FRAME || f.length > n - at)
            continue;
        end = (uint32_t)at + f.length;
        for (uint32_t i = 0; i < f.count && pos + RECORD_HEAD < end; i++) {
            struct record_head r = {.length = wire_load32(p + pos) % 2048,
                .type = p[pos + 4] % 8,
                .lsn = p[pos + 8],
                .id = p[pos + 16]};
            uint64_t sum;
            if (r.length < RECORD_HEAD || r.length > end - pos)
                break;
            r.payload_sum =
                record_sum(p + pos + RECORD_HEAD, r.length - RECORD_HEAD);
            if (p[pos + 5] != 0xff)
                record_head_encode(&r, 7, p + pos, &sum);
            pos += (uint32_t)segment_round(r.length, 8);
        }
        if (p[at] != 0xff)
            frame_encode(&f, 7, p + at);
    }
}

static void
one_image(const uint8_t *from, size_t n)
{
    struct index ix = {0};
    struct segment_scan s = {.arg = &ix, .record = on_record};

    s.n = (n + 2 * 4096) & ~(size_t)4095;
    s.image = calloc(1, s.n);
    memcpy(s.image + 4096, from, n < s.n - 4096 ? n : s.n - 4096);
    make_right(s.image, s.n);
    if (segment_scan(&s, NULL) == 0)
        read_entries(&ix);
    segment_scan_fini(&s);
    free(s.image);
    index_fini(&ix);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    uint8_t *copy;
    if (!n)
        return 0;
    copy = malloc(n); /* of the exact size, so that ASan sees the end */
    memcpy(copy, p + 1, n - 1);
    if (p[0] & 8)
        one_image(copy, n - 1);
    else
        one_record(copy, n - 1, p[0] % RECORD_TYPES);
    free(copy);
    return 0;
}
