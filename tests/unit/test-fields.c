/* SPDX-License-Identifier: Apache-2.0
 *
 * test-fields.c - headers that filters change: places, values that would be
 * more than a value, and fields that nobody touched.
 */
#include "unit.h"

#include "base/err.h"
#include "intake/fields.h"

static void
begin(struct fields *f, const char *header)
{
    size_t used;

    fields_init(f);
    assert_int_equal(fields_parse(f, str_of(header), &used), 0);
}

static void
assert_header(struct fields *f, const char *top, const char *want)
{
    struct buf b = BUF_INIT;

    fields_print_top(f, &b);
    assert_string_equal(buf_get(&b).p, top);
    buf_cut(&b, 0);
    fields_print(f, &b);
    assert_string_equal(buf_get(&b).p, want);
    buf_fini(&b);
    fields_fini(f);
}

static void
test_parse(void **state)
{
    static const char text[] = "A: 1\r\nB :\r\n\t2\r\nC:3\r\n x\r\n\r\nbody";
    struct fields f;
    size_t used;

    (void)state;
    fields_init(&f);
    assert_int_equal(fields_parse(&f, str_of(text), &used), 0);
    assert_int_equal(used, strlen(text) - 6); /* at the blank line */
    assert_int_equal(f.count, 3);
    assert_memory_equal(f.pair[0].value.p, " 1", f.pair[0].value.n);
    assert_int_equal(f.pair[1].key.n, 1);
    assert_memory_equal(f.pair[2].value.p, "3\r\n x", f.pair[2].value.n);
    assert_header(&f, "", "A: 1\r\nB :\r\n\t2\r\nC:3\r\n x\r\n");

    fields_init(&f); /* up to what is no field */
    assert_int_equal(fields_parse(&f, STR("A: 1\r\nno field\r\n"), &used), 0);
    assert_int_equal(used, 6);
    fields_fini(&f);
    fields_init(&f);
    assert_int_equal(
        fields_parse(&f, str_make("A: \0x\r\n", 7), &used), ERR_INVAL);
    fields_fini(&f);
    fields_init(&f);
    assert_int_equal(fields_parse(&f, STR(""), &used), 0);
    assert_int_equal(used, 0);
    fields_fini(&f);
}

static void
test_places(void **state)
{
    struct fields f;

    (void)state;
    begin(&f, "A: 1\r\nB: 2\r\n");
    /* the host's field counts as one that stands behind the top */
    assert_int_equal(fields_add(&f, 1, STR("One"), STR(" x")), 0);
    assert_int_equal(fields_add(&f, 0, STR("Top"), STR(" x")), 0);
    assert_int_equal(fields_add(&f, 3, STR("Three"), STR(" x")), 0);
    assert_int_equal(fields_add(&f, 99, STR("Far"), STR(" x")), 0);
    assert_int_equal(fields_add(&f, -1, STR("Last"), STR("x")), 0);
    assert_true(f.changed);
    assert_header(&f, "Top: x\r\n",
        "One: x\r\nThree: x\r\nA: 1\r\nB: 2\r\nFar: x\r\nLast:x\r\n");
}

static void
test_changes(void **state)
{
    struct fields f;

    (void)state;
    begin(&f, "A: 1\r\nb: 2\r\nA: 3\r\n");
    assert_int_equal(fields_change(&f, 2, STR("a"), STR(" two")), 0);
    assert_int_equal(fields_change(&f, 0, STR("A"), STR_NONE), 0); /* is 1 */
    assert_int_equal(fields_change(&f, 5, STR("B"), STR_NONE), 0);
    assert_int_equal(fields_change(&f, 5, STR("B"), STR(" new")), 0);
    assert_header(&f, "", "b: 2\r\na: two\r\nB: new\r\n");
}

static void
test_values(void **state)
{
    struct fields f;

    (void)state;
    begin(&f, "");
    assert_int_equal(
        fields_add(&f, -1, STR("A"), STR(" x\nB: y\r\n\r\nbody\r\n")), 0);
    assert_int_equal(
        fields_add(&f, -1, STR("C"), str_make("a\0b\rc\n d", 9)), 0);
    assert_int_equal(fields_add(&f, -1, STR("A B"), STR("")), ERR_INVAL);
    assert_int_equal(fields_add(&f, -1, STR("A:"), STR("")), ERR_INVAL);
    assert_int_equal(fields_add(&f, -1, STR("A\r\nB"), STR("")), ERR_INVAL);
    assert_int_equal(fields_add(&f, -1, STR(""), STR("")), ERR_INVAL);
    assert_header(
        &f, "", "A: x\r\n\tB: y\r\n\t\r\n\tbody\r\nC:ab\r\n\tc\r\n d\r\n");
}

static void
test_limits(void **state)
{
    struct fields f;
    struct buf b = BUF_INIT;
    size_t used;

    (void)state;
    for (int i = 0; i <= FIELDS_MOST; i++)
        buf_cstr(&b, "A:\r\n");
    fields_init(&f);
    assert_int_equal(fields_parse(&f, buf_get(&b), &used), ERR_LIMIT);
    assert_int_equal(fields_add(&f, 0, STR("A"), STR("")), ERR_LIMIT);
    fields_fini(&f);
    buf_cut(&b, b.n - 4);
    fields_init(&f); /* as many as may be: none more, but others */
    assert_int_equal(fields_parse(&f, buf_get(&b), &used), 0);
    assert_int_equal(fields_add(&f, 0, STR("A"), STR("")), ERR_LIMIT);
    assert_int_equal(fields_change(&f, 0, STR("B"), STR("")), ERR_LIMIT);
    assert_int_equal(fields_change(&f, 2, STR("A"), STR(" new")), 0);
    assert_int_equal(fields_change(&f, 0, STR("A B"), STR_NONE), ERR_INVAL);
    assert_int_equal(fields_change(&f, 0, STR("A"), STR_NONE), 0);
    assert_int_equal(fields_change(&f, 0, STR("B"), STR("")), 0);
    assert_int_equal(f.count, FIELDS_MOST);
    assert_memory_equal(f.pair[0].value.p, " new", 4);
    fields_fini(&f);
    while (b.n <= FIELDS_BYTES_MOST)
        buf_cstr(&b, "0123456789abcdef");
    fields_init(&f);
    assert_int_equal(fields_add(&f, 0, STR("A"), buf_get(&b)), ERR_LIMIT);
    assert_int_equal(fields_add(&f, 0, STR("A"), STR("")), 0);
    assert_int_equal(fields_change(&f, 0, STR("A"), buf_get(&b)), ERR_LIMIT);
    assert_int_equal(fields_change(&f, 0, STR("A"), STR_NONE), 0);
    fields_fini(&f);
    buf_fini(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
