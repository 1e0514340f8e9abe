/* SPDX-License-Identifier: Apache-2.0
 *
 * cidr.h - IP addresses and prefixes as bytes, without sockets.
 */
#ifndef IMPEL_CIDR_H
#define IMPEL_CIDR_H

#include "base/buf.h"
#include "base/err.h"

struct cidr {
    uint8_t family; /* 4, 6, or 0: none */
    uint8_t bits;   /* 32 or 128: one address */
    uint8_t pad[2];
    uint8_t addr[16]; /* network order; IPv4 in the first four bytes */
};

enum {
    CIDR_PREFIX = 1,       /* "/n" or "/255.255.0.0" is allowed */
    CIDR_BRACKETS = 2,     /* [v6] is allowed besides v6 */
    CIDR_NEED_BRACKETS = 4 /* a bare v6 is an error whose text says [v6] */
};
/* "10.0.0.0/8", "::1", "[::1]", "10.1" is an error.  Host bits beyond the
 * prefix are cleared.  ERR_INVAL with the reason. */
int cidr_parse(struct str s, int flags, struct cidr *to, struct err *e);
/* One address, IPv6 bare or in brackets, as interfaces are given theirs: the
 * length of the prefix behind it is checked and not kept.  ERR_INVAL. */
int cidr_parse_host(struct str s, struct cidr *to, struct err *e);
/* ::ffff:1.2.3.4 becomes 1.2.3.4, so that peers match as they were written. */
void cidr_unmap(struct cidr *c);
bool cidr_contains(const struct cidr *net, const struct cidr *addr);
bool cidr_eq(const struct cidr *a, const struct cidr *b);
uint64_t cidr_hash(const struct cidr *c);
/* "10.0.0.0/8"; a single address without "/32". */
void cidr_print(const struct cidr *c, struct buf *to);

#endif
