/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/macros.h"
#include "loop/slow.h"
#include "loop/timer.h"
#include "loop/watch.h"

static struct loop *l;
static char order[64];

static int
setup(void **state)
{
    struct err e;

    (void)state;
    clock_fake(1000000, 0);
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
test_fires(void **state)
{
    struct timer a, b, c;
    char ta[] = "a", tb[] = "b", tc[] = "c";

    (void)state;
    timer_init(&a, l, mark, ta, "a");
    timer_init(&b, l, mark, tb, "b");
    timer_init(&c, l, mark, tc, "c");
    assert_false(timer_armed(&a));
    timer_stop(&a);
    timer_start(&a, 300);
    timer_start(&b, 100);
    timer_start_at(&c, 1000200);
    loop_turn(l, 0);
    assert_string_equal(order, "");
    clock_advance(99);
    loop_turn(l, 0);
    assert_string_equal(order, "");
    clock_advance(1);
    loop_turn(l, 0);
    assert_string_equal(order, "b");
    assert_false(timer_armed(&b));
    assert_true(timer_armed(&a));
    clock_advance(1000);
    loop_turn(l, 0);
    assert_string_equal(order, "bca");
}

static void
test_replace_and_stop(void **state)
{
    struct timer a, b;
    char ta[] = "a", tb[] = "b";

    (void)state;
    timer_init(&a, l, mark, ta, "a");
    timer_init(&b, l, mark, tb, "b");
    timer_start(&a, 10);
    timer_start(&a, 500);
    timer_start(&b, 10);
    timer_stop(&b);
    clock_advance(100);
    loop_turn(l, 0);
    assert_string_equal(order, "");
    clock_advance(400);
    loop_turn(l, 0);
    assert_string_equal(order, "a");
}

struct repeat {
    struct timer timer, other;
};

static void
repeat(void *arg)
{
    struct repeat *r = arg;

    mark((char[]){"r"});
    timer_start(&r->timer, 0);
    timer_stop(&r->other); /* due as well, and not yet run */
}

/* A timer that starts itself for now does not hold up the turn. */
static void
test_restart(void **state)
{
    struct repeat r;
    char other[] = "o";

    (void)state;
    timer_init(&r.timer, l, repeat, &r, "repeat");
    timer_init(&r.other, l, mark, other, "other");
    timer_start(&r.timer, -5);
    timer_start(&r.other, 0);
    clock_advance(1);
    loop_turn(l, 0);
    assert_true(strlen(order) <= 2);
    assert_null(strchr(order, 'o'));
    loop_turn(l, 0);
    timer_stop(&r.timer);
    timer_start(&r.timer, INT64_MAX);
    assert_true(timer_armed(&r.timer));
    timer_stop(&r.timer);
}

static void
test_now(void **state)
{
    (void)state;
    assert_int_equal(loop_now(l), 1000000);
    clock_advance(5);
    assert_int_equal(loop_now(l), 1000005);
    loop_turn(l, 0);
    assert_true(loop_is_current(l));
    assert_ptr_equal(loop_current(), l);
    assert_string_equal(loop_name(l), "test");
}

static void
stop(void *arg)
{
    loop_stop(arg);
}

/* A loop that sleeps wakes for its timer, neither early nor much later. */
static void
test_real(void **state)
{
    struct timer t;
    int64_t begun;

    (void)state;
    clock_real();
    timer_init(&t, l, stop, l, "stop");
    begun = clock_mono();
    timer_start(&t, 30);
    loop_run(l);
    assert_true(clock_mono() - begun >= 30);
    loop_turn(l, 0); /* takes the wake-up of loop_stop() */
    begun = clock_mono();
    loop_turn(l, 20);
    assert_true(clock_mono() - begun >= 19);
    timer_start(&t, 60000);
    loop_turn(l, 10); /* the shorter of both */
    timer_stop(&t);
    assert_true(clock_mono() - begun < 10000);
}

static int got_events;
static struct watch *watch;

static void
on_ready(void *arg, int events)
{
    char c;

    got_events |= events;
    if (read(*(int *)arg, &c, 1) == 1 && c == 'q')
        watch_free(&watch);
}

static void
test_watch(void **state)
{
    int fds[2];

    (void)state;
    assert_int_equal(pipe(fds), 0);
    watch = watch_new(l, fds[0], on_ready, &fds[0], "pipe");
    assert_int_equal(write(fds[1], "a", 1), 1);
    loop_turn(l, 0);
    assert_int_equal(got_events, 0); /* nothing asked for yet */
    watch_set(watch, WATCH_READ);
    loop_turn(l, 0);
    assert_int_equal(got_events, WATCH_READ);
    got_events = 0;
    loop_turn(l, 0);
    assert_int_equal(got_events, 0);
    watch_set(watch, 0);
    assert_int_equal(write(fds[1], "q", 1), 1);
    loop_turn(l, 0);
    assert_int_equal(got_events, 0);
    watch_set(watch, WATCH_READ);
    loop_turn(l, 1000);
    assert_int_equal(got_events, WATCH_READ);
    assert_null(watch); /* freed in its own callback */
    watch_free(&watch);
    close(fds[0]);
    close(fds[1]);
}

struct pair {
    struct watch *a, *b;
    int calls;
};

static void
on_pair(void *arg, int events)
{
    struct pair *p = arg;

    (void)events;
    p->calls++;
    watch_free(&p->a);
    watch_free(&p->b);
}

/* Both are ready; the first to run frees the other, which must not run. */
static void
test_watch_free_other(void **state)
{
    int fds[2];
    struct pair p = {NULL, NULL, 0};

    (void)state;
    assert_int_equal(pipe(fds), 0);
    p.a = watch_new(l, fds[0], on_pair, &p, "a");
    p.b = watch_new(l, fds[1], on_pair, &p, "b");
    watch_set(p.a, WATCH_READ);
    watch_set(p.b, WATCH_WRITE);
    assert_int_equal(write(fds[1], "a", 1), 1);
    loop_turn(l, 0);
    loop_turn(l, 0);
    assert_int_equal(p.calls, 1);
    close(fds[0]);
    close(fds[1]);
}

static int slow_lines;
static char slow_text[200];

static void
slow_sink(void *arg, enum log_level level, int64_t wall, struct str line)
{
    (void)arg;
    (void)level;
    (void)wall;
    slow_lines++;
    (void)str_copy(slow_text, sizeof(slow_text), line);
}

static void
be_slow(void *arg)
{
    clock_advance(*(int *)arg);
}

static void
test_slow(void **state)
{
    struct timer t;
    int ms = 4;
    uint64_t before = slow_count();

    (void)state;
    log_set_sink(slow_sink, NULL);
    timer_init(&t, l, be_slow, &ms, "conn read");
    timer_start(&t, 0);
    loop_turn(l, 0);
    assert_int_equal(slow_lines, 0);
    ms = 6;
    timer_start(&t, 0);
    loop_turn(l, 0);
    assert_int_equal(slow_lines, 1);
    assert_string_equal(slow_text,
        "slow-callback what=\"conn read\" id=0000000000000000 us=6000 "
        "not_logged=0");
    for (int i = 0; i < 100; i++) {
        timer_start(&t, 0);
        loop_turn(l, 0);
    }
    log_set_sink(NULL, NULL);
    assert_int_equal(slow_count() - before, 101);
    assert_true(slow_lines <= 20);
}

/* Each begins where the one before it ended, but not where it slept. */
static void
test_slow_names_the_right_one(void **state)
{
    struct timer slow, quick;
    int ms = 6, none = 0;

    (void)state;
    clock_advance(2000); /* lines are counted by the second */
    slow_lines = 0;
    log_set_sink(slow_sink, NULL);
    timer_init(&slow, l, be_slow, &ms, "slow");
    timer_init(&quick, l, be_slow, &none, "quick");
    timer_start(&slow, 0);
    timer_start(&quick, 0);
    loop_turn(l, 0);
    assert_int_equal(slow_lines, 1);
    assert_non_null(strstr(slow_text, "what=\"slow\""));
    clock_advance(5000);
    timer_start(&quick, 0);
    loop_turn(l, 0);
    log_set_sink(NULL, NULL);
    assert_int_equal(slow_lines, 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
UNIT_MAIN(T(test_fires), T(test_replace_and_stop), T(test_restart), T(test_now),
    T(test_real), T(test_watch), T(test_watch_free_other), T(test_slow),
    T(test_slow_names_the_right_one))
