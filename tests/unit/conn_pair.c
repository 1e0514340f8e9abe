/* SPDX-License-Identifier: Apache-2.0 */
#include "conn_pair.h"

#include "unit.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "base/clock.h"

static void
on_event(void *arg, struct conn *c, enum conn_event event, int error)
{
    struct end *e = arg;

    e->count[event]++;
    e->error = error;
    if (event == CONN_INPUT) {
        buf_str(&e->got, conn_input(c));
        conn_consume(c, conn_input(c).n);
    }
}

void
setup(struct world *w)
{
    struct netaddr none = {0};
    struct err e;
    int fd[2];

    memset(w, 0, sizeof(*w));
    w->loop = loop_new("test", &e);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    fcntl(fd[0], F_SETFL, O_NONBLOCK);
    fcntl(fd[1], F_SETFL, O_NONBLOCK);
    w->client.conn =
        conn_accepted(w->loop, fd[0], &none, &none, on_event, &w->client);
    w->server.conn =
        conn_accepted(w->loop, fd[1], &none, &none, on_event, &w->server);
}

void
teardown(struct world *w)
{
    conn_free(&w->client.conn);
    conn_free(&w->server.conn);
    for (int i = 0; i < 3; i++)
        loop_turn(w->loop, 0);
    buf_fini(&w->client.got);
    buf_fini(&w->server.got);
    loop_free(&w->loop);
}

void
turn_until(struct world *w, const int *count, int n)
{
    int64_t end = clock_mono() + 10000;

    while (*count < n && clock_mono() < end)
        loop_turn(w->loop, 20);
    assert_int_equal(*count, n);
}
