/* SPDX-License-Identifier: Apache-2.0
 *
 * test-takeout.c - of a container the ordinary message is sent: taken out at
 * once, or elsewhere while the session goes on.
 */
#include "unit.h"

#include "fake_spool.h"
#include "session_kit.h"
#include "spool/ordinary.h"
#include "toy_module.h"
#include "xport/hostapi.h"

static struct session *
opened(void)
{
    peer_octets = 0;
    fake_work = NULL;
    return kit_open_keeping();
}

static struct batch *
lend(struct session *s)
{
    uint32_t first = 0;
    struct message *m = fake_message(1, "0123456789", 10);
    struct batch *b = batch_new(m, &first, 1, NULL, 0);

    message_unref(&m);
    session_lend(s, b);
    return b;
}

static void
turns(void)
{
    for (int i = 0; i < 10; i++)
        loop_turn(loop, 2);
}

static void
end(struct session *s)
{
    if (kit_back)
        batch_free(&kit_back);
    session_close(s, true);
    until(&closed_count, 1);
    turns();
    assert_int_equal(fake_messages, 0);
}

static void
test_sent(void **state)
{
    (void)state;
    fake_ordinary = "abc";
    for (fake_container = FAKE_PLAIN; fake_container <= FAKE_LARGE_CONTAINER;
         fake_container++) {
        struct session *s = opened();

        lend(s);
        if (fake_container == FAKE_LARGE_CONTAINER) {
            until(&ready_count, 1);
            turns();
            assert_int_equal(back_count, 0); /* nobody has seen it */
            assert_non_null(fake_work);
            fake_work->done(fake_work);
        }
        until(&back_count, 1);
        assert_int_equal(kit_back->result[0].verdict, IMPEL_DELIVERED);
        assert_int_equal(peer_octets, fake_container == FAKE_PLAIN ? 10 : 3);
        end(s);
    }
}

/* Who reads containers gets them, and so does who knows of no such thing. */
static void
test_as_it_came(void **state)
{
    (void)state;
    fake_ordinary = "abc";
    fake_container = FAKE_CONTAINER;
    for (int i = 0; i < 2; i++) {
        struct session *s;

        kit_module->desc.abi.minor = i ? 1 : 0;
        kit_module->desc.flags = i ? IMPEL_MODULE_CONTAINER : 0;
        s = opened();
        lend(s);
        until(&back_count, 1);
        assert_int_equal(peer_octets, 10);
        end(s);
    }
    kit_module->desc.flags = 0;
}

static void
test_none(void **state)
{
    (void)state;
    fake_ordinary = NULL;
    for (fake_container = FAKE_CONTAINER;
         fake_container <= FAKE_LARGE_CONTAINER; fake_container++) {
        struct session *s = opened();

        lend(s);
        if (fake_container == FAKE_LARGE_CONTAINER) {
            until(&ready_count, 1);
            turns();
            fake_work->done(fake_work);
        }
        until(&back_count, 1);
        assert_int_equal(kit_back->result[0].verdict, IMPEL_FAILED);
        assert_int_equal(kit_back->result[0].code, 554);
        assert_string_equal(
            kit_back->result[0].text, "[internal] no such part");
        end(s);
    }
}

/* It goes back before that is over: what was found is nobody's. */
static void
test_too_late(void **state)
{
    (void)state;
    fake_ordinary = "abc";
    fake_container = FAKE_LARGE_CONTAINER;
    for (int i = 0; i < 2; i++) {
        struct session *s = opened();
        struct batch *b = lend(s);

        until(&ready_count, 1);
        turns();
        if (i)
            session_recall(s, b, false);
        else
            session_close(s, true);
        until(&back_count, 1);
        assert_int_equal(kit_back->result[0].verdict, IMPEL_UNTRIED);
        batch_free(&kit_back);
        assert_int_equal(fake_messages, 1);
        fake_work->done(fake_work);
        if (i)
            session_close(s, true);
        until(&closed_count, 1);
        turns();
        assert_int_equal(fake_messages, 0);
    }
}

static int
start(void **state)
{
    (void)kit_start(state);
    kit_module->desc.abi.minor = 1;
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sent),
        cmocka_unit_test(test_as_it_came), cmocka_unit_test(test_none),
        cmocka_unit_test(test_too_late)};

    return cmocka_run_group_tests(tests, start, kit_stop);
}
