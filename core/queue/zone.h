/* SPDX-License-Identifier: Apache-2.0
 *
 * zone.h - routing domains: each with its queues, from the first to the last.
 */
#ifndef IMPEL_ZONE_H
#define IMPEL_ZONE_H

#include "queue/scheduler_int.h"

void zone_init(struct scheduler *s);
void zone_fini(struct scheduler *s); /* none is left */
struct zone *zone_find(struct scheduler *s, struct str domain); /* or NULL */
/* Made if there is none: a queue follows at once. */
struct zone *zone_get(struct scheduler *s, struct str domain);
/* A queue of it has gone: so does the zone after the last one. */
void zone_drop(struct scheduler *s, struct zone *z);

#endif
