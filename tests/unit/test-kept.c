/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/manager.h"
#include "fake_manager.h"
#include "net/kept.h"

enum { FIRST = 3, MOST = 8, SAFE = 64 };

static int saved[MOST]; /* what the test program has where sockets are given */

static int
setup(void **state)
{
    (void)state;
    for (int i = 0; i < MOST; i++) {
        saved[i] = fcntl(FIRST + i, F_DUPFD_CLOEXEC, SAFE);
        close(FIRST + i);
    }
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    kept_reset();
    manager_close();
    for (int i = 0; i < MOST; i++) {
        close(FIRST + i);
        if (saved[i] < 0)
            continue;
        dup2(saved[i], FIRST + i);
        close(saved[i]);
    }
    return 0;
}

/* fd becomes the next that is given. */
static void
give(int at, int fd)
{
    if (fd == FIRST + at)
        return;
    assert_int_equal(dup2(fd, FIRST + at), FIRST + at);
    close(fd);
}

static void
start(int given)
{
    char text[16];

    fake_manager_set_pid("LISTEN_PID", (long)getpid());
    snprintf(text, sizeof(text), "%d", given);
    setenv("LISTEN_FDS", text, 1);
    manager_open();
    assert_int_equal(manager_given(), given);
}

static struct netaddr
address_of(int fd)
{
    struct sockaddr_storage ss;
    socklen_t n = sizeof(ss);
    struct netaddr at;

    assert_int_equal(getsockname(fd, (struct sockaddr *)(void *)&ss, &n), 0);
    netaddr_from_sockaddr(&at, (struct sockaddr *)(void *)&ss);
    return at;
}

/* A listening socket out of the way, and what the configuration says of it. */
static int
listening(const char *text, bool many, struct accept_config *c)
{
    struct buf b = BUF_INIT;
    struct err e;
    int fd, high;

    *c = (struct accept_config){.backlog = 10, .reuse_port = many};
    assert_int_equal(netaddr_parse(str_of(text), true, &c->at, &e), 0);
    if (accept_open(c, &fd, &e) < 0)
        fail_msg("%s", e.text);
    high = fcntl(fd, F_DUPFD_CLOEXEC, SAFE);
    close(fd);
    /* as it is read from a file */
    c->at.port = address_of(high).port;
    netaddr_print(&c->at, &b);
    assert_int_equal(netaddr_parse(buf_get(&b), false, &c->at, &e), 0);
    buf_fini(&b);
    return high;
}

static bool
connects(const struct netaddr *at)
{
    struct sockaddr_storage ss;
    socklen_t n = netaddr_to_sockaddr(at, &ss);
    int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc = connect(fd, (struct sockaddr *)(void *)&ss, n);

    close(fd);
    return rc == 0;
}

static void
test_taken_by_address(void **state)
{
    static const char *const texts[] = {
        "127.0.0.1:0", "[::1]:0", "*:0", "[*]:0"};
    struct accept_config c[4], other;

    (void)state;
    for (int i = 0; i < 4; i++)
        give(i, listening(texts[i], false, &c[i]));
    start(4);
    other = c[0];
    other.at.port = (uint16_t)(other.at.port ^ 1);
    assert_int_equal(kept_take(&other), -1);
    for (int i = 3; i >= 0; i--) {
        assert_int_equal(kept_take(&c[i]), FIRST + i);
        assert_int_equal(kept_take(&c[i]), -1); /* once */
        assert_true(fcntl(FIRST + i, F_GETFL) & O_NONBLOCK);
        assert_true(fcntl(FIRST + i, F_GETFD) & FD_CLOEXEC);
        assert_true(connects(&c[i].at));
    }
    kept_drop_rest();
    assert_true(connects(&c[0].at)); /* it is ours */
}

static void
test_what_is_no_listening_socket(void **state)
{
    struct accept_config c;
    int pipes[2], fd;

    (void)state;
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    fd = fcntl(pipes[1], F_DUPFD_CLOEXEC, SAFE);
    close(pipes[0]);
    close(pipes[1]);
    give(0, fd);
    give(1, listening("127.0.0.1:0", false, &c));
    start(2);
    assert_int_equal(kept_take(&c), FIRST + 1);
    kept_drop_rest();
}

static void
test_rest_is_dropped(void **state)
{
    struct accept_config c, gone;

    (void)state;
    fake_manager_open();
    give(0, listening("127.0.0.1:0", false, &c));
    give(1, listening("127.0.0.1:0", false, &gone));
    fake_manager_announce();
    setenv("FDSTORE", "8", 1);
    setenv("LISTEN_FDNAMES", "one:two", 1);
    start(2);
    assert_int_equal(kept_take(&c), FIRST);
    kept_drop_rest();
    assert_false(connects(&gone.at));
    assert_true(connects(&c.at));
    assert_string_equal(
        fake_manager_heard(NULL), "FDSTOREREMOVE=1\nFDNAME=two");
    assert_string_equal(fake_manager_heard(NULL), "");
    fake_manager_close();
}

/* One loop had it, now there are two: the kernel takes a second socket. */
static void
test_more_loops_than_before(void **state)
{
    struct accept_config c;
    struct err e;
    int fd;

    (void)state;
    give(0, listening("127.0.0.1:0", false, &c));
    start(1);
    c.reuse_port = true;
    assert_int_equal(kept_take(&c), FIRST);
    if (accept_open(&c, &fd, &e) < 0)
        fail_msg("%s", e.text);
    close(fd);
}

static void
test_kept_and_forgotten(void **state)
{
    struct accept_config c;
    struct netaddr path = {.path = "/run/x.sock"};
    int fd, copy;

    (void)state;
    fake_manager_open();
    fd = listening("[::1]:0", false, &c);
    c.at.port = 25; /* a name that is known */
    fake_manager_announce();
    setenv("FDSTORE", "2", 1);
    manager_open();
    assert_true(kept_keep(fd, &c.at));
    assert_string_equal(
        fake_manager_heard(&copy), "FDSTORE=1\nFDNAME=[__1]_25");
    assert_true(copy >= 0);
    close(copy);
    assert_false(kept_keep(fd, &path)); /* there is no such file */
    assert_true(kept_keep(fd, &c.at));
    assert_false(kept_keep(fd, &c.at)); /* FDSTORE is full */
    (void)fake_manager_heard(NULL);
    kept_forget(&c.at, 2);
    assert_string_equal(
        fake_manager_heard(NULL), "FDSTOREREMOVE=1\nFDNAME=[__1]_25");
    assert_true(kept_keep(fd, &c.at));
    close(fd);
    fake_manager_close();
}

/* What was kept comes back, under the name it was kept by. */
static void
test_paths(void **state)
{
    static const char path[] = "kept-test.sock", other[] = "kept-test.2";
    struct accept_config c = {.backlog = 10, .file_mode = 0600};
    char name[120];
    struct err e;
    int fd, high;

    (void)state;
    (void)unlink(path);
    fake_manager_open();
    (void)str_copy(c.at.path, sizeof(c.at.path), STR("kept-test.sock"));
    assert_int_equal(accept_open(&c, &fd, &e), 0);
    high = fcntl(fd, F_DUPFD_CLOEXEC, SAFE);
    close(fd);
    fake_manager_announce();
    setenv("FDSTORE", "2", 1);
    manager_open();
    assert_true(kept_keep(high, &c.at));
    snprintf(name, sizeof(name), "%s",
        strstr(fake_manager_heard(NULL), "FDNAME=") + strlen("FDNAME="));
    for (int i = 0; i < 2; i++) { /* i: the path is another's */
        manager_close();
        kept_reset();
        give(0, i ? high : dup(high));
        if (i) {
            assert_int_equal(rename(path, other), 0);
            fclose(fopen(path, "w"));
        }
        setenv("LISTEN_FDNAMES", name, 1);
        start(1);
        assert_int_equal(kept_take(&c), i ? -1 : FIRST);
    }
    unlink(path);
    unlink(other);
    fake_manager_close();
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
UNIT_MAIN(T(test_taken_by_address), T(test_what_is_no_listening_socket),
    T(test_rest_is_dropped), T(test_more_loops_than_before),
    T(test_kept_and_forgotten), T(test_paths))
