/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/clock.h"
#include "loop/job.h"
#include "loop/timer.h"

static struct loop *l;

static int
setup(void **state)
{
    struct err e;

    (void)state;
    clock_fake(5000, 0);
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

struct count {
    uint64_t at, goal;
    uint64_t cancel_at; /* 0: never */
    int ended, cancelled;
};

static enum job_step
count_step(struct job *j, void *arg)
{
    struct count *c = arg;

    c->at++;
    job_progress(j, c->at, c->goal);
    if (c->at == c->cancel_at)
        job_cancel(j);
    return c->at < c->goal ? JOB_MORE : JOB_DONE;
}

static void
count_end(struct job *j, void *arg, bool cancelled)
{
    struct count *c = arg;

    assert_null(job_find(l, job_id(j)));
    c->ended++;
    c->cancelled += cancelled;
}

static void
test_runs(void **state)
{
    struct count c = {.goal = 1000};
    struct job *j = job_start(l, "sweep", count_step, count_end, &c);
    uint64_t done, total, id = job_id(j);

    (void)state;
    assert_string_equal(job_name(j), "sweep");
    assert_int_equal(job_started(j), 5000);
    assert_ptr_equal(job_find(l, id), j);
    loop_turn(l, 10000); /* does not wait */
    job_get_progress(j, &done, &total);
    assert_in_range(done, 2, 500); /* a slice, not all of it */
    assert_int_equal(total, 1000);
    for (int i = 0; i < 1000 && !c.ended; i++)
        loop_turn(l, 0);
    assert_int_equal(c.at, 1000);
    assert_int_equal(c.ended, 1);
    assert_int_equal(c.cancelled, 0);
    assert_null(job_find(l, id));
}

static void
test_cancel(void **state)
{
    struct count c = {.goal = 1000000};
    struct job *j = job_start(l, "bulk", count_step, count_end, &c);

    (void)state;
    loop_turn(l, 0);
    job_cancel(j);
    job_cancel(j);
    assert_int_equal(c.ended, 0); /* not inside the caller */
    uint64_t at = c.at;
    loop_turn(l, 0);
    assert_int_equal(c.ended, 1);
    assert_int_equal(c.cancelled, 1);
    assert_int_equal(c.at, at);
    loop_turn(l, 0);
    assert_int_equal(c.ended, 1);
}

/* A step that cancels its own job; also in its last step. */
static void
test_cancel_in_step(void **state)
{
    struct count c = {.goal = 1000, .cancel_at = 3};
    struct count d = {.goal = 3, .cancel_at = 3};

    (void)state;
    (void)job_start(l, "c", count_step, count_end, &c);
    (void)job_start(l, "d", count_step, count_end, &d);
    for (int i = 0; i < 5; i++)
        loop_turn(l, 0);
    assert_int_equal(c.at, 3);
    assert_int_equal(c.ended, 1);
    assert_int_equal(c.cancelled, 1);
    assert_int_equal(d.ended, 1);
    assert_int_equal(d.cancelled, 1);
}

static void
test_fair(void **state)
{
    struct count c[3] = {{.goal = 640}, {.goal = 640}, {.goal = 640}};
    struct job *j[3], *at = NULL;

    (void)state;
    for (int i = 0; i < 3; i++)
        j[i] = job_start(l, "n", count_step, count_end, &c[i]);
    for (int i = 0; i < 3; i++)
        assert_ptr_equal(at = job_next(l, at), j[i]);
    assert_null(job_next(l, at));
    for (int i = 0; i < 6; i++)
        loop_turn(l, 0);
    assert_int_equal(c[0].at, c[1].at);
    assert_int_equal(c[1].at, c[2].at);
    job_cancel(j[1]);
    for (int i = 0; i < 100; i++)
        loop_turn(l, 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(c[i].ended, 1);
    assert_int_equal(c[1].cancelled, 1);
    assert_int_equal(c[0].at, 640);
    assert_int_equal(c[2].at, 640);
}

static int ticks;
static struct timer tick_timer;

static void
tick(void *arg)
{
    (void)arg;
    ticks++;
    timer_start(&tick_timer, 1);
}

static enum job_step
busy_step(struct job *j, void *arg)
{
    int64_t end = clock_mono_us() + 200;

    (void)j;
    while (clock_mono_us() < end)
        continue;
    return ++*(int *)arg < 150 ? JOB_MORE : JOB_DONE;
}

static void
stop_loop(struct job *j, void *arg, bool cancelled)
{
    (void)j;
    (void)arg;
    (void)cancelled;
    loop_stop(l);
}

/* 30 ms of work: timers of the loop run in between. */
static void
test_shares_time(void **state)
{
    int steps = 0;

    (void)state;
    clock_real();
    timer_init(&tick_timer, l, tick, NULL, "tick");
    timer_start(&tick_timer, 1);
    (void)job_start(l, "busy", busy_step, stop_loop, &steps);
    loop_run(l);
    timer_stop(&tick_timer);
    assert_int_equal(steps, 150);
    assert_true(ticks >= 3);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
UNIT_MAIN(T(test_runs), T(test_cancel), T(test_cancel_in_step), T(test_fair),
    T(test_shares_time))
