/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/heap.h"

enum { NODES = 500 };

static void
test_order(void **state)
{
    static struct heap_node nodes[NODES];
    struct heap h = {0};
    int64_t last = INT64_MIN;
    unsigned seed = 7;

    (void)state;
    for (int i = 0; i < NODES * 20; i++) {
        struct heap_node *n;
        seed = seed * 1103515245u + 12345u;
        n = &nodes[(seed >> 8) % NODES];
        if (seed >> 30 == 0)
            heap_remove(&h, n);
        else
            heap_set(&h, n, (int64_t)(seed >> 4) % 1000 - 500);
    }
    for (size_t n = h.count; n; n--) {
        struct heap_node *first = heap_first(&h);
        assert_true(first->when >= last);
        last = first->when;
        heap_remove(&h, first);
        assert_int_equal(first->index, 0);
        assert_int_equal(h.count, n - 1);
    }
    assert_null(heap_first(&h));
    heap_fini(&h);
}

/* Of the same time, by address. */
static bool
by_place(const struct heap_node *a, const struct heap_node *b)
{
    return a->when < b->when || (a->when == b->when && a < b);
}

static void
test_ties(void **state)
{
    static struct heap_node nodes[NODES];
    struct heap_node *last = NULL, *first;
    struct heap h = {0};
    unsigned seed = 11;

    (void)state;
    for (int i = 0; i < NODES * 20; i++) {
        struct heap_node *n;
        seed = seed * 1103515245u + 12345u;
        n = &nodes[(seed >> 8) % NODES];
        if (seed >> 30 == 0)
            heap_remove_by(&h, n, by_place);
        else
            heap_set_by(&h, n, (int64_t)(seed >> 4) % 5, by_place);
    }
    assert_true(h.count > NODES / 2);
    while ((first = heap_first(&h)) != NULL) {
        assert_true(!last || by_place(last, first));
        last = first;
        heap_remove_by(&h, first, by_place);
    }
    heap_fini(&h);
}

static void
test_fini_unlinks(void **state)
{
    struct heap_node n = {0, 0};
    struct heap h = {0};

    (void)state;
    heap_remove(&h, &n);
    heap_set(&h, &n, 5);
    assert_int_equal(n.index, 1);
    heap_fini(&h);
    assert_int_equal(n.index, 0);
    heap_fini(&h);
}

static void
test_list(void **state)
{
    struct list head, a = {NULL, NULL}, b = {NULL, NULL}, c = {NULL, NULL};
    struct list *it, *tmp;
    int n = 0;

    (void)state;
    list_init(&head);
    assert_true(list_empty(&head));
    assert_null(list_take(&head));
    list_remove(&a);
    list_push(&head, &b);
    list_push(&head, &c);
    list_push_front(&head, &a);
    LIST_FOREACH_SAFE (it, tmp, &head) {
        n++;
        if (it == &b)
            list_remove(it);
    }
    assert_int_equal(n, 3);
    assert_false(list_linked(&b));
    assert_ptr_equal(list_take(&head), &a);
    assert_ptr_equal(list_first(&head), &c);
    list_remove(&c);
    assert_true(list_empty(&head));
}

/* Its places are from bins: they grow with it, and become few again. */
static void
test_bins(void **state)
{
    static struct heap_node nodes[20 * NODES];
    const uint32_t step = BINS_STEP / sizeof(struct heap_node *);
    struct bins bins;
    struct heap h;

    (void)state;
    bins_init(&bins);
    heap_init(&h, &bins);
    for (int i = 0; i < 20 * NODES; i++) {
        heap_set(&h, &nodes[i], (i * 7919) % 10007);
        assert_true(h.size <= h.count + MAX_OF(h.count / 4, step));
    }
    assert_true(bins.large > 0);
    for (int i = 0; i < 20 * NODES - 3; i++) {
        struct heap_node *n = heap_first(&h);

        heap_remove(&h, n);
        assert_true(heap_first(&h)->when >= n->when);
        assert_true(h.size <= MAX_OF(4 * h.count + 4, 8u));
    }
    assert_int_equal(bins.large, 0);
    heap_fini(&h);
    for (size_t i = 0; i < BINS_COUNT; i++)
        assert_int_equal(bins.slabs[i].used, 0);
    bins_fini(&bins);
}

UNIT_MAIN(cmocka_unit_test(test_order), cmocka_unit_test(test_ties),
    cmocka_unit_test(test_fini_unlinks), cmocka_unit_test(test_list),
    cmocka_unit_test(test_bins))
