/* SPDX-License-Identifier: Apache-2.0
 *
 * limits.h - what a host takes on one connection and in one transaction, as it
 * says by LIMITS (RFC 9422).
 *
 * MAILMAX bounds transactions of a session, RCPTMAX recipients of one, and
 * RCPTDOMAINMAX domains of the recipients of a session.  Recipients beyond go
 * back to the host untried, for a transaction or a session of their own.
 */
#ifndef IMPEL_LIB_LIMITS_H
#define IMPEL_LIB_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include <impel/module.h>

struct capability;

enum { LIMITS_DOMAINS = 16 }; /* of a session; a higher limit counts as this */

struct limits {
    uint32_t mails;   /* said in this session */
    uint32_t rcpts;   /* of this transaction, with those to be said */
    uint32_t domains; /* of the session: how many of domain[] are known */
    bool full;        /* somebody was left out: his domain is not taken */
    uint64_t domain[LIMITS_DOMAINS]; /* sums of their names */
};

/* A transaction begins; false: no more of them on this connection. */
bool limits_begin(struct limits *l, const struct capability *c);
/* May this recipient be named in it?  Asked in order, once for each; yes means
 * that it will be. */
bool limits_take(
    struct limits *l, const struct capability *c, struct impel_str address);
/* It is time for another session. */
bool limits_spent(const struct limits *l, const struct capability *c);

#endif
