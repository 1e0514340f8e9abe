/* SPDX-License-Identifier: Apache-2.0
 *
 * tlspolicy.h - what the options of a scope ask of TLS with a host, and what
 * the route demands beside them: of the two the stricter.
 *
 * DANE that can verify takes the place of tls_verify and tls_ca (its keys need
 * no authority); all other demands leave them as they are, or raise them.
 *
 * Two sessions may take each other's place only if their policies read the
 * same: with verification by name that includes the domain, since a certificate
 * may be good for one domain of a host and not for another.
 */
#ifndef IMPEL_TLSPOLICY_H
#define IMPEL_TLSPOLICY_H

#include "base/buf.h"
#include "conf/generation.h"
#include "net/netaddr.h"
#include "net/tls.h"
#include "net/tlsdemand.h"

/* generation_check_f: reads the files that the options name, and judges the
 * words; what cannot be used is an error. */
int tlspolicy_check(void *arg, struct generation *g, struct conf_report *r);

/* What beside the options decides on TLS with a host. */
struct tlspolicy_by {
    const struct tlsdemand *demand; /* of the hop, or NULL */
    /* The module speaks in TLS only (IMPEL_MODULE_TLS): whatever `tls` says,
     * and to hosts that are verified by name unless tls_verify is set. */
    bool always;
};

/* The policy as text, one line; empty without TLS. */
void tlspolicy_print(const struct scope *s, struct tlspolicy_by by,
    struct str domain, struct buf *to);

/* The value of an option as a session with that demand reads it: `tls` is
 * `required` where nothing may go in clear. */
int64_t tlspolicy_int(
    const struct scope *s, const struct tlsdemand *demand, uint32_t option);

/* The parameters of a session with that host, for that domain.  What they
 * point to lives as long as the scope, the demand and *text. */
struct tlspolicy_text {
    struct buf priority, resume;
    char *host, *domain;
};
int tlspolicy_params(const struct scope *s, struct tlspolicy_by by,
    const struct netaddr *to, struct str host, struct str domain,
    struct tlspolicy_text *text, struct tls_params *p, struct err *e);
void tlspolicy_text_fini(struct tlspolicy_text *text);

#endif
