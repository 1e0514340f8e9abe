/* SPDX-License-Identifier: Apache-2.0
 *
 * retry.h - when to try again, and when to give up (MC 3.8).
 *
 * Pure functions of options and times.  n counts failed attempts: the wait
 * before retry n is min(retry_interval * 2^(n-1), max_retry_interval).
 */
#ifndef IMPEL_RETRY_H
#define IMPEL_RETRY_H

#include "conf/scope.h"

struct retry {
    int64_t interval, max_interval, expiration; /* ms */
    int64_t max_retries; /* a number or QUEUE_RETRIES_* */
    bool never;          /* never_retry */
    bool skip_expired;   /* never_attempt_expired_messages */
};
enum retry_answer { RETRY_LATER, RETRY_EXHAUSTED, RETRY_EXPIRED };

void retry_read(struct retry *r, const struct scope *s);
/* The wait before retry n >= 1, in ms. */
int64_t retry_wait(const struct retry *r, uint32_t n);
/* How many retries there may be; UINT32_MAX: only expiry counts.  auto: as
 * many as message_expiration has room for when each wait doubles, the cap
 * ignored. */
uint32_t retry_limit(const struct retry *r);
/* Wall ms at which a message received then is too old. */
int64_t retry_expiry(const struct retry *r, int64_t received);
/* An attempt failed: the n-th.  asked: ms that the peer wants us to wait, < 0
 * nothing.  RETRY_LATER: *next is the wall time of the next attempt. */
enum retry_answer retry_decide(const struct retry *r, int64_t received,
    int64_t now, uint32_t n, int64_t asked, int64_t *next);

#endif
