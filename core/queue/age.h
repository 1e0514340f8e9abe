/* SPDX-License-Identifier: Apache-2.0
 *
 * age.h - mail that waits for something other than its time expires, too.
 */
#ifndef IMPEL_AGE_H
#define IMPEL_AGE_H

#include "queue/scheduler_int.h"

/* If it is time to look: a part of the queue in each turn.  true: there is
 * more. */
bool age_run(struct queue *q);

#endif
