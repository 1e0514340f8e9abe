/* SPDX-License-Identifier: Apache-2.0
 *
 * sink - a verifying SMTP server: one thread, epoll.
 *
 *   -a ADDR -p PORT   where to listen (127.0.0.1, 2600)
 *   -n N              end when N recipients were served (0: until SIGTERM)
 *   -v                verify: each recipient once, body as X-Impel-Sum says
 *   -i SECONDS        end as well when nothing happened for so long
 *   -l FILE           a line per served recipient: address, sum, "ok" or "bad",
 *                     and when, in microseconds of CLOCK_MONOTONIC
 *   -d MS             answer the end of data so much later
 *   -w MS             a far away sink: each batch of replies arrives so much
 *                     later; what is pipelined is delayed once, not in turn
 *   -A                leave acknowledgements of TCP to the system
 *   -t PCT -e PCT     451 to that share of RCPT, of ends of data
 *   -x                refuse recipients whose names begin with an x, put off
 *                     (451) those with a z; a report
 *                     with the null sender is logged by the recipients that it
 *                     names, with "dsn" instead of "ok", a refusal likewise
 *                     with "no"; neither counts as served
 *   -S FILE           offer STARTTLS, with that certificate and key (PEM)
 *   -P -C -8          do not offer PIPELINING, CHUNKING, 8BITMIME
 * SIGUSR1: from now on all is taken, and at once.  At the end one JSON line;
 * exit 0 unless something was twice or changed, or less than N came.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <xxhash.h>
#include "bench.h"
#include "once.h"
#include "tally.h"
#include "wire.h"

enum {
    IN_MAX = 131072,
    OUT_MAX = 65536,
    RCPT_MAX = 1000,
    HEAD_MAX = 8192,
    LINE_MAX_KEPT = 256,
    NAMES_MAX = 8192
};
enum mode { COMMAND, DATA, BDAT, CLOSING };

struct conn {
    int fd;
    struct wire *wire; /* NULL: in clear */
    enum mode mode;
    char *in;
    size_t in_n;
    char out[OUT_MAX];
    size_t out_n;
    bool mail, report; /* the latter: from the null sender */
    char *rcpt[RCPT_MAX];
    size_t rcpt_n;
    size_t bdat_left;
    bool bdat_last;
    /* the message */
    char head[HEAD_MAX];
    size_t head_n;
    bool in_body;
    XXH3_state_t *sum; /* of the body so far */
    int64_t ended;     /* the message before; 0: none on this connection */
    char line[LINE_MAX_KEPT], names[NAMES_MAX]; /* of a report */
    size_t names_n;
    int line_at; /* octets of the current line seen: 0, 1 ... */
    int64_t due; /* when the delayed answer goes out; 0: none */
    bool watching_out;
    struct conn *next_due;
    long travelling; /* batches of replies; see far away */
    struct conn *older, *newer;
};

static struct options {
    struct peer_address at;
    long want;
    bool verify, pipelining, chunking, eight, lazy_ack, bounces, tls;
    int idle_s, delay_ms, far_ms, temp_rcpt, temp_data;
    FILE *log;
} opt = {.at = {"127.0.0.1", 2600},
    .pipelining = true,
    .chunking = true,
    .eight = true};

static struct tally seen;

static int ep;
static volatile sig_atomic_t stop, heal;
static struct conn *due_first, *due_last;
static struct conn *newest; /* of all, by older and newer */

/* --- connections --- */

static void
drop_rcpts(struct conn *c)
{
    while (c->rcpt_n)
        free(c->rcpt[--c->rcpt_n]);
    c->mail = false;
}

static void
conn_free(struct conn *c)
{
    if (c->older)
        c->older->newer = c->newer;
    if (c->newer)
        c->newer->older = c->older;
    else
        newest = c->older;
    (void)XXH3_freeState(c->sum);
    free(c->in);
    free(c);
}

static void
conn_close(struct conn *c)
{
    drop_rcpts(c);
    wire_free(&c->wire);
    close(c->fd);
    c->fd = -1;
    if (!c->due && !c->travelling)
        conn_free(c);
}

static void
watch(struct conn *c, bool out)
{
    struct epoll_event e = {
        .events = EPOLLIN | (out ? EPOLLOUT : 0), .data.ptr = c};
    if (c->watching_out == out)
        return;
    c->watching_out = out;
    epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &e);
}

static void
write_out(struct conn *c)
{
    if (c->fd < 0 || !c->out_n)
        return;
    ssize_t n = wire_send(c->wire, c->fd, c->out, c->out_n);
    if (n > 0) {
        memmove(c->out, c->out + n, c->out_n - (size_t)n);
        c->out_n -= (size_t)n;
    }
    watch(c, c->out_n > 0 && wire_is_up(c->wire));
}

/* --- far away: replies travel --- */

struct batch {
    struct batch *next;
    struct conn *of;
    int64_t arrives;
    size_t n;
    char text[];
};
static struct batch *batch_first, *batch_last;

static void
send_off(struct conn *c)
{
    struct batch *b = malloc(sizeof(*b) + c->out_n);
    if (!b)
        bench_die("no memory");
    *b = (struct batch){.of = c,
        .arrives = bench_now_us() + (int64_t)opt.far_ms * 1000,
        .n = c->out_n};
    memcpy(b->text, c->out, c->out_n);
    c->out_n = 0;
    c->travelling++;
    if (batch_last)
        batch_last->next = b;
    else
        batch_first = b;
    batch_last = b;
}

/* A batch is a few hundred octets: the socket has room for it. */
static void
arrive(void)
{
    while (batch_first && batch_first->arrives <= bench_now_us()) {
        struct batch *b = batch_first;
        struct conn *c = b->of;
        batch_first = b->next;
        if (!batch_first)
            batch_last = NULL;
        c->travelling--;
        if (c->fd >= 0 &&
            send(c->fd, b->text, b->n, MSG_NOSIGNAL) != (ssize_t)b->n)
            bench_die("a client does not read its answers");
        free(b);
        if (c->fd >= 0 && c->mode == CLOSING && !c->travelling)
            conn_close(c);
        else if (c->fd < 0 && !c->due && !c->travelling)
            conn_free(c);
    }
}

static void
flush(struct conn *c)
{
    if (!opt.far_ms)
        write_out(c);
    else if (c->fd >= 0 && c->out_n)
        send_off(c);
}

static void
say(struct conn *c, const char *text)
{
    size_t n = strlen(text);
    if (c->out_n + n > OUT_MAX)
        bench_die("a client does not read its answers");
    memcpy(c->out + c->out_n, text, n);
    c->out_n += n;
}

static bool
chance(int percent)
{
    static uint32_t x = 2463534242u;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return percent > 0 && (int)(x % 100) < percent;
}

/* --- the end of a message --- */

static void
note(const char *address, const char *what)
{
    if (opt.log)
        fprintf(opt.log, "%s - %s %lld\n", address, what,
            (long long)bench_now_us());
    if (opt.log)
        fflush(opt.log);
}

/* A line of a report's body has ended. */
static void
report_line(struct conn *c)
{
    static const char name[] = "Final-Recipient: rfc822;";
    char *p = c->line + sizeof(name) - 1;
    size_t n;
    if (strncasecmp(c->line, name, sizeof(name) - 1) != 0)
        return;
    p += strspn(p, " ");
    n = strcspn(p, " \r\n");
    p[n] = '\0';
    if (c->names_n + n + 1 < NAMES_MAX) {
        memcpy(c->names + c->names_n, p, n + 1);
        c->names_n += n + 1;
    }
}

static void
serve_report(struct conn *c)
{
    for (size_t i = 0; i < c->names_n; i += strlen(c->names + i) + 1)
        note(c->names + i, "dsn");
}

/* Bytes of one, or all that is left of it. */
static void
report_take(struct conn *c, const char *p, size_t n, bool ends_line)
{
    size_t at = (size_t)c->line_at;
    for (size_t i = 0; i < n && at < sizeof(c->line) - 1; i++)
        c->line[at++] = p[i];
    if (at < sizeof(c->line))
        c->line[at] = '\0';
    if (ends_line)
        report_line(c);
}

/* The number in a field of the head; false: there is no such field. */
static bool
field(const struct conn *c, const char *name, int base, uint64_t *value)
{
    size_t len = strlen(name);
    for (size_t i = 0; i + len < c->head_n; i++) {
        if (i && c->head[i - 1] != '\n')
            continue;
        if (memcmp(c->head + i, name, len) != 0)
            continue;
        char text[24] = {0};
        size_t n = 0;
        for (i += len; n < sizeof(text) - 1 && i < c->head_n; i++)
            text[n++] = c->head[i];
        *value = strtoull(text, NULL, base);
        return true;
    }
    return false;
}

static bool
body_is_intact(const struct conn *c)
{
    uint64_t sum;
    if (field(c, "X-Impel-Sum:", 16, &sum))
        return sum == XXH3_64bits_digest(c->sum);
    seen.unnamed++;
    return !opt.verify;
}

static void
note_time(const struct conn *c)
{
    uint64_t begun;
    if (!field(c, "X-Impel-At:", 10, &begun))
        return;
    tally_took(&seen, seen.last - (int64_t)begun);
}

static void
serve(struct conn *c)
{
    bool intact = body_is_intact(c);
    seen.messages++;
    seen.last = bench_now_us();
    if (!intact)
        seen.changed++;
    note_time(c);
    if (c->ended) {
        seen.gaps_us += seen.last - c->ended;
        seen.gaps++;
    }
    c->ended = seen.last;
    for (size_t i = 0; i < c->rcpt_n; i++) {
        if (opt.log)
            fprintf(opt.log, "%s %016llx %s %lld\n", c->rcpt[i],
                (unsigned long long)XXH3_64bits_digest(c->sum),
                intact ? "ok" : "bad", (long long)seen.last);
        seen.served++;
        if (!once_remember(c->rcpt[i])) {
            seen.twice++;
            free(c->rcpt[i]);
        }
        c->rcpt[i] = NULL;
    }
    if (opt.log)
        fflush(opt.log);
    c->rcpt_n = 0;
}

static void
answer_message(struct conn *c)
{
    if (chance(opt.temp_data)) {
        seen.tempfails++;
        say(c, "451 4.3.0 try again\r\n");
    } else if (c->rcpt_n == 0) {
        say(c, "554 5.5.1 no valid recipients\r\n");
    } else {
        if (c->report)
            serve_report(c);
        else
            serve(c);
        say(c, "250 2.0.0 taken\r\n");
    }
    drop_rcpts(c);
}

static void
end_message(struct conn *c)
{
    c->mode = COMMAND;
    if (!opt.delay_ms) {
        answer_message(c);
        return;
    }
    c->due = bench_now_us() + (int64_t)opt.delay_ms * 1000;
    c->next_due = NULL;
    if (due_last)
        due_last->next_due = c;
    else
        due_first = c;
    due_last = c;
}

static void
begin_message(struct conn *c)
{
    c->head_n = c->names_n = 0;
    c->in_body = false;
    (void)XXH3_64bits_reset(c->sum);
    c->line_at = 0;
}

/* One line or part of one, dots unstuffed; ends_line: CRLF is its end. */
static void
take(struct conn *c, const char *p, size_t n, bool ends_line)
{
    seen.bytes += (long long)n;
    if (c->in_body && c->report)
        report_take(c, p, n, ends_line);
    if (c->in_body) {
        (void)XXH3_64bits_update(c->sum, p, n);
    } else {
        size_t room = HEAD_MAX - c->head_n;
        size_t part = n < room ? n : room;
        memcpy(c->head + c->head_n, p, part);
        c->head_n += part;
        if (ends_line && c->line_at == 0 && n == 2)
            c->in_body = true;
    }
    c->line_at = ends_line ? 0 : c->line_at + (int)n;
}

/* How many octets of the input were used; 0: more is needed. */
static size_t
take_data(struct conn *c)
{
    char *end = memchr(c->in, '\n', c->in_n);
    if (!end) {
        if (c->in_n < IN_MAX / 2)
            return 0;
        size_t n = c->in_n - 1; /* a CR may be the last */
        take(c, c->in, n, false);
        return n;
    }
    size_t n = (size_t)(end - c->in) + 1;
    bool crlf = n >= 2 && end[-1] == '\r';
    if (c->line_at == 0 && n == 3 && crlf && c->in[0] == '.') {
        end_message(c);
        return n;
    }
    bool stuffed = c->line_at == 0 && c->in[0] == '.';
    take(c, c->in + stuffed, n - stuffed, crlf);
    return n;
}

static size_t
take_bdat(struct conn *c)
{
    size_t used = 0;
    while (used < c->in_n && c->bdat_left) {
        char *p = c->in + used;
        size_t n =
            c->in_n - used < c->bdat_left ? c->in_n - used : c->bdat_left;
        /* a body is taken as it comes, heads and reports line by line */
        char *end = c->in_body && !c->report ? NULL : memchr(p, '\n', n);
        if (end)
            n = (size_t)(end - p) + 1;
        take(c, p, n, end != NULL);
        used += n;
        c->bdat_left -= n;
    }
    if (c->bdat_left)
        return used;
    if (c->bdat_last) {
        end_message(c);
    } else {
        c->mode = COMMAND;
        say(c, "250 2.0.0 chunk taken\r\n");
    }
    return used;
}

/* --- commands --- */

static void
ehlo(struct conn *c)
{
    drop_rcpts(c);
    say(c, "250-sink.bench.test\r\n");
    if (opt.pipelining)
        say(c, "250-PIPELINING\r\n");
    if (opt.chunking)
        say(c, "250-CHUNKING\r\n");
    if (opt.tls && !c->wire)
        say(c, "250-STARTTLS\r\n");
    if (opt.eight)
        say(c, "250-8BITMIME\r\n");
    say(c, "250-DSN\r\n250 ENHANCEDSTATUSCODES\r\n");
}

static void
rcpt(struct conn *c, const char *line)
{
    const char *from = strchr(line, '<');
    const char *to = from ? strchr(from, '>') : NULL;
    if (!c->mail || !to || c->rcpt_n == RCPT_MAX) {
        say(c, "503 5.5.1 not now\r\n");
    } else if (opt.bounces && from[1] == 'x') {
        *strchrnul(from + 1, '>') = '\0';
        note(from + 1, "no");
        say(c, "550 5.1.1 nobody of this name\r\n");
    } else if (chance(opt.temp_rcpt) ||
        (opt.bounces && !heal && from[1] == 'z')) {
        seen.tempfails++;
        say(c, "451 4.2.0 later\r\n");
    } else {
        c->rcpt[c->rcpt_n++] = strndup(from + 1, (size_t)(to - from - 1));
        say(c, "250 2.1.5 ok\r\n");
    }
}

static void
bdat(struct conn *c, const char *line)
{
    char *rest;
    c->bdat_left = strtoul(line + 5, &rest, 10);
    c->bdat_last = strncasecmp(rest, " LAST", 5) == 0;
    c->mode = BDAT;
}

static void
command(struct conn *c, const char *line)
{
    if (!strncasecmp(line, "EHLO", 4)) {
        ehlo(c);
    } else if (!strncasecmp(line, "HELO", 4)) {
        say(c, "250 sink.bench.test\r\n");
    } else if (!strncasecmp(line, "MAIL", 4)) {
        c->mail = true;
        c->report = opt.bounces && strstr(line, "<>");
        begin_message(c);
        say(c, "250 2.1.0 ok\r\n");
    } else if (!strncasecmp(line, "RCPT", 4)) {
        rcpt(c, line);
    } else if (!strncasecmp(line, "DATA", 4)) {
        if (!c->rcpt_n) {
            say(c, "554 5.5.1 no valid recipients\r\n");
            return;
        }
        begin_message(c);
        c->mode = DATA;
        say(c, "354 go on\r\n");
    } else if (!strncasecmp(line, "BDAT", 4) && opt.chunking) {
        bdat(c, line);
    } else if (!strncasecmp(line, "STARTTLS", 8) && opt.tls && !c->wire) {
        say(c, "220 2.0.0 go on\r\n");
        write_out(c);
        c->wire = wire_new(c->fd, true, false);
    } else if (!strncasecmp(line, "QUIT", 4)) {
        say(c, "221 2.0.0 bye\r\n");
        c->mode = CLOSING;
    } else if (!strncasecmp(line, "RSET", 4) || !strncasecmp(line, "NOOP", 4)) {
        drop_rcpts(c);
        say(c, "250 2.0.0 ok\r\n");
    } else {
        say(c, "500 5.5.2 what?\r\n");
    }
}

static size_t
take_command(struct conn *c)
{
    char *end = memchr(c->in, '\n', c->in_n);
    if (!end)
        return 0;
    *end = '\0';
    command(c, c->in);
    return (size_t)(end - c->in) + 1;
}

static void
process(struct conn *c)
{
    size_t used = 0, n;
    char *base = c->in;
    size_t all = c->in_n;
    while (used < all && !c->due && c->mode != CLOSING) {
        c->in = base + used;
        c->in_n = all - used;
        n = c->mode == DATA   ? take_data(c)
            : c->mode == BDAT ? take_bdat(c)
                              : take_command(c);
        used += n;
        if (!n)
            break;
    }
    if (c->mode == BDAT && !c->bdat_left) /* BDAT 0 LAST */
        (void)take_bdat(c);
    c->in = base;
    memmove(base, base + used, all - used);
    c->in_n = all - used;
}

static void
readable(struct conn *c)
{
    for (;;) {
        ssize_t n = c->in_n < IN_MAX
            ? wire_recv(c->wire, c->fd, c->in + c->in_n, IN_MAX - c->in_n)
            : -1;
        if (n <= 0) {
            if (n == 0 || (c->in_n < IN_MAX && errno != EAGAIN)) {
                conn_close(c);
                return;
            }
            break;
        }
        if (!opt.lazy_ack)
            bench_quickack(c->fd);
        c->in_n += (size_t)n;
        process(c);
    }
    flush(c);
    if (c->mode == CLOSING && !c->out_n && !c->travelling)
        conn_close(c);
}

static void
accept_all(int lfd)
{
    int fd;
    while ((fd = accept4(lfd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct conn *c = calloc(1, sizeof(*c));
        if (!c || !(c->in = malloc(IN_MAX)) || !(c->sum = XXH3_createState()))
            bench_die("no memory");
        c->fd = fd;
        c->older = newest;
        if (newest)
            newest->newer = c;
        newest = c;
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
        seen.connections++;
        if (!seen.first)
            seen.first = bench_now_us();
        say(c, "220 sink.bench.test ESMTP\r\n");
        flush(c);
    }
}

static void
answer_due(void)
{
    while (due_first && due_first->due <= bench_now_us()) {
        struct conn *c = due_first;
        due_first = c->next_due;
        if (!due_first)
            due_last = NULL;
        c->due = 0;
        if (c->fd < 0) {
            if (!c->travelling)
                conn_free(c);
            continue;
        }
        answer_message(c);
        process(c);
        flush(c);
    }
}

static void
on_signal(int signo)
{
    if (signo == SIGUSR1)
        heal = 1;
    else
        stop = 1;
}

static void
parse(int argc, char **argv)
{
    int c;
    while ((c = getopt(argc, argv, "a:p:n:vi:l:d:w:t:e:xPC8AS:")) != -1)
        switch (c) {
        case 'a':
            opt.at.host = optarg;
            break;
        case 'p':
            opt.at.port = (int)strtol(optarg, NULL, 10);
            break;
        case 'n':
            opt.want = strtol(optarg, NULL, 10);
            break;
        case 'v':
            opt.verify = true;
            break;
        case 'i':
            opt.idle_s = (int)strtol(optarg, NULL, 10);
            break;
        case 'l':
            opt.log = fopen(optarg, "a");
            if (!opt.log)
                bench_die("%s: %s", optarg, strerror(errno));
            break;
        case 'd':
            opt.delay_ms = (int)strtol(optarg, NULL, 10);
            break;
        case 'w':
            opt.far_ms = (int)strtol(optarg, NULL, 10);
            break;
        case 'A':
            opt.lazy_ack = true;
            break;
        case 't':
            opt.temp_rcpt = (int)strtol(optarg, NULL, 10);
            break;
        case 'e':
            opt.temp_data = (int)strtol(optarg, NULL, 10);
            break;
        case 'S':
            wire_certificate(optarg);
            opt.tls = true;
            break;
        case 'x':
            opt.bounces = true;
            break;
        case 'P':
            opt.pipelining = false;
            break;
        case 'C':
            opt.chunking = false;
            break;
        case '8':
            opt.eight = false;
            break;
        default:
            bench_die("see the head of sink.c for the options");
        }
}

int
main(int argc, char **argv)
{
    struct epoll_event e[256];
    parse(argc, argv);
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    signal(SIGUSR1, on_signal);
    ep = epoll_create1(EPOLL_CLOEXEC);
    int lfd = bench_listen(&opt.at);
    struct epoll_event le = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(ep, EPOLL_CTL_ADD, lfd, &le);
    int64_t busy = bench_now_us();
    while (!stop &&
        !(opt.want && seen.served >= opt.want && !due_first && !batch_first)) {
        if (heal)
            opt.delay_ms = opt.temp_rcpt = opt.temp_data = 0;
        int n = epoll_wait(ep, e, 256, due_first || batch_first ? 1 : 200);
        for (int i = 0; i < n; i++) {
            struct conn *c = e[i].data.ptr;
            if (!c) {
                accept_all(lfd);
            } else if (e[i].events & EPOLLOUT) {
                write_out(c);
                if (c->mode == CLOSING && !c->out_n)
                    conn_close(c);
            } else {
                readable(c);
            }
        }
        answer_due();
        arrive();
        if (n > 0)
            busy = bench_now_us();
        else if (opt.idle_s && bench_now_us() - busy > opt.idle_s * 1000000LL)
            break;
    }
    while (newest) {
        newest->due = 0;
        newest->travelling = 0;
        conn_close(newest);
    }
    for (struct batch *next; batch_first; batch_first = next) {
        next = batch_first->next;
        free(batch_first);
    }
    once_forget();
    tally_print(&seen);
    return seen.twice || seen.changed || seen.served < opt.want;
}
