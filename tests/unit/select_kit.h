/* SPDX-License-Identifier: Apache-2.0
 *
 * select_kit.h - tests of queues give the bulk verbs their orders (rebind,
 * reroute queue) and look where mail is afterwards.
 */
#ifndef IMPEL_SELECT_KIT_H
#define IMPEL_SELECT_KIT_H

#include "queue_world.h"

#include "queue/scheduler.h"

extern char select_answer[8192]; /* empty: not yet */
/* binding, domain, to: NULL for any, or none. */
void select_start(enum scheduler_work work, const char *binding,
    const char *domain, const char *to, bool dry_run);
/* The same, until it is answered. */
const char *select_run(enum scheduler_work work, const char *binding,
    const char *domain, const char *to);
#define rebind(from, to) select_run(SCHEDULER_REBIND, from, NULL, to)
#define reroute(from, to) select_run(SCHEDULER_REROUTE, NULL, from, to)
struct queue *select_queue(const char *binding, const char *domain);
/* How many parcels it has. */
uint64_t select_held(const char *binding, const char *domain);

#endif
