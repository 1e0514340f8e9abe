/* SPDX-License-Identifier: Apache-2.0
 *
 * What recovery found, and what was written for it, on its way back into the
 * queues; with the layers below played by the test.
 */
#include "queue_world.h"

#include "queue/outcome.h"

#define BASE "retry_interval = 1200\n"

static void
test_recovery(void **state)
{
    const struct spool_events *ev;
    uint32_t first[] = {0}, second[] = {2, 3}, third[] = {1};
    int64_t now;
    struct found_parcel parcels[3] = {
        {.domain = STR("x.test"), .rcpt = first, .rcpt_count = 1},
        {.domain = STR("x.test"), .rcpt = second, .rcpt_count = 2},
        {.domain = STR("x.test"),
            .rcpt = third,
            .rcpt_count = 1,
            .attempt = {3, 7},
            .retries = 2}};
    struct found f = {.id = 0x4242,
        .accept = {1, 64},
        .binding = STR("default"),
        .rcpt_total = 4,
        .parcel_count = 3,
        .parcel = parcels};
    struct message *m;

    (void)state;
    world_begin(BASE);
    ev = scheduler_spool_events(world.s);
    now = clock_wall();
    f.received = now - 1000;
    parcels[2].next_attempt = now + 60000;
    m = world_message(
        "default", "s@from.test", "a@x.test b@x.test c@x.test d@x.test");
    m->id = f.id;
    fake_store_keep(m);
    message_unref(&m);
    ev->found(ev->arg, &f);
    ev->recovered(ev->arg, 1, 0);
    world_run();
    assert_int_equal(world.s->stats.parcels, 2);
    assert_int_equal(fake_store.loads, 1);
    assert_int_equal(fake_session_count, 1);
    fake_ready(0, 1);
    assert_int_equal(fake_sessions[0].count, 1);
    assert_int_equal(fake_sessions[0].lent[0]->rcpt_count, 3);
    assert_int_equal(fake_sessions[0].lent[0]->rcpt[1], 2);
    fake_delivered(0);
    assert_int_equal(fake_store.last_count, 3);
    world_advance(60001);
    fake_ready(1, 1);
    assert_int_equal(fake_sessions[1].lent[0]->attempt, 2);
    fake_delivered(1);
    assert_int_equal(fake_store.finished_all, 1);
    world_end();
}

/* RFC 8689: mail that asks for other TLS than the rest has a queue of its own,
 * now and after a restart; its reports go as it had to go. */
static void
test_queues_by_tls(void **state)
{
    static const enum message_tls found[] = {
        MESSAGE_TLS_ANY, MESSAGE_TLS_USUAL, MESSAGE_TLS_REQUIRED};
    const struct spool_events *ev;
    uint32_t rcpt[] = {0};
    struct found_parcel parcel = {
        .domain = STR("x.test"), .rcpt = rcpt, .rcpt_count = 1};
    struct queue *q[3];

    (void)state;
    world_begin(BASE);
    ev = scheduler_spool_events(world.s);
    for (size_t i = 0; i < 3; i++) {
        struct found f = {.id = 0x4242 + i,
            .accept = {1, 64},
            .received = clock_wall(),
            .binding = STR("default"),
            .tls = found[i],
            .rcpt_total = 1,
            .parcel_count = 1,
            .parcel = &parcel};

        f.received = clock_wall();
        ev->found(ev->arg, &f);
    }
    for (size_t i = 0; i < 3; i++) {
        q[i] = queue_get(
            world.s, STR("default"), STR("x.test"), (enum message_tls)i);
        assert_int_equal(q[i]->tls, i);
        assert_int_equal(queue_parcels(q[i]), 1);
        assert_ptr_equal(q[i]->zone, q[0]->zone);
    }
    world_end();
}

/* Mail for several domains behind one gateway: the state of each is written,
 * whether it is in memory or not. */
static void
test_gateway_attempts(void **state)
{
    uint64_t id, cold;

    (void)state;
    world_begin(BASE "max_resident_active_queue = 20\n");
    fake_gateway = "relay.test";
    id = world_accept("s@from.test", "a@y.test b@x.test c@y.test");
    assert_int_equal(world.s->stats.parcels, 1);
    fake_ready(0, 1);
    fake_done(
        0, IMPEL_RETRY, IMPEL_BLAME_RCPT, IMPEL_AT_RCPT, 451, "4.2.0", "later");
    assert_string_equal(fake_store.attempted.p, "x.test:1 y.test:2 ");
    assert_int_equal(world_parcel(id)->writing, 0);
    assert_int_equal(world_parcel(id)->attempt.offset, 2);
    world_advance(1200001);
    fake_ready(fake_session_count - 1, 1);
    fake_done(fake_session_count - 1, IMPEL_RETRY, IMPEL_BLAME_RCPT,
        IMPEL_AT_RCPT, 451, "4.2.0", "later");
    assert_int_equal(fake_store.last.before, 2);
    assert_int_equal(world_parcel(id)->attempt.offset, 4);
    /* more than is kept in memory, and all of it is swept */
    fake_pick = HOP_WAIT;
    for (int i = 0; i < 24; i++)
        cold = world_accept("s@from.test", "a@y.test b@x.test");
    assert_true(world_parcel(cold)->flags & PARCEL_DUE);
    buf_cut(&fake_store.attempted, 0);
    fake_store.loads = 0;
    fake_store.hold_loads = true;
    fake_pick = HOP_DELAY;
    fake_route_changed("relay.test");
    assert_int_equal(world_state(cold), PARCEL_DELAYED);
    assert_int_equal(world_parcel(cold)->writing, 1);
    assert_int_equal(fake_store.loads, 4);
    fake_store_answer();
    assert_int_equal(world_parcel(cold)->writing, 0);
    /* five are with the session */
    assert_int_equal(fake_store.attempted.n, 19 * strlen("x.test:1 y.test:1 "));
    assert_int_equal(fake_store.last.retries, 1);
    assert_string_equal(fake_store.last.text, "[internal] no MX or A");
    world_end();
}

/* It is failed by hand before its envelope is read: nothing is written. */
static void
test_gateway_gone_meanwhile(void **state)
{
    uint64_t cold = 0;

    (void)state;
    world_begin(BASE "max_resident_active_queue = 20\n");
    fake_gateway = "relay.test";
    fake_pick = HOP_WAIT;
    for (int i = 0; i < 21; i++)
        cold = world_accept("", "a@y.test b@x.test");
    fake_store.hold_loads = true;
    fake_pick = HOP_DELAY;
    fake_route_changed("relay.test");
    buf_cut(&fake_store.attempted, 0);
    outcome_fail(world_parcel(cold), 554, "5.7.0", "go", true);
    fake_store_answer();
    fake_store_answer();
    assert_null(world_parcel(cold));
    assert_int_equal(fake_store.attempted.n, 0);
    assert_int_equal(world.s->parcels.slab.used, 20);
    world_end();
}

/* What shared a gateway goes its own ways when that is gone after a restart;
 * and meets again while it is there. */
static void
test_recovery_by_domain(void **state)
{
    const struct spool_events *ev;
    uint32_t a[] = {0, 2}, b[] = {1}, c[] = {3};
    struct found_parcel parcels[3] = {
        {STR("x.test"), a, 2, {3, 7}, 0, 2, STR("")},
        {STR("y.test"), b, 1, {3, 8}, 0, 2, STR("")},
        {STR("z.test"), c, 1, {0, 0}, 0, 0, STR("")}};
    struct found f = {.id = 0x4242,
        .accept = {1, 64},
        .binding = STR("default"),
        .rcpt_total = 4,
        .parcel_count = 3,
        .parcel = parcels};

    (void)state;
    world_begin(BASE "suspend_delivery = true\n");
    ev = scheduler_spool_events(world.s);
    f.received = clock_wall() - 1000;
    parcels[0].next_attempt = parcels[1].next_attempt = clock_wall() + 60000;
    ev->found(ev->arg, &f);
    world_run();
    assert_int_equal(world.s->stats.parcels, 3);
    assert_int_equal(queue_delayed(world_queue("x.test")), 1);
    assert_int_equal(queue_delayed(world_queue("y.test")), 1);
    assert_int_equal(queue_active(world_queue("z.test")), 1);
    world_end();
    world_begin(BASE "suspend_delivery = true\n");
    fake_gateway = "relay.test";
    ev = scheduler_spool_events(world.s);
    ev->found(ev->arg, &f);
    world_run();
    assert_int_equal(world.s->stats.parcels, 2);
    assert_int_equal(queue_delayed(world_queue("relay.test")), 1);
    assert_int_equal(queue_active(world_queue("relay.test")), 1);
    world_end();
}

static void
test_damaged(void **state)
{
    uint64_t id;

    (void)state;
    world_begin(BASE);
    id = world_accept("s@from.test", "a@x.test");
    fake_ready(0, 1);
    fake_done(
        0, IMPEL_RETRY, IMPEL_BLAME_RCPT, IMPEL_AT_RCPT, 452, "4.2.2", "full");
    fake_store.load_result = ERR_DAMAGED;
    world_advance(1200001);
    assert_null(world_parcel(id));
    assert_non_null(strstr(fake_store.accepted.p, "message body missing"));
    assert_null(strstr(fake_store.accepted.p, "Subject: test"));
    world_end();
}

/* What recovery says while the daemon stops: the spool may be closed by then.
 */
static void
test_recovered_while_stopping(void **state)
{
    const struct spool_events *ev;

    (void)state;
    world_begin("");
    ev = scheduler_spool_events(world.s);
    fake_route_recovered = 0;
    ev->recovered(ev->arg, 0, 0);
    assert_int_equal(fake_route_recovered, 1);
    scheduler_drain(world.s, 0, NULL, NULL);
    world_run();
    ev->recovered(ev->arg, 0, 0);
    assert_int_equal(fake_route_recovered, 1);
    world_end();
}

UNIT_MAIN(cmocka_unit_test(test_recovery),
    cmocka_unit_test(test_recovered_while_stopping),
    cmocka_unit_test(test_queues_by_tls),
    cmocka_unit_test(test_gateway_attempts),
    cmocka_unit_test(test_gateway_gone_meanwhile),
    cmocka_unit_test(test_recovery_by_domain), cmocka_unit_test(test_damaged))
