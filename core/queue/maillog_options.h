/* SPDX-License-Identifier: Apache-2.0
 *
 * maillog_options.h - what may be configured about the logs of mail: the
 * ec_logger and bounce_logger stanzas (MM 5).
 */
#ifndef IMPEL_MAILLOG_OPTIONS_H
#define IMPEL_MAILLOG_OPTIONS_H

#include "conf/option.h"

enum {
    MAILLOG_MAINLOG,
    MAILLOG_REJECTLOG,
    MAILLOG_PANICLOG,
    MAILLOG_MAINLOG_MODE,
    MAILLOG_REJECTLOG_MODE,
    MAILLOG_PANICLOG_MODE,
    MAILLOG_HEARTBEAT,
    MAILLOG_RECEPTIONS,
    MAILLOG_DELIVERIES,
    MAILLOG_TRANSIENT_FAILURES,
    MAILLOG_PERMANENT_FAILURES,
    MAILLOG_REJECTIONS,
    MAILLOG_ERRORS,
    MAILLOG_JSONLOG,
    MAILLOG_JSONLOG_MODE,
    MAILLOG_BOUNCELOG,
    MAILLOG_BOUNCELOG_MODE,
    MAILLOG_INBAND_BOUNCES,
    MAILLOG_OUTOFBAND_BOUNCES,
    MAILLOG_HIRES_TIMESTAMP
};
extern struct option_set maillog_options;

#endif
