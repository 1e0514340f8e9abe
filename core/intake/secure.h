/* SPDX-License-Identifier: Apache-2.0
 *
 * secure.h - TLS of inbound sessions as this layer sees it: who begins with it,
 * what is forgotten when it begins, who may relay by his certificate, and what
 * is counted and logged.  Loop thread only.
 */
#ifndef IMPEL_SECURE_H
#define IMPEL_SECURE_H

#include "intake/intake_int.h"

/* A new session: with use_ssl the handshake comes first. */
void secure_begin(struct intake_session *is);
bool secure_comes_first(const struct intake_session *is); /* use_ssl */
/* session_secured_f */
void secure_done(
    void *intake_session, struct impel_session *s, const char *why);
/* tls_verified_peer_can_relay: of who has connected, never of a client that it
 * names. */
bool secure_may_relay(const struct intake_session *is);

#endif
