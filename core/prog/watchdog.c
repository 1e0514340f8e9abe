/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/watchdog.h"

#include <stdatomic.h>
#include <stdlib.h>
#include "base/log.h"
#include "base/manager.h"
#include "base/xmem.h"
#include "loop/mailbox.h"
#include "loop/timer.h"
#include "base/banned.h"

enum { ASKED_PER_INTERVAL = 4 };

struct watched {
    struct mail mail;
    struct loop *loop;
    _Atomic bool answered;
    int64_t asked;
    bool complained;
};
struct watchdog {
    struct timer timer;
    int64_t every_ms;
    unsigned count;
    struct watched loops[];
};

/* The loop has come to its mail. */
static void
answer(struct mail *m)
{
    atomic_store(&CONTAINER_OF(m, struct watched, mail)->answered, true);
}

static void
complain(struct watched *l, int64_t now)
{
    if (!l->complained)
        log_error(LOG_TIME, "loop-silent", "loop=%s ms=%lld",
            loop_name(l->loop), (long long)(now - l->asked));
    l->complained = true;
}

/* True: it has answered, and is asked again. */
static bool
look_at(struct watched *l, int64_t now)
{
    if (!atomic_exchange(&l->answered, false)) {
        complain(l, now);
        return false;
    }
    if (l->complained)
        log_notice(LOG_TIME, "loop-turns", "loop=%s after_ms=%lld",
            loop_name(l->loop), (long long)(now - l->asked));
    l->complained = false;
    l->asked = now;
    mailbox_post(loop_mailbox(l->loop), &l->mail, answer);
    return true;
}

static void
look(void *arg)
{
    struct watchdog *w = arg;
    int64_t now = loop_now(w->timer.loop);
    bool well = true;

    for (unsigned i = 0; i < w->count; i++)
        well &= look_at(&w->loops[i], now);
    if (well)
        manager_feed();
    timer_start(&w->timer, w->every_ms);
}

struct watchdog *
watchdog_start(
    struct loop *scheduler, struct loop *const *loops, unsigned count)
{
    int64_t interval = manager_watchdog_ms();
    struct watchdog *w;

    if (!interval)
        return NULL;
    w = xcalloc(1, sizeof(*w) + count * sizeof(w->loops[0]));
    w->every_ms = MAX_OF(interval / ASKED_PER_INTERVAL, 1);
    for (unsigned i = 0; i < count; i++) {
        if (loops[i] == scheduler)
            continue; /* whose timer it is */
        w->loops[w->count].loop = loops[i];
        w->loops[w->count].asked = loop_now(scheduler);
        atomic_init(&w->loops[w->count++].answered, true);
    }
    timer_init(&w->timer, scheduler, look, w, "watchdog");
    timer_start(&w->timer, w->every_ms);
    return w;
}

void
watchdog_free(struct watchdog **wp)
{
    if (!*wp)
        return;
    timer_stop(&(*wp)->timer);
    xfree(wp);
}
