/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/choose.h"

#include <xxhash.h>

#include "queue/queue_options.h"
#include "base/banned.h"

static const struct stanza *
choose_next(const struct generation *g, const struct stanza *group,
    const struct stanza *member)
{
    return generation_stanza(g, IMPEL_SCOPE_BINDING, group, member);
}

/* A group without members is nobody. */
static bool
choose_is_group(const struct generation *g, struct str name)
{
    const struct stanza *group = generation_group(g, name);

    return group && choose_next(g, group, NULL);
}

bool
choose_is_name(const struct generation *g, struct str name)
{
    return name.n &&
        (generation_binding_group(g, name).p || choose_is_group(g, name));
}

/* --- one of a group --- */

struct draw {
    struct generation *g;
    const struct stanza *group;
    struct str domain;
    uint64_t seed;
};

static uint64_t
draw_weight(const struct draw *d, const struct stanza *member)
{
    struct str name = stanza_name(member);

    return XXH3_64bits_withSeed(name.p, name.n, d->seed);
}

static bool
draw_may_use(const struct draw *d, const struct stanza *member)
{
    const struct scope *s =
        generation_scope(d->g, stanza_name(member), d->domain);

    return !scope_int(s, OPT(queue_options, QUEUE_SUSPEND_DELIVERY));
}

/* The highest of those that may be used, or of all. */
static const struct stanza *
draw_best(const struct draw *d, bool all)
{
    const struct stanza *m = NULL, *best = NULL;
    uint64_t most = 0;

    while ((m = choose_next(d->g, d->group, m)) != NULL) {
        uint64_t w = draw_weight(d, m);

        if ((best && w <= most) || (!all && !draw_may_use(d, m)))
            continue;
        most = w;
        best = m;
    }
    return best;
}

static struct str
choose_member(
    struct generation *g, struct str group, uint64_t id, struct str domain)
{
    struct draw d = {.g = g,
        .group = generation_group(g, group),
        .domain = domain,
        .seed = XXH3_64bits_withSeed(domain.n ? domain.p : "", domain.n, id)};
    const struct stanza *best = draw_best(&d, false);

    if (!best) /* all are suspended: it waits with the one it belongs to */
        best = draw_best(&d, true);
    return stanza_name(best);
}

/* --- what was said --- */

static struct str
choose_name(struct generation *g, struct str said, struct str domain)
{
    struct str name;

    if (choose_is_name(g, said))
        return said;
    name = scope_str(generation_scope(g, STR_NONE, domain),
        OPT(queue_options, QUEUE_ASSIGN_BINDING));
    return choose_is_name(g, name) ? name : STR("default");
}

struct str
choose_binding(
    struct generation *g, struct str said, uint64_t id, struct str domain)
{
    struct str name = choose_name(g, said, domain);

    return generation_binding_group(g, name).p
        ? name
        : choose_member(g, name, id, domain);
}

struct str
choose_known(struct generation *g, struct str said, struct str domain)
{
    struct str name = choose_name(g, said, domain);

    return generation_binding_group(g, name).p ? name : STR_NONE;
}
