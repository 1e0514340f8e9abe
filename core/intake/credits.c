/* SPDX-License-Identifier: Apache-2.0 */
#include "intake/credits.h"

#include "base/macros.h"
#include "intake/incoming.h"
#include "base/banned.h"

enum {
    CREDIT_BLOCK = 262144,
    CREDIT_RETRY_MS = 200,
    LARGE_HELD_MAX = 1 << 20 /* a body in a file has no more in memory */
};

/* The first in line tries again. */
static void
credits_wake(struct intake_loop *il)
{
    struct list *n = list_take(&il->waiting);
    if (list_empty(&il->waiting))
        timer_stop(&il->retry);
    if (!n)
        return;
    struct impel_incoming *m = LIST_ENTRY(n, struct impel_incoming, waiting);
    m->woken = true;
    if (m->is && m->is->session)
        session_credit(m->is->session);
}

static void
credits_retry(void *arg)
{
    struct intake_loop *il = arg;
    timer_start(&il->retry, CREDIT_RETRY_MS);
    credits_wake(il);
}

static void
credits_give(struct impel_incoming *m, int64_t n)
{
    purse_give(&m->il->credits, n);
    m->held -= n;
}

/* The message needs none any more: the next in line may have them. */
void
credits_release(struct impel_incoming *m)
{
    list_remove(&m->waiting);
    if (m->il->overdraft == m)
        m->il->overdraft = NULL;
    credits_give(m, m->held);
    credits_wake(m->il);
}

static void
credits_wait(struct impel_incoming *m)
{
    if (list_linked(&m->waiting))
        return;
    if (m->woken)
        list_push_front(&m->il->waiting, &m->waiting);
    else
        list_push(&m->il->waiting, &m->waiting);
    if (!timer_armed(&m->il->retry))
        timer_start(&m->il->retry, CREDIT_RETRY_MS);
}

/* Those that have begun go on before those that have not. */
static bool
credits_turn(const struct impel_incoming *m)
{
    return m->woken || m->bytes || list_empty(&m->il->waiting);
}

bool
credits_take(struct impel_incoming *m, int64_t n)
{
    struct intake_loop *il = m->il;
    if (credits_turn(m) && purse_take(&il->credits, n)) {
        m->held += n;
        m->woken = false;
        list_remove(&m->waiting);
        credits_wake(il);
        return true;
    }
    if (!il->overdraft && !il->committing && credits_turn(m))
        il->overdraft = m;
    if (il->overdraft != m) {
        credits_wait(m);
        return false;
    }
    list_remove(&m->waiting);
    budget_force(&il->intake->credits, n);
    m->held += n;
    return true;
}

/* What a body thread has written is in memory no more. */
void
credits_spilled(struct impel_incoming *m)
{
    int64_t most = LARGE_HELD_MAX + m->held_envelope;
    struct content_facts f;
    if (m->held <= most)
        return;
    content_builder_facts(m->builder, &f);
    if (!f.large)
        return;
    credits_give(m, m->held - most);
    credits_wake(m->il);
}

void
receive_loop_init(struct intake_loop *il)
{
    list_init(&il->waiting);
    list_init(&il->spares);
    timer_init(&il->retry, il->loop, credits_retry, il, "intake credits");
    purse_init(&il->credits, &il->intake->credits, CREDIT_BLOCK);
}

void
receive_loop_fini(struct intake_loop *il)
{
    timer_stop(&il->retry);
    incoming_drop(il);
    purse_fini(&il->credits);
}

void
credits_force(struct impel_incoming *m, int64_t n)
{
    budget_force(&m->il->intake->credits, n);
    m->held += n;
}
