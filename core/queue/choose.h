/* SPDX-License-Identifier: Apache-2.0
 *
 * choose.h - through which binding a recipient's mail goes.
 *
 * What was said of the message (a binding or a group; core/intake/assign.h)
 * comes before assign_binding of the recipient's domain, and that before
 * binding "default"; a name of nothing is as if nothing had been said.  So the
 * recipients of one message may go through several bindings.  Of a group that
 * member is taken whose name, with message and domain, hashes highest: evenly,
 * the same at every time and after a restart, and a member that is suspended
 * for that domain or has gone moves its own share only.  Nothing of this is
 * stored but what was said.
 */
#ifndef IMPEL_CHOOSE_H
#define IMPEL_CHOOSE_H

#include "conf/generation.h"

/* said: absent or empty if nobody said anything; domain absent: of no
 * recipient.  What is returned lives as long as the generation. */
struct str choose_binding(
    struct generation *g, struct str said, uint64_t id, struct str domain);
/* The same before there is a message; absent: one of a group's. */
struct str choose_known(
    struct generation *g, struct str said, struct str domain);
/* Is there a binding or a group of that name? */
bool choose_is_name(const struct generation *g, struct str name);

#endif
