/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/slow.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/banned.h"

enum { SLOW_LINES = 10 }; /* a second at most */

static _Atomic uint64_t slow_total;
static _Atomic int64_t slow_second;
static _Atomic unsigned slow_lines;
static _Atomic uint64_t slow_quiet;
static _Thread_local bool slow_allowed;
static _Thread_local int64_t slow_ended; /* the last one; 0: too long ago */

int64_t
slow_begin(void)
{
    return clock_mono_us();
}

int64_t
slow_next(void)
{
    return slow_ended ? slow_ended : clock_mono_us();
}

void
slow_forget(void)
{
    slow_ended = 0;
}

void
slow_allow(void)
{
    slow_allowed = true;
}

/* Whether one more line may be written.  Two threads at the turn of a second
 * may both be let through: the bound is meant to spare the log, not to be
 * exact. */
static bool
slow_may_log(int64_t now_us)
{
    int64_t second = now_us / 1000000;

    if (atomic_exchange(&slow_second, second) != second)
        atomic_store(&slow_lines, 0);
    return atomic_fetch_add(&slow_lines, 1) < SLOW_LINES;
}

int64_t
slow_end(int64_t begun, const char *what, uint64_t id)
{
    int64_t now = clock_mono_us();
    int64_t us = now - begun;

    slow_ended = now;
    if (us < SLOW_THRESHOLD_US || slow_allowed)
        return us;
    atomic_fetch_add(&slow_total, 1);
    if (!slow_may_log(now)) {
        atomic_fetch_add(&slow_quiet, 1);
        return us;
    }
    log_warn(LOG_TIME, "slow-callback",
        "what=\"%s\" id=%016" PRIx64 " us=%" PRId64 " not_logged=%" PRIu64,
        what ? what : "", id, us, atomic_exchange(&slow_quiet, 0));
    return us;
}

uint64_t
slow_count(void)
{
    return atomic_load(&slow_total);
}
