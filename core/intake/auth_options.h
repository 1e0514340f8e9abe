/* SPDX-License-Identifier: Apache-2.0
 *
 * auth_options.h - who may log in at a listener, and how (RFC 4954).
 */
#ifndef IMPEL_AUTH_OPTIONS_H
#define IMPEL_AUTH_OPTIONS_H

#include "conf/option.h"

enum {
    AUTH_ENABLE,
    AUTH_PASSWORD_FILE, /* path (users.h) */
    AUTH_MECHANISMS,    /* LIST, upper case; unset: all */
    AUTH_WITHOUT_TLS,   /* AUTH_CLEAR_* */
    AUTH_REQUIRED,
    AUTH_MAX_FAILURES, /* 0: no limit */
    AUTH_FAILURE_DELAY,
    AUTH_FAILURE_RATE, /* THROTTLE of an address */
    AUTH_TOKEN_KEYS,   /* path (jwt.h) */
    AUTH_TOKEN_ISSUER,
    AUTH_TOKEN_AUDIENCE,
    AUTH_TOKEN_CLAIM
};
enum { AUTH_CLEAR_NO, AUTH_CLEAR_LOOPBACK, AUTH_CLEAR_YES };
extern struct option_set auth_options;

#endif
