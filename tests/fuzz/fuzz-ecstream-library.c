/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-ecstream-library.c - what a server of ECSTREAM says to the library of
 * programs, behind a good WELCOME (or without one): whole and in pieces the
 * same, and each message is answered once.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <impel/ecstream.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { MESSAGES = 3, MOST = 60000 };
static const char welcome[] =
    "\0\0\0\x35\x81\1\0\0\0\0\0\0\0\x20\0\0\0\0\0\1\0\0\0\0\0\0\0\1\0\0"
    "\0\0\0\5\0\0\0\7\0\0\0\x09\0\x0ds.example.test";

struct world {
    int ends[2];
    unsigned told[MESSAGES];
    uint64_t sum; /* of all that was told before the end */
    bool over;
};

static void
answered(void *arg, const struct ecstream_answer *a)
{
    struct world *w = arg;
    unsigned *told = a->message;

    if (++*told > 1 || a->count != (size_t)(told - w->told) + 1)
        abort();
    for (size_t i = 0; i < a->count; i++) {
        const struct ecstream_result *r = &a->results[i];

        if (r->code && (r->code < 200 || r->code > 599 || r->code / 100 == 3))
            abort();
        for (const char *p = r->text; *p && !w->over; p++)
            w->sum = w->sum * 31 + (unsigned char)*p;
        if (!w->over)
            w->sum = w->sum * 31 + r->code + (uint64_t)(told - w->told);
    }
}

static int
dial(void *arg)
{
    struct world *w = arg;
    int fd = w->ends[0];

    w->ends[0] = -1;
    return fd;
}

static void
send_all(struct ecstream *s, struct world *w)
{
    static const struct ecstream_recipient to[] = {
        {.address = "a@x"}, {.address = "b@x"}, {.address = "c@x"}};

    for (size_t i = 0; i < MESSAGES; i++) {
        struct ecstream_message m = {.size = sizeof(m),
            .recipients = to,
            .recipient_count = i + 1,
            .body = "x\r\n",
            .body_size = 3,
            .arg = &w->told[i]};

        if (ecstream_send(s, &m) < 0)
            abort();
    }
}

static uint64_t
talk(const uint8_t *p, size_t n, size_t piece)
{
    struct world w = {0};
    struct ecstream_options o = {.size = sizeof(o),
        .name = "c",
        .answered = answered,
        .dial = dial,
        .arg = &w};
    char why[ECSTREAM_ERROR_SIZE], skipped[4096];
    bool greet = n && p[0] & 1;
    struct ecstream *s;

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, w.ends) < 0 ||
        fcntl(w.ends[1], F_SETFL, O_NONBLOCK) < 0 ||
        ecstream_open(&o, &s, why) < 0)
        abort();
    send_all(s, &w);
    (void)ecstream_run(s);
    if (greet)
        (void)send(w.ends[1], welcome, sizeof(welcome) - 1, MSG_NOSIGNAL);
    (void)ecstream_run(s);
    for (size_t at = 1; at < n; at += piece) {
        (void)send(
            w.ends[1], p + at, piece < n - at ? piece : n - at, MSG_NOSIGNAL);
        (void)ecstream_run(s);
        while (read(w.ends[1], skipped, sizeof(skipped)) > 0) {
        }
    }
    w.over = true;
    ecstream_free(&s);
    for (size_t i = 0; i < MESSAGES; i++)
        if (w.told[i] != 1)
            abort();
    close(w.ends[1]);
    return w.sum;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    uint64_t whole, pieces;

    if (n > MOST)
        n = MOST;
    whole = talk(data, n, MOST);
    pieces = talk(data, n, n < 300 ? 1 : 97);
    /* answers that come with WELCOME come before the messages */
    if (n && data[0] & 1 && whole != pieces)
        abort();
    return 0;
}
