/* SPDX-License-Identifier: Apache-2.0 */
#include "plug.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void
plug_init(struct plug *p)
{
    memset(p, 0, sizeof(*p));
    p->fd = -1;
}

static void
plug_errno(struct plug *p, int is)
{
#ifdef __GLIBC__
    char text[100];
    const char *words = strerror_r(is, text, sizeof(text));
#else
    const char *words = strerror(is); /* constant in musl */
#endif

    snprintf(p->error, sizeof(p->error), "%s", words);
}

static void
plug_shut(struct plug *p)
{
    if (p->fd >= 0)
        (void)close(p->fd);
    p->fd = -1;
}

void
plug_close(struct plug *p)
{
    plug_tls_close(p);
    plug_shut(p);
    if (p->list)
        freeaddrinfo(p->list);
    p->list = p->next = NULL;
    p->half = false;
}

void
plug_take(struct plug *p, int fd)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags >= 0)
        (void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    p->fd = fd;
}

/* 0, or -1: this address is none. */
static int
plug_try(struct plug *p, int family, const struct sockaddr *to, socklen_t n)
{
    int one = 1;

    p->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (p->fd < 0) {
        plug_errno(p, errno);
        return -1;
    }
    if (family != AF_UNIX)
        (void)setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(p->fd, to, n) == 0 || errno == EINPROGRESS)
        return 0;
    plug_errno(p, errno);
    plug_shut(p);
    return -1;
}

static int
plug_try_next(struct plug *p)
{
    while (p->next) {
        const struct addrinfo *a = p->next;

        p->next = a->ai_next;
        if (plug_try(p, a->ai_family, a->ai_addr, a->ai_addrlen) == 0)
            return PLUG_DONE;
    }
    return PLUG_FAILED;
}

int
plug_skip(struct plug *p)
{
    plug_shut(p);
    return plug_try_next(p);
}

static int
plug_dial_path(struct plug *p, const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t n = strlen(path);

    if (n >= sizeof(to.sun_path)) {
        plug_errno(p, ENAMETOOLONG);
        return PLUG_FAILED;
    }
    memcpy(to.sun_path, path, n + 1);
    return plug_try(p, AF_UNIX, (const void *)&to, sizeof(to)) == 0
        ? PLUG_DONE
        : PLUG_FAILED;
}

int
plug_dial(struct plug *p, const struct ecstream_options *o)
{
    struct addrinfo hints = {.ai_family = o->family,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_NUMERICSERV | AI_NUMERICHOST};
    char service[8];
    int rc;

    if (o->host[0] == '/')
        return plug_dial_path(p, o->host);
    snprintf(service, sizeof(service), "%u", (unsigned)(uint16_t)o->port);
    rc = getaddrinfo(o->host, service, &hints, &p->list);
    if (rc == EAI_NONAME) {
        hints.ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG;
        rc = getaddrinfo(o->host, service, &hints, &p->list);
    }
    if (rc != 0) {
        snprintf(p->error, sizeof(p->error), "%s", gai_strerror(rc));
        p->list = NULL;
        return PLUG_FAILED;
    }
    p->next = p->list;
    return plug_try_next(p);
}

int
plug_connected(struct plug *p)
{
    struct pollfd one = {.fd = p->fd, .events = POLLOUT};
    int is = 0;
    socklen_t n = sizeof(is);

    if (poll(&one, 1, 0) == 0)
        return PLUG_AGAIN;
    if (getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &is, &n) < 0)
        is = errno;
    if (is == 0)
        return PLUG_DONE;
    plug_errno(p, is);
    plug_shut(p);
    return plug_try_next(p) == PLUG_DONE ? PLUG_AGAIN : PLUG_FAILED;
}

/* What a failed call means. */
static int64_t
plug_outcome(struct plug *p)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
        return PLUG_AGAIN;
    plug_errno(p, errno);
    return PLUG_FAILED;
}

int64_t
plug_read(struct plug *p, void *to, size_t n)
{
    ssize_t got;

    if (p->session)
        return plug_tls_read(p, to, n);
    got = recv(p->fd, to, n, 0);
    if (got > 0)
        return got;
    if (got < 0)
        return plug_outcome(p);
    snprintf(p->error, sizeof(p->error), "the server has closed it");
    return PLUG_FAILED;
}

int64_t
plug_write(struct plug *p, const void *from, size_t n)
{
    ssize_t put;

    if (p->session)
        return plug_tls_write(p, from, n);
    put = send(p->fd, from, n, MSG_NOSIGNAL);
    return put > 0 ? put : plug_outcome(p);
}

bool
plug_has_input(const struct plug *p)
{
    return p->session && plug_tls_has_input(p);
}
