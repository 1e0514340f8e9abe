/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tlsa.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>

#include "base/bug.h"
#include "base/err.h"
#include "base/xmem.h"
#include "base/banned.h"

enum { TLSA_HEAD = 3, SHA256_SIZE = 32, SHA512_SIZE = 64 };

/* --- DER, as far as it is needed --- */

enum { DER_SEQUENCE = 0x30, DER_VERSION = 0xa0 };

/* Cut one element off *s: tag, length and contents.  Absent: none that fits.
 * DER has one way to write a length, and no certificate needs four octets. */
static struct str
der_cut(struct str *s, struct str *contents)
{
    const unsigned char *p = (const unsigned char *)s->p;
    struct str all;
    size_t head = 2, n;

    if (s->n < head || (p[0] & 0x1f) == 0x1f)
        return STR_NONE;
    n = p[1];
    if (n & 0x80) {
        size_t octets = n & 0x7f;

        if (!octets || octets > 3 || s->n < head + octets || !p[head])
            return STR_NONE;
        for (n = 0; octets; octets--)
            n = n << 8 | p[head++];
        if (n < 0x80)
            return STR_NONE;
    }
    if (n > s->n - head)
        return STR_NONE;
    all = str_sub(*s, 0, head + n);
    *contents = str_sub(*s, head, n);
    *s = str_from(*s, head + n);
    return all;
}

static bool
der_is(struct str element, unsigned char tag)
{
    return element.n && (unsigned char)element.p[0] == tag;
}

/* One SEQUENCE and nothing behind it. */
static bool
der_is_sequence(struct str s, struct str *contents)
{
    return der_is(der_cut(&s, contents), DER_SEQUENCE) && !s.n;
}

/* RFC 5280 4.1: version, serial number, algorithm, issuer, validity, subject,
 * and then the key. */
struct str
tlsa_key_of(struct str certificate)
{
    struct str body, in, scrap, key;

    if (!der_is_sequence(certificate, &body) ||
        !der_is(der_cut(&body, &in), DER_SEQUENCE))
        return STR_NONE;
    if (der_is(in, DER_VERSION))
        (void)der_cut(&in, &scrap);
    for (int i = 0; i < 5; i++)
        if (!der_cut(&in, &scrap).n)
            return STR_NONE;
    key = der_cut(&in, &scrap);
    return der_is(key, DER_SEQUENCE) ? key : STR_NONE;
}

/* --- records --- */

static size_t
digest_size(uint8_t matching)
{
    switch (matching) {
    case TLSA_SHA256:
        return SHA256_SIZE;
    case TLSA_SHA512:
        return SHA512_SIZE;
    default:
        return 0;
    }
}

static bool
data_fits(const struct tlsa *r)
{
    struct str scrap;

    if (r->matching == TLSA_FULL)
        return der_is_sequence(r->data, &scrap) &&
            (r->selector == TLSA_KEY || tlsa_key_of(r->data).p);
    return r->data.n == digest_size(r->matching);
}

int
tlsa_parse(struct str rdata, struct tlsa *to)
{
    if (rdata.n <= TLSA_HEAD)
        return ERR_PROTO;
    to->usage = (uint8_t)rdata.p[0];
    to->selector = (uint8_t)rdata.p[1];
    to->matching = (uint8_t)rdata.p[2];
    to->data = str_from(rdata, TLSA_HEAD);
    if ((to->usage != TLSA_TA && to->usage != TLSA_EE) ||
        to->selector > TLSA_KEY || to->matching > TLSA_SHA512 || !data_fits(to))
        return ERR_PROTO;
    return 0;
}

/* --- sets --- */

static int
record_order(const struct tlsa *a, const struct tlsa *b)
{
    if (a->usage != b->usage)
        return a->usage < b->usage ? -1 : 1;
    if (a->selector != b->selector)
        return a->selector < b->selector ? -1 : 1;
    if (a->matching != b->matching)
        return a->matching < b->matching ? -1 : 1;
    return str_cmp(a->data, b->data);
}

/* In order, each once. */
static void
set_add(struct tlsa_set *s, const struct tlsa *r)
{
    size_t at = s->count;
    int order = -1;

    while (at > 0 && (order = record_order(r, &s->record[at - 1])) < 0)
        at--;
    if (at && order == 0)
        return;
    for (size_t i = s->count; i > at; i--)
        s->record[i] = s->record[i - 1];
    s->record[at] = *r;
    s->count++;
}

/* RFC 7671 9: of two digests the weaker one says nothing. */
static bool
set_has_stronger(const struct tlsa_set *s, const struct tlsa *than)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct tlsa *r = &s->record[i];

        if (r->usage == than->usage && r->selector == than->selector &&
            r->matching > than->matching)
            return true;
    }
    return false;
}

static void
set_drop_weak(struct tlsa_set *s)
{
    size_t kept = 0;

    /* The stronger stand behind, so what is dropped is asked for no more. */
    for (size_t i = 0; i < s->count; i++) {
        struct tlsa r = s->record[i];

        if (r.matching == TLSA_FULL || !set_has_stronger(s, &r))
            s->record[kept++] = r;
    }
    s->count = kept;
}

static void
set_own_octets(struct tlsa_set *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->count; i++)
        n += s->record[i].data.n;
    s->octets = xmalloc(MAX_OF(n, (size_t)1));
    n = 0;
    for (size_t i = 0; i < s->count; i++) {
        struct str *data = &s->record[i].data;

        memcpy(s->octets + n, data->p, data->n);
        data->p = (const char *)s->octets + n;
        n += data->n;
    }
}

struct tlsa_set *
tlsa_set_new(const struct str *rdata, size_t count)
{
    struct tlsa_set *s = xnew(struct tlsa_set);

    s->refs = 1;
    s->seen = count;
    count = MIN_OF(count, (size_t)TLSA_RECORDS_MAX);
    s->record = xcalloc(MAX_OF(count, (size_t)1), sizeof(*s->record));
    for (size_t i = 0; i < count; i++) {
        struct tlsa r;

        if (tlsa_parse(rdata[i], &r) == 0)
            set_add(s, &r);
    }
    set_drop_weak(s);
    set_own_octets(s);
    return s;
}

struct tlsa_set *
tlsa_set_ref(struct tlsa_set *s)
{
    if (s)
        s->refs++;
    return s;
}

void
tlsa_set_unref(struct tlsa_set **ps)
{
    struct tlsa_set *s = *ps;

    *ps = NULL;
    if (!s || --s->refs)
        return;
    free(s->record);
    free(s->octets);
    free(s);
}

static void
tlsa_print(const struct tlsa *r, struct buf *to)
{
    buf_printf(to, "%u %u %u ", (unsigned)r->usage, (unsigned)r->selector,
        (unsigned)r->matching);
    for (size_t i = 0; i < r->data.n; i++)
        buf_printf(to, "%02x", (unsigned)(unsigned char)r->data.p[i]);
}

void
tlsa_set_print(const struct tlsa_set *s, struct buf *to)
{
    for (size_t i = 0; i < s->count; i++) {
        if (i)
            buf_cstr(to, ", ");
        tlsa_print(&s->record[i], to);
    }
}

bool
tlsa_set_has(const struct tlsa_set *s, uint8_t usage)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->record[i].usage == usage)
            return true;
    return false;
}

/* --- matching --- */

static bool
record_fits(const struct tlsa *r, struct str what)
{
    unsigned char digest[SHA512_SIZE];
    gnutls_digest_algorithm_t how =
        r->matching == TLSA_SHA256 ? GNUTLS_DIG_SHA256 : GNUTLS_DIG_SHA512;

    if (!what.p)
        return false;
    if (r->matching == TLSA_FULL)
        return str_eq(what, r->data);
    if (gnutls_hash_fast(how, what.p, what.n, digest) < 0)
        return false;
    return str_eq(str_make(digest, digest_size(r->matching)), r->data);
}

const struct tlsa *
tlsa_set_match(const struct tlsa_set *s, uint8_t usage, struct str certificate)
{
    struct str key = tlsa_key_of(certificate);

    for (size_t i = 0; i < s->count; i++) {
        const struct tlsa *r = &s->record[i];

        if (r->usage == usage &&
            record_fits(r, r->selector == TLSA_KEY ? key : certificate))
            return r;
    }
    return NULL;
}
