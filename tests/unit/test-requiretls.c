/* SPDX-License-Identifier: Apache-2.0
 *
 * Mail with REQUIRETLS (RFC 8689): every host is tried, and then it is over.
 */
#include "queue_world.h"

#include <impel/module.h>

#define BASE "retry_interval = 1200\n"
#define NOT_OFFERED \
    "451 4.7.30 [internal] REQUIRETLS required but not advertised"

static uint64_t
accept_with(uint32_t needs)
{
    struct message *m = world_message("default", "s@from.test", "a@x.test");

    m->env.needs = needs;
    world_give(m);
    world_run();
    return m->id;
}

static void
two_hosts(void)
{
    world_begin(BASE);
    fake_hosts[0] = (struct fake_host){.addr = "192.0.2.1"};
    fake_hosts[1] = (struct fake_host){.addr = "192.0.2.2"};
}

static void
every_host_is_tried(void **state)
{
    struct str report;

    (void)state;
    two_hosts();
    (void)accept_with(IMPEL_NEED_TLS);
    assert_int_equal(fake_session_count, 1);
    fake_closed_for(0, IMPEL_AT_TLS, 451, "4.7.30", NOT_OFFERED);
    assert_int_equal(fake_session_count, 2);
    assert_string_not_equal(fake_sessions[1].host, fake_sessions[0].host);
    assert_int_equal(world.s->stats.failed, 0);
    fake_closed_for(1, IMPEL_AT_TLS, 451, "4.7.30", NOT_OFFERED);
    assert_int_equal(world.s->stats.failed, 1);
    assert_int_equal(fake_store.accepts, 1); /* the report of it */
    report = buf_get(&fake_store.accepted);
    assert_true(str_find(report, STR("\r\nStatus: 5.7.30\r\n"), 0) != SIZE_MAX);
    assert_true(str_find(report, STR("550 5.7.30"), 0) != SIZE_MAX);
    assert_int_equal(
        fake_store.last_accepted->env.needs & IMPEL_NEED_TLS, IMPEL_NEED_TLS);
    world_end();
}

/* TLS that fails is "encryption needed". */
static void
one_host_will_do(void **state)
{
    (void)state;
    two_hosts();
    (void)accept_with(IMPEL_NEED_TLS | IMPEL_NEED_UTF8);
    fake_closed_for(0, IMPEL_AT_TLS, 451, "4.7.5",
        "451 4.7.5 [internal] TLS negotiation failed: no");
    fake_ready(1, 1);
    assert_int_equal(fake_sessions[1].count, 1);
    fake_delivered(1);
    assert_int_equal(world.s->stats.delivered, 1);
    /* the first is still marked, and now the other fails */
    fake_closed(1, IMPEL_DELIVERED, IMPEL_BLAME_SESSION, true);
    (void)accept_with(IMPEL_NEED_TLS);
    fake_closed_for(2, IMPEL_AT_TLS, 451, "4.7.5",
        "451 4.7.5 [internal] TLS negotiation failed: no");
    assert_int_equal(world.s->stats.failed, 1);
    assert_true(str_find(buf_get(&fake_store.accepted),
                    STR("\r\nStatus: 5.7.10\r\n"), 0) != SIZE_MAX);
    world_end();
}

/* What has nothing to do with REQUIRETLS is waited for; so is other mail. */
static void
others_wait(void **state)
{
    static const struct {
        uint32_t needs;
        int stage;
        const char *status, *text;
    } rows[] = {{IMPEL_NEED_TLS, IMPEL_AT_CONNECT, "4.4.1",
                    "451 4.4.1 [internal] Connection refused"},
        {IMPEL_NEED_TLS, IMPEL_AT_TLS, "4.7.0", "454 4.7.0 not now"},
        {0, IMPEL_AT_TLS, "4.7.6",
            "451 4.7.6 [internal] STARTTLS required but not advertised"},
        {MESSAGE_ANY_TLS, IMPEL_AT_TLS, "4.7.5",
            "451 4.7.5 [internal] TLS negotiation failed"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        uint64_t id;

        two_hosts();
        id = accept_with(rows[i].needs);
        fake_closed_for(0, rows[i].stage, 451, rows[i].status, rows[i].text);
        fake_closed_for(1, rows[i].stage, 451, rows[i].status, rows[i].text);
        assert_int_equal(world.s->stats.failed, 0);
        assert_non_null(world_parcel(id));
        world_end();
    }
}

/* Mail of the same domain that asks for nothing goes by sessions of its own. */
static void
queues_are_apart(void **state)
{
    (void)state;
    world_begin(BASE "max_outbound_connections = 5\n");
    (void)accept_with(IMPEL_NEED_TLS);
    (void)accept_with(0);
    (void)accept_with(MESSAGE_ANY_TLS);
    assert_int_equal(fake_session_count, 3);
    for (unsigned i = 0; i < 3; i++)
        fake_ready(i, 5);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(fake_sessions[i].count, 1);
    assert_int_equal(
        fake_sessions[0].lent[0]->message->env.needs, IMPEL_NEED_TLS);
    assert_int_equal(fake_sessions[1].lent[0]->message->env.needs, 0);
    for (unsigned i = 0; i < 3; i++)
        fake_delivered(i);
    assert_int_equal(world.s->stats.delivered, 3);
    world_end();
}

UNIT_MAIN(cmocka_unit_test(every_host_is_tried),
    cmocka_unit_test(one_host_will_do), cmocka_unit_test(others_wait),
    cmocka_unit_test(queues_are_apart))
