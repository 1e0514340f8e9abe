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
    assert_int_equal(world_queue("x.test")->ready_count, many);
    if (fake_session_count == 0 || !f->alive)
        fail_msg("no session");
    fake_ready(0, 50);
    begin = clock();
    while (world_queue("x.test")->lent) {
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

UNIT_MAIN(cmocka_unit_test(test_long_queue))
