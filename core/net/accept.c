/* SPDX-License-Identifier: Apache-2.0 */
#include "net/accept.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/libc.h"
#include "base/log.h"
#include "base/magic.h"
#include "base/xmem.h"
#include "loop/timer.h"
#include "loop/watch.h"
#include "base/banned.h"

enum {
    ACCEPT_PER_TURN = 64,
    ACCEPT_AT_END_MAX = 65536, /* backlogs are not longer */
    ACCEPT_PAUSE_MS = 500
};

static int
accept_error(int fd, const struct netaddr *at, int errnum, const char *what,
    struct err *e)
{
    struct buf b = BUF_INIT;
    int rc;

    netaddr_print(at, &b);
    rc = err_errno(e, ERR_IO, errnum, "%s %s", what, buf_get(&b).p);
    buf_fini(&b);
    if (fd >= 0)
        (void)close(fd); /* nothing to be done about it */
    return rc;
}

static void
accept_set(int fd, int level, int name, int value)
{
    /* Tuning only: the socket works without it. */
    (void)setsockopt(fd, level, name, &value, sizeof(value));
}

/* Remove the socket that a process left which is gone.  One that answers is
 * in use: bind() then says so. */
static void
accept_clear_path(
    const struct sockaddr_storage *ss, socklen_t n, const char *path)
{
    struct stat st;
    int fd, rc, errnum;

    if (lstat(path, &st) < 0 || !S_ISSOCK(st.st_mode))
        return;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    rc = connect(fd, (const struct sockaddr *)(const void *)ss, n);
    errnum = errno;
    (void)close(fd); /* was only a question */
    if (rc < 0 && errnum == ECONNREFUSED)
        (void)unlink(path); /* bind() reports it if that failed */
}

/* A Unix socket gets its mode before it listens. */
static int
accept_bind(int fd, const struct accept_config *c,
    const struct sockaddr_storage *ss, socklen_t n)
{
    mode_t before;
    int rc;

    if (ss->ss_family != AF_UNIX)
        return bind(fd, (const struct sockaddr *)(const void *)ss, n);
    accept_clear_path(ss, n, c->at.path);
    before = umask(0177);
    rc = bind(fd, (const struct sockaddr *)(const void *)ss, n);
    (void)umask(before);
    if (rc == 0 && c->file_mode)
        rc = chmod(c->at.path, (mode_t)c->file_mode);
    return rc;
}

int
accept_open(const struct accept_config *c, int *to, struct err *e)
{
    struct sockaddr_storage ss;
    socklen_t n = netaddr_to_sockaddr(&c->at, &ss);
    int fd;

    *to = -1;
    if (!n)
        return err_set(e, ERR_INVAL, "no address to listen on");
    fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return accept_error(-1, &c->at, errno, "cannot make a socket for", e);
    if (ss.ss_family != AF_UNIX)
        accept_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (ss.ss_family == AF_INET6)
        accept_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1); /* *:25 beside it */
    if (c->reuse_port && ss.ss_family != AF_UNIX)
        accept_set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (accept_bind(fd, c, &ss, n) < 0)
        return accept_error(fd, &c->at, errno, "cannot bind", e);
    if (listen(fd, c->backlog > 0 ? c->backlog : SOMAXCONN) < 0)
        return accept_error(fd, &c->at, errno, "cannot listen on", e);
    *to = fd;
    return 0;
}

int
accept_renew(const struct accept_config *c, int fd, struct err *e)
{
    struct stat st;

    if (listen(fd, c->backlog > 0 ? c->backlog : SOMAXCONN) < 0)
        return accept_error(-1, &c->at, errno, "cannot change", e);
    if (!c->at.path[0] || !c->file_mode || stat(c->at.path, &st) < 0 ||
        (st.st_mode & 07777) == (mode_t)c->file_mode)
        return 0;
    if (chmod(c->at.path, (mode_t)c->file_mode) < 0)
        return accept_error(-1, &c->at, errno, "cannot change", e);
    return 0;
}

struct acceptor {
    uint32_t magic;
    struct loop *loop;
    int fd;
    struct watch *watch;
    accept_f *fn;
    void *arg;
    struct timer resume;
    uint64_t errors;
    bool starved; /* no descriptors or memory: resume is armed */
    bool complained;
    bool busy;    /* in fn */
    bool closing; /* acceptor_free() was called in fn */
};

static void
acceptor_watch(struct acceptor *a)
{
    watch_set(a->watch, a->starved ? 0 : WATCH_READ);
}

static void
acceptor_resume(void *arg)
{
    struct acceptor *a = arg;

    CHECK(a, ACCEPTOR_MAGIC);
    a->starved = false;
    acceptor_watch(a);
}

/* Linux hands over what went wrong on one peer's connection meanwhile; the next
 * in the backlog may be well, so no peer can make the others wait. */
static bool
accept_is_of_peer(int errnum)
{
    static const int errors[] = {ECONNABORTED, ECONNRESET, EPROTO, EPERM,
        ENOPROTOOPT, EOPNOTSUPP, ENETDOWN, ENETUNREACH, ENONET, EHOSTDOWN,
        EHOSTUNREACH, ETIMEDOUT};

    for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
        if (errnum == errors[i])
            return true;
    return false;
}

/* True: go on with the next one in the backlog. */
static bool
acceptor_failed(struct acceptor *a, int errnum)
{
    if (errnum == EAGAIN || errnum == EWOULDBLOCK)
        return false;
    if (errnum == EINTR)
        return true;
    a->errors++;
    if (accept_is_of_peer(errnum))
        return true;
    if (!a->complained)
        log_error(LOG_NET, "accept-failed", "loop=%s pause_ms=%d reason=\"%s\"",
            loop_name(a->loop), ACCEPT_PAUSE_MS, libc_error_text(errnum));
    a->complained = true;
    a->starved = true;
    timer_start(&a->resume, ACCEPT_PAUSE_MS);
    acceptor_watch(a);
    return false;
}

/* The address a peer came to; the listening one may be a wildcard. */
static void
acceptor_give(struct acceptor *a, int fd, const struct sockaddr *from)
{
    struct sockaddr_storage ss;
    socklen_t n = sizeof(ss);
    struct netaddr peer, local;

    netaddr_from_sockaddr(&peer, from);
    memset(&local, 0, sizeof(local));
    if (getsockname(fd, (struct sockaddr *)(void *)&ss, &n) == 0)
        netaddr_from_sockaddr(&local, (struct sockaddr *)(void *)&ss);
    a->fn(a->arg, fd, &peer, &local);
}

static void
acceptor_take(struct acceptor *a, size_t most)
{
    a->busy = true;
    while (most--) {
        struct sockaddr_storage ss = {0};
        socklen_t n = sizeof(ss);
        int fd = accept4(a->fd, (struct sockaddr *)(void *)&ss, &n,
            SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (!acceptor_failed(a, errno))
                break;
            continue;
        }
        a->complained = false;
        acceptor_give(a, fd, (struct sockaddr *)(void *)&ss);
    }
    a->busy = false;
}

static void
acceptor_destroy(struct acceptor *a)
{
    timer_stop(&a->resume);
    watch_free(&a->watch);
    (void)close(a->fd); /* nothing to be done about it */
    a->magic = 0;
    free(a);
}

static void
acceptor_ready(void *arg, int events)
{
    struct acceptor *a = arg;

    (void)events;
    CHECK(a, ACCEPTOR_MAGIC);
    acceptor_take(a, ACCEPT_PER_TURN);
    if (a->closing)
        acceptor_free(&a);
}

struct acceptor *
acceptor_new(struct loop *l, int listen_fd, accept_f *fn, void *arg)
{
    struct acceptor *a = xnew(struct acceptor);

    BUG_ON(listen_fd < 0);
    a->magic = ACCEPTOR_MAGIC;
    a->loop = l;
    a->fd = listen_fd;
    a->fn = fn;
    a->arg = arg;
    a->watch = watch_new(l, listen_fd, acceptor_ready, a, "accept");
    timer_init(&a->resume, l, acceptor_resume, a, "accept resume");
    acceptor_watch(a);
    return a;
}

void
acceptor_free(struct acceptor **pa)
{
    struct acceptor *a = *pa;

    if (!a)
        return;
    CHECK(a, ACCEPTOR_MAGIC);
    *pa = NULL;
    a->closing = true;
    if (a->busy)
        return; /* acceptor_ready() does the rest */
    acceptor_take(a, ACCEPT_AT_END_MAX);
    acceptor_destroy(a);
}

void
acceptor_leave(struct acceptor **pa)
{
    struct acceptor *a = *pa;

    if (!a)
        return;
    CHECK(a, ACCEPTOR_MAGIC);
    BUG_ON(a->busy); /* it comes by mail, not from a callback */
    *pa = NULL;
    acceptor_destroy(a);
}

uint64_t
acceptor_errors(const struct acceptor *a)
{
    CHECK(a, ACCEPTOR_MAGIC);
    return a->errors;
}
