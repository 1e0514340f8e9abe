/* SPDX-License-Identifier: Apache-2.0
 *
 * xport_options.h - what several protocols share; modules import these by
 * name (MC 3.6, 3.7, 3.16).
 */
#ifndef IMPEL_XPORT_OPTIONS_H
#define IMPEL_XPORT_OPTIONS_H

#include "conf/option.h"

enum {
    XPORT_CONNECT_TIMEOUT,
    XPORT_EHLO_TIMEOUT,
    XPORT_MAILFROM_TIMEOUT,
    XPORT_RCPTTO_TIMEOUT,
    XPORT_BODY_TIMEOUT,
    XPORT_RSET_TIMEOUT,
    XPORT_EHLO_HOSTNAME, /* STRING: "__hostname__", "__message__", a name */
    XPORT_SEND_8BITMIME, /* XPORT_8BITMIME_* */
    XPORT_TRANSFORM_8BITMIME_CONTENT, /* XPORT_TRANSFORM_* */
    XPORT_XCLIENT,                    /* XPORT_XCLIENT_* */
    XPORT_TRACE_SMTP_MODE,            /* octal bits */
    XPORT_TRACE_SMTP_SIZE,
    XPORT_TLS, /* XPORT_TLS_NO ... */
    XPORT_TLS_IFAVAILABLE_FALLBACK,
    XPORT_TLS_VERIFY,      /* enum tls_verify */
    XPORT_TLS_CA,          /* path */
    XPORT_TLS_CERTIFICATE, /* path, or "none" */
    XPORT_TLS_KEY,         /* path, or "none" */
    XPORT_TLS_CIPHERS,
    XPORT_TLS_PROTOCOLS,
    XPORT_DELIVERY_RESPONSE_TIMEOUT, /* ms */
    XPORT_PUSH_CONVERT,
    XPORT_HTTP_URI,
    XPORT_HTTP_HOST,
    XPORT_HTTP_BASIC_AUTH,
    XPORT_MODULE_ENABLED,    /* enabled, in a module's stanza */
    XPORT_MODULE_DEBUG_LEVEL /* debug_level: enum log_level */
};
enum { XPORT_8BITMIME_NO, XPORT_8BITMIME_IFAVAILABLE };
enum {
    XPORT_TRANSFORM_NO,
    XPORT_TRANSFORM_IFNEEDED,
    XPORT_TRANSFORM_STRICT,
    XPORT_TRANSFORM_STRIP
};
enum { XPORT_XCLIENT_NO, XPORT_XCLIENT_IFAVAILABLE, XPORT_XCLIENT_REQUIRED };
enum { XPORT_TLS_NO, XPORT_TLS_IFAVAILABLE, XPORT_TLS_REQUIRED };
extern struct option_set xport_options;

#endif
