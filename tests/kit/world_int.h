/* SPDX-License-Identifier: Apache-2.0
 *
 * world_int.h - making and freeing what a world consists of; between world.c
 * and parts.c only.
 */
#ifndef IMPEL_KIT_WORLD_INT_H
#define IMPEL_KIT_WORLD_INT_H

#include "world.h"

struct world *world_new(
    struct kit_module *m, struct script *s, const struct world_plan *plan);
struct impel_session *world_session_new(
    struct world *w, const struct script_session *t);
struct impel_batch *world_batch_new(
    struct impel_session *s, const struct script_message *m);
/* The message of that tag that is not answered yet, or NULL. */
struct impel_incoming *world_incoming_find(
    struct impel_session *s, uint64_t tag);

#endif
