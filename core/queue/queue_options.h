/* SPDX-License-Identifier: Apache-2.0
 *
 * queue_options.h - what may be configured about queues: limits, retries,
 * bounces, holding back (MC 3.3 to 3.5, 3.8, 3.9, 3.11 to 3.13).
 */
#ifndef IMPEL_QUEUE_OPTIONS_H
#define IMPEL_QUEUE_OPTIONS_H

#include "conf/option.h"

enum {
    /* limits; -1: none */
    QUEUE_MAX_OUTBOUND_CONNECTIONS, /* also in host stanzas */
    QUEUE_SERVER_MAX_OUTBOUND_CONNECTIONS,
    QUEUE_MAX_DELIVERIES_PER_CONNECTION, /* 0: none */
    QUEUE_MAX_RECIPIENTS_PER_CONNECTION, /* 0: none; listeners too */
    QUEUE_MAX_RECIPIENTS_PER_BATCH,
    QUEUE_IDLE_TIMEOUT,
    QUEUE_OUTBOUND_THROTTLE_MESSAGES,    /* THROTTLE; count 0: none */
    QUEUE_OUTBOUND_THROTTLE_CONNECTIONS, /* THROTTLE */
    /* retries */
    QUEUE_RETRY_INTERVAL,
    QUEUE_MAX_RETRY_INTERVAL,
    QUEUE_MAX_RETRIES, /* QUEUE_RETRIES_* or a number */
    QUEUE_MESSAGE_EXPIRATION,
    QUEUE_NEVER_ATTEMPT_EXPIRED_MESSAGES,
    QUEUE_NEVER_RETRY,
    QUEUE_MX_FAILURES_TO_DELAY, /* 0: off */
    QUEUE_CONNECT_TIMEOUT_TO_DELAY,
    /* control */
    QUEUE_SUSPEND_DELIVERY,
    QUEUE_BLACKHOLE, /* QUEUE_BLACKHOLE_* */
    /* bounces */
    QUEUE_GENERATE_BOUNCES,
    QUEUE_BOUNCES_INLINE_ORIGINAL, /* QUEUE_ORIGINAL_* */
    QUEUE_MAILERDAEMON,            /* unset: mailer-daemon@hostname */
    QUEUE_MDN_FAILURES_NOTIFY,
    QUEUE_GENERATE_DELAY_DSN,
    QUEUE_DELAY_DSN_RETRY_INTERVAL,
    QUEUE_DELAY_DSN_MAX_RETRY_INTERVAL, /* 0: any */
    QUEUE_BOUNCE_DOMAINS,               /* LIST of globs */
    QUEUE_BOUNCE_PATTERN,               /* REGEX */
    QUEUE_BOUNCE_BEHAVIOR,              /* QUEUE_BOUNCE_* */
    QUEUE_BOUNCE_SUPPRESS_LIST,         /* STRING, comma-separated */
    /* memory */
    QUEUE_MAX_RESIDENT_MESSAGES, /* 0: none */
    QUEUE_MAX_RESIDENT_ACTIVE_QUEUE
};
enum { QUEUE_RETRIES_AUTO = -1, QUEUE_RETRIES_NONE = -2 };
enum { QUEUE_BLACKHOLE_NO, QUEUE_BLACKHOLE_INLINE, QUEUE_BLACKHOLE_INTERNAL };
enum { QUEUE_ORIGINAL_NONE, QUEUE_ORIGINAL_HEADERS, QUEUE_ORIGINAL_ALL };
enum { QUEUE_BOUNCE_PASS, QUEUE_BOUNCE_BLACKHOLE };
extern struct option_set queue_options;

#endif
