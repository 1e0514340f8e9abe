/* SPDX-License-Identifier: Apache-2.0
 *
 * Notices of delay: when they are due, who gets them, and that none comes twice
 * or is lost, over restarts too.
 */
#include "queue_world.h"

#include <stdio.h>

#include "queue/delaydsn.h"

#define HOUR_MS ((int64_t)3600 * 1000)
#define CONF \
    "generate_delay_dsn = true\ndelay_dsn_retry_interval = 10800\n" \
    "delay_dsn_max_retry_interval = 86400\nmessage_expiration = 864000\n" \
    "max_retries = none\nretry_interval = 40000\nmax_retry_interval = 40000\n"

/* The example of the option: 3, 9, 21, 45 hours, then each 24. */
static void
test_times(void **state)
{
    static const int hours[] = {3, 9, 21, 45, 69, 93};
    struct delaydsn d = {3 * HOUR_MS, 24 * HOUR_MS};

    (void)state;
    for (uint32_t i = 0; i < ARRAY_SIZE(hours); i++) {
        assert_int_equal(delaydsn_due(&d, i + 1), hours[i] * HOUR_MS);
        assert_int_equal(delaydsn_count(&d, hours[i] * HOUR_MS), i + 1);
        assert_int_equal(delaydsn_count(&d, hours[i] * HOUR_MS - 1), i);
    }
    d.max = 0;
    assert_int_equal(delaydsn_due(&d, 5), 93 * HOUR_MS);
    d = (struct delaydsn){INT64_MAX / 2, 0};
    assert_int_equal(delaydsn_due(&d, 2), INT64_MAX);
    assert_int_equal(delaydsn_count(&d, INT64_MAX), 1);
    d = (struct delaydsn){1000, 1000};
    assert_int_equal(delaydsn_count(&d, 1000000000), DELAYDSN_NEVER);
    assert_int_equal(delaydsn_due(&d, DELAYDSN_NEVER), INT64_MAX);
    d.interval = 0;
    assert_int_equal(delaydsn_count(&d, INT64_MAX), 0);
}

static void
begin(const char *conf)
{
    const struct spool_events *ev;

    world_begin(conf);
    ev = scheduler_spool_events(world.s);
    ev->recovered(ev->arg, 0, 0);
}

/* Its attempt fails for now; nothing else is tried for long. */
static void
wait_for_retry(unsigned session)
{
    fake_ready(session, 1);
    fake_done(session, IMPEL_RETRY, IMPEL_BLAME_RCPT, IMPEL_AT_RCPT, 452,
        "4.2.2", "full");
}

static void
test_told_on_time(void **state)
{
    uint64_t id;

    (void)state;
    begin(CONF);
    id = world_accept("s@from.test", "a@x.test");
    wait_for_retry(0);
    world_advance(3 * HOUR_MS - 1000);
    assert_int_equal(fake_store.accepts, 0);
    fake_pick = HOP_WAIT; /* neither the notice nor anything else leaves */
    world_advance(1000);
    assert_int_equal(fake_store.accepts, 1);
    assert_non_null(strstr(fake_store.accepted.p, "\r\nAction: delayed\r\n"));
    assert_non_null(
        strstr(fake_store.accepted.p, "Final-Recipient: rfc822;a@x.test\r\n"));
    assert_non_null(strstr(fake_store.accepted.p, "\r\nWill-Retry-Until: "));
    assert_non_null(strstr(fake_store.accepted.p, "To: <s@from.test>"));
    assert_null(strstr(fake_store.accepted.p, "body"));
    assert_int_equal(fake_store.last_accepted->env.sender.n, 0);
    assert_non_null(world_parcel(id));
    world_advance(HOUR_MS);
    assert_int_equal(fake_store.accepts, 1);
    world_advance(5 * HOUR_MS);
    assert_int_equal(fake_store.accepts, 2);
    world_advance(12 * HOUR_MS);
    assert_int_equal(fake_store.accepts, 3);
    assert_true(fake_store.state_puts > 0);
    world_end();
}

static void
expect(const char *conf, const char *sender, uint32_t notify, uint64_t notices)
{
    struct message *m;

    begin(conf);
    m = world_message("default", sender, "a@x.test");
    ((struct rcpt *)(uintptr_t)m->env.rcpt)[0].notify = notify;
    world_give(m);
    wait_for_retry(0);
    fake_pick = HOP_WAIT;
    world_advance(4 * HOUR_MS);
    assert_int_equal(fake_store.accepts, notices);
    world_end();
}

static void
test_who_is_told(void **state)
{
    (void)state;
    expect(CONF, "s@from.test", 0, 1);
    expect(CONF, "s@from.test", NOTIFY_DELAY, 1);
    expect(CONF, "s@from.test", NOTIFY_DELAY | NOTIFY_SUCCESS, 1);
    expect(CONF, "s@from.test", NOTIFY_FAILURE | NOTIFY_SUCCESS, 0);
    expect(CONF, "s@from.test", NOTIFY_NEVER, 0);
    expect(CONF, "", 0, 0);
    expect(CONF "mdn_failures_notify = op@home.test\n", "", 0, 0);
    expect("max_retries = none\n", "s@from.test", 0, 0); /* off by default */
    expect(CONF "domain x.test { generate_delay_dsn = false }\n", "s@from.test",
        0, 0);
}

/* Mail that is not even tried is told of as well. */
static void
test_suspended(void **state)
{
    (void)state;
    begin(CONF "suspend_delivery = true\n");
    (void)world_accept("s@from.test", "a@x.test");
    world_advance(3 * HOUR_MS + 1);
    assert_int_equal(fake_store.accepts, 1);
    assert_non_null(strstr(fake_store.accepted.p, "not tried yet"));
    world_end();
}

static void
test_switched_on_later(void **state)
{
    (void)state;
    begin("suspend_delivery = true\nmessage_expiration = 864000\n");
    (void)world_accept("s@from.test", "a@x.test");
    world_advance(10 * HOUR_MS);
    assert_int_equal(fake_store.accepts, 0);
    world_configure(CONF "suspend_delivery = true\n");
    world_advance(2000);
    assert_int_equal(fake_store.accepts, 1); /* once, not for each missed */
    world_end();
}

/* A message of that age, found by recovery. */
static void
found(int64_t age_ms)
{
    const struct spool_events *ev = scheduler_spool_events(world.s);
    struct message *m = world_message("default", "s@from.test", "a@x.test");
    uint32_t rcpt = 0;
    struct found_parcel fp = {.domain = STR("x.test"),
        .rcpt = &rcpt,
        .rcpt_count = 1,
        .next_attempt = clock_wall() + HOUR_MS,
        .retries = 2};
    struct found f = {.id = m->id,
        .accept = m->place,
        .received = clock_wall() - age_ms,
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
restart(int64_t remembered_ms_ago, int64_t age_ms, uint64_t notices)
{
    const struct spool_events *ev;

    world_begin(CONF "suspend_delivery = true\n");
    ev = scheduler_spool_events(world.s);
    if (remembered_ms_ago >= 0)
        (void)snprintf(fake_store.state, sizeof(fake_store.state), "%lld",
            (long long)(clock_wall() - remembered_ms_ago));
    found(age_ms);
    world_advance(500);
    assert_int_equal(fake_store.accepts, 0); /* not known yet */
    ev->recovered(ev->arg, 1, 0);
    world_advance(2000);
    assert_int_equal(fake_store.accepts, notices);
    world_end();
}

static void
test_restart(void **state)
{
    (void)state;
    restart(1 * HOUR_MS, 4 * HOUR_MS - 60000, 1); /* due while it was down */
    restart(30 * 60000, 4 * HOUR_MS, 0);          /* was told before */
    restart(-1, 4 * HOUR_MS, 0);                  /* nothing is remembered */
    restart(0, 2 * HOUR_MS, 0);
}

/* More than may be under way at once: all of them, each once. */
static void
test_many(void **state)
{
    enum { MANY = 300 };

    (void)state;
    begin(CONF "suspend_delivery = true\n");
    for (int i = 0; i < MANY; i++)
        (void)world_accept("s@from.test", "a@x.test");
    world_advance(3 * HOUR_MS + 1);
    for (int i = 0; i < 30; i++)
        world_advance(100);
    assert_int_equal(fake_store.accepts, MANY);
    world_end();
}

/* Delivered while it was read to be told of: no notice of what is gone. */
static void
test_gone_meanwhile(void **state)
{
    (void)state;
    begin(CONF "suspend_delivery = true\n");
    (void)world_accept("s@from.test", "a@x.test");
    fake_store.load_result = ERR_NOTFOUND;
    world_advance(3 * HOUR_MS + 1);
    assert_int_equal(fake_store.loads, 1);
    assert_int_equal(fake_store.accepts, 0);
    assert_int_equal(world.s->notices, 0);
    world_end();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_told_on_time),
        cmocka_unit_test(test_who_is_told),
        cmocka_unit_test(test_suspended),
        cmocka_unit_test(test_switched_on_later),
        cmocka_unit_test(test_restart),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_gone_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
