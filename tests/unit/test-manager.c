/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/macros.h"
#include "base/manager.h"
#include "fake_manager.h"

enum { MOST = 16 };

static int
setup(void **state)
{
    (void)state;
    fake_manager_open();
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    manager_close();
    fake_manager_close();
    return 0;
}

static void
test_nobody(void **state)
{
    (void)state;
    manager_open();
    manager_tell("READY=1"); /* to nobody */
    assert_int_equal(manager_given(), 0);
    assert_int_equal(manager_keeps(), 0);
    assert_int_equal(manager_watchdog_ms(), 0);
    assert_false(manager_keep(0, "a"));
}

static void
test_told(void **state)
{
    int fd;

    (void)state;
    fake_manager_announce();
    manager_open();
    assert_null(getenv("NOTIFY_SOCKET")); /* our children are not meant */
    manager_tell("READY=1");
    assert_string_equal(fake_manager_heard(&fd), "READY=1");
    assert_int_equal(fd, -1);
    /* without FDSTORE nothing is kept, and nothing said */
    assert_false(manager_keep(0, "a"));
    manager_forget("a");
    assert_string_equal(fake_manager_heard(&fd), "");
}

/* One that hears nothing any more holds nobody up. */
static void
test_deaf(void **state)
{
    int64_t begun;

    (void)state;
    fake_manager_announce();
    setenv("FDSTORE", "8", 1);
    manager_open();
    alarm(20); /* if there is no end */
    begun = clock_mono_true();
    for (int i = 0; i < 10000; i++) /* more than a socket holds */
        manager_feed();
    assert_true(clock_mono_true() < begun + 900);
    assert_false(manager_keep(0, "a"));
    assert_true(clock_mono_true() >= begun + 900);
    assert_string_equal(fake_manager_heard(NULL), "WATCHDOG=1");
    alarm(0);
}

static void
test_bad_addresses(void **state)
{
    static const char *const bad[] = {
        "", "relative", "@impel-test-nobody", "/nonexistent/notify"};
    char wide[200];
    int fd;

    (void)state;
    memset(wide, 'x', sizeof(wide) - 1);
    wide[0] = '/';
    wide[sizeof(wide) - 1] = '\0';
    for (size_t i = 0; i <= ARRAY_SIZE(bad); i++) {
        setenv("NOTIFY_SOCKET", i < ARRAY_SIZE(bad) ? bad[i] : wide, 1);
        setenv("FDSTORE", "8", 1);
        manager_open();
        manager_tell("READY=1");
        assert_int_equal(manager_keeps(), 0);
        manager_close();
    }
    assert_string_equal(fake_manager_heard(&fd), "");
}

static void
test_kept(void **state)
{
    int pipes[2], fd;
    char octet = 0;

    (void)state;
    fake_manager_announce();
    setenv("FDSTORE", "10000", 1);
    manager_open();
    assert_int_equal(manager_keeps(), 10000);
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    assert_true(manager_keep(pipes[1], "[__1]_25"));
    assert_string_equal(fake_manager_heard(&fd), "FDSTORE=1\nFDNAME=[__1]_25");
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "x", 1), 1); /* it is that pipe */
    assert_int_equal(read(pipes[0], &octet, 1), 1);
    assert_int_equal(octet, 'x');
    manager_forget("[__1]_25");
    assert_string_equal(
        fake_manager_heard(&fd), "FDSTOREREMOVE=1\nFDNAME=[__1]_25");
    close(pipes[0]);
    close(pipes[1]);
}

static void
test_given(void **state)
{
    int pipes[2];

    (void)state;
    for (int i = 0; i < MOST; i++)
        close(3 + i); /* whoever left them open */
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    assert_int_equal(pipes[0], 3);
    assert_int_equal(pipes[1], 4);
    fake_manager_set_pid("LISTEN_PID", (long)getpid());
    setenv("LISTEN_FDS", "3", 1); /* which is not so */
    setenv("LISTEN_FDNAMES", "unix-1-2::x", 1);
    manager_open();
    assert_int_equal(manager_given(), 2);
    assert_string_equal(manager_given_name(0), "unix-1-2");
    assert_string_equal(manager_given_name(1), "");
    assert_string_equal(manager_given_name(2), "x");
    assert_string_equal(manager_given_name(3), "");
    assert_null(getenv("LISTEN_FDS"));
    manager_close();
    /* the limit is the process's, not ours */
    fake_manager_set_pid("LISTEN_PID", (long)getpid());
    setenv("LISTEN_FDS", "100000", 1);
    manager_open();
    assert_int_equal(manager_given(), 2);
    manager_close();
    /* for another process, or no number */
    fake_manager_set_pid("LISTEN_PID", (long)getpid() + 1);
    setenv("LISTEN_FDS", "2", 1);
    manager_open();
    assert_int_equal(manager_given(), 0);
    manager_close();
    fake_manager_set_pid("LISTEN_PID", (long)getpid());
    setenv("LISTEN_FDS", "99999999999999999999", 1);
    manager_open();
    assert_int_equal(manager_given(), 0);
    manager_close();
    fake_manager_set_pid("LISTEN_PID", (long)getpid());
    setenv("LISTEN_FDS", "-1", 1);
    manager_open();
    assert_int_equal(manager_given(), 0);
}

static void
test_watchdog(void **state)
{
    (void)state;
    fake_manager_announce();
    setenv("WATCHDOG_USEC", "30000000", 1);
    manager_open();
    assert_int_equal(manager_watchdog_ms(), 30000);
    manager_close();
    fake_manager_announce();
    setenv("WATCHDOG_USEC", "30000000", 1);
    fake_manager_set_pid("WATCHDOG_PID", (long)getpid() + 1); /* of another */
    manager_open();
    assert_int_equal(manager_watchdog_ms(), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
UNIT_MAIN(T(test_nobody), T(test_told), T(test_deaf), T(test_bad_addresses),
    T(test_kept), T(test_given), T(test_watchdog))
