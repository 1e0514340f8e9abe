/* SPDX-License-Identifier: Apache-2.0
 *
 * domainsts.h - MTA-STS at a domain record: is it asked for, which hosts may
 * be used, which TLS must they have.  For core/route only.
 *
 * Only hosts of the domain's own MX are subject to it (struct host own): what
 * an operator wrote is not (RFC 8461 says nothing of smart hosts).
 */
#ifndef IMPEL_DOMAINSTS_H
#define IMPEL_DOMAINSTS_H

#include "route/route_int.h"
#include "route/sts.h"

/* How it stands for one scope, for one turn.  Zeroed: there is nothing. */
struct domainsts_view {
    const struct stspolicy *policy; /* NULL: none, or of mode none */
    bool testing;                   /* of the policy, or of enable_mta_sts */
};
/* As the generation in force has it.  false: it is being found out, changed()
 * follows; true: *to. */
bool domainsts_look(
    struct domain *d, const struct scope *scope, struct domainsts_view *to);
/* The same without asking anybody. */
bool domainsts_peek(const struct domain *d, const struct scope *scope,
    struct domainsts_view *to);
bool domainsts_is_asking(const struct domain *d); /* and mail waits for it */
void domainsts_end(struct domain *d);
void domainsts_rules_changed(struct domain *d);

/* A policy in force does not name it. */
bool domainsts_refuses(const struct domainsts_view *v, const struct host *h);
/* A reference, or NULL; without the texts, which decide on nothing. */
struct tlsdemand *domainsts_demand(
    const struct domainsts_view *v, const struct host *h);
/* The texts of such a demand, for logs and reports, before it is shared. */
void domainsts_report(const struct domain *d, const struct domainsts_view *v,
    struct tlsdemand *t);
void domainsts_print(const struct domain *d, const struct scope *scope,
    struct buf *to); /* a line, or nothing */

#endif
