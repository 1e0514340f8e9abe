/* SPDX-License-Identifier: Apache-2.0
 *
 * The way of a parcel through the scheduler, with the layers below played by
 * the test.
 */
#include "queue_world.h"

#include "queue/outcome.h"
#include "queue/pause.h"

#define BASE "retry_interval = 1200\n"

static void
test_delivered(void **state)
{
    uint64_t id;

    (void)state;
    world_begin(BASE);
    id = world_accept("s@from.test", "a@x.test");
    assert_int_equal(fake_session_count, 1);
    assert_string_equal(fake_sessions[0].to, "192.0.2.1:25");
    assert_string_equal(fake_sessions[0].method, "ESMTP");
    assert_int_equal(world_state(id), PARCEL_READY);
    fake_ready(0, 1);
    assert_int_equal(fake_sessions[0].count, 1);
    assert_int_equal(world_state(id), PARCEL_LENT);
    fake_delivered(0);
    assert_null(world_parcel(id));
    assert_int_equal(fake_store.finished_all, 1);
    assert_int_equal(fake_store.last_finished, id);
    assert_int_equal(world.s->stats.delivered, 1);
    assert_int_equal(world.s->stats.messages, 0);
    world_end();
}

static void
test_retry_then_delivered(void **state)
{
    uint64_t id;

    (void)state;
    world_begin(BASE);
    id = world_accept("s@from.test", "a@x.test");
    fake_ready(0, 1);
    fake_done(
        0, IMPEL_RETRY, IMPEL_BLAME_RCPT, IMPEL_AT_RCPT, 452, "4.2.2", "full");
    assert_int_equal(world_state(id), PARCEL_DELAYED);
    assert_int_equal(fake_store.attempts, 1);
    assert_int_equal(fake_store.last.retries, 1);
    assert_int_equal(
        fake_store.last.next, (int64_t)WORLD_WALL * 1000 + 1200000);
    assert_string_equal(fake_store.last.domain, "x.test");
    assert_string_equal(fake_store.last.text, "full");
    world_advance(1199000);
    assert_int_equal(world_state(id), PARCEL_DELAYED);
    world_advance(1001);
    assert_int_equal(fake_store.loads, 1);
    assert_int_equal(world_state(id), PARCEL_READY);
    assert_int_equal(fake_session_count, 2); /* the first idled away */
    fake_ready(1, 1);
    assert_int_equal(fake_sessions[1].lent[0]->attempt, 1);
    fake_delivered(1);
    assert_null(world_parcel(id));
    world_end();
}

static void
test_permanent_failure_bounces(void **state)
{
    uint64_t id;

    (void)state;
    world_begin(BASE);
    id = world_accept("s@from.test", "a@x.test");
    fake_ready(0, 1);
    fake_done(0, IMPEL_FAILED, IMPEL_BLAME_RCPT, IMPEL_AT_RCPT, 550, "5.1.1",
        "no such user");
    assert_null(world_parcel(id));
    assert_int_equal(fake_store.accepts, 1);
    assert_non_null(strstr(fake_store.accepted.p, "Status: 5.1.1"));
    assert_non_null(
        strstr(fake_store.accepted.p, "Final-Recipient: rfc822;a@x.test"));
    assert_non_null(strstr(fake_store.accepted.p, "Subject: test"));
    assert_int_equal(fake_store.last_accepted->env.sender.n, 0);
    assert_str(fake_store.last_accepted->env.rcpt[0].domain, "from.test");
    assert_int_equal(world.s->stats.bounced, 1);
    assert_int_equal(world.s->stats.messages, 1); /* the bounce itself */
    world_end();
}

static void
test_bounce_waits_for_disk(void **state)
{
    uint64_t id;

    (void)state;
    world_begin(BASE);
    id = world_accept("s@from.test", "a@x.test");
    fake_ready(0, 1);
    fake_store.accept_result = ERR_FULL;
    fake_done(0, IMPEL_FAILED, IMPEL_BLAME_RCPT, IMPEL_AT_RCPT, 550, "5.1.1",
        "no such user");
    assert_int_equal(world_state(id), PARCEL_FAILING);
    assert_int_equal(fake_store.finished, 0);
    fake_store.accept_result = 0;
    world_advance(6000);
    assert_null(world_parcel(id));
    assert_int_equal(fake_store.finished, 1);
    world_end();
}

static void
test_no_bounce_for_null_sender(void **state)
{
    (void)state;
    world_begin(BASE);
    (void)world_accept("", "a@x.test");
    fake_ready(0, 1);
    fake_done(0, IMPEL_FAILED, IMPEL_BLAME_RCPT, IMPEL_AT_RCPT, 550, "5.1.1",
        "no such user");
    assert_int_equal(fake_store.accepts, 0);
    assert_int_equal(fake_store.finished_all, 1);
    world_end();
}

static void
test_recipients_part_ways(void **state)
{
    struct result r[4] = {{.retry_after = -1}, {.retry_after = -1},
        {.retry_after = -1}, {.retry_after = -1}};
    uint64_t id;

    (void)state;
    world_begin(BASE);
    id = world_accept("s@from.test", "a@x.test b@x.test c@x.test d@x.test");
    assert_int_equal(world.s->stats.parcels, 1);
    fake_ready(0, 1);
    result_set(&r[0], IMPEL_DELIVERED, 1, IMPEL_AT_FINAL, 250, "2.0.0", "ok");
    result_set(&r[1], IMPEL_RETRY, 1, IMPEL_AT_RCPT, 451, "4.2.0", "later");
    result_set(&r[2], IMPEL_FAILED, 1, IMPEL_AT_RCPT, 550, "5.1.1", "never");
    result_set(&r[3], IMPEL_UNTRIED, 1, IMPEL_AT_RCPT, 0, NULL, NULL);
    fake_done_each(0, r);
    /* d is lent again, b is delayed, a and c are finished one by one */
    assert_int_equal(fake_store.finished, 2);
    assert_int_equal(fake_store.finished_all, 0);
    assert_int_equal(fake_store.attempts, 1);
    assert_int_equal(fake_store.last.rcpt_count, 1);
    assert_int_equal(fake_sessions[0].count, 1);
    assert_int_equal(fake_sessions[0].lent[0]->rcpt[0], 3);
    fake_delivered(0);
    assert_int_equal(fake_store.finished_all, 0);
    assert_int_equal(parcel_rcpt(world_parcel(id))[0], 1);
    world_advance(1200001);
    fake_ready(fake_session_count - 1, 1);
    while (fake_sessions[fake_session_count - 1].count)
        fake_delivered(fake_session_count - 1);
    assert_null(world_parcel(id));
    for (int i = 0; i < 4; i++)
        result_fini(&r[i]);
    world_end();
}

static void
test_lending_ahead_and_recall(void **state)
{
    (void)state;
    world_begin(BASE "max_outbound_connections = 1\n");
    for (int i = 0; i < 10; i++)
        (void)world_accept("s@from.test", "a@x.test");
    assert_int_equal(fake_session_count, 1);
    fake_ready(0, 1);
    assert_int_equal(fake_sessions[0].count, 5); /* 1 open, 4 ahead */
    assert_int_equal(world_queue("x.test")->busy->ready_count, 5);
    fake_delivered(0);
    assert_int_equal(fake_sessions[0].count, 5);
    /* The session breaks: what was begun is delayed, the rest goes on. */
    fake_done(0, IMPEL_RETRY, IMPEL_BLAME_SESSION, IMPEL_AT_BODY, 451, "4.4.2",
        "lost");
    assert_int_equal(world_queue("x.test")->busy->ready_count, 8);
    assert_int_equal(queue_delayed(world_queue("x.test")), 1);
    assert_int_equal(fake_session_alive(), 1); /* a new one */
    assert_int_equal(fake_session_count, 2);
    world_end();
}

static void
test_failover(void **state)
{
    uint64_t id;

    (void)state;
    world_begin(BASE);
    fake_hosts[1].addr = "192.0.2.2";
    id = world_accept("s@from.test", "a@x.test");
    assert_string_equal(fake_sessions[0].to, "192.0.2.1:25");
    fake_closed(0, IMPEL_RETRY, IMPEL_BLAME_HOST, false);
    assert_int_equal(fake_session_count, 2);
    assert_string_equal(fake_sessions[1].to, "192.0.2.2:25");
    assert_int_equal(world_state(id), PARCEL_READY);
    assert_int_equal(fake_store.attempts, 0);
    fake_closed(1, IMPEL_RETRY, IMPEL_BLAME_HOST, false);
    /* none left: that was the attempt */
    assert_int_equal(world_state(id), PARCEL_DELAYED);
    assert_int_equal(fake_store.attempts, 1);
    assert_string_equal(fake_store.last.text, "[internal] Connection refused");
    assert_int_equal(world_queue("x.test")->reason, WAIT_RETRY_TIME);
    world_end();
}

static void
test_host_failure_in_session(void **state)
{
    uint64_t id;

    (void)state;
    world_begin(BASE);
    fake_hosts[1].addr = "192.0.2.2";
    id = world_accept("s@from.test", "a@x.test");
    fake_ready(0, 1);
    fake_done(0, IMPEL_RETRY, IMPEL_BLAME_HOST, IMPEL_AT_SENDER, 421, "4.3.2",
        "shutting down");
    assert_int_equal(fake_hosts[0].failures, 1);
    assert_int_equal(world_state(id), PARCEL_READY);
    assert_int_equal(world_parcel(id)->retries, 1);
    assert_string_equal(fake_sessions[1].to, "192.0.2.2:25");
    world_end();
}

static void
test_idle_reuse_and_probe(void **state)
{
    (void)state;
    world_begin(BASE "idle_timeout = 5\n");
    (void)world_accept("s@from.test", "a@x.test");
    fake_ready(0, 1);
    fake_delivered(0);
    (void)world_accept("s@from.test", "b@x.test");
    assert_int_equal(fake_session_count, 1);
    assert_int_equal(fake_sessions[0].count, 1); /* at once */
    fake_delivered(0);
    world_advance(2000);
    (void)world_accept("s@from.test", "c@x.test");
    assert_true(fake_sessions[0].probed);
    assert_int_equal(fake_sessions[0].count, 0);
    fake_ready(0, 1);
    assert_int_equal(fake_sessions[0].count, 1);
    fake_delivered(0);
    world_advance(5001);
    assert_int_equal(fake_session_alive(), 0);
    world_end();
}

static void
test_sibling(void **state)
{
    (void)state;
    world_begin(BASE);
    (void)world_accept("s@from.test", "a@x.test");
    fake_ready(0, 1);
    fake_delivered(0);
    (void)world_accept("s@from.test", "a@y.test");
    assert_int_equal(fake_session_count, 1); /* it moved over */
    assert_int_equal(fake_sessions[0].count, 1);
    assert_int_equal(world_queue("y.test")->busy->outlet_count, 1);
    assert_int_equal(world_queue("x.test")->busy->outlet_count, 0);
    fake_delivered(0);
    assert_int_equal(fake_hosts[0].open, 1);
    world_end();
}

/* Two that want one idle session: one gets and uses it. */
static void
test_siblings_do_not_quarrel(void **state)
{
    (void)state;
    world_begin(BASE);
    (void)world_accept("s@from.test", "a@x.test");
    fake_ready(0, 1);
    fake_delivered(0);
    (void)world_accept("s@from.test", "a@y.test a@z.test");
    assert_int_equal(fake_sessions[0].count, 1);
    assert_int_equal(fake_session_count, 2);
    assert_int_equal(world_queue("y.test")->busy->outlet_count, 1);
    assert_int_equal(world_queue("z.test")->busy->outlet_count, 1);
    world_end();
}

static void
test_limits(void **state)
{
    (void)state;
    world_begin(BASE "max_outbound_connections = 4\n"
                     "max_deliveries_per_connection = 2\n");
    for (int i = 0; i < 60; i++)
        (void)world_accept("s@from.test", "a@x.test");
    assert_int_equal(fake_session_alive(), 4);
    assert_int_equal(world_queue("x.test")->reason, WAIT_CONNECTION_LIMIT);
    fake_ready(0, 1);
    assert_int_equal(fake_sessions[0].count, 2); /* never more than it may */
    fake_delivered(0);
    fake_delivered(0);
    assert_false(fake_sessions[0].alive);
    assert_int_equal(fake_session_alive(), 4);
    world_end();
}

static void
test_server_limit(void **state)
{
    (void)state;
    world_begin(BASE "server_max_outbound_connections = 2\n");
    for (int i = 0; i < 4; i++) {
        char rcpt[32];

        (void)snprintf(rcpt, sizeof(rcpt), "a@d%d.test", i);
        (void)world_accept("s@from.test", rcpt);
    }
    assert_int_equal(fake_session_alive(), 2);
    assert_int_equal(world_queue("d3.test")->reason, WAIT_SERVER_LIMIT);
    fake_closed(0, IMPEL_DELIVERED, IMPEL_BLAME_SESSION, true);
    assert_int_equal(fake_session_alive(), 2);
    assert_int_equal(fake_session_count, 3);
    world_end();
}

static void
test_throttle(void **state)
{
    struct queue *q;

    (void)state;
    world_begin(BASE "outbound_throttle_messages = \"2/60\"\n");
    for (int i = 0; i < 5; i++)
        (void)world_accept("s@from.test", "a@x.test");
    q = world_queue("x.test");
    fake_ready(0, 1);
    assert_int_equal(fake_sessions[0].count, 1); /* a window of one */
    fake_delivered(0);
    fake_delivered(0);
    assert_int_equal(fake_sessions[0].count, 0);
    assert_int_equal(q->reason, WAIT_MESSAGE_THROTTLE);
    assert_int_equal(queue_delayed(q), 0); /* no retry was charged */
    world_advance(30000);
    assert_int_equal(world.s->stats.delivered, 2);
    world_advance(31000);
    assert_int_equal(q->reason, WAIT_CONNECTING);
    world_end();
}

/* It counts as active, and nothing of it is in memory. */
static void
waits_on_disk(const char *domain, uint64_t id)
{
    const struct queue *q = world_queue(domain);

    assert_int_equal(world_state(id), PARCEL_DELAYED);
    assert_int_equal(queue_active(q), 1);
    assert_int_equal(queue_delayed(q), 0);
    assert_int_equal(world.s->resident_messages, 0);
}

static void
test_suspended_and_expiry(void **state)
{
    uint64_t id;

    (void)state;
    world_begin(BASE "suspend_delivery = true\nmessage_expiration = 3600\n");
    id = world_accept("s@from.test", "a@x.test");
    assert_int_equal(fake_session_count, 0);
    assert_int_equal(world_queue("x.test")->reason, WAIT_SUSPENDED);
    world_advance(3000000);
    waits_on_disk("x.test", id);
    world_advance(700000);
    assert_null(world_parcel(id));
    assert_non_null(strstr(fake_store.accepted.p, "5.4.7"));
    assert_int_equal(world.s->stats.expired, 1);
    world_configure(BASE);
    assert_int_equal(fake_session_count, 1); /* the bounce */
    world_end();
}

/* What is lent and not begun comes back, the session ends; the one that is
 * idle, and the one that is being opened, too. */
static void
test_suspending_recalls(void **state)
{
    (void)state;
    world_begin(BASE "max_outbound_connections = 1\nidle_timeout = 600\n");
    (void)world_accept("s@from.test", "a@x.test");
    fake_ready(0, 1);
    (void)world_accept("s@from.test", "b@x.test");
    assert_int_equal(fake_sessions[0].count, 2);
    (void)world_accept("s@from.test", "a@idle.test");
    (void)world_accept("s@from.test", "a@slow.test");
    fake_ready(1, 1);
    fake_delivered(1);
    assert_int_equal(fake_session_alive(), 3);
    world_configure(BASE "suspend_delivery = true\nidle_timeout = 600\n");
    assert_int_equal(queue_active(world_queue("x.test")), 2);
    assert_int_equal(world_queue("x.test")->busy->lent, 0);
    assert_int_equal(world_queue("x.test")->reason, WAIT_SUSPENDED);
    assert_false(fake_sessions[0].alive || fake_sessions[1].alive);
    assert_true(fake_sessions[2].alive);
    fake_ready(2, 1);
    assert_int_equal(fake_session_alive(), 0);
    assert_int_equal(fake_store.attempts, 0);
    world_configure(BASE);
    assert_int_equal(fake_session_alive(), 2);
    assert_null(world_queue("slow.test")->said);
    world_end();
}

/* What was begun ends, and its session with it: nothing more goes there. */
static void
test_suspending_ends_what_was_begun(void **state)
{
    (void)state;
    world_begin(BASE "max_outbound_connections = 1\n");
    (void)world_accept("s@from.test", "a@x.test");
    (void)world_accept("s@from.test", "b@x.test");
    fake_ready(0, 1);
    fake_sessions[0].deaf = true; /* the first is begun */
    world_configure(BASE "suspend_delivery = true\n");
    assert_int_equal(fake_sessions[0].recalls, 2);
    assert_false(fake_sessions[0].closing);
    world_configure(BASE);
    (void)world_accept("s@from.test", "c@x.test");
    assert_int_equal(fake_sessions[0].count, 2);
    fake_delivered(0);
    fake_unbegun(0);
    assert_false(fake_sessions[0].alive);
    assert_int_equal(fake_session_alive(), 1);
    assert_int_equal(world_queue("x.test")->busy->ready_count, 2);
    world_end();
}

/* What waits is not lent, what is lent is called back; once results can be
 * stored it goes on, though mail is refused. */
static void
test_paused_by_an_alarm(void **state)
{
    const struct spool_events *ev;
    uint64_t lent, waits;

    (void)state;
    world_begin(BASE "message_expiration = 3600\n");
    ev = scheduler_spool_events(world.s);
    lent = world_accept("s@from.test", "a@x.test");
    fake_ready(0, 1);
    assert_int_equal(world_state(lent), PARCEL_LENT);
    ev->alarm(ev->arg, "the disk is full", true);
    world_run();
    assert_int_equal(world_state(lent), PARCEL_READY);
    assert_int_equal(world_parcel(lent)->free_returns, 0); /* not its fault */
    assert_int_equal(fake_sessions[0].count, 0);
    waits = world_accept("s@from.test", "b@x.test");
    assert_int_equal(world_queue("x.test")->reason, WAIT_STORING);
    assert_int_equal(world_state(waits), PARCEL_READY);
    world_advance(4000000); /* nothing is given up: a report is mail, too */
    assert_non_null(world_parcel(waits));
    assert_int_equal(fake_store.accepts, 0);
    ev->alarm(ev->arg, "refused, but results are stored", false);
    world_run();
    assert_int_not_equal(world_queue("x.test")->reason, WAIT_STORING);
    world_end();
}

static void
test_paused_behind_the_disk(void **state)
{
    uint64_t id;

    (void)state;
    world_begin(BASE);
    fake_store.unwritten = PAUSE_UNWRITTEN;
    id = world_accept("s@from.test", "a@x.test");
    assert_int_equal(world_queue("x.test")->reason, WAIT_STORING);
    assert_int_equal(fake_session_count, 0);
    fake_store.unwritten = PAUSE_UNWRITTEN / 2 + 1;
    world_advance(PAUSE_LOOK_MS);
    assert_int_equal(world_queue("x.test")->reason, WAIT_STORING);
    fake_store.unwritten = PAUSE_UNWRITTEN / 2;
    world_advance(PAUSE_LOOK_MS);
    assert_int_equal(fake_session_count, 1);
    fake_ready(0, 1);
    assert_int_equal(world_state(id), PARCEL_LENT);
    fake_delivered(0);
    world_end();
}

static void
test_missing_module(void **state)
{
    uint64_t id;

    (void)state;
    world_begin(BASE);
    fake_module_state = MODULE_KNOWN;
    id = world_accept("s@from.test", "a@x.test");
    assert_int_equal(world_queue("x.test")->reason, WAIT_MODULE);
    assert_int_equal(fake_session_count, 0);
    fake_module_state = MODULE_LOADED;
    world_advance(31000);
    assert_int_equal(fake_session_count, 1);
    waits_on_disk("x.test", id);
    fake_ready(0, 1);
    fake_delivered(0);
    assert_int_equal(world.s->stats.delivered, 1);
    world_end();
}

static void
test_dns(void **state)
{
    uint64_t id;

    (void)state;
    world_begin(BASE);
    fake_pick = HOP_WAIT;
    id = world_accept("s@from.test", "a@x.test");
    assert_int_equal(world_queue("x.test")->reason, WAIT_DNS);
    fake_pick = HOP_DELAY;
    fake_route_changed("x.test");
    assert_int_equal(world_state(id), PARCEL_DELAYED);
    assert_int_equal(fake_store.last.retries, 1);
    fake_pick = HOP_FAIL;
    world_advance(1200001);
    assert_null(world_parcel(id));
    assert_non_null(strstr(fake_store.accepted.p, "550 5.4.4"));
    world_end();
}

static void
drained(void *arg)
{
    *(bool *)arg = true;
}

static void
test_drain(void **state)
{
    bool done = false;

    (void)state;
    world_begin(BASE "max_outbound_connections = 1\n");
    for (int i = 0; i < 3; i++)
        (void)world_accept("s@from.test", "a@x.test");
    fake_ready(0, 1);
    scheduler_drain(world.s, 10000, drained, &done);
    world_run();
    assert_true(done);
    assert_int_equal(fake_session_alive(), 0);
    assert_int_equal(fake_store.finished, 0);
    assert_int_equal(world_queue("x.test")->busy->ready_count, 3);
    world_end();
}

static void
test_sweep_after_failures(void **state)
{
    (void)state;
    world_begin(BASE "mx_failures_to_delay = 3\n"
                     "max_outbound_connections = 1\n");
    fake_down_ms = 1000;
    for (int i = 0; i < 20; i++)
        (void)world_accept("s@from.test", "a@x.test");
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(fake_session_count, i + 1);
        fake_closed(i, IMPEL_RETRY, IMPEL_BLAME_HOST, false);
        world_advance(1001);
    }
    assert_int_equal(queue_delayed(world_queue("x.test")), 20);
    assert_int_equal(queue_active(world_queue("x.test")), 0);
    world_end();
}

/* Delayed as a whole, over 64 s; by one's own failure, not. */
static void
test_spread(void **state)
{
    int64_t now, least = INT64_MAX, most = 0;
    uint64_t id[50];

    (void)state;
    world_begin(BASE "retry_interval = 100\n"
                     "delayed_binding_domain_fuzz = 64\n");
    for (int i = 0; i < 50; i++)
        id[i] = world_accept("s@from.test", "a@x.test");
    fake_ready(0, 1);
    fake_done(
        0, IMPEL_RETRY, IMPEL_BLAME_RCPT, IMPEL_AT_RCPT, 452, "4.2.2", "full");
    now = clock_wall();
    assert_int_equal(world_parcel(id[0])->in.due.when, now + 100000);
    fake_pick = HOP_DELAY;
    for (unsigned i = 0; i < fake_session_count; i++)
        if (fake_sessions[i].alive)
            fake_closed(i, IMPEL_RETRY, IMPEL_BLAME_HOST, i == 0);
    for (int i = 1; i < 50; i++) {
        int64_t due = world_parcel(id[i])->in.due.when - now - 100000;

        assert_in_range(due, 0, 63999);
        least = due < least ? due : least;
        most = due > most ? due : most;
    }
    assert_true(least < 8000 && most > 56000);
    world_end();
}

static void
test_exhausted(void **state)
{
    uint64_t id;

    (void)state;
    world_begin(BASE "max_retries = 1\n");
    id = world_accept("s@from.test", "a@x.test");
    for (unsigned i = 0; i < 2; i++) {
        fake_ready(i, 1);
        fake_done(i, IMPEL_RETRY, IMPEL_BLAME_RCPT, IMPEL_AT_RCPT, 452, "4.2.2",
            "full");
        world_advance(1200001);
    }
    assert_null(world_parcel(id));
    assert_non_null(
        strstr(fake_store.accepted.p, "exceeded max retries without delivery"));
    world_end();
}

static void
test_free_returns(void **state)
{
    uint64_t id;

    (void)state;
    world_begin(BASE);
    id = world_accept("s@from.test", "a@x.test");
    fake_ready(0, 1);
    fake_unbegun(0);
    assert_int_equal(world_state(id), PARCEL_LENT);
    fake_unbegun(0);
    assert_int_equal(world_state(id), PARCEL_LENT);
    fake_unbegun(0);
    assert_int_equal(world_state(id), PARCEL_DELAYED);
    assert_int_equal(world_parcel(id)->retries, 0);
    world_end();
}

static void
test_batches_of_recipients(void **state)
{
    (void)state;
    world_begin(BASE "max_recipients_per_batch = 2\n"
                     "max_outbound_connections = 1\n");
    (void)world_accept("s@from.test",
        "a@x.test b@x.test c@x.test d@x.test "
        "e@x.test");
    fake_ready(0, 1);
    assert_int_equal(fake_sessions[0].count, 3);
    assert_int_equal(fake_sessions[0].lent[0]->rcpt_count, 2);
    assert_int_equal(fake_sessions[0].lent[2]->rcpt_count, 1);
    assert_int_equal(fake_sessions[0].lent[2]->rcpt[0], 4);
    fake_delivered(0);
    fake_delivered(0);
    assert_int_equal(fake_store.finished_all, 0);
    fake_delivered(0);
    assert_int_equal(fake_store.finished_all, 1);
    world_end();
}

static void
test_route_held(void **state)
{
    uint64_t id;

    (void)state;
    world_begin(BASE);
    id = world_accept("s@from.test", "a@x.test");
    fake_closed(0, IMPEL_RETRY, IMPEL_BLAME_ROUTE, false);
    assert_int_equal(world_queue("x.test")->reason, WAIT_ROUTE_HELD);
    assert_int_equal(fake_hosts[0].failures, 0);
    waits_on_disk("x.test", id);
    world_advance(60001);
    assert_int_equal(fake_session_count, 2);
    world_end();
}

static void
test_blackhole(void **state)
{
    (void)state;
    world_begin(BASE "domain \"x.test\" { blackhole = internal }\n");
    (void)world_accept("s@from.test", "a@x.test");
    assert_int_equal(fake_store.finished_all, 1);
    assert_non_null(strstr(fake_store.accepted.p, "Blackholed"));
    world_end();
}

static void
test_overflow_stays_on_disk(void **state)
{
    struct queue *q;

    (void)state;
    world_begin(BASE "max_resident_active_queue = 20\n"
                     "max_outbound_connections = 1\n");
    for (int i = 0; i < 50; i++)
        (void)world_accept("s@from.test", "a@x.test");
    q = world_queue("x.test");
    assert_int_equal(q->busy->ready_count, 20);
    assert_int_equal(q->overflow, 30);
    assert_int_equal(queue_active(q), 50);
    assert_int_equal(queue_delayed(q), 0);
    fake_ready(0, 1);
    for (int i = 0; i < 50; i++)
        fake_delivered(0);
    assert_int_equal(fake_store.finished_all, 50);
    assert_int_equal(fake_store.loads, 30);
    world_end();
}

static void
test_empty_queue_goes(void **state)
{
    (void)state;
    world_begin(BASE);
    (void)world_accept("s@from.test", "a@x.test");
    fake_ready(0, 1);
    fake_delivered(0);
    world_advance(6000);
    world_advance(61000);
    world_advance(61000);
    assert_int_equal(world.s->stats.queues, 0);
    world_end();
}

/* Memory is short: what waits gives up its content, and reads it again. */
static void
test_tight_memory(void **state)
{
    (void)state;
    world_begin(BASE);
    for (int i = 0; i < 100; i++)
        (void)world_accept("s@from.test", "a@x.test");
    assert_int_equal(world.s->resident_messages, 100);
    scheduler_set_tight(world.s, true);
    world_run();
    assert_int_equal(world.s->resident_messages, 0);
    assert_int_equal(world.s->resident_bytes, 0);
    assert_int_equal(queue_active(world_queue("x.test")), 100);
    (void)world_accept("s@from.test", "a@x.test");
    assert_int_equal(world.s->resident_messages, 0);
    fake_ready(0, 1);
    for (int i = 0; i < 101; i++)
        fake_delivered(0);
    assert_int_equal(world.s->stats.delivered, 101);
    assert_int_equal(world.s->stats.messages, 0);
    world_end();
}

UNIT_MAIN(cmocka_unit_test(test_delivered),
    cmocka_unit_test(test_retry_then_delivered),
    cmocka_unit_test(test_permanent_failure_bounces),
    cmocka_unit_test(test_bounce_waits_for_disk),
    cmocka_unit_test(test_no_bounce_for_null_sender),
    cmocka_unit_test(test_recipients_part_ways),
    cmocka_unit_test(test_lending_ahead_and_recall),
    cmocka_unit_test(test_failover),
    cmocka_unit_test(test_host_failure_in_session),
    cmocka_unit_test(test_idle_reuse_and_probe), cmocka_unit_test(test_sibling),
    cmocka_unit_test(test_siblings_do_not_quarrel),
    cmocka_unit_test(test_limits), cmocka_unit_test(test_server_limit),
    cmocka_unit_test(test_throttle),
    cmocka_unit_test(test_suspended_and_expiry),
    cmocka_unit_test(test_suspending_recalls),
    cmocka_unit_test(test_suspending_ends_what_was_begun),
    cmocka_unit_test(test_paused_by_an_alarm),
    cmocka_unit_test(test_paused_behind_the_disk),
    cmocka_unit_test(test_missing_module), cmocka_unit_test(test_dns),
    cmocka_unit_test(test_drain), cmocka_unit_test(test_sweep_after_failures),
    cmocka_unit_test(test_spread), cmocka_unit_test(test_exhausted),
    cmocka_unit_test(test_free_returns),
    cmocka_unit_test(test_batches_of_recipients),
    cmocka_unit_test(test_route_held), cmocka_unit_test(test_blackhole),
    cmocka_unit_test(test_overflow_stays_on_disk),
    cmocka_unit_test(test_empty_queue_goes),
    cmocka_unit_test(test_tight_memory))
