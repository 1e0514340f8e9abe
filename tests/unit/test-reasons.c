/* SPDX-License-Identifier: Apache-2.0
 *
 * Every row of wait.h has a function here that makes mail wait for it, and
 * `explain` says so; and all reasons that hold are said, with their stanzas.
 */
#include "queue_world.h"

#include "queue/explain.h"
#include "queue/parcel.h"
#include "queue/reasons.h"

static const char conf[] = "retry_interval = 1200\nmax_retries = none\n"
                           "message_expiration = 86400\n"
                           "host_failure_retry = 120\n";

static char all[8000]; /* "key|detail|" of each that was said */
static bool said[WAIT_REASON_COUNT];
static int64_t since[WAIT_REASON_COUNT], until[WAIT_REASON_COUNT];

static void
hear(void *arg, const struct reason *r)
{
    size_t n = strlen(all);

    (void)arg;
    said[r->why] = true;
    since[r->why] = r->since;
    until[r->why] = r->until;
    (void)snprintf(all + n, sizeof(all) - n, "%s|%.*s|\n", wait_key(r->why),
        STR_ARG(r->detail));
}

static void
ask(struct queue *q)
{
    all[0] = '\0';
    memset(said, 0, sizeof(said));
    memset(until, 0, sizeof(until));
    reasons_each(q, hear, NULL);
}

/* The queue says so, and so does a message in it. */
static void
expect(const char *domain, enum wait_reason why)
{
    ask(world_queue(domain));
    if (!said[why])
        fail_msg("%s is not said of %s: %s", wait_key(why), domain, all);
}

static void
expect_detail(const char *domain, enum wait_reason why, const char *words)
{
    expect(domain, why);
    if (!strstr(all, words))
        fail_msg("'%s' is not in: %s", words, all);
}

static void
expect_parcel(uint64_t id, enum wait_reason why)
{
    struct explanation x;

    explain_parcel(world_parcel(id), &x);
    assert_string_equal(wait_key(x.reason), wait_key(why));
}

static uint64_t
one(const char *rcpt)
{
    return world_accept("s@from.test", rcpt);
}

static void
begin(const char *more)
{
    char text[2000];

    (void)snprintf(text, sizeof(text), "%s%s", conf, more);
    world_begin(text);
}

static void
some(int n, const char *rcpt)
{
    for (int i = 0; i < n; i++)
        (void)one(rcpt);
}

static void
retry_later(unsigned i)
{
    fake_done(
        i, IMPEL_RETRY, IMPEL_BLAME_RCPT, IMPEL_AT_RCPT, 451, "4.2.2", "full");
}

/* Turns of the loop one by one, until it is said. */
static void
expect_soon(const char *domain, enum wait_reason why)
{
    for (int i = 0; i < 40; i++) {
        ask(world_queue(domain));
        if (said[why])
            return;
        loop_turn(world.loop, 0);
    }
    fail_msg("%s is never said: %s", wait_key(why), all);
}

static void
give_quietly(const char *rcpts, int n)
{
    const struct spool_events *ev = scheduler_spool_events(world.s);

    while (n-- > 0) {
        struct message *m = world_message("default", "s@from.test", rcpts);

        fake_store_keep(m);
        ev->accepted(ev->arg, m);
    }
}

/* --- the states of a queue --- */

static void
make_none(void)
{
    /* It stands for a gap in this table, and is never said. */
    begin("");
    (void)one("a@x.test");
    ask(world_queue("x.test"));
    assert_false(said[WAIT_NONE]);
}

static void
make_empty(void)
{
    begin("");
    (void)one("a@x.test");
    fake_ready(0, 1);
    fake_delivered(0);
    expect("x.test", WAIT_EMPTY);
}

static void
make_moving(void)
{
    begin("");
    (void)one("a@x.test");
    fake_ready(0, 1);
    expect("x.test", WAIT_MOVING);
}

static void
make_turn(void)
{
    begin("");
    give_quietly("a@x.test", 1);
    expect_soon("x.test", WAIT_TURN);
}

static void
make_retry_time(void)
{
    begin("");
    (void)one("a@x.test");
    fake_ready(0, 1);
    retry_later(0);
    expect("x.test", WAIT_RETRY_TIME);
    assert_int_equal(until[WAIT_RETRY_TIME], clock_wall() + 1200000);
}

static void
make_held(void)
{
    struct message *m;

    begin("");
    m = world_message("default", "s@a.test", "a@x.test");
    m->env.hold_until = clock_wall() + 3600000;
    world_give(m);
    expect("x.test", WAIT_HELD);
}

static void
make_connecting(void)
{
    begin("");
    (void)one("a@x.test");
    expect("x.test", WAIT_CONNECTING);
}

static void
make_probing(void)
{
    begin("idle_timeout = 60\nmax_outbound_connections = 1\n");
    (void)one("a@x.test");
    fake_ready(0, 1);
    fake_delivered(0);
    world_advance(2000);
    (void)one("b@x.test");
    expect("x.test", WAIT_PROBING);
}

static void
make_loading(void)
{
    uint64_t id;

    begin("");
    id = one("a@x.test");
    fake_ready(0, 1);
    retry_later(0);
    fake_store.hold_loads = true;
    world_advance(1200001);
    expect("x.test", WAIT_LOADING);
    expect_parcel(id, WAIT_LOADING);
    fake_store.hold_loads = false;
    fake_store_answer();
}

/* --- hosts --- */

static void
make_dns(void)
{
    begin("");
    fake_pick = HOP_WAIT;
    (void)one("a@x.test");
    expect_detail("x.test", WAIT_DNS, "the hosts of x.test");
}

static void
make_dns_failed(void)
{
    begin("");
    fake_pick = HOP_DELAY;
    (void)one("a@x.test");
    /* Long after its mail was delayed, too. */
    expect_detail("x.test", WAIT_DNS_FAILED, "454 4.4.4 [internal] no MX or A");
    assert_true(said[WAIT_RETRY_TIME]);
}

static void
make_hosts_down(void)
{
    begin("");
    fake_hosts[0].down_until = clock_mono() + 60000;
    (void)one("a@x.test");
    expect_detail("x.test", WAIT_HOSTS_DOWN, "1 of the 1 hosts of x.test");
    assert_int_equal(until[WAIT_HOSTS_DOWN], clock_wall() + 60000);
}

static void
make_host_limit(void)
{
    begin("");
    fake_hosts[0].limit = 1;
    some(6, "a@x.test");
    expect_detail("x.test", WAIT_HOST_LIMIT, "a limit of 192.0.2.1");
}

static void
make_host_throttle(void)
{
    begin("");
    fake_hosts[0].throttled = true;
    (void)one("a@x.test");
    expect("x.test", WAIT_HOST_THROTTLE);
    assert_int_equal(until[WAIT_HOST_THROTTLE], clock_wall() + 3000);
    fake_hosts[0].throttled = false;
}

/* --- limits --- */

static void
make_connection_limit(void)
{
    begin("domain \"x.test\" {\nmax_outbound_connections = 1\n}\n");
    some(3, "a@x.test");
    expect_detail("x.test", WAIT_CONNECTION_LIMIT,
        "1 of 1 connections, max_outbound_connections of domain x.test "
        "(t.conf:6)");
}

static void
make_scope_limit(void)
{
    begin("domain \"/\\.test$/\" {\nscope_max_outbound_connections = 1\n}\n");
    (void)one("a@other.test");
    some(3, "a@x.test");
    expect_detail("x.test", WAIT_SCOPE_LIMIT,
        "1 of 1 connections, scope_max_outbound_connections of domain /");
}

static void
make_binding_limit(void)
{
    begin("binding default { server_max_outbound_connections = 1 }\n");
    (void)one("a@other.test");
    (void)one("a@x.test");
    expect_detail("x.test", WAIT_BINDING_LIMIT,
        "server_max_outbound_connections of binding default (t.conf:5)");
}

static void
make_group_limit(void)
{
    begin("binding_group g { server_max_outbound_connections = 1 "
          "binding default { } }\n");
    (void)one("a@other.test");
    (void)one("a@x.test");
    expect_detail("x.test", WAIT_GROUP_LIMIT,
        "server_max_outbound_connections of binding_group g (t.conf:5)");
}

static void
make_server_limit(void)
{
    begin("server_max_outbound_connections = 1\n"
          "server_reserve_outbound_connections = 0\n");
    (void)one("a@other.test");
    (void)one("a@x.test");
    expect_detail("x.test", WAIT_SERVER_LIMIT, "1 of 1 connections");
    assert_non_null(strstr(all, "(t.conf:5)"));
    assert_non_null(strstr(all, "1 queues wait for it"));
}

static void
make_message_throttle(void)
{
    begin("outbound_throttle_messages = \"1/600\"\n");
    some(3, "a@x.test");
    fake_ready(0, 1);
    fake_delivered(0);
    expect_detail("x.test", WAIT_MESSAGE_THROTTLE,
        "1 in 600 s, outbound_throttle_messages of");
    assert_true(until[WAIT_MESSAGE_THROTTLE] > clock_wall());
}

static void
make_connection_throttle(void)
{
    begin("outbound_throttle_connections = \"1/600\"\n");
    (void)one("a@other.test");
    (void)one("a@x.test");
    expect_detail("x.test", WAIT_CONNECTION_THROTTLE, "(t.conf:5)");
    assert_true(until[WAIT_CONNECTION_THROTTLE] > clock_wall());
}

/* --- what an operator or the daemon said --- */

static void
make_suspended(void)
{
    begin("domain \"x.test\" {\nsuspend_delivery = true\n}\n");
    (void)one("a@x.test");
    expect_detail("x.test", WAIT_SUSPENDED,
        "suspend_delivery of domain x.test (t.conf:6)");
}

static void
make_route_held(void)
{
    begin("");
    (void)one("a@x.test");
    fake_closed(0, IMPEL_RETRY, IMPEL_BLAME_ROUTE, false);
    expect_detail("x.test", WAIT_ROUTE_HELD, "Connection refused");
    assert_int_equal(until[WAIT_ROUTE_HELD], clock_wall() + 60000);
}

static void
make_module(void)
{
    begin("");
    fake_module_state = MODULE_KNOWN;
    world_configure(conf);
    (void)one("a@x.test");
    expect_detail("x.test", WAIT_MODULE, "package impel-fake");
    fake_module_state = MODULE_LOADED;
}

static void
make_rollup(void)
{
    begin("");
    fake_shares[0] = (struct fake_share){"x.test", "hub.test", 1};
    world_configure(conf);
    (void)one("a@x.test");
    expect_detail("x.test", WAIT_ROLLUP,
        "queue default/hub.test delivers it (rollup_mx of its MX): a "
        "connection is being opened");
}

static void
make_misfit(void)
{
    begin("");
    fake_misfit = true;
    world_configure(conf);
    (void)one("a@x.test");
    expect_detail("x.test", WAIT_MISFIT, "\"apn\" does not fit");
    assert_int_equal(fake_session_count, 0);
    fake_misfit = false;
    world_configure(conf);
    assert_int_equal(fake_session_count, 1);
}

static void
make_delaying(void)
{
    begin("mx_failures_to_delay = 1\n");
    give_quietly("a@x.test", 600);
    world_run();
    for (unsigned i = 0; i < fake_session_count; i++)
        if (fake_sessions[i].alive)
            fake_closed_quietly(i, IMPEL_RETRY, IMPEL_BLAME_HOST);
    expect_soon("x.test", WAIT_DELAYING);
}

static void
make_blackhole(void)
{
    begin("domain \"x.test\" { blackhole = internal }\n");
    give_quietly("a@x.test", 600);
    expect_soon("x.test", WAIT_BLACKHOLE);
    assert_non_null(strstr(all, "blackhole of domain x.test (t.conf:5)"));
}

static void
make_storing(void)
{
    const struct spool_events *ev;

    begin("");
    ev = scheduler_spool_events(world.s);
    ev->alarm(ev->arg, "the disk is full", true);
    (void)one("a@x.test");
    expect_detail("x.test", WAIT_STORING, "the disk is full");
    ev->alarm(ev->arg, "results are stored", false);
}

static void
make_draining(void)
{
    begin("suspend_delivery = true\n");
    (void)one("a@x.test");
    scheduler_drain(world.s, 60000, NULL, NULL);
    expect("x.test", WAIT_DRAINING);
    assert_true(said[WAIT_SUSPENDED]);
}

/* --- the states of a parcel --- */

static void
make_lent(void)
{
    uint64_t id;

    begin("");
    id = one("a@x.test");
    fake_ready(0, 1);
    expect_parcel(id, WAIT_LENT);
}

static void
make_begun(void)
{
    struct parcel *p;
    uint64_t id;

    begin("");
    id = one("a@x.test");
    fake_ready(0, 1);
    p = world_parcel(id);
    p->state = PARCEL_BEGUN; /* it is so within one turn only */
    expect_parcel(id, WAIT_BEGUN);
    p->state = PARCEL_LENT;
}

static void
make_recalling(void)
{
    uint64_t id;

    begin("");
    id = one("a@x.test");
    fake_ready(0, 1);
    fake_sessions[0].deaf = true;
    world_configure("suspend_delivery = true\n");
    expect_parcel(id, WAIT_RECALLING);
    fake_sessions[0].deaf = false;
}

/* Every connection it wants is there, and busy. */
static uint64_t
all_busy(const char *more)
{
    uint64_t id = 0;

    begin(more);
    for (int i = 0; i < 400; i++)
        id = one("a@x.test");
    for (unsigned i = 0; i < fake_session_count; i++)
        fake_ready(i, 1);
    assert_int_equal(world_queue("x.test")->reason, WAIT_MOVING);
    return id;
}

static void
make_behind(void)
{
    expect_parcel(all_busy("max_outbound_connections = -1\n"
                           "connection_allocation_aggressiveness = 0.1\n"),
        WAIT_BEHIND);
}

static void
make_memory(void)
{
    struct explanation x;
    int kept_out = 0;
    uint64_t last;

    begin("max_resident_active_queue = 2\nmax_outbound_connections = 1\n");
    some(12, "a@x.test");
    fake_ready(0, 1);
    expect_detail(
        "x.test", WAIT_MEMORY, "max_resident_active_queue = 2 of global");
    world_end();
    last = all_busy("max_outbound_connections = 200\n"
                    "max_resident_active_queue = 10\n");
    for (uint64_t id = last - 399 * 0x100; id <= last; id += 0x100) {
        explain_parcel(world_parcel(id), &x);
        kept_out += x.reason == WAIT_MEMORY;
    }
    assert_true(kept_out > 100);
}

static void
make_writing(void)
{
    uint64_t id;

    begin("");
    id = one("a@x.test");
    fake_ready(0, 1);
    fake_store.hold_places = true;
    retry_later(0);
    world_advance(1200001);
    expect_parcel(id, WAIT_WRITING);
    fake_store.hold_places = false;
    fake_store_place();
}

static void
make_bouncing(void)
{
    uint64_t id;

    begin("");
    id = one("a@x.test");
    fake_ready(0, 1);
    fake_store.accept_result = ERR_FULL;
    fake_done(
        0, IMPEL_FAILED, IMPEL_BLAME_RCPT, IMPEL_AT_RCPT, 550, "5.1.1", "gone");
    expect_parcel(id, WAIT_BOUNCING);
    expect("x.test", WAIT_BOUNCING);
    fake_store.accept_result = 0;
    world_advance(6000);
}

static void
make_stray(void)
{
    struct queue *q;

    begin("binding \"b2\" { }\n");
    fake_pick = HOP_DELAY;
    q = world_parcel(world_accept_for("b2", "s@a.test", "a@x.test"))->queue;
    fake_store.hold_loads = true;
    world_configure("");
    assert_int_equal(q->reason, WAIT_STRAY);
    ask(q);
    assert_true(said[WAIT_STRAY]);
    fake_store.hold_loads = false;
    fake_store_answer();
    assert_int_equal(queue_parcels(q), 0);
}

/* One for each row: a new row needs a new function. */
#define MAKER(id) [WAIT_##id]
static void (*const makers[WAIT_REASON_COUNT])(void) = {
    MAKER(NONE) = make_none,
    MAKER(EMPTY) = make_empty,
    MAKER(MOVING) = make_moving,
    MAKER(TURN) = make_turn,
    MAKER(RETRY_TIME) = make_retry_time,
    MAKER(HELD) = make_held,
    MAKER(CONNECTING) = make_connecting,
    MAKER(PROBING) = make_probing,
    MAKER(LOADING) = make_loading,
    MAKER(DNS) = make_dns,
    MAKER(DNS_FAILED) = make_dns_failed,
    MAKER(HOSTS_DOWN) = make_hosts_down,
    MAKER(HOST_LIMIT) = make_host_limit,
    MAKER(HOST_THROTTLE) = make_host_throttle,
    MAKER(CONNECTION_LIMIT) = make_connection_limit,
    MAKER(SCOPE_LIMIT) = make_scope_limit,
    MAKER(BINDING_LIMIT) = make_binding_limit,
    MAKER(GROUP_LIMIT) = make_group_limit,
    MAKER(SERVER_LIMIT) = make_server_limit,
    MAKER(MESSAGE_THROTTLE) = make_message_throttle,
    MAKER(CONNECTION_THROTTLE) = make_connection_throttle,
    MAKER(MEMORY) = make_memory,
    MAKER(STRAY) = make_stray,
    MAKER(SUSPENDED) = make_suspended,
    MAKER(ROUTE_HELD) = make_route_held,
    MAKER(MODULE) = make_module,
    MAKER(MISFIT) = make_misfit,
    MAKER(ROLLUP) = make_rollup,
    MAKER(DELAYING) = make_delaying,
    MAKER(BLACKHOLE) = make_blackhole,
    MAKER(STORING) = make_storing,
    MAKER(DRAINING) = make_draining,
    MAKER(LENT) = make_lent,
    MAKER(BEGUN) = make_begun,
    MAKER(RECALLING) = make_recalling,
    MAKER(BEHIND) = make_behind,
    MAKER(WRITING) = make_writing,
    MAKER(BOUNCING) = make_bouncing,
};

static void
test_each_is_produced(void **state)
{
    (void)state;
    for (int i = 0; i < WAIT_REASON_COUNT; i++) {
        if (!makers[i])
            fail_msg("nobody makes mail wait for %s: write a function in "
                     "test-reasons.c",
                wait_key((enum wait_reason)i));
        makers[i]();
        world_end();
    }
}

static void
test_table_is_whole(void **state)
{
    (void)state;
    for (int i = 0; i < WAIT_REASON_COUNT; i++) {
        enum wait_reason r = (enum wait_reason)i;

        assert_true(strlen(wait_key(r)) > 1);
        assert_true(strlen(wait_text(r)) > 10);
        assert_true(strlen(wait_next(r)) > 8);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(wait_key(r), wait_key((enum wait_reason)j));
    }
}

/* Not the first that stands in its way, but all of them. */
static void
test_all_at_once(void **state)
{
    struct scheduler_ask nobody = {0};
    struct buf out = BUF_INIT;
    struct err e;
    uint64_t id;

    (void)state, (void)nobody;
    begin("domain \"x.test\" {\nsuspend_delivery = true\n"
          "outbound_throttle_messages = \"1/600\"\n}\n"
          "domain \"y.test\" {\nmax_outbound_connections = 1\n}\n");
    fake_module_state = MODULE_KNOWN;
    world_configure(conf);
    world_configure("domain \"x.test\" { suspend_delivery = true }\n"
                    "# no module, no host either\n");
    world_advance(20000);
    fake_hosts[0].down_until = clock_mono() + fake_down_ms - 10000;
    id = one("a@x.test");
    ask(world_queue("x.test"));
    assert_int_equal(world_queue("x.test")->reason, WAIT_SUSPENDED);
    assert_true(said[WAIT_SUSPENDED] && said[WAIT_MODULE]);
    assert_true(said[WAIT_HOSTS_DOWN]);
    assert_int_equal(since[WAIT_HOSTS_DOWN], clock_mono() - 10000);
    assert_false(said[WAIT_SERVER_LIMIT] || said[WAIT_MEMORY]);
    assert_int_equal(
        scheduler_explain_message(world.s, id, false, &out, &e), 0);
    assert_non_null(strstr(out.p, "waits: delivery is suspended"));
    assert_non_null(strstr(out.p, "next: it is resumed"));
    assert_non_null(strstr(out.p, "also waits: nothing delivers its method"));
    assert_non_null(strstr(out.p, "also waits: every host of the domain"));
    buf_cut(&out, 0);
    assert_int_equal(scheduler_explain_domain(
                         world.s, STR("X.test"), STR_NONE, true, &out, &e),
        0);
    assert_non_null(strstr(out.p, "\"also\":[{\"reason\":\"hosts-down\""));
    assert_non_null(strstr(out.p, "failed"));
    fake_module_state = MODULE_LOADED;
    buf_fini(&out);
    world_end();
}

/* Asking changes nothing, and a domain nobody has written to has an answer. */
static void
test_of_nobody(void **state)
{
    struct buf out = BUF_INIT;
    struct err e;
    uint64_t runs;

    (void)state;
    begin("domain \"quiet.test\" {\nmax_outbound_connections = 3\n}\n");
    (void)one("a@x.test");
    runs = world.s->runs;
    assert_int_equal(scheduler_explain_domain(
                         world.s, STR("Quiet.TEST"), STR_NONE, false, &out, &e),
        0);
    assert_non_null(strstr(out.p, "no mail for quiet.test is queued"));
    assert_non_null(strstr(out.p, "hosts of quiet.test"));
    assert_non_null(strstr(
        out.p, "max_outbound_connections of domain quiet.test (t.conf:6)"));
    buf_cut(&out, 0);
    assert_int_equal(scheduler_explain_domain(
                         world.s, STR("quiet.test"), STR("b"), true, &out, &e),
        0);
    assert_non_null(strstr(out.p, "\"queued_as\":\"quiet.test\""));
    assert_int_not_equal(scheduler_explain_domain(world.s, STR("no such name"),
                             STR_NONE, false, &out, &e),
        0);
    ask(world_queue("x.test"));
    world_run();
    assert_int_equal(world.s->runs, runs);
    assert_int_equal(fake_hosts[0].open, 1);
    buf_fini(&out);
    world_end();
}

UNIT_MAIN(cmocka_unit_test(test_table_is_whole),
    cmocka_unit_test(test_each_is_produced), cmocka_unit_test(test_all_at_once),
    cmocka_unit_test(test_of_nobody))
