/* SPDX-License-Identifier: Apache-2.0
 *
 * Overrides of a running scheduler: queues follow, and they end in time.
 */
#include "queue_world.h"

#include <stdio.h>
#include <stdlib.h>

#include "queue/overriding.h"
#include "queue/throttle.h"

#define BASE "retry_interval = 1200\n"

static struct override
override_of(const char *binding, const char *domain, const char *name,
    const char *value, int64_t seconds)
{
    return (struct override){
        .place = {.binding = str_of(binding), .domain = str_of(domain)},
        .option = option_find(str_of(name)),
        .value = {.text = str_of(value)},
        .set_at = clock_wall(),
        .expires = seconds ? clock_wall() + seconds * 1000 : 0,
        .who = STR("uid=0 pid=7"),
        .why = STR("a test")};
}

static void
set(const char *binding, const char *domain, const char *name,
    const char *value, int64_t seconds)
{
    struct override v = override_of(binding, domain, name, value, seconds);
    struct err e = {0};

    if (overriding_set(world.s, &v, &e))
        fail_msg("%s", e.text);
    world_run();
}

static void
clear(const char *binding, const char *domain, const char *name)
{
    struct override v = override_of(binding, domain, name, "", 0);

    assert_true(overriding_clear(world.s, &v.place, v.source, v.option));
    world_run();
}

static bool
lists(const char *want)
{
    struct buf out = BUF_INIT;
    bool found;

    overriding_print(world.s, NULL, false, &out);
    found = strstr(out.p, want) != NULL;
    if (!found)
        print_message("wanted \"%s\" in: %s\n", want, out.p);
    buf_fini(&out);
    return found;
}

static int
reason(const char *domain)
{
    return (int)world_queue(domain)->reason;
}

/* By whom, and until when; or where it is written. */
static void
test_explained(void **state)
{
    struct buf out = BUF_INIT;
    struct err e;

    (void)state;
    world_begin(BASE "domain y.test { suspend_delivery = true }\n");
    (void)world_accept("s@from.test", "a@x.test");
    (void)world_accept("s@from.test", "a@y.test");
    set(NULL, "x.test", "suspend_delivery", "true", 600);
    assert_int_equal(scheduler_explain_domain(
                         world.s, STR("x.test"), STR_NONE, false, &out, &e),
        0);
    assert_non_null(strstr(out.p,
        "because: suspend_delivery of override of domain x.test by uid=0 "
        "pid=7 until "
        "2023-11-14T22:23:20.000Z (a test)\n  next: "
        "2023-11-14T22:23:20.000Z, it is resumed\n"));
    buf_cut(&out, 0);
    assert_int_equal(scheduler_explain_domain(
                         world.s, STR("y.test"), STR_NONE, false, &out, &e),
        0);
    assert_non_null(
        strstr(out.p, "because: suspend_delivery of domain y.test ("));
    buf_fini(&out);
    world_end();
}

/* Mail in the middle of being delivered, another domain, and resume. */
static void
test_suspend_and_resume(void **state)
{
    (void)state;
    world_begin(BASE);
    (void)world_accept("s@from.test", "a@x.test");
    fake_ready(0, 1);
    (void)world_accept("s@from.test", "b@x.test");
    assert_int_equal(world_queue("x.test")->busy->lent, 2);
    set(NULL, "X.test", "suspend_delivery", "true", 0);
    assert_int_equal(reason("x.test"), WAIT_SUSPENDED);
    assert_int_equal(world_queue("x.test")->busy->lent, 0);
    assert_false(fake_sessions[0].alive);
    (void)world_accept("s@from.test", "a@y.test");
    assert_int_equal(fake_session_alive(), 1);
    set(NULL, NULL, "suspend_delivery", "true", 0);
    assert_int_equal(reason("y.test"), WAIT_SUSPENDED);
    clear(NULL, "x.test", "suspend_delivery");
    assert_int_equal(reason("x.test"), WAIT_SUSPENDED); /* by the other */
    set(NULL, "x.test", "suspend_delivery", "false", 0);
    assert_int_equal(reason("x.test"), WAIT_CONNECTING);
    clear(NULL, NULL, "suspend_delivery");
    assert_int_equal(reason("y.test"), WAIT_CONNECTING);
    world_end();
}

/* To the millisecond, the earliest first, and not that of another place. */
static void
test_they_end_in_time(void **state)
{
    (void)state;
    world_begin(BASE);
    (void)world_accept("s@from.test", "a@x.test");
    set(NULL, NULL, "suspend_delivery", "true", 600);
    set(NULL, "x.test", "suspend_delivery", "true", 3600);
    set(NULL, "x.test", "retry_interval", "5", 300);
    assert_int_equal(world_queue("x.test")->opt->retry.interval, 5000);
    assert_true(lists("all: suspend_delivery = true, for 10m more"));
    world_advance(299999);
    assert_true(lists("all: suspend_delivery = true, for 5m more"));
    assert_int_equal(world_queue("x.test")->opt->retry.interval, 5000);
    world_advance(1);
    assert_int_equal(world_queue("x.test")->opt->retry.interval, 1200000);
    world_advance(300000);
    assert_int_equal(overrides_count(overriding_all(world.s)), 1);
    assert_int_equal(reason("x.test"), WAIT_SUSPENDED);
    (void)world_accept("s@from.test", "a@y.test");
    assert_int_equal(reason("y.test"), WAIT_CONNECTING);
    world_advance(2999999);
    assert_int_equal(reason("x.test"), WAIT_SUSPENDED);
    world_advance(1);
    assert_int_equal(reason("x.test"), WAIT_CONNECTING);
    assert_true(lists("no overrides"));
    assert_int_equal(fake_store.value_count, 0);
    world_end();
}

static void
test_they_survive(void **state)
{
    struct override v;
    struct err e;

    (void)state;
    world_begin(BASE);
    set(NULL, "x.test", "suspend_delivery", "true", 0);
    set(NULL, NULL, "suspend_delivery", "true", 600);
    set("b", NULL, "max_outbound_connections", "7", 0);
    v = override_of(NULL, NULL, "adaptive_max_retries", NULL, 0);
    v.value.items = (const struct str[]){STR("10"), STR("20")};
    v.value.item_count = 2;
    assert_int_equal(overriding_set(world.s, &v, &e), 0);
    world_configure(BASE "binding b { }\n"); /* a reload */
    (void)world_accept("s@from.test", "a@x.test");
    assert_int_equal(reason("x.test"), WAIT_SUSPENDED);
    clock_advance(601000);
    world_restart(BASE "binding b { }\n");
    assert_int_equal(overrides_count(overriding_all(world.s)), 3);
    assert_int_equal(overrides_next(overriding_all(world.s), NULL)->option,
        option_find(STR("suspend_delivery")));
    (void)world_accept("s@from.test", "a@x.test");
    (void)world_accept_for("b", "s@from.test", "a@y.test");
    assert_int_equal(reason("x.test"), WAIT_SUSPENDED);
    assert_int_equal(fake_session_count, 1);
    assert_true(lists("domain x.test: suspend_delivery = true, set "
                      "2023-11-14T22:13:20.000Z by uid=0 pid=7: a test\n"));
    assert_true(lists("adaptive_max_retries = ( 10 20 )"));
    assert_int_equal(
        scope_int(generation_scope(world.generation, STR("b"), STR_NONE),
            v.option = option_find(STR("max_outbound_connections"))),
        7);
    world_end();
}

static void
put_kept(const char *name, const char *text)
{
    size_t i = fake_store.value_count++;

    snprintf(fake_store.values[i].key, sizeof(fake_store.values[i].key),
        "override/%s", name);
    snprintf(fake_store.values[i].text, sizeof(fake_store.values[i].text), "%s",
        text);
    fake_store.values[i].expiry = 0;
}

/* What stands in the store is not believed: what makes no sense is left out,
 * and nothing of it ends the daemon. */
static void
test_damaged(void **state)
{
    (void)state;
    world_begin(BASE);
    put_kept("a", "[1]");
    put_kept("b", "{\"option\": \"adaptive_max_retries\", \"value\": [1, 2]}");
    put_kept("c", "{\"option\": \"suspend_delivery\", \"value\": null}");
    put_kept("d",
        "{\"option\": \"suspend_delivery\", \"value\": \"true\", "
        "\"set\": -1, \"until\": -9223372036854775808}");
    put_kept("e",
        "{\"option\": \"suspend_delivery\", \"value\": \"true\", "
        "\"set\": \"now\"}");
    put_kept("f",
        "{\"option\": \"suspend_delivery\", \"value\": \"true\", \"set\": "
        "9223372036854775807, \"until\": 9223372036854775807}");
    world_restart(BASE);
    assert_int_equal(overrides_count(overriding_all(world.s)), 1);
    assert_true(lists("(until 9999-12-31T23:59:59.999Z)"));
    assert_true(lists(", set 9999-12-31T23:59:59.999Z\n"));
    world_advance(1);
    world_end();
}

/* What cannot be is refused, and nothing has changed. */
static void
test_refused(void **state)
{
    struct override v;
    struct err e;

    (void)state;
    world_begin(BASE);
    v = override_of(NULL, NULL, "suspend_delivery", "true", 0);
    v.expires = clock_wall();
    assert_int_equal(overriding_set(world.s, &v, &e), ERR_INVAL);
    v = override_of(NULL, NULL, "retry_interval", "never", 0);
    assert_int_equal(overriding_set(world.s, &v, &e), ERR_CONF);
    assert_false(overriding_clear(world.s, &v.place, v.source, v.option));
    assert_int_equal(overriding_clear_place(world.s, &v.place, v.source), 0);
    assert_int_equal(fake_store.value_count, 0);
    world_end();
}

/* One throttle, whose rate changes; what it has counted stays. */
static void
test_a_throttle_of_an_override(void **state)
{
    struct throttle *t;

    (void)state;
    world_begin(BASE "outbound_throttle_messages = 1000\n");
    for (int i = 0; i < 6; i++)
        (void)world_accept("s@from.test", "a@x.test");
    set(NULL, NULL, "outbound_throttle_messages", "2/3600", 0);
    t = world_queue("x.test")->messages;
    fake_ready(0, 1);
    fake_delivered(0);
    fake_delivered(0);
    assert_int_equal(world_queue("x.test")->busy->lent, 0);
    assert_int_equal(reason("x.test"), WAIT_MESSAGE_THROTTLE);
    set(NULL, NULL, "outbound_throttle_messages", "3/3600", 0);
    assert_ptr_equal(world_queue("x.test")->messages, t);
    world_advance(1000);
    fake_ready(0, 1);
    assert_int_equal(world_queue("x.test")->busy->lent, 1);
    clear(NULL, NULL, "outbound_throttle_messages");
    assert_ptr_not_equal(world_queue("x.test")->messages, t);
    world_end();
}

static void
set_group(const char *group, const char *name, const char *value)
{
    struct override v = override_of(NULL, NULL, name, value, 0);
    struct err e = {0};

    v.place.group = str_of(group);
    if (overriding_set(world.s, &v, &e))
        fail_msg("%s", e.text);
    world_run();
}

/* Limits of many queues are read again. */
static void
test_limits_of_many(void **state)
{
    static const char name[] = "server_max_outbound_connections";

    (void)state;
    world_begin(BASE "binding_group g { binding b { } binding c { } }\n");
    set_group("g", name, "1");
    (void)world_accept_for("b", "s@from.test", "a@x.test");
    (void)world_accept_for("c", "s@from.test", "a@y.test");
    assert_int_equal(fake_session_count, 1);
    set("b", NULL, name, "1", 0);
    set_group("g", name, "2");
    assert_int_equal(fake_session_count, 2);
    set_group("g", name, "10");
    (void)world_accept_for("b", "s@from.test", "a@z.test");
    assert_int_equal(fake_session_count, 2);
    clear("b", NULL, name);
    assert_int_equal(fake_session_count, 3);
    set(NULL, NULL, name, "3", 0);
    (void)world_accept_for("b", "s@from.test", "a@v.test");
    assert_int_equal(fake_session_count, 3);
    set(NULL, NULL, name, "4", 0);
    assert_int_equal(fake_session_count, 4);
    world_end();
}

/* Fewer connections than there are: idle ones and the newest end, with what
 * they have not begun; the rest goes on. */
static void
test_fewer_connections(void **state)
{
    struct queue *q;

    (void)state;
    world_begin(BASE "max_outbound_connections = 4\n"
                     "connection_allocation_aggressiveness = high\n");
    for (int i = 0; i < 40; i++)
        (void)world_accept("s@from.test", "a@x.test");
    q = world_queue("x.test");
    assert_int_equal(fake_session_alive(), 4);
    for (unsigned i = 0; i < 4; i++)
        fake_ready(i, 1);
    assert_int_equal(q->busy->lent, 20);
    set(NULL, "x.test", "max_outbound_connections", "1", 0);
    assert_int_equal(fake_session_alive(), 1);
    assert_true(fake_sessions[0].alive);
    assert_int_equal(q->busy->lent, 5);
    fake_delivered(0);
    assert_int_equal(q->busy->lent, 5);
    assert_int_equal(fake_session_alive(), 1);
    set(NULL, "x.test", "max_outbound_connections", "0", 0);
    assert_int_equal(fake_session_alive(), 0);
    clear(NULL, "x.test", "max_outbound_connections");
    assert_int_equal(fake_session_alive(), 4);
    assert_int_equal(queue_active(q), 39);
    world_end();
}

struct waiting {
    struct overriding_wait wait;
    int done, stored;
};

static void
waited(struct overriding_wait *w, bool stored)
{
    struct waiting *to = CONTAINER_OF(w, struct waiting, wait);

    to->done++;
    to->stored = stored;
}

/* Who asks is told when it is on disk, or that it is not after a while. */
static void
test_told_when_stored(void **state)
{
    struct waiting first = {.wait.done = waited}, second = first, third = first,
                   last = first;

    (void)state;
    world_begin(BASE);
    overriding_wait(world.s, &first.wait); /* for nothing */
    assert_true(first.done == 1 && first.stored);
    first.done = 0;
    fake_store.hold_values = true;
    set(NULL, NULL, "suspend_delivery", "true", 0);
    overriding_wait(world.s, &first.wait);
    clear(NULL, NULL, "suspend_delivery");
    overriding_wait(world.s, &second.wait);
    world_advance(OVERRIDING_PATIENCE_MS - 1);
    assert_int_equal(first.done + second.done, 0);
    fake_store_values();
    assert_true(first.done == 1 && first.stored);
    assert_true(second.done == 1 && second.stored);
    set(NULL, NULL, "suspend_delivery", "true", 0);
    overriding_wait(world.s, &third.wait);
    world_advance(OVERRIDING_PATIENCE_MS);
    assert_true(third.done == 1 && !third.stored);
    fake_store_values();
    set(NULL, NULL, "suspend_delivery", "false", 0);
    overriding_wait(world.s, &last.wait);
    fake_store_values();
    assert_true(last.done == 1 && last.stored && third.done == 1);
    world_end();
}

/* Expiry and `fail` go on while nothing is delivered. */
static void
test_suspended_mail_expires(void **state)
{
    uint64_t id;

    (void)state;
    world_begin(BASE "message_expiration = 3600\ngenerate_bounces = no\n");
    id = world_accept("s@from.test", "a@x.test");
    set(NULL, NULL, "suspend_delivery", "true", 0);
    world_advance(3610000);
    assert_null(world_parcel(id));
    set(NULL, "y.test", "blackhole", "true", 0);
    id = world_accept("s@from.test", "a@y.test");
    assert_null(world_parcel(id));
    world_end();
}

/* 10,000 queues and 1,000 overrides: those that none is about are left alone,
 * each is asked once. */
static void
test_many(void **state)
{
    struct override v;
    struct buf name = BUF_INIT;
    struct err e;

    (void)state;
    world_begin(BASE "suspend_delivery = true\n");
    for (int i = 0; i < 10000; i++) {
        buf_cut(&name, 0);
        buf_printf(&name, "d%d.test", i);
        (void)queue_get(
            world.s, STR("default"), buf_get(&name), MESSAGE_TLS_USUAL);
    }
    for (int i = 0; i < 1000; i++) {
        buf_cut(&name, 0);
        buf_printf(&name, "d%d.test", i);
        v = override_of(NULL, name.p, "retry_interval", "7", 0);
        v.source = OVERRIDE_ADAPTIVE;
        fake_store.value_count = 0; /* as many as you like */
        assert_int_equal(overriding_set(world.s, &v, &e), 0);
    }
    world_run();
    assert_int_equal(world_queue("d999.test")->opt->retry.interval, 7000);
    assert_int_equal(world_queue("d1000.test")->opt->retry.interval, 1200000);
    set(NULL, NULL, "retry_interval", "8", 0);
    for (int i = 0; i < 10000 && world.s->jobs; i++)
        world_run();
    assert_int_equal(world_queue("d999.test")->opt->retry.interval, 8000);
    assert_int_equal(world_queue("d9999.test")->opt->retry.interval, 8000);
    buf_fini(&name);
    world_end();
}

/* What changes for ever takes no more and more memory. */
static void
test_superseded(void **state)
{
    struct override v;
    struct err e;

    (void)state;
    world_begin(BASE "domain x.test { retry_interval = 77 }\n");
    world.remakes = 0;
    set(NULL, "y.test", "retry_interval", "9", 0);
    for (int i = 0; i < OVERRIDING_OVERLAYS; i++) {
        char value[20];

        (void)snprintf(value, sizeof(value), "%d", 1 + i % 100);
        v = override_of(NULL, NULL, "retry_interval", value, 0);
        v.source = OVERRIDE_ADAPTIVE;
        assert_int_equal(overriding_set(world.s, &v, &e), 0);
    }
    world_run();
    assert_int_equal(world.remakes, 1);
    assert_in_range(generation_overlays(world.generation), 2, 6);
    assert_int_equal(world_queue("x.test")->opt->retry.interval, 100000);
    assert_int_equal(world_queue("y.test")->opt->retry.interval, 9000);
    /* one change that makes as many scopes as that is no reason */
    world.s->overriding.most = 2;
    assert_true(overriding_clear(world.s, &v.place, v.source, v.option));
    world_run();
    assert_int_equal(world.remakes, 1);
    assert_true(world.s->overriding.most > 2);
    assert_int_equal(world_queue("x.test")->opt->retry.interval, 77000);
    world_end();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suspend_and_resume),
        cmocka_unit_test(test_explained),
        cmocka_unit_test(test_they_end_in_time),
        cmocka_unit_test(test_they_survive),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_a_throttle_of_an_override),
        cmocka_unit_test(test_told_when_stored),
        cmocka_unit_test(test_limits_of_many),
        cmocka_unit_test(test_fewer_connections),
        cmocka_unit_test(test_suspended_mail_expires),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_superseded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
