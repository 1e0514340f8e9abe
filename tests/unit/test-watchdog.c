/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdatomic.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/manager.h"
#include "fake_manager.h"
#include "loop/mailbox.h"
#include "prog/watchdog.h"

enum { INTERVAL_MS = 400, PATIENCE_MS = 20000 };

static struct loop *loops[2];
static struct watchdog *w;
static _Atomic bool blocks, blocked;
static _Atomic int silent, turns; /* events */

static void
on_log(void *arg, enum log_level level, int64_t wall, struct str line)
{
    (void)arg, (void)level, (void)wall;
    if (str_find(line, STR("loop-silent loop=other"), 0) != SIZE_MAX)
        atomic_fetch_add(&silent, 1);
    if (str_find(line, STR("loop-turns loop=other"), 0) != SIZE_MAX)
        atomic_fetch_add(&turns, 1);
}

static int
setup(void **state)
{
    char text[32];
    struct err e;

    (void)state;
    fake_manager_open();
    fake_manager_announce();
    snprintf(text, sizeof(text), "%d", INTERVAL_MS * 1000);
    setenv("WATCHDOG_USEC", text, 1);
    manager_open();
    log_set_sink(on_log, NULL);
    atomic_store(&silent, 0);
    atomic_store(&turns, 0);
    loops[0] = loop_new("scheduler", &e);
    loops[1] = loop_new("other", &e);
    assert_non_null(loops[0]);
    assert_non_null(loops[1]);
    assert_int_equal(loop_start_thread(loops[1], &e), 0);
    w = watchdog_start(loops[0], loops, 2);
    assert_non_null(w);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    loop_stop(loops[1]);
    loop_join_thread(loops[1]);
    watchdog_free(&w);
    loop_free(&loops[0]);
    loop_free(&loops[1]);
    log_set_sink(NULL, NULL);
    manager_close();
    fake_manager_close();
    return 0;
}

static void
forget_what_was_heard(void)
{
    while (fake_manager_heard(NULL)[0])
        continue;
}

/* Turn the scheduler's loop; true: the manager has heard of it within that
 * time. */
static bool
fed_within(int64_t ms)
{
    int64_t end = clock_mono() + ms;

    while (clock_mono() < end) {
        loop_turn(loops[0], 10);
        if (strcmp(fake_manager_heard(NULL), "WATCHDOG=1") == 0)
            return true;
    }
    return false;
}

static void
block(struct mail *m)
{
    (void)m;
    atomic_store(&blocked, true);
    while (atomic_load(&blocks))
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static void
test_fed_while_all_turn(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        assert_true(fed_within(PATIENCE_MS));
    assert_int_equal(atomic_load(&silent), 0);
}

static void
test_not_fed_while_one_is_stuck(void **state)
{
    struct mail m = {0};

    (void)state;
    atomic_store(&blocked, false);
    atomic_store(&blocks, true);
    mailbox_post(loop_mailbox(loops[1]), &m, block);
    while (!atomic_load(&blocked))
        loop_turn(loops[0], 1);
    forget_what_was_heard();
    (void)fed_within(INTERVAL_MS / 2); /* by an answer from before */
    forget_what_was_heard();
    assert_false(fed_within(INTERVAL_MS));
    assert_int_equal(atomic_load(&silent), 1); /* once, not each time */
    atomic_store(&blocks, false);
    assert_true(fed_within(PATIENCE_MS));
    assert_int_equal(atomic_load(&turns), 1);
}

/* The scheduler's own loop needs nobody to be asked. */
static void
test_one_loop(void **state)
{
    struct watchdog *alone = watchdog_start(loops[0], loops, 1);

    (void)state;
    watchdog_free(&w);
    forget_what_was_heard();
    assert_true(fed_within(PATIENCE_MS));
    w = alone;
}

static void
test_not_wanted(void **state)
{
    (void)state;
    manager_close();
    fake_manager_announce();
    manager_open(); /* WATCHDOG_USEC went with the first */
    assert_null(watchdog_start(loops[0], loops, 2));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
UNIT_MAIN(T(test_fed_while_all_turn), T(test_not_fed_while_one_is_stuck),
    T(test_one_loop), T(test_not_wanted))
