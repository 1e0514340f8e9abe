/* SPDX-License-Identifier: Apache-2.0
 *
 * checks.h - checks that rows of several layers share (option.h).
 */
#ifndef IMPEL_CHECKS_H
#define IMPEL_CHECKS_H

#include "conf/option.h"

option_check_f check_hostname;      /* letters, digits, hyphens, dots */
option_check_f check_ehlo_hostname; /* or __hostname__, __message__, [v6] */
option_check_f check_bind_address;  /* "*", an address, a host name */
option_check_f check_path;          /* absolute, no control characters */
option_check_f check_path_or_none;  /* or "none" */
option_check_f check_log;           /* a path, "file://" before it or not */
option_check_f check_mailbox;       /* local@domain */
option_check_f check_method;        /* served, or known and not installed */
option_check_f check_banner;        /* begins with 220, one line */
option_check_f check_extensions;    /* of smtp_extensions */

#endif
