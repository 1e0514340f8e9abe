/* SPDX-License-Identifier: Apache-2.0
 *
 * netaddr.h - where a socket is bound or connected: IPv4, IPv6, or a path.
 */
#ifndef IMPEL_NETADDR_H
#define IMPEL_NETADDR_H

#include <sys/socket.h>
#include "base/cidr.h"

struct netaddr {
    struct cidr ip; /* family 0: a Unix socket, or nothing */
    uint16_t port;  /* host byte order */
    char path[108]; /* Unix socket; empty: none */
};

/* "127.0.0.1:25", "[::1]:25", ":25", "*:25" (any IPv4), "[*]:25" (any IPv6),
 * "/run/x.sock"; port 0 if none is written and none_ok.  A bare IPv6 address
 * is an error that prints the bracketed form. */
int netaddr_parse(
    struct str s, bool none_ok, struct netaddr *to, struct err *e);
void netaddr_from_ip(struct netaddr *to, const struct cidr *ip, uint16_t port);
socklen_t netaddr_to_sockaddr(
    const struct netaddr *a, struct sockaddr_storage *to);
void netaddr_from_sockaddr(struct netaddr *to, const struct sockaddr *sa);
void netaddr_print(const struct netaddr *a, struct buf *to); /* with port */
void netaddr_print_ip(const struct netaddr *a, struct buf *to);
bool netaddr_eq(const struct netaddr *a, const struct netaddr *b);
bool netaddr_is_local(const struct netaddr *a); /* loopback or Unix */

#endif
