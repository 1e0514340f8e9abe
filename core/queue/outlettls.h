/* SPDX-License-Identifier: Apache-2.0
 *
 * outlettls.h - how TLS came out with a host, as reports of it count
 * (tlsrpt.h).
 */
#ifndef IMPEL_OUTLETTLS_H
#define IMPEL_OUTLETTLS_H

#include "queue/scheduler_int.h"

/* Do reports ask for it? */
bool outlettls_counts(const struct queue *q);
/* Does anybody want to know how it comes out with that hop? */
bool outlettls_is_wanted(const struct queue *q, const struct hop *hop);
/* One session has one result: the first connection's, for a second is made only
 * where that had failed. */
void outlettls_count(struct outlet *o, const struct session_tls *t);
/* No session was made, since DNS says of TLS what forbids it (hop->why_tls); of
 * TLS_FINE nothing is counted. */
void outlettls_refused(const struct queue *q, const struct hop *hop);

#endif
