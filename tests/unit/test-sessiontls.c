/* SPDX-License-Identifier: Apache-2.0
 *
 * test-sessiontls.c - sessions whose route demands TLS, with a module that
 * makes none.
 */
#include "unit.h"

#include <signal.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/xmem.h"
#include "fake_spool.h"
#include "net/tlsdemand.h"
#include "session_kit.h"
#include "toy_module.h"
#include "xport/hostapi.h"
#include "xport/session_int.h"

static struct module *module;
static uint16_t port;
static int tls_count;
static enum tls_reason told;

static void
on_tls(void *arg, struct session *s, const struct session_tls *t)
{
    (void)arg, (void)s;
    assert_int_equal(closed_count, 0);
    tls_count++;
    told = t->why;
}

/* A session under that demand, with one message for it. */
static struct session *
open_under(enum tlsdemand_by by, enum tlsdemand_level level)
{
    struct session_request r = {.loop = loop,
        .module = module,
        .method = "TOY",
        .host = STR("mx.test"),
        .ehlo_name = "me.example",
        .tls = tlsdemand_new(by, level),
        .id = 42};
    static struct session_events events;
    struct session *s;

    assert_int_equal(cidr_parse(STR("127.0.0.1"), 0, &r.to.ip, NULL), 0);
    r.to.port = port;
    events = kit_events;
    events.tls = on_tls;
    s = session_open(&r, loop_mailbox(loop), &events, NULL);
    tlsdemand_unref(&r.tls); /* the session has its own reference */
    kit_lend(s, "x", 1);
    return s;
}

static int
setup(void **state)
{
    (void)state;
    ready_count = back_count = closed_count = tls_count = 0;
    peer_octets = 0;
    told = TLS_FINE;
    return 0;
}

/* A module that says it is ready, and has made no TLS, gets nothing to send
 * where the route demands it. */
static void
test_not_met(void **state)
{
    static const enum tlsdemand_level levels[] = {
        TLSDEMAND_ENCRYPTED, TLSDEMAND_VERIFIED};

    for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
        setup(state);
        (void)open_under(TLSDEMAND_DANE, levels[i]);
        until(&closed_count, 1);
        assert_int_equal(back_count, 1);
        assert_int_equal(verdict, IMPEL_UNTRIED);
        assert_int_equal(ready_count, 0);
        assert_false(was_established);
        assert_int_equal(closed_why.verdict, IMPEL_RETRY);
        assert_int_equal(closed_why.blame, IMPEL_BLAME_HOST);
        assert_int_equal(closed_why.stage, IMPEL_AT_TLS);
        assert_non_null(strstr(closed_why.text, "no mail goes without TLS"));
        assert_int_equal(tls_count, 1);
        assert_int_equal(told, TLS_NO_STARTTLS);
        assert_int_equal(peer_octets, 0);
    }
}

/* One that is only watched is told of, and the mail goes. */
static void
test_watched(void **state)
{
    struct session *s = open_under(TLSDEMAND_STS, TLSDEMAND_WATCHED);

    (void)state;
    until(&back_count, 1);
    assert_int_equal(verdict, IMPEL_DELIVERED);
    assert_int_equal(tls_count, 1);
    assert_int_equal(told, TLS_NO_STARTTLS);
    session_close(s, true);
    until(&closed_count, 1);
}

/* A module that says it speaks in TLS only, and dials in clear all the same. */
static void
test_said_always(void **state)
{
    (void)state;
    module->desc.flags = IMPEL_MODULE_TLS;
    (void)open_under(TLSDEMAND_STS, TLSDEMAND_WATCHED);
    until(&closed_count, 1);
    module->desc.flags = 0;
    assert_int_equal(verdict, IMPEL_UNTRIED);
    assert_int_equal(ready_count, 0);
    assert_non_null(strstr(closed_why.text, "speaks in TLS only"));
    assert_int_equal(peer_octets, 0);
}

/* Which of the demand's words keep sessions apart. */
static void
test_what_is_the_same(void **state)
{
    struct str one = STR("\3\1\1"
                         "12345678901234567890123456789012");
    struct str two = STR("\3\1\1"
                         "02345678901234567890123456789012");
    struct tlsdemand *d[6];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(d); i++) {
        d[i] = tlsdemand_new(
            TLSDEMAND_DANE, i == 1 ? TLSDEMAND_ENCRYPTED : TLSDEMAND_VERIFIED);
        d[i]->tlsa = tlsa_set_new(i == 2 ? &two : &one, 1);
        d[i]->sni = xdup(i == 3 ? "other.test" : "mx.test");
        tlsdemand_add_name(d[i], STR("mx.test"));
        tlsdemand_add_name(d[i], STR("MX.test")); /* the same */
        if (i == 4)
            tlsdemand_add_name(d[i], STR("d.test"));
    }
    d[5]->text = xdup("said otherwise");
    assert_true(tlsdemand_eq(d[0], d[5]));
    assert_true(tlsdemand_eq(NULL, NULL));
    assert_false(tlsdemand_eq(d[0], NULL));
    for (size_t i = 1; i < 5; i++)
        assert_false(tlsdemand_eq(d[0], d[i]));
    for (size_t i = 0; i < ARRAY_SIZE(d); i++)
        tlsdemand_unref(&d[i]);
}

static int
start(void **state)
{
    static const struct session_limits quick = {400, 300, 300, 300};
    static struct loop *loops[1];
    struct err e;

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    log_set_mask(LOG_LEVEL_WARNING, 0);
    session_set_limits(&quick);
    loop = loops[0] = loop_new("home", &e);
    hostapi_set_loops(loops, 1);
    module = toy_module();
    port = peer_start();
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    result_fini(&closed_why);
    assert_int_equal(fake_messages, 0);
    assert_int_equal(session_count_outbound(), 0);
    conn_drop_finishing(loop);
    loop_free(&loop);
    toy_module_free(&module);
    peer_stop();
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_not_met, setup),
        cmocka_unit_test_setup(test_watched, setup),
        cmocka_unit_test_setup(test_said_always, setup),
        cmocka_unit_test(test_what_is_the_same),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
