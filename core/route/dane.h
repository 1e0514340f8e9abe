/* SPDX-License-Identifier: Apache-2.0
 *
 * dane.h - what TLSA records say of the hosts that mail goes to (RFC 7672 2).
 *
 * Asked for when a host is about to be chosen for mail with use_dane, kept as
 * long as DNS says, and no longer.  Only answers that a trusted, validating
 * server vouches for count (dns.h).  Until one is there the host is not chosen;
 * one that cannot be had keeps it from being chosen, whatever the options of
 * TLS say.  Scheduler thread only.
 */
#ifndef IMPEL_DANE_H
#define IMPEL_DANE_H

#include "conf/generation.h"
#include "net/tlsdemand.h"
#include "net/tlsreason.h"

enum { DANE_MOST = 100000 }; /* answers kept; the last used ones */

struct dane;
struct domain;
struct host;
struct resolver;
struct dane *dane_new(struct resolver *r);
void dane_free(struct dane **t);
/* That record asks for nothing any more. */
void dane_leave(struct dane *t, struct domain *d);
/* Forget what has expired and is not used, at most so many in one go. */
void dane_sweep(struct dane *t, int64_t now, size_t most);

/* What use_dane and enable_dane say of a queue: ROUTE_DANE_NO, _YES or
 * _REQUIRED.  method: of the domain record; DANE is for SMTP. */
int dane_wanted(const struct scope *s, int method);

enum dane_state {
    DANE_NONE, /* nothing holds for the host: TLS as the options say */
    DANE_HOLDS,
    DANE_ASKING, /* changed() follows */
    DANE_FAILED  /* no answer that can be believed: not this host, for now */
};
struct dane_found {
    enum dane_state state;
    struct tlsa_set *set; /* HOLDS: for the call; count 0: none is usable */
    struct str base;      /* HOLDS: TLSA base domain; for the call */
    int64_t until; /* monotonic ms: HOLDS, NONE, FAILED: when it is asked anew;
                      INT64_MAX: it depends on nothing that expires */
    enum tls_reason why; /* should it be refused */
    const char *text;    /* why NONE or FAILED, a sentence's end; static */
};
/* Is it of no use for mail that wants DANE as dane_wanted() says? */
bool dane_refuses(const struct dane_found *f, int wanted);
/* ask: what is not known is asked for; without, it is only looked at. */
void dane_find(struct dane *t, struct domain *d, const struct host *h,
    uint16_t port, bool ask, struct dane_found *to);
/* The demand of a host for which DANE holds: a reference. */
struct tlsdemand *dane_demand(
    const struct dane_found *f, const struct domain *d, const struct host *h);
/* "DANE: ..." for `domain`, `explain`; what is known now. */
void dane_print(struct dane *t, struct domain *d, const struct host *h,
    uint16_t port, struct buf *to);

#endif
