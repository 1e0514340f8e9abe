/* SPDX-License-Identifier: Apache-2.0 */
#include "queue_world.h"

#include "queue/rollup.h"

#define BASE \
    "retry_interval = 1200\nhost_failure_retry = 120\nbinding other { }\n"

/* a.test and b.test have the same MX; c.test another of the same name. */
static void
begin(const char *more)
{
    struct buf conf = BUF_INIT;

    buf_printf(&conf, BASE "%s", more);
    world_begin(conf.p);
    fake_shares[0] = (struct fake_share){"a.test", "hub.test", 1};
    fake_shares[1] = (struct fake_share){"b.test", "hub.test", 1};
    fake_shares[2] = (struct fake_share){"c.test", "hub.test", 2};
    world_configure(conf.p);
    buf_fini(&conf);
}

static uint64_t
mail(const char *to)
{
    return world_accept("s@from.test", to);
}

static const char *
where(uint64_t id)
{
    return world_parcel(id)->queue->zone->name;
}

static const char *
home(uint64_t id)
{
    return rollup_home(world_parcel(id))->zone->name;
}

/* Of all sessions, in turn, until nothing is left; how many. */
static unsigned
deliver_all(void)
{
    unsigned count = 0;
    bool moved = true;

    while (moved) {
        moved = false;
        for (unsigned i = 0; i < fake_session_count; i++) {
            struct fake_session *f = &fake_sessions[i];

            if (f->alive && !f->closing && (!f->ready || f->probed)) {
                f->probed = false;
                fake_ready(i, 1);
            }
            if (!fake_sessions[i].alive || !fake_sessions[i].count)
                continue;
            fake_delivered(i);
            count++;
            moved = true;
        }
    }
    return count;
}

static void
test_one_queue_for_both(void **state)
{
    uint64_t a, b, x;

    (void)state;
    begin("domain \"hub.test\" { max_outbound_connections = 1 }\n");
    a = mail("u@a.test");
    b = mail("u@b.test");
    x = mail("u@x.test");
    assert_string_equal(where(a), "hub.test");
    assert_string_equal(where(b), "hub.test");
    assert_string_equal(home(a), "a.test");
    assert_string_equal(home(b), "b.test");
    assert_string_equal(where(x), "x.test");
    assert_int_equal(fake_session_count, 2); /* one is for x.test */
    assert_int_equal(world_parcel(a)->queue->busy->outlet_count, 1);
    assert_ptr_equal(world_parcel(a)->queue, world_parcel(b)->queue);
    assert_int_equal(world_queue("a.test")->reason, WAIT_ROLLUP);
    assert_int_equal(deliver_all(), 3);
    assert_int_equal(fake_session_count, 2);
    assert_int_equal(fake_store.finished_all, 3);
    /* counted where the recipients are */
    assert_int_equal(world_queue("a.test")->zone->delivered, 1);
    assert_int_equal(world_queue("b.test")->zone->delivered, 1);
    /* and all of it goes */
    world_advance(61000);
    world_advance(61000);
    world_advance(61000);
    assert_int_equal(world.s->queues.count, 0);
    world_end();
}

/* Each attempt begins at home. */
static void
test_delayed_at_home(void **state)
{
    uint64_t a, b;

    (void)state;
    begin("max_outbound_connections = 1\n");
    a = mail("u@a.test");
    b = mail("u@b.test");
    fake_ready(0, 1);
    fake_delivered(0);
    assert_null(world_parcel(a));
    fake_done(
        0, IMPEL_RETRY, IMPEL_BLAME_RCPT, IMPEL_AT_RCPT, 451, "4.2.1", "later");
    assert_int_equal(world_state(b), PARCEL_DELAYED);
    assert_string_equal(where(b), "b.test");
    assert_int_equal(world_parcel(b)->retries, 1);
    assert_string_equal(fake_store.last.domain, "b.test");
    fake_shares[1].name = NULL; /* its MX are others meanwhile */
    world_advance(1201000);
    assert_string_equal(where(b), "b.test");
    assert_int_equal(deliver_all(), 1);
    assert_int_equal(fake_session_count, 2);
    assert_null(world_parcel(b));
    world_end();
}

/* Other MX, same name: queues of their own, counted together. */
static void
test_limits_of_one_name(void **state)
{
    uint64_t a, c;

    (void)state;
    begin("domain \"hub.test\" { max_outbound_connections = 1 }\n"
          "idle_timeout = 0\n");
    a = mail("u@a.test");
    c = mail("u@c.test");
    assert_string_equal(where(a), "hub.test");
    assert_string_equal(where(c), "hub.test");
    assert_ptr_not_equal(world_parcel(a)->queue, world_parcel(c)->queue);
    assert_int_equal(fake_session_count, 1);
    assert_int_equal(world_parcel(c)->queue->reason, WAIT_CONNECTION_LIMIT);
    assert_int_equal(deliver_all(), 2);
    assert_int_equal(fake_session_count, 2);
    world_end();
}

/* The one whose record it goes by has other MX: the rest go on together. */
static void
test_lead_leaves(void **state)
{
    uint64_t first, a, b;

    (void)state;
    begin("max_outbound_connections = 1\n");
    first = mail("u@a.test");
    fake_ready(0, 1);
    a = mail("v@a.test");
    b = mail("u@b.test");
    for (int i = 0; i < 10; i++)
        (void)mail("w@b.test");
    fake_sessions[0].deaf = true;
    assert_string_equal(where(b), "hub.test");
    assert_string_equal(
        rollup_lead(world_parcel(b)->queue)->zone->name, "a.test");
    fake_shares[0].name = NULL;
    fake_route_changed("a.test");
    assert_string_equal(where(first), "hub.test"); /* it is begun */
    fake_sessions[0].deaf = false;
    fake_delivered(0);
    world_run();
    assert_null(world_parcel(first));
    assert_string_equal(where(a), "a.test");
    assert_string_equal(where(b), "hub.test");
    assert_string_equal(
        rollup_lead(world_parcel(b)->queue)->zone->name, "b.test");
    assert_int_equal(deliver_all(), 12);
    assert_int_equal(fake_store.attempts, 0);
    world_end();
}

/* More mail than memory: homes wait in line, and nobody is forgotten. */
static void
test_more_than_memory(void **state)
{
    static const char *const to[] = {"u@a.test", "u@b.test", "u@c.test"};
    unsigned most = 0, done = 0;

    (void)state;
    begin("max_outbound_connections = 2\nmax_resident_messages = 6\n");
    for (int i = 0; i < 60; i++)
        (void)mail(to[i % 3]);
    for (int round = 0; round < 200 && world.s->stats.parcels; round++) {
        for (unsigned i = 0; i < fake_session_count; i++) {
            if (fake_sessions[i].alive && !fake_sessions[i].ready)
                fake_ready(i, 1);
            if (fake_sessions[i].alive && fake_sessions[i].count) {
                fake_delivered(i);
                done++;
            }
            most = MAX_OF(most, (unsigned)world.s->resident_messages);
        }
    }
    assert_int_equal(done, 60);
    assert_in_range(most, 1, 10); /* two for each session beyond the limit */
    assert_true(fake_store.loads > 0);
    assert_int_equal(fake_store.attempts, 0);
    world_end();
}

/* Memory is short before there is any session. */
static void
test_tight(void **state)
{
    (void)state;
    begin("max_outbound_connections = 1\n");
    scheduler_set_tight(world.s, true);
    world_run();
    for (int i = 0; i < 5; i++) {
        (void)mail("u@a.test");
        (void)mail("u@b.test");
    }
    assert_int_equal(world.s->resident_messages, 0);
    assert_int_equal(fake_session_count, 1);
    assert_int_equal(deliver_all(), 10);
    assert_int_equal(fake_session_count, 1);
    world_end();
}

/* What befalls the shared queue befalls those that wait in its line. */
static void
test_sweep(void **state)
{
    uint64_t ids[12];

    (void)state;
    begin("max_outbound_connections = 1\nmx_failures_to_delay = 1\n"
          "max_resident_messages = 3\n");
    fake_down_ms = 3600000;
    for (int i = 0; i < 12; i++)
        ids[i] = mail(i & 1 ? "u@a.test" : "u@b.test");
    fake_closed(0, IMPEL_RETRY, IMPEL_BLAME_HOST, false);
    for (int i = 0; i < 12; i++) {
        assert_int_equal(world_state(ids[i]), PARCEL_DELAYED);
        assert_string_equal(where(ids[i]), i & 1 ? "a.test" : "b.test");
        assert_int_equal(world_parcel(ids[i])->retries, 1);
    }
    world_end();
}

/* Without a sweep one pays for each connection, whether in memory or not. */
static void
test_charge(void **state)
{
    unsigned paid = 0;
    uint64_t ids[6];

    (void)state;
    begin("max_outbound_connections = 1\nmx_failures_to_delay = 0\n"
          "connect_timeout_to_delay = 0\n");
    scheduler_set_tight(world.s, true);
    world_run();
    for (int i = 0; i < 6; i++)
        ids[i] = mail(i & 1 ? "u@a.test" : "u@b.test");
    for (unsigned i = 0; i < 3; i++) {
        fake_closed(i, IMPEL_RETRY, IMPEL_BLAME_HOST, false);
        world_advance(120000);
        assert_int_equal(fake_session_count, i + 2);
    }
    for (int i = 0; i < 6; i++)
        paid += world_parcel(ids[i])->retries;
    assert_int_equal(paid, 3);
    world_end();
}

static void
test_home_is_suspended(void **state)
{
    uint64_t a, a2, b;

    (void)state;
    begin("max_outbound_connections = 1\n");
    a = mail("u@a.test");
    fake_ready(0, 1);
    a2 = mail("v@a.test");
    b = mail("u@b.test");
    fake_sessions[0].deaf = true;
    world_configure(BASE "max_outbound_connections = 1\n"
                         "domain \"a.test\" { suspend_delivery = true }\n");
    assert_string_equal(where(b), "hub.test");
    assert_true(fake_sessions[0].recalls > 0);
    fake_sessions[0].deaf = false;
    world_run();
    fake_unbegun(0);
    world_run();
    assert_string_equal(where(a), "a.test");
    assert_string_equal(where(a2), "a.test");
    assert_int_equal(world_queue("a.test")->reason, WAIT_SUSPENDED);
    assert_int_equal(deliver_all(), 1);
    assert_null(world_parcel(b));
    world_configure(BASE "max_outbound_connections = 1\n");
    assert_int_equal(deliver_all(), 2);
    world_end();
}

enum { SAID = 4096 };

static void
reply(void *arg, struct str text, const struct err *e)
{
    (void)e;
    (void)str_copy(arg, SAID, text);
}

/* By the name of the recipients' domain, wherever they are. */
static void
test_fail_by_domain(void **state)
{
    char said[SAID] = "";
    struct scheduler_ask ask = {.reply = reply, .arg = said};
    uint64_t a, b;

    (void)state;
    begin("max_outbound_connections = 1\ngenerate_bounces = false\n");
    (void)mail("u@b.test");
    fake_ready(0, 1); /* this one is begun */
    fake_sessions[0].deaf = true;
    for (int i = 0; i < 10; i++)
        (void)mail("v@a.test");
    b = mail("v@b.test");
    a = mail("w@a.test");
    scheduler_fail_domain(
        world.s, STR("all"), STR("a.test"), true, STR(""), &ask);
    world_run();
    fake_sessions[0].deaf = false;
    world_run();
    assert_null(world_parcel(a));
    assert_non_null(world_parcel(b));
    assert_int_equal(deliver_all(), 2);
    for (int i = 0; i < 5; i++)
        world_advance(1000); /* it is answered when it is on disk */
    assert_non_null(strstr(said, "11 messages failed"));
    world_end();
}

static void
expect_dry(struct scheduler_filter f, const char *count, const char *row)
{
    static const struct scheduler_order dry = {
        .work = SCHEDULER_FAIL, .dry_run = true};
    char said[SAID] = "";
    struct scheduler_ask ask = {.reply = reply, .arg = said};

    scheduler_select(world.s, &f, &dry, &ask);
    for (int i = 0; i < 1000 && !said[0]; i++) /* slices have a time */
        world_run();
    assert_non_null(strstr(said, count));
    assert_non_null(strstr(said, row));
}

static void
test_select_by_domain(void **state)
{
    (void)state;
    begin("max_outbound_connections = 1\n");
    for (int i = 0; i < 4; i++)
        (void)mail("v@a.test");
    (void)mail("v@b.test");
    expect_dry((struct scheduler_filter){.domain = STR("a.test")}, "4 messages",
        "To: a.test");
    expect_dry((struct scheduler_filter){.domain = STR("hub.test")},
        "5 messages", "To: b.test");
    expect_dry(
        (struct scheduler_filter){.newer = 0}, "5 messages", "To: b.test");
    assert_int_equal(deliver_all(), 5);
    world_end();
}

/* Parts of one message find home too. */
static void
test_batches(void **state)
{
    uint64_t id;

    (void)state;
    begin("max_outbound_connections = 1\nmax_recipients_per_batch = 1\n");
    id = mail("u@a.test v@a.test w@a.test");
    fake_ready(0, 1);
    assert_string_equal(where(id), "hub.test");
    for (int i = 0; i < 3; i++)
        fake_done(0, IMPEL_RETRY, IMPEL_BLAME_RCPT, IMPEL_AT_RCPT, 451, "4.2.1",
            "later");
    for (struct parcel *p = world_parcel(id); p; p = parcel_next(p)) {
        assert_int_equal(p->state, PARCEL_DELAYED);
        assert_string_equal(p->queue->zone->name, "a.test");
    }
    world_advance(1201000);
    assert_int_equal(deliver_all(), 3);
    world_end();
}

static void
test_blackhole(void **state)
{
    (void)state;
    begin("domain \"hub.test\" { blackhole = true }\n"
          "generate_bounces = false\nmax_resident_messages = 3\n");
    for (int i = 0; i < 12; i++)
        (void)mail(i & 1 ? "u@a.test" : "u@b.test");
    world_run();
    assert_int_equal(world.s->stats.parcels, 0);
    assert_int_equal(fake_session_count, 0);
    world_end();
}

/* The option is taken away, and given, while mail is on its way. */
static void
test_reload(void **state)
{
    (void)state;
    begin("max_outbound_connections = 1\n");
    for (int i = 0; i < 10; i++)
        (void)mail(i & 1 ? "u@a.test" : "u@b.test");
    fake_ready(0, 1);
    memset(fake_shares, 0, sizeof(fake_shares));
    world_configure(BASE "max_outbound_connections = 1\n");
    assert_int_equal(world_queue("a.test")->busy->outlet_count, 1);
    assert_int_equal(world_queue("b.test")->busy->outlet_count, 1);
    fake_shares[0] = (struct fake_share){"a.test", "new.test", 7};
    fake_shares[1] = (struct fake_share){"b.test", "new.test", 7};
    world_configure(BASE "max_outbound_connections = 1\n");
    assert_int_equal(deliver_all(), 10);
    assert_int_equal(fake_store.attempts, 0);
    assert_int_equal(world_queue("a.test")->busy->outlet_count, 0);
    world_end();
}

/* A domain with sessions of its own keeps them, unless the name has the same.
 */
static void
test_options_of_sessions(void **state)
{
    uint64_t a, b;

    (void)state;
    begin("domain \"a.test\" { connect_timeout = 7 }\n"
          "domain \"hub.test\" { connect_timeout = 8 }\n");
    a = mail("u@a.test");
    b = mail("u@b.test");
    assert_string_equal(where(a), "a.test");
    assert_string_equal(where(b), "hub.test");
    world_configure(BASE "domain \"/^(a|hub)/\" { connect_timeout = 7 }\n");
    world_run();
    assert_string_equal(where(a), "hub.test");
    assert_string_equal(where(b), "hub.test");
    assert_int_equal(deliver_all(), 2);
    world_end();
}

/* DNS says it late; of mail that is on disk too. */
static void
test_waits_for_dns(void **state)
{
    (void)state;
    begin("max_outbound_connections = 1\n");
    fake_pick = HOP_WAIT;
    scheduler_set_tight(world.s, true);
    world_run();
    (void)mail("u@a.test");
    assert_int_equal(world_queue("a.test")->reason, WAIT_DNS);
    fake_pick = HOP_OK;
    fake_route_changed("a.test");
    assert_int_equal(deliver_all(), 1);
    world_end();
}

/* What is away when everything ends. */
static void
test_end(void **state)
{
    (void)state;
    begin("max_outbound_connections = 1\n");
    for (int i = 0; i < 10; i++)
        (void)mail(i & 1 ? "u@a.test" : "u@b.test");
    fake_ready(0, 1);
    world_end();
}

/* Whatever happens in whatever order, nothing is lost or sent twice. */
static unsigned
dice(uint64_t *seed, unsigned sides)
{
    *seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (unsigned)(*seed >> 33) % sides;
}

static void
random_session(uint64_t *seed, unsigned *done)
{
    unsigned i = dice(seed, fake_session_count ? fake_session_count : 1);
    struct fake_session *f = &fake_sessions[i];

    if (i >= fake_session_count || !f->alive)
        return;
    if (!f->ready && dice(seed, 4)) {
        fake_ready(i, 1 + dice(seed, 2));
    } else if (!f->ready || !dice(seed, 8)) {
        fake_closed(i, IMPEL_RETRY, IMPEL_BLAME_HOST, f->ready);
    } else if (f->count && dice(seed, 3)) {
        (*done)++;
        fake_delivered(i);
    } else if (f->count && dice(seed, 2)) {
        fake_done(i, IMPEL_RETRY, IMPEL_BLAME_RCPT, IMPEL_AT_RCPT, 451, "4.2.1",
            "later");
    } else if (f->count) {
        fake_unbegun(i);
    }
}

static void
random_verb(uint64_t *seed)
{
    static const struct scheduler_order orders[] = {{.work = SCHEDULER_FLUSH},
        {.work = SCHEDULER_DELAY, .delay = 5000}, {.work = SCHEDULER_REROUTE},
        {.work = SCHEDULER_REBIND, .to = STR("other")}};
    static const char *const of[] = {"a.test", "b.test", "hub.test"};
    static char said[SAID];
    struct scheduler_ask ask = {.reply = reply, .arg = said};
    struct scheduler_filter f = {
        .domain = str_of(of[dice(seed, ARRAY_SIZE(of))])};

    scheduler_select(
        world.s, &f, &orders[dice(seed, ARRAY_SIZE(orders))], &ask);
    world_run();
}

static void
random_change(uint64_t *seed)
{
    static const char *const names[] = {"hub.test", "hub.test", "a.test", NULL};
    static const char *const confs[] = {BASE "max_outbound_connections = 2\n",
        BASE "max_outbound_connections = 2\nmax_resident_messages = 4\n",
        BASE "domain \"a.test\" { suspend_delivery = true }\n",
        BASE "domain \"hub.test\" { suspend_delivery = true }\n"};
    static const int picks[] = {HOP_OK, HOP_OK, HOP_WAIT, HOP_DELAY};
    unsigned i = dice(seed, 3);

    switch (dice(seed, 7)) {
    case 6:
        random_verb(seed);
        break;
    case 5:
        fake_pick = picks[dice(seed, ARRAY_SIZE(picks))];
        fake_route_changed(NULL);
        break;
    case 4:
        fake_store.hold_loads = !fake_store.hold_loads;
        fake_store_answer();
        world_run();
        break;
    case 0:
        world_configure(confs[dice(seed, ARRAY_SIZE(confs))]);
        break;
    case 1:
        scheduler_set_tight(world.s, dice(seed, 2));
        world_run();
        break;
    default:
        fake_shares[i].name = names[dice(seed, ARRAY_SIZE(names))];
        fake_shares[i].print = dice(seed, 2);
        fake_route_changed(fake_shares[i].domain);
        break;
    }
}

static void
random_world(const uint64_t from)
{
    static const char *const to[] = {"u@a.test", "u@b.test", "u@c.test",
        "u@a.test v@b.test w@c.test u@x.test"};
    unsigned sent = 0, done = 0;
    uint64_t seed = from;

    begin("max_outbound_connections = 2\nmessage_expiration = 100000000\n"
          "max_retries = 10000\n");
    fake_down_ms = 1000;
    for (int i = 0; i < 300 && fake_session_count < FAKE_SESSIONS - 60; i++) {
        unsigned what = dice(&seed, 10), which = dice(&seed, ARRAY_SIZE(to));

        if (what < 3) {
            (void)mail(to[which]);
            sent += which == 3 ? 4 : 1;
        } else if (what < 8) {
            random_session(&seed, &done);
        } else if (what == 8) {
            world_advance(dice(&seed, 4) ? 1100 : 700000);
        } else {
            random_change(&seed);
        }
    }
    scheduler_set_tight(world.s, false);
    fake_pick = HOP_OK;
    fake_store.hold_loads = false;
    fake_store_answer();
    fake_route_changed(NULL);
    world_configure(BASE "message_expiration = 100000000\n");
    for (int i = 0; i < 40 && world.s->stats.parcels; i++) {
        done += deliver_all();
        world_advance(50000000);
    }
    if (world.s->stats.parcels || done != sent)
        fail_msg("seed %llu: %llu parcels, %u of %u", (unsigned long long)from,
            (unsigned long long)world.s->stats.parcels, done, sent);
    for (int i = 0; i < 10; i++)
        world_advance(61000);
    assert_int_equal(world.s->queues.count, 0);
    world_end();
}

static void
test_random(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++)
        random_world(seed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_queue_for_both),
        cmocka_unit_test(test_delayed_at_home),
        cmocka_unit_test(test_limits_of_one_name),
        cmocka_unit_test(test_lead_leaves),
        cmocka_unit_test(test_more_than_memory),
        cmocka_unit_test(test_tight),
        cmocka_unit_test(test_sweep),
        cmocka_unit_test(test_charge),
        cmocka_unit_test(test_home_is_suspended),
        cmocka_unit_test(test_fail_by_domain),
        cmocka_unit_test(test_select_by_domain),
        cmocka_unit_test(test_batches),
        cmocka_unit_test(test_blackhole),
        cmocka_unit_test(test_reload),
        cmocka_unit_test(test_options_of_sessions),
        cmocka_unit_test(test_waits_for_dns),
        cmocka_unit_test(test_end),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
