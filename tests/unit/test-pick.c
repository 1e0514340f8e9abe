/* SPDX-License-Identifier: Apache-2.0 */
#include "queue_world.h"

#include "queue/greeting.h"
#include "queue/pick.h"

static void
test_order_and_cut(void **state)
{
    struct queue *q;
    struct parcel *p;
    uint64_t first, second;

    (void)state;
    world_begin("max_recipients_per_batch = 3\n");
    fake_pick = HOP_WAIT;
    first = world_accept("s@from.test", "a@x.test b@x.test c@x.test d@x.test");
    second = world_accept("s@from.test", "e@x.test");
    q = world_queue("x.test");
    assert_null(pick_next(q, 0, NULL));
    p = pick_next(q, 2, NULL);
    assert_int_equal(p->id, first);
    assert_int_equal(p->rcpt_count, 2);
    assert_int_equal(q->busy->ready_count, 3);
    queue_remove(p);
    queue_delay(p, clock_wall() + 1000000);
    p = pick_next(q, UINT64_MAX, NULL); /* its rest, before the second */
    assert_int_equal(p->id, first);
    assert_int_equal(p->rcpt_count, 2);
    assert_int_equal(parcel_rcpt(p)[0], 2);
    queue_remove(p);
    queue_delay(p, clock_wall() + 1000000);
    p = pick_next(q, UINT64_MAX, NULL);
    assert_int_equal(p->id, second);
    world_end();
}

static void
test_expired_at_the_head(void **state)
{
    (void)state;
    world_begin("max_outbound_connections = 1\nmessage_expiration = 60\n"
                "never_attempt_expired_messages = true\n");
    fake_pick = HOP_WAIT;
    (void)world_accept("s@from.test", "a@x.test");
    clock_advance(60001);
    assert_null(pick_next(world_queue("x.test"), 10, NULL));
    world_run();
    assert_non_null(strstr(
        fake_store.accepted.p, "Delivery not attempted (message expired)"));
    world_end();
}

/* A session is for one sender's domain; others get their turn. */
static void
test_greeting_turns(void **state)
{
    uint64_t other;
    unsigned first = 0, n;

    (void)state;
    world_begin("max_outbound_connections = 1\nmax_deliveries_per_connection"
                " = 0\n");
    fake_greets_as_sender = true;
    (void)world_accept("s@one.test", "a@x.test");
    assert_int_equal(fake_session_count, 1);
    other = world_accept("s@two.test", "b@x.test");
    for (int i = 0; i < 300; i++)
        (void)world_accept("t@ONE.test", "c@x.test");
    fake_ready(0, 1);
    while (fake_session_count == 1 && first < 300) {
        fake_delivered(0);
        first++;
    }
    assert_in_range(first, GREETING_TURNS, GREETING_TURNS + 6);
    assert_non_null(world_parcel(other));
    assert_string_equal(list_empty(&world_queue("x.test")->busy->outlets)
            ? ""
            : LIST_ENTRY(world_queue("x.test")->busy->outlets.next,
                  struct outlet, node)
                  ->greets,
        "two.test");
    fake_ready(1, 1);
    fake_delivered(1);
    assert_null(world_parcel(other));
    for (n = 2; world.s->stats.parcels && n < 20; n++) { /* the rest */
        if (fake_session_count <= n)
            break;
        fake_ready(n, 1);
        while (fake_sessions[n].alive && fake_sessions[n].count)
            fake_delivered(n);
    }
    assert_int_equal(world.s->stats.parcels, 0);
    world_end();
}

UNIT_MAIN(cmocka_unit_test(test_order_and_cut),
    cmocka_unit_test(test_expired_at_the_head),
    cmocka_unit_test(test_greeting_turns))
