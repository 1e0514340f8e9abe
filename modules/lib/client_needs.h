/* SPDX-License-Identifier: Apache-2.0
 *
 * client_needs.h - what a message asks of the host it is given to, and what is
 * done if the host cannot: 8BITMIME, BINARYMIME, SMTPUTF8, REQUIRETLS,
 * DELIVERBY.
 */
#ifndef IMPEL_LIB_CLIENT_NEEDS_H
#define IMPEL_LIB_CLIENT_NEEDS_H

#include "client.h"
#include "verb.h"

/* Settle the forms of c->t, the body's and that of addresses.  NULL, or why
 * this host cannot have it: a literal with its codes; r then has verdict,
 * blame and stage. */
const char *needs_begin(struct client *c, struct impel_result *r);
/* The time by which it is to be delivered, as far as MAIL says it. */
void needs_by(const struct client *c, struct verb_mail *m);
/* What the host will report of a delivery and what not: "dsn=no" and "by=no"
 * if somebody wants to know. */
void needs_tell(const struct client *c, struct impel_result *r);

#endif
