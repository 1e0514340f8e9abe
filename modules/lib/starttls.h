/* SPDX-License-Identifier: Apache-2.0
 *
 * starttls.h - STARTTLS to a host (RFC 3207).
 *
 * It is said after EHLO and by itself; behind the 220 nothing may come in
 * clear: a host that says more, or somebody between, ends the session.  What
 * the host has offered before TLS is forgotten.
 *
 * tls = ifavailable with tls_ifavailable_fallback goes on in clear: on the same
 * connection if the host refuses, on a new one if the handshake fails.
 */
#ifndef IMPEL_ESMTP_STARTTLS_H
#define IMPEL_ESMTP_STARTTLS_H

#include "client.h"

/* The host was greeted.  True: mail may go.  False: STARTTLS is on its way, or
 * the session has failed. */
bool starttls_begin(struct client *c);
void starttls_reply(struct client *c, const struct reply *r);
/* The 220 is read and consumed; more: octets that stand behind it. */
void starttls_go(struct client *c, size_t more);
/* EV_TLS and its arg. */
void starttls_done(struct client *c, int64_t arg);
/* The connection is of no use: once more in clear, or not at all. */
void starttls_failed(struct client *c, const char *why);
/* Likewise: no reply to STARTTLS came in time. */
void starttls_unanswered(struct client *c);
/* Between STARTTLS and the end of the handshake. */
bool starttls_is_on(const struct client *c);

#endif
