/* SPDX-License-Identifier: Apache-2.0
 *
 * Moving parcels to another queue: in every state, whole and in parts, and what
 * of it is on disk.
 */
#include "select_kit.h"

#include "loop/job.h"
#include "queue/doom.h"
#include "queue/move.h"
#include "queue/outcome.h"
#include "queue/scheduler.h"

#define BASE "retry_interval = 1200\nmax_outbound_connections = 1\n"
#define TWO BASE "binding \"b1\" { }\nbinding \"b2\" { }\n"
#define GROUP \
    BASE "binding_group \"g\" {\n binding \"g1\" { }\n binding \"g2\" { " \
         "}\n}\n"

/* --- rebind --- */

static void
test_never_tried(void **state)
{
    uint64_t id;

    (void)state;
    world_begin(TWO);
    fake_pick = HOP_WAIT;
    for (int i = 0; i < 3; i++)
        id = world_accept("s@a.test", "u@x.test");
    (void)world_accept_for("b1", "s@a.test", "u@x.test");
    assert_string_equal(rebind("default", "b2"), "Rebound 3 messages.\n");
    assert_int_equal(select_held("default", "x.test"), 0);
    assert_int_equal(select_held("b1", "x.test"), 1);
    assert_int_equal(select_held("b2", "x.test"), 3);
    assert_int_equal(world_parcel(id)->moved, PARCEL_BOUND);
    assert_int_equal(world_parcel(id)->writing, 0);
    assert_int_equal(fake_store.attempts, 3);
    assert_int_equal(fake_store.last.retries, 0);
    assert_string_equal(fake_store.last.domain, "x.test");
    assert_string_equal(fake_store.last.moved, "binding b2\n");
    /* There already: nothing is written, or counted. */
    assert_string_equal(rebind("all", "b2"), "Rebound 1 messages.\n");
    assert_string_equal(rebind("all", "b2"), "Rebound 0 messages.\n");
    assert_int_equal(fake_store.attempts, 4);
    fake_pick = HOP_OK;
    fake_route_changed(NULL);
    world_advance(200);
    for (int i = 0; i < 4; i++) {
        fake_ready(fake_session_count - 1, 1);
        fake_delivered(fake_session_count - 1);
        world_advance(200);
    }
    assert_int_equal(world.s->stats.messages, 0);
    assert_int_equal(select_queue("b2", "x.test")->delivered, 4);
    world_end();
}

/* Retries and time stay, and what the peer said; the record takes the place of
 * the former. */
static void
test_tried(void **state)
{
    uint64_t id;
    int64_t due;

    (void)state;
    world_begin(TWO);
    id = world_accept("s@a.test", "u@x.test");
    fake_ready(0, 1);
    fake_done(
        0, IMPEL_RETRY, IMPEL_BLAME_RCPT, IMPEL_AT_RCPT, 451, "4.2.0", "later");
    due = world_parcel(id)->in.due.when;
    assert_string_equal(rebind("default", "b2"), "Rebound 1 messages.\n");
    assert_int_equal(world_parcel(id)->retries, 1);
    assert_int_equal(world_parcel(id)->in.due.when, due);
    assert_int_equal(fake_store.last.next, due);
    assert_int_equal(fake_store.last.retries, 1);
    assert_int_equal(fake_store.last.before, 1);
    assert_int_equal(world_parcel(id)->attempt.offset, 2);
    /* The next attempt repeats it, and to go back by hand is told, too. */
    world_advance(1200001);
    fake_ready(fake_session_count - 1, 1);
    fake_done(fake_session_count - 1, IMPEL_RETRY, IMPEL_BLAME_RCPT,
        IMPEL_AT_RCPT, 451, "4.2.0", "later");
    assert_int_equal(fake_store.last.retries, 2);
    assert_string_equal(fake_store.last.moved, "binding b2\n");
    assert_string_equal(rebind("b2", "default"), "Rebound 1 messages.\n");
    assert_string_equal(fake_store.last.moved, "binding default\n");
    world_end();
}

/* Called back; what was begun moves if it comes back, and one that is
 * delivered is gone. */
static void
test_lent(void **state)
{
    uint64_t id;

    (void)state;
    world_begin(TWO);
    id = world_accept("s@a.test", "u@x.test");
    fake_ready(0, 1);
    assert_int_equal(world_state(id), PARCEL_LENT);
    assert_string_equal(rebind("default", "b2"), "Rebound 1 messages.\n");
    assert_string_equal(world_parcel(id)->queue->binding->name, "b2");
    assert_int_equal(world_parcel(id)->retries, 0);

    world_advance(200);
    fake_ready(fake_session_count - 1, 1);
    assert_int_equal(world_state(id), PARCEL_LENT);
    fake_sessions[fake_session_count - 1].deaf = true;
    assert_string_equal(rebind("b2", "b1"),
        "Rebound 0 messages.\n"
        "1 are being sent and move if that fails for now.\n");
    assert_int_equal(select_held("b2", "x.test"), 1);
    fake_done(fake_session_count - 1, IMPEL_RETRY, IMPEL_BLAME_RCPT,
        IMPEL_AT_RCPT, 451, "4.2.0", "later");
    assert_int_equal(select_held("b2", "x.test"), 0);
    assert_int_equal(select_held("b1", "x.test"), 1);
    assert_int_equal(world_parcel(id)->retries, 1);
    assert_string_equal(fake_store.last.moved, "binding b1\n");

    world_advance(1200001);
    fake_ready(fake_session_count - 1, 1);
    fake_sessions[fake_session_count - 1].deaf = true;
    (void)rebind("b1", "b2");
    fake_delivered(fake_session_count - 1);
    assert_int_equal(world.s->stats.messages, 0);
    assert_int_equal(select_held("b2", "x.test"), 0);
    world_end();
}

/* Put off and moved, while a session has it: both count, and the time is that
 * which was said. */
static void
test_delayed_and_moved(void **state)
{
    struct doom *d;
    int64_t until;
    uint64_t id;

    (void)state;
    world_begin(TWO);
    id = world_accept("s@a.test", "u@x.test");
    fake_ready(0, 1);
    fake_sessions[0].deaf = true;
    until = clock_wall() + 7200000;
    d = doom_delay(until);
    assert_true(doom_parcel(world_parcel(id), d));
    doom_unref(&d);
    (void)rebind("all", "b2");
    fake_unbegun(0);
    world_advance(50);
    assert_string_equal(world_parcel(id)->queue->binding->name, "b2");
    assert_int_equal(world_parcel(id)->in.due.when, until);
    assert_int_equal(fake_store.last.next, until);
    assert_string_equal(fake_store.last.moved, "binding b2\n");
    assert_int_equal(world_parcel(id)->retries, 0);
    world_end();
}

/* A reload takes out where it is to go, before it was read. */
static void
test_nowhere_to_go(void **state)
{
    uint64_t id;

    (void)state;
    world_begin(TWO);
    fake_pick = HOP_DELAY;
    id = world_accept_for("b1", "s@a.test", "u@x.test");
    fake_store.hold_loads = true;
    select_start(SCHEDULER_REBIND, "all", NULL, "b2", false);
    for (int i = 0; i < 10; i++)
        world_advance(10);
    world_configure(BASE "binding \"b1\" { }\n");
    fake_store_answer();
    for (int i = 0; i < 10; i++)
        world_advance(10);
    assert_string_equal(select_answer, "Rebound 0 messages.\n");
    assert_string_equal(world_parcel(id)->queue->binding->name, "b1");
    assert_int_equal(world_parcel(id)->moved, 0);
    fake_store.hold_loads = false;
    world_end();
}

/* Recipients that came out differently move with what is left of them. */
static void
test_parts_come_back(void **state)
{
    struct result r[3] = {{.verdict = IMPEL_DELIVERED,
                              .blame = IMPEL_BLAME_RCPT,
                              .stage = IMPEL_AT_FINAL,
                              .code = 250,
                              .retry_after = -1},
        {.verdict = IMPEL_RETRY,
            .blame = IMPEL_BLAME_RCPT,
            .stage = IMPEL_AT_RCPT,
            .code = 451,
            .retry_after = -1},
        {.verdict = IMPEL_FAILED,
            .blame = IMPEL_BLAME_RCPT,
            .stage = IMPEL_AT_RCPT,
            .code = 550,
            .retry_after = -1}};
    uint64_t id;

    (void)state;
    world_begin(TWO "generate_bounces = false\n");
    id = world_accept("s@a.test", "a@x.test b@x.test c@x.test");
    fake_ready(0, 1);
    fake_sessions[0].deaf = true;
    (void)rebind("all", "b2");
    fake_done_each(0, r);
    assert_int_equal(world.s->stats.parcels, 1);
    assert_int_equal(world_parcel(id)->rcpt_count, 1);
    assert_int_equal(parcel_rcpt(world_parcel(id))[0], 1);
    assert_string_equal(world_parcel(id)->queue->binding->name, "b2");
    world_end();
}

/* Behind a gateway one parcel has recipients of many domains; a member of the
 * group is drawn for each, and all that have the same one stay together. */
static void
test_parted_by_a_group(void **state)
{
    uint64_t id, parts, in[2];
    struct queue *q[2];

    (void)state;
    world_begin(GROUP);
    fake_gateway = "relay.test";
    fake_pick = HOP_WAIT;
    id = world_accept("s@a.test",
        "u@a.test u@b.test u@c.test u@d.test u@e.test u@f.test u@g.test");
    assert_int_equal(world.s->stats.parcels, 1);
    assert_string_equal(rebind("default", "g"), "Rebound 2 messages.\n");
    q[0] = select_queue("g1", "any");
    q[1] = select_queue("g2", "any");
    parts = 0;
    in[0] = in[1] = 0;
    for (struct parcel *p = world_parcel(id); p; p = parcel_next(p)) {
        parts++;
        assert_int_equal(p->moved, PARCEL_BOUND);
        assert_int_equal(p->writing, 0);
        in[p->queue == q[1]] += p->rcpt_count;
    }
    assert_int_equal(parts, 2);
    assert_int_equal(world.s->stats.parcels, 2);
    assert_int_equal(in[0] + in[1], 7);
    assert_true(in[0] && in[1]);
    assert_int_equal(fake_store.attempts, 7); /* each domain has its own */
    world_end();
}

/* Without a name it is bound as new mail is, and stays so. */
static void
test_as_new_mail(void **state)
{
    uint64_t id;

    (void)state;
    world_begin(GROUP);
    fake_pick = HOP_WAIT;
    id = world_accept_for("g", "s@a.test", "u@x.test");
    assert_string_equal(rebind("all", NULL), "Rebound 0 messages.\n");
    assert_string_equal(rebind("all", "default"), "Rebound 1 messages.\n");
    assert_string_equal(rebind("all", NULL), "Rebound 1 messages.\n");
    assert_true(
        str_starts(str_of(world_parcel(id)->queue->binding->name), STR("g")));
    assert_int_equal(world_parcel(id)->moved, PARCEL_BOUND);
    world_configure(GROUP "binding \"own\" { }\ndomain \"x.test\" {\n"
                          " assign_binding = \"own\"\n}\n");
    assert_string_equal(rebind("all", NULL), "Rebound 0 messages.\n");
    id = world_accept_for("none", "s@a.test", "u@x.test");
    assert_string_equal(world_parcel(id)->queue->binding->name, "own");
    world_end();
}

static void
test_refused_and_dry(void **state)
{
    (void)state;
    world_begin(TWO);
    fake_pick = HOP_DELAY;
    (void)world_accept("s@a.test", "u@x.test");
    (void)world_accept_for("b2", "s@a.test", "u@x.test");
    assert_string_equal(
        rebind("all", "b3"), "there is no binding or group \"b3\"");
    select_start(SCHEDULER_REBIND, "all", NULL, "b2", true);
    for (int i = 0; i < 100 && !select_answer[0]; i++)
        world_advance(10);
    assert_non_null(strstr(select_answer, "[delayed/default]"));
    assert_non_null(strstr(select_answer, "From: <s@a.test> -> b2/x.test\n"));
    assert_null(strstr(select_answer, "[delayed/b2]"));
    assert_non_null(
        strstr(select_answer, "1 messages are meant; nothing was done."));
    assert_int_equal(select_held("default", "x.test"), 1);
    assert_int_equal(fake_store.attempts, 2);
    world_end();
}

/* While it is read: cancelling leaves it, and another word wins. */
static void
test_while_reading(void **state)
{
    struct move *mv;
    struct doom *d;
    uint64_t id;
    int64_t due;

    (void)state;
    world_begin(TWO);
    fake_pick = HOP_DELAY;
    id = world_accept("s@a.test", "u@x.test");
    due = world_parcel(id)->in.due.when;
    fake_store.hold_loads = true;
    select_start(SCHEDULER_REBIND, "all", NULL, "b2", false);
    for (int i = 0; i < 10; i++)
        world_advance(10);
    assert_int_equal(world_state(id), PARCEL_LOADING);
    job_cancel(job_next(world.loop, NULL));
    world_run();
    assert_non_null(strstr(select_answer, "Cancelled before the end."));
    fake_store_answer();
    assert_int_equal(world_state(id), PARCEL_DELAYED);
    assert_int_equal(world_parcel(id)->in.due.when, due);
    assert_int_equal(select_held("default", "x.test"), 1);

    select_start(SCHEDULER_REBIND, "all", NULL, "b2", false);
    for (int i = 0; i < 10; i++)
        world_advance(10);
    mv = move_new(world.s, MOVE_BINDING, STR("b1"));
    assert_true(move_parcel(world_parcel(id), mv));
    fake_store_answer();
    for (int i = 0; i < 10; i++)
        world_advance(10);
    assert_string_equal(select_answer, "Rebound 0 messages.\n");
    assert_int_equal(mv->moved, 1);
    move_unref(&mv);
    assert_int_equal(select_held("b1", "x.test"), 1);
    assert_int_equal(world_parcel(id)->in.due.when, due);

    select_start(SCHEDULER_REBIND, "all", NULL, "b2", false);
    for (int i = 0; i < 10; i++)
        world_advance(10);
    d = doom_new(STR_NONE, "go away", true);
    assert_true(doom_parcel(world_parcel(id), d));
    doom_unref(&d);
    fake_store_answer();
    for (int i = 0; i < 10; i++)
        world_advance(10);
    assert_string_equal(select_answer, "Rebound 0 messages.\n");
    fake_store_answer(); /* of the notice */
    assert_int_equal(world.s->stats.messages, 0);
    fake_store.hold_loads = false;
    world_end();
}

/* Its last ATTEMPT has no place yet: the next one waits for it, and the
 * select_answer for its own. */
static void
test_while_writing(void **state)
{
    uint64_t id;

    (void)state;
    world_begin(TWO);
    fake_store.hold_places = true;
    fake_pick = HOP_DELAY;
    id = world_accept("s@a.test", "u@x.test");
    assert_int_equal(world_parcel(id)->writing, 1);
    select_start(SCHEDULER_REBIND, "all", NULL, "b2", false);
    for (int i = 0; i < 50; i++)
        world_advance(10);
    assert_int_equal(select_held("b2", "x.test"), 0);
    fake_store_place();
    for (int i = 0; i < 10; i++)
        world_advance(10);
    assert_int_equal(select_held("b2", "x.test"), 1);
    assert_int_equal(fake_store.last.before, 1);
    assert_string_equal(select_answer, "");
    fake_store_place();
    for (int i = 0; i < 10; i++)
        world_advance(10);
    assert_string_equal(select_answer, "Rebound 1 messages.\n");
    fake_store.hold_places = false;
    world_end();
}

/* Behind a gateway the envelope is read before an attempt can be written; who
 * moves it meanwhile waits for that, and nothing of it is lost. */
static void
test_while_an_attempt_is_made(void **state)
{
    uint64_t id = 0;

    (void)state;
    world_begin(TWO "max_resident_active_queue = 20\n");
    fake_gateway = "relay.test";
    fake_pick = HOP_WAIT;
    for (int i = 0; i < 24; i++)
        id = world_accept("s@a.test", "u@y.test u@x.test");
    fake_store.hold_loads = true;
    fake_pick = HOP_DELAY;
    fake_route_changed("relay.test");
    assert_int_equal(world_parcel(id)->writing, 1);
    assert_int_equal(fake_store.attempts, 20 * 2);
    select_start(SCHEDULER_REBIND, "all", NULL, "b2", false);
    for (int i = 0; i < 10; i++)
        world_advance(10);
    assert_int_equal(world_state(id), PARCEL_LOADING);
    fake_store.hold_loads = false;
    fake_store_answer();
    for (int i = 0; i < 20; i++)
        world_advance(10);
    assert_string_equal(select_answer, "Rebound 24 messages.\n");
    assert_int_equal(fake_store.attempts, 2 * 24 * 2);
    assert_int_equal(world_parcel(id)->retries, 1);
    assert_string_equal(fake_store.last.moved, "binding b2\n");
    world_end();
}

/* Nobody waits for ever; what is missing is said. */
static void
test_a_disk_that_stands_still(void **state)
{
    uint64_t id;

    (void)state;
    world_begin(TWO);
    fake_pick = HOP_WAIT;
    id = world_accept("s@a.test", "u@x.test");
    fake_store.hold_places = fake_store.hold_values = true;
    select_start(SCHEDULER_REBIND, "all", NULL, "b2", false);
    for (int i = 0; i < 1900; i++)
        world_advance(10);
    assert_string_equal(select_answer, "");
    for (int i = 0; i < 300; i++)
        world_advance(10);
    assert_string_equal(select_answer,
        "Rebound 1 messages.\n"
        "Not all of it is on disk yet: a crash now would undo that.\n");
    assert_int_equal(world_parcel(id)->writing, 1);
    fake_store_place();
    fake_store_values();
    fake_store.hold_places = fake_store.hold_values = false;
    assert_int_equal(world_parcel(id)->writing, 0);
    world_end();
}

/* --- reroute --- */

static void
test_reroute(void **state)
{
    uint64_t id;

    (void)state;
    world_begin(TWO);
    fake_pick = HOP_DELAY;
    id = world_accept_for("b1", "s@a.test", "u@x.test");
    assert_string_equal(reroute("x.test", "Y.test."),
        "Moved 1 messages from 'x.test' to 'y.test'.\n");
    assert_int_equal(select_held("b1", "x.test"), 0);
    assert_int_equal(select_held("b1", "y.test"), 1);
    assert_int_equal(world_parcel(id)->moved, PARCEL_ROUTED);
    assert_string_equal(fake_store.last.moved, "route ESMTP 25 - y.test\n");
    assert_string_equal(fake_store.last.domain, "x.test");
    /* The recipient's domain stays what it is in what is written, though the
     * queue's is another and nothing is in memory. */
    fake_store.last.domain[0] = '\0';
    world_advance(1200001);
    assert_int_equal(world_parcel(id)->retries, 2);
    assert_string_equal(fake_store.last.domain, "x.test");
    /* Another binding does not change where it goes. */
    (void)rebind("b1", "b2");
    assert_int_equal(select_held("b2", "y.test"), 1);
    assert_string_equal(
        fake_store.last.moved, "binding b2\nroute ESMTP 25 - y.test\n");
    assert_string_equal(
        reroute("y.test", NULL), "Moved 1 messages from 'y.test'.\n");
    assert_int_equal(select_held("b2", "x.test"), 1);
    assert_string_equal(fake_store.last.moved, "binding b2\n");
    assert_string_equal(reroute("all", NULL), "Moved 0 messages from 'all'.\n");
    world_end();
}

/* A gateway that came: new mail goes there, what is queued when it is told. */
static void
test_gateway_came(void **state)
{
    uint64_t id, attempts;

    (void)state;
    world_begin(TWO);
    fake_pick = HOP_DELAY;
    id = world_accept("s@a.test", "u@x.test");
    fake_gateway = "relay.test";
    assert_string_equal(world_parcel(id)->queue->zone->name, "x.test");
    attempts = fake_store.attempts;
    assert_string_equal(
        reroute("x.test", NULL), "Moved 1 messages from 'x.test'.\n");
    assert_string_equal(world_parcel(id)->queue->zone->name, "relay.test");
    assert_true(world_parcel(id)->queue->by_gateway);
    /* It is where the configuration has it, so nothing need be written. */
    assert_int_equal(world_parcel(id)->moved, 0);
    assert_int_equal(fake_store.attempts, attempts);
    world_end();
}

/* --- after a restart --- */

struct row {
    const char *moved, *binding, *domain;
    unsigned told;
    int gateway; /* -1: none */
};

static void
recovered(const struct row *w, uint64_t id)
{
    const struct spool_events *ev = scheduler_spool_events(world.s);
    uint32_t rcpt[] = {0};
    struct found_parcel parcel = {.domain = STR("x.test"),
        .rcpt = rcpt,
        .rcpt_count = 1,
        .attempt = {3, 7},
        .next_attempt = clock_wall() + 60000,
        .retries = 2,
        .moved = str_of(w->moved)};
    struct found f = {.id = id,
        .accept = {1, 64},
        .received = clock_wall(),
        .binding = STR("b1"),
        .rcpt_total = 1,
        .parcel_count = 1,
        .parcel = &parcel};
    const struct queue *q;

    ev->found(ev->arg, &f);
    q = world_parcel(id)->queue;
    assert_string_equal(q->binding->name, w->binding);
    assert_string_equal(q->zone->name, w->domain);
    assert_int_equal(world_parcel(id)->moved, w->told);
    assert_int_equal(q->by_gateway, w->gateway >= 0);
    if (w->gateway >= 0)
        assert_int_equal(q->gateway_port, w->gateway);
}

static void
test_recovery(void **state)
{
    static const struct row rows[] = {{"", "b1", "x.test", 0, -1},
        {"binding b2\n", "b2", "x.test", PARCEL_BOUND, -1},
        {"binding gone\n", "b1", "x.test", 0, -1},
        {"route ESMTP 25 - y.test\n", "b1", "y.test", PARCEL_ROUTED, -1},
        {"route lmtp 24 2003 y.test\nbinding b2\n", "b2", "y.test",
            PARCEL_BOUND | PARCEL_ROUTED, 2003},
        {"route esmtp 25 0 y.test\n", "b1", "y.test", PARCEL_ROUTED, 0},
        {"route esmtp 65536 - y.test\n", "b1", "x.test", 0, -1},
        {"route esmtp 25 x y.test\n", "b1", "x.test", 0, -1},
        {"route pigeon 25 - y.test\n", "b1", "x.test", 0, -1},
        {"route esmtp 25 -\n", "b1", "x.test", 0, -1},
        {"unheard of\n\nroute", "b1", "x.test", 0, -1}};

    (void)state;
    world_begin(TWO);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        recovered(&rows[i], 0x4200 + i * 0x100);
    world_run();
    assert_int_equal(select_queue("b2", "y.test")->method, METHOD_ESMTP);
    world_end();
}

/* What was moved and what was not are two parcels, also in one queue. */
static void
test_recovery_in_parts(void **state)
{
    const struct spool_events *ev;
    uint32_t first[] = {0}, second[] = {1}, third[] = {2};
    struct found_parcel parcels[3] = {
        {.domain = STR("x.test"), .rcpt = first, .rcpt_count = 1},
        {.domain = STR("x.test"),
            .rcpt = second,
            .rcpt_count = 1,
            .moved = STR("binding b1\n")},
        {.domain = STR("y.test"),
            .rcpt = third,
            .rcpt_count = 1,
            .moved = STR("binding b1\nroute esmtp 25 - x.test\n")}};
    struct found f = {.id = 0x4242,
        .accept = {1, 64},
        .binding = STR("b1"),
        .rcpt_total = 3,
        .parcel_count = 3,
        .parcel = parcels};
    unsigned told = 0;

    (void)state;
    world_begin(TWO);
    fake_pick = HOP_WAIT;
    f.received = clock_wall();
    ev = scheduler_spool_events(world.s);
    ev->found(ev->arg, &f);
    assert_int_equal(select_held("b1", "x.test"), 3);
    for (struct parcel *p = world_parcel(f.id); p; p = parcel_next(p))
        told |= 1u << p->moved;
    assert_int_equal(
        told, 1u | 1u << PARCEL_BOUND | 1u << (PARCEL_BOUND | PARCEL_ROUTED));
    world_end();
}

UNIT_MAIN(cmocka_unit_test(test_never_tried), cmocka_unit_test(test_tried),
    cmocka_unit_test(test_lent), cmocka_unit_test(test_parts_come_back),
    cmocka_unit_test(test_delayed_and_moved),
    cmocka_unit_test(test_nowhere_to_go),
    cmocka_unit_test(test_parted_by_a_group),
    cmocka_unit_test(test_as_new_mail), cmocka_unit_test(test_refused_and_dry),
    cmocka_unit_test(test_while_reading), cmocka_unit_test(test_while_writing),
    cmocka_unit_test(test_while_an_attempt_is_made),
    cmocka_unit_test(test_a_disk_that_stands_still),
    cmocka_unit_test(test_reroute), cmocka_unit_test(test_gateway_came),
    cmocka_unit_test(test_recovery), cmocka_unit_test(test_recovery_in_parts))
