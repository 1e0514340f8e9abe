/* SPDX-License-Identifier: Apache-2.0 */
#include "base/budget.h"

#include "base/bug.h"
#include "base/sum.h"
#include "base/banned.h"

void
budget_init(struct budget *b, int64_t limit)
{
    atomic_init(&b->used, 0);
    atomic_init(&b->limit, limit);
}

void
budget_set_limit(struct budget *b, int64_t limit)
{
    atomic_store(&b->limit, limit);
}

int64_t
budget_used(const struct budget *b)
{
    return atomic_load(&b->used);
}

int64_t
budget_limit(const struct budget *b)
{
    return atomic_load(&b->limit);
}

bool
budget_over(const struct budget *b)
{
    int64_t limit = budget_limit(b);

    return limit >= 0 && budget_used(b) >= limit;
}

bool
budget_take(struct budget *b, int64_t n)
{
    int64_t used = atomic_load(&b->used), after;

    BUG_ON(n < 0);
    do {
        int64_t limit = atomic_load(&b->limit);
        if (!sum_add(used, n, &after) || (limit >= 0 && after > limit))
            return false;
    } while (!atomic_compare_exchange_weak(&b->used, &used, after));
    return true;
}

void
budget_give(struct budget *b, int64_t n)
{
    int64_t was = atomic_fetch_sub(&b->used, n);

    BUG_ON(n < 0 || was < n);
}

void
budget_force(struct budget *b, int64_t n)
{
    BUG_ON(n < 0);
    atomic_fetch_add(&b->used, n);
}

void
purse_init(struct purse *p, struct budget *b, int64_t block)
{
    BUG_ON(block < 1);
    *p = (struct purse){.budget = b, .block = block};
}

bool
purse_take(struct purse *p, int64_t n)
{
    int64_t more = n - p->held, draw;

    BUG_ON(n < 0);
    if (more > 0) {
        /* Near the limit a whole block may not be had. */
        draw = more > p->block ? more : p->block;
        if (!budget_take(p->budget, draw)) {
            draw = more;
            if (!budget_take(p->budget, draw))
                return false;
        }
        p->held += draw;
    }
    p->held -= n;
    return true;
}

void
purse_give(struct purse *p, int64_t n)
{
    BUG_ON(n < 0);
    p->held += n;
    if (p->held / 2 >= p->block) {
        budget_give(p->budget, p->held - p->block);
        p->held = p->block;
    }
}

void
purse_fini(struct purse *p)
{
    budget_give(p->budget, p->held);
    p->held = 0;
}
