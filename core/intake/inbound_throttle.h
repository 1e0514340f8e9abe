/* SPDX-License-Identifier: Apache-2.0
 *
 * inbound_throttle.h - how fast messages are taken (inbound_throttle_messages).
 *
 * One count for each stanza that sets it, over all loops.  A message beyond it
 * is refused for now at MAIL; one that is not taken in the end, for whatever
 * reason, has cost nothing.  Any thread.
 */
#ifndef IMPEL_INBOUND_THROTTLE_H
#define IMPEL_INBOUND_THROTTLE_H

#include "intake/intake_int.h"

struct inbound_charge { /* zeroed: nothing */
    struct inbound_throttle *of;
    int64_t stamp;
};
/* true: one more may be taken; *to is for a refund. */
bool inbound_throttle_take(
    const struct intake_session *is, struct inbound_charge *to);
void inbound_throttle_refund(struct intake *in, struct inbound_charge *c);
void inbound_throttle_init(struct intake *in);
void inbound_throttle_fini(struct intake *in);

#endif
