/* SPDX-License-Identifier: Apache-2.0
 *
 * libimpel-ecstream against a server that is played by hand.
 */
#include "ecstream_peer.h"

#include <sys/socket.h>
#include <unistd.h>

/* Each octet of HELLO; a WELCOME with numbers that are all different. */
static void
greet(struct peer *w)
{
    struct frame_out out = {0};

    peer_expect(w, FRAME_HELLO);
    assert_memory_equal(w->is.p,
        "ECSTREAM\1\1\0\0\0\0"
        "0123456789abcde\0"
        "\0\013client.test\0\4test",
        8 + 2 + 4 + 16 + 2 + 11 + 2 + 4);
    (void)frame_octets(&w->is, 8 + 2 + 4 + 16 + 2 + 11 + 2 + 4);
    assert_true(frame_is_done(&w->is));
    frame_begin(&out, FRAME_WELCOME);
    frame_put(&out, "\1\0\0\0\0\0\0\0\2\0\0\0\0\0\1\0\0", 17);
    frame_put(&out, "\0\0\0\0\0\0\0\0\0\0\0\5\0\0\0\7\0\0\0\11", 20);
    peer_put_z(&out, "server.test");
    peer_say(w, &out);
}

static void
expect_envelope(struct peer *w)
{
    peer_expect_message(w, 1, "k1");
    assert_int_equal(frame_u8(&w->is), 1);
    assert_int_equal(frame_u8(&w->is), 1);
    assert_int_equal(frame_u64(&w->is), PEER_BODY_SIZE);
    assert_memory_equal(frame_text(&w->is).p, "me@y.test", 9);
    assert_memory_equal(frame_text(&w->is).p, "env", 3);
    assert_int_equal(frame_u16(&w->is), 2);
    assert_memory_equal(frame_text(&w->is).p, "binding", 7);
    assert_memory_equal(frame_text(&w->is).p, "news", 4);
    assert_memory_equal(frame_text(&w->is).p, "campaign", 8);
    assert_memory_equal(frame_text(&w->is).p, "17", 2);
    assert_int_equal(frame_u32(&w->is), 2);
    assert_int_equal(frame_u32(&w->is), 0);
    assert_int_equal(frame_u8(&w->is), 0);
    assert_memory_equal(frame_text(&w->is).p, "a@x.test", 8);
    assert_int_equal(frame_text(&w->is).n, 0);
    assert_int_equal(frame_u32(&w->is), 1);
    assert_int_equal(frame_u8(&w->is), ECSTREAM_NOTIFY_FAILURE);
    assert_memory_equal(frame_text(&w->is).p, "b@x.test", 8);
    assert_memory_equal(frame_text(&w->is).p, "rfc822;b@x.test", 15);
    assert_true(frame_is_done(&w->is));
}

static void
test_one_message(void **state)
{
    static const struct ecstream_pair pairs[] = {
        {"binding", "news"}, {"campaign", "17"}};
    struct peer w;
    struct ecstream_options o = peer_options(&w);
    struct ecstream_message m = peer_message("k1", 2);
    struct ecstream_server server = {.size = sizeof(server)};

    (void)state;
    peer_begin(&w, &o);
    assert_int_equal(ecstream_fd(w.s), -1);
    assert_int_equal(ecstream_timeout(w.s), -1);
    assert_false(ecstream_server(w.s, &server));
    m.pairs = pairs;
    m.pair_count = 2;
    m.flags = ECSTREAM_8BIT;
    m.ret = ECSTREAM_RET_HDRS;
    m.envid = "env";
    assert_int_equal(ecstream_send(w.s, &m), 0);
    assert_int_equal(ecstream_timeout(w.s), 0);
    assert_int_equal(peer_turn(&w), 0);
    assert_true(ecstream_fd(w.s) >= 0);
    greet(&w);
    expect_envelope(&w);
    peer_expect_tag(&w, FRAME_BODY, 1);
    assert_int_equal(w.is.n, PEER_BODY_SIZE);
    assert_memory_equal(w.is.p, peer_body, PEER_BODY_SIZE);
    peer_expect_tag(&w, FRAME_END, 1);
    assert_int_equal(ecstream_open_count(w.s), 1);
    peer_result(&w, 1, 250, "200", 2);
    peer_wait_answers(&w, 1);
    assert_string_equal(w.seen[0].message, "k1");
    assert_string_equal(w.seen[0].key, "k1");
    assert_int_equal(w.seen[0].count, 2);
    assert_int_equal(w.seen[0].code[1], 250);
    assert_int_equal(w.seen[0].status[1][0], 2);
    assert_string_equal(w.seen[0].text[1], "words");
    peer_expect_confirm(&w, 1, 1);
    assert_int_equal(ecstream_open_count(w.s), 0);
    assert_true(ecstream_server(w.s, &server));
    assert_int_equal(server.window, 2);
    assert_int_equal(server.octets_window, 65536);
    assert_int_equal(server.most_recipients, 5);
    assert_int_equal(server.remembers_s, 7);
    assert_int_equal(server.idle_s, 9);
    assert_string_equal(server.name, "server.test");
    ecstream_close(w.s);
    assert_int_equal(ecstream_timeout(w.s), 0);
    peer_expect(&w, FRAME_BYE);
    peer_frame_alone(&w, FRAME_PARTED);
    assert_int_equal(ecstream_finish(w.s, 1000), 0);
    peer_end(&w);
    assert_int_equal(w.answers, 1);
}

static void
test_out_of_order_and_groups(void **state)
{
    struct peer w;
    struct ecstream_options o = peer_options(&w);
    struct frame_out out = {0};

    (void)state;
    peer_begin(&w, &o);
    peer_post(&w, "k1", 3);
    peer_post(&w, "k2", 1);
    peer_welcome(&w, 10, 65536);
    peer_expect_whole(&w, 1, "k1");
    peer_expect_whole(&w, 2, "k2");
    frame_begin(&out, FRAME_RESULTS);
    frame_put_u16(&out, 2);
    frame_put_u32(&out, 2);
    frame_put_u16(&out, 1);
    peer_put_group(&out, 550, "511", "unknown");
    frame_put_u16(&out, 1);
    frame_put_u32(&out, 0);
    frame_put_u32(&out, 1);
    frame_put_u32(&out, 1);
    frame_put_u16(&out, 2);
    peer_put_group(&out, 250, "200", "");
    frame_put_u16(&out, 2);
    frame_put_u32(&out, 2);
    frame_put_u32(&out, 1);
    frame_put_u32(&out, 0);
    frame_put_u32(&out, 1);
    peer_put_group(&out, 452, "422", "full");
    frame_put_u16(&out, 1);
    frame_put_u32(&out, 1);
    frame_put_u32(&out, 1);
    peer_say(&w, &out);
    peer_wait_answers(&w, 2);
    assert_string_equal(w.seen[0].key, "k2");
    assert_int_equal(w.seen[0].code[0], 550);
    assert_string_equal(w.seen[0].text[0], "unknown");
    assert_string_equal(w.seen[1].key, "k1");
    assert_int_equal(w.seen[1].code[0], 250);
    assert_int_equal(w.seen[1].code[1], 452);
    assert_string_equal(w.seen[1].text[1], "full");
    assert_int_equal(w.seen[1].code[2], 250);
    assert_string_equal(w.seen[1].text[2], "");
    peer_expect_confirm(&w, 1, 1); /* nothing is kept of the other */
    peer_end(&w);
}

static void
test_windows(void **state)
{
    struct peer w;
    struct ecstream_options o = peer_options(&w);
    struct frame_out out = {0};

    (void)state;
    peer_begin(&w, &o);
    for (int i = 0; i < 5; i++)
        peer_post(&w, (const char *[]){"1", "2", "3", "4", "5"}[i], 1);
    peer_welcome(&w, 2, 65536);
    peer_expect_whole(&w, 1, "1");
    peer_expect_whole(&w, 2, "2");
    peer_expect_nothing(&w);
    peer_result(&w, 2, 550, "500", 1);
    peer_expect_whole(&w, 3, "3"); /* nothing is kept: no CONFIRM */
    peer_expect_nothing(&w);
    peer_result(&w, 1, 250, "200", 1);
    peer_expect_confirm(&w, 1, 1); /* before the room is used */
    peer_expect_whole(&w, 4, "4");
    frame_begin(&out, FRAME_WINDOW);
    frame_put_u32(&out, 10);
    frame_put_u64(&out, 2 * (PEER_BODY_SIZE + 1));
    peer_say(&w, &out);
    peer_expect_nothing(&w); /* octets: two are open */
    peer_result(&w, 3, 250, "200", 1);
    peer_expect_confirm(&w, 3, 1);
    peer_expect_whole(&w, 5, "5");
    peer_end(&w);
    assert_int_equal(w.answers, 5);
}

/* One that is alone may exceed the window of octets. */
static void
test_large_alone(void **state)
{
    struct peer w;
    struct ecstream_options o = peer_options(&w);
    struct ecstream_message m = peer_message("large", 1);
    char *large = calloc(1, 90000);
    size_t at = 0;

    (void)state;
    for (size_t i = 0; i < 90000; i++)
        large[i] = (char)('a' + i % 23);
    m.body = large;
    m.body_size = 90000;
    peer_begin(&w, &o);
    assert_int_equal(ecstream_send(w.s, &m), 0);
    peer_post(&w, "next", 1);
    peer_welcome(&w, 10, 1000);
    peer_expect_message(&w, 1, "large");
    while (at < 90000) {
        peer_expect_tag(&w, FRAME_BODY, 1);
        assert_memory_equal(w.is.p, large + at, w.is.n);
        at += w.is.n;
    }
    assert_int_equal(at, 90000);
    peer_expect_tag(&w, FRAME_END, 1);
    peer_expect_nothing(&w);
    peer_result(&w, 1, 250, "200", 1);
    peer_expect_confirm(&w, 1, 1);
    peer_expect_whole(&w, 2, "next");
    peer_end(&w);
    free(large);
}

static int64_t
read_pieces(void *arg, uint64_t at, void *to, size_t n)
{
    size_t left = PEER_BODY_SIZE - at, some = left < 7 ? left : 7;

    (void)arg;
    assert_true(some <= n);
    memcpy(to, peer_body + at, some);
    return (int64_t)some;
}

static int64_t
read_nothing(void *arg, uint64_t at, void *to, size_t n)
{
    (void)arg, (void)to, (void)n;
    return at < 5 ? 5 : -1;
}

static void
test_resent(void **state)
{
    struct peer w;
    struct ecstream_options o = peer_options(&w);
    struct ecstream_message m = peer_message("k2", 2);

    (void)state;
    peer_begin(&w, &o);
    peer_post(&w, "k1", 1);
    m.read = read_pieces;
    m.flags = ECSTREAM_NUMBERED;
    m.recipients = (const struct ecstream_recipient[]){
        {.address = "a@x.test", .number = 70000},
        {.address = "b@x.test", .number = 3}};
    assert_int_equal(ecstream_send(w.s, &m), 0);
    peer_post(&w, "k3", 1);
    peer_welcome(&w, 2, 65536);
    peer_expect_whole(&w, 1, "k1");
    peer_expect_message(&w, 2, "k2");
    peer_result(&w, 1, 250, "200", 1);
    peer_wait_answers(&w, 1);
    close(w.fd);
    w.fd = -1;
    peer_welcome(&w, 10, 65536); /* the next connection */
    assert_int_equal(w.dials, 2);
    peer_expect_message(&w, 1, "k2");
    assert_int_equal(frame_u16(&w.is), 0); /* flags, RET */
    (void)frame_u64(&w.is);
    (void)frame_text(&w.is);
    (void)frame_text(&w.is);
    (void)frame_u16(&w.is);
    assert_int_equal(frame_u32(&w.is), 2);
    assert_int_equal(frame_u32(&w.is), 70000);
    for (size_t at = 0; at < PEER_BODY_SIZE; at += w.is.n) {
        peer_expect_tag(&w, FRAME_BODY, 1);
        assert_memory_equal(w.is.p, peer_body + at, w.is.n);
    }
    peer_expect_tag(&w, FRAME_END, 1);
    peer_expect_whole(&w, 2, "k3");
    peer_result(&w, 2, 250, "200", 1);
    peer_result(&w, 1, 250, "200", 2);
    peer_wait_answers(&w, 3);
    peer_end(&w);
    assert_int_equal(w.answers, 3);
}

/* A line that broke before any answer: few are sent until one comes. */
static void
test_slow_start(void **state)
{
    struct peer w;
    struct ecstream_options o = peer_options(&w);

    (void)state;
    peer_begin(&w, &o);
    for (int i = 0; i < 40; i++)
        peer_post(&w, NULL, 1);
    peer_welcome(&w, 100, 65536);
    peer_expect_whole(&w, 1, NULL);
    close(w.fd);
    w.fd = -1;
    peer_welcome(&w, 100, 65536);
    for (uint32_t i = 1; i <= 16; i++)
        peer_expect_whole(&w, i, NULL);
    peer_expect_nothing(&w);
    peer_result(&w, 1, 550, "500", 1);
    for (uint32_t i = 17; i <= 33; i++)
        peer_expect_whole(&w, i, NULL);
    peer_expect_nothing(&w);
    peer_result(&w, 2, 550, "500", 1);
    for (uint32_t i = 34; i <= 40; i++)
        peer_expect_whole(&w, i, NULL);
    peer_end(&w);
    assert_int_equal(w.answers, 40);
}

static void
test_unreadable(void **state)
{
    struct peer w;
    struct ecstream_options o = peer_options(&w);
    struct ecstream_message m = peer_message("k1", 1);

    (void)state;
    m.read = read_nothing;
    peer_begin(&w, &o);
    assert_int_equal(ecstream_send(w.s, &m), 0);
    peer_welcome(&w, 10, 65536);
    peer_expect_message(&w, 1, "k1");
    peer_expect_tag(&w, FRAME_BODY, 1);
    peer_expect_tag(&w, FRAME_ABANDON, 1);
    peer_result(&w, 1, 451, "442", 1);
    peer_wait_answers(&w, 1);
    assert_int_equal(w.seen[0].code[0], 451);
    peer_end(&w);
}

static void
test_confirm_later(void **state)
{
    struct peer w;
    struct ecstream_options o = peer_options(&w);

    (void)state;
    o.confirm_later = true;
    peer_begin(&w, &o);
    for (int i = 0; i < 4; i++)
        peer_post(&w, (const char *[]){"1", "2", "3", "4"}[i], 1);
    peer_welcome(&w, 2, 65536);
    peer_expect_whole(&w, 1, "1");
    peer_expect_whole(&w, 2, "2");
    peer_result(&w, 1, 250, "200", 1);
    peer_wait_answers(&w, 1);
    peer_expect_nothing(&w);
    assert_int_equal(ecstream_unconfirmed_count(w.s), 1);
    assert_true(w.seen[0].receipt != 0);
    ecstream_confirm(w.s, w.seen[0].receipt);
    assert_int_equal(ecstream_timeout(w.s), 0);
    ecstream_confirm(w.s, w.seen[0].receipt); /* twice: nothing */
    peer_expect_confirm(&w, 1, 1);
    peer_expect_whole(&w, 3, "3");
    peer_result(&w, 2, 550, "500", 1);
    peer_wait_answers(&w, 2);
    assert_int_equal(w.seen[1].receipt, 0);
    peer_expect_whole(&w, 4, "4");
    peer_result(&w, 3, 250, "200", 1);
    peer_wait_answers(&w, 3);
    close(w.fd);
    w.fd = -1;
    peer_welcome(&w, 2, 65536);
    peer_expect_whole(&w, 1, "4");
    assert_int_equal(ecstream_unconfirmed_count(w.s), 0);
    ecstream_confirm(w.s, w.seen[2].receipt); /* of the other connection */
    peer_expect_nothing(&w);
    w.confirm_inside = true;
    peer_result(&w, 1, 250, "200", 1);
    peer_wait_answers(&w, 4);
    peer_expect_confirm(&w, 1, 1);
    peer_end(&w);
    assert_int_equal(w.answers, 4);
}

/* BYE waits for what the caller has still to confirm. */
static void
test_close_confirms_first(void **state)
{
    struct peer w;
    struct ecstream_options o = peer_options(&w);

    (void)state;
    o.confirm_later = true;
    peer_begin(&w, &o);
    peer_post(&w, "k1", 1);
    ecstream_close(w.s);
    assert_int_equal(
        ecstream_send(w.s, &(struct ecstream_message){0}), ECSTREAM_E_CLOSED);
    peer_welcome(&w, 2, 65536);
    peer_expect_whole(&w, 1, "k1");
    peer_result(&w, 1, 250, "200", 1);
    peer_wait_answers(&w, 1);
    peer_expect_nothing(&w);
    assert_int_equal(ecstream_finish(w.s, 5), ECSTREAM_E_TIMEOUT);
    ecstream_confirm(w.s, w.seen[0].receipt);
    peer_expect_confirm(&w, 1, 1);
    peer_expect(&w, FRAME_BYE);
    close(w.fd);
    w.fd = -1;
    assert_int_equal(ecstream_finish(w.s, 1000), 0);
    peer_end(&w);
}

static void
test_goaway(void **state)
{
    struct peer w;
    struct ecstream_options o = peer_options(&w);

    (void)state;
    peer_begin(&w, &o);
    peer_post(&w, "k1", 1);
    peer_post(&w, "k2", 1);
    peer_welcome(&w, 10, 65536);
    peer_expect_whole(&w, 1, "k1");
    peer_expect_whole(&w, 2, "k2");
    peer_farewell(&w, FRAME_GOAWAY, 421, "432");
    peer_result(&w, 1, 250, "200", 1); /* was there before */
    peer_result(&w, 2, 421, "432", 1); /* came behind it */
    peer_wait_answers(&w, 1);
    peer_post(&w, "k3", 1);
    peer_expect_confirm(&w, 1, 1);
    peer_expect(&w, FRAME_BYE);
    peer_frame_alone(&w, FRAME_PARTED);
    for (int i = 0; i < TURNS && w.dials < 2; i++)
        (void)peer_turn(&w);
    peer_welcome(&w, 10, 65536);
    peer_expect_message(&w, 1, NULL);
    peer_expect_tag(&w, FRAME_BODY, 1);
    peer_expect_tag(&w, FRAME_END, 1);
    peer_expect_message(&w, 2, NULL);
    peer_end(&w);
    assert_int_equal(w.answers, 3);
}

static void
test_refused(void **state)
{
    struct peer w;
    struct ecstream_options o = peer_options(&w);
    int rc = 0;

    (void)state;
    peer_begin(&w, &o);
    peer_post(&w, "k1", 2);
    peer_expect(&w, FRAME_HELLO);
    peer_farewell(&w, FRAME_ERROR, 550, "571");
    for (int i = 0; i < TURNS && rc == 0; i++)
        rc = peer_turn(&w);
    assert_int_equal(rc, ECSTREAM_E_REFUSED);
    assert_string_equal(ecstream_error(w.s), "550 5.7.1 no more");
    assert_int_equal(w.answers, 1);
    assert_int_equal(w.seen[0].code[1], 0);
    assert_string_equal(w.seen[0].text[1], "550 5.7.1 no more");
    assert_int_equal(
        ecstream_send(w.s, &(struct ecstream_message){0}), ECSTREAM_E_REFUSED);
    assert_int_equal(ecstream_run(w.s), ECSTREAM_E_REFUSED);
    assert_int_equal(ecstream_finish(w.s, 10), ECSTREAM_E_REFUSED);
    peer_end(&w);
    assert_int_equal(w.answers, 1);
}

/* 421 before WELCOME is about now. */
static void
test_not_now(void **state)
{
    struct peer w;
    struct ecstream_options o = peer_options(&w);

    (void)state;
    peer_begin(&w, &o);
    w.refuse = 1;
    peer_post(&w, "k1", 1);
    peer_expect(&w, FRAME_HELLO);
    peer_farewell(&w, FRAME_ERROR, 421, "432");
    for (int i = 0; i < TURNS && w.dials < 3; i++)
        (void)peer_turn(&w);
    peer_welcome(&w, 10, 65536);
    peer_expect_whole(&w, 1, "k1");
    peer_end(&w);
}

static void
test_no_server(void **state)
{
    struct peer w;
    struct ecstream_options o = peer_options(&w);

    (void)state;
    o.give_up_ms = 0;
    peer_begin(&w, &o);
    w.refuse = 100;
    peer_post(&w, "k1", 1);
    assert_int_equal(peer_turn(&w), ECSTREAM_E_GONE); /* the first try is all */
    assert_int_equal(w.dials, 1);
    assert_int_equal(w.answers, 1);
    peer_end(&w);
    o = peer_options(&w);
    o.give_up_ms = 250;
    peer_begin(&w, &o);
    w.refuse = 100;
    peer_post(&w, "k1", 1);
    assert_int_equal(ecstream_finish(w.s, 5000), ECSTREAM_E_GONE);
    assert_true(w.dials > 1 && w.dials < 6);
    peer_end(&w);
}

/* The key is being taken by a connection that was lost. */
static void
test_busy_key(void **state)
{
    struct peer w;
    struct ecstream_options o = peer_options(&w);

    (void)state;
    peer_begin(&w, &o);
    peer_post(&w, "k1", 2);
    peer_welcome(&w, 2, 65536);
    peer_expect_whole(&w, 1, "k1");
    peer_result_half_busy(&w, 1);
    for (int i = 0; i < 5; i++)
        (void)peer_turn(&w);
    assert_int_equal(w.answers, 0);
    assert_int_equal(ecstream_open_count(w.s), 1);
    assert_true(ecstream_timeout(w.s) > 0);
    peer_post(&w, "k2", 1);
    peer_expect_whole(&w, 2, "k2"); /* that one has not to wait */
    peer_result(&w, 2, 550, "500", 1);
    peer_wait_answers(&w, 1);
    peer_expect_whole(&w, 3, "k1");
    peer_end(&w);
}

static void
test_busy_key_confirms_all(void **state)
{
    struct peer w;
    struct ecstream_options o = peer_options(&w);

    (void)state;
    peer_begin(&w, &o);
    peer_post(&w, "k1", 2);
    peer_welcome(&w, 2, 65536);
    peer_expect_whole(&w, 1, "k1");
    peer_result_half_busy(&w, 1);
    peer_expect_whole(&w, 2, "k1");
    peer_post(&w, "k2", 1);
    peer_expect_nothing(&w); /* tags 1 and 2 fill the window */
    peer_result(&w, 2, 250, "200", 2);
    peer_wait_answers(&w, 1);
    assert_int_equal(w.seen[0].code[1], 250);
    peer_expect_confirm(&w, 1, 2);
    peer_expect_whole(&w, 3, "k2");
    peer_end(&w);
}

static void
test_limits(void **state)
{
    struct peer w;
    struct ecstream_options o = peer_options(&w);
    struct ecstream_message m = peer_message("k1", 1);

    (void)state;
    peer_begin(&w, &o);
    m.body_size = 100001;
    m.read = read_pieces;
    assert_int_equal(ecstream_send(w.s, &m), 0);
    peer_post(&w, "k2", 4);
    m = peer_message("k3", 1);
    m.flags = ECSTREAM_REQUIRETLS;
    assert_int_equal(ecstream_send(w.s, &m), 0);
    peer_post(&w, "k4", 1);
    peer_welcome(&w, 10, 65536);
    peer_expect_whole(&w, 1, "k4");
    peer_wait_answers(&w, 3);
    assert_int_equal(w.seen[0].code[0], 552);
    assert_int_equal(w.seen[1].code[3], 452);
    assert_int_equal(w.seen[2].code[0], 550);
    assert_int_equal(w.seen[2].status[0][2], 10);
    peer_end(&w);
}

static void
refuse(struct peer *w, const struct ecstream_message *m)
{
    assert_int_equal(ecstream_send(w->s, m), ECSTREAM_E_INVAL);
    assert_true(ecstream_error(w->s)[0]);
    assert_int_equal(ecstream_open_count(w->s), 0);
}

static void
test_invalid(void **state)
{
    struct ecstream_recipient to = {.address = "a@b\r\nc"};
    struct ecstream_pair pair = {"a", "b\n"};
    struct peer w;
    struct ecstream_options o = peer_options(&w);
    struct ecstream_message m;
    static char long_text[70000];
    char why[ECSTREAM_ERROR_SIZE];
    void (*was)(void *arg, const struct ecstream_answer *a);

    (void)state;
    peer_begin(&w, &o);
    memset(long_text, 'x', sizeof(long_text) - 1);
    m = peer_message("k", 0), refuse(&w, &m);
    m = peer_message("k", 1), m.size = 8, refuse(&w, &m);
    m = peer_message("k", 1), m.key_size = 65, refuse(&w, &m);
    m = peer_message("k", 1), m.key_size = 0, refuse(&w, &m);
    m = peer_message("k", 1), m.sender = "a\rb", refuse(&w, &m);
    m = peer_message("k", 1), m.sender = long_text, refuse(&w, &m);
    m = peer_message("k", 1), m.body = NULL, refuse(&w, &m);
    m = peer_message("k", 1), m.ret = 3, refuse(&w, &m);
    m = peer_message("k", 1), m.flags = 8, refuse(&w, &m);
    m = peer_message("k", 1), m.recipients = &to, refuse(&w, &m);
    to.address = "", refuse(&w, &m);
    to.address = "a@b", to.notify = 16, refuse(&w, &m);
    m = peer_message("k", 1), m.pairs = &pair, m.pair_count = 1, refuse(&w, &m);
    peer_end(&w);
    was = o.answered;
    o.answered = NULL;
    assert_int_equal(ecstream_open(&o, &w.s, why), ECSTREAM_E_INVAL);
    assert_null(w.s);
    assert_true(why[0]);
    o.answered = was;
    o.size = offsetof(struct ecstream_options, dial);
    assert_int_equal(ecstream_open(&o, &w.s, why), ECSTREAM_E_INVAL);
    o.size = sizeof(o);
    o.dial = NULL;
    assert_int_equal(ecstream_open(&o, &w.s, why), ECSTREAM_E_INVAL);
    o.host = "x";
    o.tls = ECSTREAM_TLS_VERIFIED;
    o.tls_ca = "/nonexistent";
    assert_int_equal(ecstream_open(&o, &w.s, why), ECSTREAM_E_INVAL);
    assert_non_null(strstr(why, "/nonexistent"));
}

static void
test_room(void **state)
{
    struct peer w;
    struct ecstream_options o = peer_options(&w);
    struct ecstream_message m = peer_message(NULL, 1);

    (void)state;
    o.most_open = 2;
    peer_begin(&w, &o);
    assert_true(ecstream_has_room(w.s));
    assert_int_equal(ecstream_send(w.s, &m), 0);
    assert_int_equal(ecstream_send(w.s, &m), 0);
    assert_false(ecstream_has_room(w.s));
    assert_int_equal(ecstream_send(w.s, &m), ECSTREAM_E_FULL);
    assert_int_equal(ecstream_send_wait(w.s, &m, 5), ECSTREAM_E_TIMEOUT);
    peer_welcome(&w, 10, 65536);
    peer_expect_message(&w, 1, NULL);
    peer_end(&w);
    assert_int_equal(w.answers, 2);
    assert_int_equal(strlen(w.seen[0].key), 32);
    assert_string_not_equal(w.seen[0].key, w.seen[1].key);
    assert_int_equal(w.seen[0].code[0], 0);
}

/* PING after half of the time, and another connection after all of it. */
static void
test_silence(void **state)
{
    struct peer w;
    struct ecstream_options o = peer_options(&w);
    struct frame_out out = {0};

    (void)state;
    o.answer_ms = 300;
    peer_begin(&w, &o);
    peer_post(&w, "k1", 1);
    peer_welcome(&w, 10, 65536);
    peer_expect_whole(&w, 1, "k1");
    peer_expect(&w, FRAME_PING);
    assert_int_equal(w.is.n, 8);
    frame_begin(&out, FRAME_PONG);
    frame_put(&out, w.is.p, 8);
    peer_say(&w, &out);
    peer_expect(&w, FRAME_PING); /* and again */
    assert_int_equal(w.dials, 1);
    for (int i = 0; i < TURNS && w.dials == 1; i++)
        (void)peer_turn(&w);
    peer_welcome(&w, 10, 65536);
    peer_expect_whole(&w, 1, "k1");
    peer_result(&w, 1, 250, "200", 1);
    peer_wait_answers(&w, 1);
    peer_end(&w);
}

/* A server that was connected to, and says nothing. */
static void
test_no_welcome(void **state)
{
    struct peer w;
    struct ecstream_options o = peer_options(&w);

    (void)state;
    o.connect_ms = 50;
    o.give_up_ms = 0;
    peer_begin(&w, &o);
    peer_post(&w, "k1", 1);
    assert_int_equal(ecstream_finish(w.s, 5000), ECSTREAM_E_GONE);
    assert_non_null(strstr(ecstream_error(w.s), "50 ms"));
    peer_end(&w);
}

/* An idle connection may end without anything being amiss. */
static void
test_idle_end(void **state)
{
    struct peer w;
    struct ecstream_options o = peer_options(&w);

    (void)state;
    o.give_up_ms = 0;
    peer_begin(&w, &o);
    peer_post(&w, "k1", 1);
    peer_welcome(&w, 10, 65536);
    peer_expect_whole(&w, 1, "k1");
    peer_result(&w, 1, 250, "200", 1);
    peer_expect_confirm(&w, 1, 1);
    assert_int_equal(ecstream_timeout(w.s), -1);
    peer_farewell(&w, FRAME_ERROR, 421, "442");
    for (int i = 0; i < TURNS && ecstream_fd(w.s) >= 0; i++)
        assert_int_equal(peer_turn(&w), 0);
    assert_int_equal(ecstream_timeout(w.s), -1);
    assert_int_equal(w.dials, 1);
    peer_post(&w, "k2", 1);
    for (int i = 0; i < TURNS && w.dials == 1; i++)
        assert_int_equal(peer_turn(&w), 0);
    peer_welcome(&w, 10, 65536);
    peer_expect_whole(&w, 1, "k2");
    peer_end(&w);
}

UNIT_MAIN(cmocka_unit_test(test_one_message),
    cmocka_unit_test(test_out_of_order_and_groups),
    cmocka_unit_test(test_windows), cmocka_unit_test(test_large_alone),
    cmocka_unit_test(test_resent), cmocka_unit_test(test_slow_start),
    cmocka_unit_test(test_unreadable), cmocka_unit_test(test_confirm_later),
    cmocka_unit_test(test_close_confirms_first), cmocka_unit_test(test_goaway),
    cmocka_unit_test(test_refused), cmocka_unit_test(test_not_now),
    cmocka_unit_test(test_no_server), cmocka_unit_test(test_busy_key),
    cmocka_unit_test(test_busy_key_confirms_all), cmocka_unit_test(test_limits),
    cmocka_unit_test(test_invalid), cmocka_unit_test(test_room),
    cmocka_unit_test(test_silence), cmocka_unit_test(test_no_welcome),
    cmocka_unit_test(test_idle_end))
