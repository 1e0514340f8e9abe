/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-ecstream-client.c - a connection of ECSTREAM that takes mail away, with
 * any octets of a server.  Each recipient is reported once, nobody is told of
 * a delivery of what was not sent; frame by frame and octet by octet, with and
 * without pauses, the same.
 *
 * The first octet of the input chooses: 1 WELCOME was said already, 2 its
 * windows are small, 4 bodies cannot be read, 8 the host closes at the end,
 * 16 the first batch is cancelled, 32 nothing settles, 64 a probe.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/ecstream_host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum {
    GREETED = 1,
    SMALL = 2,
    UNREADABLE = 4,
    CLOSES = 8,
    CANCELS = 16,
    UNSETTLED = 32,
    PROBES = 64,
    BATCHES = 4
};
struct played {
    struct ecstream_host *h;
    struct impel_batch batch[BATCHES];
    size_t lent;
};
static const char welcome[] = "\0\0\0\51\x81\1\0\0\0\0\0\0\0\12"
                              "\0\0\0\0\0\1\0\0\0\0\0\0\0\1\0\0"
                              "\0\0\0\12\0\0\0\1\0\0\0\1\0\1s";
static const char narrow[] = "\0\0\0\51\x81\1\0\0\0\0\0\0\0\2"
                             "\0\0\0\0\0\0\0\20\0\0\0\0\0\1\0\0"
                             "\0\0\0\3\0\0\0\1\0\0\0\1\0\1s";

static void
must(int is)
{
    if (!is)
        abort();
}

static void
lend(struct played *p)
{
    static const struct impel_rcpt a = {
        .size = sizeof(a), .number = 0, .address = {"a@b", 3}};
    static const struct impel_rcpt b = {
        .size = sizeof(b), .number = 1, .notify = 2, .address = {"b@b", 3}};
    static const struct impel_rcpt c = {.size = sizeof(c),
        .number = 5,
        .address = {"c@b", 3},
        .original = {"rfc822;c", 8}};
    static const struct impel_rcpt *rcpt[] = {&a, &b, &c};
    static const char *const keys[BATCHES] = {
        "first-key", "other-key", "third-key", "first-key"};
    struct impel_batch *batch = &p->batch[p->lent];

    batch->body = p->lent == 1 ? "" : "the text of it\r\n";
    batch->envelope =
        (struct impel_envelope){.size = sizeof(struct impel_envelope),
            .id = {keys[p->lent], 9},
            .needs = p->lent == 2 ? IMPEL_NEED_TLS : IMPEL_NEED_8BIT,
            .sender = {"s@b", 3},
            .ret = 1,
            .rcpt_count = p->lent == 3 ? 2 : 3,
            .rcpt = rcpt};
    p->lent++;
    ecstream_host_lend(p->h, batch);
}

/* As many as it takes now. */
static void
lend_all(struct played *p)
{
    while (p->lent < BATCHES && !p->h->session.closed) {
        size_t open = 0;

        for (size_t i = 0; i < p->lent; i++)
            open += !p->batch[i].ended;
        if (open >= p->h->session.ready || p->h->session.draining)
            return;
        lend(p);
    }
}

static void
play(struct played *p, const uint8_t *data, size_t n, int how, size_t piece,
    unsigned pauses)
{
    struct ecstream_host *h = p->h = ecstream_host_new();
    size_t at, take;

    p->lent = 0;
    memset(p->batch, 0, sizeof(p->batch));
    h->full_every = h->unread_every = pauses;
    h->context = "given";
    h->keep_unsettled = false;
    ecstream_host_connect(h);
    h->keep_unsettled = how & UNSETTLED;
    h->unreadable = how & UNREADABLE;
    if (how & GREETED)
        ecstream_host_feed(
            h, how & SMALL ? narrow : welcome, sizeof(welcome) - 1);
    lend_all(p);
    if (how & CANCELS && p->lent && !h->session.closed && !p->batch[0].ended)
        ecstream_transport.cancel(h->s, &p->batch[0]);
    for (at = 0; at < n && !h->session.closed; at += take) {
        take = piece ? piece : ecstream_host_frame(data + at, n - at);
        take = take < n - at ? take : n - at;
        ecstream_host_feed(h, data + at, take);
    }
    if (how & PROBES && !h->session.closed && p->lent == 0 && h->session.ready)
        ecstream_transport.probe(h->s);
    ecstream_host_settle(h);
    if (how & CLOSES && !h->session.closed)
        ecstream_transport.close(h->s, how & CANCELS);
    ecstream_host_settle(h);
    ecstream_host_end(h);
}

static void
look(const struct played *p)
{
    const struct text *out = &p->h->session.out;

    for (size_t i = 0; i < p->lent; i++) {
        const struct impel_batch *b = &p->batch[i];

        for (size_t k = 0; k < b->envelope.rcpt_count; k++) {
            must(b->reported[k] == 1);
            must(b->verdict[k] != IMPEL_DELIVERED ||
                memmem(out->p, out->n, b->envelope.id.p, 9));
        }
    }
}

static void
same(struct played *a, struct played *b)
{
    look(b);
    must(a->lent == b->lent);
    for (size_t i = 0; i < a->lent; i++)
        must(!memcmp(a->batch[i].verdict, b->batch[i].verdict,
                 sizeof(a->batch[i].verdict)) &&
            !memcmp(
                a->batch[i].code, b->batch[i].code, sizeof(a->batch[i].code)) &&
            !memcmp(a->batch[i].flags, b->batch[i].flags,
                sizeof(a->batch[i].flags)));
    ecstream_host_free(b->h);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    int how = n ? data[0] : 0;
    struct played a, b;

    if (!n || n > 100000)
        return 0;
    data++;
    n--;
    play(&a, data, n, how, 0, 0);
    look(&a);
    play(&b, data, n, how, 1, 0);
    same(&a, &b);
    play(&b, data, n, how, 1, 3);
    same(&a, &b);
    ecstream_host_free(a.h);
    play(&a, data, n, how, SIZE_MAX, 0);
    look(&a);
    ecstream_host_free(a.h);
    return 0;
}
