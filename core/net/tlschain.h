/* SPDX-License-Identifier: Apache-2.0
 *
 * tlschain.h - is a certificate signed by whom we trust, and for which name?
 * For tls.c and tlsdane.c.
 */
#ifndef IMPEL_TLSCHAIN_H
#define IMPEL_TLSCHAIN_H

#include <gnutls/x509.h>

#include "base/err.h"
#include "net/tlsreason.h"

/* Does crt[0..n), the peer's own first, hold as a chain from the list on, and
 * is it of this time and for that purpose (GNUTLS_KP_*)?  0, or ERR_PROTO with
 * a sentence and *why. */
int tlschain_verify(gnutls_x509_trust_list_t list, const gnutls_x509_crt_t *crt,
    unsigned n, const char *purpose, enum tls_reason *why, struct err *e);
/* The first of the names, NULL-ended, that the certificate has; NULL with a
 * sentence and *why: none. */
const char *tlschain_name(gnutls_x509_crt_t crt, const char *const *names,
    enum tls_reason *why, struct err *e);

#endif
