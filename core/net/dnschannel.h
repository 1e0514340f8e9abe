/* SPDX-License-Identifier: Apache-2.0
 *
 * dnschannel.h - c-ares on the loop: sends a question, hands back the bytes.
 *
 * A c-ares channel keeps its sockets while it has questions, so a new one, with
 * new source ports, is made every so often, and whenever resolv.conf changes.
 * Scheduler thread only.
 */
#ifndef IMPEL_DNSCHANNEL_H
#define IMPEL_DNSCHANNEL_H

#include "loop/loop.h"
#include "net/dns.h"

struct dnschannel;
/* Of the configuration: resolv_conf and whom to trust. */
struct dnschannel *dnschannel_new(
    struct loop *l, const struct dns_config *conf, struct err *e);
/* What is under way is answered DNS_SERVFAIL first. */
void dnschannel_free(struct dnschannel **c);
/* Read resolv.conf now; questions under way keep their servers. */
void dnschannel_reload(struct dnschannel *c, const struct dns_config *conf);
/* All servers that are asked now are trusted. */
bool dnschannel_is_trusted(const struct dnschannel *c);

/* DNS_OK: bytes is the answer, whatever its code, and came from servers that
 * are trusted or not; else DNS_TIMEOUT, DNS_SERVFAIL or, for a name that cannot
 * be asked, DNS_NXDOMAIN.  Called from
 * c-ares, may be inside dnschannel_send(): it must not send, only note. */
typedef void dnschannel_f(
    void *arg, enum dns_status status, struct str bytes, bool trusted);
void dnschannel_send(struct dnschannel *c, const char *name, enum dns_type t,
    dnschannel_f *fn, void *arg);
/* Addresses of a name in the hosts file; at most `most`; how many. */
size_t dnschannel_hosts(struct dnschannel *c, const char *name, int family,
    struct cidr *to, size_t most);

#endif
