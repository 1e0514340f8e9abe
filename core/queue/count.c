/* SPDX-License-Identifier: Apache-2.0
 *
 * count.c - `count outbound`: connections by where they lead.
 */
#include "queue/scheduler_int.h"

#include "base/banned.h"

static bool
count_fits(const struct outlet *o, struct str binding, const struct cidr *net)
{
    struct cidr to = o->hop.to.ip;

    if (binding.n && !str_ieq(str_of(o->queue->binding->name), binding))
        return false;
    cidr_unmap(&to);
    return !net->family || (to.family && cidr_contains(net, &to));
}

struct scheduler_count
scheduler_count_outbound(
    const struct scheduler *s, struct str binding, const struct cidr *net)
{
    struct scheduler_count sum = {0, 0};
    struct list *it;

    LIST_FOREACH (it, &s->all_outlets) {
        const struct outlet *o = LIST_ENTRY(it, struct outlet, every_node);

        if (!count_fits(o, binding, net))
            continue;
        sum.open++;
        sum.busy += o->lent_count > 0;
    }
    return sum;
}
