/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdatomic.h>
#include <unistd.h>

#include "base/macros.h"
#include "loop/loop.h"
#include "loop/pool.h"

enum { TASKS = 500 };
struct task {
    struct pool_job job;
    int worked, done;
};
static struct task tasks[TASKS];
static int done_count;
static struct loop *home;
static _Atomic bool gate;

static void
work(struct pool_job *j)
{
    CONTAINER_OF(j, struct task, job)->worked++;
}

static void
work_behind_gate(struct pool_job *j)
{
    while (!atomic_load(&gate))
        usleep(1000);
    work(j);
}

static void
done(struct pool_job *j)
{
    CONTAINER_OF(j, struct task, job)->done++;
    if (++done_count == TASKS && home)
        loop_stop(home);
}

static int
setup(void **state)
{
    (void)state;
    memset(tasks, 0, sizeof(tasks));
    done_count = 0;
    return 0;
}

static void
check_all(void)
{
    assert_int_equal(done_count, TASKS);
    for (int i = 0; i < TASKS; i++) {
        assert_int_equal(tasks[i].worked, 1);
        assert_int_equal(tasks[i].done, 1);
    }
}

static void
test_loop(void **state)
{
    struct err e;
    struct pool *p = pool_new("readers", 4, &e);

    (void)state;
    assert_non_null(p);
    home = loop_new("home", &e);
    for (int i = 0; i < TASKS; i++)
        pool_submit(p, &tasks[i].job, loop_mailbox(home), work, done);
    loop_run(home);
    check_all();
    assert_int_equal(pool_backlog(p), 0);
    pool_free(&p);
    assert_null(p);
    loop_free(&home);
}

/* What was submitted is worked, though the pool is freed at once. */
static void
test_free_finishes(void **state)
{
    struct err e;
    struct pool *p = pool_new("readers", 2, &e);
    struct mailbox *m = mailbox_new();
    struct mail *chain;

    (void)state;
    atomic_store(&gate, false);
    for (int i = 0; i < TASKS; i++)
        pool_submit(p, &tasks[i].job, m, i ? work : work_behind_gate, done);
    assert_true(pool_backlog(p) >= 1);
    atomic_store(&gate, true);
    pool_free(&p);
    chain = mailbox_take(m, 0);
    while (chain) {
        struct mail *next = chain->next;
        chain->deliver(chain);
        chain = next;
    }
    check_all();
    mailbox_free(&m);
}

static void
test_refused(void **state)
{
    struct err e;

    (void)state;
    assert_null(pool_new("none", 0, &e));
    assert_string_equal(e.text, "pool none: threads are 1 to 1024, not 0");
    assert_null(pool_new("many", 100000, &e));
}

UNIT_MAIN(cmocka_unit_test_setup(test_loop, setup),
    cmocka_unit_test_setup(test_free_finishes, setup),
    cmocka_unit_test_setup(test_refused, setup))
