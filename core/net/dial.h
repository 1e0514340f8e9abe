/* SPDX-License-Identifier: Apache-2.0
 *
 * dial.h - connect to one address, from one source address, in time.
 *
 * Route resolution has chosen the address, so nothing is resolved here.
 */
#ifndef IMPEL_DIAL_H
#define IMPEL_DIAL_H

#include "net/conn.h"

struct dial_request {
    struct netaddr to;
    struct cidr from;   /* family 0: the kernel's choice */
    int64_t timeout_ms; /* connect_timeout; <= 0 is an error */
};
/* The conn exists at once; CONN_CONNECTED or CONN_LOST (-ETIMEDOUT,
 * -ECONNREFUSED, -EADDRNOTAVAIL for the source ...) follows as an event. */
struct conn *dial_start(
    struct loop *l, const struct dial_request *r, conn_event_f *fn, void *arg);

#endif
