/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-h2.c - what a server of HTTP/2 says to four requests: each is told once,
 * whatever comes, and all that is told lies within bounds.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "h2.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct impel_str input;
static int told[8];

static struct impel_str
host_input(struct impel_session *s)
{
    (void)s;
    return input;
}

static void
host_consume(struct impel_session *s, size_t n)
{
    (void)s;
    if (n > input.n)
        abort();
    input.p += n;
    input.n -= n;
}

static int
host_write(struct impel_session *s, const void *p, size_t n)
{
    (void)s, (void)p, (void)n;
    return 0;
}

static const struct impel_host host = {.size = sizeof(host),
    .input = host_input,
    .consume = host_consume,
    .write = host_write};

static void
answer(void *arg, void *mark, const struct h2_answer *a)
{
    size_t octets = 0;

    (void)arg;
    if (++*(int *)mark != 1 || a->header_count > H2_HEADERS_MOST ||
        a->body.n > H2_BODY_MOST)
        abort();
    for (size_t i = 0; i < a->header_count; i++) {
        if (memchr(a->header[i].value.p, '\n', a->header[i].value.n))
            abort();
        octets += a->header[i].key.n + a->header[i].value.n;
    }
    if (octets > H2_HEADER_OCTETS || a->status < 0 || a->status > 999 ||
        (a->end == H2_ANSWERED && a->status < 200))
        abort();
    if (h2_retry_after(a, 1000000) > 86400000)
        abort();
}

static void
room(void *arg, uint32_t streams)
{
    (void)arg;
    if (streams > H2_STREAMS_MOST)
        abort();
}

static void
goaway(void *arg, uint32_t error, struct impel_str words)
{
    (void)arg, (void)error, (void)words;
}

static void
pong(void *arg)
{
    (void)arg;
}

static const struct h2_calls calls = {answer, room, goaway, pong};

/* The first octet says how long the pieces are. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct h2 *h = h2_new(&host, NULL, &calls, NULL);
    struct h2_request r = {.method = {"POST", 4},
        .scheme = {"https", 5},
        .authority = {"a", 1},
        .path = {"/", 1},
        .body = {"{}", 2}};
    size_t step = n ? data[0] + 1u : 1;
    const char *why;
    int asked = 0;

    memset(told, 0, sizeof(told));
    for (; asked < 4; asked++)
        if (h2_request(h, &r, &told[asked]) < 0)
            abort();
    (void)h2_flush(h);
    for (size_t i = 1; i < n; i += step) {
        input.p = (const char *)data + i;
        input.n = n - i < step ? n - i : step;
        if (h2_input(h, &why) < 0 || h2_flush(h) < 0)
            break;
        if (asked == 4 && i > n / 2 && h2_request(h, &r, &told[asked]) > 0)
            asked++;
    }
    h2_end(h);
    for (int i = 0; i < asked; i++)
        if (told[i] != 1)
            abort();
    if (h2_open(h))
        abort();
    h2_free(h);
    return 0;
}
