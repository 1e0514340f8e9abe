/* SPDX-License-Identifier: Apache-2.0 */
#include "base/manager.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/num.h"
#include "base/xmem.h"
#include "base/banned.h"

enum {
    FIRST_GIVEN = 3,
    MANAGER_WAIT_S = 1,  /* for one that does not read what it is told */
    NAME_MAX_BYTES = 255 /* what systemd takes */
};

static struct {
    int fd; /* connected, so that it still is behind a chroot */
    bool open;
    int given, keeps;
    int64_t watchdog_ms;
    char *names; /* of those that are given, each with a NUL behind it */
    size_t names_size;
} manager = {.fd = -1};

/* A number of the environment in 1..max; 0: none. */
static uint64_t
read_number(const char *name, uint64_t max)
{
    const char *text = getenv(name);
    uint64_t n;

    if (!text || num_u64(str_of(text), &n) != 0 || n > max)
        return 0;
    return n;
}

/* A variable meant for another process, as one that has started us, is none. */
static bool
is_for_us(const char *name, bool must)
{
    const char *text = getenv(name);

    if (!text)
        return !must;
    return read_number(name, INT32_MAX) == (uint64_t)getpid();
}

static void
connect_socket(void)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    struct timeval wait = {.tv_sec = MANAGER_WAIT_S};
    socklen_t n;

    if (!path || (path[0] != '/' && path[0] != '@') ||
        strlen(path) >= sizeof(to.sun_path))
        return;
    memcpy(to.sun_path, path, strlen(path));
    if (path[0] == '@')
        to.sun_path[0] = '\0';
    n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    manager.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    (void)setsockopt(manager.fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
    if (manager.fd < 0 ||
        connect(manager.fd, (const struct sockaddr *)(const void *)&to, n) == 0)
        return;
    (void)close(manager.fd); /* it was only tried */
    manager.fd = -1;
}

static void
read_names(void)
{
    const char *text = getenv("LISTEN_FDNAMES");

    if (!text)
        return;
    manager.names = xdup(text);
    manager.names_size = strlen(text) + 1;
    for (char *p = manager.names; *p; p++)
        if (*p == ':')
            *p = '\0';
}

static void
read_given(void)
{
    int said = 0;

    if (is_for_us("LISTEN_PID", true))
        said = (int)read_number("LISTEN_FDS", INT32_MAX);
    /* one that is not there will be something else soon */
    while (manager.given < said &&
        fcntl(FIRST_GIVEN + manager.given, F_SETFD, FD_CLOEXEC) == 0)
        manager.given++;
    if (manager.given)
        read_names();
}

void
manager_open(void)
{
    static const char *const names[] = {"NOTIFY_SOCKET", "FDSTORE",
        "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "WATCHDOG_USEC",
        "WATCHDOG_PID"};

    if (manager.open)
        return;
    manager.open = true;
    read_given();
    connect_socket();
    if (manager.fd >= 0) {
        manager.keeps = (int)read_number("FDSTORE", INT32_MAX);
        if (is_for_us("WATCHDOG_PID", false))
            manager.watchdog_ms =
                (int64_t)(read_number("WATCHDOG_USEC", INT64_MAX) / 1000);
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        (void)unsetenv(names[i]); /* fails for no name of these */
}

void
manager_close(void)
{
    if (manager.fd >= 0)
        (void)close(manager.fd); /* nothing to be done about it */
    free(manager.names);
    memset(&manager, 0, sizeof(manager));
    manager.fd = -1;
}

/* fd: goes with it; -1: none.  flags: of send(2). */
static bool
send_lines(const char *lines, int fd, int flags)
{
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec text = {(char *)(uintptr_t)lines, strlen(lines)};
    struct msghdr m = {.msg_iov = &text, .msg_iovlen = 1};
    ssize_t n;

    if (manager.fd < 0)
        return false;
    if (fd >= 0) {
        m.msg_control = &control;
        m.msg_controllen = sizeof(control.space);
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &fd, sizeof(fd));
    }
    do
        n = sendmsg(manager.fd, &m, MSG_NOSIGNAL | flags);
    while (n < 0 && errno == EINTR);
    return n >= 0;
}

void
manager_tell(const char *lines)
{
    (void)send_lines(lines, -1, 0); /* a manager that is gone hears nothing */
}

void
manager_feed(void)
{
    (void)send_lines("WATCHDOG=1", -1, MSG_DONTWAIT);
}

int64_t
manager_watchdog_ms(void)
{
    return manager.watchdog_ms;
}

int
manager_given(void)
{
    return manager.given;
}

const char *
manager_given_name(int n)
{
    size_t at = 0;

    while (n-- > 0 && at < manager.names_size)
        at += strlen(manager.names + at) + 1;
    return at < manager.names_size ? manager.names + at : "";
}

int
manager_keeps(void)
{
    return manager.keeps;
}

bool
manager_keep(int fd, const char *name)
{
    char lines[NAME_MAX_BYTES + 32];

    if (!manager.keeps)
        return false;
    (void)snprintf(
        lines, sizeof(lines), "FDSTORE=1\nFDNAME=%.*s", NAME_MAX_BYTES, name);
    return send_lines(lines, fd, 0);
}

void
manager_forget(const char *name)
{
    char lines[NAME_MAX_BYTES + 32];

    if (!manager.keeps)
        return;
    (void)snprintf(lines, sizeof(lines), "FDSTOREREMOVE=1\nFDNAME=%.*s",
        NAME_MAX_BYTES, name);
    manager_tell(lines);
}
