/* SPDX-License-Identifier: Apache-2.0
 *
 * reject.h - refusals of what a peer wanted, in the rejectlog and in the count.
 */
#ifndef IMPEL_REJECT_H
#define IMPEL_REJECT_H

#include "intake/intake_int.h"

/* Write it down and count it.  sender and rcpt as far as they are known; r:
 * the refusal, its stage says which command it answers. */
void reject_note(const struct intake_session *is, struct str sender,
    struct str rcpt, const struct impel_result *r);

#endif
