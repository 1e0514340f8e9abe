/* SPDX-License-Identifier: Apache-2.0
 *
 * proxied.h - connections from load balancers that have not said yet whom they
 * speak for (net/proxyproto.h).
 *
 * Not a byte behind the header is taken from the socket.  One that says
 * something else, or nothing for too long, is closed with a line in the log;
 * no more than PROXIED_MOST of a socket wait at once.  Loop thread only.
 */
#ifndef IMPEL_PROXIED_H
#define IMPEL_PROXIED_H

#include "base/list.h"
#include "net/accept.h"

enum { PROXIED_MOST = 1024 };

struct proxied_list {
    struct loop *loop;
    struct list waiting;
    unsigned count;
    accept_f *named; /* with the addresses that the header names */
    void *arg;
};

void proxied_init(
    struct proxied_list *all, struct loop *l, accept_f *named, void *arg);
/* Closes all that wait. */
void proxied_drop(struct proxied_list *all);
/* fd is taken over; false: too many wait, and it was closed.  peer and local
 * hold for a connection that is the balancer's own. */
bool proxied_add(struct proxied_list *all, int fd, const struct netaddr *peer,
    const struct netaddr *local, int64_t timeout_ms);

#endif
