/* SPDX-License-Identifier: Apache-2.0
 *
 * address.h - syntax of mailbox addresses (RFC 5321 4.1.2, RFC 6531 3.3).
 *
 * An address is kept as one text local@domain without angle brackets or source
 * route.  Domains are compared without regard to ASCII case.
 */
#ifndef IMPEL_ADDRESS_H
#define IMPEL_ADDRESS_H

#include "base/err.h"
#include "base/str.h"

enum {
    ADDRESS_LOCAL_MAX = 64,   /* RFC 5321 4.5.3.1.1, octets */
    ADDRESS_DOMAIN_MAX = 255, /* 4.5.3.1.2 */
    ADDRESS_MAX = 320
};
enum {                    /* flags of address_parse() */
    ADDRESS_UTF8 = 1,     /* RFC 6531: UTF-8 allowed */
    ADDRESS_NO_DOMAIN = 2 /* a bare local part is allowed */
};

struct address {
    struct str local;  /* as written, quotes kept */
    struct str domain; /* absent if none; a literal keeps its brackets */
    bool literal;      /* the domain is [1.2.3.4] or [IPv6:...] */
    bool utf8;         /* a byte above 127 occurs */
};

/* The text between < and >, source route (@a,@b:) skipped.  Parts borrow from
 * text.  An empty text is the null sender: local and domain absent.
 * ERR_INVAL with the reason ("domain label is empty"). */
int address_parse(
    struct str text, int flags, struct address *to, struct err *e);

/* A dotted host name: labels of 1 to 63 letters, digits, '-', '_' (seen in
 * the wild and in configurations), no '-' at the ends, 255 octets in all. */
bool address_is_domain(struct str s, bool utf8);

/* Text fit for xtext (RFC 3461 4): decode and encode; ERR_INVAL on a bad
 * escape.  The buffer is appended to. */
struct buf;
int address_xtext_decode(struct str s, struct buf *to);
void address_xtext_encode(struct str s, struct buf *to);

#endif
