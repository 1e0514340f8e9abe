/* SPDX-License-Identifier: Apache-2.0 */
#include "net/dial.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/magic.h"
#include "base/xmem.h"
#include "loop/timer.h"
#include "loop/watch.h"
#include "base/banned.h"

struct dial {
    uint32_t magic;
    struct conn *conn;
    int fd;
    struct watch *watch;
    struct timer deadline;
    struct netaddr to;
};

/* The descriptor stays open if it was handed over. */
static void
dial_free(struct dial *d)
{
    CHECK(d, DIAL_MAGIC);
    timer_stop(&d->deadline);
    watch_free(&d->watch);
    if (d->fd >= 0)
        (void)close(d->fd); /* nothing to be done about it */
    d->magic = 0;
    free(d);
}

static void
dial_cancel(void *arg)
{
    dial_free(arg);
}

static void
dial_fail(struct dial *d, int error)
{
    struct conn *c = d->conn;

    dial_free(d);
    conn_failed(c, error);
}

static void
dial_expired(void *arg)
{
    dial_fail(arg, -ETIMEDOUT);
}

/* A socket that is connected to a free port of this host may meet itself. */
static bool
dial_met_itself(int fd)
{
    struct sockaddr_storage a, b;
    socklen_t an = sizeof(a), bn = sizeof(b);

    return getsockname(fd, (struct sockaddr *)(void *)&a, &an) == 0 &&
        getpeername(fd, (struct sockaddr *)(void *)&b, &bn) == 0 &&
        a.ss_family != AF_UNIX && an == bn && memcmp(&a, &b, an) == 0;
}

static void
dial_done(struct dial *d)
{
    struct conn *c = d->conn;
    struct netaddr to = d->to;
    int fd = d->fd;

    if (dial_met_itself(fd)) {
        dial_fail(d, -ECONNREFUSED);
        return;
    }
    watch_free(&d->watch); /* before the conn watches the same descriptor */
    d->fd = -1;
    dial_free(d);
    conn_connected(c, fd, &to);
}

static void
dial_ready(void *arg, int events)
{
    struct dial *d = arg;
    int error = 0;
    socklen_t n = sizeof(error);

    (void)events;
    CHECK(d, DIAL_MAGIC);
    if (getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0)
        error = errno;
    if (error)
        dial_fail(d, -error);
    else
        dial_done(d);
}

static int
dial_bind(int fd, const struct cidr *from)
{
    struct sockaddr_storage ss;
    struct netaddr source;
    socklen_t n;
    int one = 1;

    netaddr_from_ip(&source, from, 0);
    n = netaddr_to_sockaddr(&source, &ss);
    /* The port is chosen at connect(), so that each destination has all. */
    (void)setsockopt(
        fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
    return bind(fd, (struct sockaddr *)(void *)&ss, n) < 0 ? -errno : 0;
}

/* 0: connected, 1: under way, or -errno. */
static int
dial_open(struct dial *d, const struct cidr *from)
{
    struct sockaddr_storage ss;
    socklen_t n = netaddr_to_sockaddr(&d->to, &ss);
    int rc = 0;

    if (!n)
        return -EDESTADDRREQ;
    if (from->family && from->family != d->to.ip.family)
        return -EAFNOSUPPORT;
    d->fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (d->fd < 0)
        return -errno;
    if (from->family)
        rc = dial_bind(d->fd, from);
    if (rc < 0)
        return rc;
    if (connect(d->fd, (struct sockaddr *)(void *)&ss, n) == 0)
        return 0;
    return errno == EINPROGRESS ? 1 : -errno;
}

struct conn *
dial_start(
    struct loop *l, const struct dial_request *r, conn_event_f *fn, void *arg)
{
    struct conn *c = conn_dialling(l, fn, arg);
    struct dial *d = xnew(struct dial);
    int rc;

    d->magic = DIAL_MAGIC;
    d->conn = c;
    d->fd = -1;
    d->to = r->to;
    timer_init(&d->deadline, l, dial_expired, d, "dial deadline");
    rc = r->timeout_ms > 0 ? dial_open(d, &r->from) : -EINVAL;
    if (rc < 0) {
        dial_fail(d, rc);
    } else if (rc == 0) {
        dial_done(d);
    } else {
        conn_set_dial(c, dial_cancel, d);
        d->watch = watch_new(l, d->fd, dial_ready, d, "dial");
        watch_set(d->watch, WATCH_WRITE);
        timer_start(&d->deadline, r->timeout_ms);
    }
    return c;
}
