/* SPDX-License-Identifier: Apache-2.0
 *
 * The extras behind an ATTEMPT: written, read, unknown, cut.
 */
#include "unit.h"

#include "spool/record.h"

static const struct rcpt_state later = {
    .rcpt = 3, .code = 450, .text = {"later", 5}};

static void
put(struct buf *b, struct str moved)
{
    const struct attempt a = {.id = 1,
        .accept = {2, 4096},
        .retries = 7,
        .next_attempt = 1000,
        .domain = STR("x.test"),
        .moved = moved,
        .rcpt_count = 1,
        .rcpt = &later};

    record_put_attempt(b, &a);
}

static int
get(const struct buf *b, struct record_attempt *to)
{
    return record_get_attempt((const uint8_t *)b->p, b->n, to);
}

static void
test_moved(void **state)
{
    struct buf with = BUF_INIT, without = BUF_INIT;
    struct record_attempt a;
    struct record_group g;

    (void)state;
    put(&without, STR_NONE);
    assert_int_equal(get(&without, &a), 0);
    assert_null(a.moved.p);
    put(&with, STR("binding b2\n"));
    assert_int_equal(get(&with, &a), 0);
    assert_true(str_eq(a.moved, STR("binding b2\n")));
    assert_int_equal(a.retries, 7);
    assert_true(record_next_group(&a, &g));
    assert_int_equal(g.run.first, 3);
    assert_false(record_next_group(&a, &g));
    /* What has none is as it always was. */
    assert_memory_equal(with.p, without.p, without.n);
    assert_int_equal(with.n, without.n + 4 + 4 + 4 + 11);
    buf_fini(&with);
    buf_fini(&without);
}

static void
test_unknown_is_skipped(void **state)
{
    struct buf b = BUF_INIT;
    struct record_attempt a;

    (void)state;
    put(&b, STR_NONE);
    wire_put32(&b, 2);
    wire_put32(&b, 99);
    wire_put_str(&b, STR("of a later version"));
    wire_put32(&b, 1);
    wire_put_str(&b, STR("route esmtp 25 - y.test\n"));
    assert_int_equal(get(&b, &a), 0);
    assert_true(str_eq(a.moved, STR("route esmtp 25 - y.test\n")));
    buf_fini(&b);
}

/* Every shorter one is whole without extras, or damaged. */
static void
test_cut(void **state)
{
    struct buf b = BUF_INIT;
    struct record_attempt a;
    size_t bare;

    (void)state;
    put(&b, STR_NONE);
    bare = b.n;
    buf_cut(&b, 0);
    put(&b, STR("binding b2\n"));
    for (size_t n = b.n - 1; n > 0; n--) {
        buf_cut(&b, n);
        assert_int_equal(get(&b, &a), n == bare ? 0 : ERR_DAMAGED);
    }
    buf_cut(&b, 0);
    put(&b, STR_NONE);
    wire_put32(&b, UINT32_MAX); /* so many extras */
    assert_int_equal(get(&b, &a), ERR_DAMAGED);
    buf_fini(&b);
}

UNIT_MAIN(cmocka_unit_test(test_moved),
    cmocka_unit_test(test_unknown_is_skipped), cmocka_unit_test(test_cut))
