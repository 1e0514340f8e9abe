/* SPDX-License-Identifier: Apache-2.0
 *
 * compact.h - copy the living out of segments that are mostly dead.
 *
 * Into cold segments of its own, at a byte rate, paused while commits are
 * slow.  A source is given back only after its copies are synced.  Never
 * needed to accept mail.
 */
#ifndef IMPEL_COMPACT_H
#define IMPEL_COMPACT_H

#include "base/err.h"

struct spool;
struct compactor;

/* The background thread, unless the rate is 0 (*to is NULL then). */
int compact_start(struct spool *s, struct compactor **to, struct err *e);
/* Look for work now; for tests. */
void compact_kick(struct compactor *c);
void compact_stop(struct compactor **c);

#endif
