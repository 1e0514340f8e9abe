/* SPDX-License-Identifier: Apache-2.0
 *
 * milter - a filter that says yes at once, so that what filters cost a server
 * is measured and not a filter: one thread, epoll.
 *
 *   -a ADDR -p PORT   where to listen (127.0.0.1, 8891)
 *   -q                asks not to be waited for until the end of a message
 *   -s                wants senders, recipients and ends of messages alone
 *   -h                adds a field to each message
 *   -b                gives each message its own body anew, of 128 KiB at most
 * Runs until SIGTERM; at the end one JSON line.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "bench.h"

enum {
    IN_MAX = 256 * 1024,
    OUT_MAX = 256 * 1024,
    BODY_MAX = 128 * 1024,
    PIECE = 65535,
    HEAD = 4,
    VERSION = 6,
    ACTIONS = 0x1 | 0x2,
    /* connect, helo, body, headers, end of header, unknown, data */
    NO_STEPS = 0x1 | 0x2 | 0x10 | 0x20 | 0x40 | 0x100 | 0x200,
    /* connect, helo, mail, rcpt, data, header, end of header, body */
    NO_REPLIES =
        0x1000 | 0x2000 | 0x4000 | 0x8000 | 0x10000 | 0x80 | 0x40000 | 0x80000
};

struct conn {
    int fd;
    bool watching_out;
    uint32_t steps;
    size_t in_n, out_n, body_n;
    char in[IN_MAX], out[OUT_MAX], body[BODY_MAX];
};

static struct peer_address at = {"127.0.0.1", 8891};
static bool quiet, spare, adds, gives;
static long connections, messages, packets, answers;
static volatile sig_atomic_t stop;
static int epoll_fd;

static void
say(struct conn *c, char command, const void *p, size_t n)
{
    uint32_t size = (uint32_t)n + 1;
    unsigned char head[HEAD + 1] = {(unsigned char)(size >> 24),
        (unsigned char)(size >> 16), (unsigned char)(size >> 8),
        (unsigned char)size, (unsigned char)command};

    if (c->out_n + sizeof(head) + n > sizeof(c->out))
        bench_die("a server that does not read");
    memcpy(c->out + c->out_n, head, sizeof(head));
    memcpy(c->out + c->out_n + sizeof(head), p, n);
    c->out_n += sizeof(head) + n;
    answers++;
}

static void
say_options(struct conn *c)
{
    uint32_t steps = spare ? NO_STEPS : 0;
    unsigned char p[12] = {0};

    steps |= quiet ? NO_REPLIES & ~(spare ? 0x80u : 0u) : 0;
    c->steps = steps;
    p[3] = VERSION;
    p[7] = ACTIONS;
    for (int i = 0; i < 4; i++)
        p[8 + i] = (unsigned char)(steps >> (24 - 8 * i));
    say(c, 'O', p, sizeof(p));
}

/* Whether this command is waited for. */
static bool
is_answered(char command)
{
    return strchr(quiet ? "E" : "CHMRTLNBE", command) != NULL;
}

static void
say_end(struct conn *c)
{
    static const char field[] = "X-Bench\0seen";

    if (adds)
        say(c, 'h', field, sizeof(field));
    for (size_t i = 0; gives && i < c->body_n; i += PIECE)
        say(c, 'b', c->body + i, c->body_n - i < PIECE ? c->body_n - i : PIECE);
    c->body_n = 0;
    messages++;
}

static void
keep_body(struct conn *c, const char *p, size_t n)
{
    if (c->body_n + n > sizeof(c->body))
        bench_die("a body that is too large");
    memcpy(c->body + c->body_n, p, n);
    c->body_n += n;
}

/* false: it leaves. */
static bool
take(struct conn *c, char command, const char *p, size_t n)
{
    packets++;
    if (command == 'Q')
        return false;
    if (command == 'O')
        say_options(c);
    if (command == 'B' && gives)
        keep_body(c, p, n);
    if (command == 'E')
        say_end(c);
    if (is_answered(command))
        say(c, 'c', "", 0);
    return true;
}

static bool
take_all(struct conn *c)
{
    size_t from = 0;

    while (c->in_n - from > HEAD) {
        const unsigned char *p = (const unsigned char *)c->in + from;
        size_t size =
            (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
        if (size == 0 || size > IN_MAX - HEAD)
            bench_die("a packet of %zu octets", size);
        if (c->in_n - from < HEAD + size)
            break;
        if (!take(c, c->in[from + HEAD], c->in + from + HEAD + 1, size - 1))
            return false;
        from += HEAD + size;
    }
    memmove(c->in, c->in + from, c->in_n - from);
    c->in_n -= from;
    return true;
}

static bool
flush(struct conn *c)
{
    ssize_t n = c->out_n ? send(c->fd, c->out, c->out_n, MSG_NOSIGNAL) : 0;

    if (n < 0 && errno != EAGAIN)
        return false;
    if (n > 0) {
        memmove(c->out, c->out + n, c->out_n - (size_t)n);
        c->out_n -= (size_t)n;
    }
    if ((c->out_n != 0) != c->watching_out) {
        struct epoll_event e = {
            .data.ptr = c, .events = c->out_n ? EPOLLIN | EPOLLOUT : EPOLLIN};
        c->watching_out = c->out_n != 0;
        (void)epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &e);
    }
    return true;
}

static void
serve(struct conn *c)
{
    ssize_t n = recv(c->fd, c->in + c->in_n, sizeof(c->in) - c->in_n, 0);

    if (n < 0 && errno == EAGAIN)
        n = 0;
    else if (n <= 0)
        goto gone;
    c->in_n += (size_t)n;
    if (take_all(c) && flush(c)) {
        bench_quickack(c->fd);
        return;
    }
gone:
    close(c->fd);
    free(c);
}

static void
welcome(int listener)
{
    int fd;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >=
        0) {
        struct conn *c = malloc(sizeof(*c));
        if (!c)
            bench_die("no memory");
        c->fd = fd;
        c->watching_out = false;
        c->in_n = c->out_n = c->body_n = 0;
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
        (void)epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e);
        connections++;
    }
}

static void
on_signal(int signo)
{
    (void)signo;
    stop = 1;
}

static void
options(int argc, char **argv)
{
    int c;

    while ((c = getopt(argc, argv, "a:p:qshb")) != -1)
        switch (c) {
        case 'a':
            at.host = optarg;
            break;
        case 'p':
            at.port = (int)strtol(optarg, NULL, 10);
            break;
        case 'q':
            quiet = true;
            break;
        case 's':
            spare = true;
            break;
        case 'h':
            adds = true;
            break;
        case 'b':
            gives = true;
            break;
        default:
            bench_die("see the head of milter.c for the options");
        }
}

int
main(int argc, char **argv)
{
    struct sigaction act = {.sa_handler = on_signal};
    struct epoll_event e[64];

    options(argc, argv);
    sigaction(SIGTERM, &act, NULL); /* without SA_RESTART: epoll_wait ends */
    sigaction(SIGINT, &act, NULL);
    int listener = bench_listen(&at);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    e[0] = (struct epoll_event){.events = EPOLLIN, .data.ptr = NULL};
    (void)epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &e[0]);
    while (!stop) {
        int n = epoll_wait(epoll_fd, e, 64, -1);
        for (int i = 0; i < n; i++) {
            if (e[i].data.ptr)
                serve(e[i].data.ptr);
            else
                welcome(listener);
        }
    }
    printf("{\"connections\": %ld, \"messages\": %ld, \"packets\": %ld, "
           "\"answers\": %ld, \"cpu\": %.3f}\n",
        connections, messages, packets, answers, bench_cpu_seconds());
    return 0;
}
