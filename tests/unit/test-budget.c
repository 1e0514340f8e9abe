/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <pthread.h>

#include "base/budget.h"
#include "base/macros.h"

static void
test_account(void **state)
{
    struct budget b;

    (void)state;
    budget_init(&b, 10);
    assert_true(budget_take(&b, 10));
    assert_true(budget_over(&b));
    assert_false(budget_take(&b, 1));
    assert_true(budget_take(&b, 0));
    budget_force(&b, 5);
    assert_int_equal(budget_used(&b), 15);
    budget_give(&b, 6);
    assert_false(budget_over(&b));
    assert_true(budget_take(&b, 1));
    budget_set_limit(&b, 5);
    assert_false(budget_take(&b, 1));
    budget_set_limit(&b, -1);
    assert_true(budget_take(&b, INT64_MAX - 100));
    assert_false(budget_take(&b, 1000)); /* would not fit the number */
    assert_false(budget_over(&b));
}

static void
test_purse(void **state)
{
    struct budget b;
    struct purse p, q;

    (void)state;
    budget_init(&b, 100);
    purse_init(&p, &b, 40);
    purse_init(&q, &b, 20);
    assert_true(purse_take(&p, 1));
    assert_int_equal(budget_used(&b), 40);
    assert_true(purse_take(&p, 39));
    assert_int_equal(budget_used(&b), 40);
    assert_true(purse_take(&q, 50)); /* more than a block */
    assert_int_equal(budget_used(&b), 90);
    assert_true(purse_take(&p, 10)); /* less than a block is left */
    assert_false(purse_take(&p, 1));
    assert_int_equal(budget_used(&b), 100);
    purse_give(&p, 50);
    assert_int_equal(budget_used(&b), 100); /* under two blocks: kept */
    purse_give(&q, 50);
    assert_int_equal(budget_used(&b), 70); /* q keeps one block */
    purse_fini(&p);
    purse_fini(&q);
    assert_int_equal(budget_used(&b), 0);
}

static struct budget shared;

static void *
use_shared(void *arg)
{
    struct purse p;

    purse_init(&p, &shared, 8);
    for (int i = 0; i < 20000; i++) {
        int64_t n = 1 + i % 13;
        if (purse_take(&p, n)) {
            if (budget_used(&shared) > 64)
                *(bool *)arg = true;
            purse_give(&p, n);
        }
    }
    purse_fini(&p);
    return NULL;
}

static void
test_threads(void **state)
{
    pthread_t threads[4];
    bool passed[4] = {false};

    (void)state;
    budget_init(&shared, 64);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        assert_int_equal(
            pthread_create(&threads[i], NULL, use_shared, &passed[i]), 0);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
        pthread_join(threads[i], NULL);
        assert_false(passed[i]);
    }
    assert_int_equal(budget_used(&shared), 0);
}

UNIT_MAIN(cmocka_unit_test(test_account), cmocka_unit_test(test_purse),
    cmocka_unit_test(test_threads))
