/* SPDX-License-Identifier: Apache-2.0
 *
 * watchdog.h - the service manager hears that the daemon is well as long as
 * every event loop turns.
 *
 * The scheduler's loop asks the others by mail, four times in the manager's
 * interval; when all have answered, and only then, the manager is told.  One
 * that has not answered by the next time is named in the log, once until it
 * turns again.  A manager that hears nothing for its interval ends the process
 * with SIGABRT and starts it again.
 */
#ifndef IMPEL_WATCHDOG_H
#define IMPEL_WATCHDOG_H

#include "loop/loop.h"

struct watchdog;
/* Loops: all that are to be watched but the scheduler's own, which may be among
 * them; they must outlive it.  NULL: the manager wants no such thing.
 * Scheduler's thread, or before it runs. */
struct watchdog *watchdog_start(
    struct loop *scheduler, struct loop *const *loops, unsigned count);
/* When no loop runs any more. */
void watchdog_free(struct watchdog **w);

#endif
