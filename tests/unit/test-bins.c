/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <string.h>
#include <sys/mman.h>

#include "base/bins.h"

static bool
holds(const void *p, int byte, size_t n)
{
    const unsigned char *c = p;

    for (size_t i = 0; i < n; i++)
        if (c[i] != byte)
            return false;
    return true;
}

/* Each size has room of its own that is zeroed, also the second time. */
static void
test_sizes(void **state)
{
    static const size_t past[] = {BINS_MOST, BINS_MOST + 1, 100000};
    struct bins b;

    (void)state;
    bins_init(&b);
    for (size_t n = 1; n < 3000; n++) {
        void *p = bins_take(&b, n), *q = bins_take(&b, n);

        assert_true(holds(p, 0, n));
        memset(p, 'p', n);
        memset(q, 'q', n);
        assert_true(holds(p, 'p', n));
        bins_give(&b, p, n);
        bins_give(&b, q, n);
        p = bins_take(&b, n);
        assert_true(holds(p, 0, n));
        bins_give(&b, p, n);
    }
    for (size_t i = 0; i < ARRAY_SIZE(past); i++) {
        void *p = bins_take(&b, past[i]);

        assert_true(holds(p, 0, past[i]));
        assert_int_equal(b.large, past[i] > BINS_MOST ? past[i] : 0);
        bins_give(&b, p, past[i]);
    }
    bins_give(&b, NULL, 5);
    assert_int_equal(b.large, 0);
    bins_fini(&b);
    assert_int_equal(bins_memory(&b), 0);
}

/* What is wasted: 16 octets, or a quarter. */
static void
test_waste(void **state)
{
    static const size_t sizes[] = {1, 16, 17, 100, 257, 1000, 5000, 32000};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        enum { MANY = 1000 };
        size_t n = sizes[i];
        struct bins b;

        bins_init(&b);
        for (int k = 0; k < MANY; k++)
            (void)bins_take(&b, n);
        for (size_t k = 0; k < BINS_COUNT; k++)
            if (b.slabs[k].used)
                assert_in_range(
                    b.slabs[k].size, n, MAX_OF(n + 15, n * 5 / 4 + 1));
        bins_fini(&b);
    }
}

static void
test_resize(void **state)
{
    static const size_t sizes[] = {
        10, 16, 17, 300, 200, 40000, 90000, 50000, 30000, 5};
    struct bins b;
    char *p = NULL;
    size_t was = 0;

    (void)state;
    bins_init(&b);
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        size_t same = was < sizes[i] ? was : sizes[i];

        p = bins_resize(&b, p, was, sizes[i]);
        assert_true(holds(p, 'x', same));
        was = sizes[i];
        memset(p, 'x', was);
        assert_int_equal(b.large, was > BINS_MOST ? was : 0);
    }
    bins_give(&b, p, was);
    bins_fini(&b);
}

/* Blocks go when they are empty; of the one that stays hardly anything is in
 * memory, whatever was in it. */
static void
test_given_back(void **state)
{
    enum { MANY = 20000, SIZE = 96, BLOCK = 256 * 1024, PAGE = 4096 };
    static void *all[MANY];
    unsigned char in[BLOCK / PAGE];
    struct slab s;
    size_t pages = 0;

    (void)state;
    slab_init(&s, SIZE);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < MANY; i++)
            all[i] = memset(slab_take(&s), 1, SIZE);
        assert_true(s.block_count >= (size_t)MANY * SIZE / BLOCK);
        for (int i = 0; i < MANY; i++)
            slab_give(&s, all[(i * 7919) % MANY]);
        assert_int_equal(s.used, 0);
        assert_int_equal(s.block_count, 1);
    }
    assert_int_equal(mincore(s.empty, BLOCK, in), 0);
    for (size_t i = 0; i < ARRAY_SIZE(in); i++)
        pages += in[i] & 1;
    assert_in_range(pages, 1, 8);
    slab_fini(&s);
}

UNIT_MAIN(cmocka_unit_test(test_sizes), cmocka_unit_test(test_waste),
    cmocka_unit_test(test_resize), cmocka_unit_test(test_given_back))
