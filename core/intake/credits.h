/* SPDX-License-Identifier: Apache-2.0
 *
 * credits.h - bytes of messages in reception, shared by all loops.
 *
 * Without credits a message waits in line.  Who is at its head is woken when
 * credits came back on this loop, when somebody else got some, and a few times
 * a second, since other loops give back too.  Were all credits held by messages
 * that still grow, none would ever come back: so one message on each loop may
 * pass the limit, while nothing of that loop is on its way to the disk.
 */
#ifndef IMPEL_CREDITS_H
#define IMPEL_CREDITS_H

#include "intake/receive_int.h"

/* n bytes for its body; false: not now, it stands in line and the session
 * hears of it. */
bool credits_take(struct impel_incoming *m, int64_t n);
/* n bytes that it cannot wait for, past the limit if need be. */
void credits_force(struct impel_incoming *m, int64_t n);
/* What a body thread has written is in memory no more. */
void credits_spilled(struct impel_incoming *m);
/* It needs none any more: the next in line may have them. */
void credits_release(struct impel_incoming *m);

#endif
