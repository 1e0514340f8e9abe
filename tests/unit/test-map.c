/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/macros.h"
#include "base/map.h"

enum { ENTRIES = 3000 };
struct entry {
    char name[16];
    bool in, seen;
};
static struct entry entries[ENTRIES];

static struct str
key_of(const struct entry *x)
{
    return str_of(x->name);
}

static void
fill(void)
{
    for (size_t i = 0; i < ENTRIES; i++) {
        entries[i] = (struct entry){.in = false};
        (void)snprintf(entries[i].name, sizeof(entries[i].name), "Key%zu", i);
    }
}

static void
test_small(void **state)
{
    struct map m = {0};
    int a, b;

    (void)state;
    assert_null(map_find(&m, STR("a")));
    assert_null(map_remove(&m, STR("a")));
    assert_null(map_put(&m, STR("a"), &a));
    assert_null(map_put(&m, STR("A"), &b));
    assert_ptr_equal(map_find(&m, STR("a")), &a);
    assert_ptr_equal(map_put(&m, STR("a"), &b), &a);
    assert_int_equal(m.count, 2);
    assert_ptr_equal(map_remove(&m, STR("a")), &b);
    assert_null(map_find(&m, STR("a")));
    assert_ptr_equal(map_find(&m, STR("A")), &b);
    assert_null(map_put(&m, STR_NONE, &a));
    assert_ptr_equal(map_find(&m, STR("")), &a);
    map_fini(&m);
    assert_null(map_find(&m, STR("A")));
}

static void
test_fold(void **state)
{
    struct map m;
    int a;

    (void)state;
    map_init(&m, true);
    (void)map_put(&m, STR("Example.com"), &a);
    assert_ptr_equal(map_find(&m, STR("eXAMPLE.COM")), &a);
    assert_ptr_equal(map_put(&m, STR("EXAMPLE.com"), &a), &a);
    assert_int_equal(m.count, 1);
    map_fini(&m);
    assert_true(m.fold);
}

/* Random puts and removals against an array that says what must be there. */
static void
test_churn(void **state)
{
    struct map m = {0};
    size_t in = 0;
    unsigned seed = 1;

    (void)state;
    fill();
    for (int step = 0; step < 60000; step++) {
        struct entry *x;
        seed = seed * 1103515245u + 12345u;
        x = &entries[(seed >> 8) % ENTRIES];
        if (x->in) {
            assert_ptr_equal(map_remove(&m, key_of(x)), x);
            in--;
        } else {
            assert_null(map_put(&m, key_of(x), x));
            in++;
        }
        x->in = !x->in;
        assert_int_equal(m.count, in);
    }
    for (size_t i = 0; i < ENTRIES; i++)
        assert_ptr_equal(map_find(&m, key_of(&entries[i])),
            entries[i].in ? &entries[i] : NULL);
    assert_true(m.size <= 16384);
    map_fini(&m);
}

/* A map that stays small does not grow by coming and going. */
static void
test_bounded(void **state)
{
    struct map m = {0};

    (void)state;
    fill();
    for (size_t i = 0; i < ENTRIES; i++) {
        (void)map_put(&m, key_of(&entries[i]), &entries[i]);
        if (i >= 3)
            (void)map_remove(&m, key_of(&entries[i - 3]));
    }
    assert_int_equal(m.count, 3);
    assert_true(m.size <= 32);
    map_fini(&m);
}

static void
test_iterate_and_remove(void **state)
{
    struct map m = {0};
    struct entry *x;
    size_t at, seen = 0;

    (void)state;
    fill();
    for (size_t i = 0; i < ENTRIES; i++)
        (void)map_put(&m, key_of(&entries[i]), &entries[i]);
    MAP_FOREACH (x, &m, at) {
        assert_false(x->seen);
        x->seen = true;
        seen++;
        if (seen % 2)
            assert_ptr_equal(map_remove(&m, key_of(x)), x);
    }
    assert_int_equal(seen, ENTRIES);
    assert_int_equal(m.count, ENTRIES / 2);
    map_fini(&m);
}

/* However large it is, a put moves few entries, and all are found while the
 * map grows; those that come and go meanwhile too. */
static void
test_grows_bit_by_bit(void **state)
{
    enum { MANY = 200000 };
    struct map m = {0};
    struct entry *all = calloc(MANY, sizeof(*all)), *x;
    size_t at, seen = 0, grown = 0;

    (void)state;
    assert_non_null(all);
    for (size_t i = 0; i < MANY; i++) {
        size_t left = m.old_size - m.old_at;

        (void)snprintf(all[i].name, sizeof(all[i].name), "%zu", i);
        (void)map_put(&m, key_of(&all[i]), &all[i]);
        grown += !left && m.old;
        if (left)
            assert_true(left - (m.old_size - m.old_at) <= MAP_MOVES);
        assert_ptr_equal(map_find(&m, key_of(&all[i / 2])),
            all[i / 2].seen ? NULL : &all[i / 2]);
        if (i % 3 == 0) {
            assert_ptr_equal(map_remove(&m, key_of(&all[i / 3])), &all[i / 3]);
            all[i / 3].seen = true; /* it is gone */
        }
    }
    assert_true(grown >= 4); /* from 8192 slots on */
    MAP_FOREACH (x, &m, at) {
        assert_false(x->seen);
        seen++;
    }
    assert_int_equal(seen, m.count);
    assert_int_equal(seen, MANY - (MANY + 2) / 3);
    map_fini(&m);
    free(all);
}

UNIT_MAIN(cmocka_unit_test(test_grows_bit_by_bit), cmocka_unit_test(test_small),
    cmocka_unit_test(test_fold), cmocka_unit_test(test_churn),
    cmocka_unit_test(test_bounded), cmocka_unit_test(test_iterate_and_remove))
