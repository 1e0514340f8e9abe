/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/accept.h"
#include "net/dial.h"

struct world {
    struct loop *loop;
    struct netaddr at;
    int fd;
    int taken;
    struct acceptor *acceptor;
    bool close_in_callback;
    int event, error;
};

static void
on_accept(
    void *arg, int fd, const struct netaddr *peer, const struct netaddr *local)
{
    struct world *w = arg;

    w->taken++;
    assert_int_equal(peer->ip.family, w->at.ip.family);
    if (w->at.ip.family)
        assert_int_equal(local->port, w->at.port);
    close(fd);
    if (w->close_in_callback)
        acceptor_free(&w->acceptor);
}

static void
on_event(void *arg, struct conn *c, enum conn_event event, int error)
{
    struct world *w = arg;

    (void)c;
    w->event = (int)event;
    w->error = error;
}

static void
listen_on(struct world *w, const char *text)
{
    struct accept_config c = {.backlog = 100, .reuse_port = true};
    struct sockaddr_storage ss;
    socklen_t n = sizeof(ss);
    struct err e = {0};

    w->loop = loop_new("test", &e);
    assert_non_null(w->loop);
    assert_int_equal(netaddr_parse(str_of(text), true, &c.at, &e), 0);
    if (accept_open(&c, &w->fd, &e) < 0)
        fail_msg("%s", e.text);
    getsockname(w->fd, (struct sockaddr *)(void *)&ss, &n);
    netaddr_from_sockaddr(&w->at, (struct sockaddr *)(void *)&ss);
    w->acceptor = acceptor_new(w->loop, w->fd, on_accept, w);
}

static int
client(const struct netaddr *at)
{
    struct sockaddr_storage ss;
    socklen_t n = netaddr_to_sockaddr(at, &ss);
    int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)(void *)&ss, n), 0);
    return fd;
}

static void
turn_until(struct world *w, const int *what, int value)
{
    int64_t end = clock_mono() + 5000;

    while (*what != value && clock_mono() < end)
        loop_turn(w->loop, 50);
    assert_int_equal(*what, value);
}

static void
test_accepts(void **state)
{
    static const char *const at[] = {"127.0.0.1", "[::1]"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct world w = {0};
        int fds[5];
        listen_on(&w, at[i]);
        for (int j = 0; j < 5; j++)
            fds[j] = client(&w.at);
        turn_until(&w, &w.taken, 5);
        for (int j = 0; j < 5; j++)
            close(fds[j]);
        acceptor_free(&w.acceptor);
        loop_free(&w.loop);
    }
}

/* Without descriptors it pauses, says so once, and goes on later. */
static void
test_no_descriptors(void **state)
{
    struct world w = {0};
    struct rlimit was, none;
    int64_t end;
    int fd;

    (void)state;
    listen_on(&w, "127.0.0.1");
    fd = client(&w.at);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    none = was;
    none.rlim_cur = (rlim_t)fd; /* the next one would have a higher number */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    end = clock_mono() + 200;
    while (clock_mono() < end)
        loop_turn(w.loop, 20);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
    assert_int_equal(w.taken, 0);
    assert_int_equal(acceptor_errors(w.acceptor), 1);
    turn_until(&w, &w.taken, 1);
    acceptor_free(&w.acceptor);
    close(fd);
    loop_free(&w.loop);
}

static void
test_free_empties_backlog(void **state)
{
    struct world w = {0};
    int a, b;

    (void)state;
    listen_on(&w, "127.0.0.1");
    a = client(&w.at);
    b = client(&w.at);
    acceptor_free(&w.acceptor);
    assert_int_equal(w.taken, 2);
    close(a);
    close(b);
    loop_free(&w.loop);
}

static void
test_free_in_callback(void **state)
{
    struct world w = {.close_in_callback = true};
    int a, b;

    (void)state;
    listen_on(&w, "127.0.0.1");
    a = client(&w.at);
    b = client(&w.at);
    turn_until(&w, &w.taken, 2);
    assert_null(w.acceptor);
    close(a);
    close(b);
    loop_free(&w.loop);
}

static void
test_errors_name_address(void **state)
{
    struct accept_config c = {.backlog = 1};
    struct err e = {0};
    int fd;

    (void)state;
    assert_int_equal(
        netaddr_parse(str_of("192.0.2.1:2525"), false, &c.at, &e), 0);
    assert_int_equal(accept_open(&c, &fd, &e), ERR_IO);
    assert_non_null(strstr(e.text, "192.0.2.1:2525"));
    assert_int_equal(fd, -1);
}

/* The backlog of a listening socket, as the system has it. */
static int
backlog_of(int fd)
{
    struct tcp_info is = {0};
    socklen_t n = sizeof(is);

    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &is, &n), 0);
    return (int)is.tcpi_sacked;
}

static void
test_renewed(void **state)
{
    struct accept_config c = {.backlog = 7},
                         s = {.backlog = 5, .file_mode = 0600};
    char dir[] = "accept-XXXXXX", *cwd = get_current_dir_name();
    struct err e = {0};
    struct stat st;
    int fd;

    (void)state;
    assert_int_equal(netaddr_parse(str_of("127.0.0.1"), true, &c.at, &e), 0);
    assert_int_equal(accept_open(&c, &fd, &e), 0);
    assert_int_equal(backlog_of(fd), 7);
    c.backlog = 9;
    assert_int_equal(accept_renew(&c, fd, &e), 0);
    assert_int_equal(backlog_of(fd), 9);
    close(fd);
    assert_int_equal(accept_renew(&c, fd, &e), ERR_IO);
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chdir(dir), 0);
    s.at.path[0] = 's';
    assert_int_equal(accept_open(&s, &fd, &e), 0);
    s.file_mode = 0666;
    assert_int_equal(accept_renew(&s, fd, &e), 0);
    assert_int_equal(stat("s", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0666);
    close(fd);
    assert_int_equal(unlink("s"), 0);
    assert_int_equal(chdir(cwd), 0);
    assert_int_equal(rmdir(dir), 0);
    free(cwd);
}

static void
test_unix_path_is_taken_over(void **state)
{
    char dir[] = "accept-XXXXXX";
    struct accept_config c = {.backlog = 5, .file_mode = 0660};
    struct err e = {0};
    struct stat st;
    struct world w = {0};
    int fd, again;
    char *cwd;

    (void)state;
    assert_non_null(mkdtemp(dir));
    cwd = get_current_dir_name();
    assert_int_equal(chdir(dir), 0);
    /* relative, so that a deep build folder does not matter */
    c.at.path[0] = 's';
    assert_int_equal(accept_open(&c, &fd, &e), 0);
    assert_int_equal(stat("s", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0660);
    assert_int_equal(accept_open(&c, &again, &e), ERR_IO); /* in use */
    close(fd);
    assert_int_equal(accept_open(&c, &fd, &e), 0); /* left by a dead one */
    w.loop = loop_new("test", &e);
    w.acceptor = acceptor_new(w.loop, fd, on_accept, &w);
    again = client(&c.at);
    turn_until(&w, &w.taken, 1);
    close(again);
    acceptor_free(&w.acceptor);
    loop_free(&w.loop);
    unlink("s");
    assert_int_equal(chdir(cwd), 0);
    free(cwd);
    rmdir(dir);
}

static void
test_dial(void **state)
{
    struct world w = {0};
    struct dial_request r = {.timeout_ms = 5000};
    struct conn *c;

    (void)state;
    listen_on(&w, "127.0.0.1");
    r.to = w.at;
    assert_int_equal(cidr_parse(STR("127.0.0.9"), 0, &r.from, NULL), 0);
    c = dial_start(w.loop, &r, on_event, &w);
    assert_int_equal(w.event, 0);
    turn_until(&w, &w.event, CONN_CONNECTED);
    assert_true(cidr_eq(&conn_local(c)->ip, &r.from));
    conn_free(&c);

    acceptor_free(&w.acceptor); /* nobody listens any more */
    w.event = 0;
    c = dial_start(w.loop, &r, on_event, &w);
    assert_int_equal(w.event, 0);
    turn_until(&w, &w.event, CONN_LOST);
    assert_int_equal(w.error, -ECONNREFUSED);
    conn_free(&c);
    loop_free(&w.loop);
}

static void
test_dial_fails_by_event(void **state)
{
    struct world w = {0};
    struct dial_request r = {.timeout_ms = 5000};
    struct conn *c;
    struct err e;

    (void)state;
    w.loop = loop_new("test", &e);
    netaddr_parse(STR("127.0.0.1:9"), false, &r.to, NULL);
    cidr_parse(STR("192.0.2.9"), 0, &r.from, NULL); /* not ours */
    c = dial_start(w.loop, &r, on_event, &w);
    assert_int_equal(w.event, 0);
    turn_until(&w, &w.event, CONN_LOST);
    assert_int_equal(w.error, -EADDRNOTAVAIL);
    conn_free(&c);

    w.event = 0;
    cidr_parse(STR("::1"), 0, &r.from, NULL); /* other family */
    c = dial_start(w.loop, &r, on_event, &w);
    turn_until(&w, &w.event, CONN_LOST);
    assert_int_equal(w.error, -EAFNOSUPPORT);
    conn_free(&c);
    loop_free(&w.loop);
}

/* A full backlog does not answer: the deadline does. */
static void
test_dial_times_out(void **state)
{
    struct world w = {0};
    struct accept_config ac = {.backlog = 1};
    struct dial_request r = {.timeout_ms = 60};
    struct conn *c[8], *other;
    struct sockaddr_storage ss;
    socklen_t n = sizeof(ss);
    struct err e;
    int fd;
    int64_t end = clock_mono() + 5000;

    (void)state;
    w.loop = loop_new("test", &e);
    netaddr_parse(STR("127.0.0.1"), true, &ac.at, NULL);
    assert_int_equal(accept_open(&ac, &fd, &e), 0);
    getsockname(fd, (struct sockaddr *)(void *)&ss, &n);
    netaddr_from_sockaddr(&r.to, (struct sockaddr *)(void *)&ss);
    for (int i = 0; i < 8; i++)
        c[i] = dial_start(w.loop, &r, on_event, &w);
    while (w.error != -ETIMEDOUT && clock_mono() < end)
        loop_turn(w.loop, 50);
    assert_int_equal(w.error, -ETIMEDOUT);
    other = dial_start(w.loop, &r, on_event, &w);
    conn_free(&other); /* under way: nothing is left behind */
    for (int i = 0; i < 8; i++)
        conn_free(&c[i]);
    close(fd);
    loop_free(&w.loop);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepts),
        cmocka_unit_test(test_no_descriptors),
        cmocka_unit_test(test_free_empties_backlog),
        cmocka_unit_test(test_renewed),
        cmocka_unit_test(test_free_in_callback),
        cmocka_unit_test(test_errors_name_address),
        cmocka_unit_test(test_unix_path_is_taken_over),
        cmocka_unit_test(test_dial),
        cmocka_unit_test(test_dial_fails_by_event),
        cmocka_unit_test(test_dial_times_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
