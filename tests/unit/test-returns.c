/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages that were lent ahead and come back because their session is over:
 * how often that costs nothing, and when it is a reason to wait.  And hosts
 * that ask for time.
 */
#include "queue_world.h"

#define BASE "retry_interval = 1200\nmax_outbound_connections = 1\n"

enum { MANY = 12 };

static uint64_t id[MANY];

static void
accept_many(void)
{
    for (int i = 0; i < MANY; i++)
        id[i] = world_accept("s@from.test", "a@x.test");
    world_run();
}

/* A host that takes one message from each connection gets all of them, one
 * after the other: those behind it wait for the next connection, no longer. */
static void
test_one_message_a_connection(void **state)
{
    (void)state;
    world_begin(BASE);
    accept_many();
    for (unsigned i = 0; i < MANY; i++) {
        assert_int_equal(fake_session_count, i + 1);
        fake_ready(i, 1);
        assert_true(fake_sessions[i].count > 1 || i == MANY - 1);
        fake_delivered(i);
        if (fake_sessions[i].alive)
            fake_closed(
                i, IMPEL_RETRY, IMPEL_BLAME_SESSION, true); /* brings back */
    }
    assert_int_equal(world.s->stats.delivered, MANY);
    world_end();
}

/* They keep their order, so that none is behind the others again and again. */
static void
test_they_come_back_in_order(void **state)
{
    struct fake_session *f;

    (void)state;
    world_begin(BASE);
    accept_many();
    for (unsigned i = 0; i < 2; i++) {
        fake_ready(i, 1);
        fake_delivered(i);
        f = &fake_sessions[i];
        assert_true(f->count > 2);
        for (unsigned k = 0; k < f->count; k++)
            assert_int_equal(f->lent[k]->message->id, id[i + 1 + k]);
        fake_closed(i, IMPEL_RETRY, IMPEL_BLAME_SESSION, true);
    }
    world_end();
}

/* One that takes none is not asked without end. */
static void
test_no_message_a_connection(void **state)
{
    unsigned i;

    (void)state;
    world_begin(BASE);
    accept_many();
    for (i = 0; i < 100 && i < fake_session_count; i++) {
        fake_ready(i, 1);
        fake_closed(i, IMPEL_RETRY, IMPEL_BLAME_SESSION, true);
    }
    assert_true(i < 30);
    assert_int_equal(fake_session_alive(), 0);
    assert_int_equal(world_queue("x.test")->busy->ready_count, 0);
    world_end();
}

/* One that refuses all of them, likewise: each has an outcome of its own. */
static void
test_one_refusal_a_connection(void **state)
{
    (void)state;
    world_begin(BASE);
    accept_many();
    for (unsigned i = 0; i < MANY; i++) {
        assert_int_equal(fake_session_count, i + 1);
        fake_ready(i, 1);
        fake_done(i, IMPEL_RETRY, IMPEL_BLAME_SESSION, IMPEL_AT_RCPT, 450,
            "4.2.0", "later");
        assert_int_equal(world_queue("x.test")->busy->ready_count +
                world_queue("x.test")->busy->lent,
            MANY - 1 - i);
    }
    assert_int_equal(world.s->stats.delivered, 0);
    world_end();
}

/* Nor one message that is begun and never taken. */
static void
test_a_message_that_is_begun_and_comes_back(void **state)
{
    uint64_t one;

    (void)state;
    world_begin(BASE);
    one = world_accept("s@from.test", "a@x.test");
    world_run();
    fake_ready(0, 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(world_state(one), PARCEL_LENT);
        fake_done(0, IMPEL_UNTRIED, IMPEL_BLAME_SESSION, IMPEL_AT_SENDER, 0,
            NULL, NULL);
    }
    assert_int_equal(world_state(one), PARCEL_DELAYED);
    world_end();
}

/* A host that asks for time has it, as far as a retry may take; others are
 * tried at once, and the mail waits for it when there are none. */
static void
test_host_asks_for_time(void **state)
{
    static const struct {
        int64_t asked, wait;
    } rows[] = {
        {-1, 120000}, {60000, 120000}, {600000, 600000}, {86400000, 3600000}};
    struct result r = {.retry_after = -1};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        world_begin(BASE "max_retry_interval = 3600\n");
        fake_hosts[1].addr = "192.0.2.2";
        (void)world_accept("s@from.test", "a@x.test");
        fake_ready(0, 1);
        result_set(&r, IMPEL_RETRY, IMPEL_BLAME_HOST, IMPEL_AT_FINAL, 503,
            "4.3.2", "not now");
        r.retry_after = rows[i].asked;
        fake_done_each(0, &r);
        assert_int_equal(fake_hosts[0].down_until, clock_mono() + rows[i].wait);
        assert_string_equal(fake_sessions[1].to, "192.0.2.2:25");
        fake_ready(1, 1);
        fake_done_each(1, &r);
        assert_int_equal(fake_session_count, 2);
        world_advance(rows[i].wait - 1);
        assert_int_equal(fake_session_count, 2);
        world_advance(1);
        assert_int_equal(fake_session_count, 3);
        world_end();
    }
    result_fini(&r);
}

UNIT_MAIN(cmocka_unit_test(test_one_message_a_connection),
    cmocka_unit_test(test_they_come_back_in_order),
    cmocka_unit_test(test_no_message_a_connection),
    cmocka_unit_test(test_one_refusal_a_connection),
    cmocka_unit_test(test_a_message_that_is_begun_and_comes_back),
    cmocka_unit_test(test_host_asks_for_time))
