/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/tokens.h"

/* As fast as it lets us for `span` ms: how many, and the most in any window. */
static int64_t
drive(
    struct tokens *t, int64_t from, int64_t span, int64_t window, int64_t *most)
{
    int64_t *at = calloc(1000000, sizeof(*at)), n = 0, first = 0;
    int64_t now = from, stamp, until;

    *most = 0;
    while (now < from + span) {
        if (tokens_take(t, now, &stamp, &until)) {
            at[n++] = now;
            while (at[first] <= now - window)
                first++;
            if (n - first > *most)
                *most = n - first;
        } else {
            assert_true(until > now);
            now = until;
        }
    }
    free(at);
    return n;
}

static void
test_rates(void **state)
{
    static const struct throttle_rate rates[] = {{1, 1000}, {10, 1000},
        {1000, 1000}, {7, 60000}, {100, 60000}, {3, 100}, {5, 7}, {1, 1}};

    (void)state;
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        int64_t span = rates[i].window_ms * 60, n, most;
        int64_t ideal = rates[i].count * 60;
        struct tokens t;

        tokens_init(&t, rates[i], 123456);
        n = drive(&t, 123456, span, rates[i].window_ms, &most);
        assert_true(most <= rates[i].count);
        assert_true(n <= ideal + rates[i].count);
        if (rates[i].window_ms >= 1000)
            assert_true(n * 1000 >= ideal * 993);
    }
}

static void
test_refund(void **state)
{
    struct tokens t;
    int64_t stamp, other, until = 0;

    (void)state;
    tokens_init(&t, (struct throttle_rate){2, 1000}, 5000);
    assert_true(tokens_take(&t, 5000, &stamp, &until));
    assert_true(tokens_take(&t, 5000, &other, &until));
    assert_false(tokens_take(&t, 5100, &other, &until));
    tokens_refund(&t, stamp);
    assert_true(tokens_take(&t, 5200, &other, &until));
    assert_false(tokens_has(&t, 5300, &until));
    /* One that has left the window already gives nothing back. */
    assert_true(tokens_take(&t, 7000, &other, &until));
    tokens_refund(&t, stamp);
    assert_int_equal(t.sum, 1);
    tokens_refund(&t, -1);
    assert_int_equal(t.sum, 1);
}

static void
test_other_rate(void **state)
{
    struct tokens t;
    int64_t stamp, until;

    (void)state;
    tokens_init(&t, (struct throttle_rate){2, 1000}, 0);
    assert_true(tokens_take(&t, 10, &stamp, &until));
    assert_true(tokens_take(&t, 10, &stamp, &until));
    tokens_set_rate(&t, (struct throttle_rate){3, 1000}, 20);
    assert_true(tokens_take(&t, 20, &stamp, &until));
    assert_false(tokens_take(&t, 20, &stamp, &until));
    tokens_set_rate(&t, (struct throttle_rate){4, 60000}, 30);
    assert_true(tokens_take(&t, 30, &stamp, &until));
    assert_false(tokens_take(&t, 30, &stamp, &until));
    tokens_set_rate(&t, (struct throttle_rate){0, 1000}, 40);
    assert_true(tokens_take(&t, 40, &stamp, &until));
    assert_int_equal(stamp, -1);
}

/* Not all at once: over a second, whatever the window, but for a few. */
static void
test_pace(void **state)
{
    struct tokens t;
    int64_t most;

    (void)state;
    tokens_init(&t, (struct throttle_rate){1000, 1000}, 1000);
    assert_int_equal(tokens_left(&t, 1000), 31);
    assert_in_range(drive(&t, 1000, 100, 50, &most), 130, 132);
    assert_in_range(most, 50, 81);
    assert_in_range(drive(&t, 1100, 900, 1000, &most), 860, 870);
    tokens_init(&t, (struct throttle_rate){64000, 3600000}, 0);
    assert_in_range(drive(&t, 0, 1000, 1000, &most), 64000, 64000);
    tokens_init(&t, (struct throttle_rate){16, 1000}, 0);
    assert_int_equal(tokens_left(&t, 0), 16);
}

/* What left late counts from then on. */
static void
test_used_later(void **state)
{
    struct tokens t;
    int64_t stamp, until;

    (void)state;
    tokens_init(&t, (struct throttle_rate){1, 1000}, 8000);
    assert_true(tokens_take(&t, 8000, &stamp, &until));
    assert_false(tokens_has(&t, 8200, &until));
    assert_in_range(until, 9001, 9010);
    tokens_used_at(&t, stamp, 8150);
    tokens_used_at(&t, stamp, 8170); /* no more there */
    assert_false(tokens_has(&t, 9020, &until));
    assert_in_range(until, 9151, 9160);
    assert_true(tokens_has(&t, until, &until));
}

/* Though nobody looked meanwhile, and though it was said when the token would
 * have been free again. */
static void
test_used_much_later(void **state)
{
    struct tokens t;
    int64_t stamp, until;

    (void)state;
    tokens_init(&t, (struct throttle_rate){1, 1000}, 8000);
    assert_true(tokens_take(&t, 8000, &stamp, &until));
    tokens_used_at(&t, stamp, 8150);
    assert_false(tokens_has(&t, 9020, &until));
    assert_true(tokens_take(&t, 20000, &stamp, &until));
    assert_true(tokens_has(&t, 21100, &until));
    tokens_used_at(&t, stamp, 20900);
    assert_int_equal(t.sum, 1);
    assert_false(tokens_has(&t, 21100, &until));
    assert_in_range(until, 21901, 21910);
    assert_true(tokens_has(&t, until, &until));
    tokens_used_at(&t, stamp, 20901); /* long ago: nothing to hold back */
    assert_true(tokens_has(&t, 22000, &until));
    assert_int_equal(t.sum, 0);
}

static void
test_unpaced(void **state)
{
    struct tokens t;
    int64_t most;

    (void)state;
    tokens_init_unpaced(&t, (struct throttle_rate){100, 1000}, 0);
    assert_int_equal(tokens_left(&t, 0), 100);
    assert_in_range(drive(&t, 0, 10, 10, &most), 100, 100);
    tokens_set_rate(&t, (struct throttle_rate){200, 2000}, 10);
    assert_int_equal(tokens_left(&t, 10), 100);
}

UNIT_MAIN(cmocka_unit_test(test_unpaced),
    cmocka_unit_test(test_used_much_later), cmocka_unit_test(test_used_later),
    cmocka_unit_test(test_pace), cmocka_unit_test(test_rates),
    cmocka_unit_test(test_refund), cmocka_unit_test(test_other_rate))
