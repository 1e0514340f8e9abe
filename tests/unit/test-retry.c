/* SPDX-License-Identifier: Apache-2.0
 *
 * The arithmetic of MC 3.8.
 */
#include "conf_support.h"
#include "unit.h"

#include "queue/queue_options.h"
#include "queue/retry.h"

static struct retry
retry_of(int64_t interval, int64_t most, int64_t expiration, int64_t retries)
{
    return (struct retry){.interval = interval * 1000,
        .max_interval = most * 1000,
        .expiration = expiration * 1000,
        .max_retries = retries};
}

static int64_t
total(const struct retry *r, uint32_t n)
{
    int64_t sum = 0;

    for (uint32_t i = 1; i <= n; i++)
        sum += retry_wait(r, i);
    return sum / 1000;
}

static void
test_waits(void **state)
{
    struct retry uncapped = retry_of(1200, 43200, 86400, 5);
    struct retry capped = retry_of(1200, 1200, 86400, 5);
    struct retry odd = retry_of(1200, 3000, 86400, 5);

    (void)state;
    assert_int_equal(total(&uncapped, 5), 37200);
    assert_int_equal(total(&capped, 5), 6000);
    assert_int_equal(retry_wait(&odd, 1), 1200000);
    assert_int_equal(retry_wait(&odd, 2), 2400000);
    assert_int_equal(retry_wait(&odd, 3), 3000000);
    assert_int_equal(retry_wait(&odd, UINT32_MAX), 3000000);
    odd.max_interval = INT64_MAX;
    assert_int_equal(retry_wait(&odd, 200), INT64_MAX); /* no overflow */
}

static void
test_limits(void **state)
{
    static const struct {
        int64_t interval, cap, expiration, retries;
        uint32_t limit;
    } rows[] = {
        {1200, 43200, 86400, QUEUE_RETRIES_AUTO, 6},
        {1200, 1200, 86400, QUEUE_RETRIES_AUTO, 6},
        {1200, 43200, 604800, QUEUE_RETRIES_AUTO, 8},
        {1200, 43200, 1199, QUEUE_RETRIES_AUTO, 0},
        {1200, 43200, 1200, QUEUE_RETRIES_AUTO, 1},
        {1200, 43200, 86400, QUEUE_RETRIES_NONE, UINT32_MAX},
        {1200, 43200, 86400, 0, 0},
        {1200, 43200, 86400, 17, 17},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct retry r = retry_of(
            rows[i].interval, rows[i].cap, rows[i].expiration, rows[i].retries);

        assert_int_equal(retry_limit(&r), rows[i].limit);
        r.never = true;
        assert_int_equal(retry_limit(&r), 0);
    }
}

static void
test_decisions(void **state)
{
    struct retry r = retry_of(1200, 43200, 86400, 2);
    int64_t next = 0, now = 5000000;

    (void)state;
    assert_int_equal(
        retry_decide(&r, now - 1000, now, 1, -1, &next), RETRY_LATER);
    assert_int_equal(next, now + 1200000);
    assert_int_equal(
        retry_decide(&r, now - 1000, now, 2, -1, &next), RETRY_LATER);
    assert_int_equal(next, now + 2400000);
    assert_int_equal(
        retry_decide(&r, now - 1000, now, 3, -1, &next), RETRY_EXHAUSTED);
    assert_int_equal(
        retry_decide(&r, now - 86400000, now, 1, -1, &next), RETRY_EXPIRED);
    assert_int_equal(
        retry_decide(&r, now - 86399999, now, 1, -1, &next), RETRY_LATER);
    /* What the peer asks for counts if it is longer, up to the cap. */
    assert_int_equal(retry_decide(&r, now, now, 1, 60000, &next), RETRY_LATER);
    assert_int_equal(next, now + 1200000);
    assert_int_equal(
        retry_decide(&r, now, now, 1, 7200000, &next), RETRY_LATER);
    assert_int_equal(next, now + 7200000);
    assert_int_equal(
        retry_decide(&r, now, now, 1, INT64_MAX, &next), RETRY_LATER);
    assert_int_equal(next, now + 43200000);
    r.never = true;
    assert_int_equal(retry_decide(&r, now, now, 1, -1, &next), RETRY_EXHAUSTED);
}

static void
test_options(void **state)
{
    struct generation *g;
    struct retry r;

    (void)state;
    conf_support_options();
    g = conf_support_load("retry_interval = 60\nmax_retries = none\n"
                          "domain \"x.test\" { never_retry = true\n"
                          "  max_retry_interval = 60 }\n",
        false);
    retry_read(&r, generation_scope(g, STR("default"), STR("x.test")));
    assert_int_equal(r.interval, 60000);
    assert_int_equal(r.max_interval, 60000);
    assert_int_equal(r.max_retries, QUEUE_RETRIES_NONE);
    assert_int_equal(r.expiration, 86400000);
    assert_true(r.never);
    assert_false(r.skip_expired);
    generation_unref(&g);
    option_reset();
}

UNIT_MAIN(cmocka_unit_test(test_waits), cmocka_unit_test(test_limits),
    cmocka_unit_test(test_decisions), cmocka_unit_test(test_options))
