/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl_options.h - what may be configured about the process, its loops,
 * and the control socket (MC 3.14, 3.18).  file_mode, enable and listen_backlog
 * of a control_listener are the intake's rows.
 */
#ifndef IMPEL_CTL_OPTIONS_H
#define IMPEL_CTL_OPTIONS_H

#include "conf/option.h"

enum {
    CTL_PIDFILE,
    CTL_DELIVERY_POOL,   /* STRING: an eventloop's name */
    CTL_MAINTAINER_POOL, /* STRING: an eventloop's name */
    CTL_CONCURRENCY,     /* eventloop; -1: by processors */
    CTL_LOCAL_CHANGES_FILE,
    CTL_SHUTDOWN_TIME,
    /* security */
    CTL_USER,
    CTL_GROUP,
    CTL_CHROOT,
    CTL_SUPPLEMENTAL_GROUPS, /* LIST */
    /* debug_flags: LIST of subsystems for each level */
    CTL_DEBUG,
    CTL_INFO,
    CTL_NOTICE,
    CTL_WARNING,
    CTL_ERROR,
    CTL_CRITICAL,
    /* control_listener */
    CTL_TIMEOUT
};
extern struct option_set ctl_options;

#endif
