/* SPDX-License-Identifier: Apache-2.0
 *
 * overlay.h - the overrides of a generation: stanzas that stand in no file, and
 * the scopes in which they come before all others.
 *
 * Such a scope is the one of the stanzas with a few values put before: made
 * once for each (scope, overrides) and kept, like all that somebody may read,
 * as long as the generation.
 */
#ifndef IMPEL_OVERLAY_H
#define IMPEL_OVERLAY_H

#include "conf/generation_int.h"
#include "conf/override.h"

struct overlay_item {
    const struct override *v;
    uint64_t serial; /* the same: it is the same as before */
};
/* What a place has from now on. number: of the change. */
void overlay_set(struct generation *g, struct str key,
    enum override_source source, const struct overlay_item *items, size_t n,
    uint64_t number);
/* What is to be read instead of base; absent names: there is none. */
const struct scope *overlay_scope(struct generation *g,
    const struct scope *base, struct str group, struct str binding,
    struct str domain);
/* The key of a place, the same for the same place. */
void overlay_print_key(const struct override_place *p,
    enum override_source source, struct buf *to);
void overlay_free(struct overlay **o);

#endif
