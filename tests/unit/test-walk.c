/* SPDX-License-Identifier: Apache-2.0
 *
 * What concerns all queues, or all parcels of a long one, is done a little in
 * each turn: counted, not timed.
 */
#include "queue_world.h"

#include "base/cursor.h"
#include "loop/loop.h"
#include "queue/limits.h"
#include "route/resolve.h"

/* Steps of a job in one turn while the clock stands still (loop/job.c), and
 * parcels in one step (queue/bulk.c). */
enum { STEPS = 64, PARCELS = 64 };

static char answer[4000];
static uint64_t told;

static void
replied(void *arg, struct str text, const struct err *e)
{
    (void)arg;
    assert_int_equal(e->code, ERR_OK);
    (void)str_copy(answer, sizeof(answer), text);
}

static void
progressed(void *arg, uint64_t done, uint64_t total)
{
    (void)arg;
    assert_true(done <= total);
    told++;
}

static const struct scheduler_ask ask = {
    .reply = replied, .progress = progressed};

/* --- cursors --- */

static void
test_cursor(void **state)
{
    struct list all, head, n[5] = {{NULL, NULL}};
    struct cursor c = {.fresh = false}, empty = {.fresh = false};

    (void)state;
    list_init(&all);
    list_init(&head);
    cursor_begin(&empty, &all, &head);
    assert_null(empty.at);
    for (int i = 0; i < 3; i++)
        list_push(&head, &n[i]);
    cursor_begin(&c, &all, &head);
    assert_ptr_equal(c.at, &n[0]);
    assert_true(cursor_seen(&c));
    assert_false(cursor_seen(&c));
    cursor_leave(&all, &n[0]); /* it stands there */
    list_remove(&n[0]);
    assert_ptr_equal(c.at, &n[1]);
    assert_true(cursor_seen(&c));
    cursor_leave(&all, &n[2]); /* and not there */
    list_remove(&n[2]);
    assert_ptr_equal(c.at, &n[1]);
    assert_false(cursor_seen(&c));
    list_push(&head, &n[3]);
    cursor_next(&c);
    assert_ptr_equal(c.at, &n[3]);
    cursor_leave(&all, &n[3]); /* the last: head is not touched any more */
    list_remove(&n[3]);
    head = (struct list){NULL, NULL};
    assert_null(c.at);
    cursor_next(&c);
    assert_null(c.at);
    cursor_end(&c);
    cursor_end(&empty);
    assert_true(list_empty(&all));
}

/* --- many queues --- */

static void
many_queues(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char rcpt[64];

        (void)snprintf(rcpt, sizeof(rcpt), "a@d%u.test b@d%u.test", i, i);
        (void)world_accept("s@from.test", rcpt);
    }
}

/* What is kept is what there is. */
static void
check_sums(void)
{
    struct tally sum = {0};
    struct scheduler_stats st;
    struct list *n;

    LIST_FOREACH (n, &world.s->all_queues) {
        const struct queue *q = LIST_ENTRY(n, struct queue, node);

        sum.active += queue_active(q) - q->busy->lent;
        sum.delayed += queue_delayed(q);
        sum.lent += q->busy->lent;
    }
    scheduler_get_stats(world.s, &st);
    assert_int_equal(st.active, sum.active);
    assert_int_equal(st.delayed, sum.delayed);
    assert_int_equal(st.lent, sum.lent);
    assert_int_equal(
        limits_binding(world.s, STR("default"))->held.delayed, sum.delayed);
}

/* Failed for now: all of them are delayed. */
static void
delay_all(void)
{
    fake_pick = HOP_DELAY;
    world_configure("retry_interval = 1200\n");
    world_run();
}

static unsigned
dirty(void)
{
    unsigned count = 0;
    struct list *n;

    LIST_FOREACH (n, &world.s->dirty)
        count++;
    return count;
}

static void
test_flush_in_slices(void **state)
{
    enum { QUEUES = 1000 };
    struct scheduler_stats st;
    unsigned turns = 0;
    uint64_t was;

    (void)state;
    world_begin("retry_interval = 1200\nsuspend_delivery = true\n");
    many_queues(QUEUES);
    check_sums();
    delay_all();
    check_sums();
    scheduler_get_stats(world.s, &st);
    assert_int_equal(st.delayed, QUEUES);
    was = world.s->stats.transient;
    answer[0] = '\0';
    told = 0;
    scheduler_flush(world.s, STR_NONE, STR_NONE, &ask);
    for (; !answer[0]; turns++) {
        assert_true(turns <= QUEUES / STEPS + 1);
        loop_turn(world.loop, 0);
        assert_true(dirty() <= 2 * STEPS);
    }
    assert_true(turns >= QUEUES / STEPS);
    assert_int_equal(told, 1);
    assert_non_null(strstr(answer, "1000 messages"));
    world_run();
    assert_int_equal(world.s->stats.transient - was, 2 * QUEUES);
    check_sums();
    world_end();
}

static void
test_adopt_in_slices(void **state)
{
    enum { QUEUES = 1000 };
    unsigned turns = 0;

    (void)state;
    world_begin("suspend_delivery = true\n");
    many_queues(QUEUES);
    scheduler_set_tight(world.s, true);
    for (; world.s->jobs; turns++) {
        loop_turn(world.loop, 0);
        assert_true(dirty() <= 2 * STEPS);
    }
    assert_true(turns >= QUEUES / STEPS);
    world_run();
    check_sums();
    world_end();
}

/* The queues go while somebody walks over them. */
static void
test_walk_while_they_go(void **state)
{
    enum { QUEUES = 300 };

    (void)state;
    world_begin("suspend_delivery = true\n");
    many_queues(QUEUES);
    scheduler_fail_domain(world.s, STR_NONE, STR_NONE, true, STR("gone"), &ask);
    world_run();
    check_sums();
    assert_int_equal(world.s->stats.queues, QUEUES);
    answer[0] = '\0';
    scheduler_print_domains(
        world.s, false, SCHEDULER_EVERY_DOMAIN, STR_NONE, &ask);
    loop_turn(world.loop, 0); /* somewhere in the middle */
    assert_int_equal(answer[0], '\0');
    world_advance(SCHED_LINGER_MS + 1000);
    assert_int_equal(world.s->stats.queues, 0);
    assert_non_null(strstr(answer, "Domain: d0.test"));
    assert_int_equal(world.s->jobs, 0);
    world_end();
}

/* --- a long queue --- */

static void
long_queue(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        (void)world_accept("s@from.test", "a@x.test");
    delay_all();
    assert_int_equal(queue_delayed(world_queue("x.test")), count);
}

/* What fails by the thousand waits for its notices, by hand and by age. */
static void
fails_in_parts(unsigned count)
{
    unsigned most = 0;

    for (int i = 0; i < 200 && world.s->stats.failed < count; i++) {
        world_advance(100);
        assert_true(world.s->notices <= 1024);
        most = MAX_OF(most, (unsigned)world.s->notices);
        fake_store_answer();
    }
    world_run();
    assert_int_equal(world.s->stats.failed, count);
    assert_true(most > 100);
    assert_int_equal(queue_parcels(world_queue("x.test")), 0);
    check_sums();
}

static void
test_fail_in_parts(void **state)
{
    enum { MANY = 1500 };

    (void)state;
    world_begin("suspend_delivery = true\n");
    long_queue(MANY);
    fake_store.hold_loads = true;
    answer[0] = '\0';
    scheduler_fail_domain(
        world.s, STR_NONE, STR("x.test"), false, STR("gone"), &ask);
    loop_turn(world.loop, 0);
    assert_true(world.s->notices <= STEPS * PARCELS);
    fails_in_parts(MANY);
    world_advance(100); /* it is answered when all is on disk */
    assert_non_null(strstr(answer, "1500 messages"));
    world_end();
}

static void
test_expire_in_parts(void **state)
{
    enum { MANY = 1500 };

    (void)state;
    world_begin("suspend_delivery = true\n");
    long_queue(MANY);
    fake_store.hold_loads = true;
    world_configure("suspend_delivery = true\nmessage_expiration = 1\n"
                    "retry_interval = 1200\n");
    world_advance(1300000);
    fails_in_parts(MANY);
    world_end();
}

UNIT_MAIN(cmocka_unit_test(test_cursor), cmocka_unit_test(test_flush_in_slices),
    cmocka_unit_test(test_adopt_in_slices),
    cmocka_unit_test(test_walk_while_they_go),
    cmocka_unit_test(test_fail_in_parts),
    cmocka_unit_test(test_expire_in_parts))
