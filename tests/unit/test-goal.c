/* SPDX-License-Identifier: Apache-2.0
 *
 * The chart of MC 4.5.
 */
#include "unit.h"

#include "queue/goal.h"

static void
test_chart(void **state)
{
    static const struct {
        double a;
        int length;
        double goal;
    } rows[] = {{GOAL_NORMAL, 50, 12.0}, {GOAL_NORMAL, 100, 19.5},
        {GOAL_NORMAL, 200, 27.1}, {GOAL_NORMAL, 400, 31.2},
        {GOAL_HIGH, 50, 22.1}, {GOAL_HIGH, 100, 28.9}, {GOAL_HIGH, 200, 31.7}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        double goal = goal_exact(32, rows[i].length, rows[i].a);

        assert_true(goal > rows[i].goal - 0.06);
        assert_true(goal < rows[i].goal + 0.06);
    }
}

static void
test_edges(void **state)
{
    (void)state;
    assert_int_equal(goal_connections(32, 0, GOAL_NORMAL), 0);
    assert_int_equal(goal_connections(32, 1, GOAL_NORMAL), 1);
    assert_int_equal(goal_connections(1, 100000, GOAL_NORMAL), 1);
    assert_int_equal(goal_connections(0, 100, GOAL_NORMAL), 0);
    assert_int_equal(goal_connections(-1, 1000, GOAL_NORMAL), 300);
    assert_int_equal(goal_connections(32, UINT64_MAX, GOAL_NORMAL), 32);
    assert_int_equal(goal_connections(1000, 10, GOAL_NORMAL), 3);
}

static void
test_words(void **state)
{
    /* no more precise than a double, whatever the processor computes with */
    const double normal = GOAL_NORMAL, high = GOAL_HIGH;

    (void)state;
    assert_true(goal_growth(-1) == normal);
    assert_true(goal_growth(-2) == high);
    assert_true(goal_growth(0.5) == 0.5);
}

UNIT_MAIN(cmocka_unit_test(test_words), cmocka_unit_test(test_chart),
    cmocka_unit_test(test_edges))
