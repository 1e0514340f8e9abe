/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/retry.h"

#include "base/sum.h"
#include "queue/queue_options.h"
#include "base/banned.h"

void
retry_read(struct retry *r, const struct scope *s)
{
    r->interval = scope_int(s, OPT(queue_options, QUEUE_RETRY_INTERVAL));
    r->max_interval =
        scope_int(s, OPT(queue_options, QUEUE_MAX_RETRY_INTERVAL));
    r->expiration = scope_int(s, OPT(queue_options, QUEUE_MESSAGE_EXPIRATION));
    r->max_retries = scope_int(s, OPT(queue_options, QUEUE_MAX_RETRIES));
    r->never = scope_int(s, OPT(queue_options, QUEUE_NEVER_RETRY)) != 0;
    r->skip_expired =
        scope_int(
            s, OPT(queue_options, QUEUE_NEVER_ATTEMPT_EXPIRED_MESSAGES)) != 0;
}

int64_t
retry_wait(const struct retry *r, uint32_t n)
{
    int64_t wait = r->interval;

    for (uint32_t i = 1; i < n && wait < r->max_interval; i++)
        if (!sum_mul(wait, 2, &wait))
            return r->max_interval;
    return MIN_OF(wait, r->max_interval);
}

uint32_t
retry_limit(const struct retry *r)
{
    int64_t wait = r->interval, total = 0;
    uint32_t n = 0;

    if (r->never)
        return 0;
    if (r->max_retries == QUEUE_RETRIES_NONE)
        return UINT32_MAX;
    if (r->max_retries >= 0)
        return (uint32_t)MIN_OF(r->max_retries, (int64_t)UINT32_MAX - 1);
    while (wait > 0 && sum_add(total, wait, &total) && total <= r->expiration) {
        n++;
        if (!sum_mul(wait, 2, &wait))
            break;
    }
    return n;
}

int64_t
retry_expiry(const struct retry *r, int64_t received)
{
    int64_t at;

    return sum_add(received, r->expiration, &at) ? at : INT64_MAX;
}

enum retry_answer
retry_decide(const struct retry *r, int64_t received, int64_t now, uint32_t n,
    int64_t asked, int64_t *next)
{
    int64_t wait = retry_wait(r, n);

    if (n > retry_limit(r))
        return RETRY_EXHAUSTED;
    if (now >= retry_expiry(r, received))
        return RETRY_EXPIRED;
    if (asked > wait)
        wait = MAX_OF(wait, MIN_OF(asked, r->max_interval));
    if (!sum_add(now, wait, next))
        *next = INT64_MAX;
    return RETRY_LATER;
}
