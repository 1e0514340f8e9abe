/* SPDX-License-Identifier: Apache-2.0 */
#include "base/tokens.h"

#include <string.h>

#include "base/banned.h"

enum { TOKENS_RING = TOKENS_SLOTS + 2 };

void
tokens_init(struct tokens *t, struct throttle_rate rate, int64_t now)
{
    memset(t, 0, sizeof(*t));
    t->rate = rate;
    if (t->rate.window_ms < 1)
        t->rate.window_ms = 1;
    t->width = (t->rate.window_ms + TOKENS_SLOTS - 1) / TOKENS_SLOTS;
    t->slots = (t->rate.window_ms + t->width - 1) / t->width;
    t->newest = now / t->width;
}

void
tokens_set_rate(struct tokens *t, struct throttle_rate rate, int64_t now)
{
    int64_t sum = t->sum;

    if (rate.window_ms == t->rate.window_ms) {
        t->rate.count = rate.count;
        return;
    }
    tokens_init(t, rate, now);
    t->used[t->newest % TOKENS_RING] = (uint32_t)sum;
    t->sum = sum;
}

/* Forget the slots that have left the window. */
static void
tokens_slide(struct tokens *t, int64_t now)
{
    int64_t at = now / t->width;

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
    for (int64_t i = t->newest - t->slots; i <= t->newest; i++)
        if (i >= 0 && t->used[i % TOKENS_RING])
            return (i + t->slots + 1) * t->width;
    return (t->newest + 1) * t->width;
}

bool
tokens_has(struct tokens *t, int64_t now, int64_t *until)
{
    if (t->rate.count <= 0)
        return true;
    tokens_slide(t, now);
    if (t->sum < t->rate.count)
        return true;
    *until = tokens_more_at(t);
    return false;
}

int64_t
tokens_left(struct tokens *t, int64_t now)
{
    if (t->rate.count <= 0)
        return INT64_MAX;
    tokens_slide(t, now);
    return t->sum < t->rate.count ? t->rate.count - t->sum : 0;
}

bool
tokens_take(struct tokens *t, int64_t now, int64_t *stamp, int64_t *until)
{
    *stamp = -1;
    if (!tokens_has(t, now, until))
        return false;
    if (t->rate.count > 0) {
        *stamp = t->newest;
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
    }
}
