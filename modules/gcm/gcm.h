/* SPDX-License-Identifier: Apache-2.0
 *
 * gcm.h - what the files of gcm.so share: the module, its rows, which protocol
 * is spoken.
 */
#ifndef IMPEL_GCM_H
#define IMPEL_GCM_H

#include <stdbool.h>
#include <stdint.h>

#include <impel/module.h>

#include "line.h"
#include "outcome.h"

#include "oauth.h"
#include "quota.h"

enum gcm_row {
    OPT_CONNECT_TIMEOUT,
    OPT_RESPONSE_TIMEOUT,
    OPT_CONVERT,
    OPT_HTTP_URI,
    OPT_HTTP_HOST,
    OPT_PORT,
    OPT_PROTOCOL, /* enum gcm_protocol */
    OPT_ACCOUNT,
    OPT_PROJECT,
    OPT_KEY,
    OPT_APPLICATION,
    OPT_TTL,
    OPT_DELAY_WHILE_IDLE,
    OPT_DRY_RUN,
    OPT_PRIORITY, /* enum gcm_priority */
    OPT_ROWS
};
enum gcm_protocol { PROTOCOL_AUTO, PROTOCOL_V1, PROTOCOL_LEGACY };
enum gcm_priority { PRIORITY_AUTO, PRIORITY_HIGH, PRIORITY_NORMAL };

enum gcm_count {
    COUNT_DELIVERED,
    COUNT_UNREGISTERED,
    COUNT_CANONICAL,
    COUNT_CONVERTED,
    COUNT_QUOTA,
    COUNT_UNCERTAIN,
    COUNT_UNTOUCHED,
    COUNT_TIMEOUTS,
    COUNT_GOAWAYS,
    COUNT_TOKENS,
    COUNT_TOKENS_FAILED,
    COUNT_TOKENS_REFUSED,
    COUNT_MAX
};

struct gcm {
    const struct impel_host *host;
    struct impel_instance *instance;
    struct oauth oauth;
    struct quota quota;
};

/* What gcm_protocol = auto comes to: the legacy protocol for the hosts that
 * spoke nothing else, and where there is a server key and no account. */
enum gcm_protocol gcm_protocol_of(
    int64_t option, struct impel_str host, bool has_key, bool has_account);

extern const struct impel_transport gcm_transport;

#endif
