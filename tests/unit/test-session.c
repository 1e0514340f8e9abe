/* SPDX-License-Identifier: Apache-2.0
 *
 * test-session.c - sessions with a toy module, over loopback, with the
 * scheduler's loop here and the I/O loop in a thread.
 */
#include "unit.h"

#include <signal.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/xmem.h"
#include "loop/slow.h"
#include "fake_spool.h"
#include "toy_module.h"
#include "xport/hostapi.h"
#include "xport/instance.h"
#include "xport/session_int.h"

static struct loop *home, *io;
static struct module *module;
static uint16_t port;

/* What the events said. */
static struct session *live;
static struct batch *back[8];
static int ready_count, back_count, closed_count, draining_count;
static bool was_established;
static struct result closed_why;
static struct batch *recall_in_done;

static void
on_ready(void *arg, struct session *s, uint32_t open)
{
    (void)arg, (void)s, (void)open;
    assert_int_equal(closed_count, 0);
    ready_count++;
}

static void
on_done(void *arg, struct session *s, struct batch *b)
{
    (void)arg, (void)s;
    assert_int_equal(closed_count, 0);
    for (uint32_t i = 0; i < b->rcpt_count; i++)
        assert_int_not_equal(b->result[i].verdict, 0);
    back[back_count++] = b;
    if (recall_in_done) {
        struct batch *r = recall_in_done;

        recall_in_done = NULL;
        if (r->session)
            session_recall(s, r, true);
    }
}

static void
on_draining(void *arg, struct session *s)
{
    (void)arg, (void)s;
    draining_count++;
}

static void
on_closed(
    void *arg, struct session *s, const struct result *why, bool established)
{
    (void)arg, (void)s;
    closed_count++;
    live = NULL;
    was_established = established;
    result_dup(&closed_why, why);
}

static const struct session_events events = {
    on_ready, on_done, on_draining, on_closed, NULL};

/* Turn until *what reaches n; at most five seconds. */
static void
until(const int *what, int n)
{
    int64_t end = clock_mono() + 5000;

    while (*what < n && clock_mono() < end)
        loop_turn(home, 20);
    assert_true(*what >= n);
}

static void
turn_for(int64_t ms)
{
    int64_t end = clock_mono() + ms;

    while (clock_mono() < end)
        loop_turn(home, 10);
}

static struct session *
open_to(uint16_t at)
{
    struct session_request r = {.loop = io,
        .module = module,
        .method = "TOY",
        .host = STR("localhost"),
        .ehlo_name = "me.example",
        .id = 42};
    struct err e;

    assert_int_equal(cidr_parse(STR("127.0.0.1"), 0, &r.to.ip, &e), 0);
    r.to.port = at;
    live = session_open(&r, loop_mailbox(home), &events, NULL);
    return live;
}

static struct batch *
lend(struct session *s, uint32_t rcpts, size_t size)
{
    uint32_t index[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    char *body = xmalloc(size);
    struct message *m;
    struct batch *b;

    memset(body, 'x', size);
    m = fake_message(rcpts, body, size);
    b = batch_new(m, index, rcpts, NULL, 0);
    message_unref(&m);
    free(body);
    session_lend(s, b);
    return b;
}

static int
setup(void **state)
{
    (void)state;
    ready_count = back_count = closed_count = draining_count = 0;
    toy_flaw = TOY_GOOD;
    toy_room = 1;
    peer_mood = PEER_GOOD;
    peer_octets = 0;
    toy_most_open = 0;
    fake_body_again = 0;
    fake_body_bad = 0;
    fake_body_bad_code = ERR_IO;
    memset((void *)toy_events, 0, sizeof(toy_events));
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    if (live && !closed_count)
        session_close(live, true);
    if (live)
        until(&closed_count, 1);
    for (int i = 0; i < back_count; i++)
        batch_free(&back[i]);
    result_fini(&closed_why);
    assert_int_equal(fake_messages, 0);
    assert_int_equal(toy_open_sessions, 0);
    assert_int_equal(session_count_outbound(), 0);
    return 0;
}

static void
test_deliver(void **state)
{
    struct session *s = open_to(port);

    (void)state;
    lend(s, 3, 1000); /* before it is ready: waits on the loop */
    until(&back_count, 1);
    assert_int_equal(ready_count, 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(back[0]->result[i].verdict, IMPEL_DELIVERED);
        assert_int_equal(back[0]->result[i].code, 250);
        assert_string_equal(back[0]->result[i].text, "taken");
    }
    assert_true(back[0]->begun);
    assert_int_equal(back[0]->bytes, 1000);
    assert_int_equal(peer_octets, 1000);
    session_close(s, false);
    until(&closed_count, 1);
    assert_true(was_established);
    assert_int_equal(closed_why.verdict, IMPEL_DELIVERED);
}

static void
test_several(void **state)
{
    struct session *s = open_to(port);

    (void)state;
    until(&ready_count, 1);
    for (int i = 0; i < 5; i++)
        lend(s, 2, 100);
    until(&back_count, 5);
    peer_mood = PEER_REFUSES;
    lend(s, 1, 100);
    until(&back_count, 6);
    assert_int_equal(back[5]->result[0].verdict, IMPEL_FAILED);
    assert_string_equal(back[5]->result[0].text, "550 5.0.0 no such user");
}

/* Two at once, then none: the third waits for the first two. */
static void
test_room(void **state)
{
    struct session *s;

    (void)state;
    toy_flaw = TOY_MANY;
    toy_room = 2;
    s = open_to(port);
    for (int i = 0; i < 5; i++)
        lend(s, 1, 10);
    until(&back_count, 5);
    assert_int_equal(toy_most_open, 2);
}

static void
test_draining(void **state)
{
    struct session *s = open_to(port);

    (void)state;
    toy_flaw = TOY_DRAINS;
    until(&ready_count, 1);
    lend(s, 1, 10);
    lend(s, 1, 10);
    until(&back_count, 2);
    assert_int_equal(draining_count, 1);
    for (int i = 0; i < 2; i++) /* what waited came back untried */
        assert_int_equal(back[i]->result[0].verdict,
            back[i]->begun ? IMPEL_DELIVERED : IMPEL_UNTRIED);
    assert_int_not_equal(back[0]->begun, back[1]->begun);
}

static void
test_large_body(void **state)
{
    struct session *s = open_to(port);

    (void)state;
    peer_mood = PEER_SLOW;
    fake_body_again = 3;
    lend(s, 1, 3000000);
    until(&back_count, 1);
    assert_int_equal(back[0]->result[0].verdict, IMPEL_DELIVERED);
    assert_int_equal(peer_octets, 3000000);
    assert_int_equal(back[0]->bytes, 3000000);
    assert_int_equal(toy_events[IMPEL_EV_BODY], 1);
}

static void
test_unreadable_body(void **state)
{
    struct session *s = open_to(port);
    uint64_t before = module->instance->broken;

    (void)state;
    fake_body_bad = 500000;
    lend(s, 1, 1000000);
    until(&back_count, 1);
    assert_int_equal(back[0]->result[0].verdict, IMPEL_RETRY);
    assert_int_equal(back[0]->result[0].blame, IMPEL_BLAME_MESSAGE);
    until(&closed_count, 1); /* the peer saw half a body */
    assert_int_equal(module->instance->broken, before);
}

/* Damage on disk is there at the next attempt, too. */
static void
test_damaged_body(void **state)
{
    struct session *s = open_to(port);

    (void)state;
    fake_body_bad = 500000;
    fake_body_bad_code = ERR_DAMAGED;
    lend(s, 2, 1000000);
    until(&back_count, 1);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(back[0]->result[i].verdict, IMPEL_FAILED);
        assert_int_equal(back[0]->result[i].blame, IMPEL_BLAME_MESSAGE);
        assert_int_equal(back[0]->result[i].code, 550);
    }
    until(&closed_count, 1);
    assert_true(peer_octets < 1000000);
}

static void
test_idle_and_probe(void **state)
{
    struct session *s = open_to(port);

    (void)state;
    until(&ready_count, 1);
    lend(s, 1, 10);
    until(&back_count, 1);
    turn_for(50);
    session_probe(s);
    until(&ready_count, 2);
    lend(s, 1, 10);
    until(&back_count, 2);
}

static void
test_probe_unanswered(void **state)
{
    struct session *s = open_to(port);

    (void)state;
    until(&ready_count, 1);
    peer_mood = PEER_SILENT;
    session_probe(s);
    until(&closed_count, 1);
    assert_int_equal(closed_why.verdict, IMPEL_RETRY);
}

static void
test_recall_waiting(void **state)
{
    struct session *s = open_to(port);
    struct batch *second;

    (void)state;
    peer_mood = PEER_SILENT;
    until(&ready_count, 1);
    lend(s, 1, 10);
    second = lend(s, 2, 10);
    session_recall(s, second, false);
    until(&back_count, 1);
    assert_ptr_equal(back[0], second);
    assert_false(second->begun);
    assert_int_equal(second->result[1].verdict, IMPEL_UNTRIED);
}

static void
test_recall_unbegun(void **state)
{
    struct session *s = open_to(port);
    struct batch *b;

    (void)state;
    toy_flaw = TOY_IDLE;
    until(&ready_count, 1);
    b = lend(s, 1, 10);
    turn_for(50); /* the module has it, nothing was sent */
    session_recall(s, b, false);
    until(&back_count, 1);
    assert_false(b->begun);
    assert_int_equal(b->result[0].verdict, IMPEL_UNTRIED);
}

static void
recall_begun(int flaw)
{
    struct session *s = open_to(port);
    struct batch *b;

    toy_flaw = flaw;
    peer_mood = PEER_SILENT;
    until(&ready_count, 1);
    b = lend(s, 1, 10);
    turn_for(50);
    session_recall(s, b, false);
    turn_for(50);
    assert_int_equal(back_count, 0); /* begun ones stay */
    session_recall(s, b, true);
    until(&back_count, 1);
    assert_true(b->begun);
    assert_int_equal(b->result[0].verdict, IMPEL_UNTRIED);
}

static void
test_recall_begun(void **state)
{
    (void)state;
    recall_begun(TOY_GOOD);
}

/* What is written for no batch alone begins all that are open. */
static void
test_recall_begun_by_all(void **state)
{
    (void)state;
    recall_begun(TOY_LATER);
}

/* Whatever crosses on the way: each batch comes back once, before closed. */
static void
test_crossing(void **state)
{
    (void)state;
    for (int i = 0; i < 30; i++) {
        struct session *s = open_to(port);
        struct batch *b[4];

        back_count = closed_count = ready_count = 0;
        for (int k = 0; k < 4; k++)
            b[k] = lend(s, 1, 10);
        if (i % 3)
            loop_turn(home, i % 5);
        session_probe(s);
        if (b[i % 4]->session)
            session_recall(s, b[i % 4], i % 2);
        if (b[i % 4]->session)
            session_recall(s, b[i % 4], true);
        if (i % 2)
            recall_in_done = b[3] != b[i % 4] ? b[3] : NULL;
        session_close(s, i % 2);
        until(&closed_count, 1);
        assert_int_equal(back_count, 4);
        recall_in_done = NULL;
        for (int k = 0; k < back_count; k++)
            batch_free(&back[k]);
        back_count = 0;
        result_fini(&closed_why);
    }
}

/* --- what a batch needs before (prepare.h) --- */

static struct batch *_Atomic prepared;
static batch_prepared_f *prepared_done;
static struct preparing works[2];
static _Atomic int work_count;

static bool
fake_begin(struct batch *b, struct mailbox *at, batch_prepared_f *done)
{
    (void)at;
    prepared_done = done;
    preparing_set(&works[atomic_fetch_add(&work_count, 1)], b);
    atomic_store(&prepared, b);
    return true;
}

static void
finish_preparing(struct mail *m)
{
    struct batch *b = atomic_exchange(&prepared, NULL);

    (void)m;
    assert_ptr_equal(preparing_end(b->preparing), b);
    if (b->rcpt_count == 1)
        b->prefix = xdup("X: y\r\n");
    prepared_done(b, b->rcpt_count == 1 ? NULL : "[internal] cannot");
}

static const struct batch_preparer preparer = {fake_begin, NULL};

/* One recipient: it comes about, with a prefix; more: it does not. */
static void
test_prepared(void **state)
{
    static struct mail mail;
    struct session *s = open_to(port);
    int64_t end = clock_mono() + 5000;

    (void)state;
    batch_preparer = &preparer;
    atomic_store(&work_count, 0);
    for (uint32_t rcpts = 1; rcpts <= 2; rcpts++) {
        lend(s, rcpts, 10);
        while (!atomic_load(&prepared) && clock_mono() < end)
            loop_turn(home, 10);
        turn_for(20);
        assert_int_equal(back_count, rcpts - 1); /* nobody has seen it */
        mailbox_post(loop_mailbox(io), &mail, finish_preparing);
        until(&back_count, (int)rcpts);
    }
    assert_int_equal(back[0]->result[0].verdict, IMPEL_DELIVERED);
    assert_string_equal(back[0]->prefix, "X: y\r\n");
    assert_int_equal(back[1]->result[1].verdict, IMPEL_RETRY);
    assert_int_equal(back[1]->result[1].code, 451);
    assert_string_equal(back[1]->result[1].text, "[internal] cannot");
    batch_preparer = NULL;
}

/* It goes back before that is over: recalled, or its session ends. */
static void
test_prepared_too_late(void **state)
{
    struct session *s = open_to(port);

    (void)state;
    batch_preparer = &preparer;
    atomic_store(&work_count, 0);
    until(&ready_count, 1);
    session_recall(s, lend(s, 1, 10), false);
    until(&back_count, 1);
    assert_null(preparing_end(&works[0]));
    lend(s, 1, 10);
    turn_for(20);
    session_close(s, true);
    until(&closed_count, 1);
    assert_int_equal(back_count, 2);
    assert_int_equal(work_count, 2);
    assert_null(preparing_end(&works[1]));
    for (int i = 0; i < 2; i++)
        assert_int_equal(back[i]->result[0].verdict, IMPEL_UNTRIED);
    atomic_store(&prepared, NULL);
    batch_preparer = NULL;
}

static void
test_lent_to_closed(void **state)
{
    struct session *s = open_to(port);

    (void)state;
    until(&ready_count, 1);
    session_close(s, true);
    turn_for(1);
    if (!closed_count)
        lend(s, 1, 10);
    until(&closed_count, 1);
}

/* Nobody is to be blamed for a session that was not wanted any more. */
static void
test_closed_before_it_began(void **state)
{
    (void)state;
    session_close(open_to(port), false);
    until(&closed_count, 1);
    /* a loop of its own may have been quicker than the close */
    assert_int_equal(closed_why.verdict, IMPEL_DELIVERED);
}

static void
test_lost(void **state)
{
    struct session *s = open_to(port);

    (void)state;
    peer_mood = PEER_DROPS;
    lend(s, 2, 10);
    until(&closed_count, 1);
    assert_int_equal(back_count, 1);
    assert_int_equal(back[0]->result[0].verdict, IMPEL_RETRY);
    assert_int_equal(back[0]->result[1].verdict, IMPEL_RETRY);
    assert_int_equal(closed_why.verdict, IMPEL_RETRY);
}

/* What the peer said before it hung up counts. */
static void
test_answered_then_lost(void **state)
{
    struct session *s = open_to(port);

    (void)state;
    peer_mood = PEER_HALF;
    lend(s, 3, 10);
    until(&closed_count, 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(back[0]->result[i].verdict, IMPEL_DELIVERED);
}

static void
test_refused_connection(void **state)
{
    struct session *s;

    (void)state;
    s = open_to(1); /* nothing listens there */
    lend(s, 1, 10);
    until(&closed_count, 1);
    assert_false(was_established);
    assert_int_equal(back[0]->result[0].verdict, IMPEL_UNTRIED);
    assert_false(back[0]->begun);
}

static void
test_open_fails(void **state)
{
    struct session *s;

    (void)state;
    toy_flaw = TOY_REFUSES;
    s = open_to(port);
    lend(s, 1, 10);
    until(&closed_count, 1);
    assert_string_equal(closed_why.text, "not today");
    assert_int_equal(back[0]->result[0].verdict, IMPEL_UNTRIED);
}

static void
test_twice(void **state)
{
    struct session *s = open_to(port);
    uint64_t before = module->instance->broken;

    (void)state;
    toy_flaw = TOY_TWICE;
    lend(s, 2, 10);
    until(&back_count, 1);
    assert_int_equal(back[0]->result[0].verdict, IMPEL_DELIVERED);
    assert_int_equal(back[0]->result[1].verdict, IMPEL_DELIVERED);
    assert_int_equal(module->instance->broken, before + 1);
}

static void
test_forgets(void **state)
{
    struct session *s = open_to(port);

    (void)state;
    toy_flaw = TOY_FORGETS;
    peer_mood = PEER_DROPS;
    lend(s, 2, 10);
    until(&closed_count, 1);
    assert_int_equal(back[0]->result[1].verdict, IMPEL_RETRY);
    assert_int_equal(back[0]->result[1].blame, IMPEL_BLAME_SESSION);
    assert_non_null(strstr(back[0]->result[1].text, "module toy"));
}

/* No report, no answer to cancel() nor close(): the host drops it. */
static void
test_never(void **state)
{
    struct session *s = open_to(port);

    (void)state;
    toy_flaw = TOY_NEVER;
    peer_mood = PEER_SILENT;
    lend(s, 2, 10);
    until(&closed_count, 1);
    assert_int_equal(back_count, 1);
    assert_int_equal(back[0]->result[0].verdict, IMPEL_RETRY);
    assert_non_null(strstr(back[0]->result[0].text, "module toy"));
    assert_int_equal(closed_why.verdict, IMPEL_RETRY);
}

static void
test_blocks(void **state)
{
    struct session *s = open_to(port);
    uint64_t before = slow_count();

    (void)state;
    toy_flaw = TOY_BLOCKS;
    lend(s, 1, 10);
    until(&back_count, 1);
    assert_true(slow_count() > before);
}

static void
test_wake(void **state)
{
    const struct impel_host *host = hostapi_get(false);
    uint64_t old = toy_token;
    struct session *s = open_to(port);
    int64_t before = instance_sum(module->instance, 0);

    (void)state, (void)s;
    until(&ready_count, 1);
    assert_int_equal(host->wake(module->instance, old, 1), IMPEL_E_CLOSED);
    assert_int_equal(host->wake(module->instance, toy_token, 5), 0);
    assert_int_equal(host->wake(module->instance, toy_token, 6), 0);
    turn_for(100);
    assert_int_equal(toy_events[IMPEL_EV_WAKE], 2);
    assert_int_equal(instance_sum(module->instance, 0), before + 11);
}

/* The question comes to the spool behind the results, its answer wakes. */
static void
test_settle(void **state)
{
    struct session *s = open_to(port);
    int64_t before = instance_sum(module->instance, 0);

    (void)state;
    hostapi_set_spool((struct spool *)&fake_barrier); /* any will do */
    toy_flaw = TOY_SETTLES;
    lend(s, 1, 10);
    until(&back_count, 1);
    for (int i = 0; !fake_barrier && i < 100; i++)
        turn_for(10);
    assert_non_null(fake_barrier);
    assert_int_equal(toy_events[IMPEL_EV_WAKE], 0);
    fake_barrier(fake_barrier_arg);
    for (int i = 0; !toy_events[IMPEL_EV_WAKE] && i < 100; i++)
        turn_for(10);
    assert_int_equal(instance_sum(module->instance, 0), before + 9);
    hostapi_set_spool(NULL);
}

static void
got_list(void *arg, struct buf *text)
{
    int *n = arg;

    (*n)++;
    assert_non_null(strstr(buf_get(text).p, "localhost"));
    assert_non_null(strstr(buf_get(text).p, "idle"));
}

static void
test_list(void **state)
{
    struct session *s = open_to(port);
    struct buf b = BUF_INIT;
    int n = 0;

    (void)state;
    until(&ready_count, 1);
    session_list(io, false, loop_mailbox(home), got_list, &n);
    until(&n, 1);
    session_print(s, &b);
    assert_non_null(strstr(buf_get(&b).p, "[127.0.0.1]"));
    buf_fini(&b);
}

static struct loop *loops[1];

static int
start(void **state)
{
    static const struct session_limits quick = {300, 100, 100, 100};
    struct err e;

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    log_set_mask(LOG_LEVEL_WARNING, 0);
    log_set_mask(LOG_LEVEL_ERROR, 0);
    session_set_limits(&quick);
    home = loop_new("home", &e);
    io = loop_new("io", &e);
    loops[0] = io;
    hostapi_set_loops(loops, 1);
    module = toy_module();
    port = peer_start();
    return loop_start_thread(io, &e);
}

/* The scheduler may share the thread of an I/O loop. */
static int
start_shared(void **state)
{
    int rc = start(state);

    loop_stop(io);
    loop_join_thread(io);
    loop_free(&io);
    io = loops[0] = home;
    return rc;
}

static int
stop(void **state)
{
    (void)state;
    if (io != home) {
        loop_stop(io);
        loop_join_thread(io);
        conn_drop_finishing(io);
        loop_free(&io);
    }
    conn_drop_finishing(home);
    loop_free(&home);
    toy_module_free(&module);
    peer_stop();
    return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int
main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_deliver), TEST(test_several),
        TEST(test_room), TEST(test_draining), TEST(test_large_body),
        TEST(test_unreadable_body), TEST(test_damaged_body),
        TEST(test_idle_and_probe), TEST(test_probe_unanswered),
        TEST(test_recall_waiting), TEST(test_recall_unbegun),
        TEST(test_recall_begun_by_all), TEST(test_recall_begun),
        TEST(test_crossing), TEST(test_prepared), TEST(test_prepared_too_late),
        TEST(test_lent_to_closed), TEST(test_closed_before_it_began),
        TEST(test_lost), TEST(test_answered_then_lost),
        TEST(test_refused_connection), TEST(test_open_fails), TEST(test_twice),
        TEST(test_forgets), TEST(test_never), TEST(test_blocks),
        TEST(test_wake), TEST(test_settle), TEST(test_list)};

    return cmocka_run_group_tests_name("loop of its own", tests, start, stop) +
        cmocka_run_group_tests_name("shared loop", tests, start_shared, stop);
}
