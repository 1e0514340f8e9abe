/* SPDX-License-Identifier: Apache-2.0
 *
 * incoming.h - the memory of messages on their way in.
 *
 * A loop takes as many as its disk lets wait, all of them at once, and gives
 * them back all at once: what is kept here has not gone through malloc's bins
 * meanwhile.  Loop thread only.
 */
#ifndef IMPEL_INCOMING_H
#define IMPEL_INCOMING_H

#include "intake/receive_int.h"

/* Zeroed, but for room for some recipients that one before has had. */
struct impel_incoming *incoming_take(struct intake_loop *il) ATTR_NONNULL_RET;
/* All that it holds is gone, but for rcpt and place. */
void incoming_give(struct impel_incoming *m);
/* The loop is over: nothing is kept any more. */
void incoming_drop(struct intake_loop *il);

#endif
