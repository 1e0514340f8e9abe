/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/arena.h"

static void
test_alloc(void **state)
{
    struct arena *a = arena_new(1);
    size_t sizes[] = {0, 1, 7, 16, 100, 5000, 70000, 3};

    (void)state;
    for (int round = 0; round < 50; round++) {
        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
            char *p = arena_alloc(a, sizes[i]);
            assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
            for (size_t k = 0; k < sizes[i]; k++)
                assert_int_equal(p[k], 0);
            memset(p, 0xaa, sizes[i]); /* ASan sees an overlap's end */
        }
    }
    assert_true(arena_size(a) > (size_t)50 * 75000);
    arena_free(&a);
    assert_null(a);
    arena_free(&a);
}

static void
test_text(void **state)
{
    struct arena *a = arena_new(4096);
    struct str s = arena_str(a, STR("name"));
    char *z = arena_printf(a, "%s=%d", s.p, 42);

    (void)state;
    assert_string_equal(s.p, "name");
    assert_string_equal(z, "name=42");
    assert_null(arena_str(a, STR_NONE).p);
    s = arena_str(a, STR(""));
    assert_non_null(s.p);
    assert_int_equal(s.n, 0);
    arena_free(&a);
}

/* One large thing must not cost the rest of the block in use. */
static void
test_large(void **state)
{
    struct arena *a = arena_new(4096);
    char *p = arena_alloc(a, 16), *q;
    size_t size;

    (void)state;
    (void)arena_alloc(a, 100000);
    size = arena_size(a);
    q = arena_alloc(a, 16);
    assert_ptr_equal(q, p + 16);
    assert_int_equal(arena_size(a), size);
    arena_free(&a);
}

UNIT_MAIN(cmocka_unit_test(test_alloc), cmocka_unit_test(test_text),
    cmocka_unit_test(test_large))
