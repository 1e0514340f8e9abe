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

static void
test_room(void **state)
{
    struct heap_node n[5] = {{0}}, *room[3];
    struct heap h;

    (void)state;
    heap_init(&h, room, 3);
    for (int i = 0; i < 3; i++)
        heap_set(&h, &n[i], 10 - i);
    assert_ptr_equal(h.nodes, room);
    heap_set(&h, &n[3], 1); /* moves to memory of its own */
    heap_set(&h, &n[4], 20);
    assert_ptr_not_equal(h.nodes, room);
    assert_ptr_equal(heap_first(&h), &n[3]);
    heap_remove(&h, &n[3]);
    assert_ptr_equal(heap_first(&h), &n[2]);
    heap_fini(&h);
    assert_int_equal(n[0].index, 0);
    heap_init(&h, room, 3);
    heap_set(&h, &n[0], 1);
    heap_fini(&h); /* the room is not freed */
}

UNIT_MAIN(cmocka_unit_test(test_order), cmocka_unit_test(test_fini_unlinks),
    cmocka_unit_test(test_list), cmocka_unit_test(test_room))
