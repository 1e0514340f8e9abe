/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void
bench_die(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    exit(2);
}

int64_t
bench_now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

double
bench_cpu_seconds(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
        (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static socklen_t
make_address(const struct peer_address *a, struct sockaddr_storage *to)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)to;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;
    memset(to, 0, sizeof(*to));
    if (inet_pton(AF_INET, a->host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)a->port);
        return sizeof(*v4);
    }
    if (inet_pton(AF_INET6, a->host, &v6->sin6_addr) != 1)
        bench_die("%s is no address", a->host);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons((uint16_t)a->port);
    return sizeof(*v6);
}

void
bench_quickack(int fd)
{
    int one = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof(one));
}

static int
by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

void
bench_sort(int64_t *us, long n)
{
    if (n)
        qsort(us, (size_t)n, sizeof(*us), by_value);
}

double
bench_quantile_ms(const int64_t *sorted_us, long n, double q)
{
    return n ? (double)sorted_us[(long)(q * (double)(n - 1))] / 1000 : 0;
}

int
bench_connect(const struct peer_address *a)
{
    struct sockaddr_storage to;
    socklen_t n = make_address(a, &to);
    int one = 1;
    int fd =
        socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        bench_die("socket: %s", strerror(errno));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(fd, (struct sockaddr *)&to, n) < 0 && errno != EINPROGRESS) {
        close(fd);
        return -1;
    }
    return fd;
}

int
bench_listen(const struct peer_address *a)
{
    struct sockaddr_storage at;
    socklen_t n = make_address(a, &at);
    int one = 1;
    int fd =
        socket(at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        bench_die("socket: %s", strerror(errno));
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, (struct sockaddr *)&at, n) < 0 || listen(fd, 1024) < 0)
        bench_die("%s port %d: %s", a->host, a->port, strerror(errno));
    return fd;
}

int
bench_bind_udp(const struct peer_address *a)
{
    struct sockaddr_storage at;
    socklen_t n = make_address(a, &at);
    int room = 4 << 20; /* a burst of questions waits, it is not lost */
    int fd = socket(at.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        bench_die("socket: %s", strerror(errno));
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
    if (bind(fd, (struct sockaddr *)&at, n) < 0)
        bench_die("%s port %d: %s", a->host, a->port, strerror(errno));
    return fd;
}
