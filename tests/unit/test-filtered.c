/* SPDX-License-Identifier: Apache-2.0
 *
 * test-filtered.c - a whole message shown to filters, on a disk that waits or
 * fails at each of its steps in turn: it ends once, whole or not at all.
 */
#include "unit.h"

#include "fake_disk.h"
#include "intake/credits.h"
#include "intake/filtered.h"
#include "intake/intake_options.h"
#include "intake/policy.h"
#include "intake/trace.h"
#include "loop/defer.h"

#define HEADER "From: a\r\nSubject: b\r\n\r\n"
enum { LINES = 2000, LINE = 72, FILTERS = 2 };

/* --- the rest of the intake layer --- */

struct option_set intake_options = {.first = 0};

int64_t
scope_int(const struct scope *s, uint32_t id)
{
    (void)s, (void)id;
    return 0;
}

struct mailbox *
loop_mailbox(struct loop *l)
{
    (void)l;
    return NULL;
}

uint64_t
spool_next_ids(struct spool *s, uint64_t n)
{
    (void)s;
    return n;
}

void
credits_force(struct impel_incoming *m, int64_t n)
{
    (void)m, (void)n;
}

void
policy_say(struct impel_result *r, int verdict, int stage, int code,
    const char *status, const char *text)
{
    (void)status;
    *r = (struct impel_result){.size = sizeof(*r),
        .verdict = verdict,
        .stage = stage,
        .code = (uint16_t)code,
        .text = {text, strlen(text)}};
}

void
trace_missing(const struct intake_session *is, const struct message *m,
    struct str header, struct buf *to)
{
    (void)is, (void)m;
    assert_str(header, HEADER);
    buf_cstr(to, "Date: now\r\n");
}

void
trace_received(const struct intake_session *is, const struct message *m,
    bool utf8, struct buf *to)
{
    (void)is, (void)m, (void)utf8;
    buf_cstr(to, "Received: here\r\n");
}

void
receive_needs(
    struct impel_incoming *m, struct str header, const struct content_facts *f)
{
    (void)m, (void)header, (void)f;
}

static struct intake in;
static struct intake_loop il = {.intake = &in};
static struct intake_session is = {.il = &il};
static struct impel_incoming m;
static struct rcpt rcpts[FILTERED_RCPTS_MOST + 4];
static int ended, refused, dropped, submitted;
static struct buf trace = BUF_INIT, content = BUF_INIT;

void
receive_add_rcpt(
    struct impel_incoming *to, struct str address, const struct impel_rcpt *r)
{
    (void)r;
    to->rcpt[to->message->env.rcpt_count++] =
        (struct rcpt){.address = arena_str(fake_disk.arena, address)};
}

static void
end(void)
{
    ended++;
    assert_int_equal(ended, 1);
    filtered_free(&m.filtered);
    if (m.chain)
        chain_message_over(&m.chain, &m.asked);
    message_unref(&m.message);
}

void
receive_refuse(struct impel_incoming *incoming, const struct impel_result *r)
{
    assert_ptr_equal(incoming, &m);
    refused = r->code;
    end();
}

void
receive_drop(struct impel_incoming *incoming, const char *text)
{
    assert_ptr_equal(incoming, &m);
    assert_string_equal(text, "OK");
    dropped++;
    end();
}

void
receive_submit(struct impel_incoming *incoming, struct str t)
{
    assert_ptr_equal(incoming, &m);
    submitted++;
    buf_cut(&trace, 0);
    buf_cut(&content, 0);
    buf_str(&trace, t);
    buf_str(&content, buf_get(&m.message->content->all));
    end();
}

/* --- the filters --- */

struct chain {
    int unused;
};
static struct chain chain;
static struct chain_request *asked;
static chain_done_f *asked_done;
static void *asked_arg;
static size_t asked_which;
static chain_change_f *change_fn;
static void *change_arg;
static bool passed[FILTERS], credit;
static struct buf seen[FILTERS]; /* body */
static char told[FILTERS][64];
static size_t body_given; /* of what the first one gives in its place */
static bool absent;

size_t
chain_count(const struct chain *c)
{
    assert_ptr_equal(c, &chain);
    return FILTERS;
}

const char *
chain_name(const struct chain *c, size_t which)
{
    (void)c;
    return which ? "second" : "first";
}

bool
chain_has_passed(const struct chain *c, size_t which)
{
    (void)c;
    return passed[which];
}

void
chain_on_change(struct chain *c, chain_change_f *fn, void *arg)
{
    (void)c;
    change_fn = fn;
    change_arg = arg;
}

void
chain_credit(struct chain *c, size_t which)
{
    (void)c;
    assert_int_equal(which, 0);
    credit = true;
}

void
chain_one(struct chain *c, struct chain_request *q, const struct message *of,
    size_t which, chain_done_f *done, void *arg)
{
    (void)c;
    assert_null(asked);
    assert_ptr_equal(of, m.message);
    asked = q;
    asked_done = done;
    asked_arg = arg;
    asked_which = which;
}

void
chain_message_over(struct chain **c, struct chain_request *q)
{
    (void)q;
    *c = NULL;
    asked = NULL;
}

static void
says(int what, int with)
{
    struct impel_result r = {.size = sizeof(r), .code = (uint16_t)with};
    struct chain_answer a = {.answer = what,
        .result = &r,
        .filter = chain_name(&chain, asked_which)};

    asked = NULL;
    asked_done(asked_arg, &a);
}

static int
change(enum filtering_kind kind, int64_t at, const char *name, struct str value)
{
    struct filtering_change c = {
        .kind = kind, .at = at, .name = str_of(name), .value = value};

    return change_fn(change_arg, &c);
}

/* --- a plan: what the first one says at its end, the second says yes --- */

enum plan {
    PLAN_NOTHING,
    PLAN_FIELD,
    PLAN_BODY,
    PLAN_NOBODY, /* no recipient is left */
    PLAN_DISCARD,
    PLAN_REFUSE,
    PLAN_ENOUGH,
    PLAN_PASS
};
static enum plan plan;
static int gone_at; /* turn; 0: the client stays */
static struct buf body = BUF_INIT, new_body = BUF_INIT;

/* A piece at a time; false: not all of it yet. */
static bool
give_body(void)
{
    struct str piece;
    int rc;

    while (body_given < new_body.n) {
        piece = str_sub(buf_get(&new_body), body_given, 50000);
        rc = change(FILTERING_BODY, 0, "", piece);
        if (rc == IMPEL_E_AGAIN) {
            credit = false;
            return false;
        }
        if (rc < 0) { /* it gives up, and that shall not matter */
            absent = true;
            break;
        }
        body_given += piece.n;
    }
    return true;
}

static void
first_at_end(void)
{
    switch (plan) {
    case PLAN_FIELD:
        assert_int_equal(change(FILTERING_ADD_FIELD, 0, "X-Top", STR(" 1")), 0);
        assert_int_equal(
            change(FILTERING_CHANGE_FIELD, 1, "Subject", STR(" new")), 0);
        break;
    case PLAN_BODY:
        if (!give_body())
            return;
        break;
    case PLAN_NOBODY:
        assert_int_equal(
            change(FILTERING_REMOVE_RCPT, 0, "B@Dest.test", STR_NONE), 0);
        break;
    default:
        break;
    }
    if (absent)
        says(IMPEL_ABSENT, 0);
    else if (plan == PLAN_DISCARD)
        says(IMPEL_DISCARD, 0);
    else if (plan == PLAN_REFUSE)
        says(IMPEL_REFUSE, 550);
    else
        says(IMPEL_GO_ON, 0);
}

static void
answer_it(void)
{
    static const char letters[] = "?CGSRHBEAL";
    size_t which = asked_which, n = strlen(told[which]);
    int what = asked->step.step;
    struct impel_str b = asked->step.body;

    if (n == 0 || what != IMPEL_STEP_END || told[which][n - 1] != 'E')
        told[which][n] = letters[what];
    if (what == IMPEL_STEP_BODY)
        buf_add(&seen[which], b.p, b.n);
    if (what == IMPEL_STEP_HEADER)
        assert_true(asked->step.field_count >= 3); /* Date, too */
    if (what == IMPEL_STEP_END && which == 0)
        first_at_end();
    else if (plan == PLAN_ENOUGH && what == IMPEL_STEP_BODY)
        says(IMPEL_ENOUGH, 0);
    else if (plan == PLAN_PASS && what == IMPEL_STEP_BODY)
        says(IMPEL_PASS, 0);
    else
        says(IMPEL_GO_ON, 0);
}

static void
run(void)
{
    for (int turns = 1; !ended; turns++) {
        struct list *n;
        struct fake_later l = fake_disk.later;

        assert_true(turns < 1000);
        if (turns == gone_at) {
            end();
            break;
        }
        n = list_take(&fake_disk.deferred);
        if (n) {
            struct defer *d = LIST_ENTRY(n, struct defer, node);

            d->fn(d->arg);
        } else if (asked &&
            (credit || !body_given || absent || body_given == new_body.n)) {
            answer_it();
        } else if (l.fn) {
            fake_disk.later.fn = NULL;
            l.fn(l.arg, l.result);
        } else if (asked) {
            answer_it();
        } else {
            fail_msg("nothing goes on at step %d", fake_disk.step);
        }
    }
}

static void
play(enum plan what, int at, int with)
{
    struct err e;

    plan = what;
    fake_disk.fail_at = 0;
    fake_disk.step = ended = refused = dropped = submitted = 0;
    fake_disk.later.fn = NULL;
    credit = true;
    absent = false;
    body_given = 0;
    memset(told, 0, sizeof(told));
    for (int i = 0; i < FILTERS; i++)
        buf_cut(&seen[i], 0);
    m = (struct impel_incoming){.is = &is, .il = &il, .rcpt = rcpts};
    m.message = message_new(FAKE_DISK_ID);
    m.message->env.sender = STR("a@origin.test");
    m.message->env.rcpt_count = 1;
    rcpts[0] = (struct rcpt){.address = STR("b@dest.test")};
    m.chain = &chain;
    m.builder = content_builder_new(NULL, 8, NULL, NULL, NULL);
    (void)content_builder_add(m.builder, HEADER, strlen(HEADER), &e);
    (void)content_builder_add(m.builder, body.p, body.n, &e);
    fake_disk.step = 0;
    fake_disk.fail_at = at;
    fake_disk.fail_with = with;
    m.filtered = filtered_begin(&m);
    run();
    if (fake_disk.later.fn) /* a body that settles after its message has gone */
        fake_disk.later.fn(fake_disk.later.arg, fake_disk.later.result);
    assert_int_equal(fake_disk.alive, 0);
    assert_true(list_empty(&fake_disk.deferred));
}

static void
is_whole(const char *header, const struct buf *want)
{
    assert_int_equal(submitted, 1);
    assert_int_equal(content.n, strlen(header) + want->n);
    assert_memory_equal(content.p, header, strlen(header));
    assert_memory_equal(content.p + strlen(header), want->p, want->n);
}

static void
saw(int which, const struct buf *want)
{
    assert_int_equal(seen[which].n, want->n);
    assert_memory_equal(seen[which].p, want->p, want->n);
}

/* What came of a plan, when the disk did not fail. */
static void
check(void)
{
    switch (plan) {
    case PLAN_FIELD:
        is_whole("Date: now\r\nFrom: a\r\nSubject: new\r\n\r\n", &body);
        assert_str(buf_get(&trace), "X-Top: 1\r\nReceived: here\r\n");
        saw(1, &body);
        break;
    case PLAN_BODY:
        if (absent)
            is_whole(HEADER, &body);
        else
            is_whole("Date: now\r\n" HEADER, &new_body);
        saw(0, &body);
        saw(1, absent ? &body : &new_body);
        break;
    case PLAN_DISCARD:
    case PLAN_NOBODY:
        assert_int_equal(dropped, 1);
        break;
    case PLAN_REFUSE:
        assert_int_equal(refused, 550);
        break;
    default:
        is_whole(HEADER, &body);
        assert_str(buf_get(&trace), "Received: here\r\nDate: now\r\n");
    }
}

/* --- the tests --- */

static int
setup(void **state)
{
    (void)state;
    list_init(&fake_disk.deferred);
    fake_disk.arena = arena_new(1024);
    memset(passed, 0, sizeof(passed));
    for (int i = 0; i < LINES; i++) {
        buf_printf(&body, "%-*d\r\n", LINE - 2, i);
        buf_printf(&new_body, "%*d\r\n", LINE - 2, i);
    }
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    arena_free(&fake_disk.arena);
    buf_fini(&body);
    buf_fini(&new_body);
    buf_fini(&trace);
    buf_fini(&content);
    for (int i = 0; i < FILTERS; i++)
        buf_fini(&seen[i]);
    return 0;
}

static void
in_pieces_to_one_after_the_other(void **state)
{
    (void)state;
    play(PLAN_NOTHING, 0, 0);
    check();
    assert_string_equal(told[0], "HBBBE"); /* 144,000 octets */
    assert_string_equal(told[1], "HBBBE");
    saw(0, &body);
    saw(1, &body);
}

static void
enough_and_pass(void **state)
{
    (void)state;
    play(PLAN_ENOUGH, 0, 0);
    check();
    assert_string_equal(told[0], "HBE");
    assert_string_equal(told[1], "HBE");
    play(PLAN_PASS, 0, 0);
    check();
    assert_string_equal(told[0], "HB");
    assert_string_equal(told[1], "HB");
    passed[0] = true;
    play(PLAN_FIELD, 0, 0); /* of which nothing comes */
    is_whole(HEADER, &body);
    assert_string_equal(told[0], "");
    passed[1] = true;
    play(PLAN_NOTHING, 0, 0);
    check();
    assert_string_equal(told[1], "");
}

/* Each step of the disk waits, fails, or waits and then fails. */
static void
each_step_of_the_disk(void **state)
{
    static const int ways[] = {ERR_AGAIN, ERR_IO, ERR_DAMAGED};

    (void)state;
    for (int what = PLAN_NOTHING; what <= PLAN_PASS; what++) {
        int steps;

        play((enum plan)what, 0, 0);
        check();
        steps = fake_disk.step;
        assert_true(steps > 3);
        for (int at = 1; at <= steps; at++) {
            for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
                play((enum plan)what, at, ways[i]);
                if (refused == 451) /* the message is not taken */
                    assert_int_not_equal(ways[i], ERR_AGAIN);
                else
                    check();
            }
        }
    }
}

/* The client goes at any time, whatever the disk is doing. */
static void
gone_at_each_turn(void **state)
{
    (void)state;
    play(PLAN_BODY, 0, 0);
    for (int at = 0, steps = fake_disk.step; at <= steps; at++) {
        for (gone_at = 1;; gone_at++) {
            play(PLAN_BODY, at, ERR_AGAIN);
            if (submitted)
                break;
        }
        gone_at = 0;
    }
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(in_pieces_to_one_after_the_other),
        TEST(enough_and_pass),
        TEST(each_step_of_the_disk),
        TEST(gone_at_each_turn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
