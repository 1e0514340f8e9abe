/* SPDX-License-Identifier: Apache-2.0
 *
 * tlspolicy.h - what the options of a scope ask of TLS with a host.
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

/* generation_check_f: reads the files that the options name, and judges the
 * words; what cannot be used is an error. */
int tlspolicy_check(void *arg, struct generation *g, struct conf_report *r);

/* The policy as text, one line; empty without TLS. */
void tlspolicy_print(const struct scope *s, struct str domain, struct buf *to);

/* The parameters of a session with that host, for that domain.  What they
 * point to lives as long as the scope and *text. */
struct tlspolicy_text {
    struct buf priority, resume;
    char *host, *domain;
};
int tlspolicy_params(const struct scope *s, const struct netaddr *to,
    struct str host, struct str domain, struct tlspolicy_text *text,
    struct tls_params *p, struct err *e);
void tlspolicy_text_fini(struct tlspolicy_text *text);

#endif
