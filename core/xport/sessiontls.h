/* SPDX-License-Identifier: Apache-2.0
 *
 * sessiontls.h - what the route demands of a session's TLS (net/tlsdemand.h),
 * kept against everybody: the module reads options that agree with it, and is
 * not believed to be ready before the connection is what it must be.
 *
 * The session's loop.
 */
#ifndef IMPEL_SESSIONTLS_H
#define IMPEL_SESSIONTLS_H

#include "xport/session_int.h"

/* A handshake is over, or could not begin.  text: what the log says, or why
 * not. */
void sessiontls_came_out(
    struct impel_session *s, enum tls_reason why, const char *text);
/* The module says it is ready.  False: it must not be: the session ends, and
 * its end is a failure of the host. */
bool sessiontls_may_be_ready(struct impel_session *s);
/* The session ends for that reason. */
void sessiontls_ends(struct impel_session *s);
/* How the peer was verified: "dane", "sts", "host", "ca", "none". */
const char *sessiontls_how(
    const struct impel_session *s, const struct tls_facts *f);

#endif
