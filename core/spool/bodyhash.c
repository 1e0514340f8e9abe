/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/bodyhash.h"

#include <gnutls/crypto.h>
#include <stdlib.h>
#include "base/bug.h"
#include "base/xmem.h"

#include "base/banned.h"

enum { BODYHASH_ROOM = 4096 };

struct bodyhash {
    gnutls_hash_hd_t sum;
    bool relaxed;
    bool cr;         /* the last octet was a CR: its LF may follow */
    bool space;      /* white space is open (relaxed) */
    bool some;       /* a line that is not empty was met */
    uint64_t breaks; /* line ends that nothing but such may follow */
    size_t n;
    char out[BODYHASH_ROOM];
};

struct bodyhash *
bodyhash_new(int form)
{
    struct bodyhash *h = xmalloc(sizeof(*h));

    memset(h, 0, offsetof(struct bodyhash, out));
    h->relaxed = form == BODYHASH_RELAXED;
    BUG_ON(gnutls_hash_init(&h->sum, GNUTLS_DIG_SHA256) < 0);
    return h;
}

static void
bodyhash_flush(struct bodyhash *h)
{
    BUG_ON(gnutls_hash(h->sum, h->out, h->n) < 0);
    h->n = 0;
}

static void
bodyhash_put(struct bodyhash *h, const char *p, size_t n)
{
    if (n > BODYHASH_ROOM - h->n)
        bodyhash_flush(h);
    if (n > BODYHASH_ROOM) {
        BUG_ON(gnutls_hash(h->sum, p, n) < 0);
        return;
    }
    memcpy(h->out + h->n, p, n);
    h->n += n;
}

/* Something of a line follows: what was held back before it counts. */
static void
bodyhash_hold_no_more(struct bodyhash *h)
{
    for (; h->breaks; h->breaks--)
        bodyhash_put(h, "\r\n", 2);
    if (h->space)
        bodyhash_put(h, " ", 1);
    h->space = false;
    h->some = true;
}

static void
bodyhash_octets(struct bodyhash *h, const char *p, size_t n)
{
    bodyhash_hold_no_more(h);
    bodyhash_put(h, p, n);
}

static bool
bodyhash_is_space(const struct bodyhash *h, char c)
{
    return h->relaxed && (c == ' ' || c == '\t');
}

/* Octets that are neither a CR nor white space which counts. */
static size_t
bodyhash_span(const struct bodyhash *h, const char *p, size_t n)
{
    const char *cr = memchr(p, '\r', n);
    size_t i = 0;

    n = cr ? (size_t)(cr - p) : n;
    if (!h->relaxed)
        return n;
    while (i < n && p[i] != ' ' && p[i] != '\t')
        i++;
    return i;
}

/* Behind a CR: the line ends, or the CR was only an octet. */
static size_t
bodyhash_after_cr(struct bodyhash *h, char c)
{
    h->cr = false;
    if (c != '\n') {
        bodyhash_octets(h, "\r", 1);
        return 0;
    }
    h->space = false;
    h->breaks++;
    return 1;
}

void
bodyhash_add(struct bodyhash *h, struct str part)
{
    for (size_t at = 0; at < part.n;) {
        size_t n;

        if (h->cr) {
            at += bodyhash_after_cr(h, part.p[at]);
            continue;
        }
        n = bodyhash_span(h, part.p + at, part.n - at);
        if (n) {
            bodyhash_octets(h, part.p + at, n);
        } else {
            h->cr = part.p[at] == '\r';
            h->space = h->space || bodyhash_is_space(h, part.p[at]);
            n = 1;
        }
        at += n;
    }
}

/* The last line gets its end if it has none, and empty ones behind it do not
 * count; a body without any is one line end (simple), or nothing (relaxed). */
void
bodyhash_end(struct bodyhash **to, uint8_t sum[BODYHASH_SIZE])
{
    struct bodyhash *h = *to;

    if (h->cr)
        bodyhash_octets(h, "\r", 1);
    if (h->some || !h->relaxed)
        bodyhash_put(h, "\r\n", 2);
    bodyhash_flush(h);
    gnutls_hash_output(h->sum, sum);
    bodyhash_free(to);
}

void
bodyhash_free(struct bodyhash **to)
{
    if (!*to)
        return;
    gnutls_hash_deinit((*to)->sum, NULL);
    xfree(to);
}
