/* SPDX-License-Identifier: Apache-2.0
 *
 * test-late.c - what modules say of a recipient after its delivery: from
 * await() and late() to who takes it, and back.
 */
#include "unit.h"

#include "fake_spool.h"
#include "session_kit.h"
#include "toy_module.h"
#include "xport/hostapi.h"
#include "xport/instance.h"
#include "xport/late.h"

static void
lend(struct session *s)
{
    uint32_t both[] = {0, 1};
    struct message *m = fake_message(2, "0123456789", 10);
    struct batch *b = batch_new(m, both, 2, NULL, 0);

    message_unref(&m);
    session_lend(s, b);
}

static struct late *brought;
static int brought_count;

static void
take_late(void *arg, struct late *l)
{
    assert_ptr_equal(arg, &brought);
    brought = l;
    brought_count++;
}

/* Word of what was delivered goes to who takes it, and what he says wakes. */
static void
test_await(void **state)
{
    struct session *s = kit_open_keeping();
    int64_t before = instance_sum(kit_module->instance, 0);
    struct awaited a;

    (void)state;
    brought_count = 0;
    hostapi_set_spool((struct spool *)&brought); /* any will do */
    late_set_taker(loop, take_late, &brought);
    toy_flaw = TOY_AWAITS;
    lend(s);
    until(&back_count, 1);
    until(&brought_count, 1);
    assert_int_equal(toy_said[0], 0);
    for (int i = 1; i < 5; i++)
        assert_int_equal(toy_said[i], IMPEL_E_INVAL);
    assert_int_equal(toy_said[5], 0);
    assert_true(kit_back->result[0].awaited);
    assert_false(kit_back->result[1].awaited);
    assert_str(buf_get(&fake_awaited_key), "toy/key");
    assert_int_equal(awaited_parse(buf_get(&fake_awaited), &a), 0);
    assert_str(a.sender, "from@example.com");
    assert_str(a.address, "to@example.com");
    assert_int_equal(a.id, 0x1234);
    assert_str(buf_get(&brought->key), "toy/key");
    assert_int_equal(brought->result.verdict, IMPEL_DELIVERED);
    assert_int_equal(toy_events[IMPEL_EV_WAKE], 0);
    brought->done(brought, true);
    for (int i = 0; !toy_events[IMPEL_EV_WAKE] && i < 500; i++)
        loop_turn(loop, 10);
    assert_int_equal(instance_sum(kit_module->instance, 0), before + 7);
    batch_free(&kit_back);
    session_close(s, false);
    until(&closed_count, 1);
}

/* The same without a session, as report(): nobody is woken, and what nobody
 * waits for is for the log. */
static void
test_report(void **state)
{
    const struct impel_host *host = hostapi_get(false);
    struct impel_result r = {.size = sizeof(r),
        .verdict = IMPEL_FAILED,
        .blame = IMPEL_BLAME_RCPT,
        .stage = IMPEL_AT_FINAL,
        .text = {"gone", 4}};
    struct impel_str none = {NULL, 0};

    (void)state;
    brought_count = 0;
    hostapi_set_spool((struct spool *)&brought);
    late_set_taker(loop, take_late, &brought);
    assert_int_equal(host->report(kit_module->instance,
                         (struct impel_str){"other", 5}, none, &r),
        0);
    loop_turn(loop, 20);
    assert_int_equal(brought_count, 0);
    assert_int_equal(host->report(kit_module->instance,
                         (struct impel_str){"key", 3}, none, &r),
        0);
    until(&brought_count, 1);
    assert_string_equal(brought->result.text, "gone");
    assert_int_equal(brought->token, 0);
    brought->done(brought, false);
    late_set_taker(NULL, NULL, NULL);
    hostapi_set_spool(NULL);
    buf_fini(&fake_awaited_key);
    buf_fini(&fake_awaited);
}

/* What cannot be remembered is told like any other. */
static void
test_await_is_refused(void **state)
{
    struct session *s = kit_open_keeping();
    const struct impel_str word = {"word", 4};

    (void)state;
    fake_state_full = true;
    hostapi_set_spool((struct spool *)&brought);
    toy_flaw = TOY_AWAITS;
    lend(s);
    until(&back_count, 1);
    assert_int_equal(toy_said[0], IMPEL_E_FULL);
    assert_int_equal(
        hostapi_get(false)->state_put(kit_module->instance, word, word, 0),
        IMPEL_E_FULL);
    assert_int_equal(kit_back->result[0].verdict, IMPEL_DELIVERED);
    assert_false(kit_back->result[0].awaited);
    fake_state_full = false;
    hostapi_set_spool(NULL);
    batch_free(&kit_back);
    session_close(s, false);
    until(&closed_count, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_await),
        cmocka_unit_test(test_report), cmocka_unit_test(test_await_is_refused)};

    return cmocka_run_group_tests(tests, kit_start, kit_stop);
}
