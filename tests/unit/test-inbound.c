/* SPDX-License-Identifier: Apache-2.0
 *
 * test-inbound.c - accepted sessions with a listener that speaks lines: "G"
 * greets, "Q" ends.  One loop, turned by hand; the peer is the other end of a
 * socket pair.
 */
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/magic.h"
#include "base/xmem.h"
#include "fake_spool.h"
#include "xport/hostapi.h"
#include "xport/instance.h"
#include "xport/session_int.h"

static struct loop *loop;
static struct module *module;
static const struct impel_host *host;
static int peer, released, events[16], refuse, deaf;

/* --- the listener --- */

struct in {
    struct impel_session *session;
};

static int
in_accepted(void *ctx, struct impel_session *session,
    const struct impel_scope *scope, const struct impel_peer *p, void **s,
    struct impel_error *e)
{
    struct in *in;

    (void)ctx, (void)scope;
    assert_memory_equal(p->addr.p, "192.0.2.7", p->addr.n);
    if (refuse) {
        snprintf(e->text, sizeof(e->text), "no more");
        return IMPEL_E_NOMEM;
    }
    in = xnew(struct in);
    in->session = session;
    *s = in;
    assert_int_equal(host->write(session, "HI\n", 3), 0);
    return 0;
}

static void
in_event(void *s, struct impel_batch *b, int event, int64_t arg)
{
    struct in *in = s;
    struct impel_str text;

    (void)b, (void)arg;
    events[event]++;
    if (deaf)
        return;
    if (event == IMPEL_EV_LOST) {
        host->closed(in->session, NULL);
        return;
    }
    if (event != IMPEL_EV_INPUT)
        return;
    text = host->input(in->session);
    if (text.n && text.p[0] == 'G')
        assert_int_equal(host->intake->greet(in->session, text), 0);
    if (text.n && text.p[0] == 'Q') {
        host->write(in->session, "BYE\n", 4);
        host->closed(in->session, NULL);
        return;
    }
    host->consume(in->session, text.n);
}

static void
in_verdict(void *s, uint64_t tag, size_t rcpt, const struct impel_result *r)
{
    struct in *in = s;

    assert_int_equal(tag, 0);
    assert_int_equal(rcpt, SIZE_MAX);
    host->write(in->session, r->text.p, r->text.n);
}

static void
in_close(void *s, int now)
{
    struct in *in = s;

    if (deaf)
        return;
    if (!now)
        host->write(in->session, "421\n", 4);
    host->closed(in->session, NULL);
}

/* --- the intake layer --- */

static int
greet(struct impel_session *s, struct impel_str name)
{
    struct impel_result r = {.size = sizeof(r),
        .verdict = IMPEL_DELIVERED,
        .stage = IMPEL_AT_CONNECT};
    char text[] = "OK\n"; /* gone before it is heard: it is copied */

    (void)name;
    r.text = (struct impel_str){text, 3};
    session_verdict(s, 0, SIZE_MAX, &r);
    session_credit(s);
    return 0;
}

static const struct impel_intake intake = {
    .size = sizeof(intake), .greet = greet};

/* --- the test --- */

static void
on_released(void *arg, struct impel_session *s)
{
    assert_ptr_equal(arg, session_arg(s));
    released++;
}

static struct impel_session *
accept_one(void)
{
    struct netaddr from = {0}, to = {0};
    int pair[2];

    assert_int_equal(cidr_parse(STR("192.0.2.7"), 0, &from.ip, NULL), 0);
    assert_int_equal(cidr_parse(STR("192.0.2.1"), 0, &to.ip, NULL), 0);
    from.port = 40000;
    to.port = 25;
    assert_int_equal(
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    peer = pair[1];
    return session_accept(
        loop, module, NULL, pair[0], &from, &to, 9, on_released, &peer);
}

static void
turns(int n)
{
    for (int i = 0; i < n; i++)
        loop_turn(loop, 5);
}

static void
expect(const char *want)
{
    char got[64];
    ssize_t n = 0, m;
    int64_t end = clock_mono() + 2000;

    while (n < (ssize_t)strlen(want) && clock_mono() < end) {
        loop_turn(loop, 5);
        m = read(peer, got + n, sizeof(got) - 1 - (size_t)n);
        if (m > 0)
            n += m;
    }
    got[n] = '\0';
    assert_string_equal(got, want);
}

static void
say(const char *text)
{
    assert_int_equal(write(peer, text, strlen(text)), strlen(text));
}

static int
setup(void **state)
{
    (void)state;
    released = refuse = deaf = 0;
    memset(events, 0, sizeof(events));
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    close(peer);
    turns(2);
    assert_int_equal(released, 1);
    assert_int_equal(session_count_inbound(), 0);
    return 0;
}

static void
test_conversation(void **state)
{
    struct impel_session *s = accept_one();

    (void)state;
    assert_int_equal(session_count_inbound(), 1);
    assert_int_equal(session_inbound_id(s), 9);
    session_set_name(s, "mx.example");
    assert_memory_equal(
        host->info(s, IMPEL_INFO_EHLO_NAME).p, "mx.example", 10);
    expect("HI\n");
    say("G me\n");
    expect("OK\n");
    assert_int_equal(events[IMPEL_EV_CREDIT], 1);
    say("Q\n");
    expect("BYE\n");
}

static void
test_peer_leaves(void **state)
{
    (void)state;
    (void)accept_one();
    expect("HI\n");
    say("G");
    shutdown(peer, SHUT_RDWR);
    turns(5);
    assert_int_equal(events[IMPEL_EV_INPUT], 1);
    assert_int_equal(events[IMPEL_EV_LOST], 1);
}

static void
test_refused(void **state)
{
    char c;

    (void)state;
    refuse = 1;
    (void)accept_one();
    turns(3);
    assert_int_equal(read(peer, &c, 1), 0); /* closed */
}

static void
test_end(void **state)
{
    (void)state;
    (void)accept_one();
    expect("HI\n");
    session_end_all_inbound(loop, false);
    expect("421\n");
}

/* A listener that answers nothing is dropped in time. */
static void
test_deaf(void **state)
{
    struct impel_session *s = accept_one();
    int64_t end = clock_mono() + 3000;

    (void)state;
    expect("HI\n");
    deaf = 1;
    session_end(s, false);
    while (!released && clock_mono() < end)
        turns(1);
}

static void
test_set_peer(void **state)
{
    struct impel_session *s = accept_one();
    struct impel_peer p = {.size = sizeof(p), .port = 7};

    (void)state;
    p.addr = (struct impel_str){"2001:db8::1", 11};
    assert_int_equal(host->intake->set_peer(s, &p), 0);
    assert_int_equal(session_peer(s)->ip.family, 6);
    assert_int_equal(session_peer(s)->port, 7);
    p.addr = (struct impel_str){"nonsense", 8};
    assert_int_equal(host->intake->set_peer(s, &p), IMPEL_E_INVAL);
    session_end(s, true);
    turns(3);
}

static int
start(void **state)
{
    static const struct session_limits quick = {100, 50, 100, 100};
    struct err e;

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    log_set_mask(LOG_LEVEL_WARNING, 0);
    session_set_limits(&quick);
    session_set_intake(&intake);
    host = hostapi_get(true);
    loop = loop_new("test", &e);
    module = xnew(struct module);
    module->magic = MODULE_MAGIC;
    module->name = "lines";
    module->has_listener = true;
    module->listener = (struct impel_listener){.size = sizeof(module->listener),
        .accepted = in_accepted,
        .event = in_event,
        .verdict = in_verdict,
        .close = in_close,
        .release = free};
    module->instance = instance_new(module);
    return loop ? 0 : -1;
}

static int
stop(void **state)
{
    (void)state;
    instance_free(&module->instance);
    free(module);
    conn_drop_finishing(loop);
    loop_free(&loop);
    return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_conversation),
        TEST(test_peer_leaves),
        TEST(test_refused),
        TEST(test_end),
        TEST(test_deaf),
        TEST(test_set_peer),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
