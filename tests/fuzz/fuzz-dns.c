/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-dns.c - answers of name servers (core/net/dnsparse.c).
 */
#include <stdlib.h>

#include "net/dnsparse.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
look(const struct dns_answer *a)
{
    size_t sum = 0;

    if (a->canonical.n > DNSPARSE_NAME_MAX)
        abort();

    if ((a->status == DNS_OK) != (a->count > 0))
        abort();
    for (size_t i = 0; i < a->count; i++) {
        const struct dns_record *r = &a->record[i];
        if (r->ttl < a->ttl || r->name.n > DNSPARSE_NAME_MAX)
            abort();
        for (size_t j = 0; j < r->name.n; j++)
            sum += (unsigned char)r->name.p[j];
        for (size_t j = 0; j < r->bytes.n; j++)
            sum += (unsigned char)r->bytes.p[j];
    }
    if (sum == SIZE_MAX)
        abort(); /* so that the reading is not dropped */
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    static const enum dns_type types[] = {
        DNS_A, DNS_CNAME, DNS_PTR, DNS_MX, DNS_TXT, DNS_AAAA, DNS_TLSA};

    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        struct arena *a = arena_new(64);
        struct dns_answer answer;
        dnsparse_answer(str_make(p, n), STR("d.example"), types[i], a, &answer);
        look(&answer);
        if (types[i] == DNS_CNAME && answer.canonical.p)
            abort();
        arena_free(&a);
    }
    return 0;
}
