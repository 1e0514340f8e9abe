/* SPDX-License-Identifier: Apache-2.0
 *
 * Mail whose binding has gone.
 */
#include "select_kit.h"

#include "queue/move.h"
#include "queue/scheduler.h"

#define BASE "retry_interval = 1200\nmax_outbound_connections = 1\n"
#define TWO BASE "binding \"b1\" { }\nbinding \"b2\" { }\n"
#define GROUP \
    BASE "binding_group \"g\" {\n binding \"g1\" { }\n binding \"g2\" { " \
         "}\n}\n"

static void
test_binding_goes(void **state)
{
    uint64_t ready, delayed, lent, bound, routed;

    (void)state;
    world_begin(TWO);
    lent = world_accept_for("b2", "s@a.test", "u@x.test");
    fake_ready(0, 1);
    fake_sessions[0].deaf = true;
    ready = world_accept_for("b2", "s@a.test", "u@y.test");
    fake_pick = HOP_DELAY;
    delayed = world_accept_for("b2", "s@a.test", "u@z.test");
    bound = world_accept("s@a.test", "u@w.test");
    assert_string_equal(rebind("default", "b2"), "Rebound 1 messages.\n");
    routed = world_accept_for("b2", "s@a.test", "u@v.test");
    (void)reroute("v.test", "u.test");
    fake_pick = HOP_OK;
    world_configure(BASE "binding \"b1\" { }\n");
    world_advance(10);
    assert_string_equal(world_parcel(ready)->queue->binding->name, "default");
    assert_string_equal(world_parcel(delayed)->queue->binding->name, "default");
    assert_int_equal(world_state(delayed), PARCEL_DELAYED);
    assert_string_equal(world_parcel(bound)->queue->binding->name, "default");
    assert_int_equal(world_parcel(bound)->moved, 0);
    assert_string_equal(world_parcel(routed)->queue->binding->name, "default");
    assert_string_equal(world_parcel(routed)->queue->zone->name, "u.test");
    /* What was begun ends as it ends. */
    assert_string_equal(world_parcel(lent)->queue->binding->name, "b2");
    fake_done(
        0, IMPEL_RETRY, IMPEL_BLAME_RCPT, IMPEL_AT_RCPT, 451, "4.2.0", "later");
    world_advance(10);
    assert_string_equal(world_parcel(lent)->queue->binding->name, "default");
    assert_int_equal(world_parcel(lent)->retries, 1);
    assert_int_equal(select_held("b2", "x.test"), 0);
    world_end();
}

/* More than may be under way at once, in many queues, and all of it has to be
 * written. */
static void
test_a_full_binding_goes(void **state)
{
    char to[32];

    (void)state;
    assert_true(MOVE_UNDER_WAY < 1500);
    world_begin(TWO);
    fake_pick = HOP_WAIT;
    for (int i = 0; i < 1500; i++) {
        snprintf(to, sizeof(to), "u@d%d.test", i % 30);
        (void)world_accept("s@a.test", to);
    }
    assert_string_equal(rebind("all", "b2"), "Rebound 1500 messages.\n");
    world_configure(BASE);
    for (int i = 0; i < 30; i++)
        world_advance(10);
    for (int i = 0; i < 30; i++) {
        snprintf(to, sizeof(to), "d%d.test", i);
        assert_int_equal(select_held("default", to), 50);
        assert_int_equal(select_held("b2", to), 0);
    }
    assert_int_equal(fake_store.attempts, 3000);
    assert_string_equal(fake_store.last.moved, "");
    world_end();
}

/* A member of a group goes: the others have its share. */
static void
test_member_goes(void **state)
{
    uint64_t had, first = 0;

    (void)state;
    world_begin(GROUP);
    fake_pick = HOP_DELAY;
    for (int i = 0; i < 20; i++) {
        uint64_t id = world_accept_for("g", "s@a.test", "u@x.test");

        first = first ? first : id;
    }
    had = select_held("g1", "x.test");
    assert_true(had > 0 && had < 20);
    assert_int_equal(had + select_held("g2", "x.test"), 20);
    world_configure(BASE "binding_group \"g\" { binding \"g2\" { } }\n");
    world_advance(10);
    assert_int_equal(select_held("g2", "x.test"), 20);
    assert_int_equal(world_parcel(first)->moved, 0);
    world_end();
}

/* It comes back before all has left. */
static void
test_binding_comes_back(void **state)
{
    uint64_t id;

    (void)state;
    world_begin(TWO);
    fake_pick = HOP_DELAY;
    id = world_accept_for("b2", "s@a.test", "u@x.test");
    fake_store.hold_loads = true;
    world_configure(BASE);
    assert_int_equal(world_state(id), PARCEL_LOADING);
    assert_int_equal(world_parcel(id)->queue->reason, WAIT_STRAY);
    world_configure(TWO);
    fake_store_answer();
    assert_string_equal(world_parcel(id)->queue->binding->name, "b2");
    fake_store.hold_loads = false;
    world_end();
}

/* Nor does what cannot be read stay behind. */
static void
test_unreadable(void **state)
{
    uint64_t id;

    (void)state;
    world_begin(TWO);
    fake_pick = HOP_DELAY;
    id = world_accept_for("b2", "s@a.test", "u@x.test");
    fake_store_forget(id);
    assert_string_equal(rebind("all", "b1"),
        "Rebound 0 messages.\n1 could not be read and were left alone.\n");
    assert_int_equal(select_held("b2", "x.test"), 1);
    world_configure(BASE);
    assert_int_equal(select_held("b2", "x.test"), 0);
    assert_int_equal(select_held("default", "x.test"), 1);
    world_end();
}

UNIT_MAIN(cmocka_unit_test(test_binding_goes),
    cmocka_unit_test(test_a_full_binding_goes),
    cmocka_unit_test(test_member_goes),
    cmocka_unit_test(test_binding_comes_back),
    cmocka_unit_test(test_unreadable))
