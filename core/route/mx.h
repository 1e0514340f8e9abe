/* SPDX-License-Identifier: Apache-2.0
 *
 * mx.h - from one name to its exchanges and their addresses (RFC 5321 5.1,
 * RFC 7505).
 */
#ifndef IMPEL_MX_H
#define IMPEL_MX_H

#include "net/dns.h"

enum mx_kind {
    MX_DOMAIN,  /* a mail domain: MX; without any, its address */
    MX_HOST,    /* a gateway or host: MX; without any, or without a name in
                   DNS (it may stand in the hosts file), its address */
    MX_ONLY,    /* type=mx: never its address */
    MX_A,       /* type=a: never its MX */
    MX_ADDRESS, /* nothing to look up */
    MX_NOTHING  /* a synthetic name, or no address in brackets */
};
enum mx_status {
    MX_OK,       /* at least one address */
    MX_NONE,     /* neither MX nor address */
    MX_NULL,     /* RFC 7505: accepts no mail */
    MX_NXDOMAIN, /* no such name */
    MX_FAILED    /* SERVFAIL, timeout: may work later */
};
struct mx_host {
    struct str name; /* of the exchange; lives as long as the lookup */
    struct cidr ip;
    uint16_t preference; /* of the MX; 0 without */
    uint16_t rank;       /* 0 for the best, 1 for the next ... */
    uint32_t ttl;        /* seconds: the lesser of MX and address */
    /* DNSSEC vouches for the name: for the MX, and for its address or at least
     * for the alias (CNAME) that it is.  TLSA records may be asked for. */
    bool secure;
    bool unsure;          /* whether it does could not be found out for now */
    struct str canonical; /* where an alias leads, all of it vouched for */
};
struct mx_lookup;
/* In a later turn; the lookup may be freed in it. */
typedef void mx_done_f(void *arg, struct mx_lookup *m);
struct mx_request {
    struct str name;
    enum mx_kind kind;   /* not MX_ADDRESS, MX_NOTHING */
    bool ipv6;           /* AAAA too */
    bool addresses_only; /* mx_failures_fallback_to_a was met */
    /* Exchanges that are IPv4 addresses: taken as such, for so many seconds at
     * most; 0: names like any other. */
    uint32_t address_ttl;
};
struct mx_lookup *mx_start(
    struct dns *dns, const struct mx_request *r, mx_done_f *done, void *arg);
void mx_free(struct mx_lookup **m); /* cancels too */

enum mx_status mx_status(const struct mx_lookup *m);
/* In order of rank; equals in the order of the answer. */
const struct mx_host *mx_hosts(const struct mx_lookup *m, size_t *count);
/* Where the name is an alias of, vouched for by DNSSEC, or absent; with MX. */
struct str mx_canonical(const struct mx_lookup *m);
uint32_t mx_ttl(const struct mx_lookup *m); /* seconds, negative ones too */
/* The names of all exchanges, each NUL-ended, appended. */
struct buf;
void mx_names(const struct mx_lookup *m, struct buf *to);
/* Of the exchange of that name, if it has an address or not; UINT16_MAX: it is
 * none of them. */
uint16_t mx_rank(const struct mx_lookup *m, struct str name);
/* Some exchange could not be resolved for now, or the MX itself failed. */
bool mx_partial(const struct mx_lookup *m);
bool mx_failed(const struct mx_lookup *m);

#endif
