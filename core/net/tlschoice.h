/* SPDX-License-Identifier: Apache-2.0
 *
 * tlschoice.h - which of a server's certificates a client is shown.
 */
#ifndef IMPEL_TLSCHOICE_H
#define IMPEL_TLSCHOICE_H

#include "net/tlsfile.h"

enum { TLSCHOICE_MOST = 65 };

/* After the client's hello: those for the name that it asks for, GnuTLS finds
 * among them the first that the client can verify; so a name may have an ECDSA
 * and an RSA certificate.  A client that asks for no name, or for one that is
 * nobody's, is shown pair[0], or one of the same name.  0 < n <=
 * TLSCHOICE_MOST; the pair is the caller's to put. */
struct tls_pair *tlschoice_pick(
    gnutls_session_t session, struct tls_pair *const *pair, size_t n);

#endif
