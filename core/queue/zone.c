/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/zone.h"

#include <string.h>

#include "base/banned.h"

static uint64_t
zone_hash(const struct chain *c)
{
    return str_hash(str_of(CONTAINER_OF(c, const struct zone, chain)->name));
}

void
zone_init(struct scheduler *s)
{
    list_init(&s->all_zones);
    chains_init(&s->zones, 1, zone_hash);
}

void
zone_fini(struct scheduler *s)
{
    chains_fini(&s->zones);
}

struct zone *
zone_find(struct scheduler *s, struct str domain)
{
    struct chain *c = chains_find(&s->zones, str_hash(domain));

    for (; c; c = c->next) {
        struct zone *z = CONTAINER_OF(c, struct zone, chain);

        if (str_eq(str_of(z->name), domain))
            return z;
    }
    return NULL;
}

struct zone *
zone_get(struct scheduler *s, struct str domain)
{
    struct zone *z = zone_find(s, domain);

    if (z)
        return z;
    z = bins_take(&s->bins, sizeof(*z) + domain.n + 1);
    memcpy(z->name, domain.p, domain.n);
    list_init(&z->queues);
    list_push(&s->all_zones, &z->node);
    chains_add(&s->zones, &z->chain);
    return z;
}

void
zone_drop(struct scheduler *s, struct zone *z)
{
    if (!list_empty(&z->queues))
        return;
    chains_remove(&s->zones, &z->chain);
    cursor_leave(&s->cursors, &z->node);
    list_remove(&z->node);
    bins_give(&s->bins, z, sizeof(*z) + strlen(z->name) + 1);
}
