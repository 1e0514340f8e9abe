/* SPDX-License-Identifier: Apache-2.0
 *
 * loops.h - which event loops there are: `eventloop "name" { concurrency }`,
 * `delivery_pool`, `maintainer_pool`, a listener's `event_loop`.
 *
 * Without stanzas there is one pool, "default", with as many loops as `make
 * bench` shows to be fastest.  The scheduler (the maintainer) shares the
 * thread of loop 0 unless maintainer_pool names a pool of its own.
 */
#ifndef IMPEL_LOOPS_H
#define IMPEL_LOOPS_H

#include "conf/generation.h"
#include "loop/loop.h"

struct loops {
    struct loop **io;  /* all I/O loops; [0] may be the scheduler's */
    const char **pool; /* the pool's name, one per loop */
    unsigned count;
    unsigned delivery_at, delivery_count; /* those that deliver */
    struct loop *scheduler;
    bool shared; /* scheduler == io[0] */
};
unsigned loops_processors(void); /* of this machine; 1 at least */
/* ERR_CONF: a pool is named that no stanza defines. */
int loops_make(const struct generation *g, struct loops *to, struct err *e);
/* Threads for all but the scheduler's, which the main thread runs. */
int loops_start(struct loops *l, struct err *e);
void loops_stop(struct loops *l); /* joins */
void loops_free(struct loops *l);

#endif
