/* SPDX-License-Identifier: Apache-2.0
 *
 * mcmt.h - messages that are containers: one ordinary message, and parts for
 * other channels (multipart/vnd.msys.mcmt).
 *
 * A container that was let in as one carries the context value "mcmt" from then
 * on, on disk too; modules that deliver to other channels look at no other.
 */
#ifndef IMPEL_MCMT_H
#define IMPEL_MCMT_H

#include "base/str.h"
#include "conf/scope.h"

enum mcmt_reception { MCMT_PASSTHRU, MCMT_ALLOW, MCMT_REJECT };

/* Does its header say that it is one? */
bool mcmt_is_container(struct str header);
/* May a peer with that scope send them, by that protocol ("esmtp")? */
bool mcmt_is_allowed(const struct scope *s, struct str protocol);

#endif
