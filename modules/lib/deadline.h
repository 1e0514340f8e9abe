/* SPDX-License-Identifier: Apache-2.0
 *
 * deadline.h - one deadline of a session on one timer of the host.
 *
 * Deadlines move with every reply and command, timers are dear: the timer is
 * left where it is when the deadline moves back, and set again when it fires
 * too early.
 */
#ifndef IMPEL_LIB_DEADLINE_H
#define IMPEL_LIB_DEADLINE_H

#include <stdbool.h>

#include <impel/module.h>

struct deadline {
    int64_t at;    /* 0: none */
    int64_t armed; /* when the timer fires; 0: it does not */
};

static inline void
deadline_set(struct deadline *d, const struct impel_host *host,
    struct impel_session *session, int64_t after_ms)
{
    d->at = host->now() + after_ms;
    if (d->armed != 0 && d->armed <= d->at)
        return;
    d->armed = d->at;
    host->timer(session, 0, after_ms);
}

static inline void
deadline_clear(struct deadline *d)
{
    d->at = 0;
}

/* The timer fired: true if the deadline has passed. */
static inline bool
deadline_fired(struct deadline *d, const struct impel_host *host,
    struct impel_session *session)
{
    int64_t now = host->now();

    d->armed = 0;
    if (d->at == 0)
        return false;
    if (now >= d->at)
        return true;
    d->armed = d->at;
    host->timer(session, 0, d->at - now);
    return false;
}

#endif
