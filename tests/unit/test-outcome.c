/* SPDX-License-Identifier: Apache-2.0
 *
 * Verdict and blame to what becomes of a recipient, all combinations.
 */
#include "queue_world.h"

#include "queue/outcome.h"

enum {
    D = IMPEL_DELIVERED,
    R = IMPEL_RETRY,
    F = IMPEL_FAILED,
    U = IMPEL_UNTRIED
};

static void
test_table(void **state)
{
    static const struct {
        int verdict, blame, stage;
        bool begun;
        uint32_t flags;
        enum outcome want;
    } rows[] = {
        {D, IMPEL_BLAME_RCPT, IMPEL_AT_FINAL, true, 0, OUTCOME_DONE},
        {D, IMPEL_BLAME_SESSION, IMPEL_AT_FINAL, true, 0, OUTCOME_DONE},
        {F, IMPEL_BLAME_RCPT, IMPEL_AT_RCPT, true, 0, OUTCOME_FAIL},
        {F, IMPEL_BLAME_MESSAGE, IMPEL_AT_BODY, true, 0, OUTCOME_FAIL},
        {F, IMPEL_BLAME_HOST, IMPEL_AT_LOGIN, false, 0, OUTCOME_FAIL},
        {R, IMPEL_BLAME_RCPT, IMPEL_AT_RCPT, true, 0, OUTCOME_DELAY},
        {R, IMPEL_BLAME_MESSAGE, IMPEL_AT_FINAL, true, 0, OUTCOME_DELAY},
        {R, IMPEL_BLAME_SESSION, IMPEL_AT_BODY, true, 0, OUTCOME_DELAY},
        {R, IMPEL_BLAME_SESSION, IMPEL_AT_LOGIN, true, 0, OUTCOME_RETURN},
        {R, IMPEL_BLAME_SESSION, IMPEL_AT_SENDER, false, 0, OUTCOME_RETURN},
        {R, IMPEL_BLAME_HOST, IMPEL_AT_SENDER, true, 0, OUTCOME_NEXT},
        {R, IMPEL_BLAME_HOST, IMPEL_AT_CONNECT, true, 0, OUTCOME_RETURN},
        {R, IMPEL_BLAME_HOST, IMPEL_AT_FINAL, true, IMPEL_UNCERTAIN,
            OUTCOME_DELAY},
        {R, IMPEL_BLAME_ROUTE, IMPEL_AT_SENDER, true, 0, OUTCOME_DELAY},
        {R, IMPEL_BLAME_ROUTE, IMPEL_AT_TLS, false, 0, OUTCOME_RETURN},
        {U, IMPEL_BLAME_RCPT, 0, true, 0, OUTCOME_RETURN},
        {U, IMPEL_BLAME_HOST, IMPEL_AT_FINAL, false, 0, OUTCOME_RETURN},
        {0, 0, 0, false, 0, OUTCOME_RETURN},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct result r = {.verdict = rows[i].verdict,
            .blame = rows[i].blame,
            .stage = rows[i].stage,
            .flags = rows[i].flags};

        if (outcome_of(&r, rows[i].begun) != rows[i].want)
            fail_msg("row %zu: %d", i, (int)outcome_of(&r, rows[i].begun));
    }
}

/* The next message never suffers for what happened to the last. */
static void
test_others_go_on(void **state)
{
    static const int blames[] = {IMPEL_BLAME_RCPT, IMPEL_BLAME_MESSAGE,
        IMPEL_BLAME_SESSION, IMPEL_BLAME_HOST};

    (void)state;
    for (size_t i = 0; i < sizeof(blames) / sizeof(blames[0]); i++) {
        uint64_t first, second;

        world_begin("max_outbound_connections = 1\n");
        fake_hosts[1].addr = "192.0.2.2";
        first = world_accept("s@from.test", "a@x.test");
        second = world_accept("s@from.test", "b@x.test");
        fake_ready(0, 1);
        assert_int_equal(fake_sessions[0].count, 2);
        fake_done(
            0, IMPEL_RETRY, blames[i], IMPEL_AT_FINAL, 451, "4.3.0", "no");
        assert_int_equal(world_parcel(first)->retries, 1);
        assert_int_equal(world_parcel(second)->retries, 0);
        assert_int_not_equal(world_state(second), PARCEL_DELAYED);
        world_end();
    }
}

static void
test_uncertain_is_counted(void **state)
{
    struct result r = {.retry_after = -1};
    uint64_t id;

    (void)state;
    world_begin("");
    id = world_accept("s@from.test", "a@x.test");
    fake_ready(0, 1);
    result_set(&r, IMPEL_RETRY, IMPEL_BLAME_HOST, IMPEL_AT_FINAL, 451, "4.4.2",
        "[internal] connection lost");
    r.flags = IMPEL_UNCERTAIN;
    fake_done_each(0, &r);
    assert_int_equal(world.s->stats.uncertain, 1);
    assert_int_equal(world_state(id), PARCEL_DELAYED);
    assert_int_equal(fake_hosts[0].failures, 1); /* the host is marked */
    result_fini(&r);
    world_end();
}

static void
test_peer_asks_to_wait(void **state)
{
    struct result r = {.retry_after = -1};

    (void)state;
    world_begin("retry_interval = 60\n");
    (void)world_accept("s@from.test", "a@x.test");
    fake_ready(0, 1);
    result_set(&r, IMPEL_RETRY, IMPEL_BLAME_RCPT, IMPEL_AT_FINAL, 429, NULL,
        "slow down");
    r.retry_after = 600000;
    fake_done_each(0, &r);
    assert_int_equal(fake_store.last.next, clock_wall() + 600000);
    result_fini(&r);
    world_end();
}

UNIT_MAIN(cmocka_unit_test(test_table), cmocka_unit_test(test_others_go_on),
    cmocka_unit_test(test_uncertain_is_counted),
    cmocka_unit_test(test_peer_asks_to_wait))
