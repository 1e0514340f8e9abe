/* SPDX-License-Identifier: Apache-2.0
 *
 * hoptls.h - what TLSA records (dane.h) and MTA-STS policies (domainsts.h)
 * together say of the hosts of a record.  For core/route only.
 *
 * Where records can verify a host they decide alone (RFC 8461 2).  Where none
 * of them can be used a policy in force may still ask for more than TLS.
 *
 * Mail with "TLS-Required: No" is asked for none of it (RFC 8689 5).  With
 * REQUIRETLS (4.2.1) each host is verified by name, and the MX that names it is
 * one that DNSSEC or a policy in force vouches for, or an operator wrote it.
 */
#ifndef IMPEL_HOPTLS_H
#define IMPEL_HOPTLS_H

#include "route/dane.h"
#include "route/domainsts.h"

/* For one scope, for one turn. */
struct hoptls {
    struct domain *domain;
    struct domainsts_view sts;
    int dane;  /* dane_wanted() */
    bool asks; /* what is not known may be asked for */
};
/* False: a policy is being found out, changed() follows. */
bool hoptls_begin(struct domain *d, const struct scope *s, struct hoptls *to);
/* The same without asking anybody. */
bool hoptls_peek(struct domain *d, const struct scope *s, struct hoptls *to);

/* A policy in force does not name it, and no record makes up for that; or
 * nobody vouches for it where REQUIRETLS asks for that. */
bool hoptls_leaves_out(
    const struct hoptls *v, const struct host *h, uint16_t port);

enum hoptls_state {
    HOPTLS_GOOD,
    HOPTLS_ASKING, /* changed() follows */
    HOPTLS_REFUSED /* *f says why, and until when */
};
enum hoptls_state hoptls_judge(const struct hoptls *v, const struct host *h,
    uint16_t port, struct dane_found *f);
/* A host that falls short of a policy in force is none the worse for other
 * domains, and one that falls short of REQUIRETLS for other mail: the number
 * under which that is noted (marks.h). */
uint64_t hoptls_marks(const struct hoptls *v, uint64_t marks);
/* The demand for a host that is good: a reference, or NULL. */
struct tlsdemand *hoptls_demand(
    const struct hoptls *v, const struct host *h, uint16_t port);
/* What a connection was made with still holds.  While DNS is being asked again,
 * or gives no answer, it does: it was right, and the peer is the same. *until
 * is lowered to when that may change. */
bool hoptls_keeps(const struct hoptls *v, const struct host *h, uint16_t port,
    const struct tlsdemand *made, int64_t *until);

#endif
