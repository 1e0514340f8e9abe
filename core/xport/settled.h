/* SPDX-License-Identifier: Apache-2.0
 *
 * settled.h - when what a session has reported of recipients is on disk.
 *
 * Results go to the scheduler and from there to the spool, in order.  The
 * question goes the same way behind them, and its answer is a wake().
 */
#ifndef IMPEL_SETTLED_H
#define IMPEL_SETTLED_H

#include <stdint.h>

struct impel_session;
struct spool;

/* host->settle(): 0, or IMPEL_E_UNSUP of a session that reports nothing.  The
 * session's loop. */
int settled_ask(struct impel_session *s, struct spool *spool, int64_t arg);

#endif
