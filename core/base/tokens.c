/* SPDX-License-Identifier: Apache-2.0 */
#include "base/tokens.h"

#include <string.h>

#include "base/macros.h"
#include "base/banned.h"

enum {
    TOKENS_RING = TOKENS_SLOTS + TOKENS_LATE + 2,
    TOKENS_SPARE = 64, /* slots, of which two more cost little */
    TOKENS_PACE_MS = 1000,
    TOKENS_TOGETHER = 16 /* and a 64th of them */
};

static int64_t
tokens_most(const struct tokens *t)
{
    int64_t n = MIN_OF(t->rate.count, INT32_MAX);

    return (TOKENS_TOGETHER + n / 64) * t->pace;
}

void
tokens_init(struct tokens *t, struct throttle_rate rate, int64_t now)
{
    memset(t, 0, sizeof(*t));
    t->rate = rate;
    if (t->rate.window_ms < 1)
        t->rate.window_ms = 1;
    t->width = (t->rate.window_ms + TOKENS_SLOTS - 1) / TOKENS_SLOTS;
    t->slots = (t->rate.window_ms + t->width - 1) / t->width;
    /* what arrives a little later */
    t->slots += t->slots >= TOKENS_SPARE ? TOKENS_LATE : 0;
    t->newest = now / t->width;
    t->pace = MIN_OF(t->rate.window_ms, TOKENS_PACE_MS);
    t->level = tokens_most(t);
    t->filled = now;
}

void
tokens_init_unpaced(struct tokens *t, struct throttle_rate rate, int64_t now)
{
    tokens_init(t, rate, now);
    t->pace = t->level = 0;
}

void
tokens_set_rate(struct tokens *t, struct throttle_rate rate, int64_t now)
{
    int64_t sum = t->sum;
    bool unpaced = !t->pace;

    if (rate.window_ms == t->rate.window_ms) {
        t->rate.count = rate.count;
        return;
    }
    tokens_init(t, rate, now);
    if (unpaced)
        t->pace = t->level = 0;
    t->used[t->newest % TOKENS_RING] = (uint32_t)sum;
    t->sum = sum;
}

static void
tokens_fill(struct tokens *t, int64_t now)
{
    int64_t passed = MIN_OF(now - t->filled, t->pace);

    if (passed <= 0)
        return;
    t->filled = now;
    t->level = MIN_OF(
        t->level + passed * MIN_OF(t->rate.count, INT32_MAX), tokens_most(t));
}

/* Forget the slots that have left the window. */
static void
tokens_slide(struct tokens *t, int64_t now)
{
    int64_t at = now / t->width;

    tokens_fill(t, now);
    if (at <= t->newest)
        return;
    if (at - t->newest > t->slots) {
        memset(t->used, 0, sizeof(t->used));
        t->sum = 0;
        t->newest = at;
        return;
    }
    while (t->newest < at) {
        int64_t gone;

        t->newest++;
        gone = t->newest - t->slots - 1;
        if (gone >= 0) {
            t->sum -= t->used[gone % TOKENS_RING];
            t->used[gone % TOKENS_RING] = 0;
        }
    }
}

int64_t
tokens_more_at(const struct tokens *t)
{
    if (t->sum < t->rate.count && t->level < t->pace)
        return t->filled +
            (t->pace - t->level + t->rate.count - 1) / t->rate.count;
    for (int64_t i = t->newest - t->slots; i <= t->newest; i++)
        if (i >= 0 && t->used[i % TOKENS_RING])
            return (i + t->slots + 1) * t->width;
    return (t->newest + 1) * t->width;
}

int64_t
tokens_left(struct tokens *t, int64_t now)
{
    int64_t left;

    if (t->rate.count <= 0)
        return INT64_MAX;
    tokens_slide(t, now);
    left = t->rate.count - t->sum;
    if (t->pace)
        left = MIN_OF(left, t->level / t->pace);
    return MAX_OF(left, 0);
}

bool
tokens_has(struct tokens *t, int64_t now, int64_t *until)
{
    if (t->rate.count <= 0)
        return true;
    if (tokens_left(t, now) > 0)
        return true;
    *until = tokens_more_at(t);
    return false;
}

bool
tokens_take(struct tokens *t, int64_t now, int64_t *stamp, int64_t *until)
{
    *stamp = -1;
    if (!tokens_has(t, now, until))
        return false;
    if (t->rate.count > 0) {
        *stamp = t->newest;
        t->level -= t->pace;
        t->used[t->newest % TOKENS_RING]++;
        t->sum++;
    }
    return true;
}

void
tokens_refund(struct tokens *t, int64_t stamp)
{
    if (stamp < 0 || stamp > t->newest || t->newest - stamp > t->slots)
        return;
    if (t->used[stamp % TOKENS_RING]) {
        t->used[stamp % TOKENS_RING]--;
        t->sum--;
        t->level = MIN_OF(t->level + t->pace, tokens_most(t));
    }
}

void
tokens_used_at(struct tokens *t, int64_t stamp, int64_t at)
{
    int64_t slot;

    if (stamp < 0)
        return; /* there was no limit */
    slot = at / t->width;
    tokens_slide(t, at);
    if (slot <= stamp || t->newest - slot > t->slots)
        return;
    if (t->newest - stamp <= t->slots) {
        if (!t->used[stamp % TOKENS_RING])
            return;
        t->used[stamp % TOKENS_RING]--;
        t->sum--;
    }
    t->used[slot % TOKENS_RING]++;
    t->sum++;
}
