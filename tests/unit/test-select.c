/* SPDX-License-Identifier: Apache-2.0
 *
 * Failing, flushing and delaying the mail that a filter means.
 */
#include "queue_world.h"

#include <jansson.h>

#include "loop/job.h"
#include "queue/filter.h"
#include "queue/scheduler.h"

static char answer[8192];
static uint64_t told_total;

static void
replied(void *arg, struct str text, const struct err *e)
{
    (void)arg;
    assert_true(
        str_copy(answer, sizeof(answer), e->code < 0 ? str_of(e->text) : text));
}

static void
progress(void *arg, uint64_t done, uint64_t total)
{
    (void)arg, (void)done;
    told_total = total;
}

static const struct scheduler_ask ask = {
    .reply = replied, .progress = progress};

static struct scheduler_filter
any(void)
{
    return (struct scheduler_filter){.binding = STR_NONE,
        .group = STR_NONE,
        .domain = STR_NONE,
        .sender = STR_NONE,
        .header = STR_NONE,
        .pattern = STR_NONE};
}

static const char *
select_mail(
    const struct scheduler_filter *f, enum scheduler_work work, bool dry_run)
{
    struct scheduler_order o = {.work = work,
        .dry_run = dry_run,
        .quiet = true,
        .text = STR_NONE,
        .delay = 600000};

    answer[0] = '\0';
    scheduler_select(world.s, f, &o, &ask);
    for (int i = 0; i < 400 && !answer[0]; i++)
        world_advance(10);
    return answer;
}

static uint64_t
delayed(const char *domain)
{
    return queue_delayed(world_queue(domain));
}

/* Mail from two senders to two domains, all of it delayed. */
static void
begin(void)
{
    world_begin("retry_interval = 1200\nmax_outbound_connections = 1\n");
    fake_pick = HOP_DELAY; /* each attempt fails for now */
    for (int i = 0; i < 3; i++) {
        (void)world_accept("news@a.test", "u@x.test v@y.test");
        (void)world_accept("shop@b.test", "w@x.test");
    }
    world_run();
    assert_int_equal(delayed("x.test"), 6);
    assert_int_equal(delayed("y.test"), 3);
}

static void
test_by_domain_and_binding(void **state)
{
    struct scheduler_filter f = any();

    (void)state;
    begin();
    f.domain = STR("Y.test");
    f.binding = STR("other");
    assert_string_equal(
        select_mail(&f, SCHEDULER_FAIL, false), "0 messages failed.\n");
    f.binding = STR("default");
    assert_string_equal(
        select_mail(&f, SCHEDULER_FAIL, false), "3 messages failed.\n");
    assert_int_equal(told_total, 3);
    assert_int_equal(delayed("y.test"), 0);
    assert_int_equal(delayed("x.test"), 6);
    f = any();
    f.group = STR("default");
    assert_string_equal(
        select_mail(&f, SCHEDULER_FAIL, false), "6 messages failed.\n");
    assert_int_equal(world.s->stats.messages, 0);
    world_end();
}

static void
test_by_u_labels(void **state)
{
    struct scheduler_filter f = any();

    (void)state;
    world_begin("suspend_delivery = true\n");
    (void)world_accept("s@a.test", "u@xn--bcher-kva.test");
    f.domain = STR("B\xc3\xbc"
                   "cher.test");
    assert_string_equal(
        select_mail(&f, SCHEDULER_FAIL, false), "1 messages failed.\n");
    world_end();
}

static void
test_by_age(void **state)
{
    struct scheduler_filter f = any();

    (void)state;
    begin();
    world_advance(60000);
    (void)world_accept("late@a.test", "late@x.test");
    world_run();
    f.newer = 60000;
    assert_string_equal(
        select_mail(&f, SCHEDULER_FAIL, false), "1 messages failed.\n");
    f.newer = 0;
    f.older = 3600000;
    assert_string_equal(
        select_mail(&f, SCHEDULER_FAIL, false), "0 messages failed.\n");
    f.older = 60000;
    assert_string_equal(
        select_mail(&f, SCHEDULER_FAIL, false), "9 messages failed.\n");
    world_end();
}

static void
test_delay_and_flush(void **state)
{
    struct scheduler_filter f = any();
    struct heap_node *first;

    (void)state;
    begin();
    f.domain = STR("x.test");
    assert_string_equal(
        select_mail(&f, SCHEDULER_DELAY, false), "6 messages delayed.\n");
    first = heap_first(&world_queue("x.test")->delayed);
    assert_in_range((uint64_t)first->when, (uint64_t)clock_wall() + 590000,
        (uint64_t)clock_wall() + 600000);
    assert_int_equal(CONTAINER_OF(first, struct parcel, in.due)->retries, 1);
    fake_pick = HOP_OK;
    assert_string_equal(select_mail(&f, SCHEDULER_FLUSH, false),
        "6 messages requeued for delivery.\n");
    assert_int_equal(delayed("x.test"), 0);
    assert_int_equal(delayed("y.test"), 3);
    world_end();
}

static void
test_dry_run(void **state)
{
    struct scheduler_filter f = any();
    unsigned rows = 0;

    (void)state;
    begin();
    for (int i = 0; i < 30; i++)
        (void)world_accept("many@a.test", "m@z.test");
    world_run();
    f.domain = STR("z.test");
    (void)select_mail(&f, SCHEDULER_FAIL, true);
    for (const char *p = answer; (p = strstr(p, "To: z.test")) != NULL; p++)
        rows++;
    assert_int_equal(rows, SCHEDULER_DRY_ROWS);
    assert_non_null(strstr(answer, "...\n30 messages are meant; nothing"));
    assert_int_equal(delayed("z.test"), 30);
    assert_int_equal(fake_store.finished, 0);
    world_end();
}

/* The sender is in the envelope, which is read. */
static void
test_by_sender(void **state)
{
    struct scheduler_filter f = any();
    uint64_t loads;

    (void)state;
    begin();
    loads = fake_store.loads;
    f.sender = STR("news@*");
    f.domain = STR("x.test");
    assert_string_equal(
        select_mail(&f, SCHEDULER_FAIL, false), "3 messages failed.\n");
    assert_true(fake_store.loads >= loads + 6);
    assert_int_equal(delayed("x.test"), 3);
    assert_int_equal(delayed("y.test"), 3);
    (void)select_mail(&f, SCHEDULER_FAIL, true);
    assert_string_equal(answer, "0 messages are meant; nothing was done.\n");
    f.sender = STR("shop@*");
    (void)select_mail(&f, SCHEDULER_FAIL, true);
    assert_non_null(strstr(answer, "From: <shop@b.test>"));
    world_end();
}

/* Cancelled while something is read: it ends when that is there. */
static void
test_cancel_while_reading(void **state)
{
    struct scheduler_filter f = any();
    struct job *j;

    (void)state;
    begin();
    fake_store.hold_loads = true;
    f.sender = STR("news@*");
    answer[0] = '\0';
    scheduler_select(world.s, &f,
        &(struct scheduler_order){.work = SCHEDULER_FAIL, .text = STR_NONE},
        &ask);
    for (int i = 0; i < 20; i++)
        world_advance(10);
    j = job_next(world.loop, NULL);
    assert_non_null(j);
    job_cancel(j);
    world_run();
    assert_string_equal(answer, "");
    fake_store.hold_loads = false;
    fake_store_answer();
    world_run();
    assert_non_null(strstr(answer, "Cancelled before the end."));
    assert_int_equal(delayed("x.test"), 6);
    world_end();
}

static void
test_cancel(void **state)
{
    struct scheduler_filter f = any();
    struct job *j;

    (void)state;
    begin();
    f.domain = STR("x.test");
    answer[0] = '\0';
    scheduler_select(world.s, &f,
        &(struct scheduler_order){.work = SCHEDULER_FAIL, .text = STR_NONE},
        &ask);
    j = job_next(world.loop, NULL);
    assert_non_null(j);
    job_cancel(j);
    world_run();
    assert_string_equal(
        answer, "0 messages failed.\nCancelled before the end.\n");
    assert_int_equal(delayed("x.test"), 6);
    world_end();
}

#define NOT_OVER \
    "1 of them are not over yet: a session has them, or their bounce is not " \
    "on disk.\n"

static void
test_busy(void **state)
{
    struct scheduler_filter f = any();

    (void)state;
    world_begin("retry_interval = 1200\nmax_outbound_connections = 1\n");
    (void)world_accept("s@a.test", "u@x.test");
    fake_ready(0, 1);
    fake_sessions[0].deaf = true;
    f.domain = STR("x.test");
    assert_string_equal(select_mail(&f, SCHEDULER_DELAY, false),
        "1 messages delayed.\n" NOT_OVER);
    assert_string_equal(select_mail(&f, SCHEDULER_FAIL, false),
        "1 messages failed.\n" NOT_OVER);
    assert_string_equal(/* what fails is not put off */
        select_mail(&f, SCHEDULER_DELAY, false), "0 messages delayed.\n");
    fake_sessions[0].deaf = false;
    world_run();
    assert_int_equal(world.s->stats.messages, 0);
    world_end();
}

/* In memory, and with a session that has not begun; it is on disk, and no
 * retry. */
static void
test_delay_of_what_moves(void **state)
{
    struct scheduler_filter f = any();
    uint64_t lent, loose;

    (void)state;
    world_begin("max_outbound_connections = 1\nmessage_expiration = 86400\n");
    lent = world_accept("s@a.test", "u@x.test");
    fake_ready(0, 1);
    loose = world_accept("s@a.test", "u@y.test");
    assert_int_equal(world_state(lent), PARCEL_LENT);
    assert_int_equal(world_state(loose), PARCEL_READY);
    f.group = STR("default");
    assert_string_equal(
        select_mail(&f, SCHEDULER_DELAY, false), "2 messages delayed.\n");
    world_run();
    assert_int_equal(world_state(lent), PARCEL_DELAYED);
    assert_int_equal(world_state(loose), PARCEL_DELAYED);
    assert_int_equal(world_parcel(lent)->retries, 0);
    assert_int_equal(fake_store.attempts, 2);
    assert_int_equal(fake_store.last.retries, 0);
    assert_in_range(fake_store.last.next, (uint64_t)clock_wall() + 590000,
        (uint64_t)clock_wall() + 600000);
    assert_string_equal(/* the same again is another time */
        select_mail(&f, SCHEDULER_DELAY, false), "2 messages delayed.\n");
    assert_int_equal(fake_store.attempts, 4);
    world_end();
}

/* The answer comes when all is on disk; or says that it is not. */
static void
test_said_means_written(void **state)
{
    static const enum scheduler_work works[] = {
        SCHEDULER_DELAY, SCHEDULER_FAIL, SCHEDULER_FAIL};
    struct scheduler_filter f = any();
    struct scheduler_order o = {.text = STR_NONE, .delay = 600000};

    (void)state;
    begin();
    f.domain = STR("y.test");
    for (size_t i = 0; i < ARRAY_SIZE(works); i++) {
        bool last = i + 1 == ARRAY_SIZE(works);

        if (last)
            f.domain = STR("x.test");
        o.work = works[i];
        answer[0] = '\0';
        fake_store.hold_values = true;
        scheduler_select(world.s, &f, &o, &ask);
        for (int n = 0; n < 300; n++)
            world_advance(10);
        assert_string_equal(answer, "");
        assert_int_equal(fake_store.barriers, i + 1);
        if (last)
            break;
        fake_store_values();
        assert_string_equal(
            answer, i ? "3 messages failed.\n" : "3 messages delayed.\n");
    }
    world_advance(10000);
    assert_string_equal(answer,
        "6 messages failed.\n"
        "Not all of it is on disk yet: a crash now would undo that.\n");
    fake_store_values(); /* nobody waits for it any more */
    world_end();
}

/* Behind a gateway the envelope is read before the ATTEMPT is written: that is
 * waited for, too. */
static void
test_said_behind_a_gateway(void **state)
{
    struct scheduler_filter f = any();
    uint64_t attempts;

    (void)state;
    world_begin("retry_interval = 1200\nmax_outbound_connections = 1\n");
    fake_gateway = "gw.test";
    fake_pick = HOP_DELAY;
    (void)world_accept("s@a.test", "u@x.test v@y.test");
    world_run();
    assert_int_equal(delayed("gw.test"), 1);
    attempts = fake_store.attempts;
    f.domain = STR("gw.test");
    fake_store.hold_loads = true;
    answer[0] = '\0';
    scheduler_select(world.s, &f,
        &(struct scheduler_order){.work = SCHEDULER_DELAY,
            .text = STR_NONE,
            .to = STR_NONE,
            .delay = 600000},
        &ask);
    for (int i = 0; i < 100; i++)
        world_advance(10);
    assert_string_equal(answer, "");
    assert_int_equal(fake_store.attempts, attempts);
    fake_store.hold_loads = false;
    fake_store_answer();
    for (int i = 0; i < 10; i++)
        world_advance(10);
    assert_string_equal(answer, "1 messages delayed.\n");
    assert_int_equal(fake_store.attempts, attempts + 2);
    assert_int_equal(fake_store.last.next,
        heap_first(&world_queue("gw.test")->delayed)->when);
    world_end();
}

/* While an ATTEMPT is being written another one would not be the last. */
static void
test_delay_of_what_is_written(void **state)
{
    struct scheduler_filter f = any();
    uint64_t id, attempts;

    (void)state;
    world_begin("retry_interval = 1200\nmax_outbound_connections = 1\n");
    fake_store.hold_places = true;
    fake_pick = HOP_DELAY;
    id = world_accept("s@a.test", "u@x.test");
    world_run();
    assert_int_equal(world_parcel(id)->writing, 1);
    attempts = fake_store.attempts;
    f.domain = STR("x.test");
    assert_string_equal(select_mail(&f, SCHEDULER_DELAY, false), "");
    assert_int_equal(fake_store.attempts, attempts);
    fake_store.hold_places = false;
    fake_store_place();
    for (int i = 0; i < 20; i++)
        world_advance(10);
    assert_string_equal(answer, "1 messages delayed.\n");
    assert_int_equal(fake_store.attempts, attempts + 1);
    assert_int_equal(world_parcel(id)->in.due.when, fake_store.last.next);
    world_end();
}

/* What is being read is meant as well, and nobody waits until it is there. */
static void
test_while_it_is_read(void **state)
{
    static const enum scheduler_work works[] = {
        SCHEDULER_FAIL, SCHEDULER_DELAY, SCHEDULER_REBIND};
    struct scheduler_filter f = any();

    (void)state;
    f.domain = STR("x.test");
    for (size_t i = 0; i < ARRAY_SIZE(works); i++) {
        begin();
        fake_store.hold_loads = true;
        fake_pick = HOP_WAIT;
        world_advance(1200001);
        assert_int_equal(world_queue("x.test")->busy->loading, 6);
        answer[0] = '\0';
        scheduler_select(world.s, &f,
            &(struct scheduler_order){.work = works[i],
                .text = STR_NONE,
                .quiet = true,
                .to = STR("default"),
                .delay = 60000},
            &ask);
        for (int k = 0; k < 10; k++)
            world_advance(10);
        if (works[i] != SCHEDULER_REBIND) /* which reads it itself */
            assert_int_equal(world_queue("x.test")->busy->loading, 0);
        fake_store_answer();
        fake_store_answer();
        fake_store.hold_loads = false;
        for (int k = 0; k < 10; k++)
            world_advance(10);
        assert_int_equal(world_queue("x.test")->busy->loading, 0);
        if (works[i] == SCHEDULER_FAIL)
            assert_string_equal(answer, "6 messages failed.\n");
        else if (works[i] == SCHEDULER_DELAY)
            assert_string_equal(answer, "6 messages delayed.\n");
        else
            assert_string_equal(answer, "Rebound 0 messages.\n");
        world_end();
    }
}

static struct filter *
made(struct scheduler_filter *f)
{
    struct filter *to = NULL;
    struct err e;

    assert_int_equal(filter_new(f, &to, &e), 0);
    return to;
}

static bool
sent_by(const struct filter *f, const char *sender)
{
    const struct envelope env = {.sender = str_of(sender)};

    return filter_envelope(f, &env);
}

static void
test_meta(void **state)
{
    static const struct {
        const char *name, *value;
        bool found;
    } rows[] = {{"job", NULL, true}, {"job", "Spring-*", true},
        {"job", "spring-7", true}, {"job", "*-8", false}, {"Job", NULL, false},
        {"empty", "", true}, {"empty", NULL, true}, {"job", "", false},
        {"other", NULL, false}};
    const struct meta meta[] = {{STR("job"), STR("spring-7")},
        {STR("empty"), STR("")}, {STR("job"), STR("spring-8")}};
    const struct envelope env = {
        .sender = STR("a@a.test"), .meta = meta, .meta_count = 3};
    struct scheduler_filter f = any();
    struct filter *made_of;
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        f.meta = str_of(rows[i].name);
        f.value = rows[i].value ? str_of(rows[i].value) : STR_NONE;
        made_of = made(&f);
        assert_true(filter_reads_envelope(made_of));
        assert_false(filter_reads_header(made_of));
        if (filter_envelope(made_of, &env) != rows[i].found)
            fail_msg("row %zu", i);
        assert_false(sent_by(made_of, "a@a.test"));
        filter_free(&made_of);
    }
    f.sender = STR("b@*"); /* all of it */
    f.meta = STR("job");
    f.value = STR_NONE;
    made_of = made(&f);
    assert_false(filter_envelope(made_of, &env));
    filter_free(&made_of);
    f.meta = STR("");
    assert_int_equal(filter_new(&f, &made_of, &e), ERR_CONF);
}

static void
test_patterns(void **state)
{
    static const char header[] =
        "From: a@a.test\r\nX-Campaign: Spring\r\n  Sale 7\r\n"
        "Subject:no blank\r\n\r\nX-Campaign: not this\r\n";
    static const struct {
        const char *header, *pattern;
        bool found;
    } rows[] = {{"x-campaign", NULL, true}, {"X-Campaign", "spring*7", true},
        {"X-Campaign", "Sale*", false}, {"Subject", "no blank", true},
        {"X-Campaign", "*not this*", false}, {"X-Other", NULL, false},
        {"From", "a@[a-c].test", true}, {"From", "", false}};
    struct scheduler_filter f = any();
    struct filter *made_of;
    char many[600];
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        f.header = str_of(rows[i].header);
        f.pattern = rows[i].pattern ? str_of(rows[i].pattern) : STR_NONE;
        made_of = made(&f);
        assert_true(filter_reads_envelope(made_of));
        if (filter_header(made_of, str_of(header)) != rows[i].found)
            fail_msg("row %zu", i);
        filter_free(&made_of);
    }
    f = any();
    f.sender = STR("*@A.test");
    made_of = made(&f);
    assert_true(sent_by(made_of, "news@a.test"));
    assert_false(sent_by(made_of, ""));
    assert_false(filter_reads_header(made_of));
    filter_free(&made_of);
    f.sender = STR("<>");
    made_of = made(&f);
    assert_true(sent_by(made_of, ""));
    assert_false(sent_by(made_of, "a@a.test"));
    filter_free(&made_of);
    memset(many, '*', sizeof(many));
    f.sender = str_make(many, sizeof(many));
    assert_int_equal(filter_new(&f, &made_of, &e), ERR_CONF);
}

UNIT_MAIN(cmocka_unit_test(test_by_domain_and_binding),
    cmocka_unit_test(test_by_u_labels), cmocka_unit_test(test_by_age),
    cmocka_unit_test(test_delay_and_flush), cmocka_unit_test(test_dry_run),
    cmocka_unit_test(test_cancel), cmocka_unit_test(test_by_sender),
    cmocka_unit_test(test_cancel_while_reading), cmocka_unit_test(test_busy),
    cmocka_unit_test(test_delay_of_what_moves),
    cmocka_unit_test(test_said_means_written),
    cmocka_unit_test(test_said_behind_a_gateway),
    cmocka_unit_test(test_delay_of_what_is_written),
    cmocka_unit_test(test_meta), cmocka_unit_test(test_while_it_is_read),
    cmocka_unit_test(test_patterns))
