/* SPDX-License-Identifier: Apache-2.0
 *
 * The mail of another spool: all of it, once, and nothing before it is certain.
 */
#include "queue_world.h"

#include <unistd.h>

#include "loop/job.h"
#include "queue/importmark.h"
#include "queue/scheduler.h"

static char answer[4096];

static void
replied(void *arg, struct str text, const struct err *e)
{
    (void)arg;
    assert_true(
        str_copy(answer, sizeof(answer), e->code < 0 ? str_of(e->text) : text));
}

static const struct scheduler_ask ask = {.reply = replied};

/* The thread that reads needs time of its own. */
static void
turns(int count)
{
    for (int i = 0; i < count; i++) {
        world_advance(10);
        usleep(200);
    }
}

/* It reads as fast as the machine lets it. */
#define TURNS_UNTIL(condition) \
    for (int i_ = 0; !(condition) && i_ < 50000; i_++) \
    turns(1)

static void
import(const char *dir, bool dry_run)
{
    answer[0] = '\0';
    scheduler_import(world.s, str_of(dir), dry_run, &ask);
}

static const char *
imported(bool dry_run)
{
    import("/old", dry_run);
    TURNS_UNTIL(answer[0]);
    return answer;
}

static void
recovered(void)
{
    const struct spool_events *ev = scheduler_spool_events(world.s);

    ev->recovered(ev->arg, 0, 0);
}

static void
begin(void)
{
    world_begin("suspend_delivery = true\n");
    fake_source_reset();
    fake_source.text = "Subject: old\r\n\r\nold text\r\n";
    recovered();
    for (size_t i = 0; i < 3; i++)
        fake_source.message[fake_source.count++] =
            world_message("default", "s@a.test", "done@x.test wait@y.test");
}

static void
end(void)
{
    fake_source_reset();
    world_end();
}

static uint64_t
waiting(void)
{
    struct queue *q = world_queue("y.test");

    return q ? queue_parcels(q) : 0;
}

/* Reserved, stored, marked, each on disk before the next; then queued, with
 * what had been tried. */
static void
test_in_order(void **state)
{
    struct parcel *p;

    (void)state;
    begin();
    fake_source.retries = 4;
    fake_source.next_attempt = clock_wall() + 5000;
    fake_store.hold_values = true;
    import("/old", false);
    TURNS_UNTIL(fake_store_held());
    turns(50);
    assert_int_equal(fake_store.accepts, 0);
    fake_store_values();
    TURNS_UNTIL(fake_store.accepts == 3 && fake_store_held());
    assert_int_equal(fake_store.accepts, 3);
    assert_int_equal(fake_store.attempts, 3);
    assert_int_equal(waiting(), 0);
    assert_int_equal(world.s->stats.messages, 0);
    fake_store_values();
    TURNS_UNTIL(answer[0]);
    assert_int_equal(waiting(), 3);
    assert_string_equal(answer, "3 messages to 3 recipients imported.\n");
    assert_string_equal(
        fake_store.accepted.p, "Subject: old\r\n\r\nold text\r\n");
    p = CONTAINER_OF(
        heap_first(&world_queue("y.test")->delayed), struct parcel, in.due);
    assert_int_equal(p->retries, 4);
    assert_int_equal(p->rcpt_count, 1);
    assert_int_equal(p->attempt.segment, 3);
    assert_int_equal(p->in.due.when, fake_source.next_attempt);
    fake_store.hold_values = false;
    assert_string_equal(imported(false),
        "0 messages to 0 recipients imported.\n"
        "3 were imported before.\n");
    end();
}

static void
test_dry_run(void **state)
{
    (void)state;
    begin();
    (void)imported(true);
    assert_non_null(strstr(answer, "From: <s@a.test> To: <wait@y.test> Size:"));
    assert_non_null(strstr(
        answer, "3 messages to 3 recipients are meant; nothing was done.\n"));
    assert_int_equal(fake_store.accepts, 0);
    assert_int_equal(fake_store.value_count, 0);
    assert_string_equal(
        imported(false), "3 messages to 3 recipients imported.\n");
    end();
}

/* The disk is full: what was stored goes, and is asked for again. */
static void
test_refused_by_the_disk(void **state)
{
    (void)state;
    begin();
    fake_store.accept_result = ERR_FULL;
    assert_string_equal(imported(false), "it was not stored");
    assert_int_equal(waiting(), 0);
    fake_store.accept_result = 0;
    assert_string_equal(
        imported(false), "3 messages to 3 recipients imported.\n");
    assert_int_equal(waiting(), 3);
    end();
}

static void
test_left(void **state)
{
    (void)state;
    begin();
    fake_source.unread = fake_source.message[1]->id;
    (void)imported(false);
    assert_non_null(strstr(answer, ": the test said so\n2 messages to 2 "));
    assert_non_null(strstr(answer, "1 cannot be imported and were left.\n"));
    fake_source.unread = 0;
    assert_string_equal(imported(false),
        "1 messages to 1 recipients imported.\n"
        "2 were imported before.\n");
    fake_source.message[fake_source.count++] =
        world_message("default", "", "done@x.test wait@y.test");
    fake_source.text = "Subject: old\r\n\r\nsmuggled\n.\r\n";
    (void)imported(false);
    assert_non_null(strstr(answer, ": bare CR or LF in it\n0 messages"));
    assert_int_equal(waiting(), 3);
    end();
}

static void
test_refused(void **state)
{
    (void)state;
    begin();
    import("old", false);
    assert_non_null(strstr(answer, "the whole path"));
    import("/none", false);
    assert_string_equal(answer, "");
    scheduler_import(world.s, STR("/old"), false, &ask);
    assert_non_null(strstr(answer, "an import runs"));
    answer[0] = '\0';
    TURNS_UNTIL(answer[0]);
    assert_string_equal(answer, "/none: no spool");
    fake_source.identity = spool_identity(world.s->spool);
    assert_non_null(strstr(imported(false), "is a copy of the spool in use"));
    assert_int_equal(world.s->jobs, 0);
    end();
}

/* What is stored when somebody cancels is marked, so that it is here once. */
static void
test_cancelled(void **state)
{
    struct job *j;

    (void)state;
    begin();
    fake_store.hold_values = true;
    import("/old", false);
    TURNS_UNTIL(fake_store_held());
    fake_store_values();
    TURNS_UNTIL(fake_store.accepts == 3 && fake_store_held());
    assert_int_equal(fake_store.accepts, 3);
    j = job_next(world.loop, NULL);
    assert_string_equal(job_name(j), "spool import");
    job_cancel(j);
    turns(20);
    fake_store.hold_values = false;
    fake_store_values();
    TURNS_UNTIL(answer[0]);
    assert_string_equal(answer,
        "3 messages to 3 recipients imported.\nCancelled before the end.\n");
    assert_int_equal(waiting(), 3);
    import("/old", false); /* at once: nothing of it is done */
    job_cancel(job_next(world.loop, NULL));
    TURNS_UNTIL(answer[0]);
    assert_non_null(strstr(answer, "0 messages to 0 recipients imported"));
    end();
}

static void
found(uint64_t id)
{
    static const uint32_t rcpt[] = {0};
    const struct found_parcel p = {
        .domain = STR("y.test"), .rcpt = rcpt, .rcpt_count = 1};
    const struct found f = {.id = id,
        .accept = {1, 4096},
        .received = clock_wall(),
        .binding = STR("default"),
        .rcpt_total = 1,
        .parcel_count = 1,
        .parcel = &p};
    const struct spool_events *ev = scheduler_spool_events(world.s);

    ev->found(ev->arg, &f);
}

/* A crash has left a range open: what recovery meets in it is nobody's. */
static void
test_void(void **state)
{
    struct importmark m = {
        .source = 7, .high = 0x30, .from = 0x5000, .to = 0x5010};

    (void)state;
    begin();
    assert_int_equal(importmark_put(world.s->spool, &m, NULL, NULL, NULL), 0);
    world_run();
    world_restart("suspend_delivery = true\n");
    found(0x4fff);
    found(0x5000);
    found(0x500f);
    found(0x5010);
    assert_int_equal(waiting(), 2);
    assert_int_equal(fake_store.finished_all, 2);
    assert_int_equal(fake_store.last_finished, 0x500f);
    recovered();
    turns(10);
    assert_int_equal(importmark_get(world.s->spool, 7, &m), 0);
    assert_int_equal(m.high, 0x30);
    assert_int_equal(m.from, m.to);
    found(0x5001);
    assert_int_equal(waiting(), 3);
    end();
}

static void
test_mark(void **state)
{
    static const char *const bad[] = {"", "1", "2 1 0 0", "1 1 0", "1 x 0 0",
        "1 5 9 8", "1 5 0 0 6", "1 5 0 0 3 3", "1 5 0 0 3 2"};
    struct importmark m = {0}, n;
    struct buf b = BUF_INIT;

    (void)state;
    assert_int_equal(importmark_pass(&m, 5, true), 0);
    assert_int_equal(importmark_pass(&m, 8, false), 0);
    assert_int_equal(importmark_pass(&m, 9, true), 0);
    assert_int_equal(importmark_pass(&m, 12, false), 0);
    assert_int_equal(importmark_pass(&m, 7, false), 0);
    m.from = 3;
    m.to = 4;
    importmark_print(&m, &b);
    assert_int_equal(importmark_parse(buf_get(&b), &n), 0);
    assert_int_equal(n.from, 3);
    assert_int_equal(n.to, 4);
    for (uint64_t id = 1; id < 16; id++)
        assert_int_equal(importmark_wants(&n, id),
            id == 7 || id == 8 || id == 12 || id > 12);
    assert_int_equal(importmark_pass(&n, 8, true), 0);
    assert_false(importmark_wants(&n, 8));
    for (uint64_t id = 100; n.left_count < IMPORTMARK_LEFT_MOST; id++)
        assert_int_equal(importmark_pass(&n, id, false), 0);
    assert_int_equal(importmark_pass(&n, 5000, false), ERR_LIMIT);
    importmark_fini(&m);
    importmark_fini(&n);
    buf_fini(&b);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        if (importmark_parse(str_of(bad[i]), &m) != ERR_DAMAGED)
            fail_msg("row %zu", i);
}

UNIT_MAIN(cmocka_unit_test(test_in_order), cmocka_unit_test(test_dry_run),
    cmocka_unit_test(test_refused_by_the_disk), cmocka_unit_test(test_left),
    cmocka_unit_test(test_refused), cmocka_unit_test(test_cancelled),
    cmocka_unit_test(test_void), cmocka_unit_test(test_mark))
