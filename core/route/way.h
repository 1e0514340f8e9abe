/* SPDX-License-Identifier: Apache-2.0
 *
 * way.h - how a connection to a host leaves: from which address, or through
 * which PROXY server (ha_proxy_*).
 *
 * With a server the socket leads there, from bind_address if that is of the
 * server's family, and the host sees the connection come from ha_proxy_src_addr
 * or ha_proxy_ipv6_src_addr.  All that is known, marked and limited is the
 * host's all the same.
 */
#ifndef IMPEL_WAY_H
#define IMPEL_WAY_H

#include "conf/generation.h"
#include "net/proxyproto.h"

struct way {
    struct cidr from; /* of the socket; family 0: the kernel chooses */
    struct proxyproto_server proxy;
    struct cidr seen; /* with a proxy: what the host sees */
};

/* Of that scope to a host of that family (4, 6; 0: a Unix socket).  False: no
 * source address of that family, so no such host can be reached. */
bool way_find(const struct scope *s, int family, struct way *to);
bool way_eq(const struct way *a, const struct way *b);
/* Appended; two that differ are printed differently. */
void way_print(const struct way *w, struct buf *to);
/* generation_check_f: a binding with a server and no address to be seen as
 * could reach no host at all. */
int way_check(void *arg, struct generation *g, struct conf_report *r);

#endif
