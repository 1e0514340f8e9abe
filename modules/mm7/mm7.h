/* SPDX-License-Identifier: Apache-2.0
 *
 * mm7.h - what the files of mm7.so share: the module, its rows, results.
 */
#ifndef IMPEL_MM7_H
#define IMPEL_MM7_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <impel/module.h>

#include "line.h"
#include "outcome.h"

#include "digests.h"
#include "taking.h"

enum mm7_row {
    OPT_CONNECT_TIMEOUT,
    OPT_TLS,
    OPT_CONVERT,
    OPT_URI,
    OPT_HOST,
    OPT_BASIC_AUTH,
    OPT_PORT,
    OPT_PATH,
    OPT_AUTH_USER,
    OPT_AUTH_PASSWORD,
    OPT_AUTH_SCHEME, /* enum mm7_auth */
    OPT_RESPONSE_TIMER,
    OPT_DELIVERY_REPORT,
    OPT_READ_REPLY,
    OPT_REPLY_CHARGING,
    OPT_REPLY_CHARGING_SIZE,
    OPT_REPLY_DEADLINE,
    OPT_MESSAGE_CLASS, /* 0: none */
    OPT_SERVICE_CODE,
    OPT_SENDER_ADDRESS,
    OPT_VASPID,
    OPT_VASID,
    OPT_NUMBER_PREFIX,
    OPT_IE_EXTENDED,
    OPT_VERSION,
    OPT_XML_SCHEMA,
    OPT_NAMESPACE,
    OPT_NAMESPACE_IN_BODY,
    OPT_SOAP_ENV,
    OPT_SIMPLE_MIME,
    OPT_CONTENT_MOST,
    OPT_MMSC_NAME,
    OPT_REPORT_TIME,
    /* the listener's */
    OPT_URI_PATHS,
    OPT_SERVER_VERSION,
    OPT_FROM_ADDRESS,
    OPT_FROM_DOMAIN,
    OPT_TO_ADDRESS,
    OPT_TO_DOMAIN,
    OPT_SERVER_LOGIN,
    OPT_SERVER_SCHEME, /* enum mm7_auth */
    OPT_IDLE_TIME,
    OPT_REQUEST_MOST,
    OPT_RESEND_TIME,
    OPT_ROWS
};
enum mm7_auth { AUTH_BASIC, AUTH_DIGEST };

enum mm7_count {
    COUNT_DELIVERED,
    COUNT_REFUSED,
    COUNT_FAULTS,
    COUNT_UNCERTAIN,
    COUNT_TIMEOUTS,
    COUNT_CHALLENGES,
    COUNT_REPORTS,
    COUNT_READS,
    COUNT_STRANGE_REPORTS,
    COUNT_MESSAGES,
    COUNT_KNOWN,
    COUNT_CALLS_REFUSED,
    COUNT_MAX
};

struct mm7 {
    const struct impel_host *host;
    struct impel_instance *instance;
    struct digests digests;
    struct taking taking;
    unsigned char secret[AUTH_SECRET]; /* of nonces */
};

extern const struct impel_transport mm7_transport;
extern const struct impel_listener mm7_listener;
extern const struct impel_option mm7_options[OPT_ROWS];
extern const char *const mm7_classes[];

#endif
