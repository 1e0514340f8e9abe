/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_manager.h"

#include "unit.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/macros.h"

static int manager_fd = -1;
static char address[64];

void
fake_manager_open(void)
{
    static const char *const names[] = {"NOTIFY_SOCKET", "FDSTORE",
        "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "WATCHDOG_USEC",
        "WATCHDOG_PID"};
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int n =
        snprintf(address, sizeof(address), "@impel-test-%ld", (long)getpid());

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        unsetenv(names[i]);
    memcpy(at.sun_path + 1, address + 1, (size_t)n - 1);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    manager_fd = fcntl(fd, F_DUPFD_CLOEXEC, 64); /* 3 and up are to be given */
    close(fd);
    assert_true(manager_fd >= 0);
    assert_int_equal(
        bind(manager_fd, (struct sockaddr *)(void *)&at,
            (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n)),
        0);
}

void
fake_manager_close(void)
{
    close(manager_fd);
    manager_fd = -1;
}

void
fake_manager_announce(void)
{
    setenv("NOTIFY_SOCKET", address, 1);
}

const char *
fake_manager_heard(int *fd)
{
    static char text[512];
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec v = {text, sizeof(text) - 1};
    struct msghdr m = {.msg_iov = &v,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof(control)};
    ssize_t n = recvmsg(manager_fd, &m, MSG_CMSG_CLOEXEC);
    struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&m);
    int got = -1;

    text[n < 0 ? 0 : n] = '\0';
    if (c && c->cmsg_type == SCM_RIGHTS)
        memcpy(&got, CMSG_DATA(c), sizeof(got));
    if (fd)
        *fd = got;
    else if (got >= 0)
        close(got);
    return text;
}

void
fake_manager_set_pid(const char *name, long pid)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "%ld", pid);
    setenv(name, text, 1);
}
