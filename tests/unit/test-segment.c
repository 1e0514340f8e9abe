/* SPDX-License-Identifier: Apache-2.0
 *
 * test-segment.c - torn or damaged: what a reader of a segment makes of it;
 * and the table of segments.
 */
#include "spool/segment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include "spool/idset.h"
#include "spool/liveness.h"
#include "spool/packer.h"

enum { SIZE = 64 * 1024, ID = 77 };
static uint8_t image[SIZE];
static uint32_t at;

static void
begin(void)
{
    struct segment_head h = {1, SEGMENT_HOT, ID, SIZE, 0};
    memset(image, 0, sizeof(image));
    segment_head_encode(&h, image);
    at = SEGMENT_BLOCK;
}

/* A frame with two STATE records; its offset. */
static uint32_t
put_frame(uint64_t commit, uint32_t start)
{
    struct buf p = BUF_INIT;
    struct record_state s = {0, STR("core"), STR("key"), STR("value")};
    struct frame_head f = {
        .count = 2, .commit = commit, .start = start, .first_lsn = commit * 10};
    uint32_t begun = at, pos = at + SEGMENT_FRAME;

    record_put_state(&p, &s);
    f.body_sum = f.first_lsn;
    for (int i = 0; i < 2; i++) {
        struct record_head h = {.length = (uint32_t)(RECORD_HEAD + p.n),
            .type = RECORD_STATE,
            .lsn = commit * 10 + (uint64_t)i,
            .payload_sum = record_sum(p.p, p.n)};
        uint64_t sum;
        record_head_encode(&h, ID, image + pos, &sum);
        memcpy(image + pos + RECORD_HEAD, p.p, p.n);
        f.body_sum = frame_sum_add(f.body_sum, sum);
        pos += (uint32_t)segment_round(h.length, 8);
    }
    f.length = pos - begun;
    frame_encode(&f, ID, image + begun);
    at += SEGMENT_BLOCK;
    buf_fini(&p);
    return begun;
}

static struct segment_scan
scan(uint32_t stop, uint32_t known)
{
    struct segment_scan s = {
        .image = image, .n = SIZE, .stop = stop, .known = known};
    assert_int_equal(segment_scan(&s, NULL), 0);
    segment_scan_fini(&s);
    return s;
}

static void
test_whole(void **arg)
{
    struct segment_scan s;
    uint32_t last;
    (void)arg;
    begin();
    put_frame(1, at);
    last = put_frame(2, at);
    s = scan(0, 0);
    assert_int_equal(s.records, 4);
    assert_int_equal(s.last, last);
    assert_int_equal(s.max_lsn, 21);
    assert_int_equal(s.damaged + s.torn, 0);
    s = scan(last, 0);
    assert_int_equal(s.records, 2);
}

static void
test_torn_tail(void **arg)
{
    struct segment_scan s;
    uint32_t last;
    (void)arg;
    begin();
    put_frame(1, at);
    last = put_frame(2, at);
    image[last + SEGMENT_FRAME + RECORD_HEAD] ^= 1; /* first payload */
    s = scan(0, 0);
    assert_int_equal(s.records, 3); /* whole records are kept */
    assert_int_equal(s.torn, 1);
    assert_int_equal(s.damaged, 0);
    s = scan(0, last + 1); /* known to be synced: damage */
    assert_int_equal(s.torn, 0);
    assert_int_equal(s.damaged, 1);
}

static void
test_torn_frames_of_one_commit(void **arg)
{
    struct segment_scan s;
    uint32_t start;
    (void)arg;
    begin();
    put_frame(1, at);
    start = put_frame(2, at);
    put_frame(2, start);
    image[start] ^= 1; /* the first frame of the open commit */
    s = scan(0, 0);
    assert_int_equal(s.records, 4);
    assert_int_equal(s.torn, 1);
    assert_int_equal(s.damaged, 0);
}

static void
test_damage(void **arg)
{
    struct segment_scan s;
    uint32_t middle;
    (void)arg;
    begin();
    put_frame(1, at);
    middle = put_frame(2, at);
    put_frame(3, at);
    image[middle + 1] ^= 1;
    s = scan(0, 0);
    assert_int_equal(s.records, 4);
    assert_int_equal(s.damaged, 1);
    assert_int_equal(s.torn, 0);
}

static void
test_stale_frames(void **arg)
{
    struct segment_head h = {2, SEGMENT_HOT, ID + 1, SIZE, 0};
    struct segment_scan s;
    (void)arg;
    begin();
    put_frame(1, at);
    segment_head_encode(&h, image); /* recycled */
    s = scan(0, 0);
    assert_int_equal(s.records + s.torn + s.damaged, 0);
    assert_int_equal(s.end, SEGMENT_BLOCK);
}

static struct live_segment *
segment_add(struct liveness *l, uint32_t number)
{
    struct segment_head h = {number, SEGMENT_HOT, number, SIZE, 0};
    struct live_segment *s = liveness_segment_new(&h, -1);
    s->state = LIVE_SEALED;
    liveness_add(l, s);
    return s;
}

static void
test_tombstones_hold(void **arg)
{
    struct liveness l;
    struct live_segment *a, *b;
    const struct spool_place m = {1, 4160}, first = {2, 4160};
    const struct spool_place nowhere = {0, 0};
    (void)arg;

    liveness_init(&l);
    b = segment_add(&l, 2);
    a = segment_add(&l, 1);
    liveness_accepted(&l, m, 100);
    liveness_attempted(&l, 2, m, nowhere);
    liveness_attempted(&l, 2, m, first); /* supersedes the first */
    liveness_attempted(&l, 2, m, first); /* not counted down twice */
    assert_int_equal(b->out, 2);
    assert_false(liveness_is_free(a));
    liveness_finished(&l, 2, m, nowhere, true);
    liveness_finished(&l, 2, m, nowhere, true);
    assert_int_equal(a->live, 0);
    assert_true(liveness_is_free(a));
    assert_false(liveness_is_free(b)); /* it must outlive a */
    liveness_forget(&l, a);
    assert_true(liveness_is_free(b));
    liveness_fini(&l);
}

static void
test_forwards_follow(void **arg)
{
    struct liveness l;
    struct live_moved *moved = calloc(1, sizeof(*moved));
    struct spool_place at_last;
    (void)arg;

    liveness_init(&l);
    segment_add(&l, 2);
    segment_add(&l, 3);
    *moved = (struct live_moved){4160, {2, 8256}};
    liveness_forward(&l, 1, moved, 1);
    moved = calloc(1, sizeof(*moved));
    *moved = (struct live_moved){8256, {3, 12352}};
    liveness_forward(&l, 2, moved, 1);
    at_last = liveness_resolve(&l, (struct spool_place){1, 4160});
    assert_int_equal(at_last.segment, 3);
    assert_int_equal(at_last.offset, 12352);
    /* what could not be copied then was copied later */
    moved = calloc(1, sizeof(*moved));
    *moved = (struct live_moved){20480, {3, 4160}};
    liveness_forward(&l, 1, moved, 1);
    at_last = liveness_resolve(&l, (struct spool_place){1, 20480});
    assert_int_equal(at_last.segment, 3);
    at_last = liveness_resolve(&l, (struct spool_place){1, 4160});
    assert_int_equal(at_last.offset, 12352);
    liveness_forget(&l, liveness_find(&l, 2));
    liveness_forget(&l, liveness_find(&l, 3));
    assert_int_equal(l.forward_count, 0);
    liveness_fini(&l);
}

static void
test_idset(void **arg)
{
    struct idset s = {0};
    (void)arg;
    for (uint64_t i = 1; i < 5000; i++)
        assert_true(idset_add(&s, i * 64));
    assert_false(idset_add(&s, 64));
    for (uint64_t i = 1; i < 5000; i += 2)
        assert_true(idset_remove(&s, i * 64));
    for (uint64_t i = 1; i < 5000; i++)
        assert_int_equal(idset_has(&s, i * 64), i % 2 == 0);
    idset_fini(&s);
}

/* What was packed comes back; what was not, or was cut, does not. */
static void
test_packed(void **arg)
{
    struct packer *p = packer_new();
    struct buf text = BUF_INIT, packed = BUF_INIT, back = BUF_INIT;
    size_t first;
    (void)arg;

    for (int i = 0; i < 1000; i++)
        buf_cstr(&text, "a word and another ");
    packer_add(p, &packed, text.p, text.n);
    first = packed.n;
    assert_true(first < text.n / 10);
    packer_add(p, &packed, "x", 1);
    assert_int_equal(packer_unpack(&back, packed.p, first), 0);
    assert_true(str_eq(buf_get(&back), buf_get(&text)));
    assert_int_equal(
        packer_unpack(&back, packed.p + first, packed.n - first), 0);
    assert_int_equal(back.n, text.n + 1);
    assert_int_equal(packer_unpack(&back, packed.p, first - 1), ERR_DAMAGED);
    assert_int_equal(packer_unpack(&back, text.p, text.n), ERR_DAMAGED);
    assert_int_equal(packer_unpack(&back, "", 0), ERR_DAMAGED);
    assert_int_equal(back.n, text.n + 1);
    buf_fini(&text);
    buf_fini(&packed);
    buf_fini(&back);
    packer_free(&p);
}

struct seen {
    unsigned records, bad;
    char payload[64];
    uint8_t flags;
};

static void
see_record(void *arg, const struct segment_record *r)
{
    struct seen *s = arg;
    s->records++;
    s->flags = r->head.flags;
    assert_true(r->payload_n < sizeof(s->payload));
    memcpy(s->payload, r->payload, r->payload_n);
}

static void
see_bad(void *arg, uint32_t offset, uint32_t n, bool torn)
{
    struct seen *s = arg;
    (void)offset, (void)n;
    s->bad += !torn;
}

/* One record with that payload, said to be packed. */
static struct seen
scan_one_packed(const char *payload, size_t n)
{
    struct seen seen = {0};
    struct segment_scan s = {.image = image,
        .n = sizeof(image),
        .arg = &seen,
        .record = see_record,
        .bad = see_bad};
    struct record_head h = {.length = (uint32_t)(RECORD_HEAD + n),
        .type = RECORD_COPY,
        .flags = RECORD_PACKED | RECORD_LARGE,
        .lsn = 10,
        .payload_sum = record_sum(payload, n)};
    struct frame_head f = {
        .count = 1, .commit = 1, .start = SEGMENT_BLOCK, .first_lsn = 10};
    uint64_t sum;

    begin();
    record_head_encode(&h, ID, image + at + SEGMENT_FRAME, &sum);
    memcpy(image + at + SEGMENT_FRAME + RECORD_HEAD, payload, n);
    f.length = SEGMENT_FRAME + h.length;
    f.body_sum = frame_sum_add(f.first_lsn, sum);
    frame_encode(&f, ID, image + at);
    assert_int_equal(segment_scan(&s, NULL), 0);
    assert_int_equal(s.damaged, seen.bad);
    segment_scan_fini(&s);
    return seen;
}

static void
test_packed_record(void **arg)
{
    struct packer *p = packer_new();
    struct buf packed = BUF_INIT;
    struct seen seen;
    (void)arg;

    packer_add(p, &packed, "whatever it was", 16);
    seen = scan_one_packed(packed.p, packed.n);
    assert_int_equal(seen.records, 1);
    assert_int_equal(seen.bad, 0);
    assert_int_equal(seen.flags, RECORD_LARGE);
    assert_string_equal(seen.payload, "whatever it was");
    /* its checksum is right, but nobody can read it */
    seen = scan_one_packed("whatever it was", 16);
    assert_int_equal(seen.records, 0);
    assert_int_equal(seen.bad, 1);
    buf_fini(&packed);
    packer_free(&p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_torn_tail),
        cmocka_unit_test(test_torn_frames_of_one_commit),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_stale_frames),
        cmocka_unit_test(test_packed),
        cmocka_unit_test(test_packed_record),
        cmocka_unit_test(test_tombstones_hold),
        cmocka_unit_test(test_forwards_follow),
        cmocka_unit_test(test_idset),
    };
    return cmocka_run_group_tests_name("segment", tests, NULL, NULL);
}
