/* SPDX-License-Identifier: Apache-2.0
 *
 * Content in memory: the limits hold however many queues there are, who waits
 * long keeps nothing, and all of it moves on all the same.
 */
#include "queue_world.h"

#define BASE "retry_interval = 1200\nmax_outbound_connections = 1\n"

/* One message to each of so many domains. */
static void
accept_each(int domains)
{
    for (int i = 0; i < domains; i++) {
        char rcpt[32];

        (void)snprintf(rcpt, sizeof(rcpt), "a@d%d.test", i);
        (void)world_accept("s@from.test", rcpt);
    }
}

static uint64_t
active_in_all(void)
{
    struct scheduler_stats st;

    scheduler_get_stats(world.s, &st);
    return st.active;
}

static void
test_limit_of_messages(void **state)
{
    (void)state;
    world_begin(BASE "max_resident_messages = 10\n");
    fake_pick = HOP_WAIT;
    accept_each(200);
    assert_int_equal(world.s->resident_messages, 10);
    assert_int_equal(active_in_all(), 200);
    fake_pick = HOP_OK;
    fake_route_changed(NULL);
    assert_int_equal(fake_session_count, 200);
    assert_int_equal(world.s->resident_messages, 10);
    for (unsigned i = 0; i < 200; i++)
        fake_ready(i, 1);
    for (unsigned i = 0; i < 200; i++)
        fake_delivered(i);
    assert_int_equal(world.s->stats.delivered, 200);
    assert_int_equal(world.s->resident_messages, 0);
    assert_int_equal(world.s->resident_bytes, 0);
    world_end();
}

/* What counts is what a message takes, not the length of its content. */
static void
test_limit_of_bytes(void **state)
{
    uint64_t each, most = 65536;

    (void)state;
    world_begin(BASE "max_resident_bytes = 65536\n");
    fake_pick = HOP_WAIT;
    accept_each(1);
    each = world.s->resident_bytes;
    assert_in_range(each, sizeof(struct message) + 512, 4096);
    accept_each(200);
    assert_in_range(world.s->resident_bytes, most - each, most + each);
    assert_int_equal(
        world.s->resident_messages, world.s->resident_bytes / each);
    world_end();
}

/* A message for several queues is in memory once. */
static void
test_counted_once(void **state)
{
    (void)state;
    world_begin(BASE);
    fake_pick = HOP_WAIT;
    (void)world_accept("s@from.test", "a@x.test b@y.test c@z.test");
    assert_int_equal(active_in_all(), 3);
    assert_int_equal(world.s->resident_messages, 1);
    world_end();
}

static void
test_down_keeps_nothing(void **state)
{
    (void)state;
    world_begin(BASE);
    fake_hosts[0].down_until = 120000 + loop_now(world.loop);
    for (int i = 0; i < 1000; i++)
        (void)world_accept("s@from.test", "a@x.test");
    assert_int_equal(world_queue("x.test")->reason, WAIT_HOSTS_DOWN);
    assert_int_equal(world.s->resident_messages, 0);
    assert_int_equal(active_in_all(), 1000);
    assert_int_equal(fake_store.loads, 0);
    world_advance(121000);
    assert_int_equal(fake_session_count, 1);
    assert_int_equal(fake_store.loads, 0); /* not before it is needed */
    fake_ready(0, 1);
    assert_true(fake_store.loads > 0);
    for (int i = 0; i < 1000; i++)
        fake_delivered(0);
    assert_int_equal(world.s->stats.delivered, 1000);
    world_end();
}

/* A connection that fails costs one its attempt, in memory or not. */
static void
test_charge_on_disk(void **state)
{
    (void)state;
    world_begin(BASE);
    fake_hosts[0].down_until = 120000 + loop_now(world.loop);
    (void)world_accept("s@from.test", "a@x.test");
    (void)world_accept("s@from.test", "b@x.test");
    world_advance(121000);
    fake_closed(0, IMPEL_RETRY, IMPEL_BLAME_HOST, false);
    assert_int_equal(fake_store.attempts, 1);
    assert_int_equal(queue_delayed(world_queue("x.test")), 1);
    assert_int_equal(queue_active(world_queue("x.test")), 1);
    world_end();
}

/* Times that have come without room in memory are seen, and connect. */
static void
test_due_without_room(void **state)
{
    struct queue *q;

    (void)state;
    world_begin(BASE "max_resident_messages = 1\n");
    (void)world_accept("s@from.test", "a@y.test");
    fake_ready(0, 1);
    fake_done(
        0, IMPEL_RETRY, IMPEL_BLAME_RCPT, IMPEL_AT_RCPT, 451, "4.3.0", "later");
    fake_pick = HOP_WAIT;
    (void)world_accept("s@from.test", "a@x.test"); /* the one in memory */
    q = world_queue("y.test");
    world_advance(6000);
    assert_int_equal(queue_delayed(q), 1);
    fake_pick = HOP_OK;
    world_advance(1200000);
    assert_int_equal(queue_delayed(q), 0);
    assert_int_equal(queue_active(q), 1);
    assert_int_equal(q->reason, WAIT_CONNECTING);
    fake_ready(fake_session_count - 1, 1);
    fake_delivered(fake_session_count - 1);
    assert_int_equal(q->delivered, 1);
    world_end();
}

/* Throttled for long: what its sessions need, no more. */
static void
test_throttled(void **state)
{
    (void)state;
    world_begin(BASE "outbound_throttle_messages = \"1/3600\"\n");
    for (int i = 0; i < 50; i++)
        (void)world_accept("s@from.test", "a@x.test");
    fake_ready(0, 1);
    fake_delivered(0);
    assert_int_equal(world_queue("x.test")->reason, WAIT_MESSAGE_THROTTLE);
    assert_in_range(world.s->resident_messages, 0, 2);
    assert_int_equal(active_in_all(), 49);
    world_end();
}

/* EHLO with the sender's domain needs a message before the connection. */
static void
test_greets_as_sender(void **state)
{
    (void)state;
    world_begin(BASE);
    fake_greets_as_sender = true;
    fake_hosts[0].down_until = 120000 + loop_now(world.loop);
    accept_each(1);
    (void)world_accept("s@from.test", "a@d0.test");
    assert_int_equal(world.s->resident_messages, 1);
    world_end();
}

/* Each message has that result, by whichever sessions there are. */
static void
serve_all(int verdict, int code, const char *status)
{
    for (unsigned i = 0; i < fake_session_count; i++) {
        struct fake_session *f = &fake_sessions[i];

        if (f->alive && !f->ready)
            fake_ready(i, 1);
        while (f->alive && f->count)
            fake_done(i, verdict, IMPEL_BLAME_RCPT, IMPEL_AT_RCPT, code, status,
                "said");
    }
}

/* A queue that waits for times alone is small: what it needs for its work came
 * with the work, and has gone with it. */
static void
test_waiting_is_small(void **state)
{
    enum { DOMAINS = 100 };

    (void)state;
    assert_in_range(sizeof(struct queue), 1, 312);
    world_begin(BASE "server_max_outbound_connections = 10\n"
                     "idle_timeout = 5\n");
    accept_each(DOMAINS);
    assert_int_equal(world.s->server.line.count, DOMAINS - 10);
    assert_int_equal(world.s->busy_slab.used, DOMAINS);
    serve_all(IMPEL_RETRY, 450, "4.2.1");
    world_advance(6000);
    assert_int_equal(fake_session_alive(), 0);
    assert_int_equal(world.s->held.delayed, DOMAINS);
    assert_int_equal(world.s->busy_slab.used, 0);
    assert_int_equal(world.s->actives.used, 0);

    world_advance(1200 * 1000); /* and once more */
    assert_int_equal(world.s->held.delayed, 0);
    assert_int_equal(world.s->busy_slab.used, DOMAINS);
    serve_all(IMPEL_DELIVERED, 250, "2.0.0");
    assert_int_equal(world.s->stats.delivered, DOMAINS);
    world_advance(6000);
    assert_int_equal(world.s->busy_slab.used, 0);
    world_end();
}

/* What it waits for with mail in memory, or a place in a line, is not lost. */
static void
test_suspended_is_small(void **state)
{
    (void)state;
    world_begin(BASE "suspend_delivery = true\n");
    accept_each(20);
    assert_int_equal(world.s->resident_messages, 0);
    assert_int_equal(active_in_all(), 20);
    assert_int_equal(world.s->busy_slab.used, 0);
    world_configure(BASE);
    assert_int_equal(fake_session_alive(), 20);
    for (unsigned i = 0; i < 20; i++)
        fake_ready(i, 1);
    for (unsigned i = 0; i < 20; i++)
        fake_delivered(i);
    assert_int_equal(world.s->stats.delivered, 20);
    world_end();
}

UNIT_MAIN(cmocka_unit_test(test_limit_of_messages),
    cmocka_unit_test(test_limit_of_bytes), cmocka_unit_test(test_counted_once),
    cmocka_unit_test(test_down_keeps_nothing),
    cmocka_unit_test(test_charge_on_disk),
    cmocka_unit_test(test_due_without_room), cmocka_unit_test(test_throttled),
    cmocka_unit_test(test_greets_as_sender),
    cmocka_unit_test(test_waiting_is_small),
    cmocka_unit_test(test_suspended_is_small))
