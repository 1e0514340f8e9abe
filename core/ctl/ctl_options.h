/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl_options.h - what may be configured about the process, its loops,
 * threads and logs, and the control socket (MC 3.14, 3.18, MM 5).  file_mode,
 * enable and listen_backlog of a control_listener are the intake's rows.
 */
#ifndef IMPEL_CTL_OPTIONS_H
#define IMPEL_CTL_OPTIONS_H

#include "conf/option.h"

enum {
    CTL_PIDFILE,
    CTL_TIMESTAMPFORMAT,
    CTL_DELIVERY_POOL,   /* STRING: an eventloop's name */
    CTL_MAINTAINER_POOL, /* STRING: an eventloop's name */
    CTL_CONCURRENCY,     /* eventloop, threadpool; -1: by processors */
    CTL_STACK_SIZE,
    CTL_BACKLOG,
    CTL_LOCAL_CHANGES_FILE,
    CTL_SHUTDOWN_TIME,
    /* security */
    CTL_USER,
    CTL_GROUP,
    CTL_CHROOT,
    CTL_CAPABILITIES,        /* LIST */
    CTL_SUPPLEMENTAL_GROUPS, /* LIST */
    /* debug_flags: LIST of subsystems for each level */
    CTL_DEBUG,
    CTL_INFO,
    CTL_NOTICE,
    CTL_WARNING,
    CTL_ERROR,
    CTL_CRITICAL,
    /* control_listener */
    CTL_TIMEOUT,
    /* ec_logger */
    CTL_MAINLOG,
    CTL_REJECTLOG,
    CTL_PANICLOG,
    CTL_ACCTLOG,
    CTL_IMPORTLOG,
    CTL_MAINLOG_MODE,
    CTL_REJECTLOG_MODE,
    CTL_PANICLOG_MODE,
    CTL_ACCTLOG_MODE,
    CTL_IMPORTLOG_MODE,
    CTL_HEARTBEAT, /* bounce_logger too; 0: none */
    CTL_LOG_RECEPTIONS,
    CTL_LOG_DELIVERIES,
    CTL_LOG_TRANSIENT_FAILURES, /* bounce_logger too */
    CTL_LOG_PERMANENT_FAILURES,
    CTL_LOG_REJECTIONS,
    CTL_LOG_ERRORS,
    CTL_JSONLOG, /* bounce_logger too */
    CTL_JSONLOG_MODE,
    /* bounce_logger */
    CTL_BOUNCELOG,
    CTL_BOUNCELOG_MODE,
    CTL_LOG_INBAND_BOUNCES,
    CTL_LOG_OUTOFBAND_BOUNCES,
    CTL_LOG_HIRES_TIMESTAMP
};
extern struct option_set ctl_options;

#endif
