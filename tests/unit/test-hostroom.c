/* SPDX-License-Identifier: Apache-2.0
 *
 * A host at its limit: what fills it may have nothing to do.
 */
#include "queue_world.h"

static void
to(const char *binding, const char *rcpt)
{
    (void)world_accept_for(binding, "s@from.test", rcpt);
}

/* The idle session of a sibling is taken over. */
static void
test_sibling(void **state)
{
    (void)state;
    world_begin("");
    fake_hosts[0].limit = 1;
    to("default", "x@a.test");
    fake_ready(0, 1);
    fake_delivered(0);
    to("default", "x@b.test");
    assert_int_equal(fake_session_count, 1);
    assert_int_equal(fake_sessions[0].count, 1);
    assert_int_equal(fake_hosts[0].open, 1);
    fake_delivered(0);
    assert_int_equal(world.s->stats.delivered, 2);
    world_end();
}

/* Who waits already gets it as soon as there is nothing more to do. */
static void
test_waiting_sibling(void **state)
{
    (void)state;
    world_begin("");
    fake_hosts[0].limit = 1;
    to("default", "x@a.test");
    to("default", "x@b.test");
    to("default", "x@c.test");
    assert_int_equal(world_queue("b.test")->reason, WAIT_HOST_LIMIT);
    fake_ready(0, 1);
    for (int i = 0; i < 3; i++)
        fake_delivered(0);
    assert_int_equal(world.s->stats.delivered, 3);
    assert_int_equal(fake_session_count, 1);
    assert_int_equal(fake_hosts[0].open, 1);
    world_end();
}

/* One that is of no use is closed first, and only then another opened. */
static void
test_another_binding(void **state)
{
    (void)state;
    world_begin("binding \"one\" {}\nbinding \"two\" {}\n");
    fake_hosts[0].limit = 2;
    to("one", "x@a.test");
    fake_ready(0, 1);
    fake_delivered(0);
    to("one", "x@b.test"); /* takes it over: busy */
    to("one", "x@c.test");
    fake_ready(1, 1);
    fake_delivered(1); /* idle */
    assert_int_equal(fake_hosts[0].open, 2);
    to("two", "x@a.test");
    assert_true(fake_sessions[0].alive);
    assert_false(fake_sessions[1].alive);
    assert_int_equal(fake_session_count, 3);
    assert_int_equal(fake_hosts[0].open, 2);
    fake_ready(2, 1);
    fake_delivered(2);
    fake_delivered(0);
    assert_int_equal(world.s->stats.delivered, 4);
    world_end();
}

/* Nobody's idle session at another host is closed for it. */
static void
test_elsewhere(void **state)
{
    (void)state;
    world_begin("binding \"one\" {}\nbinding \"two\" {}\n");
    fake_hosts[0] = (struct fake_host){.domain = "a.test", .addr = "192.0.2.1"};
    fake_hosts[1] =
        (struct fake_host){.domain = "b.test", .addr = "192.0.2.2", .limit = 1};
    to("one", "x@a.test");
    fake_ready(0, 1);
    fake_delivered(0);
    to("one", "x@b.test"); /* busy */
    to("two", "x@b.test");
    assert_int_equal(
        queue_get(world.s, STR("two"), STR("b.test"), MESSAGE_TLS_USUAL)
            ->reason,
        WAIT_HOST_LIMIT);
    assert_true(fake_sessions[0].alive);
    assert_int_equal(fake_session_count, 2);
    world_end();
}

UNIT_MAIN(cmocka_unit_test(test_sibling),
    cmocka_unit_test(test_waiting_sibling),
    cmocka_unit_test(test_another_binding), cmocka_unit_test(test_elsewhere))
