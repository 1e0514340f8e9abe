/* SPDX-License-Identifier: Apache-2.0
 *
 * bounces.h - what becomes of bounces that come as mail: bounce_domains,
 * bounce_pattern, bounce_behavior.
 *
 * A loop thread each; nothing is shared.
 */
#ifndef IMPEL_BOUNCES_H
#define IMPEL_BOUNCES_H

#include "intake/intake_int.h"
#include "intake/oob.h"
#include "spool/message.h"

/* Is mail to that domain taken for bounces? */
bool bounces_has_domain(const struct intake_session *is, struct str domain);
/* Is mail to that address (bounce_pattern)? */
bool bounces_takes(const struct intake_session *is, struct str address);

/* A report that is to be logged once its message is safe. */
struct bounces;
/* The message is whole; its recipients (count, in rcpt) that have
 * bounce_behavior = blackhole are taken out.  NULL: it is no bounce.  The parts
 * of *b live in the message. */
struct bounces *bounces_settle(const struct intake_session *is, struct oob *o,
    struct message *m, struct rcpt *rcpt, uint64_t size);
/* Write the records. */
void bounces_log(const struct bounces *b);
void bounces_free(struct bounces **b);

#endif
