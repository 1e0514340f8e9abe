/* SPDX-License-Identifier: Apache-2.0
 *
 * Mail that its sender wants held (RFC 4865), or delivered by a time (RFC
 * 2852): when it moves, when it fails, who is told, over restarts too.
 */
#include "queue_world.h"

#include <stdio.h>

#include "queue/explain.h"
#include "queue/queue.h"

#define HOUR_MS ((int64_t)3600 * 1000)
#define BASE "retry_interval = 1200\nmessage_expiration = 7200\n"

static void
begin(const char *conf)
{
    const struct spool_events *ev;

    world_begin(conf);
    ev = scheduler_spool_events(world.s);
    ev->recovered(ev->arg, 0, 0);
}

static enum wait_reason
reason_of(uint64_t id)
{
    struct explanation e;

    explain_parcel(world_parcel(id), &e);
    return e.reason;
}

static uint64_t
give(int64_t hold_ms, int64_t by_ms, uint32_t by, uint32_t notify)
{
    struct message *m = world_message("default", "s@from.test", "a@x.test");
    uint64_t id = m->id;

    m->env.hold_until = hold_ms ? clock_wall() + hold_ms : 0;
    m->env.deadline = by ? clock_wall() + by_ms : 0;
    m->env.by = by;
    ((struct rcpt *)(uintptr_t)m->env.rcpt)[0].notify = notify;
    world_give(m);
    return id;
}

static void
test_held(void **state)
{
    uint64_t id;

    (void)state;
    begin(BASE);
    id = give(5 * HOUR_MS, 0, 0, 0);
    assert_int_equal(reason_of(id), WAIT_HELD);
    /* longer than a message lives */
    world_advance(5 * HOUR_MS - 2000);
    assert_int_equal(reason_of(id), WAIT_HELD);
    assert_int_equal(fake_session_count, 0);
    world_advance(3000);
    assert_int_equal(fake_session_count, 1);
    assert_int_equal(reason_of(id), WAIT_CONNECTING);
    /* and its age counts from here */
    fake_ready(0, 1);
    fake_done(
        0, IMPEL_RETRY, IMPEL_BLAME_RCPT, IMPEL_AT_RCPT, 451, "4.2.2", "full");
    assert_int_equal(reason_of(id), WAIT_RETRY_TIME);
    world_advance(HOUR_MS);
    assert_non_null(world_parcel(id));
    world_advance(2 * HOUR_MS);
    assert_true(!world_parcel(id) || world_parcel(id)->state == PARCEL_FAILING);
    world_end();
}

static void
quiet(void *arg, struct str text, const struct err *e)
{
    (void)arg, (void)text, (void)e;
}

static void
test_flush_leaves_it(void **state)
{
    struct scheduler_ask ask = {.reply = quiet};
    uint64_t id;

    (void)state;
    begin(BASE);
    id = give(5 * HOUR_MS, 0, 0, 0);
    scheduler_flush(world.s, STR_NONE, STR_NONE, &ask);
    world_advance(1000);
    assert_int_equal(reason_of(id), WAIT_HELD);
    scheduler_select(world.s, &(struct scheduler_filter){.older = 0},
        &(struct scheduler_order){.work = SCHEDULER_FLUSH}, &ask);
    world_advance(1000);
    assert_int_equal(reason_of(id), WAIT_HELD);
    /* whoever names it means it */
    scheduler_message_retry(world.s, id, &ask);
    world_advance(1000);
    assert_int_equal(reason_of(id), WAIT_CONNECTING);
    world_end();
}

static void
found(int64_t age_ms, int64_t hold_ms, int64_t by_ms, bool only_told)
{
    const struct spool_events *ev = scheduler_spool_events(world.s);
    struct message *m = world_message("default", "s@from.test", "a@x.test");
    uint32_t rcpt = 0;
    struct found_parcel fp = {
        .domain = STR("x.test"), .rcpt = &rcpt, .rcpt_count = 1};
    struct found f = {.id = m->id,
        .accept = m->place,
        .received = clock_wall() - age_ms,
        .hold_until = hold_ms ? clock_wall() + hold_ms : 0,
        .deadline = by_ms ? clock_wall() + by_ms : 0,
        .only_told = only_told,
        .binding = STR("default"),
        .rcpt_total = 1,
        .parcel_count = 1,
        .parcel = &fp};

    m->env.received = f.received;
    fake_store_keep(m);
    ev->found(ev->arg, &f);
    world_run();
    message_unref(&m);
}

static void
test_held_over_a_restart(void **state)
{
    const struct spool_events *ev;

    (void)state;
    world_begin(BASE);
    ev = scheduler_spool_events(world.s);
    found(10 * HOUR_MS, HOUR_MS, 0, false);
    ev->recovered(ev->arg, 1, 0);
    world_advance(HOUR_MS - 2000);
    assert_int_equal(fake_session_count, 0);
    world_advance(3000);
    assert_int_equal(fake_session_count, 1);
    world_end();
}

static void
test_by_return(void **state)
{
    uint64_t id;

    (void)state;
    begin(BASE "suspend_delivery = true\n");
    id = give(0, 60000, IMPEL_BY_RETURN, 0);
    world_advance(50000);
    assert_int_equal(fake_store.accepts, 0);
    assert_int_equal(reason_of(id), WAIT_SUSPENDED);
    world_advance(20000);
    assert_int_equal(fake_store.accepts, 1);
    assert_non_null(strstr(fake_store.accepted.p, "\r\nAction: failed\r\n"));
    assert_non_null(strstr(fake_store.accepted.p, "\r\nStatus: 5.4.7\r\n"));
    assert_non_null(strstr(fake_store.accepted.p, "\r\nDeliver-By-Date: "));
    world_end();
}

static void
test_by_notify(void **state)
{
    uint64_t id;

    (void)state;
    begin(BASE "suspend_delivery = true\n"); /* notices of delay are off */
    id = give(0, 60000, IMPEL_BY_NOTIFY, 0);
    world_advance(50000);
    assert_int_equal(fake_store.accepts, 0);
    world_advance(20000);
    assert_int_equal(fake_store.accepts, 1);
    assert_non_null(strstr(fake_store.accepted.p, "\r\nAction: delayed\r\n"));
    assert_non_null(strstr(fake_store.accepted.p, "\r\nStatus: 4.4.7\r\n"));
    assert_non_null(world_parcel(id));
    world_advance(HOUR_MS / 2);
    assert_int_equal(fake_store.accepts, 1);
    assert_non_null(world_parcel(id));
    world_end();
}

static void
test_by_notify_nobody(void **state)
{
    (void)state;
    begin(BASE "suspend_delivery = true\n");
    (void)give(0, 60000, IMPEL_BY_NOTIFY, NOTIFY_FAILURE);
    (void)give(0, 60000, IMPEL_BY_NOTIFY, NOTIFY_NEVER);
    (void)give(0, -60000, IMPEL_BY_NOTIFY, 0); /* it came too late */
    world_advance(70000);
    assert_int_equal(fake_store.accepts, 0);
    world_end();
}

static void
by_restart(int64_t remembered_ms_ago, int64_t deadline_ms_ago, uint64_t notices)
{
    const struct spool_events *ev;

    world_begin(BASE "suspend_delivery = true\n");
    ev = scheduler_spool_events(world.s);
    (void)snprintf(fake_store.state, sizeof(fake_store.state), "%lld",
        (long long)(clock_wall() - remembered_ms_ago));
    found(HOUR_MS, 0, -deadline_ms_ago, true);
    ev->recovered(ev->arg, 1, 0);
    world_advance(3000);
    assert_int_equal(fake_store.accepts, notices);
    world_end();
}

static void
test_by_notify_over_a_restart(void **state)
{
    (void)state;
    by_restart(60000, 30000, 1); /* it passed while nobody was there */
    by_restart(10000, 30000, 0); /* was told before */
}

/* What a delivery says of the host decides who is told. */
static void
handed(uint32_t by, uint32_t notify, const char *info, uint64_t notices,
    const char *subject)
{
    struct result r = {.verdict = IMPEL_DELIVERED,
        .stage = IMPEL_AT_FINAL,
        .code = 250,
        .retry_after = -1};

    begin(BASE);
    (void)give(0, 60000, by, notify);
    fake_ready(0, 1);
    r.info = (char *)(uintptr_t)info;
    fake_done_each(0, &r);
    fake_pick = HOP_WAIT;
    world_advance(1000);
    assert_int_equal(fake_store.accepts, notices);
    if (notices) {
        assert_non_null(
            strstr(fake_store.accepted.p, "\r\nAction: relayed\r\n"));
        assert_non_null(strstr(fake_store.accepted.p, subject));
    }
    world_end();
}

static void
test_handed_on(void **state)
{
    static const char by[] = "Subject: Mail relayed, with a time";
    static const char dsn[] = "Subject: Mail relayed without further";

    (void)state;
    handed(IMPEL_BY_NOTIFY, 0, "by=no", 1, by);
    handed(IMPEL_BY_NOTIFY, NOTIFY_NEVER, "by=no", 0, by);
    handed(IMPEL_BY_NOTIFY, 0, NULL, 0, by); /* the host sees to it */
    handed(IMPEL_BY_NOTIFY | IMPEL_BY_TRACE, 0, NULL, 1, by);
    handed(IMPEL_BY_RETURN | IMPEL_BY_TRACE, NOTIFY_FAILURE, NULL, 1, by);
    handed(IMPEL_BY_RETURN, 0, NULL, 0, by);
    handed(0, NOTIFY_SUCCESS, "dsn=no", 1, dsn);
    handed(0, NOTIFY_SUCCESS, NULL, 0, dsn);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_held),
        cmocka_unit_test(test_flush_leaves_it),
        cmocka_unit_test(test_held_over_a_restart),
        cmocka_unit_test(test_by_return),
        cmocka_unit_test(test_by_notify),
        cmocka_unit_test(test_by_notify_nobody),
        cmocka_unit_test(test_by_notify_over_a_restart),
        cmocka_unit_test(test_handed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
