/* SPDX-License-Identifier: Apache-2.0
 *
 * greeting.h - sessions that greet under the sender's name (ehlo_hostname =
 * __message__).
 *
 * Such a session is for mail of that domain alone, or one customer's mail
 * would go under another's name.  So that all get their turn, each next
 * session is for a domain that has none yet, and one that has taken
 * GREETING_TURNS messages past an older one of another domain ends.
 */
#ifndef IMPEL_GREETING_H
#define IMPEL_GREETING_H

#include "queue/scheduler_int.h"

enum { GREETING_LOOK = 64, GREETING_TURNS = 100 };

/* For what its next session greets, owned by the caller; NULL: the queue does
 * not ask for it.  Empty: a sender without a domain. */
char *greeting_next(const struct queue *q);
/* What of the ready mail may go through a session next; or NULL.  greets NULL:
 * any. */
struct list *greeting_first(const struct queue *q, const char *greets);
/* The session has nothing to do any more, or has had its turns. */
bool greeting_is_over(struct outlet *o);

#endif
