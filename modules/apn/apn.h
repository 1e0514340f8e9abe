/* SPDX-License-Identifier: Apache-2.0
 *
 * apn.h - what the files of apn.so share: the module, its rows, results.
 */
#ifndef IMPEL_APN_H
#define IMPEL_APN_H

#include <stdbool.h>
#include <stdint.h>

#include <impel/module.h>

#include "line.h"
#include "outcome.h"

#include "provider.h"

enum apn_row {
    OPT_CONNECT_TIMEOUT,
    OPT_RESPONSE_TIMEOUT,
    OPT_CONVERT,
    OPT_PORT,
    OPT_PROTOCOL, /* enum apn_protocol */
    OPT_EXPIRY,
    OPT_TOPIC,
    OPT_PUSH_TYPE,
    OPT_PRIORITY, /* enum apn_priority */
    OPT_COLLAPSE_ID,
    OPT_AUTH_KEY,
    OPT_KEY_ID,
    OPT_TEAM_ID,
    OPT_ROWS
};
enum apn_protocol { PROTOCOL_AUTO, PROTOCOL_HTTP2, PROTOCOL_BINARY };
enum apn_priority { PRIORITY_AUTO, PRIORITY_10, PRIORITY_5, PRIORITY_1 };
enum { APN_BINARY_PORT = 2195 };

enum apn_count {
    COUNT_DELIVERED,
    COUNT_UNREGISTERED,
    COUNT_CONVERTED,
    COUNT_UNCERTAIN,
    COUNT_UNTOUCHED,
    COUNT_TIMEOUTS,
    COUNT_GOAWAYS,
    COUNT_TOKENS,
    COUNT_MAX
};

struct apn {
    const struct impel_host *host;
    struct impel_instance *instance;
    struct provider provider;
};

extern const struct impel_transport apn_transport;

#endif
