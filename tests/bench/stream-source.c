/* SPDX-License-Identifier: Apache-2.0
 *
 * stream-source - a load generator that speaks ECSTREAM by libimpel-ecstream:
 * one thread, some streams.
 *
 *   -h ADDR -p PORT   the server (127.0.0.1, 1825); or the path of a socket
 *   -c N   streams (1)                 -n N   messages (1000)
 *   -s N   octets of a message (5120)  -r N   recipients each (1)
 *   -d N   destination domains (1)
 *   -w N   messages of a stream that have no answer yet (0: the window)
 * Messages are those of source.c.  At the end one JSON line, like its; exit 0
 * if all were taken.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <impel/ecstream.h>

#include "bench.h"
#include "letter.h"

enum { STREAMS_MOST = 256, RCPTS_MOST = 1000 };

struct sent { /* one message */
    int64_t begun;
    size_t head_n;
    char head[488];
};
static struct {
    const char *host;
    int port, streams, size, recipients, domains, open;
    long messages;
} opt = {.host = "127.0.0.1",
    .port = ECSTREAM_PORT,
    .streams = 1,
    .size = 5120,
    .recipients = 1,
    .domains = 1,
    .messages = 1000};
static struct letter letter;
static char *body; /* unstuffed */
static long next_number, acknowledged, refused;
static int64_t *latency, started, last_ack;

static int64_t
read_part(void *arg, uint64_t at, void *to, size_t n)
{
    const struct sent *m = arg;
    size_t done = 0, some;

    if (at < m->head_n) {
        done = m->head_n - at < n ? (size_t)(m->head_n - at) : n;
        memcpy(to, m->head + at, done);
    }
    at = at + done - m->head_n;
    some = letter.unstuffed - at < n - done ? (size_t)(letter.unstuffed - at)
                                            : n - done;
    memcpy((char *)to + done, body + at, some);
    return (int64_t)(done + some);
}

static void
answered(void *arg, const struct ecstream_answer *a)
{
    struct sent *m = a->message;
    size_t taken = 0;

    (void)arg;
    while (taken < a->count && a->results[taken].code / 100 == 2)
        taken++;
    last_ack = bench_now_us();
    if (taken == a->count)
        latency[acknowledged++] = last_ack - m->begun;
    else
        refused++;
    free(m);
}

static void
send_one(struct ecstream *s)
{
    static char names[RCPTS_MOST][64];
    static struct ecstream_recipient to[RCPTS_MOST];
    struct sent *m = malloc(sizeof(*m));
    long n = next_number;
    struct ecstream_message is = {.size = sizeof(is),
        .sender = "source@bench.test",
        .recipients = to,
        .recipient_count = (size_t)opt.recipients,
        .read = read_part,
        .arg = m};

    if (!m)
        bench_die("no memory");
    m->begun = bench_now_us();
    m->head_n = letter_head(
        &letter, m->head, sizeof(m->head), n, opt.domains, m->begun);
    is.body_size = m->head_n + letter.unstuffed;
    for (int k = 0; k < opt.recipients; k++) {
        snprintf(names[k], sizeof(names[k]), "r%d.%ld@d%ld.bench.test", k, n,
            (n + k) % opt.domains);
        to[k] = (struct ecstream_recipient){.address = names[k]};
    }
    if (ecstream_send(s, &is) < 0)
        bench_die("%s", ecstream_error(s));
    next_number++;
}

static void
work(struct ecstream *s, struct pollfd *p)
{
    while (next_number < opt.messages && ecstream_has_room(s))
        send_one(s);
    if (ecstream_run(s) < 0)
        bench_die("%s", ecstream_error(s));
    p->fd = ecstream_fd(s);
    p->events = (short)ecstream_events(s);
}

static void
unstuff(void)
{
    size_t n = 0;

    body = malloc(letter.n);
    if (!body)
        bench_die("no memory");
    for (size_t i = 0; i < letter.n; i++)
        if (letter.p[i] != '.' || (i > 0 && letter.p[i - 1] != '\n'))
            body[n++] = letter.p[i];
}

static void
report(void)
{
    double s = (double)(last_ack - started) / 1e6;

    bench_sort(latency, acknowledged);
    printf("{\"acknowledged\": %ld, \"refused\": %ld, \"seconds\": %.3f, "
           "\"rate\": %.1f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, "
           "\"p999_ms\": %.3f, \"cpu\": %.3f}\n",
        acknowledged, refused, s, s > 0 ? (double)acknowledged / s : 0,
        bench_quantile_ms(latency, acknowledged, 0.5),
        bench_quantile_ms(latency, acknowledged, 0.99),
        bench_quantile_ms(latency, acknowledged, 0.999), bench_cpu_seconds());
}

static void
parse(int argc, char **argv)
{
    int c;

    while ((c = getopt(argc, argv, "h:p:c:n:s:r:d:w:")) != -1) {
        int v = optarg ? (int)strtol(optarg, NULL, 10) : 0;

        if (c == 'h')
            opt.host = optarg;
        else if (c == 'n')
            opt.messages = strtol(optarg, NULL, 10);
        else if (c == '?')
            bench_die("see the head of stream-source.c for the options");
        else
            *(c == 'p'         ? &opt.port
                    : c == 'c' ? &opt.streams
                    : c == 's' ? &opt.size
                    : c == 'r' ? &opt.recipients
                    : c == 'd' ? &opt.domains
                               : &opt.open) = v;
    }
    if (opt.messages < 1 || opt.streams < 1 || opt.streams > STREAMS_MOST ||
        opt.domains < 1 || opt.recipients < 1 || opt.recipients > RCPTS_MOST)
        bench_die("numbers must be above 0, recipients at most 1000");
}

static struct ecstream *
open_one(void)
{
    struct ecstream_options o = {.size = sizeof(o),
        .host = opt.host,
        .port = (uint16_t)opt.port,
        .name = "source.bench.test",
        .most_open = (uint32_t)opt.open,
        .answered = answered};
    char why[ECSTREAM_ERROR_SIZE];
    struct ecstream *s;

    if (ecstream_open(&o, &s, why) < 0)
        bench_die("%s", why);
    return s;
}

int
main(int argc, char **argv)
{
    static struct ecstream *s[STREAMS_MOST];
    static struct pollfd fd[STREAMS_MOST];

    parse(argc, argv);
    letter_make(&letter, opt.size, "text");
    unstuff();
    latency = calloc((size_t)opt.messages, sizeof(*latency));
    if (!latency)
        bench_die("no memory");
    for (int i = 0; i < opt.streams; i++)
        s[i] = open_one();
    started = last_ack = bench_now_us();
    while (acknowledged + refused < opt.messages) {
        int wait = 1000;

        for (int i = 0; i < opt.streams; i++) {
            int most;

            work(s[i], &fd[i]);
            most = ecstream_timeout(s[i]);
            wait = most >= 0 && most < wait ? most : wait;
        }
        if (acknowledged + refused < opt.messages)
            (void)poll(fd, (nfds_t)opt.streams, wait);
    }
    for (int i = 0; i < opt.streams; i++) {
        if (ecstream_finish(s[i], 10000) < 0)
            bench_die("%s", ecstream_error(s[i]));
        ecstream_free(&s[i]);
    }
    report();
    free(latency);
    free(letter.p);
    free(body);
    return acknowledged == opt.messages ? 0 : 1;
}
