/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/defer.h"

#include "base/bug.h"
#include "base/magic.h"
#include "loop/loop_int.h"
#include "loop/slow.h"
#include "base/banned.h"

enum {
    /* How often what is posted by deferred work is run in the same turn. */
    DEFER_ROUNDS = 16,
    /* Of one turn; what is left waits until sockets have had theirs.  Work
     * that posts more work would hold them up for all its rounds. */
    DEFER_US = 1000
};

void
defer_post(
    struct loop *l, struct defer *d, defer_f *fn, void *arg, const char *what)
{
    CHECK(l, LOOP_MAGIC);
    d->fn = fn;
    d->arg = arg;
    d->what = what;
    if (!list_linked(&d->node))
        list_push(&l->deferred, &d->node);
}

void
defer_cancel(struct defer *d)
{
    list_remove(&d->node);
}

bool
defer_pending(const struct defer *d)
{
    return list_linked(&d->node);
}

/* Run what is there now; what is posted meanwhile stays in the loop's list.
 * The mark is the node behind the last of the round. */
static bool /* there may be time for another round */
defer_round(struct loop *l, int64_t end)
{
    struct list mark = {NULL, NULL}, *n;

    list_push(&l->deferred, &mark);
    while ((n = list_take(&l->deferred)) != &mark) {
        struct defer *d = LIST_ENTRY(n, struct defer, node);
        loop_call(d->fn, d->arg, d->what);
        if (slow_next() >= end) {
            list_remove(&mark);
            return false;
        }
    }
    return true;
}

void
defer_run(struct loop *l)
{
    int64_t end = slow_next() + DEFER_US;

    for (int i = 0; i < DEFER_ROUNDS && !list_empty(&l->deferred); i++)
        if (!defer_round(l, end))
            return;
}
