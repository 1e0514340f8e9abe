/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/macros.h"
#include "loop/defer.h"
#include "loop/loop.h"
#include "loop/mailbox.h"

static struct loop *
new_loop(const char *name)
{
    struct err e;
    struct loop *l = loop_new(name, &e);

    if (!l)
        fail_msg("%s", e.text);
    return l;
}

static char order[64];
struct letter {
    struct mail mail;
    char sign;
};

static void
deliver(struct mail *m)
{
    struct letter *x = CONTAINER_OF(m, struct letter, mail);
    size_t n = strlen(order);

    order[n] = x->sign;
    order[n + 1] = '\0';
}

static int
reset(void **state)
{
    (void)state;
    memset(order, 0, sizeof(order));
    return 0;
}

static void
test_take(void **state)
{
    struct mailbox *m = mailbox_new();
    struct letter a = {.sign = 'a'}, b = {.sign = 'b'}, c = {.sign = 'c'};
    struct mail *chain;
    int64_t begun;

    (void)state;
    assert_null(mailbox_take(m, 0));
    begun = clock_mono();
    assert_null(mailbox_take(m, 20));
    assert_true(clock_mono() - begun >= 19);
    mailbox_post(m, &a.mail, deliver);
    mailbox_post(m, &b.mail, deliver);
    mailbox_post(m, &c.mail, deliver);
    chain = mailbox_take(m, -1);
    assert_ptr_equal(chain, &a.mail);
    assert_ptr_equal(chain->next, &b.mail);
    assert_ptr_equal(chain->next->next, &c.mail);
    assert_null(chain->next->next->next);
    assert_null(mailbox_take(m, 0));
    mailbox_wake(m);
    assert_null(mailbox_take(m, -1)); /* returns at once */
    mailbox_free(&m);
    assert_null(m);
}

static void
test_gather(void **state)
{
    struct mailbox *m = mailbox_new();
    struct letter a = {.sign = 'a'}, b = {.sign = 'b'};
    struct mail *chain;

    (void)state;
    assert_false(mailbox_gather(true));
    mailbox_post(m, &a.mail, deliver);
    mailbox_post(m, &b.mail, deliver);
    mailbox_flush();
    chain = mailbox_take(m, 0);
    assert_ptr_equal(chain, &a.mail);
    assert_ptr_equal(chain->next, &b.mail);
    mailbox_post(m, &b.mail, deliver);
    assert_true(mailbox_gather(false)); /* hands over */
    assert_ptr_equal(mailbox_take(m, 0), &b.mail);
    mailbox_free(&m);
}

/* More receivers than a thread can gather for: nothing is lost. */
static void
test_many_boxes(void **state)
{
    struct mailbox *m[40];
    struct letter a[40][2];

    (void)state;
    mailbox_gather(true);
    for (size_t i = 0; i < ARRAY_SIZE(m); i++)
        m[i] = mailbox_new();
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < ARRAY_SIZE(m); i++)
            mailbox_post(m[i], &a[i][k].mail, deliver);
    mailbox_gather(false);
    for (size_t i = 0; i < ARRAY_SIZE(m); i++) {
        struct mail *chain = mailbox_take(m[i], 0);
        assert_ptr_equal(chain, &a[i][0].mail);
        assert_ptr_equal(chain->next, &a[i][1].mail);
        mailbox_free(&m[i]);
    }
}

static struct loop *self;
static struct letter again = {.sign = '2'};

static void
deliver_and_post(struct mail *m)
{
    deliver(m);
    mailbox_post(loop_mailbox(self), &again.mail, deliver);
    mailbox_post(loop_mailbox(self), m, deliver); /* the same once more */
}

static void
test_own_loop(void **state)
{
    struct letter a = {.sign = '1'};

    (void)state;
    self = new_loop("own");
    mailbox_post(loop_mailbox(self), &a.mail, deliver_and_post);
    assert_string_equal(order, "");
    loop_turn(self, 0);
    assert_string_equal(order, "1");
    loop_turn(self, 0);
    assert_string_equal(order, "121");
    loop_free(&self);
}

static void
post_from_defer(void *arg)
{
    mailbox_post(loop_mailbox(arg), &again.mail, deliver);
}

/* What deferred work posts is handed over at the end of the same turn. */
static void
test_flush_after_defer(void **state)
{
    struct loop *from = new_loop("from"), *to = new_loop("to");
    struct defer d = {0};

    (void)state;
    defer_post(from, &d, post_from_defer, to, "test");
    loop_turn(from, 0);
    assert_string_equal(order, "");
    loop_turn(to, 0);
    assert_string_equal(order, "2");
    loop_free(&from);
    loop_free(&to);
}

/* Several producers, one loop that runs in its own thread: all arrives, in
 * order per producer, though the loop sleeps between. */
enum { PRODUCERS = 4, ROUNDS = 5000, RING = 8 };
struct stress {
    struct mail mail;
    unsigned producer, number;
    _Atomic bool busy;
};
static struct loop *sink;
static unsigned next_number[PRODUCERS];
static unsigned disorder, arrived;

static void
stress_deliver(struct mail *m)
{
    struct stress *s = CONTAINER_OF(m, struct stress, mail);

    if (s->number != next_number[s->producer]++)
        disorder++;
    if (++arrived == PRODUCERS * ROUNDS)
        loop_stop(sink);
    atomic_store(&s->busy, false);
}

static void *
stress_produce(void *arg)
{
    static struct stress all[PRODUCERS][RING];
    unsigned who = *(unsigned *)arg;
    bool gather = who % 2;

    mailbox_gather(gather);
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct stress *s = &all[who][i % RING];
        while (atomic_load(&s->busy)) {
            mailbox_flush();
            sched_yield();
        }
        s->producer = who;
        s->number = i;
        atomic_store(&s->busy, true);
        mailbox_post(loop_mailbox(sink), &s->mail, stress_deliver);
        if (i % 5 == 0)
            mailbox_flush();
    }
    mailbox_gather(false);
    return NULL;
}

static void
test_stress(void **state)
{
    pthread_t threads[PRODUCERS];
    unsigned who[PRODUCERS];
    struct err e;

    (void)state;
    sink = new_loop("sink");
    assert_int_equal(loop_start_thread(sink, &e), 0);
    for (unsigned i = 0; i < PRODUCERS; i++) {
        who[i] = i;
        assert_int_equal(
            pthread_create(&threads[i], NULL, stress_produce, &who[i]), 0);
    }
    for (unsigned i = 0; i < PRODUCERS; i++)
        pthread_join(threads[i], NULL);
    loop_join_thread(sink);
    assert_int_equal(disorder, 0);
    assert_int_equal(arrived, PRODUCERS * ROUNDS);
    loop_free(&sink);
}

/* One mail goes round between two loops and a thread with a mailbox: each hop
 * finds its consumer asleep. */
enum { HOPS = 3000 };
static struct loop *ping;
static struct mailbox *pong;
static unsigned hops;

static void pong_deliver(struct mail *m);

static void
ping_deliver(struct mail *m)
{
    if (++hops == HOPS)
        loop_stop(ping);
    else
        mailbox_post(pong, m, pong_deliver);
}

static void
pong_deliver(struct mail *m)
{
    mailbox_post(loop_mailbox(ping), m, ping_deliver);
}

static void *
pong_thread(void *arg)
{
    struct mail *m;

    (void)arg;
    while ((m = mailbox_take(pong, -1)) != NULL)
        m->deliver(m);
    return NULL;
}

static void
test_ping_pong(void **state)
{
    pthread_t thread;
    struct letter ball = {.sign = 'o'};

    (void)state;
    ping = new_loop("ping");
    pong = mailbox_new();
    assert_int_equal(pthread_create(&thread, NULL, pong_thread, NULL), 0);
    mailbox_post(pong, &ball.mail, pong_deliver);
    loop_run(ping);
    assert_int_equal(hops, HOPS);
    mailbox_wake(pong);
    pthread_join(thread, NULL);
    mailbox_free(&pong);
    loop_free(&ping);
}

static void
test_stop_from_outside(void **state)
{
    struct loop *l = new_loop("a name longer than fifteen bytes");
    struct err e;

    (void)state;
    for (int i = 0; i < 50; i++) {
        assert_int_equal(loop_start_thread(l, &e), 0);
        loop_stop(l);
        loop_join_thread(l);
    }
    loop_free(&l);
    assert_null(l);
    loop_free(&l);
}

UNIT_MAIN(cmocka_unit_test_setup(test_take, reset),
    cmocka_unit_test_setup(test_gather, reset),
    cmocka_unit_test_setup(test_many_boxes, reset),
    cmocka_unit_test_setup(test_own_loop, reset),
    cmocka_unit_test_setup(test_flush_after_defer, reset),
    cmocka_unit_test_setup(test_stress, reset),
    cmocka_unit_test_setup(test_ping_pong, reset),
    cmocka_unit_test_setup(test_stop_from_outside, reset))
