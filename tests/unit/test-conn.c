/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "net/conn.h"

struct world {
    struct loop *loop;
    struct conn *conn;
    int peer; /* the other end, blocking */
    int count[5];
    int error;
    bool inside; /* a conn_*() call is under way: no event may come */
    bool eat, free_on_input, finish_on_input;
    struct buf got;
};

static void
on_event(void *arg, struct conn *c, enum conn_event event, int error)
{
    struct world *w = arg;

    assert_false(w->inside);
    assert_ptr_equal(c, w->conn);
    w->count[event]++;
    w->error = error;
    if (event == CONN_INPUT && w->eat) {
        buf_str(&w->got, conn_input(c));
        conn_consume(c, conn_input(c).n);
    }
    if (event == CONN_INPUT && w->free_on_input)
        conn_free(&w->conn);
    if (event == CONN_INPUT && w->finish_on_input) {
        w->inside = true;
        assert_int_equal(conn_write(c, "bye\r\n", 5), 0);
        w->inside = false;
        conn_finish(&w->conn, 2000);
    }
}

static void
tcp_pair(int fd[2])
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    socklen_t n = sizeof(in);
    int l = socket(AF_INET, SOCK_STREAM, 0);

    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(l, (struct sockaddr *)(void *)&in, n), 0);
    assert_int_equal(listen(l, 1), 0);
    getsockname(l, (struct sockaddr *)(void *)&in, &n);
    fd[1] = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd[1], (struct sockaddr *)(void *)&in, n), 0);
    fd[0] = accept(l, NULL, NULL);
    close(l);
}

static void
setup(struct world *w, bool tcp)
{
    struct netaddr none;
    struct err e;
    int fd[2];

    memset(w, 0, sizeof(*w));
    memset(&none, 0, sizeof(none));
    w->loop = loop_new("test", &e);
    if (tcp)
        tcp_pair(fd);
    else
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    fcntl(fd[0], F_SETFL, O_NONBLOCK);
    w->peer = fd[1];
    w->conn = conn_accepted(w->loop, fd[0], &none, &none, on_event, w);
}

static void
teardown(struct world *w)
{
    conn_free(&w->conn);
    if (w->peer >= 0)
        close(w->peer);
    for (int i = 0; i < 3; i++)
        loop_turn(w->loop, 0);
    buf_fini(&w->got);
    loop_free(&w->loop);
}

static void
turn_until(struct world *w, enum conn_event event, int count)
{
    int64_t end = clock_mono() + 5000;

    while (w->count[event] < count && clock_mono() < end)
        loop_turn(w->loop, 20);
    assert_int_equal(w->count[event], count);
}

static void
test_input_stays_until_consumed(void **state)
{
    struct world w;

    (void)state;
    setup(&w, false);
    assert_int_equal(write(w.peer, "EHLO", 4), 4);
    turn_until(&w, CONN_INPUT, 1);
    for (int i = 0; i < 3; i++)
        loop_turn(w.loop, 0); /* no growth: no event */
    assert_int_equal(w.count[CONN_INPUT], 1);
    assert_int_equal(write(w.peer, " x\r\n", 4), 4);
    turn_until(&w, CONN_INPUT, 2);
    assert_true(str_eq(conn_input(w.conn), STR("EHLO x\r\n")));
    conn_consume(w.conn, 5);
    assert_true(str_eq(conn_input(w.conn), STR("x\r\n")));
    assert_int_equal(conn_received(w.conn), 8);
    teardown(&w);
}

static void
test_flight_is_one_send(void **state)
{
    struct world w;
    char b[64];

    (void)state;
    setup(&w, false);
    assert_int_equal(conn_write(w.conn, "MAIL\r\n", 6), 0);
    assert_int_equal(conn_write(w.conn, "RCPT\r\n", 6), 0);
    assert_int_equal(conn_pending(w.conn), 12);
    assert_int_equal(recv(w.peer, b, sizeof(b), MSG_DONTWAIT), -1);
    loop_turn(w.loop, 0);
    assert_int_equal(recv(w.peer, b, sizeof(b), MSG_DONTWAIT), 12);
    assert_int_equal(conn_pending(w.conn), 0);
    assert_int_equal(conn_sent(w.conn), 12);
    teardown(&w);
}

static void
test_high_and_low_water(void **state)
{
    struct world w;
    static char block[100000];
    char sink[65536];
    size_t taken = 0, got = 0;
    int64_t end = clock_mono() + 5000;
    ssize_t n;
    int rc;

    (void)state;
    setup(&w, false);
    while ((rc = conn_write(w.conn, block, sizeof(block))) == 0)
        taken += sizeof(block);
    assert_int_equal(rc, ERR_FULL);
    assert_true(conn_pending(w.conn) <= CONN_HIGH_WATER);
    assert_true(conn_room(w.conn) < sizeof(block));
    while (!w.count[CONN_DRAINED] && clock_mono() < end) {
        n = recv(w.peer, sink, sizeof(sink), MSG_DONTWAIT);
        got += n > 0 ? (size_t)n : 0;
        loop_turn(w.loop, 0);
    }
    assert_int_equal(w.count[CONN_DRAINED], 1);
    assert_true(conn_pending(w.conn) < CONN_LOW_WATER);
    while (got < taken && clock_mono() < end) {
        loop_turn(w.loop, 0);
        n = recv(w.peer, sink, sizeof(sink), MSG_DONTWAIT);
        got += n > 0 ? (size_t)n : 0;
    }
    assert_int_equal(got, taken);
    assert_int_equal(conn_sent(w.conn), taken);
    teardown(&w);
}

static void
test_large_write_arrives_whole(void **state)
{
    enum { N = 3000000 };
    struct world w;
    char *p = malloc(N), *q = malloc(N);
    size_t got = 0;
    int64_t end = clock_mono() + 5000;

    (void)state;
    setup(&w, false);
    for (size_t i = 0; i < N; i++)
        p[i] = (char)(i * 7 + i / 1000);
    assert_int_equal(conn_write(w.conn, p, N), 0);
    assert_int_equal(conn_write(w.conn, p, N), ERR_FULL);
    assert_int_equal(conn_write(w.conn, p, (16u << 20) + 1), ERR_LIMIT);
    while (got < N && clock_mono() < end) {
        ssize_t n = recv(w.peer, q + got, N - got, MSG_DONTWAIT);
        got += n > 0 ? (size_t)n : 0;
        loop_turn(w.loop, 0);
    }
    assert_int_equal(got, N);
    assert_memory_equal(p, q, N);
    free(p);
    free(q);
    teardown(&w);
}

static void
test_reading_is_bounded(void **state)
{
    struct world w;
    char block[8192] = {0};
    size_t sent = 0;
    int64_t end = clock_mono() + 5000;

    (void)state;
    setup(&w, false);
    fcntl(w.peer, F_SETFL, O_NONBLOCK);
    for (int i = 0; i < 200; i++) {
        ssize_t n = send(w.peer, block, sizeof(block), MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
        loop_turn(w.loop, 0);
    }
    assert_int_equal(conn_input(w.conn).n, CONN_INPUT_MAX);
    assert_true(sent > CONN_INPUT_MAX); /* the OS holds the rest */
    w.eat = true;
    conn_consume(w.conn, CONN_INPUT_MAX);
    w.got.n = 0;
    while (conn_received(w.conn) < sent && clock_mono() < end)
        loop_turn(w.loop, 10);
    assert_int_equal(conn_received(w.conn), sent);
    teardown(&w);
}

static void
test_read_disable(void **state)
{
    struct world w;

    (void)state;
    setup(&w, false);
    conn_read_enable(w.conn, false);
    assert_int_equal(write(w.peer, "x", 1), 1);
    for (int i = 0; i < 3; i++)
        loop_turn(w.loop, 0);
    assert_int_equal(w.count[CONN_INPUT], 0);
    conn_read_enable(w.conn, true);
    turn_until(&w, CONN_INPUT, 1);
    teardown(&w);
}

static void
test_half_close(void **state)
{
    struct world w;
    char b[16];

    (void)state;
    setup(&w, true);
    assert_int_equal(write(w.peer, "QUIT\r\n", 6), 6);
    shutdown(w.peer, SHUT_WR);
    turn_until(&w, CONN_LOST, 1);
    assert_int_equal(w.error, 0);
    assert_int_equal(w.count[CONN_INPUT], 1);
    assert_true(str_eq(conn_input(w.conn), STR("QUIT\r\n")));
    /* the peer still reads */
    assert_int_equal(conn_write(w.conn, "221\r\n", 5), 0);
    loop_turn(w.loop, 0);
    assert_int_equal(recv(w.peer, b, sizeof(b), 0), 5);
    for (int i = 0; i < 3; i++)
        loop_turn(w.loop, 0);
    assert_int_equal(w.count[CONN_LOST], 1);
    teardown(&w);
}

static void
reset_peer(struct world *w)
{
    struct linger l = {.l_onoff = 1, .l_linger = 0};

    setsockopt(w->peer, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
    close(w->peer);
    w->peer = -1;
}

/* A reply and then a reset, while we are writing: the reply is read. */
static void
test_reset_keeps_input(void **state)
{
    struct world w;
    static char block[60000];
    int64_t end = clock_mono() + 5000;

    (void)state;
    setup(&w, true);
    conn_read_enable(w.conn, false); /* so that the write meets it first */
    assert_int_equal(write(w.peer, "552 too big\r\n", 13), 13);
    reset_peer(&w);
    while (!w.count[CONN_LOST] && clock_mono() < end) {
        w.inside = true;
        (void)conn_write(w.conn, block, sizeof(block));
        w.inside = false;
        loop_turn(w.loop, 0);
    }
    assert_int_equal(w.count[CONN_LOST], 1);
    assert_true(w.error < 0);
    assert_true(str_eq(conn_input(w.conn), STR("552 too big\r\n")));
    assert_int_equal(conn_write(w.conn, "x", 1), ERR_CLOSED);
    teardown(&w);
}

static void
test_reset_while_reading(void **state)
{
    struct world w;

    (void)state;
    setup(&w, true);
    assert_int_equal(write(w.peer, "421 x\r\n", 7), 7);
    reset_peer(&w);
    turn_until(&w, CONN_LOST, 1);
    assert_int_equal(w.error, -ECONNRESET);
    assert_true(str_eq(conn_input(w.conn), STR("421 x\r\n")));
    teardown(&w);
}

static void
test_free_in_callback(void **state)
{
    struct world w;

    (void)state;
    setup(&w, true);
    w.free_on_input = true;
    assert_int_equal(write(w.peer, "x", 1), 1);
    shutdown(w.peer, SHUT_WR); /* LOST would follow in the same turn */
    turn_until(&w, CONN_INPUT, 1);
    assert_null(w.conn);
    assert_int_equal(w.count[CONN_LOST], 0);
    teardown(&w);
}

/* Input that nobody read must not turn our last words into a reset. */
static void
test_finish_lets_last_words_arrive(void **state)
{
    struct world w;
    char b[16];
    int64_t end = clock_mono() + 5000;
    ssize_t n = -1;

    (void)state;
    setup(&w, true);
    w.finish_on_input = true;
    assert_int_equal(write(w.peer, "x", 1), 1);
    turn_until(&w, CONN_INPUT, 1);
    assert_null(w.conn);
    assert_int_equal(write(w.peer, "more of it", 10), 10);
    while ((n = recv(w.peer, b, sizeof(b), MSG_DONTWAIT)) < 0 &&
        errno == EAGAIN && clock_mono() < end)
        loop_turn(w.loop, 10);
    assert_int_equal(n, 5);
    assert_memory_equal(b, "bye\r\n", 5);
    assert_int_equal(recv(w.peer, b, sizeof(b), 0), 0); /* their end */
    close(w.peer);
    w.peer = -1;
    loop_turn(w.loop, 50);
    teardown(&w);
}

static void
test_finish_has_a_deadline(void **state)
{
    struct world w;
    static char block[2000000];
    int64_t end = clock_mono() + 5000;
    char sink[65536];

    (void)state;
    setup(&w, false);
    assert_int_equal(conn_write(w.conn, block, sizeof(block)), 0);
    conn_finish(&w.conn, 30); /* the peer does not read */
    for (int i = 0; i < 10; i++)
        loop_turn(w.loop, 10);
    while (recv(w.peer, sink, sizeof(sink), 0) > 0 && clock_mono() < end)
        ;
    assert_true(clock_mono() < end);
    teardown(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_input_stays_until_consumed),
        cmocka_unit_test(test_flight_is_one_send),
        cmocka_unit_test(test_high_and_low_water),
        cmocka_unit_test(test_large_write_arrives_whole),
        cmocka_unit_test(test_reading_is_bounded),
        cmocka_unit_test(test_read_disable),
        cmocka_unit_test(test_half_close),
        cmocka_unit_test(test_reset_keeps_input),
        cmocka_unit_test(test_reset_while_reading),
        cmocka_unit_test(test_free_in_callback),
        cmocka_unit_test(test_finish_lets_last_words_arrive),
        cmocka_unit_test(test_finish_has_a_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
