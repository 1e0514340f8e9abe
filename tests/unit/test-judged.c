/* SPDX-License-Identifier: Apache-2.0
 *
 * test-judged.c - messages on their way in past filters, whose answers the test
 * gives: who is asked, in which order, and what a module may say meanwhile.
 */
#include "receive_support.h"

#include "conf_support.h"
#include "intake/filtered.h"
#include "intake/policy.h"
#include "intake/receive_int.h"

/* --- the filters --- */

struct chain {
    struct chain_request *q; /* under way, or NULL */
    chain_done_f *done;
    void *arg;
    unsigned asked;    /* so far */
    unsigned messages; /* that it was lent to */
    char of[80];       /* whom it was asked of last */
    struct impel_sender sender;
};
struct filtered {
    int unused;
};
static struct chain filters;
static struct filtered whole;

bool
chain_greet(struct intake_session *is)
{
    (void)is;
    return true;
}

struct chain *
chain_of_message(struct intake_session *is)
{
    (void)is;
    filters.messages++;
    return &filters;
}

static void
ask(struct chain_request *q, struct str of, chain_done_f *done, void *arg)
{
    assert_null(filters.q);
    assert_false(q->under_way);
    q->under_way = true;
    filters.q = q;
    filters.done = done;
    filters.arg = arg;
    filters.asked++;
    (void)str_copy(filters.of, sizeof(filters.of), of);
}

void
chain_sender(struct chain *c, struct chain_request *q, const struct message *m,
    chain_done_f *done, void *arg)
{
    c->sender = q->sender;
    ask(q, m->env.sender, done, arg);
}

void
chain_rcpt(struct chain *c, struct chain_request *q, const struct message *m,
    const struct rcpt *to, chain_done_f *done, void *arg)
{
    (void)c, (void)m;
    ask(q, to->address, done, arg);
}

void
chain_message_over(struct chain **c, struct chain_request *q)
{
    if (*c && q->under_way) {
        q->under_way = false;
        filters.q = NULL;
    }
    *c = NULL;
}

struct filtered *
filtered_begin(struct impel_incoming *m)
{
    content_builder_abandon(&m->builder);
    return &whole;
}

void
filtered_free(struct filtered **f)
{
    *f = NULL;
}

/* The answer to what is under way. */
static void
say(int answer, int code)
{
    struct chain_answer a = {.answer = answer};
    struct impel_result r;

    assert_non_null(filters.q);
    filters.q->under_way = false;
    filters.q = NULL;
    if (answer == IMPEL_REFUSE) {
        policy_say(&r, code < 500 ? IMPEL_RETRY : IMPEL_FAILED, IMPEL_AT_FINAL,
            code, "5.7.1", "No");
        a.result = &r;
        a.filter = "toy";
    }
    filters.done(filters.arg, &a);
}

static int
filters_set_up(void **state)
{
    memset(&filters, 0, sizeof(filters));
    return set_up(state);
}

/* A message whose sender the filters like. */
static struct impel_incoming *
open_message(struct impel_session *s)
{
    struct impel_incoming *m = receive_begin(&s->is, 1);

    assert_int_equal(sender(m, "a@b.test"), 0);
    assert_int_equal(s->count, 0);
    say(IMPEL_GO_ON, 0);
    TOLD(s, 0, 1, SIZE_MAX, IMPEL_AT_SENDER, 250);
    return m;
}

/* --- recipients --- */

/* A module may name all of them at once: each has its turn, and its verdict
 * bears its own number. */
static void
recipients_wait_for_their_turn(void **state)
{
    struct impel_session *s = session();
    struct impel_incoming *m = open_message(s);
    const struct envelope *env = &m->message->env;

    (void)state;
    assert_int_equal(rcpt(m, "one@here.test"), 0);
    assert_int_equal(rcpt(m, "two@here.test"), 0);
    assert_int_equal(rcpt(m, "no address"), 0);
    assert_int_equal(rcpt(m, "three@here.test"), 0);
    assert_int_equal(rcpt(m, "four@here.test"), 0);
    TOLD(s, 1, 1, 2, IMPEL_AT_RCPT, 553);
    assert_int_equal(s->count, 2);
    assert_string_equal(filters.of, "one@here.test");
    say(IMPEL_GO_ON, 0);
    TOLD(s, 2, 1, 0, IMPEL_AT_RCPT, 250);
    assert_string_equal(filters.of, "two@here.test");
    assert_int_equal(receive_body(m, "x", 1), IMPEL_E_INVAL);
    assert_int_equal(receive_commit(m, no_key), IMPEL_E_INVAL);
    say(IMPEL_REFUSE, 550);
    TOLD(s, 3, 1, 1, IMPEL_AT_RCPT, 550);
    assert_string_equal(filters.of, "three@here.test");
    assert_int_equal(rcpt(m, "five@here.test"), 0); /* meanwhile */
    say(IMPEL_REFUSE, 450);
    TOLD(s, 4, 1, 3, IMPEL_AT_RCPT, 450);
    say(IMPEL_GO_ON, 0);
    TOLD(s, 5, 1, 4, IMPEL_AT_RCPT, 250);
    say(IMPEL_GO_ON, 0);
    TOLD(s, 6, 1, 5, IMPEL_AT_RCPT, 250);
    assert_null(filters.q);
    assert_int_equal(env->rcpt_count, 3);
    assert_str(m->rcpt[0].address, "one@here.test");
    assert_str(m->rcpt[1].address, "four@here.test");
    assert_str(m->rcpt[2].address, "five@here.test");
    assert_int_equal(rejections, 3);
    assert_int_equal(give(m, 1), 1);
    assert_int_equal(receive_commit(m, no_key), 0);
    assert_non_null(m->filtered);
    receive_abandon(m);
    session_goes(s);
}

/* Many, so that what holds them grows while one is asked of. */
static void
many_recipients_wait(void **state)
{
    struct impel_session *s = session();
    struct impel_incoming *m = open_message(s);
    char a[40];

    (void)state;
    for (int i = 0; i < 50; i++) {
        snprintf(a, sizeof(a), "r%d@here.test", i);
        assert_int_equal(rcpt(m, a), 0);
    }
    for (int i = 0; i < 50; i++) {
        snprintf(a, sizeof(a), "r%d@here.test", i);
        assert_string_equal(filters.of, a);
        say(i % 3 ? IMPEL_GO_ON : IMPEL_REFUSE, 550);
        TOLD(s, (size_t)i + 1, 1, (size_t)i, IMPEL_AT_RCPT, i % 3 ? 250 : 550);
    }
    assert_int_equal(m->message->env.rcpt_count, 33);
    assert_str(m->rcpt[32].address, "r49@here.test");
    receive_abandon(m);
    session_goes(s);
}

/* Whoever waits when one is discarded is taken unasked. */
static void
discarded_among_recipients(void **state)
{
    struct impel_session *s = session();
    struct impel_incoming *m = open_message(s);

    (void)state;
    assert_int_equal(rcpt(m, "one@here.test"), 0);
    assert_int_equal(rcpt(m, "two@here.test"), 0);
    assert_int_equal(rcpt(m, "three@here.test"), 0);
    say(IMPEL_DISCARD, 0);
    assert_null(filters.q);
    for (size_t i = 0; i < 3; i++)
        TOLD(s, i + 1, 1, i, IMPEL_AT_RCPT, 250);
    assert_int_equal(rcpt(m, "four@here.test"), 0);
    TOLD(s, 4, 1, 3, IMPEL_AT_RCPT, 250);
    assert_int_equal(filters.asked, 2);
    assert_int_equal(receive_commit(m, no_key), 0);
    TOLD(s, 5, 1, SIZE_MAX, IMPEL_AT_FINAL, 250);
    assert_int_equal(with_spool_count, 0);
    session_goes(s);
}

static void
abandoned_while_recipients_wait(void **state)
{
    struct impel_session *s = session();
    struct impel_incoming *m = open_message(s);

    (void)state;
    assert_int_equal(rcpt(m, "one@here.test"), 0);
    assert_int_equal(rcpt(m, "two@here.test"), 0);
    receive_abandon(m);
    assert_null(filters.q);
    assert_int_equal(s->count, 1);
    session_goes(s);
}

/* --- senders --- */

static void
nothing_before_the_sender_is_judged(void **state)
{
    struct impel_session *s = session();
    struct impel_incoming *m = receive_begin(&s->is, 1);

    (void)state;
    assert_int_equal(sender(m, "a@b.test"), 0);
    assert_int_equal(sender(m, "c@b.test"), IMPEL_E_INVAL);
    assert_int_equal(rcpt(m, "one@here.test"), IMPEL_E_INVAL);
    assert_int_equal(receive_body(m, "x", 1), IMPEL_E_INVAL);
    assert_int_equal(receive_commit(m, no_key), IMPEL_E_INVAL);
    receive_abandon(m);
    session_goes(s);
}

static void
filters_hear_of_the_size(void **state)
{
    struct impel_session *s = session();
    struct impel_sender from = {.size = sizeof(from),
        .address = text("a@b.test"),
        .declared_size = 123456};
    struct impel_incoming *m = receive_begin(&s->is, 1);

    (void)state;
    assert_int_equal(receive_sender(m, &from), 0);
    assert_int_equal(filters.sender.declared_size, 123456);
    receive_abandon(m);
    session_goes(s);
}

/* As if a policy had refused it: another may be named, and the filters have
 * seen no message yet. */
static void
a_refused_sender_is_none(void **state)
{
    struct impel_session *s = session();
    struct impel_incoming *m = receive_begin(&s->is, 1);

    (void)state;
    assert_int_equal(sender(m, "a@b.test"), 0);
    say(IMPEL_REFUSE, 550);
    TOLD(s, 0, 1, SIZE_MAX, IMPEL_AT_SENDER, 550);
    assert_int_equal(rcpt(m, "one@here.test"), IMPEL_E_INVAL);
    assert_int_equal(filters.messages, 2);
    assert_int_equal(sender(m, "c@b.test"), 0);
    assert_string_equal(filters.of, "c@b.test");
    say(IMPEL_GO_ON, 0);
    TOLD(s, 1, 1, SIZE_MAX, IMPEL_AT_SENDER, 250);
    assert_int_equal(rcpt(m, "one@here.test"), 0);
    say(IMPEL_GO_ON, 0);
    TOLD(s, 2, 1, 0, IMPEL_AT_RCPT, 250);
    receive_abandon(m);
    session_goes(s);
}

/* --- after commit() --- */

/* The filters have all of it, and nothing of it changes any more. */
static void
calls_while_it_is_filtered_change_nothing(void **state)
{
    struct impel_session *s = session();
    struct impel_incoming *m = open_message(s);

    (void)state;
    assert_int_equal(rcpt(m, "one@here.test"), 0);
    say(IMPEL_GO_ON, 0);
    assert_int_equal(give(m, 1), 1);
    assert_int_equal(receive_commit(m, text("key")), 0);
    assert_null(m->builder);
    assert_int_equal(sender(m, "c@b.test"), IMPEL_E_INVAL);
    assert_int_equal(rcpt(m, "two@here.test"), IMPEL_E_INVAL);
    assert_int_equal(receive_meta(m, text("k"), text("v")), IMPEL_E_INVAL);
    assert_int_equal(receive_keep(m, text("v"), 0), IMPEL_E_INVAL);
    assert_int_equal(receive_body(m, "x", 1), IMPEL_E_INVAL);
    assert_int_equal(receive_commit(m, no_key), IMPEL_E_INVAL);
    assert_null(filters.q);
    assert_int_equal(m->message->env.rcpt_count, 1);
    receive_abandon(m);
    session_goes(s);
}

#define F(f) cmocka_unit_test_setup_teardown(f, filters_set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {F(recipients_wait_for_their_turn),
        F(many_recipients_wait), F(discarded_among_recipients),
        F(abandoned_while_recipients_wait),
        F(nothing_before_the_sender_is_judged), F(filters_hear_of_the_size),
        F(a_refused_sender_is_none),
        F(calls_while_it_is_filtered_change_nothing)};

    conf_support_options();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
