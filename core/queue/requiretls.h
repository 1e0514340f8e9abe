/* SPDX-License-Identifier: Apache-2.0
 *
 * requiretls.h - the end of mail with REQUIRETLS that no host can be sent
 * (RFC 8689 4.2.1): once each was tried and fell short, it is not kept waiting.
 */
#ifndef IMPEL_REQUIRETLS_H
#define IMPEL_REQUIRETLS_H

#include "queue/scheduler_int.h"

/* All hosts of q are marked as failed.  True: the last fell short of what
 * REQUIRETLS asks for, and hop says how the mail fails: 550, 5.7.30 for a host
 * that does not offer it, 5.7.10 for TLS that cannot be had or be verified.
 * What a host itself says (454, a connection refused) is no such end. */
bool requiretls_fails(const struct queue *q, struct hop *hop);

#endif
