/* SPDX-License-Identifier: Apache-2.0
 *
 * test-liveness.c - the table of segments: who may go, and who may be held.
 */
#include "unit.h"

#include <unistd.h>

#include "spool/liveness.h"

static struct liveness table;

static struct live_segment *
sealed(uint32_t number, uint32_t kind)
{
    struct segment_head h = {.number = number, .kind = kind};
    struct live_segment *s = liveness_segment_new(&h, -1);

    s->state = LIVE_SEALED;
    liveness_add(&table, s);
    return s;
}

static int
setup(void **state)
{
    (void)state;
    liveness_init(&table);
    liveness_lock(&table);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    liveness_unlock(&table);
    liveness_fini(&table);
    return 0;
}

static void
test_who_may_go(void **state)
{
    struct live_segment *s = sealed(1, SEGMENT_HOT);

    (void)state;
    assert_true(liveness_is_free(s));
    s->live = 1;
    assert_false(liveness_is_free(s));
    s->live = 0;
    (void)sealed(7, SEGMENT_HOT);
    liveness_pair(&table, 1, 7, 1);
    assert_false(liveness_is_free(s));
    s->copied = true;
    assert_true(liveness_is_free(s));
    s->compacting = true;
    assert_false(liveness_is_free(s));
    s->compacting = false;
    assert_ptr_equal(liveness_hold(&table, 1), s);
    assert_false(liveness_is_free(s));
    s->refs--;
    assert_true(liveness_is_free(s));
}

/* What is being removed is nobody's, whatever a compaction makes known. */
static void
test_who_is_going(void **state)
{
    struct live_segment *s = sealed(3, SEGMENT_COLD);
    struct live_segment *other = sealed(4, SEGMENT_COLD);

    (void)state;
    other->compacting = true;
    assert_ptr_equal(liveness_take_free(&table), s);
    assert_null(liveness_take_free(&table));
    assert_null(liveness_hold(&table, 3));
    liveness_published(&table, NULL, NULL);
    assert_null(liveness_hold(&table, 3));
    assert_false(liveness_is_free(s));
    assert_ptr_equal(liveness_take_free(&table), other);
    liveness_forget(&table, s);
    assert_null(liveness_find(&table, 3));
}

/* The source stays until its copies are known, and so does what is written. */
static void
test_what_is_published(void **state)
{
    struct live_segment *source = sealed(1, SEGMENT_COLD);
    struct live_segment *whole = sealed(2, SEGMENT_COLD);
    struct live_segment *open = sealed(3, SEGMENT_COLD);
    struct live_segment *hot = sealed(4, SEGMENT_HOT);

    (void)state;
    source->compacting = whole->compacting = true;
    open->compacting = hot->compacting = true;
    liveness_published(&table, source, open);
    assert_true(source->compacting);
    assert_false(whole->compacting);
    assert_true(open->compacting);
    assert_true(hot->compacting);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_who_may_go, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_is_going, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_what_is_published, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
