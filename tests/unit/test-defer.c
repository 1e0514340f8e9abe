/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/clock.h"
#include "loop/defer.h"
#include "loop/mailbox.h"
#include "loop/timer.h"

static struct loop *l;
static char order[64];

static int
setup(void **state)
{
    struct err e;

    (void)state;
    clock_fake(0, 0);
    memset(order, 0, sizeof(order));
    l = loop_new("test", &e);
    return l ? 0 : -1;
}

static int
teardown(void **state)
{
    (void)state;
    loop_free(&l);
    clock_real();
    return 0;
}

static void
mark(void *arg)
{
    strncat(order, arg, sizeof(order) - strlen(order) - 1);
}

static void
test_order(void **state)
{
    struct defer a = {0}, b = {0}, c = {0};
    char ta[] = "a", tb[] = "b", tc[] = "c";

    (void)state;
    defer_post(l, &a, mark, ta, "a");
    defer_post(l, &b, mark, tb, "b");
    defer_post(l, &c, mark, ta, "c");
    defer_post(l, &a, mark, tc, "a"); /* keeps its place, takes the rest */
    defer_cancel(&b);
    defer_cancel(&b);
    assert_true(defer_pending(&a));
    assert_false(defer_pending(&b));
    loop_turn(l, 1000); /* does not wait */
    assert_string_equal(order, "ca");
    assert_false(defer_pending(&a));
    loop_turn(l, 0);
    assert_string_equal(order, "ca");
}

struct chain {
    struct defer defer;
    int left, ran;
};

static void
chain_run(void *arg)
{
    struct chain *c = arg;

    c->ran++;
    if (--c->left > 0)
        defer_post(l, &c->defer, chain_run, c, "chain");
}

static void
test_rounds(void **state)
{
    struct chain few = {.left = 5}, many = {.left = 1000};

    (void)state;
    defer_post(l, &few.defer, chain_run, &few, "few");
    loop_turn(l, 0);
    assert_int_equal(few.ran, 5); /* all in one turn */
    defer_post(l, &many.defer, chain_run, &many, "many");
    loop_turn(l, 0);
    assert_in_range(many.ran, 2, 100); /* but not without end */
    for (int i = 0; i < 1000 && many.left > 0; i++)
        loop_turn(l, 1000);
    assert_int_equal(many.ran, 1000);
}

static void
take_a_millisecond(void *arg)
{
    mark(arg);
    clock_advance(1);
}

/* What takes long leaves the rest for the next turn, in order, and what is
 * posted meanwhile behind it. */
static void
test_time_of_a_turn(void **state)
{
    struct defer d[6] = {{.arg = NULL}};
    char text[][2] = {"0", "1", "2", "3", "4", "5"};

    (void)state;
    for (int i = 0; i < 5; i++)
        defer_post(l, &d[i], take_a_millisecond, text[i], "long");
    loop_turn(l, 0);
    assert_string_equal(order, "0");
    defer_post(l, &d[5], take_a_millisecond, text[5], "long");
    loop_turn(l, 1000); /* does not wait */
    assert_string_equal(order, "01");
    for (int i = 0; i < 4; i++)
        loop_turn(l, 1000);
    assert_string_equal(order, "012345");
}

static void
test_timers_of_a_turn(void **state)
{
    struct timer t[5];
    char text[] = "x";

    (void)state;
    for (int i = 0; i < 5; i++) {
        timer_init(&t[i], l, take_a_millisecond, text, "long");
        timer_start(&t[i], 0);
    }
    loop_turn(l, 0);
    assert_string_equal(order, "x");
    for (int i = 0; i < 4; i++)
        loop_turn(l, 1000);
    assert_string_equal(order, "xxxxx");
}

static struct defer victim;

static void
cancel_victim(void *arg)
{
    mark(arg);
    defer_cancel(&victim);
}

static void
test_cancel_while_running(void **state)
{
    struct defer first = {0};
    char t1[] = "1", t2[] = "2";

    (void)state;
    defer_post(l, &first, cancel_victim, t1, "first");
    defer_post(l, &victim, mark, t2, "victim");
    loop_turn(l, 0);
    assert_string_equal(order, "1");
}

static struct defer late;

static void
post_late(void *arg)
{
    mark((char[]){"t"});
    defer_post(l, &late, mark, arg, "late");
}

static void
deliver(struct mail *m)
{
    (void)m;
    mark((char[]){"m"});
}

/* Mail, then timers, then what was deferred. */
static void
test_turn(void **state)
{
    struct timer t;
    struct mail m = {0};
    char text[] = "d";

    (void)state;
    timer_init(&t, l, post_late, text, "timer");
    timer_start(&t, 0);
    mailbox_post(loop_mailbox(l), &m, deliver);
    loop_turn(l, 0);
    assert_string_equal(order, "mtd");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
UNIT_MAIN(T(test_order), T(test_rounds), T(test_time_of_a_turn),
    T(test_timers_of_a_turn), T(test_cancel_while_running), T(test_turn))
