/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-ecstream-server.c - a connection of ECSTREAM that brings mail, with any
 * octets.  Frame by frame and octet by octet, with and without pauses for
 * credit and for output, the same is answered and taken; what is answered is
 * well-formed, and each message once.
 *
 * The first octet of the input chooses: 1 HELLO was said already, 2 commits
 * are answered at the end, 4 they fail, 8 the windows are small, 16 some
 * numbers are known from before.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/ecstream_host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { GREETED = 1, HELD = 2, FAILING = 4, SMALL = 8, KNOWN = 16 };
static const char hello[] = "\0\0\0\46\1ECSTREAM\1\1\0\0\0\0"
                            "0123456789abcdef\0\1c\0\1t";
struct said {
    uint64_t answers, others; /* in any order; in theirs */
    size_t count;
};

static void
must(int is)
{
    if (!is)
        abort();
}

static uint64_t
hash(uint64_t h, const void *p, size_t n)
{
    const uint8_t *at = p;

    for (size_t i = 0; i < n; i++)
        h = (h ^ at[i]) * UINT64_C(0x100000001b3);
    return h;
}

/* Its recipients are named once each, in order. */
static void
look_at_answer(struct said *said, struct frame_in *in)
{
    const uint8_t *begun = in->p;
    uint32_t tag = frame_u32(in), next = 0;
    uint16_t groups = frame_u16(in);

    must(tag > 0 && groups > 0);
    for (uint16_t i = 0; i < groups; i++) {
        uint16_t code = frame_u16(in), runs;

        (void)frame_octets(in, 3);
        (void)frame_text(in);
        runs = frame_u16(in);
        must(code >= 200 && code < 600 && runs > 0);
        for (uint16_t k = 0; k < runs; k++) {
            uint32_t first = frame_u32(in), count = frame_u32(in);

            must(first == next && count > 0);
            next += count;
        }
    }
    must(!in->bad);
    said->answers += hash(1, begun, (size_t)(in->p - begun));
    said->count++;
}

static struct said
look(const struct text *out)
{
    struct said said = {0, 0, 0};

    for (size_t at = 0; at < out->n;) {
        uint32_t length;
        uint8_t type;
        struct frame_in in;

        must(frame_head(out->p + at, out->n - at, &length, &type));
        must(length >= 1 && length <= out->n - at - 4);
        in = (struct frame_in){
            (const uint8_t *)out->p + at + FRAME_HEAD, length - 1, false};
        if (type == FRAME_RESULTS) {
            uint16_t count = frame_u16(&in);

            must(count > 0);
            while (count--)
                look_at_answer(&said, &in);
            must(frame_is_done(&in));
        } else {
            said.others = hash(said.others, out->p + at, length + 4u);
        }
        at += length + 4u;
    }
    return said;
}

static struct ecstream_host *
play(const uint8_t *data, size_t n, int how, size_t piece, unsigned pauses)
{
    struct ecstream_host *h = ecstream_host_new();
    size_t at, take;

    h->again_every = h->full_every = pauses;
    h->hold = how & HELD;
    h->overfull = how & FAILING;
    if (how & SMALL) {
        h->option[OPT_MAX_BATCH_SIZE] = 2;
        h->option[OPT_WINDOW] = 20;
        h->option[OPT_MAX_RECIPIENTS] = 2;
    }
    if (how & KNOWN)
        h->host.state_put(NULL, (struct impel_str){"0123456789abcdefk", 17},
            (struct impel_str){"\0\0\0\0\0\0\0\1", 8}, 0);
    ecstream_host_listen(h);
    if (how & GREETED)
        ecstream_host_feed(h, hello, sizeof(hello) - 1);
    for (at = 0; at < n; at += take) {
        take = piece ? piece : ecstream_host_frame(data + at, n - at);
        take = take < n - at ? take : n - at;
        ecstream_host_feed(h, data + at, take);
    }
    h->hold = false;
    ecstream_host_settle(h);
    ecstream_host_end(h);
    return h;
}

static void
same(struct ecstream_host *a, struct ecstream_host *b)
{
    struct said x = look(&a->session.out), y = look(&b->session.out);

    must(x.answers == y.answers && x.others == y.others && x.count == y.count);
    must(a->committed == b->committed && a->taken.n == b->taken.n);
    must(!a->taken.n || !memcmp(a->taken.p, b->taken.p, a->taken.n));
    ecstream_host_free(b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    int how = n ? data[0] : 0;
    struct ecstream_host *a;

    if (!n || n > 100000)
        return 0;
    data++;
    n--;
    /* when an answer comes decides what may be said next: so it is held, or
     * the pieces end where frames do */
    a = play(data, n, how, how & HELD ? SIZE_MAX : 0, 0);
    same(a, play(data, n, how, 1, 0));
    same(a, play(data, n, how, 1, 3));
    ecstream_host_free(a);
    a = play(data, n, how, SIZE_MAX, 0);
    (void)look(&a->session.out);
    ecstream_host_free(a);
    return 0;
}
