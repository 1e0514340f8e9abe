/* SPDX-License-Identifier: Apache-2.0
 *
 * tokens.h - throttles: at most `count` in any window of `window_ms`.
 *
 * A sliding window in slots of about 1/512: whatever the alignment, no window
 * ever holds more than count, at a cost of less than 1 % of the rate.  What
 * was charged and not used is refunded to the slot it came from.
 *
 * What is sent at once arrives over some time, and that time varies; so that
 * the far end does not see more than count either, a window's tokens come one
 * after the other over a second (or the window, if it is shorter), but for a
 * few that may go together.
 */
#ifndef IMPEL_TOKENS_H
#define IMPEL_TOKENS_H

#include <stdbool.h>
#include <stdint.h>

struct throttle_rate {
    int64_t count;     /* 0: unlimited */
    int64_t window_ms; /* 1000 unless written "N/T" */
};

enum { TOKENS_SLOTS = 512, TOKENS_LATE = 2 };
struct tokens {
    struct throttle_rate rate;
    int64_t width;  /* ms of a slot */
    int64_t slots;  /* full ones in a window, and two spare ones */
    int64_t newest; /* number of the newest slot */
    int64_t sum;    /* of the ring */
    int64_t pace;   /* ms over which the tokens of a window come; 0: at once */
    int64_t level, filled; /* came and not taken, times pace; as of when */
    uint32_t used[TOKENS_SLOTS + TOKENS_LATE + 2];
};

void tokens_init(struct tokens *t, struct throttle_rate rate, int64_t now);
/* The same without a pace, for who refuses what it cannot take at once. */
void tokens_init_unpaced(
    struct tokens *t, struct throttle_rate rate, int64_t now);
/* Another rate of the same throttle; what is charged stays charged. */
void tokens_set_rate(struct tokens *t, struct throttle_rate rate, int64_t now);
/* One more at now (monotonic ms)?  true: charged, *stamp names it for a
 * refund.  false: *until says when to ask again. */
bool tokens_take(struct tokens *t, int64_t now, int64_t *stamp, int64_t *until);
/* The same question without charging. */
bool tokens_has(struct tokens *t, int64_t now, int64_t *until);
/* How many more now; INT64_MAX: no limit. */
int64_t tokens_left(struct tokens *t, int64_t now);
/* When there will be more than now: only after tokens_left() was 0. */
int64_t tokens_more_at(const struct tokens *t);
void tokens_refund(struct tokens *t, int64_t stamp);
/* It was used later than it was taken: at, which may be long ago. */
void tokens_used_at(struct tokens *t, int64_t stamp, int64_t at);

#endif
