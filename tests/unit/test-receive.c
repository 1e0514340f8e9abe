/* SPDX-License-Identifier: Apache-2.0
 *
 * test-receive.c - messages on their way in, between a module, a spool and a
 * disk that are all played by the test.
 */
#include "receive_support.h"

#include "base/clock.h"
#include "conf_support.h"
#include "fake_builder.h"
#include "fake_tls.h"
#include "intake/receive_int.h"

/* --- verdicts --- */

static void
each_part_has_its_verdict(void **state)
{
    struct impel_session *s = session();
    struct impel_incoming *m = receive_begin(&s->is, 7);
    (void)state;
    assert_int_equal(rcpt(m, "x@here.test"), IMPEL_E_INVAL);
    assert_int_equal(sender(m, "a@b.test"), 0);
    assert_int_equal(sender(m, "a@b.test"), IMPEL_E_INVAL);
    assert_int_equal(rcpt(m, "x@here.test"), 0);
    assert_int_equal(rcpt(m, "x@there.test"), 0);
    assert_int_equal(rcpt(m, "not an address"), 0);
    assert_int_equal(rcpt(m, "y@here.test"), 0);
    assert_int_equal(give(m, 1), 1);
    assert_int_equal(receive_commit(m, no_key), 0);
    TOLD(s, 0, 7, SIZE_MAX, IMPEL_AT_SENDER, 250);
    TOLD(s, 1, 7, 0, IMPEL_AT_RCPT, 250);
    TOLD(s, 2, 7, 1, IMPEL_AT_RCPT, 550);
    TOLD(s, 3, 7, 2, IMPEL_AT_RCPT, 553);
    TOLD(s, 4, 7, 3, IMPEL_AT_RCPT, 250);
    assert_int_equal(s->count, 5); /* nothing is on disk yet */
    assert_int_equal(in.received, 0);
    assert_int_equal(rejections, 2);
    assert_int_equal(with_spool[0]->message->env.rcpt_count, 2);
    spool_answers(0);
    TOLD(s, 5, 7, SIZE_MAX, IMPEL_AT_FINAL, 250);
    assert_memory_equal(s->told[5].text, "OK ", 3);
    assert_int_equal(s->count, 6);
    assert_int_equal(in.received, 1);
    assert_int_equal(in.received_recipients, 2);
    session_goes(s);
}

static void
a_refused_sender_may_be_mended(void **state)
{
    struct impel_session *s = session();
    struct impel_incoming *m = receive_begin(&s->is, 1);
    (void)state;
    assert_int_equal(sender(m, "a@@b.test"), 0);
    TOLD(s, 0, 1, SIZE_MAX, IMPEL_AT_SENDER, 553);
    assert_int_equal(rcpt(m, "x@here.test"), IMPEL_E_INVAL);
    assert_int_equal(sender(m, ""), 0);
    TOLD(s, 1, 1, SIZE_MAX, IMPEL_AT_SENDER, 250);
    receive_abandon(m);
    session_goes(s);
}

static void
several_messages_end_in_the_order_of_the_disk(void **state)
{
    struct impel_session *s = session();
    struct impel_incoming *m[3];
    (void)state;
    for (int i = 0; i < 3; i++) {
        m[i] = begun(s, (uint64_t)i + 1);
        assert_int_equal(give(m[i], 1), 1);
    }
    assert_int_equal(receive_commit(m[1], no_key), 0);
    assert_int_equal(receive_commit(m[0], no_key), 0);
    assert_int_equal(receive_commit(m[2], no_key), 0);
    assert_int_equal(s->count, 6);
    for (int i = 0; i < 3; i++)
        spool_answers(i == 1 ? ERR_IO : 0);
    TOLD(s, 6, 2, SIZE_MAX, IMPEL_AT_FINAL, 250);
    TOLD(s, 7, 1, SIZE_MAX, IMPEL_AT_FINAL, 451);
    TOLD(s, 8, 3, SIZE_MAX, IMPEL_AT_FINAL, 250);
    session_goes(s);
}

static void
what_cannot_be_stored_is_451(void **state)
{
    struct impel_session *s = session();
    (void)state;
    assert_int_equal(receive_commit(begun(s, 1), no_key), 0);
    spool_answers(ERR_IO);
    TOLD(s, 2, 1, SIZE_MAX, IMPEL_AT_FINAL, 451);
    assert_int_equal(s->told[2].verdict, IMPEL_RETRY);
    assert_int_equal(in.received, 0);
    session_goes(s);
}

static void
refusing_is_said_to_sender_and_at_the_end(void **state)
{
    struct impel_session *s = session();
    struct impel_incoming *m = begun(s, 1), *other = receive_begin(&s->is, 2);
    (void)state;
    in.refuse = "Closing down";
    assert_int_equal(sender(other, "a@b.test"), 0);
    TOLD(s, 2, 2, SIZE_MAX, IMPEL_AT_SENDER, 452);
    assert_int_equal(receive_commit(m, no_key), 0);
    TOLD(s, 3, 1, SIZE_MAX, IMPEL_AT_FINAL, 452);
    assert_int_equal(with_spool_count, 0);
    session_goes(s); /* takes the other with it */
}

static void
nothing_is_committed_without_recipients(void **state)
{
    struct impel_session *s = session();
    struct impel_incoming *m = receive_begin(&s->is, 1);
    (void)state;
    assert_int_equal(sender(m, "a@b.test"), 0);
    assert_int_equal(receive_commit(m, no_key), IMPEL_E_INVAL);
    receive_abandon(m);
    session_goes(s);
}

/* --- ends --- */

static void
a_session_goes_while_committing(void **state)
{
    struct impel_session *s = session();
    struct impel_incoming *m = begun(s, 1);
    (void)state;
    assert_int_equal(give(m, 2), 2);
    assert_int_equal(receive_commit(m, no_key), 0);
    assert_int_equal(receive_commit(begun(s, 2), no_key), 0);
    session_goes(s);
    assert_int_equal(il.committing, 2);
    spool_answers(0);
    spool_answers(ERR_IO);
    assert_int_equal(in.received, 1);
}

static void
abandoned_at_each_step(void **state)
{
    struct impel_session *s = session(), *other = session();
    struct impel_incoming *m, *holder;
    (void)state;
    receive_abandon(receive_begin(&s->is, 1));
    m = receive_begin(&s->is, 2);
    assert_int_equal(sender(m, "a@b.test"), 0);
    receive_abandon(m);
    receive_abandon(begun(s, 3));
    m = begun(s, 4);
    assert_int_equal(give(m, 3), 3);
    receive_abandon(m);
    holder = begun(other, 1);
    assert_int_equal(give(holder, 20), 20);
    m = begun(s, 5);
    assert_int_equal(give(m, 1), 0); /* waits for credits */
    receive_abandon(m);
    fake_builder_result = ERR_AGAIN;
    assert_int_equal(give(holder, 2), 1); /* waits for the disk */
    receive_abandon(holder);
    m = begun(s, 6);
    assert_int_equal(receive_commit(m, no_key), 0);
    receive_abandon(m); /* too late, and harmless */
    spool_answers(0);
    session_goes(s);
    session_goes(other);
}

static void
calls_after_commit_change_nothing(void **state)
{
    struct impel_session *s = session();
    struct impel_incoming *m = begun(s, 1);
    (void)state;
    assert_int_equal(receive_commit(m, no_key), 0);
    assert_int_equal(rcpt(m, "y@here.test"), IMPEL_E_INVAL);
    assert_int_equal(sender(m, "c@b.test"), IMPEL_E_INVAL);
    assert_int_equal(receive_meta(m, text("k"), text("v")), IMPEL_E_INVAL);
    assert_int_equal(receive_body(m, "x", 1), IMPEL_E_INVAL);
    assert_int_equal(receive_commit(m, no_key), IMPEL_E_INVAL);
    spool_answers(0);
    session_goes(s);
}

/* --- credits --- */

/* Of all that grow at once, one may pass the limit. */
static void
the_limit_holds_but_for_one(void **state)
{
    struct impel_session *s = session();
    struct impel_incoming *m[8];
    int64_t most = LIMIT + 4 * LIMIT + 8 * CHUNK;
    (void)state;
    for (int i = 0; i < 8; i++)
        m[i] = begun(s, (uint64_t)i + 1);
    for (int round = 0; round < 60; round++)
        for (int i = 0; i < 8; i++)
            (void)give(m[i], 1);
    assert_true(budget_used(&in.credits) <= most);
    assert_non_null(il.overdraft);
    for (int i = 0; i < 8; i++)
        if (m[i] != il.overdraft)
            assert_int_equal(give(m[i], 1), 0);
    session_goes(s);
}

static void
who_waits_goes_on_after_a_commit(void **state)
{
    struct impel_session *a = session(), *b = session(), *c = session();
    struct impel_incoming *first = begun(a, 1), *next = begun(b, 1),
                          *last = begun(c, 1);
    (void)state;
    assert_int_equal(give(first, 20), 20);
    assert_int_equal(give(next, 1), 0);
    assert_int_equal(give(last, 1), 0);
    assert_int_equal(b->credits + c->credits, 0);
    assert_int_equal(receive_commit(first, no_key), 0);
    assert_int_equal(give(next, 1), 0); /* they come back from the disk */
    spool_answers(0);
    assert_int_equal(b->credits, 1);
    assert_int_equal(c->credits, 0);
    assert_int_equal(give(next, 1), 1);
    assert_int_equal(c->credits, 1); /* there are enough for the next too */
    assert_int_equal(give(last, 1), 1);
    session_goes(a);
    session_goes(b);
    session_goes(c);
}

static void
who_gives_up_wakes_the_next(void **state)
{
    struct impel_session *a = session(), *b = session(), *c = session();
    struct impel_incoming *first = begun(a, 1), *next = begun(b, 1),
                          *last = begun(c, 1);
    (void)state;
    assert_int_equal(give(first, 20), 20);
    assert_int_equal(give(next, 1), 0);
    assert_int_equal(give(last, 1), 0);
    receive_abandon(next);
    assert_int_equal(b->credits, 0);
    assert_int_equal(c->credits, 1);
    assert_int_equal(give(last, 1), 0);
    session_goes(a);
    assert_int_equal(c->credits, 2);
    assert_int_equal(give(last, 1), 1);
    session_goes(b);
    session_goes(c);
}

static void
what_other_loops_give_back_is_seen(void **state)
{
    struct impel_session *s = session(), *o = session();
    struct impel_incoming *first = begun(o, 1), *m = begun(s, 1);
    (void)state;
    assert_true(budget_take(&in.credits, LIMIT / 2)); /* another loop's */
    assert_int_equal(give(first, 12), 12);
    assert_int_equal(give(m, 1), 0);
    loop_turn(il.loop, 0);
    assert_int_equal(s->credits, 0);
    budget_give(&in.credits, LIMIT / 2);
    clock_advance(1000);
    loop_turn(il.loop, 0);
    loop_turn(il.loop, 0);
    assert_int_equal(s->credits, 1);
    assert_int_equal(give(m, 1), 1);
    session_goes(o);
    session_goes(s);
}

static void
a_large_body_gives_credits_back(void **state)
{
    struct impel_session *s = session();
    struct impel_incoming *m = begun(s, 1);
    (void)state;
    fake_builder_large = true;
    assert_int_equal(give(m, 60), 60);
    assert_true(budget_used(&in.credits) <= LIMIT + 8 * CHUNK);
    receive_abandon(m);
    session_goes(s);
}

static void
recipients_are_counted_too(void **state)
{
    struct impel_session *s = session();
    struct impel_incoming *m = receive_begin(&s->is, 1);
    char local[300];
    size_t i;
    (void)state;
    assert_int_equal(sender(m, "a@b.test"), 0);
    memset(local, 'l', sizeof(local));
    strcpy(local + 60, "@here.test");
    for (i = 0; i < 100000; i++) {
        s->count = 0;
        assert_int_equal(rcpt(m, local), 0);
        if (s->told[0].code != 250)
            break;
    }
    assert_int_equal(s->told[0].code, 452);
    assert_true(i > 100 && i < 10000);
    assert_true(budget_used(&in.credits) <= LIMIT + CHUNK);
    receive_abandon(m);
    m = begun(s, 2); /* there is always room for a few */
    assert_int_equal(s->told[s->count - 1].code, 250);
    session_goes(s);
}

/* --- the disk, and bounds --- */

static void
a_slow_disk_is_waited_for(void **state)
{
    struct impel_session *s = session();
    struct impel_incoming *m = begun(s, 1);
    (void)state;
    fake_builder_result = ERR_AGAIN;
    assert_int_equal(give(m, 2), 1);
    fake_builder_result = 0;
    assert_int_equal(give(m, 1), 0);
    fake_builder_last->room(fake_builder_last->arg, 0);
    assert_int_equal(s->credits, 1);
    assert_int_equal(give(m, 1), 1);
    assert_int_equal(fake_builder_last->bytes, 2 * CHUNK);
    receive_abandon(m);
    session_goes(s);
}

static void
a_broken_disk_is_told_at_the_end(void **state)
{
    struct impel_session *s = session();
    struct impel_incoming *m = begun(s, 1);
    (void)state;
    fake_builder_result = ERR_AGAIN;
    assert_int_equal(give(m, 1), 1);
    fake_builder_last->room(fake_builder_last->arg, ERR_IO);
    assert_int_equal(give(m, 4), 4); /* swallowed */
    assert_int_equal(receive_commit(m, no_key), 0);
    TOLD(s, 2, 1, SIZE_MAX, IMPEL_AT_FINAL, 452);
    m = begun(s, 2);
    fake_builder_result = ERR_FULL;
    assert_int_equal(give(m, 2), 2);
    assert_int_equal(receive_commit(m, no_key), 0);
    TOLD(s, 5, 2, SIZE_MAX, IMPEL_AT_FINAL, 452);
    session_goes(s);
}

static void
no_module_is_trusted_with_the_size(void **state)
{
    struct impel_session *s = session();
    struct impel_incoming *m = begun(s, 1);
    (void)state;
    assert_int_equal(give(m, 1000), 1000);
    assert_true(fake_builder_last->bytes <= 4 * LIMIT);
    assert_int_equal(receive_commit(m, no_key), 0);
    TOLD(s, 2, 1, SIZE_MAX, IMPEL_AT_FINAL, 552);
    session_goes(s);
}

/* What was agreed on stays with the message. */
static void
tls_is_kept(void **state)
{
    struct impel_session *s = session();
    struct impel_incoming *m;
    const struct envelope *env;
    (void)state;
    fake_under_tls = true;
    m = begun(s, 1);
    m->is->trusted = true;
    assert_int_equal(receive_meta(m, text("key"), text("v")), 0);
    assert_int_equal(give(m, 10), 10);
    assert_int_equal(receive_commit(m, no_key), 0);
    fake_under_tls = false;
    env = &with_spool[0]->message->env;
    assert_int_equal(env->meta_count, 2);
    assert_str(env->meta[1].key, "tls");
    assert_str(
        env->meta[1].value, "protocol=TLS1.3 cipher=TLS_X verified=none");
    spool_answers(0);
    session_goes(s);
}

static void
meta_is_bounded(void **state)
{
    struct impel_session *s = session();
    struct impel_incoming *m = begun(s, 1);
    struct impel_str huge = {chunk, SIZE_MAX - 4}, long_one = {chunk, 16000};
    int i;
    (void)state;
    assert_int_equal(receive_meta(m, no_key, text("v")), IMPEL_E_INVAL);
    assert_int_equal(receive_meta(m, text("k"), text("v")), IMPEL_E_UNSUP);
    assert_int_equal(
        receive_meta(m, text("binding"), text("b")), IMPEL_E_UNSUP);
    m->is->trusted = true;
    assert_int_equal(receive_meta(m, text("k"), huge), IMPEL_E_FULL);
    assert_int_equal(receive_meta(m, text("protocol"), huge), IMPEL_E_FULL);
    for (i = 0; i < 1000; i++)
        if (receive_meta(m, text("key"), text("v")) < 0)
            break;
    assert_int_equal(i, 64);
    assert_int_equal(receive_meta(m, text("protocol"), long_one), 0);
    assert_int_equal(receive_meta(m, text("protocol"), long_one), IMPEL_E_FULL);
    assert_int_equal(receive_commit(m, long_one), IMPEL_E_INVAL);
    assert_int_equal(receive_commit(m, no_key), 0);
    assert_int_equal(with_spool[0]->message->env.meta_count, 64);
    assert_str(with_spool[0]->message->env.meta[63].key, "key");
    spool_answers(0);
    session_goes(s);
}

static void
a_resend_key_is_kept(void **state)
{
    struct impel_session *s = session();
    const struct spool_value *with;
    struct impel_incoming *m;
    (void)state;
    m = begun(s, 1);
    assert_int_equal(
        receive_commit(m, (struct impel_str){"", 0}), IMPEL_E_INVAL);
    assert_int_equal(
        receive_keep(m, (struct impel_str){chunk, CHUNK + 1}, 0), IMPEL_E_FULL);
    assert_int_equal(receive_keep(m, text("250 2.0.0"), 77), 0);
    assert_int_equal(receive_commit(m, text("w1/17")), 0);
    with = with_spool[0]->with;
    assert_str(with->ns, "toy");
    assert_str(with->key, "w1/17");
    assert_str(with->value, "250 2.0.0");
    assert_int_equal(with->expiry, 77);
    assert_int_equal(receive_keep(m, text("late"), 0), IMPEL_E_INVAL);
    spool_answers(0);
    assert_int_equal(receive_commit(begun(s, 2), text("w1/18")), 0);
    assert_str(with_spool[0]->with->value, "");
    spool_answers(0);
    session_goes(s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {T(each_part_has_its_verdict),
        T(a_refused_sender_may_be_mended),
        T(several_messages_end_in_the_order_of_the_disk),
        T(what_cannot_be_stored_is_451),
        T(refusing_is_said_to_sender_and_at_the_end),
        T(nothing_is_committed_without_recipients),
        T(a_session_goes_while_committing), T(abandoned_at_each_step),
        T(calls_after_commit_change_nothing), T(the_limit_holds_but_for_one),
        T(who_waits_goes_on_after_a_commit), T(who_gives_up_wakes_the_next),
        T(what_other_loops_give_back_is_seen),
        T(a_large_body_gives_credits_back), T(recipients_are_counted_too),
        T(a_slow_disk_is_waited_for), T(a_broken_disk_is_told_at_the_end),
        T(no_module_is_trusted_with_the_size), T(tls_is_kept),
        T(meta_is_bounded), T(a_resend_key_is_kept)};
    conf_support_options();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
