/* SPDX-License-Identifier: Apache-2.0
 *
 * suspend.h - whether a queue may deliver at all: suspend_delivery, blackhole,
 * a missing module, a held route, the end of the process.
 */
#ifndef IMPEL_SUSPEND_H
#define IMPEL_SUSPEND_H

#include "queue/scheduler_int.h"

enum { SUSPEND_MODULE_AGAIN_MS = 30000 }; /* ask for one that is missing */

/* WAIT_NONE, or why not; *until monotonic, 0: unknown. */
enum wait_reason suspend_reason(struct queue *q, int64_t *until);
/* It may not deliver any more: what is lent and not begun comes back, and its
 * sessions end, those that have begun something after that. */
void suspend_withdraw(struct queue *q);
/* It has adopted other values: of its sessions those that are more than
 * max_outbound_connections end likewise. */
void suspend_surplus(struct queue *q);
/* Who delivers the queue's method; asked again now and then while missing. */
const struct module_found *suspend_module(struct queue *q);

#endif
