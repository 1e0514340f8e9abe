/* SPDX-License-Identifier: Apache-2.0
 *
 * self.h - where this server itself takes mail: who connects there meets
 * himself.
 *
 * It is told of its listeners by the layers above.  One on 0.0.0.0 or ::
 * stands for all addresses of this host.
 */
#ifndef IMPEL_SELF_H
#define IMPEL_SELF_H

#include "net/hostaddrs.h"
#include "net/netaddr.h"

/* Zeroed: there are no listeners. */
struct self {
    struct netaddr *at;
    size_t count;
    bool any4, any6; /* some listen everywhere */
    struct hostaddrs host;
};
/* In the place of those before; sockets with a path do not count. */
void self_set(struct self *s, const struct netaddr *at, size_t count);
void self_fini(struct self *s);
/* Interfaces come and go: ask for the addresses of this host again, if a
 * listener stands for them. */
void self_refresh(struct self *s);
bool self_is(const struct self *s, const struct cidr *ip, uint16_t port);
/* Does any listener have that port?  Behind a NAT its own name is all that
 * this server knows itself by. */
bool self_has_port(const struct self *s, uint16_t port);

#endif
