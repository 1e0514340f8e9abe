/* SPDX-License-Identifier: Apache-2.0
 *
 * client_auth.h - AUTH at a host (RFC 4954).
 *
 * Who logs in, how, and whether it may be in clear is the core's business;
 * this carries its words.  Where a login is wanted there is no session without
 * one: a host that offers none or refuses it is at fault, and mail waits.  What
 * a host says when it refuses is not kept, since some repeat what they were
 * sent; its codes are.
 */
#ifndef IMPEL_ESMTP_CLIENT_AUTH_H
#define IMPEL_ESMTP_CLIENT_AUTH_H

#include "client.h"

/* Nothing else stands between the host and mail any more: log in if that is
 * wanted, or be ready. */
void client_auth_begin(struct client *c);
void client_auth_reply(struct client *c, const struct reply *r);
/* There is room again: what waits for it is said. */
void client_auth_send(struct client *c);
/* Forget what was to be said. */
void client_auth_drop(struct client *c);
/* EV_LOGIN */
void client_auth_event(struct client *c);
/* From AUTH to its last reply. */
bool client_auth_is_on(const struct client *c);

#endif
