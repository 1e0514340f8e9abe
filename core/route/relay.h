/* SPDX-License-Identifier: Apache-2.0
 *
 * relay.h - domains that this system takes mail for and hands on: the global
 * relay_domains and bounce_domains.
 */
#ifndef IMPEL_RELAY_H
#define IMPEL_RELAY_H

#include "conf/generation.h"

/* Is the domain matched by an item of the list?  "*.x.test" matches names
 * below x.test, "*x.test" what ends so; case and A-labels do not matter. */
bool relay_glob(const struct scope *s, uint32_t option, struct str domain);
/* only_use_best_mx_for_relay_domains holds for it.  The lists are those at the
 * top level: what a listener says of its peers is no property of a domain. */
bool relay_best_only(struct generation *g, struct str domain);

#endif
