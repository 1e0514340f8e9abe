/* SPDX-License-Identifier: Apache-2.0
 *
 * source - a load generator: one thread, epoll, many connections.
 *
 *   -h ADDR -p PORT   the server (127.0.0.1, 2525)
 *   -c N   connections (20)            -n N   messages (1000)
 *   -s N   octets of a message (5120)  -r N   recipients each (1)
 *   -d N   destination domains (1)     -k N   messages a connection, 0: all
 *   -i N   number of the first message (0)
 *   -f ADDR  sender (source@bench.test), "" for the null one
 *   -B     BDAT where CHUNKING is offered
 *   -R     go on after lost connections and 4xx, until -T SECONDS (600)
 *   -o FILE  a line with the number of each acknowledged message
 *   -j FILE  a journal: "sent N.A" once the last octet of message N, attempt A
 *          (from 0), went to the socket, "acked N.A" when its 250 was read,
 *          "refused N.A" when it was another reply; recipients are
 *          r<k>.<n>.<a>@d<j> then, so that each attempt has its own
 *   -x N   of each Nth message, of all its recipients, the names begin with an
 *          x, which a sink with -x refuses (0: of none); -z N: with a z,
 *          which it puts off until SIGUSR1
 *   -N     the dialogue alone: NOOP for each command of a message and one for
 *          its end, in as many round trips; nothing is sent to anybody
 *   -b KIND  what bodies are of: text (a sentence, again and again), base64 or
 *          8bit (both of random octets: as little to compress as there can be)
 *   -A     leave acknowledgements of TCP to the system (no TCP_QUICKACK)
 *   -S     STARTTLS first, which must be offered; sessions are resumed
 *   -U     but no session is resumed
 * With -R a connection that has been silent for 20 s is given up, and a message
 * that was handed over and not answered is sent again: such are counted as
 * "unsure" (they may come twice).  At the end one JSON line; exit 0 if all were
 * acknowledged.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "bench.h"
#include "letter.h"
#include "wire.h"

enum { IN_MAX = 8192, ENVELOPE_MAX = 131072, SILENT_US = 20000000 };
enum state { DOWN, GREETING, HELLO, STARTTLS, SENDING, WAITING, QUITTING };

struct conn {
    int fd;
    struct wire *wire; /* NULL: in clear */
    enum state state;
    char in[IN_MAX];
    size_t in_n;
    char *out;
    size_t out_n, out_at;
    long number;      /* of the message under way; -1: none */
    int replies_left; /* of it */
    bool refused;
    bool waits_354; /* the body follows DATA's reply */
    bool chunking;
    long done; /* messages on this connection */
    int64_t begun, retry_at, heard;
    bool watching_out;
    int attempt;   /* of the message under way */
    bool all_sent; /* its journal says so */
};

static struct options {
    struct peer_address to;
    int connections, size, recipients, domains;
    long messages, per_connection, first, limit_s;
    const char *sender, *kind;
    bool bdat, retry, dialogue, lazy_ack, tls, fresh;
    FILE *log, *journal;
    long bad_every, late_every;
} opt = {.to = {"127.0.0.1", 2525},
    .connections = 20,
    .size = 5120,
    .recipients = 1,
    .domains = 1,
    .messages = 1000,
    .limit_s = 600,
    .sender = "source@bench.test",
    .kind = "text"};

static int ep;
static long next_number, acknowledged, refused, lost, unsure, live;
static long *again, again_n, again_size;
static int64_t *latency, started, first_ack, last_ack;
static int *attempts; /* of each message, with a journal */
static struct letter letter;

static long
take_number(void)
{
    if (again_n)
        return again[--again_n];
    return next_number < opt.messages ? next_number++ : -1;
}

static void
give_back(long number)
{
    if (again_n == again_size) {
        again_size = again_size ? 2 * again_size : 1024;
        again = realloc(again, (size_t)again_size * sizeof(*again));
        if (!again)
            bench_die("no memory");
    }
    again[again_n++] = number;
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

/* Only what has left us whole may be delivered. */
static void
note_sent(struct conn *c)
{
    if (!opt.journal || c->all_sent || c->number < 0 || c->state != SENDING ||
        c->waits_354)
        return;
    c->all_sent = true;
    fprintf(opt.journal, "sent %ld.%d\n", opt.first + c->number, c->attempt);
}

static void
note_answer(const struct conn *c, const char *word)
{
    if (opt.journal && c->number >= 0)
        fprintf(opt.journal, "%s %ld.%d\n", word, opt.first + c->number,
            c->attempt);
}

static void
flush(struct conn *c)
{
    while (c->out_at < c->out_n) {
        ssize_t n =
            wire_send(c->wire, c->fd, c->out + c->out_at, c->out_n - c->out_at);
        if (n < 0)
            break;
        c->out_at += (size_t)n;
    }
    if (c->out_at == c->out_n)
        note_sent(c);
    if (!opt.lazy_ack)
        bench_quickack(c->fd);
    watch(c, c->out_at < c->out_n && wire_is_up(c->wire));
}

static void
put(struct conn *c, const char *p, size_t n)
{
    if (c->out_at == c->out_n)
        c->out_at = c->out_n = 0;
    memcpy(c->out + c->out_n, p, n); /* out has room for all of a message */
    c->out_n += n;
}

static void
down(struct conn *c, int64_t pause_us)
{
    if (c->fd >= 0) {
        wire_free(&c->wire);
        close(c->fd);
        live--;
    }
    c->fd = -1;
    c->state = DOWN;
    c->watching_out = false;
    c->retry_at = bench_now_us() + pause_us;
}

/* The connection went: what was under way is given back, or lost. */
static void
broken(struct conn *c)
{
    if (c->number >= 0) {
        if (opt.retry) {
            unsure++;
            give_back(c->number);
        } else {
            lost++;
        }
        c->number = -1;
    }
    down(c, opt.retry ? 50000 : 0);
}

static void
dial(struct conn *c)
{
    c->fd = bench_connect(&opt.to);
    if (c->fd < 0) {
        c->retry_at = bench_now_us() + 50000;
        return;
    }
    live++;
    c->in_n = c->out_n = c->out_at = 0;
    c->done = 0;
    c->number = -1;
    c->heard = bench_now_us();
    c->state = GREETING;
    c->chunking = false;
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &e);
}

static void
put_unstuffed(struct conn *c)
{
    size_t from = 0;
    for (size_t i = 0; i < letter.n; i++)
        if (letter.p[i] == '.' && (i == 0 || letter.p[i - 1] == '\n')) {
            put(c, letter.p + from, i - from);
            from = i + 1;
        }
    put(c, letter.p + from, letter.n - from);
}

static void
put_content(struct conn *c)
{
    char head[1024];
    size_t n = letter_head(&letter, head, sizeof(head), opt.first + c->number,
        opt.domains, c->begun);
    if (opt.bdat && c->chunking) {
        char cmd[48];
        put(c, cmd,
            (size_t)snprintf(
                cmd, sizeof(cmd), "BDAT %zu LAST\r\n", n + letter.unstuffed));
        put(c, head, n);
        put_unstuffed(c);
    } else {
        put(c, head, n);
        put(c, letter.p, letter.n);
        put(c, ".\r\n", 3);
    }
}

/* As many replies in the first round trip as MAIL, RCPT and DATA get. */
static void
begin_dialogue(struct conn *c)
{
    for (int i = 0; i < 2 + opt.recipients; i++)
        put(c, "NOOP\r\n", 6);
    c->replies_left = 2 + opt.recipients;
    c->refused = false;
    c->waits_354 = true;
    c->state = SENDING;
}

static void
put_rcpt(struct conn *c, int k)
{
    char text[512], attempt[16] = "";
    long n = opt.first + c->number;
    const char *name = "r";
    if (opt.bad_every && n % opt.bad_every == 0)
        name = "x";
    else if (opt.late_every && n % opt.late_every == 1)
        name = "z";

    if (opt.journal)
        snprintf(attempt, sizeof(attempt), ".%d", c->attempt);
    put(c, text,
        (size_t)snprintf(text, sizeof(text),
            "RCPT TO:<%s%d.%ld%s@d%ld.bench.test>\r\n", name, k, n, attempt,
            (n + k) % opt.domains));
}

static void
begin(struct conn *c)
{
    char text[512];
    bool enough = opt.per_connection && c->done >= opt.per_connection;
    c->number = enough ? -1 : take_number();
    if (c->number < 0) {
        put(c, "QUIT\r\n", 6);
        c->state = QUITTING;
        return;
    }
    c->begun = bench_now_us();
    c->all_sent = false;
    if (opt.journal)
        c->attempt = attempts[c->number]++;
    if (opt.dialogue) {
        begin_dialogue(c);
        return;
    }
    put(c, text,
        (size_t)snprintf(text, sizeof(text), "MAIL FROM:<%s>\r\n", opt.sender));
    for (int k = 0; k < opt.recipients; k++)
        put_rcpt(c, k);
    c->replies_left = 2 + opt.recipients;
    c->refused = false;
    c->waits_354 = !(opt.bdat && c->chunking);
    if (c->waits_354)
        put(c, "DATA\r\n", 6);
    else
        put_content(c);
    c->state = SENDING;
}

static void
finished(struct conn *c, int code)
{
    last_ack = bench_now_us();
    if (!first_ack)
        first_ack = last_ack;
    if (code / 100 == 2 && !c->refused) {
        latency[acknowledged++] = last_ack - c->begun;
        if (opt.log)
            fprintf(opt.log, "%ld\n", opt.first + c->number);
        note_answer(c, "acked");
    } else {
        note_answer(c, "refused");
        if (opt.retry)
            give_back(c->number);
        else
            refused++;
    }
    c->number = -1;
    c->done++;
    begin(c);
}

static void
reply_to_message(struct conn *c, int code)
{
    c->replies_left--;
    if (c->waits_354 && c->replies_left == 0) { /* DATA's */
        c->waits_354 = false;
        if (opt.dialogue) {
            c->replies_left = 1;
            put(c, "NOOP\r\n", 6);
            return;
        }
        if (code == 354) {
            c->replies_left = 1;
            put_content(c);
            return;
        }
        finished(c, 554);
        return;
    }
    if (c->replies_left == 0)
        finished(c, code);
    else if (code / 100 != 2)
        c->refused = true;
}

static void
reply(struct conn *c, const char *line)
{
    int code = (int)strtol(line, NULL, 10);
    if (strncasecmp(line + 4, "CHUNKING", 8) == 0)
        c->chunking = true;
    if (line[3] == '-')
        return;
    if (code == 421) {
        c->state = QUITTING;
        return;
    }
    switch (c->state) {
    case GREETING:
        put(c, "EHLO source.bench.test\r\n", 24);
        c->state = HELLO;
        break;
    case HELLO:
        if (opt.tls && !c->wire) {
            put(c, "STARTTLS\r\n", 10);
            c->state = STARTTLS;
            break;
        }
        begin(c);
        break;
    case STARTTLS:
        if (code != 220)
            bench_die("no STARTTLS: %s", line);
        c->wire = wire_new(c->fd, false, opt.fresh);
        put(c, "EHLO source.bench.test\r\n", 24);
        c->state = HELLO;
        break;
    case SENDING:
        reply_to_message(c, code);
        break;
    default:
        break;
    }
}

static void
readable(struct conn *c)
{
    ssize_t got;
    while ((got = wire_recv(
                c->wire, c->fd, c->in + c->in_n, IN_MAX - c->in_n - 1)) > 0) {
        size_t at = 0;
        char *end;
        c->heard = bench_now_us();
        c->in_n += (size_t)got;
        while ((end = memchr(c->in + at, '\n', c->in_n - at)) != NULL) {
            *end = '\0';
            if (end - (c->in + at) > 3)
                reply(c, c->in + at);
            at = (size_t)(end - c->in) + 1;
        }
        memmove(c->in, c->in + at, c->in_n - at);
        c->in_n -= at;
    }
    if (got == 0 || errno != EAGAIN) {
        if (c->state == QUITTING && c->number < 0)
            down(c, 0);
        else
            broken(c);
        return;
    }
    flush(c);
}

static double
quantile(double q)
{
    return bench_quantile_ms(latency, acknowledged, q);
}

static void
report(void)
{
    double s = (double)(last_ack - started) / 1e6;
    bench_sort(latency, acknowledged);
    printf("{\"acknowledged\": %ld, \"refused\": %ld, \"lost\": %ld, "
           "\"unsure\": %ld, \"seconds\": %.3f, \"rate\": %.1f, "
           "\"p50_ms\": %.3f, \"p99_ms\": %.3f, \"p999_ms\": %.3f, "
           "\"cpu\": %.3f, \"handshakes\": %ld, \"resumed\": %ld}\n",
        acknowledged, refused, lost, unsure, s,
        s > 0 ? (double)acknowledged / s : 0, quantile(0.5), quantile(0.99),
        quantile(0.999), bench_cpu_seconds(), wire_count, wire_resumed);
}

static FILE *
open_log(const char *path)
{
    FILE *f = fopen(path, "a");
    if (!f)
        bench_die("%s: %s", path, strerror(errno));
    setvbuf(f, NULL, _IOLBF, 0);
    return f;
}

static void
set_kind(char *kind)
{
    if (strcmp(kind, "text") && strcmp(kind, "base64") && strcmp(kind, "8bit"))
        bench_die("-b is text, base64 or 8bit");
    opt.kind = kind;
}

static bool
set_flag(int c)
{
    const struct {
        int c;
        bool *to;
    } row[] = {{'B', &opt.bdat}, {'R', &opt.retry}, {'N', &opt.dialogue},
        {'A', &opt.lazy_ack}, {'S', &opt.tls}, {'U', &opt.fresh}};

    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
        if (row[i].c == c)
            return *row[i].to = true;
    return false;
}

static bool
set_number(int c, long v)
{
    const struct {
        int c;
        long *to;
    } row[] = {{'n', &opt.messages}, {'k', &opt.per_connection},
        {'i', &opt.first}, {'T', &opt.limit_s}, {'x', &opt.bad_every},
        {'z', &opt.late_every}};
    const struct {
        int c;
        int *to;
    } small[] = {{'p', &opt.to.port}, {'c', &opt.connections}, {'s', &opt.size},
        {'r', &opt.recipients}, {'d', &opt.domains}};

    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
        if (row[i].c == c) {
            *row[i].to = v;
            return true;
        }
    for (size_t i = 0; i < sizeof(small) / sizeof(small[0]); i++)
        if (small[i].c == c) {
            *small[i].to = (int)v;
            return true;
        }
    return false;
}

static void
set_option(int c)
{
    if (set_flag(c) || (optarg && set_number(c, strtol(optarg, NULL, 10))))
        return;
    switch (c) {
    case 'h':
        opt.to.host = optarg;
        break;
    case 'f':
        opt.sender = optarg;
        break;
    case 'b':
        set_kind(optarg);
        break;
    case 'o':
        opt.log = open_log(optarg);
        break;
    case 'j':
        opt.journal = open_log(optarg);
        break;
    default:
        bench_die("see the head of source.c for the options");
    }
}

static void
parse(int argc, char **argv)
{
    int c;
    while ((c = getopt(argc, argv, "b:h:p:c:n:s:r:d:k:i:f:BRNASUT:o:j:x:z:")) !=
        -1)
        set_option(c);
    if (opt.messages < 1 || opt.connections < 1 || opt.domains < 1 ||
        opt.recipients < 1 || opt.recipients > 1000)
        bench_die("numbers must be above 0, recipients at most 1000");
}

static bool
all_done(void)
{
    return acknowledged + refused + lost >= opt.messages;
}

int
main(int argc, char **argv)
{
    struct epoll_event e[256];
    parse(argc, argv);
    letter_make(&letter, opt.size, opt.kind);
    latency = calloc((size_t)opt.messages, sizeof(*latency));
    attempts = calloc((size_t)opt.messages, sizeof(*attempts));
    struct conn *all = calloc((size_t)opt.connections, sizeof(*all));
    if (!latency || !attempts || !all)
        bench_die("no memory");
    ep = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < opt.connections; i++) {
        all[i].fd = -1;
        all[i].out = malloc(ENVELOPE_MAX + 2 * letter.n + 4096);
        if (!all[i].out)
            bench_die("no memory");
    }
    started = last_ack = bench_now_us();
    while (!(all_done() && live == 0)) {
        int64_t now = bench_now_us();
        if (now - started > opt.limit_s * 1000000)
            break;
        for (int i = 0; i < opt.connections; i++)
            if (all[i].fd < 0 && !all_done() && now >= all[i].retry_at &&
                (again_n || next_number < opt.messages))
                dial(&all[i]);
        for (int i = 0; i < opt.connections && opt.retry; i++)
            if (all[i].fd >= 0 && now - all[i].heard > SILENT_US)
                broken(&all[i]); /* whoever dies may leave it half open */
        int n = epoll_wait(ep, e, 256, 20);
        for (int i = 0; i < n; i++) {
            struct conn *c = e[i].data.ptr;
            if (c->fd >= 0 && e[i].events & EPOLLOUT)
                flush(c);
            if (c->fd >= 0 && e[i].events & ~(uint32_t)EPOLLOUT)
                readable(c);
        }
        if (!opt.retry && !live && !all_done() && started + 2000000 < now)
            break; /* nobody answers */
    }
    report();
    for (int i = 0; i < opt.connections; i++)
        free(all[i].out);
    free(all);
    free(latency);
    free(attempts);
    free(again);
    free(letter.p);
    return acknowledged == opt.messages ? 0 : 1;
}
