/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-tlsa.c - TLSA records, and the certificates that peers show
 * (core/net/tlsa.c).  Input: octets of a certificate, then records, each with
 * its length (two octets) before it.
 */
#include <stdlib.h>
#include <string.h>

#include "net/tlsa.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { RECORDS = 80 };

static struct str
take(struct str *from)
{
    struct str one;
    size_t n;

    if (from->n < 2)
        return STR_NONE;
    n = (size_t)(unsigned char)from->p[0] << 8 | (unsigned char)from->p[1];
    one = str_sub(*from, 2, n);
    *from = str_from(*from, 2 + one.n);
    return one;
}

static void
look(const struct tlsa_set *s)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct tlsa *r = &s->record[i];

        if ((r->usage != TLSA_TA && r->usage != TLSA_EE) || !r->data.n)
            abort();
        if (r->matching == TLSA_SHA256 && r->data.n != 32)
            abort();
        for (size_t k = 0; k < i; k++) /* one strength of digests */
            if (s->record[k].matching && r->matching &&
                s->record[k].usage == r->usage &&
                s->record[k].selector == r->selector &&
                s->record[k].matching != r->matching)
                abort();
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct str in = str_make(p, n), crt = take(&in), key = tlsa_key_of(crt);
    struct str rdata[RECORDS];
    struct tlsa_set *s, *again;
    struct buf a = BUF_INIT, b = BUF_INIT;
    size_t count = 0;

    if (key.p && (key.p < crt.p || key.p + key.n > crt.p + crt.n))
        abort();
    while (count < RECORDS && in.n >= 2)
        rdata[count++] = take(&in);
    s = tlsa_set_new(rdata, count);
    look(s);
    if (count <= TLSA_RECORDS_MAX) { /* their order says nothing */
        for (size_t i = 0; i < count / 2; i++) {
            struct str swap = rdata[i];
            rdata[i] = rdata[count - 1 - i];
            rdata[count - 1 - i] = swap;
        }
        again = tlsa_set_new(rdata, count);
        tlsa_set_print(s, &a);
        tlsa_set_print(again, &b);
        if (!str_eq(buf_get(&a), buf_get(&b)))
            abort();
        tlsa_set_unref(&again);
    }
    (void)tlsa_set_match(s, TLSA_EE, crt);
    (void)tlsa_set_match(s, TLSA_TA, crt);
    tlsa_set_unref(&s);
    buf_fini(&a);
    buf_fini(&b);
    return 0;
}
