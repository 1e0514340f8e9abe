/* SPDX-License-Identifier: Apache-2.0
 *
 * tlswords.h - tls_ciphers and tls_protocols as GnuTLS takes them.
 */
#ifndef IMPEL_TLSWORDS_H
#define IMPEL_TLSWORDS_H

#include <gnutls/gnutls.h>

#include "base/buf.h"
#include "base/err.h"

/* The priority string of both; either may be absent.  ciphers: a priority
 * string of GnuTLS, or DEFAULT, which is NORMAL.  protocols: as Momentum writes
 * them, "+ALL:-TLSv1.0:-TLSv1.1"; what is named without a sign is added.
 * ERR_CONF with a sentence: one of them makes no sense, or nothing is left.
 * SSLv2 and SSLv3 are known words that add nothing. */
int tlswords_print(
    struct str ciphers, struct str protocols, struct buf *to, struct err *e);

/* Of such a string, shared by all who ask: any thread, for the life of the
 * process. */
gnutls_priority_t tlswords_priority(const char *words, struct err *e);

#endif
