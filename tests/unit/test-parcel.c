/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "queue/parcel.h"

/* Architecture 5: all that a delayed parcel takes, at any number of them. */
static void
test_size(void **state)
{
    enum { FIRST = 50000, MANY = 400000 };
    struct heap heap = {0};
    struct parcels all;
    uint32_t rcpt = 0;
    size_t most = 0;

    (void)state;
    assert_int_equal(sizeof(struct parcel), sizeof(void *) < 8 ? 68 : 80);
    parcels_init(&all);
    for (uint64_t i = 1; i <= MANY; i++) {
        struct parcel *p = parcel_new(&all, i << 8, &rcpt, 1);
        size_t bytes;

        heap_set(&heap, &p->in.due, (int64_t)(i * 7919 % 1000003));
        bytes = parcels_memory(&all) + heap.size * sizeof(struct heap_node *);
        if (i >= FIRST && bytes / i > most)
            most = bytes / i;
    }
    assert_in_range(most, sizeof(struct parcel), sizeof(struct parcel) + 20);
    heap_fini(&heap);
    parcels_fini(&all);
}

static void
test_index(void **state)
{
    enum { MANY = 50000 };
    struct parcels all;
    uint32_t rcpt = 0;

    (void)state;
    parcels_init(&all);
    for (uint64_t i = 1; i <= MANY; i++)
        (void)parcel_new(&all, i, &rcpt, 1);
    assert_int_equal(all.index.count, MANY);
    for (uint64_t i = 1; i <= MANY; i++) {
        struct parcel *p = parcel_find(&all, i);

        assert_non_null(p);
        assert_int_equal(p->id, i);
        assert_true(parcel_is_last(&all, p));
        if (i % 2)
            parcel_free(&all, &p);
    }
    assert_null(parcel_find(&all, 1));
    assert_non_null(parcel_find(&all, 2));
    assert_int_equal(all.index.count, MANY / 2);
    parcels_fini(&all);
}

static void
test_split(void **state)
{
    uint32_t rcpt[] = {0, 1, 2, 5, 9}, part[] = {1, 9};
    struct parcels all;
    struct parcel *p, *q;

    (void)state;
    parcels_init(&all);
    p = parcel_new(&all, 77, rcpt, 5);
    p->received = 12;
    p->retries = 3;
    p->accept = (struct spool_place){4, 5};
    p->attempt = (struct spool_place){6, 7};
    q = parcel_split(&all, p, part, 2);
    assert_int_equal(p->rcpt_count, 3);
    assert_memory_equal(
        parcel_rcpt(p), ((uint32_t[]){0, 2, 5}), 3 * sizeof(uint32_t));
    assert_memory_equal(parcel_rcpt(q), part, sizeof(part));
    assert_int_equal(q->received, 12);
    assert_int_equal(q->retries, 3);
    assert_int_equal(q->accept.offset, 5);
    assert_int_equal(q->attempt.segment, 0); /* it stays with the first */
    assert_false(parcel_is_last(&all, p));
    assert_true(parcel_find(&all, 77) == q || parcel_find(&all, 77) == p);
    assert_non_null(parcel_next(parcel_find(&all, 77)));
    parcel_free(&all, &q);
    assert_true(parcel_is_last(&all, p));
    parcel_keep(&all, p, part, 1);
    assert_int_equal(p->rcpt_count, 1);
    assert_int_equal(parcel_rcpt(p)[0], 1);
    parcels_fini(&all);
}

/* An ATTEMPT that is still being written keeps the memory, not the parcel. */
static void
test_written_late(void **state)
{
    struct parcels all;
    struct parcel *p, *same;
    uint32_t rcpt = 0;

    (void)state;
    parcels_init(&all);
    same = p = parcel_new(&all, 5, &rcpt, 1);
    parcel_writes(p);
    parcel_writes(p);
    parcel_free(&all, &p);
    assert_null(p);
    assert_null(parcel_find(&all, 5));
    assert_int_equal(all.slab.used, 1);
    parcel_written(&all, same, (struct spool_place){1, 2});
    assert_int_equal(all.slab.used, 1);
    parcel_written(&all, same, (struct spool_place){1, 3});
    assert_int_equal(all.slab.used, 0);
    parcels_fini(&all);
}

static void
test_states(void **state)
{
    struct parcels all;
    struct parcel *p;
    uint32_t rcpt = 0;

    (void)state;
    parcels_init(&all);
    p = parcel_new(&all, 5, &rcpt, 1);
    assert_string_equal(parcel_state_name(p->state), "loose");
    parcel_enter(p, PARCEL_READY);
    parcel_enter(p, PARCEL_LENT);
    parcel_enter(p, PARCEL_RECALLING);
    parcel_enter(p, PARCEL_BEGUN);
    parcel_enter(p, PARCEL_LOOSE);
    parcel_enter(p, PARCEL_DELAYED);
    parcel_enter(p, PARCEL_LOOSE);
    parcel_enter(p, PARCEL_LOADING);
    parcel_enter(p, PARCEL_READY);
    assert_string_equal(parcel_state_name(p->state), "active");
    assert_string_equal(parcel_state_name(99), "?");
    parcels_fini(&all);
}

UNIT_MAIN(cmocka_unit_test(test_size), cmocka_unit_test(test_index),
    cmocka_unit_test(test_split), cmocka_unit_test(test_written_late),
    cmocka_unit_test(test_states))
