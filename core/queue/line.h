/* SPDX-License-Identifier: Apache-2.0
 *
 * line.h - queues that wait for something many share, in order.
 *
 * A queue stands in one line at most.  One that is woken knows from which line
 * (woken_from), so that it can wake the next if it has no use for its turn.
 */
#ifndef IMPEL_LINE_H
#define IMPEL_LINE_H

#include "queue/scheduler_int.h"

void line_init(struct line *l);
/* At the end, or in front of those that joined without `first`; where it stands
 * already it keeps its place. */
void line_join(struct line *l, struct queue *q, bool first);
void line_leave(struct queue *q);               /* whichever it stands in */
struct queue *line_first(const struct line *l); /* or NULL */
/* The first runs soon, and stands there no more; NULL: there is none. */
struct queue *line_wake(struct line *l);
void line_wake_all(struct line *l);

#endif
