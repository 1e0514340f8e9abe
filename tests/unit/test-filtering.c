/* SPDX-License-Identifier: Apache-2.0
 *
 * test-filtering.c - sessions of a filter that is played by the test: what is
 * told when, which answers and changes come through, who is kept for the next
 * client.  One loop, turned by hand.
 */
#include "unit.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/magic.h"
#include "base/xmem.h"
#include "fake_spool.h"
#include "xport/filtering.h"
#include "xport/hostapi.h"
#include "xport/instance.h"
#include "xport/session_int.h"

static struct loop *loop;
static struct module *module;
static const struct impel_host *host;

/* --- the filter --- */

struct toy {
    struct impel_session *session;
    uint32_t index;
};
static struct toy *last;
static char told[256];
static int opened, released, closed_now, refuse, leaves, deaf;

static struct impel_str
toy_name(void *ctx, const struct impel_scope *scope, uint32_t index)
{
    (void)ctx, (void)scope;
    return index < 2 ? (struct impel_str){"toy", 3}
                     : (struct impel_str){NULL, 0};
}

static int
toy_open(void *ctx, struct impel_session *session,
    const struct impel_scope *scope, uint32_t index, void **s,
    struct impel_error *e)
{
    (void)ctx, (void)scope;
    if (refuse) {
        snprintf(e->text, sizeof(e->text), "not today");
        return e->code = IMPEL_E_INVAL;
    }
    assert_memory_equal(
        host->info(session, IMPEL_INFO_EHLO_NAME).p, "mx.test", 7);
    last = xnew(struct toy);
    last->session = session;
    last->index = index;
    opened++;
    *s = last;
    return 0;
}

static void
toy_event(void *s, struct impel_batch *b, int event, int64_t arg)
{
    (void)s, (void)b, (void)arg;
    if (event == IMPEL_EV_CREDIT)
        strcat(told, "+");
}

static void
toy_step(void *s, const struct impel_step *step)
{
    static const char letters[] = "?CGSRHBEAL";
    struct toy *t = s;
    size_t n = strlen(told);

    assert_int_equal(step->size, sizeof(*step));
    told[n] = letters[step->step];
    told[n + 1] = '\0';
    if (step->step != IMPEL_STEP_LEAVE)
        return;
    if (leaves)
        host->closed(t->session, NULL);
    else
        host->ready(t->session, 1);
}

static void
toy_close(void *s, int now)
{
    struct toy *t = s;

    if (deaf)
        return;
    closed_now += now;
    host->closed(t->session, NULL);
}

static void
toy_release(void *s)
{
    released++;
    free(s);
}

/* --- who asks --- */

static int answers, answer, code, changes, went;

static void
on_answer(void *arg, int what, const struct impel_result *r)
{
    assert_ptr_equal(arg, &answers);
    answers++;
    answer = what;
    code = r ? r->code : 0;
}

static int
on_change(void *arg, const struct filtering_change *c)
{
    assert_ptr_equal(arg, &answers);
    assert_int_equal(c->kind, FILTERING_ADD_FIELD);
    changes++;
    return IMPEL_E_FULL;
}

static void
on_gone(void *arg)
{
    assert_ptr_equal(arg, &answers);
    went++;
}

static const struct filtering_events events = {
    .answer = on_answer, .change = on_change, .gone = on_gone};
static struct sender_and_client {
    struct impel_peer client;
    struct impel_sender sender;
} lent = {.client = {.size = sizeof(struct impel_peer)},
    .sender = {.size = sizeof(struct impel_sender)}};

static struct filtering *
begin(uint32_t index)
{
    return filtering_open(
        loop, module, NULL, index, "mx.test", &events, &answers);
}

static void
step(struct filtering *f, int what)
{
    struct impel_step s = {
        .step = what, .client = &lent.client, .sender = &lent.sender};

    filtering_step(f, &s);
}

static void
turns(int n)
{
    for (int i = 0; i < n; i++)
        loop_turn(loop, 1);
}

static void
say(int what)
{
    host->filtering->answer(last->session, what, NULL);
}

static int
add(void)
{
    struct impel_str word = {"X", 1};

    return host->filtering->add_field(last->session, 0, word, word);
}

static uint64_t
broken(void)
{
    return atomic_load(&module->instance->broken);
}

/* --- the tests --- */

static int
setup(void **state)
{
    (void)state;
    opened = released = closed_now = refuse = leaves = deaf = 0;
    answers = answer = code = changes = went = 0;
    told[0] = '\0';
    return 0;
}

/* All that is left waits for a client, and is dropped. */
static int
teardown(void **state)
{
    struct list *n;

    (void)state;
    LIST_FOREACH (n, session_all(SORT_FILTER))
        session_request_close(LIST_ENTRY(n, struct impel_session, node), true);
    turns(3);
    assert_int_equal(filtering_count(loop), 0);
    assert_int_equal(released, opened);
    return 0;
}

static void
told_later_in_the_turn_and_answered(void **state)
{
    struct filtering *f = begin(0);

    (void)state;
    step(f, IMPEL_STEP_CONNECT);
    assert_string_equal(told, "");
    turns(1);
    assert_string_equal(told, "C");
    assert_int_equal(opened, 1);
    assert_int_equal(answers, 0);
    say(IMPEL_GO_ON);
    assert_int_equal(answers, 1);
    assert_int_equal(answer, IMPEL_GO_ON);
    step(f, IMPEL_STEP_GREET);
    turns(1);
    assert_string_equal(told, "CG");
    say(IMPEL_PASS);
    assert_int_equal(answer, IMPEL_PASS);
    filtering_close(&f, true);
    assert_null(f);
}

static void
answers_that_make_no_sense(void **state)
{
    struct filtering *f = begin(0);
    struct impel_result r = {.size = sizeof(r), .code = 451};
    uint64_t before;

    (void)state;
    turns(1);
    before = broken();
    say(IMPEL_GO_ON); /* nobody has asked */
    step(f, IMPEL_STEP_CONNECT);
    say(IMPEL_GO_ON); /* it was not told yet */
    turns(1);
    say(0);
    say(IMPEL_DISCARD + 1);
    assert_int_equal(broken() - before, 4);
    assert_int_equal(answers, 0);
    say(IMPEL_GO_ON);
    say(IMPEL_GO_ON); /* twice */
    assert_int_equal(broken() - before, 5);
    assert_int_equal(answers, 1);
    /* that it is lost may be said at any time */
    host->filtering->answer(last->session, IMPEL_ABSENT, &r);
    assert_int_equal(answers, 2);
    assert_int_equal(code, 451);
    assert_int_equal(broken() - before, 5);
    filtering_close(&f, false);
}

static void
changes_at_the_end_alone(void **state)
{
    struct filtering *f = begin(0);

    (void)state;
    turns(1);
    assert_int_equal(add(), IMPEL_E_INVAL);
    step(f, IMPEL_STEP_BODY);
    turns(1);
    assert_int_equal(add(), IMPEL_E_INVAL);
    say(IMPEL_GO_ON);
    step(f, IMPEL_STEP_END);
    assert_int_equal(add(), IMPEL_E_INVAL); /* not told yet */
    turns(1);
    assert_int_equal(add(), IMPEL_E_FULL); /* what the taker says */
    filtering_credit(f);
    turns(1);
    assert_string_equal(told, "BE+");
    say(IMPEL_GO_ON);
    assert_int_equal(add(), IMPEL_E_INVAL);
    assert_int_equal(changes, 1);
    filtering_close(&f, true);
}

static void
the_end_of_one_message_before_the_next(void **state)
{
    struct filtering *f = begin(0);

    (void)state;
    step(f, IMPEL_STEP_SENDER);
    turns(1);
    say(IMPEL_GO_ON);
    step(f, IMPEL_STEP_ABANDON);
    step(f, IMPEL_STEP_SENDER);
    turns(1);
    assert_string_equal(told, "SAS");
    say(IMPEL_GO_ON);
    step(f, IMPEL_STEP_ABANDON);
    filtering_close(&f, true);
    turns(2);
    assert_string_equal(told, "SASAL");
}

static void
kept_for_the_next_client(void **state)
{
    struct filtering *f = begin(0), *g, *was = f;

    (void)state;
    step(f, IMPEL_STEP_CONNECT);
    turns(1);
    say(IMPEL_GO_ON);
    filtering_close(&f, true);
    g = begin(0); /* the other has not said that it is ready */
    assert_ptr_not_equal(g, was);
    turns(2);
    assert_string_equal(told, "CL");
    f = begin(1);
    assert_ptr_not_equal(f, was); /* another filter */
    filtering_close(&f, false);   /* before it was opened */
    f = begin(0);
    assert_ptr_equal(f, was);
    step(f, IMPEL_STEP_CONNECT);
    turns(2);
    assert_string_equal(told, "CLC");
    assert_int_equal(opened, 2);
    filtering_close(&f, false);
    filtering_close(&g, false);
}

static void
not_kept(void **state)
{
    struct filtering *f = begin(0);

    (void)state;
    leaves = 1; /* the module does not want to be */
    turns(1);
    filtering_close(&f, true);
    turns(2);
    assert_int_equal(released, 1);
    assert_int_equal(closed_now, 0);
    leaves = 0;
    f = begin(0); /* a step that nobody has answered */
    step(f, IMPEL_STEP_CONNECT);
    turns(1);
    filtering_close(&f, true);
    turns(2);
    assert_int_equal(released, 2);
    assert_int_equal(closed_now, 1);
    f = begin(0); /* one that was not even told */
    turns(1);
    step(f, IMPEL_STEP_CONNECT);
    filtering_close(&f, true);
    turns(2);
    assert_int_equal(released, 3);
    f = begin(0); /* by the caller's wish */
    turns(1);
    filtering_close(&f, false);
    turns(2);
    assert_int_equal(released, 4);
    assert_int_equal(went, 0);
    assert_string_equal(told, "LC");
}

static void
not_more_than_some_are_kept(void **state)
{
    struct filtering *f[70];

    (void)state;
    for (int i = 0; i < 70; i++)
        f[i] = begin(0);
    turns(1);
    assert_int_equal(filtering_count(loop), 70);
    for (int i = 0; i < 70; i++)
        filtering_close(&f[i], true);
    turns(3);
    assert_int_equal(filtering_count(loop), 64);
}

static void
the_module_ends_it(void **state)
{
    struct filtering *f = begin(0);

    (void)state;
    step(f, IMPEL_STEP_CONNECT);
    turns(1);
    host->closed(last->session, NULL);
    turns(2);
    assert_int_equal(went, 1);
    assert_int_equal(answers, 0);
    f = begin(0); /* and while it is kept: nobody hears of it */
    turns(1);
    filtering_close(&f, true);
    turns(2);
    host->closed(last->session, NULL);
    turns(2);
    assert_int_equal(went, 1);
    assert_int_equal(released, 2);
}

static void
one_that_cannot_be_opened(void **state)
{
    struct filtering *f;

    (void)state;
    refuse = 1;
    f = begin(0);
    step(f, IMPEL_STEP_CONNECT);
    turns(3);
    assert_int_equal(went, 1);
    assert_string_equal(told, "");
    assert_int_equal(filtering_count(loop), 0);
}

/* A module that does not close when it is told to is dropped in time. */
static void
deaf_to_close(void **state)
{
    struct filtering *f = begin(0);
    int64_t end = clock_mono() + 3000;

    (void)state;
    turns(1);
    deaf = 1;
    filtering_close(&f, false);
    while (!released && clock_mono() < end)
        turns(1);
    assert_int_equal(released, 1);
}

static void
names_of_a_scope(void **state)
{
    (void)state;
    assert_true(str_eq(filtering_name(module, NULL, 1), STR("toy")));
    assert_null(filtering_name(module, NULL, 2).p);
}

/* The last test: from now on none is kept on this thread. */
static void
nobody_is_kept_at_the_end(void **state)
{
    struct filtering *f = begin(0), *g = begin(0);

    (void)state;
    turns(1);
    filtering_close(&f, true);
    turns(2);
    assert_int_equal(filtering_count(loop), 2);
    filtering_stop(loop, false);
    turns(2);
    assert_int_equal(filtering_count(loop), 1); /* it has a client */
    filtering_close(&g, true);
    turns(2);
    assert_int_equal(filtering_count(loop), 0);
    f = begin(0);
    turns(1);
    filtering_stop(loop, true);
    turns(2);
    assert_int_equal(went, 1);
    assert_int_equal(filtering_count(loop), 0);
}

static int
start(void **state)
{
    static const struct session_limits quick = {100, 50, 100, 100};
    struct err e;

    (void)state;
    log_set_mask(LOG_LEVEL_CRITICAL, 0);
    session_set_limits(&quick);
    host = hostapi_get(false);
    loop = loop_new("test", &e);
    module = xnew(struct module);
    module->magic = MODULE_MAGIC;
    module->name = "toy";
    module->has_filter = true;
    module->filter = (struct impel_filter){.size = sizeof(module->filter),
        .name = toy_name,
        .open = toy_open,
        .event = toy_event,
        .step = toy_step,
        .close = toy_close,
        .release = toy_release};
    module->instance = instance_new(module);
    return loop ? 0 : -1;
}

static int
stop(void **state)
{
    (void)state;
    instance_free(&module->instance);
    free(module);
    conn_drop_finishing(loop);
    loop_free(&loop);
    return 0;
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(told_later_in_the_turn_and_answered),
        TEST(answers_that_make_no_sense),
        TEST(changes_at_the_end_alone),
        TEST(the_end_of_one_message_before_the_next),
        TEST(kept_for_the_next_client),
        TEST(not_kept),
        TEST(not_more_than_some_are_kept),
        TEST(the_module_ends_it),
        TEST(one_that_cannot_be_opened),
        TEST(deaf_to_close),
        TEST(names_of_a_scope),
        TEST(nobody_is_kept_at_the_end),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
