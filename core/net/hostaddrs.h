/* SPDX-License-Identifier: Apache-2.0
 *
 * hostaddrs.h - the addresses of this host, as its interfaces have them.
 *
 * Who connects to one of them meets himself.  All of a loopback interface's
 * network is this host.
 */
#ifndef IMPEL_HOSTADDRS_H
#define IMPEL_HOSTADDRS_H

#include "base/cidr.h"

/* Zeroed: none are known. */
struct hostaddrs {
    struct cidr *single; /* in order */
    struct cidr *nets;   /* of loopback interfaces */
    size_t single_count, net_count;
};
/* Ask the system; what was known stays if it does not say: false. */
bool hostaddrs_read(struct hostaddrs *h);
void hostaddrs_fini(struct hostaddrs *h);
bool hostaddrs_has(const struct hostaddrs *h, const struct cidr *one);

#endif
