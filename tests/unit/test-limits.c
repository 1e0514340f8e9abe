/* SPDX-License-Identifier: Apache-2.0
 *
 * All limits hold at once; throttles are shared by reference (MC 2.3, 3.4).
 */
#include "queue_world.h"

#include "queue/limits.h"
#include "queue/throttle.h"
#include "queue/said.h"

static struct queue *
queue_of(struct str binding, struct str domain)
{
    return queue_get(world.s, binding, domain, MESSAGE_TLS_USUAL);
}

static void
many(const char *binding, const char *domain, int count)
{
    char rcpt[64];

    (void)snprintf(rcpt, sizeof(rcpt), "a@%s", domain);
    for (int i = 0; i < count; i++)
        (void)world_accept_for(binding, "s@from.test", rcpt);
}

static void
test_binding_and_group(void **state)
{
    (void)state;
    world_begin("binding_group \"g\" { server_max_outbound_connections = 3\n"
                "  binding \"one\" { server_max_outbound_connections = 2 }\n"
                "  binding \"two\" {} }\n");
    many("one", "a.test", 1);
    many("one", "b.test", 1);
    many("one", "c.test", 1);
    assert_int_equal(fake_session_alive(), 2);
    assert_int_equal(
        queue_of(STR("one"), STR("c.test"))->reason, WAIT_BINDING_LIMIT);
    many("two", "a.test", 1);
    many("two", "b.test", 1);
    assert_int_equal(fake_session_alive(), 3);
    assert_int_equal(
        queue_of(STR("two"), STR("b.test"))->reason, WAIT_GROUP_LIMIT);
    many("other", "a.test", 1);
    assert_int_equal(fake_session_alive(), 4);
    world_end();
}

static void
test_idle_one_makes_room(void **state)
{
    (void)state;
    world_begin("server_max_outbound_connections = 1\n"
                "domain \"b.test\" { connect_timeout = 9 }\n");
    many("default", "a.test", 1);
    fake_ready(0, 1);
    fake_delivered(0);
    many("default", "b.test", 1); /* its options differ: no sibling */
    assert_false(fake_sessions[0].alive);
    assert_int_equal(fake_session_count, 2);
    assert_int_equal(fake_session_alive(), 1);
    world_end();
}

/* At the limit the idle session of a sibling is taken over, not closed. */
static void
test_sibling_at_the_limit(void **state)
{
    (void)state;
    world_begin("server_max_outbound_connections = 1\n");
    many("default", "a.test", 1);
    fake_ready(0, 1);
    fake_delivered(0);
    many("default", "b.test", 1);
    assert_int_equal(fake_session_count, 1);
    assert_int_equal(fake_sessions[0].count, 1);
    fake_delivered(0);
    assert_int_equal(world.s->stats.delivered, 2);
    world_end();
}

/* Whose sessions come out the same is a sibling, whatever else its stanza says;
 * a session of other options is not for it. */
static void
test_siblings_with_stanzas(void **state)
{
    (void)state;
    world_begin("binding \"other\" {}\n"
                "domain \"a.test\" { max_outbound_connections = 5 }\n"
                "domain \"b.test\" { max_retries = 3 idle_timeout = 9 }\n"
                "domain \"c.test\" { connect_timeout = 9 }\n");
    many("default", "a.test", 1);
    fake_ready(0, 1);
    fake_delivered(0);
    many("default", "c.test", 1);
    assert_int_equal(fake_session_count, 2);
    many("default", "b.test", 1);
    assert_int_equal(fake_session_count, 2);
    assert_int_equal(fake_sessions[0].count, 1);
    fake_delivered(0);
    many("other", "b.test", 1); /* another binding */
    assert_int_equal(fake_session_count, 3);
    world_configure("domain \"c.test\" { connect_timeout = 8 }\n");
    many("default", "a.test", 1); /* what it was made with is no more */
    assert_int_equal(fake_session_count, 4);
    world_end();
}

/* A queue that waits for the limit is served when a sibling's work ends. */
static void
test_waiting_for_a_sibling(void **state)
{
    (void)state;
    world_begin("server_max_outbound_connections = 1\n");
    many("default", "a.test", 1);
    fake_ready(0, 1);
    many("default", "b.test", 1);
    many("default", "c.test", 1);
    assert_int_equal(world_queue("b.test")->reason, WAIT_SERVER_LIMIT);
    fake_delivered(0);
    fake_delivered(0);
    fake_delivered(0);
    assert_int_equal(fake_session_count, 1);
    assert_int_equal(world.s->stats.delivered, 3);
    world_end();
}

/* One that waits no more passes the place on to the next. */
static void
test_place_is_passed_on(void **state)
{
    struct queue *b, *c;

    (void)state;
    world_begin("server_max_outbound_connections = 1\n"
                "domain \"b.test\" { connect_timeout = 8 }\n"
                "domain \"c.test\" { connect_timeout = 9 }\n");
    many("default", "a.test", 1);
    fake_ready(0, 1);
    many("default", "b.test", 1);
    many("default", "c.test", 1);
    b = world_queue("b.test");
    c = world_queue("c.test");
    assert_int_equal(b->reason, WAIT_SERVER_LIMIT);
    assert_int_equal(c->reason, WAIT_SERVER_LIMIT);
    b->sweep = true; /* all of its mail is delayed */
    result_set(&said_get(b)->why, IMPEL_RETRY, IMPEL_BLAME_HOST,
        IMPEL_AT_CONNECT, 421, "4.4.2", "gone");
    queue_kick(b);
    world_run();
    fake_delivered(0);
    assert_int_equal(b->busy->outlet_count, 0);
    assert_int_equal(c->busy->outlet_count, 1);
    world_end();
}

static void
test_binding_limit_is_passed_on(void **state)
{
    (void)state;
    world_begin("server_max_outbound_connections = 2\n"
                "binding_group \"g\" {\n"
                "  binding \"one\" { server_max_outbound_connections = 1 }\n"
                "  binding \"two\" {} }\n");
    many("one", "a.test", 1);
    many("two", "a.test", 1);
    many("two", "b.test", 1); /* the server's limit */
    many("one", "b.test", 1); /* the binding's, which is met first */
    assert_int_equal(fake_session_count, 2);
    fake_closed(1, IMPEL_RETRY, IMPEL_BLAME_SESSION, true);
    assert_int_equal(queue_of(STR("two"), STR("b.test"))->busy->outlet_count +
            queue_of(STR("two"), STR("a.test"))->busy->outlet_count,
        1);
    assert_int_equal(fake_session_alive(), 2);
    fake_closed(0, IMPEL_RETRY, IMPEL_BLAME_SESSION, true);
    assert_int_equal(fake_session_alive(), 2);
    world_end();
}

/* Each session does at once what it is asked for. */
static void
play(void)
{
    for (unsigned i = 0; i < fake_session_count; i++) {
        struct fake_session *f = &fake_sessions[i];

        if (f->alive && (!f->ready || f->probed))
            fake_ready(i, 1);
        f->probed = false;
        if (f->alive && f->count)
            fake_delivered(i);
    }
}

static void
test_shared_throttle(void **state)
{
    struct queue *a, *b, *c;

    (void)state;
    world_begin(
        "outbound_throttle_messages = \"1/60\"\n"
        "domain \"c.test\" { outbound_throttle_messages = \"1/60\" }\n");
    a = world_queue("a.test");
    b = world_queue("b.test");
    c = world_queue("c.test");
    assert_ptr_equal(a->messages, b->messages);
    assert_ptr_not_equal(a->messages, c->messages);
    many("default", "a.test", 1);
    many("default", "b.test", 1);
    many("default", "c.test", 1);
    for (unsigned i = 0; i < fake_session_count; i++)
        fake_ready(i, 1);
    assert_int_equal(a->busy->lent + b->busy->lent, 1);
    assert_int_equal(c->busy->lent, 1);
    world_end();
}

/* A token comes back when the batch does without having been begun. */
static void
test_refund(void **state)
{
    struct queue *q;

    (void)state;
    world_begin("outbound_throttle_messages = \"1/60\"\n");
    many("default", "a.test", 1);
    q = world_queue("a.test");
    fake_ready(0, 1);
    assert_int_equal(q->messages->tokens.sum, 1);
    fake_unbegun(0);
    assert_int_equal(
        q->busy->lent, 1); /* lent again at once, on the same token */
    assert_int_equal(q->messages->tokens.sum, 1);
    world_end();
}

/* Many wait for a slow throttle: what is run is what has a token, each in its
 * turn, and those that finish do not hold up the rest. */
static void
test_many_wait_for_a_throttle(void **state)
{
    enum { QUEUES = 2000, RATE = 5 };
    uint64_t runs;
    char domain[32];

    (void)state;
    world_begin("outbound_throttle_messages = \"5\"\n"
                "idle_timeout = 1\n"
                "server_max_outbound_connections = -1\n");
    for (int i = 0; i < RATE; i++)
        many("default", "first.test", 1);
    fake_ready(0, 1);
    for (int i = 0; i < RATE; i++)
        fake_delivered(0);
    assert_int_equal(world.s->stats.delivered, RATE);
    for (int i = 0; i < QUEUES; i++) {
        (void)snprintf(domain, sizeof(domain), "d%d.test", i);
        many("default", domain, 1);
        assert_int_equal(world_queue(domain)->reason, WAIT_MESSAGE_THROTTLE);
    }
    assert_int_equal(fake_session_count, 1); /* none before its turn */
    world_advance(2000);
    runs = world.s->runs;
    for (int i = 0; i < 100; i++) {
        play();
        world_advance(100);
    }
    assert_in_range(world.s->stats.delivered, 9 * RATE, 11 * RATE);
    assert_in_range(world.s->runs - runs, 1, 22 * RATE * 12);
    world_end();
}

/* Of two queues with more than enough none is held up by the other. */
static void
test_fair_shares(void **state)
{
    struct queue *a, *b;

    (void)state;
    world_begin("outbound_throttle_messages = \"5\"\n"
                "max_outbound_connections = 5\n");
    many("default", "a.test", 80);
    many("default", "b.test", 80);
    for (int s = 0; s < 20 * 126; s++) {
        play();
        world_advance(8);
    }
    a = world_queue("a.test");
    b = world_queue("b.test");
    assert_in_range(a->delivered + b->delivered, 95, 105);
    assert_in_range(a->delivered, 35, 65);
    world_end();
}

/* What was promised to one that has no use for it goes to the next. */
static void
test_grant_is_passed_on(void **state)
{
    struct queue *b, *c;

    (void)state;
    world_begin("outbound_throttle_messages = \"1/10\"\n");
    many("default", "a.test", 1);
    fake_ready(0, 1);
    many("default", "b.test", 1);
    many("default", "c.test", 1);
    b = world_queue("b.test");
    c = world_queue("c.test");
    assert_int_equal(b->reason, WAIT_MESSAGE_THROTTLE);
    assert_int_equal(c->reason, WAIT_MESSAGE_THROTTLE);
    assert_true(c->until > b->until);
    b->sweep = true; /* all of its mail is delayed */
    result_set(&said_get(b)->why, IMPEL_RETRY, IMPEL_BLAME_HOST,
        IMPEL_AT_CONNECT, 421, "4.4.2", "gone");
    queue_kick(b);
    world_run();
    world_advance(10200);
    assert_int_equal(b->busy->outlet_count, 0);
    assert_int_equal(c->busy->outlet_count, 1);
    assert_int_equal(c->messages->granted, 0);
    world_end();
}

/* Connecting takes time; the turn is kept, the token is not. */
static void
test_turn_is_kept(void **state)
{
    struct queue *b, *c;

    (void)state;
    world_begin("outbound_throttle_messages = \"1/10\"\n"
                "idle_timeout = 60\n");
    many("default", "a.test", 1);
    fake_ready(0, 1);
    many("default", "b.test", 1);
    world_advance(10200);
    b = world_queue("b.test");
    assert_int_equal(b->busy->opening, 1);
    many("default", "c.test", 1); /* has the token meanwhile */
    c = world_queue("c.test");
    fake_ready(2, 1);
    assert_int_equal(c->busy->lent, 1);
    many("default", "d.test", 1);
    fake_ready(1, 1);
    assert_int_equal(b->reason, WAIT_MESSAGE_THROTTLE);
    world_advance(10200);
    assert_true(fake_sessions[1].probed);
    fake_ready(1, 1);
    assert_int_equal(b->busy->lent, 1);
    world_end();
}

/* A reload gives the queue another throttle: the token goes back where it came
 * from. */
static void
test_refund_to_the_one_that_was_charged(void **state)
{
    struct throttle *was;
    struct queue *q;

    (void)state;
    world_begin("outbound_throttle_messages = \"5/60\"\n");
    many("default", "a.test", 1);
    fake_ready(0, 1);
    q = world_queue("a.test");
    was = q->messages;
    world_configure("outbound_throttle_messages = \"5/60\"\n"
                    "domain \"a.test\" {\n"
                    "  outbound_throttle_messages = \"3/60\" }\n");
    assert_ptr_not_equal(q->messages, was);
    assert_int_equal(was->tokens.sum, 1);
    fake_unbegun(0);
    assert_int_equal(was->tokens.sum, 0);
    assert_int_equal(q->messages->tokens.sum, 1);
    world_end();
}

/* The connections of many queues: as for messages. */
static void
test_many_wait_for_connections(void **state)
{
    char domain[32];
    uint64_t runs;

    (void)state;
    world_begin("outbound_throttle_connections = \"4\"\n");
    for (int i = 0; i < 500; i++) {
        (void)snprintf(domain, sizeof(domain), "d%d.test", i);
        many("default", domain, 1);
    }
    assert_int_equal(fake_session_count, 4);
    runs = world.s->runs;
    for (int i = 0; i < 200; i++)
        world_advance(50);
    assert_in_range(fake_session_count, 4 * 10, 4 * 11);
    assert_in_range(world.s->runs - runs, 1, 4 * 11 * 4);
    world_end();
}

static void
test_recipients_per_connection(void **state)
{
    (void)state;
    world_begin("max_recipients_per_connection = 3\n"
                "max_outbound_connections = 1\n");
    (void)world_accept("s@from.test", "a@x.test b@x.test");
    (void)world_accept("s@from.test", "c@x.test d@x.test");
    fake_ready(0, 1);
    assert_int_equal(fake_sessions[0].count, 2);
    assert_int_equal(fake_sessions[0].lent[1]->rcpt_count, 1);
    fake_delivered(0);
    fake_delivered(0);
    assert_false(fake_sessions[0].alive);
    assert_true(fake_sessions[1].alive);
    world_end();
}

static void
test_reload_changes_limits(void **state)
{
    (void)state;
    world_begin("max_outbound_connections = 1\n");
    many("default", "x.test", 50);
    assert_int_equal(fake_session_alive(), 1);
    world_configure("max_outbound_connections = 5\n");
    assert_int_equal(fake_session_alive(), 5);
    world_end();
}

/* max_outbound_connections is for a binding and domain, whatever the ports of
 * their queues. */
static void
test_twins(void **state)
{
    struct queue *a, *b;

    (void)state;
    world_begin("max_outbound_connections = 1\nbinding \"other\" { }\n");
    many("default", "x.test", 2);
    a = world_queue("x.test");
    fake_port = 26;
    many("default", "x.test", 1);
    b = world_queue("x.test");
    assert_ptr_not_equal(a, b);
    assert_ptr_equal(a->twin, b);
    assert_ptr_equal(b->twin, a);
    many("other", "x.test", 1); /* a binding of its own */
    assert_int_equal(fake_session_count, 2);
    assert_int_equal(b->reason, WAIT_CONNECTION_LIMIT);
    fake_ready(0, 1);
    fake_delivered(0);
    assert_true(fake_sessions[0].alive);
    fake_delivered(0); /* idle now, and in the way */
    assert_false(fake_sessions[0].alive);
    assert_int_equal(b->busy->outlet_count, 1);
    world_end();
}

/* The place of the stanza says what is counted. */
static void
test_scope_max(void **state)
{
    static const struct {
        const char *conf;
        const char *open[8]; /* binding domain */
        int most;
        const char *apart; /* is not counted with them, or NULL */
    } rows[] = {
        {"scope_max_outbound_connections = 2",
            {"one a.test", "two b.test", "three c.test"}, 2, NULL},
        {"binding_group \"g\" { scope_max_outbound_connections = 2\n"
         "binding \"one\" {} binding \"two\" {} }",
            {"one a.test", "two b.test", "one b.test"}, 2, "three a.test"},
        {"binding \"one\" { scope_max_outbound_connections = 2 }",
            {"one a.test", "one b.test", "one c.test"}, 2, "two a.test"},
        {"domain \"a.test\" { scope_max_outbound_connections = 2 }",
            {"one a.test", "two a.test", "three a.test"}, 2, "one b.test"},
        {"binding_group \"g\" { domain \"a.test\" {\n"
         "scope_max_outbound_connections = 1 }\n"
         "binding \"one\" {} binding \"two\" {} }",
            {"one a.test", "two a.test"}, 1, "three a.test"},
        {"binding \"one\" { domain \"a.test\" {\n"
         "scope_max_outbound_connections = 0 } }",
            {"one a.test"}, 0, "two a.test"},
        {"domain \"/^.[.]test$/\" { scope_max_outbound_connections = 2 }",
            {"one a.test", "two b.test", "one c.test"}, 2, "one bb.test"},
    };

    static const char *const names[] = {"one", "two", "three"};
    struct buf conf = BUF_INIT;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct str binding, rest;
        struct queue *q = NULL;
        char name[16];

        buf_cut(&conf, 0);
        buf_cstr(&conf, rows[i].conf);
        for (size_t n = 0; n < ARRAY_SIZE(names); n++)
            if (!strstr(rows[i].conf, names[n]))
                buf_printf(&conf, "\nbinding \"%s\" { }", names[n]);
        world_begin(conf.p);
        for (size_t n = 0; rows[i].open[n]; n++) {
            rest = str_of(rows[i].open[n]);
            binding = str_cut(&rest, ' ');
            (void)str_copy(name, sizeof(name), binding);
            many(name, rest.p, 1);
            q = queue_of(binding, rest);
        }
        assert_int_equal(fake_session_alive(), rows[i].most);
        assert_int_equal(q->reason, WAIT_SCOPE_LIMIT);
        rest = str_of(rows[i].apart ? rows[i].apart : "");
        binding = str_cut(&rest, ' ');
        (void)str_copy(name, sizeof(name), binding);
        if (rows[i].apart) {
            many(name, rest.p, 1);
            assert_int_equal(fake_session_alive(), rows[i].most + 1);
        }
        if (rows[i].most) { /* the next one is woken */
            fake_closed(0, IMPEL_RETRY, IMPEL_BLAME_SESSION, true);
            assert_int_equal(
                fake_session_alive(), rows[i].most + (rows[i].apart ? 1 : 0));
        }
        world_configure("max_retries = none");
        assert_null(q->scoped);
        assert_int_equal(world.s->scoped.count, 0);
        world_end();
    }
    buf_fini(&conf);
}

/* Beyond the server's limit, now and then, and only for who has nothing. */
static void
test_reserve(void **state)
{
    (void)state;
    world_begin("server_max_outbound_connections = 2\n"
                "server_reserve_outbound_connections = 1\n"
                "reserve_maintenance_interval = 10\n");
    many("default", "big.test", 100);
    assert_int_equal(fake_session_alive(), 2);
    fake_ready(0, 1);
    fake_ready(1, 1);
    many("default", "a.test", 1);
    many("default", "b.test", 1);
    world_advance(9000);
    assert_int_equal(fake_session_alive(), 2);
    world_advance(1100);
    assert_int_equal(fake_session_alive(), 3);
    assert_int_equal(world_queue("a.test")->busy->outlet_count, 1);
    assert_int_equal(world_queue("b.test")->reason, WAIT_SERVER_LIMIT);
    world_advance(60000);
    assert_int_equal(fake_session_alive(), 3);
    fake_ready(2, 1);
    fake_delivered(2);
    fake_closed(2, IMPEL_DELIVERED, IMPEL_BLAME_SESSION, true);
    assert_int_equal(fake_session_alive(), 2); /* not before the next time */
    world_advance(10100);
    assert_int_equal(fake_session_alive(), 3);
    assert_int_equal(world_queue("b.test")->busy->outlet_count, 1);
    world_end();
}

static void
test_no_reserve_under_a_scope(void **state)
{
    (void)state;
    world_begin("server_max_outbound_connections = 1\n"
                "domain \"a.test\" { scope_max_outbound_connections = 9 }\n");
    many("default", "big.test", 100);
    fake_ready(0, 1);
    many("default", "a.test", 1);
    world_advance(31000);
    assert_int_equal(fake_session_alive(), 1);
    many("default", "b.test", 1);
    world_advance(31000);
    assert_int_equal(fake_session_alive(), 2);
    assert_int_equal(world_queue("b.test")->busy->outlet_count, 1);
    world_end();
}

static void
test_aggressiveness(void **state)
{
    (void)state;
    world_begin("max_outbound_connections = 32\n"
                "domain \"high.test\" {\n"
                "  connection_allocation_aggressiveness = high }\n"
                "domain \"two.test\" {\n"
                "  connection_allocation_aggressiveness = 2.0 }\n");
    many("default", "x.test", 50);
    many("default", "high.test", 50);
    many("default", "two.test", 50);
    assert_int_equal(world_queue("x.test")->busy->outlet_count, 12);
    assert_int_equal(world_queue("high.test")->busy->outlet_count, 22);
    assert_int_equal(world_queue("two.test")->busy->outlet_count, 31);
    world_end();
}

/* A used session to a host whose throttle is met ends, and another host takes
 * over; a new one waits. */
static void
test_host_throttle(void **state)
{
    struct queue *q;

    (void)state;
    world_begin("max_outbound_connections = 1\n");
    fake_hosts[1].addr = "192.0.2.2";
    fake_hosts[0].paced = fake_hosts[1].paced = true;
    many("default", "x.test", 2);
    fake_ready(0, 1);
    fake_hosts[0].throttled = true;
    fake_delivered(0);
    q = world_queue("x.test");
    assert_false(fake_sessions[0].alive);
    assert_int_equal(fake_session_count, 2);
    assert_string_equal(fake_sessions[1].to, "192.0.2.2:25");
    fake_hosts[1].throttled = true;
    fake_ready(1, 1);
    assert_true(fake_sessions[1].alive);
    assert_int_equal(fake_sessions[1].count, 0);
    assert_int_equal(q->reason, WAIT_HOST_THROTTLE);
    assert_int_equal(q->busy->outlet_count, 1);
    fake_hosts[1].throttled = false;
    assert_non_null(line_wake(&fake_line));
    world_run();
    assert_int_equal(fake_sessions[1].count, 1);
    fake_delivered(1);
    fake_hosts[0].throttled = fake_hosts[1].throttled = true;
    many("default", "y.test", 1);
    q = world_queue("y.test");
    assert_int_equal(q->reason, WAIT_HOST_THROTTLE);
    assert_ptr_equal(q->busy->waiter.in, &fake_line);
    fake_hosts[0].throttled = false;
    assert_non_null(line_wake(&fake_line));
    world_run();
    assert_int_equal(q->busy->outlet_count, 1);
    world_end();
}

/* Whatever a reload changes, what was sent in this window was sent. */
static void
test_reload_keeps_the_window(void **state)
{
    struct throttle *was;

    (void)state;
    world_begin("outbound_throttle_messages = \"1/60\"\n");
    many("default", "a.test", 3);
    fake_ready(0, 1);
    fake_delivered(0);
    was = world_queue("a.test")->messages;
    world_configure("outbound_throttle_messages = \"1/60\"\n"
                    "hostname = other.test\n");
    assert_ptr_equal(world_queue("a.test")->messages, was);
    assert_int_equal(fake_sessions[0].count, 0);
    world_configure("outbound_throttle_messages = \"2/60\"\n");
    assert_ptr_equal(world_queue("a.test")->messages, was);
    assert_int_equal(fake_sessions[0].count, 1);
    fake_delivered(0);
    assert_int_equal(fake_sessions[0].count, 0);
    assert_int_equal(world_queue("a.test")->reason, WAIT_MESSAGE_THROTTLE);
    world_end();
}

/* All limits are there at once, and each in turn is the one that is met: it is
 * named, nothing passes it, and who waits for it goes on when there is room. */
static void
test_all_at_once(void **state)
{
    static const struct {
        enum wait_reason why;
        int pair, scope, binding, group, server, host;
        const char *messages, *connections;
        int open; /* of three domains with a message each */
    } rows[] = {
        {WAIT_CONNECTION_LIMIT, 0, 9, 9, 9, 9, 9, "9/9", "9/9", 0},
        {WAIT_SCOPE_LIMIT, 9, 2, 9, 9, 9, 9, "9/9", "9/9", 2},
        {WAIT_BINDING_LIMIT, 9, 9, 2, 9, 9, 9, "9/9", "9/9", 2},
        {WAIT_GROUP_LIMIT, 9, 9, 9, 2, 9, 9, "9/9", "9/9", 2},
        {WAIT_SERVER_LIMIT, 9, 9, 9, 9, 2, 9, "9/9", "9/9", 2},
        {WAIT_HOST_LIMIT, 9, 9, 9, 9, 9, 2, "9/9", "9/9", 2},
        {WAIT_CONNECTION_THROTTLE, 9, 9, 9, 9, 9, 9, "9/9", "2/9", 2},
        {WAIT_SCOPE_LIMIT, 2, 2, 2, 2, 2, 2, "2/9", "2/9", 2},
        {WAIT_GROUP_LIMIT, 2, 9, 9, 2, 2, 2, "2/9", "2/9", 2},
        {WAIT_CONNECTION_THROTTLE, 9, 9, 9, 9, 9, 2, "9/9", "2/9", 2},
    };
    static const char *const domains[] = {"a.test", "b.test", "c.test"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char conf[1000];
        struct queue *q;

        (void)snprintf(conf, sizeof(conf),
            "server_max_outbound_connections = %d\n"
            "server_reserve_outbound_connections = 0\n"
            "idle_timeout = 0\n"
            "scope_max_outbound_connections = %d\n"
            "max_outbound_connections = %d\n"
            "outbound_throttle_messages = \"%s\"\n"
            "outbound_throttle_connections = \"%s\"\n"
            "binding_group \"g\" { server_max_outbound_connections = %d\n"
            "  binding \"b\" { server_max_outbound_connections = %d } }\n",
            rows[i].server, rows[i].scope, rows[i].pair, rows[i].messages,
            rows[i].connections, rows[i].group, rows[i].binding);
        world_begin(conf);
        fake_hosts[0].limit = rows[i].host;
        for (size_t n = 0; n < ARRAY_SIZE(domains); n++)
            many("b", domains[n], 1);
        q = queue_of(STR("b"), STR("c.test"));
        assert_int_equal(fake_session_alive(), rows[i].open);
        assert_string_equal(wait_key(q->reason), wait_key(rows[i].why));
        for (int s = 0; s < rows[i].open; s++) {
            fake_ready((unsigned)s, 1);
            fake_delivered((unsigned)s);
        }
        world_advance(9200); /* the throttles */
        assert_int_equal(q->busy->outlet_count, rows[i].open ? 1 : 0);
        world_end();
    }
}

/* What holds for a binding, a domain, the server holds back; what holds for a
 * host is a reason to go to the next one. */
static void
test_only_host_limits_spill_over(void **state)
{
    static const struct {
        const char *conf;
        int host, best, worse; /* host's limit; open to each */
    } rows[] = {
        {"server_max_outbound_connections = 2\n"
         "server_reserve_outbound_connections = 0\n",
            0, 2, 0},
        {"binding \"b\" { server_max_outbound_connections = 2 }\n", 0, 2, 0},
        {"binding_group \"g\" { server_max_outbound_connections = 2\n"
         "  binding \"b\" {} }\n",
            0, 2, 0},
        {"scope_max_outbound_connections = 2\n", 0, 2, 0},
        {"max_outbound_connections = 1\n", 0, 3, 0}, /* one each */
        {"domain \"c.test\" { max_outbound_connections = 1 }\n"
         "binding \"b\" { server_max_outbound_connections = 2 }\n",
            0, 2, 0},
        {"outbound_throttle_connections = \"2/9\"\n", 0, 2, 0},
        {"", 2, 2, 1},
        {"binding \"b\" { server_max_outbound_connections = 2 }\n", 1, 1, 1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        world_begin(rows[i].conf);
        fake_hosts[0].limit = rows[i].host;
        fake_hosts[1].addr = "192.0.2.2";
        many("b", "a.test", 1);
        many("b", "b.test", 1);
        many("b", "c.test", 1);
        if (fake_hosts[0].open != rows[i].best ||
            fake_hosts[1].open != rows[i].worse)
            fail_msg("\"%s\": %d at the best, %d at the next", rows[i].conf,
                fake_hosts[0].open, fake_hosts[1].open);
        for (unsigned s = 0; s < fake_session_count; s++)
            if (fake_sessions[s].alive) {
                fake_ready(s, 1);
                fake_delivered(s);
            }
        world_advance(9200); /* the throttle */
        if (!rows[i].worse && fake_hosts[1].open)
            fail_msg("\"%s\": to the next one later", rows[i].conf);
        world_end();
    }
}

UNIT_MAIN(cmocka_unit_test(test_siblings_with_stanzas),
    cmocka_unit_test(test_only_host_limits_spill_over),
    cmocka_unit_test(test_all_at_once),
    cmocka_unit_test(test_reload_keeps_the_window),
    cmocka_unit_test(test_host_throttle), cmocka_unit_test(test_twins),
    cmocka_unit_test(test_scope_max), cmocka_unit_test(test_reserve),
    cmocka_unit_test(test_no_reserve_under_a_scope),
    cmocka_unit_test(test_aggressiveness),
    cmocka_unit_test(test_binding_and_group),
    cmocka_unit_test(test_idle_one_makes_room),
    cmocka_unit_test(test_sibling_at_the_limit),
    cmocka_unit_test(test_waiting_for_a_sibling),
    cmocka_unit_test(test_place_is_passed_on),
    cmocka_unit_test(test_binding_limit_is_passed_on),
    cmocka_unit_test(test_shared_throttle), cmocka_unit_test(test_refund),
    cmocka_unit_test(test_many_wait_for_a_throttle),
    cmocka_unit_test(test_fair_shares),
    cmocka_unit_test(test_grant_is_passed_on),
    cmocka_unit_test(test_turn_is_kept),
    cmocka_unit_test(test_refund_to_the_one_that_was_charged),
    cmocka_unit_test(test_many_wait_for_connections),
    cmocka_unit_test(test_recipients_per_connection),
    cmocka_unit_test(test_reload_changes_limits))
