/* SPDX-License-Identifier: Apache-2.0
 *
 * test-filter-order.c - the order in which filters are asked and what their
 * answers mean for messages.  test-filter-chain.c has the client's beginning.
 */
#include "unit.h"

#include <string.h>

#include "fake_filtering.h"

/* --- what the tests say --- */

static struct intake_loop il;
static struct intake_session is;
static struct message message = {.id = 0};
static struct chain_request asked;
static struct rcpt rcpt;
/* of the last answer; done: how many there were */
static int done, answer, code;
static char filter[8], text[64];

static void
heard(void *arg, const struct chain_answer *a)
{
    assert_ptr_equal(arg, &asked);
    done++;
    answer = a->answer;
    code = a->result ? a->result->code : 0;
    snprintf(filter, sizeof(filter), "%s", a->filter ? a->filter : "");
    snprintf(text, sizeof(text), "%.*s",
        a->result && a->result->text.p ? (int)a->result->text.n : 0,
        a->result && a->result->text.p ? a->result->text.p : "");
}

/* The open session with that filter that was opened last. */
static struct filtering *
of(int which)
{
    for (int i = fake_opened; i-- > 0;)
        if (fake_filters[i].which == which && fake_filters[i].open)
            return &fake_filters[i];
    fail_msg("%s is not open", fake_filter_names[which]);
    return NULL;
}

static bool
is_open(int which)
{
    for (int i = 0; i < fake_opened; i++)
        if (fake_filters[i].which == which && fake_filters[i].open)
            return true;
    return false;
}

static void
says(int which, int what)
{
    struct filtering *f = of(which);

    f->ev->answer(f->arg, what, NULL);
    fake_turn();
}

static void
refuses(int which, int what, int with)
{
    struct filtering *f = of(which);
    struct impel_result r = {.size = sizeof(r),
        .verdict = with / 100 == 5 ? IMPEL_FAILED : IMPEL_RETRY,
        .code = (uint16_t)with,
        .text = {"no", 2}};

    f->ev->answer(f->arg, what, &r);
    fake_turn();
}

static void
goes(int which)
{
    struct filtering *f = of(which);

    f->open = false;
    f->ev->gone(f->arg);
    fake_turn();
}

static void
all_say(int what)
{
    for (int i = 0; i < fake_filter_count; i++)
        says(i, what);
}

static void
comes(int count)
{
    fake_filter_count = count;
    chain_connect(&is);
    fake_turn();
}

static void
greet(void)
{
    snprintf(is.helo, sizeof(is.helo), "client.test");
    assert_true(chain_greet(&is));
    fake_turn();
}

/* A client that all have let in. */
static void
ready(int count)
{
    comes(count);
    all_say(IMPEL_GO_ON);
    greet();
    all_say(IMPEL_GO_ON);
    assert_int_equal(fake_verdict_code, 250);
}

static struct chain *
begin(void)
{
    struct chain *c = chain_of_message(&is);

    assert_non_null(c);
    chain_sender(c, &asked, &message, heard, &asked);
    fake_turn();
    return c;
}

static void
next_rcpt(struct chain *c)
{
    chain_rcpt(c, &asked, &message, &rcpt, heard, &asked);
    fake_turn();
}

static void
one(struct chain *c, size_t which, int step)
{
    memset(&asked.step, 0, sizeof(asked.step));
    asked.step.step = step;
    chain_one(c, &asked, &message, which, heard, &asked);
    fake_turn();
}

static void
over(struct chain *c)
{
    chain_message_over(&c, &asked);
    assert_null(c);
    fake_turn();
}

static int
setup(void **state)
{
    (void)state;
    list_init(&fake_deferred);
    memset(fake_filters, 0, sizeof(fake_filters));
    memset(&asked, 0, sizeof(asked));
    memset(&is, 0, sizeof(is));
    fake_opened = done = answer = code = fake_verdicts = fake_verdict_code = 0;
    is.il = &il;
    is.session = (struct impel_session *)&message;
    snprintf(is.peer, sizeof(is.peer), "192.0.2.9");
    rcpt.address = STR("b@dest.test");
    message.env.sender = STR("a@origin.test");
    message.env.protocol = STR("esmtp");
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    chain_leave(&is);
    fake_turn();
    for (int i = 0; i < FAKE_FILTERS; i++)
        assert_false(is_open(i));
    return 0;
}

/* --- the tests --- */

static void
one_after_the_other_in_their_order(void **state)
{
    struct chain *c;

    (void)state;
    comes(3);
    assert_string_equal(of(0)->told, "C");
    assert_int_equal(fake_opened, 1);
    says(0, IMPEL_GO_ON);
    assert_string_equal(of(1)->told, "C");
    assert_int_equal(fake_opened, 2);
    says(1, IMPEL_GO_ON);
    says(2, IMPEL_GO_ON);
    greet();
    says(0, IMPEL_GO_ON);
    says(1, IMPEL_GO_ON);
    assert_int_equal(fake_verdicts, 0);
    says(2, IMPEL_GO_ON);
    assert_int_equal(fake_verdicts, 1);
    c = begin();
    all_say(IMPEL_GO_ON);
    assert_int_equal(done, 1);
    assert_int_equal(answer, IMPEL_GO_ON);
    assert_string_equal(filter, "");
    next_rcpt(c);
    assert_string_equal(of(0)->told, "CGSR");
    assert_string_equal(of(1)->told, "CGS");
    all_say(IMPEL_GO_ON);
    over(c);
    assert_string_equal(of(2)->told, "CGSRA");
}

static void
what_a_step_says(void **state)
{
    const struct impel_step *t;
    struct chain *c;

    (void)state;
    snprintf(is.login, sizeof(is.login), "me");
    snprintf(is.mechanism, sizeof(is.mechanism), "PLAIN");
    ready(1);
    message.id = 7;
    asked.sender.declared_size = 1234;
    c = begin();
    t = &of(0)->step;
    assert_string_equal(t->client->addr.p, "192.0.2.9");
    assert_string_equal(t->client->helo.p, "client.test");
    assert_string_equal(t->client->login.p, "me");
    assert_int_equal(t->client->port, 99);
    assert_null(t->mechanism.p); /* it was said, not proven */
    assert_memory_equal(t->tls_version.p, "TLS1.3", 6);
    assert_string_equal(t->sender->address.p, "a@origin.test");
    assert_int_equal(t->sender->declared_size, 1234);
    assert_string_equal(t->id.p, "id-7");
    says(0, IMPEL_GO_ON);
    is.logged_in = true;
    next_rcpt(c);
    assert_string_equal(of(0)->step.rcpt->address.p, "b@dest.test");
    assert_string_equal(of(0)->step.mechanism.p, "PLAIN");
    says(0, IMPEL_GO_ON);
    over(c);
    message.id = 0;
}

static void
who_refuses_is_the_last_to_be_asked(void **state)
{
    struct chain *c;

    (void)state;
    ready(3);
    c = begin();
    all_say(IMPEL_GO_ON);
    next_rcpt(c);
    says(0, IMPEL_GO_ON);
    refuses(1, IMPEL_REFUSE, 550);
    assert_int_equal(answer, IMPEL_REFUSE);
    assert_int_equal(code, 550);
    assert_string_equal(filter, "b");
    assert_string_equal(text, "no");
    assert_string_equal(of(2)->told, "CGS");
    next_rcpt(c); /* the next one is another question */
    all_say(IMPEL_GO_ON);
    assert_int_equal(answer, IMPEL_GO_ON);
    over(c);
}

static void
a_client_that_is_refused_hears_it_with_each_message(void **state)
{
    struct chain *c;

    (void)state;
    comes(2);
    refuses(0, IMPEL_REFUSE, 451);
    says(1, IMPEL_GO_ON);
    greet();
    says(1, IMPEL_GO_ON);
    assert_int_equal(fake_verdict_code, 250);
    assert_string_equal(of(0)->told, "C");
    for (int i = 1; i <= 2; i++) {
        c = begin();
        assert_int_equal(done, i);
        assert_int_equal(answer, IMPEL_REFUSE);
        assert_int_equal(code, 451);
        over(c);
    }
    assert_string_equal(of(0)->told, "C");
}

static void
a_greeting_may_be_refused_and_said_again(void **state)
{
    (void)state;
    comes(2);
    all_say(IMPEL_GO_ON);
    greet();
    refuses(0, IMPEL_REFUSE, 550);
    assert_int_equal(fake_verdict_code, 550);
    assert_string_equal(of(1)->told, "C");
    greet();
    all_say(IMPEL_GO_ON);
    assert_int_equal(fake_verdict_code, 250);
    assert_string_equal(of(0)->told, "CGG");
    assert_string_equal(of(1)->told, "CG");
}

static void
who_passes_is_asked_of_the_next_message_again(void **state)
{
    struct chain *c;

    (void)state;
    ready(2);
    c = begin();
    says(0, IMPEL_PASS);
    says(1, IMPEL_GO_ON);
    assert_true(chain_has_passed(c, 0));
    assert_false(chain_has_passed(c, 1));
    next_rcpt(c);
    says(1, IMPEL_GO_ON);
    assert_string_equal(of(0)->told, "CGS");
    over(c);
    c = begin();
    assert_string_equal(of(0)->told, "CGSAS");
    all_say(IMPEL_GO_ON);
    over(c);
}

static void
who_passes_a_client_is_not_asked_again(void **state)
{
    struct chain *c;

    (void)state;
    comes(3);
    says(0, IMPEL_PASS);
    says(1, IMPEL_GO_ON);
    says(2, IMPEL_GO_ON);
    greet();
    says(1, IMPEL_PASS);
    says(2, IMPEL_GO_ON);
    for (int i = 0; i < 2; i++) {
        c = begin();
        says(2, IMPEL_GO_ON);
        assert_int_equal(answer, IMPEL_GO_ON);
        over(c);
    }
    assert_string_equal(of(0)->told, "C");
    assert_string_equal(of(1)->told, "CG");
    assert_int_equal(fake_opened, 3);
}

static void
who_is_lost_refuses_the_message_and_is_tried_again(void **state)
{
    struct chain *c;

    (void)state;
    ready(2);
    c = begin();
    all_say(IMPEL_GO_ON);
    next_rcpt(c);
    refuses(0, IMPEL_ABSENT, 451);
    assert_int_equal(answer, IMPEL_REFUSE);
    assert_int_equal(code, 451);
    assert_false(is_open(0));
    assert_false(fake_filters[0].polite);
    next_rcpt(c); /* and the rest of the message */
    assert_int_equal(done, 3);
    assert_int_equal(answer, IMPEL_REFUSE);
    assert_string_equal(of(1)->told, "CGS");
    over(c);
    c = begin();
    assert_string_equal(of(0)->told, "C");
    says(0, IMPEL_GO_ON);
    assert_string_equal(of(0)->told, "CG");
    says(0, IMPEL_GO_ON);
    assert_string_equal(of(0)->told, "CGS");
    all_say(IMPEL_GO_ON);
    assert_int_equal(answer, IMPEL_GO_ON);
    over(c);
}

/* The client is greeted without it. */
static void
who_is_lost_at_the_greeting_is_tried_with_a_message(void **state)
{
    struct chain *c;

    (void)state;
    comes(2);
    all_say(IMPEL_GO_ON);
    greet();
    refuses(0, IMPEL_ABSENT, 451);
    says(1, IMPEL_GO_ON);
    assert_int_equal(fake_verdict_code, 250);
    assert_false(is_open(0));
    c = begin();
    for (int i = 0; i < 3; i++)
        says(0, IMPEL_GO_ON);
    assert_string_equal(of(0)->told, "CGS");
    says(1, IMPEL_GO_ON);
    assert_int_equal(answer, IMPEL_GO_ON);
    over(c);
}

static void
who_is_lost_and_does_not_matter_is_passed_over(void **state)
{
    struct chain *c;

    (void)state;
    ready(2);
    c = begin();
    says(0, IMPEL_ABSENT);
    says(1, IMPEL_GO_ON);
    assert_int_equal(answer, IMPEL_GO_ON);
    assert_true(chain_has_passed(c, 0));
    next_rcpt(c);
    says(1, IMPEL_GO_ON);
    assert_int_equal(answer, IMPEL_GO_ON);
    assert_false(is_open(0));
    over(c);
}

/* A module that goes without a word has said no. */
static void
gone_without_a_word_is_a_no(void **state)
{
    struct chain *c;

    (void)state;
    ready(1);
    c = begin();
    goes(0);
    assert_int_equal(answer, IMPEL_REFUSE);
    assert_int_equal(code, 451);
    over(c);
    c = begin(); /* opened anew */
    for (int i = 0; i < 3; i++)
        says(0, IMPEL_GO_ON);
    assert_int_equal(answer, IMPEL_GO_ON);
    goes(0); /* between two questions of one message */
    next_rcpt(c);
    assert_int_equal(answer, IMPEL_REFUSE);
    assert_int_equal(code, 451);
    assert_false(is_open(0));
    over(c);
}

static void
what_was_said_between_two_questions_holds(void **state)
{
    struct chain *c;

    (void)state;
    ready(1);
    c = begin();
    says(0, IMPEL_GO_ON);
    says(0, IMPEL_ABSENT);
    goes(0);
    next_rcpt(c);
    assert_int_equal(answer, IMPEL_GO_ON);
    assert_false(is_open(0)); /* of half a message nothing is told */
    over(c);
}

static void
said_yes_and_gone_in_one_turn(void **state)
{
    struct filtering *f;
    struct chain *c;

    (void)state;
    ready(1);
    c = begin();
    f = of(0);
    f->ev->answer(f->arg, IMPEL_GO_ON, NULL);
    f->open = false;
    f->ev->gone(f->arg);
    fake_turn();
    assert_int_equal(answer, IMPEL_GO_ON);
    next_rcpt(c);
    assert_int_equal(answer, IMPEL_REFUSE);
    over(c);
}

static void
discarding_ends_the_questions(void **state)
{
    struct chain *c;

    (void)state;
    ready(2);
    c = begin();
    says(0, IMPEL_DISCARD);
    assert_int_equal(answer, IMPEL_DISCARD);
    assert_string_equal(filter, "a");
    assert_string_equal(of(1)->told, "CG");
    over(c);
    assert_string_equal(of(0)->told, "CGSA"); /* it was told of a sender */
    assert_string_equal(of(1)->told, "CG");
}

static void
one_alone_is_asked_of_content(void **state)
{
    struct chain *c;

    (void)state;
    ready(2);
    c = begin();
    all_say(IMPEL_GO_ON);
    assert_int_equal(chain_count(c), 2);
    assert_string_equal(chain_name(c, 1), "b");
    one(c, 1, IMPEL_STEP_BODY);
    says(1, IMPEL_ENOUGH);
    assert_int_equal(answer, IMPEL_ENOUGH);
    assert_string_equal(filter, "b");
    one(c, 1, IMPEL_STEP_END);
    says(1, IMPEL_GO_ON);
    assert_string_equal(of(0)->told, "CGS");
    chain_credit(c, 1);
    assert_int_equal(fake_credits, 1);
    over(c); /* the second has seen its end */
    assert_string_equal(of(0)->told, "CGSA");
    assert_string_equal(of(1)->told, "CGSBE");
}

static int changes;

static int
changed(void *arg, const struct filtering_change *ch)
{
    assert_ptr_equal(arg, &changes);
    assert_int_equal(ch->kind, FILTERING_REMOVE_RCPT);
    changes++;
    return IMPEL_E_AGAIN;
}

static int
change(int which)
{
    struct filtering_change ch = {.kind = FILTERING_REMOVE_RCPT};
    struct filtering *f = of(which);

    return f->ev->change(f->arg, &ch);
}

static void
changes_are_of_the_one_that_is_asked(void **state)
{
    struct filtering *f;
    struct chain *c;

    (void)state;
    ready(2);
    c = begin();
    all_say(IMPEL_GO_ON);
    one(c, 0, IMPEL_STEP_END);
    assert_int_equal(change(0), IMPEL_E_INVAL); /* nobody wants them */
    chain_on_change(c, changed, &changes);
    changes = 0;
    assert_int_equal(change(0), IMPEL_E_AGAIN);
    assert_int_equal(change(1), IMPEL_E_INVAL);
    f = of(0);
    f->ev->answer(f->arg, IMPEL_GO_ON, NULL);
    assert_int_equal(change(0), IMPEL_E_INVAL); /* too late */
    fake_turn();
    assert_int_equal(change(0), IMPEL_E_INVAL);
    assert_int_equal(changes, 1);
    over(c);
}

static void
a_message_beside_another_has_filters_of_its_own(void **state)
{
    struct chain_request other = {.under_way = false};
    struct chain *c, *d;

    (void)state;
    ready(1);
    c = begin();
    says(0, IMPEL_GO_ON);
    d = chain_of_message(&is);
    assert_ptr_not_equal(c, d);
    chain_sender(d, &other, &message, heard, &asked);
    fake_turn();
    assert_int_equal(fake_opened, 2);
    assert_string_equal(of(0)->told, "C");
    for (int i = 0; i < 3; i++)
        says(0, IMPEL_GO_ON);
    assert_string_equal(of(0)->told, "CGS");
    assert_int_equal(done, 2);
    chain_message_over(&d, &other);
    assert_false(fake_filters[1].open);
    assert_true(fake_filters[0].open);
    over(c);
    c = begin(); /* the session's own are free again */
    assert_ptr_equal(c, is.chain);
    assert_int_equal(fake_opened, 2);
    says(0, IMPEL_GO_ON);
    over(c);
}

static void
a_message_that_goes_amid_a_question(void **state)
{
    struct chain *c;

    (void)state;
    ready(2);
    c = begin();
    says(0, IMPEL_GO_ON);
    over(c); /* the second thinks about the sender */
    assert_int_equal(done, 0);
    assert_string_equal(of(0)->told, "CGSA");
    assert_false(is_open(1)); /* what it says now is of nothing */
    assert_false(fake_filters[1].polite);
    c = begin();
    says(0, IMPEL_GO_ON);
    for (int i = 0; i < 3; i++)
        says(1, IMPEL_GO_ON);
    assert_int_equal(done, 1);
    over(c);
}

/* The answer is there, but nobody has looked at it yet. */
static void
a_message_that_goes_amid_an_answer(void **state)
{
    struct filtering *f;
    struct chain *c;

    (void)state;
    ready(1);
    c = begin();
    f = of(0);
    f->ev->answer(f->arg, IMPEL_GO_ON, NULL);
    over(c);
    assert_int_equal(done, 0);
    assert_string_equal(of(0)->told, "CGSA");
}

static void
the_client_goes_at_any_time(void **state)
{
    (void)state;
    comes(2);
    chain_leave(&is); /* the first was told, and says nothing */
    fake_turn();
    assert_false(fake_filters[0].open);
    assert_int_equal(fake_opened, 1);
    comes(2);
    all_say(IMPEL_GO_ON);
    greet();
    chain_leave(&is);
    fake_turn();
    assert_int_equal(fake_verdicts, 0);
    comes(2);
    all_say(IMPEL_GO_ON);
    chain_leave(&is);
    assert_true(fake_filters[fake_opened - 1].polite);
}

static void
another_client_is_told_from_the_beginning(void **state)
{
    (void)state;
    ready(1);
    comes(1); /* XCLIENT */
    assert_false(fake_filters[0].open);
    assert_true(fake_filters[0].polite);
    assert_string_equal(of(0)->told, "C");
    says(0, IMPEL_GO_ON);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(one_after_the_other_in_their_order),
        TEST(what_a_step_says),
        TEST(who_refuses_is_the_last_to_be_asked),
        TEST(a_client_that_is_refused_hears_it_with_each_message),
        TEST(a_greeting_may_be_refused_and_said_again),
        TEST(who_passes_is_asked_of_the_next_message_again),
        TEST(who_passes_a_client_is_not_asked_again),
        TEST(who_is_lost_refuses_the_message_and_is_tried_again),
        TEST(who_is_lost_at_the_greeting_is_tried_with_a_message),
        TEST(who_is_lost_and_does_not_matter_is_passed_over),
        TEST(gone_without_a_word_is_a_no),
        TEST(what_was_said_between_two_questions_holds),
        TEST(said_yes_and_gone_in_one_turn),
        TEST(discarding_ends_the_questions),
        TEST(one_alone_is_asked_of_content),
        TEST(changes_are_of_the_one_that_is_asked),
        TEST(a_message_beside_another_has_filters_of_its_own),
        TEST(a_message_that_goes_amid_a_question),
        TEST(a_message_that_goes_amid_an_answer),
        TEST(the_client_goes_at_any_time),
        TEST(another_client_is_told_from_the_beginning),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
