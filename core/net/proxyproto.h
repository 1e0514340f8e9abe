/* SPDX-License-Identifier: Apache-2.0
 *
 * proxyproto.h - the header of the PROXY protocol, versions 1 and 2: a load
 * balancer says in it whom it speaks for (haproxy's doc/proxy-protocol.txt).
 *
 * A receiver must know that the header comes: nothing here guesses.
 */
#ifndef IMPEL_PROXYPROTO_H
#define IMPEL_PROXYPROTO_H

#include "net/netaddr.h"

enum proxyproto_result { PROXYPROTO_OK, PROXYPROTO_MORE, PROXYPROTO_BAD };
enum { PROXYPROTO_MOST = 4096 }; /* of a header, its extensions included */

struct proxyproto {
    /* False: the connection is the balancer's own (LOCAL, UNKNOWN), or of a
     * kind that has no addresses; those of the socket hold. */
    bool named;
    struct netaddr peer, local;
    size_t size; /* of the header: what follows is the peer's */
};

/* The first n bytes of a connection.  MORE: a correct beginning.  BAD: why says
 * what is wrong.  Extensions (TLVs) of version 2 are passed over. */
enum proxyproto_result proxyproto_parse(
    const void *p, size_t n, struct proxyproto *to, const char **why);

/* Where connections go to instead of their hosts; ip.family 0: none.  Smaller
 * than a struct netaddr, for there is one in each session. */
struct proxyproto_server {
    struct cidr ip;
    uint16_t port;
};
void proxyproto_print_server(const struct proxyproto_server *s, struct buf *to);
/* Version 2: a connection of `peer` to `local`, of one family.  Its size. */
enum { PROXYPROTO_PRINT_MOST = 16 + 36 };
size_t proxyproto_print(const struct netaddr *peer, const struct netaddr *local,
    uint8_t to[PROXYPROTO_PRINT_MOST]);

#endif
