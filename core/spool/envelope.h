/* SPDX-License-Identifier: Apache-2.0
 *
 * envelope.h - a message's envelope and content facts as an ACCEPT has them.
 *
 * Behind the fixed head (record.h) stand the texts of the sender's side, the
 * meta pairs, the recipients, then tagged extras that a reader skips if it
 * does not know them.
 */
#ifndef IMPEL_ENVELOPE_H
#define IMPEL_ENVELOPE_H

#include "spool/record.h"

/* Appends head and envelope; the message's content is complete. */
void envelope_encode(const struct message *m, struct buf *to);
/* Fill m->env from a payload of which at least the head's bytes are there.
 * ERR_DAMAGED. */
int envelope_decode(
    const uint8_t *p, size_t n, struct record_accept *head, struct message *m);

/* Only what recovery needs: the binding, and each recipient's domain. */
struct envelope_scan {
    struct str binding;
    struct wire rcpts;
    uint32_t left;
};
int envelope_scan(const struct record_accept *head, struct envelope_scan *to);
bool envelope_next_domain(struct envelope_scan *s, struct str *domain);

#endif
