/* SPDX-License-Identifier: Apache-2.0 */
#include "queue_world.h"

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
    assert_null(pick_next(q, 0));
    p = pick_next(q, 2);
    assert_int_equal(p->id, first);
    assert_int_equal(p->rcpt_count, 2);
    assert_int_equal(q->ready_count, 3);
    queue_remove(p);
    queue_delay(p, clock_wall() + 1000000);
    p = pick_next(q, UINT64_MAX); /* its rest, before the second */
    assert_int_equal(p->id, first);
    assert_int_equal(p->rcpt_count, 2);
    assert_int_equal(parcel_rcpt(p)[0], 2);
    queue_remove(p);
    queue_delay(p, clock_wall() + 1000000);
    p = pick_next(q, UINT64_MAX);
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
    assert_null(pick_next(world_queue("x.test"), 10));
    world_run();
    assert_non_null(strstr(
        fake_store.accepted.p, "Delivery not attempted (message expired)"));
    world_end();
}

UNIT_MAIN(cmocka_unit_test(test_order_and_cut),
    cmocka_unit_test(test_expired_at_the_head))
