/* SPDX-License-Identifier: Apache-2.0
 *
 * test-filter-chain.c - the filters of a client in their order: who is told
 * what, and what holds of what they have said.  Their sessions are played.
 */
#include "receive_support.h"

#include "base/xmem.h"
#include "conf_support.h"
#include "intake/chain.h"
#include "intake/filtered.h"
#include "intake/policy.h"
#include "xport/registry.h"

enum { MOST = 100 };

/* --- filters that a test speaks for --- */

struct filtering {
    const struct filtering_events *ev;
    void *arg;
    int step;     /* to be answered; 0: none */
    bool sending; /* a message was begun, and has not ended */
};
static struct filtering *filter[MOST]; /* by index, NULL: not open */
static unsigned filters, opened, named, registry_asked;
static struct impel_step told;
static struct module toy;

struct module *
registry_next_filter(const struct generation *g, struct module *prev)
{
    assert_non_null(g);
    registry_asked++;
    return filters && !prev ? &toy : NULL;
}

struct str
filtering_name(
    const struct module *m, const struct scope *scope, uint32_t index)
{
    assert_ptr_equal(m, &toy);
    assert_non_null(scope);
    named++;
    return index < filters ? STR("toy") : STR_NONE;
}

struct filtering *
filtering_open(struct loop *l, const struct module *m,
    const struct scope *scope, uint32_t index, const char *name,
    const struct filtering_events *ev, void *arg)
{
    struct filtering *f = xnew(struct filtering);

    (void)l, (void)m, (void)scope, (void)name;
    assert_null(filter[index]);
    f->ev = ev;
    f->arg = arg;
    opened++;
    return filter[index] = f;
}

void
filtering_step(struct filtering *f, const struct impel_step *step)
{
    assert_int_equal(f->step, 0);
    if (step->step == IMPEL_STEP_ABANDON) {
        assert_true(f->sending);
        f->sending = false;
        return;
    }
    told = *step;
    f->step = step->step;
    f->sending = f->sending || step->step == IMPEL_STEP_SENDER;
}

void
filtering_credit(struct filtering *f)
{
    (void)f;
}

static void
filter_ends(struct filtering *f)
{
    for (size_t i = 0; i < MOST; i++)
        if (filter[i] == f)
            filter[i] = NULL;
    free(f);
}

void
filtering_close(struct filtering **f, bool polite)
{
    (void)polite;
    if (*f)
        filter_ends(*f);
    *f = NULL;
}

static void
turn(void)
{
    for (int i = 0; i < 4; i++)
        loop_turn(il.loop, 0);
}

/* code: of a refusal, or 0. */
static void
says(size_t which, int step, int answer, int code)
{
    struct filtering *f = filter[which];
    struct impel_result r;

    assert_non_null(f);
    assert_int_equal(f->step, step);
    f->step = 0;
    policy_say(&r, code < 500 ? IMPEL_RETRY : IMPEL_FAILED, IMPEL_AT_FINAL,
        code, "5.7.1", "A filter says no");
    f->ev->answer(f->arg, answer, code ? &r : NULL);
    turn();
}

/* Its rule, and its end. */
static void
dies(size_t which, int code)
{
    struct filtering *f = filter[which];

    says(which, f->step, IMPEL_ABSENT, code);
    if (filter[which] != f)
        return; /* the chain has closed it */
    f->ev->gone(f->arg);
    filter_ends(f);
    turn();
}

/* --- the rest of the world --- */

struct impel_str
session_told(struct impel_session *s, int what)
{
    (void)s, (void)what;
    return (struct impel_str){NULL, 0};
}

struct filtered *
filtered_begin(struct impel_incoming *m)
{
    (void)m;
    fail_msg("nothing is sent here");
    return NULL;
}

void
filtered_free(struct filtered **f)
{
    assert_null(*f);
}

static int
world(void **state)
{
    memset(filter, 0, sizeof(filter));
    opened = named = registry_asked = 0;
    filters = 1;
    return set_up(state);
}

static struct impel_session *
connected(void)
{
    struct impel_session *s = session();

    chain_connect(&s->is);
    turn();
    return s;
}

static void
greets(struct impel_session *s)
{
    strcpy(s->is.helo, "client.test");
    assert_true(chain_greet(&s->is));
    turn();
}

static void
goes(struct impel_session *s)
{
    s->is.session = NULL;
    receive_session_gone(&s->is);
    chain_leave(&s->is);
    turn();
    for (size_t i = 0; i < MOST; i++)
        assert_null(filter[i]);
    session_goes(s);
}

/* --- who they are --- */

/* However many: what a scope asks for is not cut, and is asked once. */
static void
all_of_them(void **state)
{
    struct impel_session *s;

    (void)state;
    filters = MOST;
    s = connected();
    assert_int_equal(chain_count(s->is.chain), MOST);
    assert_int_equal(named, MOST + 1);
    assert_int_equal(registry_asked, 2);
    for (size_t i = 0; i < MOST; i++) {
        assert_int_equal(opened, i + 1);
        says(i, IMPEL_STEP_CONNECT, IMPEL_GO_ON, 0);
    }
    goes(s);
}

static void
none(void **state)
{
    struct impel_session *s;

    (void)state;
    filters = 0;
    s = connected();
    assert_null(s->is.chain);
    assert_int_equal(registry_asked, 1);
    assert_int_equal(named, 0);
    assert_false(chain_greet(&s->is));
    assert_null(chain_of_message(&s->is));
    goes(s);
}

/* --- a client that is not wanted --- */

static void
refused_at_connect(void **state)
{
    struct impel_session *s = connected();
    struct impel_incoming *m;

    (void)state;
    says(0, IMPEL_STEP_CONNECT, IMPEL_REFUSE, 550);
    assert_int_equal(s->count, 0);
    greets(s);
    TOLD(s, 0, 0, SIZE_MAX, IMPEL_AT_CONNECT, 250);
    for (size_t i = 1; i < 3; i++) {
        m = receive_begin(&s->is, i);
        assert_int_equal(sender(m, "a@b.test"), 0);
        turn();
        TOLD(s, i, i, SIZE_MAX, IMPEL_AT_SENDER, 550);
        receive_abandon(m);
    }
    assert_int_equal(rejections, 2);
    assert_int_equal(opened, 1);
    goes(s);
}

/* Told at once, and kept: before the session has ended nothing is taken. */
static void
hung_up_at_connect(void **state)
{
    struct impel_session *s = connected();
    struct impel_incoming *m;

    (void)state;
    greets(s); /* waits behind CONNECT */
    assert_int_equal(s->count, 0);
    says(0, IMPEL_STEP_CONNECT, IMPEL_HANG_UP, 421);
    TOLD(s, 0, 0, SIZE_MAX, IMPEL_AT_BANNER, 421);
    assert_int_equal(rejections, 1);
    m = receive_begin(&s->is, 1);
    assert_int_equal(sender(m, "a@b.test"), 0);
    turn();
    TOLD(s, s->count - 1, 1, SIZE_MAX, IMPEL_AT_SENDER, 421);
    assert_int_equal(filter[0]->step, 0);
    receive_abandon(m);
    goes(s);
}

static void
refused_greeting(void **state)
{
    struct impel_session *s = connected();

    (void)state;
    says(0, IMPEL_STEP_CONNECT, IMPEL_GO_ON, 0);
    greets(s);
    says(0, IMPEL_STEP_GREET, IMPEL_REFUSE, 550);
    TOLD(s, 0, 0, SIZE_MAX, IMPEL_AT_CONNECT, 550);
    assert_int_equal(rejections, 1);
    assert_int_equal(in.rejected, 1);
    greets(s); /* again, and now it may */
    says(0, IMPEL_STEP_GREET, IMPEL_GO_ON, 0);
    TOLD(s, 1, 0, SIZE_MAX, IMPEL_AT_CONNECT, 250);
    assert_int_equal(rejections, 1);
    goes(s);
}

/* --- filters out of order --- */

/* Each try may last as long as connect_timeout: the client's greeting waits
 * for one, and the next is for its first message. */
static void
a_dead_one_is_dialled_once(void **state)
{
    struct impel_session *s;
    struct impel_incoming *m;

    (void)state;
    filters = 2;
    s = connected();
    greets(s);
    dies(0, 451);
    says(1, IMPEL_STEP_CONNECT, IMPEL_GO_ON, 0);
    says(1, IMPEL_STEP_GREET, IMPEL_GO_ON, 0);
    TOLD(s, 0, 0, SIZE_MAX, IMPEL_AT_CONNECT, 250);
    assert_int_equal(opened, 2);
    greets(s); /* nor for another greeting */
    says(1, IMPEL_STEP_GREET, IMPEL_GO_ON, 0);
    TOLD(s, 1, 0, SIZE_MAX, IMPEL_AT_CONNECT, 250);
    assert_int_equal(opened, 2);
    m = receive_begin(&s->is, 1);
    assert_int_equal(sender(m, "a@b.test"), 0);
    turn();
    assert_int_equal(opened, 3);
    dies(0, 451);
    TOLD(s, 2, 1, SIZE_MAX, IMPEL_AT_SENDER, 451);
    receive_abandon(m);
    m = receive_begin(&s->is, 2); /* it has come back */
    assert_int_equal(sender(m, "a@b.test"), 0);
    turn();
    says(0, IMPEL_STEP_CONNECT, IMPEL_GO_ON, 0);
    says(0, IMPEL_STEP_GREET, IMPEL_GO_ON, 0);
    says(0, IMPEL_STEP_SENDER, IMPEL_GO_ON, 0);
    says(1, IMPEL_STEP_SENDER, IMPEL_GO_ON, 0);
    TOLD(s, 3, 2, SIZE_MAX, IMPEL_AT_SENDER, 250);
    receive_abandon(m);
    goes(s);
}

/* --- a message --- */

/* The first has said yes by the time that the second refuses: for it that
 * message is over, and the next sender begins another. */
static void
another_sender_is_another_message(void **state)
{
    struct impel_session *s;
    struct impel_incoming *m;

    (void)state;
    filters = 2;
    s = connected();
    says(0, IMPEL_STEP_CONNECT, IMPEL_GO_ON, 0);
    says(1, IMPEL_STEP_CONNECT, IMPEL_GO_ON, 0);
    m = receive_begin(&s->is, 1);
    assert_int_equal(sender(m, "a@b.test"), 0);
    turn();
    says(0, IMPEL_STEP_SENDER, IMPEL_GO_ON, 0);
    says(1, IMPEL_STEP_SENDER, IMPEL_REFUSE, 550);
    TOLD(s, 0, 1, SIZE_MAX, IMPEL_AT_SENDER, 550);
    assert_false(filter[0]->sending);
    assert_int_equal(sender(m, "c@b.test"), 0);
    turn();
    says(0, IMPEL_STEP_SENDER, IMPEL_GO_ON, 0);
    says(1, IMPEL_STEP_SENDER, IMPEL_GO_ON, 0);
    TOLD(s, 1, 1, SIZE_MAX, IMPEL_AT_SENDER, 250);
    receive_abandon(m);
    assert_false(filter[0]->sending || filter[1]->sending);
    goes(s);
}

#define W(f) cmocka_unit_test_setup_teardown(f, world, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {W(all_of_them), W(none),
        W(refused_at_connect), W(hung_up_at_connect), W(refused_greeting),
        W(a_dead_one_is_dialled_once), W(another_sender_is_another_message)};

    conf_support_options();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
