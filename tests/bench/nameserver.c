/* SPDX-License-Identifier: Apache-2.0
 *
 * nameserver - answers for names below bench.test at once, so that a resolver
 * is measured and not a name server: one thread, UDP, nothing is looked up.
 *
 *   -a ADDR -p PORT   where to listen (127.0.0.1, 5300)
 *   -m N              hosts that take mail: d<k> has MX 10 mx<k mod N> (1)
 *   -i ADDR           address of each of them (127.0.0.1)
 * Runs until SIGTERM; at the end one JSON line.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "bench.h"

enum { HEAD = 12, PACKET = 512, TYPE_A = 1, TYPE_MX = 15, TTL_S = 3600 };

static struct peer_address at = {"127.0.0.1", 5300};
static long hosts = 1;
static struct in_addr host_address;
static long questions, answers;
static volatile sig_atomic_t stop;

static size_t
put16(unsigned char *to, unsigned n)
{
    to[0] = (unsigned char)(n >> 8);
    to[1] = (unsigned char)n;
    return 2;
}

/* The name of the question is pointed to, not written again. */
static size_t
put_record_head(unsigned char *to, unsigned type)
{
    size_t n = put16(to, 0xc000 | HEAD);
    n += put16(to + n, type);
    n += put16(to + n, 1);
    n += put16(to + n, TTL_S >> 16);
    return n + put16(to + n, TTL_S & 0xffff);
}

static size_t
put_mx(unsigned char *to, long k, size_t domain_at)
{
    char label[24];
    int len = snprintf(label, sizeof(label), "mx%ld", k % hosts);
    size_t n = put_record_head(to, TYPE_MX);
    n += put16(to + n, (unsigned)(2 + 1 + len + 2));
    n += put16(to + n, 10);
    to[n++] = (unsigned char)len;
    memcpy(to + n, label, (size_t)len);
    n += (size_t)len;
    return n + put16(to + n, 0xc000 | (unsigned)domain_at);
}

static size_t
put_a(unsigned char *to)
{
    size_t n = put_record_head(to, TYPE_A);
    n += put16(to + n, 4);
    memcpy(to + n, &host_address, 4);
    return n + 4;
}

/* The octets of the answer that stands in p after the question's; 0: none. */
static size_t
answer(unsigned char *p, size_t n)
{
    size_t end = HEAD;
    while (end < n && p[end] && p[end] < 64)
        end += p[end] + 1u;
    if (n < HEAD + 5 || end + 5 > n || end > 255 || p[HEAD] < 2)
        return 0;
    unsigned type = p[end + 1] * 256u + p[end + 2];
    const char *label = (const char *)p + HEAD + 1;
    size_t second = HEAD + 1u + p[HEAD];
    size_t size = end + 5, count = 0;
    if (type == TYPE_MX && label[0] == 'd') {
        size += put_mx(p + size, strtol(label + 1, NULL, 10), second);
        count = 1;
    } else if (type == TYPE_A && label[0] == 'm') {
        size += put_a(p + size);
        count = 1;
    }
    p[2] = (unsigned char)(0x84 | (p[2] & 1)); /* an answer, authoritative */
    p[3] = 0;
    (void)put16(p + 4, 1);
    (void)put16(p + 6, (unsigned)count);
    (void)put16(p + 8, 0);
    (void)put16(p + 10, 0);
    answers += (long)count;
    return size;
}

static void
on_signal(int signo)
{
    (void)signo;
    stop = 1;
}

static void
serve(int fd)
{
    unsigned char p[PACKET + 256];
    struct sockaddr_storage from;
    while (!stop) {
        socklen_t len = sizeof(from);
        ssize_t n = recvfrom(fd, p, PACKET, 0, (struct sockaddr *)&from, &len);
        if (n <= 0)
            continue;
        questions++;
        size_t size = answer(p, (size_t)n);
        if (size)
            (void)sendto(fd, p, size, 0, (struct sockaddr *)&from, len);
    }
}

int
main(int argc, char **argv)
{
    struct sigaction act = {.sa_handler = on_signal};
    int c;
    (void)inet_pton(AF_INET, "127.0.0.1", &host_address);
    while ((c = getopt(argc, argv, "a:p:m:i:")) != -1)
        switch (c) {
        case 'a':
            at.host = optarg;
            break;
        case 'p':
            at.port = (int)strtol(optarg, NULL, 10);
            break;
        case 'm':
            hosts = strtol(optarg, NULL, 10);
            break;
        case 'i':
            if (inet_pton(AF_INET, optarg, &host_address) != 1)
                bench_die("%s is no address", optarg);
            break;
        default:
            bench_die("see the head of nameserver.c for the options");
        }
    if (hosts < 1)
        bench_die("at least one host");
    sigaction(SIGTERM, &act, NULL); /* without SA_RESTART: recvfrom ends */
    sigaction(SIGINT, &act, NULL);
    serve(bench_bind_udp(&at));
    printf("{\"questions\": %ld, \"answers\": %ld, \"cpu\": %.3f}\n", questions,
        answers, bench_cpu_seconds());
    return 0;
}
