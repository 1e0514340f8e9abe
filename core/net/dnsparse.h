/* SPDX-License-Identifier: Apache-2.0
 *
 * dnsparse.h - an answer of a name server, taken apart (RFC 1035, 2181, 2308).
 *
 * The bytes are hostile: every length is bounded, names are followed backwards
 * only, what does not fit its type is left out.  c-ares has matched id and
 * question already.
 */
#ifndef IMPEL_DNSPARSE_H
#define IMPEL_DNSPARSE_H

#include "base/arena.h"
#include "net/dns.h"

enum {
    DNSPARSE_RECORDS_MAX = 256, /* of one answer; more are left out */
    DNSPARSE_LOOK_MAX = 512,    /* records looked at in a section */
    DNSPARSE_CHAIN_MAX = 16,    /* CNAMEs one after another */
    DNSPARSE_NAME_MAX = 255
};

/* name: as asked, in lower case without the final dot.  *to is filled, its
 * records in the arena; its ttl is the least of those used, or of a negative
 * answer what its SOA says; UINT32_MAX: it says nothing.  What cannot be read
 * is DNS_SERVFAIL. */
void dnsparse_answer(struct str msg, struct str name, enum dns_type type,
    struct arena *a, struct dns_answer *to);

#endif
