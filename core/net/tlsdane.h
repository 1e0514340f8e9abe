/* SPDX-License-Identifier: Apache-2.0
 *
 * tlsdane.h - is a certificate the one that TLSA records speak of (RFC 7671,
 * RFC 7672 3)?  For tls.c.
 */
#ifndef IMPEL_TLSDANE_H
#define IMPEL_TLSDANE_H

#include <gnutls/x509.h>

#include "base/err.h"
#include "net/tlsa.h"
#include "net/tlsreason.h"

struct tlsdane_chain { /* as the peer sent it, its own certificate first */
    const gnutls_datum_t *der;
    const gnutls_x509_crt_t *crt;
    unsigned n;
};
struct tlsdane_found {
    enum tls_reason why;
    const struct tlsa *record; /* the one that fits */
    const char *name; /* of `names`, what the certificate has; or the first */
};
/* 0, or ERR_PROTO with a sentence and to->why.
 * Usage 3: the key or certificate is the peer's own; its names, its dates and
 * who signed it are not looked at.
 * Usage 2: one of those that signed it, sent along or whole in the record; it
 * must hold as a chain from there, be of this time and have one of the names.
 * names: NULL-ended. */
int tlsdane_judge(const struct tlsa_set *s, const struct tlsdane_chain *chain,
    const char *const *names, struct tlsdane_found *to, struct err *e);

#endif
