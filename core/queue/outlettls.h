/* SPDX-License-Identifier: Apache-2.0
 *
 * outlettls.h - how TLS came out with a host, as reports of it count
 * (tlsrpt.h).
 */
#ifndef IMPEL_OUTLETTLS_H
#define IMPEL_OUTLETTLS_H

#include "queue/scheduler_int.h"

/* Is it asked for? */
bool outlettls_counts(const struct queue *q);
/* One session has one result: the first connection's, for a second is made only
 * where that had failed. */
void outlettls_count(struct outlet *o, const struct session_tls *t);

#endif
