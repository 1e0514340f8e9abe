/* SPDX-License-Identifier: Apache-2.0
 *
 * A long queue costs each message no more than a short one.
 */
#include "queue_world.h"

#include <time.h>

#include "loop/loop.h"

#define BASE "retry_interval = 1200\n"

/* Take mail in, lend it, deliver it: CPU time of each message, in ns.  The
 * content is never read again, so the spool need not keep it. */
static double
cost_of(unsigned many)
{
    const struct spool_events *ev = scheduler_spool_events(world.s);
    struct fake_session *f = &fake_sessions[0];
    struct message *m;
    clock_t begin;

    for (unsigned i = 0; i < many; i++) {
        m = world_message("default", "s@from.test", "a@x.test");
        ev->accepted(ev->arg, m);
    }
    world_run();
    assert_int_equal(world_queue("x.test")->busy->ready_count, many);
    if (fake_session_count == 0 || !f->alive)
        fail_msg("no session");
    fake_ready(0, 50);
    begin = clock();
    while (world_queue("x.test")->busy->lent) {
        while (f->count)
            fake_delivered_quietly(0);
        loop_turn(world.loop, 0);
    }
    return (double)(clock() - begin) * 1e9 / CLOCKS_PER_SEC / many;
}

/* A long queue costs each message no more than a short one: nothing walks all
 * of it.  Ten times the length may cost four times as much for its caches. */
static void
test_long_queue(void **state)
{
    enum { FEW = 10000, MANY = 100000 };
    double few, many;

    (void)state;
    world_begin(BASE "max_outbound_connections = 1\n"
                     "max_resident_messages = 1000000\n"
                     "max_resident_bytes = 1000000000\n");
    few = cost_of(FEW);
    world_end();
    world_begin(BASE "max_outbound_connections = 1\n"
                     "max_resident_messages = 1000000\n"
                     "max_resident_bytes = 1000000000\n");
    many = cost_of(MANY);
    assert_int_equal(world.s->stats.delivered, MANY);
    world_end();
    print_message(
        "ns a message: %.0f of %d, %.0f of %d\n", few, FEW, many, MANY);
    /* a time, so it is judged only where nobody else uses the machine */
    if (getenv("IMPEL_LONG"))
        assert_true(many < 4 * few);
}

/* What is being read counts: many queues, whose reads come all at once. */
static void
test_reads_are_bounded_over_all_queues(void **state)
{
    char to[40];

    (void)state;
    world_begin(BASE "max_resident_messages = 40\n"
                     "server_max_outbound_connections = 0\n");
    scheduler_set_tight(world.s, true);
    for (int i = 0; i < 100; i++) {
        (void)snprintf(to, sizeof(to), "a@d%d.test", i % 10);
        (void)world_accept("s@from.test", to);
    }
    world_run();
    assert_int_equal(world.s->resident_messages, 0);
    fake_store.hold_loads = true;
    scheduler_set_tight(world.s, false);
    world_run();
    assert_int_equal(fake_store.loads, 40);
    assert_int_equal(world.s->reading, 40);
    fake_store.hold_loads = false;
    fake_store_answer();
    assert_int_equal(world.s->reading, 0);
    assert_int_equal(world.s->resident_messages, 40);
    world_end();
}

/* What may be read until memory_goal is near is given away once. */
static void
test_reads_end_before_the_goal(void **state)
{
    (void)state;
    world_begin(BASE "server_max_outbound_connections = 0\n");
    scheduler_set_tight(world.s, true);
    for (int i = 0; i < 20; i++)
        (void)world_accept("s@from.test", "a@x.test");
    fake_store.hold_loads = true;
    scheduler_set_room(world.s, 5 * (int64_t)world.s->reading_cost);
    scheduler_set_tight(world.s, false);
    world_run();
    assert_int_equal(world.s->reading, 5);
    assert_int_equal(scheduler_read_bytes(world.s), 5 * world.s->reading_cost);
    fake_store.hold_loads = false;
    fake_store_answer();
    assert_int_equal(world.s->resident_messages, 5);
    assert_true(world.s->reading_cost < SCHED_READ_COST); /* they were small */
    scheduler_set_room(world.s, INT64_MAX);
    queue_kick(world_queue("x.test"));
    world_run();
    assert_int_equal(world.s->resident_messages, 20);
    world_end();
}

UNIT_MAIN(cmocka_unit_test(test_reads_are_bounded_over_all_queues),
    cmocka_unit_test(test_reads_end_before_the_goal),
    cmocka_unit_test(test_long_queue))
