/* SPDX-License-Identifier: Apache-2.0
 *
 * Each state in which mail waits has a reason; and the verbs that print it.
 */
#include "queue_world.h"

#include "queue/doom.h"
#include "queue/explain.h"

static enum wait_reason
reason_of(uint64_t id)
{
    struct explanation x;

    explain_parcel(world_parcel(id), &x);
    return x.reason;
}

static bool
says(uint64_t id, const char *word)
{
    struct buf out = BUF_INIT;
    struct err e;
    bool found;

    assert_int_equal(
        scheduler_explain_message(world.s, id, false, &out, &e), 0);
    found = strstr(out.p, word) != NULL;
    if (!found)
        print_message("%s\n", out.p);
    buf_fini(&out);
    return found;
}

static void
test_reasons(void **state)
{
    uint64_t id, other;

    (void)state;
    world_begin("retry_interval = 1200\nmax_outbound_connections = 1\n"
                "domain \"held.test\" { suspend_delivery = true }\n");
    id = world_accept("s@from.test", "a@held.test");
    assert_int_equal(reason_of(id), WAIT_SUSPENDED);
    assert_true(says(id, "suspend_delivery"));
    id = world_accept("s@from.test", "a@x.test");
    assert_int_equal(reason_of(id), WAIT_CONNECTING);
    fake_ready(0, 1);
    assert_int_equal(reason_of(id), WAIT_LENT);
    for (int i = 0; i < 8; i++)
        other = world_accept("s@from.test", "a@x.test");
    assert_int_equal(reason_of(other), WAIT_CONNECTION_LIMIT);
    fake_done(
        0, IMPEL_RETRY, IMPEL_BLAME_RCPT, IMPEL_AT_RCPT, 451, "4.2.2", "full");
    assert_int_equal(reason_of(id), WAIT_RETRY_TIME);
    assert_true(says(id, "next: 2023-11-14T22:33:20"));
    world_end();
}

static void
test_more_reasons(void **state)
{
    uint64_t id;

    (void)state;
    world_begin("");
    fake_pick = HOP_WAIT;
    id = world_accept("s@from.test", "a@dns.test");
    assert_int_equal(reason_of(id), WAIT_DNS);
    fake_pick = HOP_LIMIT;
    id = world_accept("s@from.test", "a@limit.test");
    assert_int_equal(reason_of(id), WAIT_HOST_LIMIT);
    fake_pick = HOP_OK;
    fake_hosts[0].down_until = clock_mono() + 60000;
    id = world_accept("s@from.test", "a@down.test");
    assert_int_equal(reason_of(id), WAIT_HOSTS_DOWN);
    assert_true(says(id, "1 of the 1 hosts of down.test"));
    fake_module_state = MODULE_KNOWN;
    world_configure("# another generation\n");
    assert_int_equal(reason_of(id), WAIT_MODULE);
    assert_true(says(id, "package impel-fake"));
    fake_module_state = MODULE_LOADED;
    world_configure("outbound_throttle_connections = \"1/600\"\n");
    fake_hosts[0].down_until = 0;
    world_advance(61000);
    (void)world_accept("s@from.test", "a@one.test");
    id = world_accept("s@from.test", "a@two.test");
    assert_int_equal(reason_of(id), WAIT_CONNECTION_THROTTLE);
    world_end();
}

static void
test_loading_and_bouncing(void **state)
{
    uint64_t id;

    (void)state;
    world_begin("retry_interval = 1200\n");
    id = world_accept("s@from.test", "a@x.test");
    fake_ready(0, 1);
    fake_done(
        0, IMPEL_RETRY, IMPEL_BLAME_RCPT, IMPEL_AT_RCPT, 451, "4.2.2", "full");
    fake_store.hold_loads = true;
    world_advance(1200001);
    assert_int_equal(reason_of(id), WAIT_LOADING);
    fake_store.hold_loads = false;
    fake_store_answer();
    fake_ready(fake_session_count - 1, 1);
    fake_store.accept_result = ERR_FULL;
    fake_done(fake_session_count - 1, IMPEL_FAILED, IMPEL_BLAME_RCPT,
        IMPEL_AT_RCPT, 550, "5.1.1", "gone");
    assert_int_equal(reason_of(id), WAIT_BOUNCING);
    fake_store.accept_result = 0;
    world_advance(6000);
    assert_null(world_parcel(id));
    world_end();
}

/* What is being written is nobody's concern until its time has come. */
static void
test_writing(void **state)
{
    uint64_t id;

    (void)state;
    world_begin("retry_interval = 1200\n");
    id = world_accept("s@from.test", "a@x.test");
    fake_ready(0, 1);
    fake_store.hold_places = true;
    fake_done(
        0, IMPEL_RETRY, IMPEL_BLAME_RCPT, IMPEL_AT_RCPT, 451, "4.2.2", "full");
    assert_int_equal(world_parcel(id)->writing, 1);
    assert_int_equal(reason_of(id), WAIT_RETRY_TIME);
    world_advance(1200001);
    assert_int_equal(reason_of(id), WAIT_WRITING);
    fake_store.hold_places = false;
    fake_store_place();
    world_advance(200);
    assert_int_equal(reason_of(id), WAIT_CONNECTING);
    world_end();
}

/* --- the verbs --- */

static char answer[16000];
static int answer_code;

static void
replied(void *arg, struct str text, const struct err *e)
{
    (void)arg;
    (void)str_copy(answer, sizeof(answer), text);
    answer_code = e->code;
}

struct told {
    int times;
    uint64_t count;
    bool partly;
};

static void
count_told(void *arg, uint64_t count, bool partly)
{
    struct told *t = arg;

    t->times++;
    t->count = count;
    t->partly = partly;
}

static void
settle(void)
{
    for (int i = 0; i < 50; i++)
        world_advance(10);
}

/* Two recipients of one message that waits. */
static uint64_t
begin_waiting(void)
{
    world_begin("retry_interval = 1200\nsuspend_delivery = true\n");
    return world_accept("s@from.test", "a@x.test b@x.test");
}

static void
test_domains_and_queues(void **state)
{
    struct scheduler_ask ask = {.reply = replied};

    (void)state;
    (void)begin_waiting();
    scheduler_print_domains(world.s, false, 0, STR_NONE, &ask);
    world_run();
    assert_non_null(strstr(answer, "Domain: x.test"));
    assert_non_null(strstr(answer, "Total"));
    ask.json = true;
    scheduler_print_domains(world.s, true, 0, STR_NONE, &ask);
    world_run();
    assert_non_null(strstr(answer, "\"domains\":[],\"total\":{"));
    scheduler_print_domains(world.s, false, 0, STR_NONE, &ask);
    world_run();
    assert_non_null(strstr(answer, "[{\"domain\":\"x.test\",\"conn"));
    scheduler_print_mailq(world.s, STR_NONE, STR_NONE, 20, &ask);
    world_run();
    assert_non_null(
        strstr(answer, "\"active\":1,\"delayed\":0,\"in_shared\":0}],\"not_"));
    ask.json = false;
    scheduler_print_mailq(world.s, STR_NONE, STR_NONE, 0, &ask);
    world_run();
    assert_non_null(strstr(answer, "1 queues not shown"));
    scheduler_print_mailq(world.s, STR("X.test"), STR_NONE, 20, &ask);
    world_run();
    assert_non_null(strstr(answer, "default/default"));
    world_end();
}

static void
test_refresh(void **state)
{
    struct scheduler_ask ask = {.reply = replied};
    struct told told = {0};

    (void)state;
    (void)begin_waiting();
    scheduler_refresh_domain(world.s, STR("none.test"), &ask);
    world_run();
    assert_int_equal(answer_code, ERR_NOTFOUND);
    scheduler_refresh_domain(world.s, STR("X.test"), &ask);
    world_run();
    assert_int_equal(answer_code, ERR_OK);
    assert_non_null(strstr(answer, "1 domains"));
    fake_route_age("x.test", true);
    scheduler_count_old_routes(world.s, count_told, &told);
    assert_int_equal(told.times, 0); /* not in the caller's turn */
    world_run();
    assert_int_equal(told.times, 1);
    assert_int_equal(told.count, 1);
    assert_false(told.partly);
    fake_route_age("x.test", false);
    scheduler_count_old_routes(world.s, count_told, &told);
    world_run();
    assert_int_equal(told.times, 2);
    assert_int_equal(told.count, 0);
    world_end();
}

static void
test_shown_mail(void **state)
{
    struct scheduler_ask ask = {.reply = replied};

    (void)state;
    (void)begin_waiting();
    scheduler_show_queue(world.s, STR("all"), STR("X.test"), 100, 0, &ask);
    settle();
    assert_non_null(strstr(answer, "To: <b@x.test>"));
    ask.json = true;
    scheduler_show_queue(world.s, STR("all"), STR("x.test"), 1, 1, &ask);
    settle();
    assert_null(strstr(answer, "a@x.test"));
    assert_non_null(strstr(answer, "\"to\":\"b@x.test\""));
    ask.json = false;
    scheduler_show_queue(world.s, STR_NONE, STR("none.test"), 1, 0, &ask);
    world_run();
    assert_int_equal(answer_code, ERR_NOTFOUND);
    scheduler_show_queue(world.s, STR_NONE, STR("x.test"), 10001, 0, &ask);
    world_run();
    assert_int_equal(answer_code, ERR_LIMIT);
    world_end();
}

static void
test_one_domain(void **state)
{
    struct buf out = BUF_INIT;
    struct err e;
    uint64_t id;

    (void)state;
    id = begin_waiting();
    assert_int_equal(
        scheduler_print_domain(world.s, STR("x.test"), false, &out, &e), 0);
    assert_non_null(strstr(out.p, "hosts of x.test"));
    buf_cut(&out, 0);
    assert_int_equal(
        scheduler_print_domain(world.s, STR("x.test"), true, &out, &e), 0);
    assert_int_equal(
        scheduler_print_domain(world.s, STR("none.test"), false, &out, &e),
        ERR_NOTFOUND);
    buf_cut(&out, 0);
    scheduler_print_bindings(world.s, STR("group:default"), false, &out);
    assert_non_null(strstr(out.p, "Active Queue Size:  1"));
    buf_cut(&out, 0);
    assert_int_equal(scheduler_explain_domain(
                         world.s, STR("x.test"), STR_NONE, true, &out, &e),
        0);
    assert_non_null(strstr(out.p, "\"reason\":\"suspend_delivery\""));
    buf_cut(&out, 0);
    assert_int_equal(
        scheduler_explain_message(world.s, id + 1, true, &out, &e), 0);
    assert_int_equal(scheduler_explain_message(world.s, id + 2, true, &out, &e),
        ERR_NOTFOUND);
    buf_fini(&out);
    world_end();
}

static void
test_one_message(void **state)
{
    struct scheduler_ask ask = {.reply = replied};
    uint64_t id, late;

    (void)state;
    id = begin_waiting();
    scheduler_message_details(world.s, id + 1, true, &ask);
    settle();
    assert_int_equal(answer_code, 0);
    assert_non_null(strstr(answer, "Recipient:     b@x.test"));
    assert_null(strstr(answer, "a@x.test"));
    assert_non_null(strstr(answer, "\r\n\r\nbody"));
    scheduler_message_details(world.s, 4, false, &ask);
    assert_int_equal(answer_code, ERR_NOTFOUND);
    late = world_accept("s@from.test", "c@x.test");
    scheduler_message_fail(
        world.s, late, true, STR("550 5.1.2 because I say so"), &ask);
    settle();
    assert_null(world_parcel(late));
    assert_int_equal(fake_store.accepts, 0); /* quiet */
    world_end();
}

static void
test_bulk(void **state)
{
    struct scheduler_ask ask = {.reply = replied};
    uint64_t id = 0;

    (void)state;
    world_begin("retry_interval = 1200\nmax_outbound_connections = 1\n");
    for (int i = 0; i < 200; i++)
        id = world_accept("s@from.test", "a@x.test");
    fake_ready(0, 1);
    for (int i = 0; i < 195; i++)
        fake_done(0, IMPEL_RETRY, IMPEL_BLAME_RCPT, IMPEL_AT_RCPT, 451, "4.2.2",
            "full");
    assert_int_equal(queue_delayed(world_queue("x.test")), 195);
    scheduler_flush(world.s, STR_NONE, STR("x.test"), &ask);
    settle();
    assert_string_equal(answer, "x.test flushed.  195 messages requeued.\n");
    assert_int_equal(queue_delayed(world_queue("x.test")), 0);
    scheduler_fail_domain(
        world.s, STR("default"), STR("x.test"), true, STR("go away"), &ask);
    settle();
    assert_string_equal(answer, "x.test purged. 200 messages failed.\n");
    assert_null(world_parcel(id));
    assert_int_equal(world.s->stats.messages, 0);
    world_end();
}

static unsigned
lines(const char *word)
{
    unsigned n = 0;

    for (const char *p = answer; (p = strstr(p, word)) != NULL; p++)
        n++;
    return n;
}

/* Mail that is on disk only is shown as whole as the rest, within the limit. */
static void
test_show_queue(void **state)
{
    struct scheduler_ask ask = {.reply = replied};
    uint64_t id;

    (void)state;
    world_begin("retry_interval = 1200\n");
    id = world_accept("s@from.test", "a@x.test b@x.test c@x.test");
    fake_ready(0, 1);
    fake_done(
        0, IMPEL_RETRY, IMPEL_BLAME_RCPT, IMPEL_AT_RCPT, 451, "4.2.2", "full");
    world_configure("retry_interval = 1200\nsuspend_delivery = true\n"
                    "binding \"other\" { }\n");
    for (int i = 0; i < 30; i++)
        (void)world_accept_for("other", "t@from.test", "d@x.test");
    scheduler_show_queue(world.s, STR("default"), STR("x.test"), 100, 0, &ask);
    world_run();
    assert_int_equal(fake_store.loads, 1);
    assert_int_equal(lines("[delayed/default]"), 3);
    assert_int_equal(lines("Waits: retry-time Next: "), 3);
    assert_non_null(strstr(answer, "From: <s@from.test> To: <c@x.test>"));
    scheduler_show_queue(world.s, STR_NONE, STR("x.test"), 2, 2, &ask);
    world_run();
    assert_int_equal(lines("To: <c@x.test>"), 1);
    assert_int_equal(lines("To: <d@x.test>"), 1);
    assert_int_equal(lines("["), 2);
    scheduler_show_queue(world.s, STR_NONE, STR("x.test"), 9, 40, &ask);
    world_run();
    assert_string_equal(answer, "");
    /* delivered while it is being read */
    fake_store.hold_loads = true;
    scheduler_show_queue(world.s, STR("default"), STR("x.test"), 1, 0, &ask);
    world_run();
    fake_store_forget(id);
    fake_store_answer();
    assert_non_null(strstr(answer, "(it has left the queue meanwhile)"));
    assert_int_equal(world.s->jobs, 0);
    world_end();
}

/* More reads than may be under way at once. */
static void
test_show_many(void **state)
{
    struct scheduler_ask ask = {.reply = replied};

    (void)state;
    world_begin("max_resident_active_queue = 20\n");
    fake_pick = HOP_WAIT;
    for (int i = 0; i < 70; i++)
        (void)world_accept("s@from.test", "a@x.test");
    answer[0] = '\0';
    fake_store.hold_loads = true;
    scheduler_show_queue(world.s, STR_NONE, STR("x.test"), 60, 0, &ask);
    world_run();
    assert_int_equal(fake_store.loads, 16);
    fake_store_answer();
    assert_int_equal(fake_store.loads, 32);
    assert_string_equal(answer, "");
    fake_store_answer();
    fake_store_answer();
    assert_int_equal(fake_store.loads, 40);
    assert_int_equal(lines("From: <s@from.test>"), 60);
    world_end();
}

/* An operator's words are the sender's answer wherever the mail was. */
static void
test_failed_while_lent(void **state)
{
    struct scheduler_ask ask = {.reply = replied};
    uint64_t id, other;

    (void)state;
    world_begin("retry_interval = 1200\nmax_outbound_connections = 1\n");
    id = world_accept("s@from.test", "a@x.test");
    other = world_accept("s@from.test", "b@x.test");
    fake_ready(0, 1);
    assert_int_equal(world_state(id), PARCEL_LENT);
    scheduler_message_fail(
        world.s, id, false, STR("552 5.2.3 out of my sight"), &ask);
    settle();
    assert_null(world_parcel(id));
    assert_int_equal(fake_store.accepts, 1);
    assert_non_null(strstr(fake_store.accepted.p, "552 5.2.3 out of my sight"));
    assert_int_equal(world_state(other), PARCEL_LENT);
    scheduler_fail_domain(
        world.s, STR_NONE, STR("x.test"), false, STR("and you"), &ask);
    settle();
    assert_string_equal(answer, "x.test purged. 1 messages failed.\n");
    assert_null(world_parcel(other));
    assert_non_null(strstr(fake_store.accepted.p, "554 5.7.0 and you"));
    world_end();
}

/* What was begun and failed for now is not tried again; what was delivered
 * stays so. */
static void
test_failed_while_begun(void **state)
{
    struct result r[2] = {{.retry_after = -1}, {.retry_after = -1}};
    struct doom *d;
    uint64_t id;

    (void)state;
    world_begin("retry_interval = 1200\n");
    id = world_accept("s@from.test", "a@x.test b@x.test");
    fake_ready(0, 1);
    d = doom_new(STR("go"), "no words", true);
    assert_true(doom_parcel(world_parcel(id), d));
    assert_false(doom_parcel(world_parcel(id), d));
    doom_unref(&d);
    result_set(&r[0], IMPEL_DELIVERED, 1, IMPEL_AT_FINAL, 250, "2.0.0", "ok");
    result_set(&r[1], IMPEL_RETRY, 1, IMPEL_AT_RCPT, 451, "4.2.0", "later");
    fake_done_each(0, r);
    assert_null(world_parcel(id));
    assert_int_equal(world.s->stats.delivered, 1);
    assert_int_equal(world.s->stats.failed, 1);
    assert_int_equal(fake_store.attempts, 0);
    assert_int_equal(fake_store.accepts, 0);
    result_fini(&r[0]);
    result_fini(&r[1]);
    world_end();
}

static void
test_numbers(void **state)
{
    struct scheduler_stats st;

    (void)state;
    world_begin("retry_interval = 1200\nmax_outbound_connections = 1\n");
    for (int i = 0; i < 8; i++)
        (void)world_accept("s@from.test", "a@x.test");
    fake_ready(0, 1);
    fake_done(
        0, IMPEL_RETRY, IMPEL_BLAME_RCPT, IMPEL_AT_RCPT, 451, "4.2.2", "full");
    scheduler_get_stats(world.s, &st);
    assert_int_equal(st.lent, 5);
    assert_int_equal(st.active, 2);
    assert_int_equal(st.delayed, 1);
    world_end();
}

UNIT_MAIN(cmocka_unit_test(test_reasons), cmocka_unit_test(test_more_reasons),
    cmocka_unit_test(test_loading_and_bouncing),
    cmocka_unit_test(test_domains_and_queues),
    cmocka_unit_test(test_loading_and_bouncing), cmocka_unit_test(test_refresh),
    cmocka_unit_test(test_loading_and_bouncing),
    cmocka_unit_test(test_shown_mail),
    cmocka_unit_test(test_loading_and_bouncing),
    cmocka_unit_test(test_one_domain),
    cmocka_unit_test(test_loading_and_bouncing),
    cmocka_unit_test(test_one_message), cmocka_unit_test(test_bulk),
    cmocka_unit_test(test_writing), cmocka_unit_test(test_failed_while_lent),
    cmocka_unit_test(test_failed_while_begun), cmocka_unit_test(test_numbers),
    cmocka_unit_test(test_show_queue), cmocka_unit_test(test_show_many))
