/* SPDX-License-Identifier: Apache-2.0 */
#include "queue_world.h"

#include "queue/review.h"

#define BASE "retry_interval = 1200\nhost_failure_retry = 120\n"

/* So many messages that nobody runs out of work. */
static void
load(int n)
{
    for (int i = 0; i < n; i++)
        (void)world_accept("s@from.test", "a@x.test");
}

/* Two sessions to the second host, since the first is down. */
static void
begin_at_the_second(const char *more)
{
    struct buf conf = BUF_INIT;

    buf_printf(&conf, BASE "max_outbound_connections = 2\n%s", more);
    world_begin(buf_get(&conf).p);
    buf_fini(&conf);
    fake_hosts[1].addr = "192.0.2.2";
    fake_hosts[0].down_until = clock_mono() + 60000;
    load(40);
    assert_int_equal(fake_session_count, 2);
    fake_ready(0, 1);
    fake_ready(1, 1);
    assert_string_equal(fake_sessions[0].to, "192.0.2.2:25");
    assert_string_equal(fake_sessions[1].to, "192.0.2.2:25");
}

static void
test_better_host_returns_under_load(void **state)
{
    (void)state;
    begin_at_the_second("");
    world_advance(59999);
    fake_delivered(0);
    fake_delivered(1);
    assert_int_equal(fake_session_count, 2);
    world_advance(1);
    fake_delivered(0);
    /* one has made room for the better host, the other still delivers */
    assert_int_equal(fake_session_count, 3);
    assert_int_equal(fake_session_alive(), 2);
    assert_string_equal(fake_sessions[2].to, "192.0.2.1:25");
    unsigned other = fake_sessions[0].alive ? 0 : 1;
    fake_delivered(other);
    fake_delivered(other);
    assert_true(fake_sessions[other].alive);
    fake_ready(2, 1);
    assert_false(fake_sessions[other].alive);
    assert_string_equal(fake_sessions[3].to, "192.0.2.1:25");
    assert_int_equal(fake_store.attempts, 0);
    world_end();
}

static void
test_better_host_is_still_down(void **state)
{
    unsigned other;

    (void)state;
    begin_at_the_second("");
    world_advance(60000);
    fake_delivered(0);
    other = fake_sessions[0].alive ? 0 : 1;
    fake_closed(2, IMPEL_RETRY, IMPEL_BLAME_HOST, false);
    assert_true(fake_sessions[other].alive);
    assert_int_equal(fake_session_count, 4);
    assert_string_equal(fake_sessions[3].to, "192.0.2.2:25");
    fake_ready(3, 1);
    for (int i = 0; i < 5; i++) {
        fake_delivered(other);
        fake_delivered(3);
    }
    assert_int_equal(fake_session_count, 4); /* not before its mark ends */
    world_end();
}

/* It fails after a review that saw nothing but it. */
static void
test_better_host_failed_after_a_review(void **state)
{
    (void)state;
    world_begin(BASE "max_outbound_connections = 2\n");
    fake_hosts[1].addr = "192.0.2.2";
    fake_down_ms = 1000;
    load(40);
    assert_int_equal(fake_session_count, 2);
    assert_string_equal(fake_sessions[0].to, "192.0.2.1:25");
    for (unsigned i = 0; i < 2; i++)
        fake_closed(i, IMPEL_RETRY, IMPEL_BLAME_HOST, false);
    for (unsigned i = 2; i < 4; i++) {
        assert_string_equal(fake_sessions[i].to, "192.0.2.2:25");
        fake_ready(i, 1);
    }
    fake_delivered(2);
    world_advance(1000);
    fake_delivered(3);
    assert_int_equal(fake_session_count, 5);
    assert_string_equal(fake_sessions[4].to, "192.0.2.1:25");
    world_end();
}

static void
test_host_at_its_limit(void **state)
{
    (void)state;
    begin_at_the_second("");
    fake_hosts[0].limit = 1;
    fake_hosts[0].open = 1; /* another queue's */
    world_advance(60000);
    for (int i = 0; i < 3; i++)
        fake_delivered((unsigned)i & 1);
    assert_int_equal(fake_session_count, 2);
    fake_hosts[0].open = 0;
    world_advance(5000);
    fake_delivered(0);
    assert_int_equal(fake_session_count, 3);
    fake_ready(2, 1); /* there is room for one: the other stays */
    assert_int_equal(fake_session_alive(), 2);
    assert_int_equal(fake_session_count, 3);
    world_end();
}

static void
test_hosts_that_are_gone(void **state)
{
    (void)state;
    begin_at_the_second("");
    fake_sessions[0].deaf = true; /* the first of it is begun */
    fake_hosts[1].addr = NULL;
    fake_hosts[2].addr = "192.0.2.3";
    fake_delivered(1); /* nobody has said that the record is another */
    assert_true(fake_sessions[1].alive);
    fake_route_changed("x.test");
    assert_false(fake_sessions[1].alive);
    assert_string_equal(fake_sessions[2].to, "192.0.2.3:25");
    assert_true(fake_sessions[0].recalls > 0);
    assert_false(fake_sessions[0].closing);
    fake_sessions[0].deaf = false;
    fake_delivered(0);
    assert_false(fake_sessions[0].alive);
    assert_string_equal(fake_sessions[3].to, "192.0.2.3:25");
    assert_int_equal(fake_store.attempts, 0);
    world_end();
}

static void
test_lower_limit(void **state)
{
    (void)state;
    begin_at_the_second("");
    world_configure(BASE "max_outbound_connections = 1\n");
    assert_int_equal(fake_session_alive(), 1);
    world_configure(BASE "max_outbound_connections = 2\n");
    assert_int_equal(fake_session_alive(), 2);
    world_end();
}

/* Nobody looks at connections that have no work. */
static void
test_idle(void **state)
{
    (void)state;
    world_begin(BASE "idle_timeout = 600\n");
    load(1);
    fake_ready(0, 1);
    fake_delivered(0);
    fake_hosts[0].addr = NULL;
    fake_hosts[1].addr = "192.0.2.2";
    fake_route_changed("x.test");
    assert_true(fake_sessions[0].alive);
    load(1); /* but it gets none */
    assert_false(fake_sessions[0].alive);
    assert_string_equal(fake_sessions[1].to, "192.0.2.2:25");
    world_end();
}

/* Each host of the domain has to fail that often. */
static void
test_sweep_counts_by_host(void **state)
{
    (void)state;
    world_begin(BASE "mx_failures_to_delay = 2\n"
                     "max_outbound_connections = 1\n");
    fake_hosts[1].addr = "192.0.2.2";
    fake_down_ms = 1000;
    for (int i = 0; i < 20; i++)
        (void)world_accept("s@from.test", "a@x.test");
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(fake_session_count, i + 1);
        assert_true(queue_active(world_queue("x.test")) > 0);
        fake_closed(i, IMPEL_RETRY, IMPEL_BLAME_HOST, false);
        if (i % 2)
            world_advance(1001);
    }
    assert_int_equal(queue_delayed(world_queue("x.test")), 20);
    assert_int_equal(queue_active(world_queue("x.test")), 0);
    world_end();
}

/* connect_timeout_to_delay: by time, however few the failures; a connection
 * that works begins it anew. */
static void
test_sweep_by_time(void **state)
{
    (void)state;
    world_begin(BASE "mx_failures_to_delay = 0\n"
                     "connect_timeout_to_delay = 3\n"
                     "max_outbound_connections = 1\n");
    fake_down_ms = 2000;
    load(20);
    fake_closed(0, IMPEL_RETRY, IMPEL_BLAME_HOST, false);
    world_advance(2001);
    assert_int_equal(fake_session_count, 2);
    fake_ready(1, 1); /* it works, 2 s after the first failure */
    fake_closed(1, IMPEL_RETRY, IMPEL_BLAME_HOST, false);
    world_advance(2001);
    assert_int_equal(fake_session_count, 3);
    fake_closed(2, IMPEL_RETRY, IMPEL_BLAME_HOST, false);
    assert_true(queue_active(world_queue("x.test")) > 0);
    world_advance(2001);
    assert_int_equal(fake_session_count, 4);
    assert_true(queue_active(world_queue("x.test")) > 0);
    fake_closed(3, IMPEL_RETRY, IMPEL_BLAME_HOST, false);
    assert_int_equal(queue_active(world_queue("x.test")), 0);
    assert_int_equal(queue_delayed(world_queue("x.test")), 20);
    world_end();
}

UNIT_MAIN(cmocka_unit_test(test_sweep_counts_by_host),
    cmocka_unit_test(test_sweep_by_time),
    cmocka_unit_test(test_better_host_returns_under_load),
    cmocka_unit_test(test_better_host_is_still_down),
    cmocka_unit_test(test_better_host_failed_after_a_review),
    cmocka_unit_test(test_host_at_its_limit),
    cmocka_unit_test(test_hosts_that_are_gone),
    cmocka_unit_test(test_lower_limit), cmocka_unit_test(test_idle))
