/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-body.c - messages that come in by DATA, by BDAT and as BINARYMIME, at
 * any borders of what is read, against a plain reference that has all of it
 * before it.
 *
 * The first octet has the mode (bare newlines are mended or not), the next two
 * seed the borders, the rest is the content.  By DATA the peer sends it as it
 * is, with CRLF.CRLF behind it, and then a command, by which is seen that the
 * two agree on where the message ends.  By BDAT it comes in chunks.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/esmtp_host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char envelope[] = "s@x.test\nr@y.test\n";
static const char hello[] = "EHLO c.test\r\nMAIL FROM:<s@x.test>\r\n"
                            "RCPT TO:<r@y.test>\r\n";
static const char octets[] = "EHLO c.test\r\n"
                             "MAIL FROM:<s@x.test> BODY=BINARYMIME\r\n"
                             "RCPT TO:<r@y.test>\r\nDATA\r\n";
enum { SIZE_MOST = 3000 };

struct wanted {
    char *p; /* of the content as it is stored */
    size_t n, used;
    bool bare; /* a CR or LF stands alone in it */
    bool ends; /* the end of data is there */
};

#define must(x) \
    do { \
        if (!(x)) { \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #x); \
            abort(); \
        } \
    } while (0)

/* What RFC 5321 4.5.2 makes of the octets behind the 354: lines end in CRLF,
 * one dot goes off a line that begins with one, "." alone is the end.  A CR or
 * LF that stands alone is mended to CRLF, but begins no line. */
static void
refer_data(const char *p, size_t n, struct wanted *w)
{
    bool start = true;
    size_t i = 0;

    w->p = malloc(2 * n + 2);
    while (i < n) {
        bool crlf = p[i] == '\r' && i + 1 < n && p[i + 1] == '\n';

        if (start && p[i] == '.') {
            if (i + 2 < n && p[i + 1] == '\r' && p[i + 2] == '\n') {
                w->ends = true;
                w->used = i + 3;
                return;
            }
            start = false;
            i++;
            continue;
        }
        start = crlf;
        if (p[i] == '\r' || p[i] == '\n') {
            w->bare |= !crlf;
            memcpy(w->p + w->n, "\r\n", 2);
            w->n += 2;
        } else {
            w->p[w->n++] = p[i];
        }
        i += crlf ? 2 : 1;
    }
}

/* BDAT has no dots; a last line without its end is given one. */
static void
refer_bdat(const char *p, size_t n, struct wanted *w)
{
    w->p = malloc(2 * n + 2);
    for (size_t i = 0; i < n; i++) {
        bool crlf = p[i] == '\r' && i + 1 < n && p[i + 1] == '\n';

        if (p[i] != '\r' && p[i] != '\n') {
            w->p[w->n++] = p[i];
            continue;
        }
        w->bare |= !crlf;
        memcpy(w->p + w->n, "\r\n", 2);
        w->n += 2;
        i += crlf;
    }
    if (n && !(w->n >= 2 && w->p[w->n - 1] == '\n')) {
        memcpy(w->p + w->n, "\r\n", 2);
        w->n += 2;
    }
}

static uint32_t
next(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 16;
}

/* In pieces of 1 to 16 octets, of one, or all at once. */
static void
feed(struct esmtp_host *h, const void *p, size_t n, uint32_t *seed)
{
    size_t most = *seed % 3 == 0 ? n : *seed % 3 == 1 ? 1 : 16;

    while (n > 0 && !h->session.closed) {
        size_t take = most == 16 ? 1 + next(seed) % 16 : most;

        if (take > n)
            take = n;
        esmtp_host_feed(h, p, take);
        p = (const char *)p + take;
        n -= take;
    }
}

static struct esmtp_host *
begin(const char *words, bool mend, uint32_t *seed)
{
    struct esmtp_host *h = esmtp_host_new();

    h->option[OPT_BARE_NEWLINE] = mend;
    h->option[OPT_MAX_MESSAGE_SIZE] = SIZE_MOST;
    h->again_every = *seed % 4 ? 1 + *seed % 4 : 0; /* 1 would be for ever */
    h->full_every = *seed / 4 % 4 ? 1 + *seed / 4 % 4 : 0;
    esmtp_host_listen(h);
    esmtp_host_settle(h);
    feed(h, words, strlen(words), seed);
    return h;
}

static bool
said(const struct esmtp_host *h, const char *text)
{
    return h->session.out.n &&
        memmem(h->session.out.p, h->session.out.n, text, strlen(text));
}

/* One message at most was taken, and it is this one. */
static void
compare(const struct esmtp_host *h, const struct wanted *w, bool mend)
{
    size_t head = sizeof(envelope) - 1;

    if ((w->bare && !mend) || w->n > SIZE_MOST) {
        must(h->committed == 0);
        must(said(h, w->bare && !mend ? "\r\n550 5.6.0 " : "\r\n552 5.3.4 "));
        return;
    }
    must(h->committed == 1 && h->taken.n == head + w->n + 1 &&
        memcmp(h->taken.p, envelope, head) == 0 &&
        memcmp(h->taken.p + head, w->p, w->n) == 0);
}

static void
by_data(const char *p, size_t n, bool mend, uint32_t seed)
{
    struct esmtp_host *h = begin(hello, mend, &seed);
    struct wanted w = {0};
    char *all = malloc(n + 5);

    memcpy(all, p, n);
    memcpy(all + n, "\r\n.\r\n", 5);
    refer_data(all, n + 5, &w);
    must(w.ends);
    feed(h, "DATA\r\n", 6, &seed);
    must(said(h, "\r\n354 "));
    feed(h, all, w.used, &seed);
    compare(h, &w, mend);
    feed(h, "RSET\r\nVRFY x\r\n", 14, &seed);
    must(said(h, "\r\n252 ") == (mend || !w.bare)); /* it parts, or goes on */
    esmtp_host_end(h);
    esmtp_host_free(h);
    free(all);
    free(w.p);
}

static void
send_chunks(struct esmtp_host *h, const char *p, size_t n, uint32_t *seed)
{
    size_t at = 0;
    char line[40];

    do {
        size_t take = next(seed) % 40;

        if (take > n - at)
            take = n - at;
        snprintf(line, sizeof(line), "BDAT %zu%s\r\n", take,
            at + take == n ? " LAST" : "");
        feed(h, line, strlen(line), seed);
        feed(h, p + at, take, seed);
        at += take;
    } while (at < n && !h->session.closed);
}

static void
by_bdat(const char *p, size_t n, bool mend, uint32_t seed)
{
    struct esmtp_host *h = begin(hello, mend, &seed);
    struct wanted w = {0};

    refer_bdat(p, n, &w);
    send_chunks(h, p, n, &seed);
    /* what is refused before its last chunk is no message any more: the rest
     * is answered 503, or 554 without end */
    if ((w.bare && !mend) || w.n > SIZE_MOST)
        must(h->committed == 0);
    else
        compare(h, &w, mend);
    esmtp_host_end(h);
    esmtp_host_free(h);
    free(w.p);
}

/* BINARYMIME: as it is, and never behind DATA. */
static void
by_octets(const char *p, size_t n, uint32_t seed)
{
    struct esmtp_host *h = begin(octets, false, &seed);
    struct wanted w = {.p = (char *)(uintptr_t)p, .n = n};

    must(!said(h, "\r\n354 ") && said(h, "\r\n503 "));
    send_chunks(h, p, n, &seed);
    if (n > SIZE_MOST)
        must(h->committed == 0);
    else
        compare(h, &w, false);
    esmtp_host_end(h);
    esmtp_host_free(h);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    uint32_t seed;

    if (n < 3)
        return 0;
    seed = (uint32_t)(data[1] << 8 | data[2]);
    by_data((const char *)data + 3, n - 3, data[0] & 1, seed);
    by_bdat((const char *)data + 3, n - 3, data[0] & 1, seed);
    by_octets((const char *)data + 3, n - 3, seed);
    return 0;
}
