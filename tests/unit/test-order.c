/* SPDX-License-Identifier: Apache-2.0
 *
 * Who is first in a queue: whoever is due first, and of those that are due
 * together who came first.
 */
#include "queue_world.h"

#include "loop/job.h"
#include "queue/scheduler.h"

enum { MANY = 310 };
static uint64_t ids[MANY];
static bool answered;

static void
replied(void *arg, struct str text, const struct err *e)
{
    (void)arg, (void)text;
    assert_int_equal(e->code, 0);
    answered = true;
}

static const struct scheduler_ask ask = {.reply = replied};

#define BASE \
    "retry_interval = 600\nmax_outbound_connections = 1\n" \
    "max_resident_active_queue = 50\n"
#define HELD BASE "suspend_delivery = true\n"

/* From a few senders, some in the same moment. */
static void
accept_many(void)
{
    static const char *const senders[] = {"a@a.test", "b@b.test", "c@c.test"};

    for (size_t i = 0; i < MANY; i++) {
        ids[i] = world_accept(senders[i % 3], "u@x.test");
        if (i % 100 == 99)
            world_advance(1);
    }
    world_run();
}

/* All of it is delivered, in the order in which it came. */
static void
comes_in_order(void)
{
    unsigned i;

    fake_pick = HOP_OK;
    queue_kick(world_queue("x.test"));
    world_advance(1000);
    if (!fake_session_alive())
        fail_msg("no session");
    i = fake_session_count - 1;
    fake_ready(i, 10);
    for (size_t n = 0; n < MANY; n++) {
        struct fake_session *f = &fake_sessions[i];

        if (!f->count)
            fail_msg("%zu have come", n);
        if (f->lent[0]->message->id != ids[n])
            fail_msg("number %zu is %s", n,
                f->lent[0]->message->id == ids[MANY - 1] ? "the last"
                                                         : "another");
        fake_delivered(i);
    }
    assert_int_equal(queue_parcels(world_queue("x.test")), 0);
}

static void
test_suspended(void **state)
{
    (void)state;
    world_begin(HELD);
    accept_many();
    world_advance(60000);
    world_configure(BASE);
    world_run();
    comes_in_order();
    world_end();
}

static void
test_delayed_by_hand(void **state)
{
    struct scheduler_filter f = {.domain = STR("x.test")};

    (void)state;
    world_begin(HELD);
    accept_many();
    answered = false;
    scheduler_select(world.s, &f,
        &(struct scheduler_order){.work = SCHEDULER_DELAY,
            .text = STR_NONE,
            .to = STR_NONE,
            .delay = 600000},
        &ask);
    for (int i = 0; i < 400 && !answered; i++)
        world_advance(10);
    assert_int_equal(queue_delayed(world_queue("x.test")), MANY);
    world_configure(BASE);
    world_run();
    assert_int_equal(fake_session_count, 0);
    world_advance(600000);
    comes_in_order();
    world_end();
}

/* All fail together, and again; then somebody flushes them. */
static void
test_flushed(void **state)
{
    (void)state;
    world_begin(BASE);
    fake_pick = HOP_DELAY;
    accept_many();
    assert_int_equal(queue_delayed(world_queue("x.test")), MANY);
    world_advance(610000);
    assert_int_equal(queue_delayed(world_queue("x.test")), MANY);
    answered = false;
    scheduler_flush(world.s, STR_NONE, STR("x.test"), &ask);
    fake_pick = HOP_WAIT;
    for (int i = 0; i < 100 && !answered; i++)
        world_run();
    assert_true(answered);
    comes_in_order();
    world_end();
}

/* Who is due earlier is first, whoever came first. */
static void
test_due_first(void **state)
{
    (void)state;
    world_begin(BASE);
    fake_pick = HOP_DELAY;
    ids[1] = world_accept("a@a.test", "u@x.test");
    world_advance(1000);
    ids[0] = world_accept("a@a.test", "u@x.test");
    world_run();
    queue_reschedule(world_parcel(ids[0]), clock_wall() + 1000);
    fake_pick = HOP_WAIT;
    world_advance(3600000);
    fake_pick = HOP_OK;
    queue_kick(world_queue("x.test"));
    world_run();
    fake_ready(0, 10);
    assert_int_equal(fake_sessions[0].lent[0]->message->id, ids[0]);
    assert_int_equal(fake_sessions[0].lent[1]->message->id, ids[1]);
    world_end();
}

UNIT_MAIN(cmocka_unit_test(test_suspended),
    cmocka_unit_test(test_delayed_by_hand), cmocka_unit_test(test_flushed),
    cmocka_unit_test(test_due_first))
