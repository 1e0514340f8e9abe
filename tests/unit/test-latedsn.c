/* SPDX-License-Identifier: Apache-2.0
 *
 * Word that comes after the delivery: told once, to whom it concerns, with the
 * durable value that says so.
 */
#include "queue_world.h"

#include "base/log.h"
#include "queue/latedsn.h"
#include "spool/message.h"

enum { SUCCESS = 1u << IMPEL_DELIVERED, FAILURE = 1u << IMPEL_FAILED };

/* --- the value --- */

static struct awaited
asked(uint32_t notify)
{
    return (struct awaited){.id = 0x4200,
        .number = 3,
        .notify = notify,
        .received = clock_wall() - 1000,
        .expiry = clock_wall() + 1000000,
        .sender = STR("s@from.test"),
        .envid = STR("QQ+20314"),
        .binding = STR("default"),
        .address = STR("15551234567@x.test"),
        .original = STR("rfc822;Bob+2Bx@x.test")};
}

static void
await(const struct awaited *a)
{
    assert_int_equal(awaited_put(NULL, STR("toy/1"), a, NULL), 0);
}

static uint32_t
told(void)
{
    struct buf record = BUF_INIT;
    struct awaited a;

    assert_int_equal(awaited_get(NULL, STR("toy/1"), &record, &a), 0);
    buf_fini(&record);
    return a.told;
}

static void
test_value(void **state)
{
    struct awaited a = asked(NOTIFY_SUCCESS), b;
    struct buf record = BUF_INIT, key = BUF_INIT;

    (void)state;
    a.envid = STR_NONE;
    a.told = FAILURE;
    awaited_print(&a, &record);
    assert_int_equal(awaited_parse(buf_get(&record), &b), 0);
    assert_int_equal(b.id, 0x4200);
    assert_int_equal(b.number, 3);
    assert_int_equal(b.notify, NOTIFY_SUCCESS);
    assert_int_equal(b.told, FAILURE);
    assert_int_equal(b.received, a.received);
    assert_int_equal(b.expiry, a.expiry);
    assert_str(b.sender, "s@from.test");
    assert_null(b.envid.p);
    assert_str(b.original, "rfc822;Bob+2Bx@x.test");
    for (size_t n = 0; n < record.n; n++) {
        struct buf cut = BUF_INIT; /* of its own, for the sanitizer */

        buf_add(&cut, record.p, n);
        assert_int_equal(awaited_parse(buf_get(&cut), &b), ERR_DAMAGED);
        buf_fini(&cut);
    }
    buf_char(&record, 'x');
    assert_int_equal(awaited_parse(buf_get(&record), &b), ERR_DAMAGED);
    awaited_key("mm7", STR("id"), &key);
    assert_str(buf_get(&key), "mm7/id");
    buf_fini(&key);
    buf_fini(&record);
}

/* --- words --- */

static unsigned dones, ends;

static void
done(struct late *l, bool told_it)
{
    dones += told_it;
    ends++;
    buf_fini(&l->key);
    result_fini(&l->result);
    free(l);
}

static void
say_quietly(int verdict, const char *status, const char *text)
{
    struct late *l = xnew(struct late);

    l->module = "toy";
    l->done = done;
    buf_cstr(&l->key, "toy/1");
    result_set(
        &l->result, verdict, IMPEL_BLAME_RCPT, IMPEL_AT_FINAL, 0, status, text);
    latedsn_take(world.s, l);
}

static void
say(int verdict)
{
    say_quietly(verdict, verdict == IMPEL_FAILED ? "5.4.7" : "2.1.5",
        "[internal] the MMSC says so");
    world_run();
}

static void
begin(const char *conf, uint32_t notify)
{
    struct awaited a = asked(notify);

    dones = ends = 0;
    world_begin(conf);
    await(&a);
}

static bool
reports(const char *words)
{
    return fake_store.accepted.p && strstr(fake_store.accepted.p, words);
}

static void
test_failure(void **state)
{
    static const char *const words[] = {"To: <s@from.test>\r\n",
        "\r\nOriginal-Envelope-Id: QQ 314\r\n",
        "\r\nOriginal-Recipient: rfc822;Bob+x@x.test\r\n",
        "\r\nFinal-Recipient: rfc822;15551234567@x.test\r\n",
        "\r\nAction: failed\r\n", "\r\nStatus: 5.4.7\r\n",
        "x-impel;5.4.7 [internal] the MMSC says so\r\n"};

    (void)state;
    begin("", 0);
    say(IMPEL_FAILED);
    assert_int_equal(fake_store.accepts, 1);
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (!reports(words[i]))
            fail_msg("missing: %s in\n%s", words[i], fake_store.accepted.p);
    assert_int_equal(fake_store.last_accepted->env.sender.n, 0);
    assert_int_equal(told(), FAILURE);
    say(IMPEL_FAILED); /* the same again, and what cannot be after it */
    say(IMPEL_DELIVERED);
    say(IMPEL_RETRY);
    assert_int_equal(fake_store.accepts, 1);
    assert_int_equal(told(), FAILURE);
    assert_int_equal(dones, 4); /* whoever brings it again is told yes */
    world_end();
}

static char logged[600];

static void
take_line(void *arg, enum log_level level, int64_t wall, struct str line)
{
    (void)arg, (void)level, (void)wall;
    if (str_starts(line, STR("late-report ")))
        (void)str_copy(logged, sizeof(logged), line);
}

/* Pairs of the module's stand there as the maillog has them. */
static void
test_the_log(void **state)
{
    const struct impel_pair info[] = {
        {{"id", 2}, {"7", 1}}, {{"said", 4}, {"gone \"for\" good", 15}}};
    const struct impel_result r = {.size = sizeof(r),
        .verdict = IMPEL_RETRY,
        .text = {"not \"yet\"", 9},
        .info_count = ARRAY_SIZE(info),
        .info = info};
    struct late *l = xnew(struct late);

    (void)state;
    begin("late_reports = log\n", 0);
    l->module = "toy";
    l->done = done;
    buf_cstr(&l->key, "toy/1");
    assert_int_equal(result_copy(&l->result, &r), 0);
    log_set_sink(take_line, NULL);
    latedsn_take(world.s, l);
    world_run();
    log_set_sink(NULL, NULL);
    assert_string_equal(logged,
        "late-report module=toy message=00/00-00000-00004203 "
        "rcpt=15551234567@x.test verdict=retry told=log "
        "text=\"not \\\"yet\\\"\" id=7 said=\"gone 'for' good\"");
    world_end();
}

/* Two that come at once, before any is on disk. */
static void
test_twice_at_once(void **state)
{
    (void)state;
    begin("", 0);
    for (int i = 0; i < 20; i++)
        say_quietly(IMPEL_FAILED, "5.0.0", "no");
    world_run();
    assert_int_equal(fake_store.accepts, 1);
    assert_true(list_empty(&world.s->lates));
    world_end();
}

static void
test_success(void **state)
{
    (void)state;
    begin("", NOTIFY_SUCCESS);
    say(IMPEL_DELIVERED);
    assert_int_equal(fake_store.accepts, 1);
    assert_true(reports("\r\nAction: delivered\r\n"));
    assert_int_equal(told(), SUCCESS);
    world_end();
}

static void
test_nobody_asked(void **state)
{
    static const struct {
        const char *conf;
        uint32_t notify;
        int verdict;
    } rows[] = {{"", 0, IMPEL_DELIVERED}, {"", NOTIFY_NEVER, IMPEL_FAILED},
        {"", NOTIFY_SUCCESS, IMPEL_FAILED}, {"", 0, IMPEL_RETRY},
        {"", NOTIFY_SUCCESS, IMPEL_RETRY},
        {"generate_bounces = false\n", 0, IMPEL_FAILED},
        {"late_reports = log\n", 0, IMPEL_FAILED},
        {"domain \"x.test\" { late_reports = log }\n", NOTIFY_SUCCESS,
            IMPEL_DELIVERED}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        begin(rows[i].conf, rows[i].notify);
        say(rows[i].verdict);
        assert_int_equal(fake_store.accepts, 0);
        assert_int_equal(told(), 1u << rows[i].verdict); /* it is known */
        assert_true(list_empty(&world.s->lates));
        world_end();
    }
}

static void
test_null_sender(void **state)
{
    struct awaited a = asked(0);

    (void)state;
    world_begin("");
    a.sender = STR("");
    await(&a);
    say(IMPEL_FAILED);
    assert_int_equal(fake_store.accepts, 0);
    assert_int_equal(told(), FAILURE);
    world_end();
}

static void
test_delay(void **state)
{
    (void)state;
    begin("", NOTIFY_DELAY | NOTIFY_SUCCESS);
    say(IMPEL_RETRY);
    assert_int_equal(fake_store.accepts, 1);
    assert_true(reports("\r\nAction: delayed\r\n"));
    say(IMPEL_RETRY);
    assert_int_equal(fake_store.accepts, 1);
    say(IMPEL_DELIVERED);
    assert_int_equal(fake_store.accepts, 2);
    assert_true(reports("\r\nAction: delivered\r\n"));
    world_end();
}

static void
test_for_the_log(void **state)
{
    (void)state;
    begin("", NOTIFY_SUCCESS);
    say(IMPEL_UNTRIED);
    assert_int_equal(fake_store.accepts, 0);
    assert_int_equal(told(), 0);
    world_end();
}

/* A disk that does not take it is asked again, and told is what it took. */
static void
test_disk(void **state)
{
    (void)state;
    begin("", 0);
    fake_store.accept_result = ERR_IO;
    say(IMPEL_FAILED);
    assert_int_equal(told(), 0);
    assert_int_equal(dones, 0);
    assert_false(list_empty(&world.s->lates));
    fake_store.accept_result = 0;
    world_advance(6000);
    assert_int_equal(told(), FAILURE);
    assert_int_equal(dones, 1);
    assert_true(list_empty(&world.s->lates));
    assert_int_equal(world.s->notices, 0);
    world_end();
}

/* Values that are not durable yet, and nobody there when they would be. */
static void
test_end_of_the_daemon(void **state)
{
    (void)state;
    begin("late_reports = log\n", 0);
    fake_store.hold_values = true;
    say(IMPEL_FAILED);
    assert_false(list_empty(&world.s->lates));
    fake_store.hold_values = false;
    fake_store_values();
    assert_true(list_empty(&world.s->lates));
    world_end();
}

static void
test_expired(void **state)
{
    (void)state;
    dones = ends = 0;
    world_begin("");
    say(IMPEL_FAILED);
    assert_int_equal(fake_store.accepts, 0);
    assert_int_equal(dones, 0);
    assert_int_equal(ends, 1);
    assert_true(list_empty(&world.s->lates));
    world_end();
}

/* Success that somebody will tell of later is not told now. */
static void
test_delivered_and_awaited(void **state)
{
    struct message *m;
    struct result r[2] = {{.retry_after = -1}, {.retry_after = -1}};

    (void)state;
    world_begin("");
    m = world_message("default", "s@from.test", "a@x.test b@x.test");
    for (size_t i = 0; i < 2; i++) {
        ((struct rcpt *)(uintptr_t)m->env.rcpt)[i].notify = NOTIFY_SUCCESS;
        result_set(&r[i], IMPEL_DELIVERED, IMPEL_BLAME_RCPT, IMPEL_AT_FINAL,
            250, "2.0.0", "ok");
        r[i].info = xdup("dsn=no");
    }
    r[0].awaited = true;
    world_give(m);
    fake_ready(0, 1);
    fake_done_each(0, r);
    assert_int_equal(fake_store.accepts, 1);
    assert_true(reports("Final-Recipient: rfc822;b@x.test\r\n"));
    assert_false(reports("a@x.test"));
    result_fini(&r[0]);
    result_fini(&r[1]);
    world_end();
}

UNIT_MAIN(cmocka_unit_test(test_value), cmocka_unit_test(test_failure),
    cmocka_unit_test(test_the_log), cmocka_unit_test(test_twice_at_once),
    cmocka_unit_test(test_success), cmocka_unit_test(test_nobody_asked),
    cmocka_unit_test(test_null_sender), cmocka_unit_test(test_delay),
    cmocka_unit_test(test_for_the_log), cmocka_unit_test(test_disk),
    cmocka_unit_test(test_end_of_the_daemon), cmocka_unit_test(test_expired),
    cmocka_unit_test(test_delivered_and_awaited))
