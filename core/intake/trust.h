/* SPDX-License-Identifier: Apache-2.0
 *
 * trust.h - peers that are believed what they say of a message.
 *
 * Whose binding it is to have (X-Binding) and whom it comes from (XCLIENT) may
 * be said by peers in trusted_peers alone.  That a peer may relay (relay_hosts)
 * does not make it trusted.  Whom to name is up to who has connected, or whom a
 * balancer has named in its PROXY header (is->may_name).  A header is believed
 * of whom the session is of now (is->trusted): nobody is trusted because a
 * trusted peer speaks for him.
 */
#ifndef IMPEL_TRUST_H
#define IMPEL_TRUST_H

#include "base/cidr.h"
#include "conf/scope.h"

/* scope: of the peer; asked when a session is made and when it is renamed. */
bool trust_has(const struct scope *scope, const struct cidr *peer);

#endif
