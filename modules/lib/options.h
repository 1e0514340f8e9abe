/* SPDX-License-Identifier: Apache-2.0
 *
 * options.h - the rows of the modules' option tables, and reading them.
 */
#ifndef IMPEL_LIB_OPTIONS_H
#define IMPEL_LIB_OPTIONS_H

#include "dialogue.h"

enum option_row {
    /* imported from the core */
    OPT_CONNECT_TIMEOUT,
    OPT_EHLO_TIMEOUT,
    OPT_MAILFROM_TIMEOUT,
    OPT_RCPTTO_TIMEOUT,
    OPT_BODY_TIMEOUT,
    OPT_RSET_TIMEOUT,
    OPT_PORT, /* the module's own, or imported */
    OPT_SEND_8BITMIME,
    OPT_TRANSFORM_8BITMIME,
    OPT_IDLE_TIME,
    OPT_MAX_RECIPIENTS,
    OPT_MAX_MESSAGE_SIZE,
    OPT_MAX_RECEPTIONS,
    OPT_MAX_CONNECTION_RECIPIENTS,
    OPT_BANNER_HOSTNAME,
    OPT_STATIC_BANNER,
    OPT_RECONFIG_MESSAGE,
    OPT_REQUIRE_EHLO,
    OPT_TRAILING_WHITESPACE,
    OPT_ENVELOPE_WHITESPACE,
    OPT_SMTP_EXTENSIONS,
    OPT_MAX_COMMANDS,
    OPT_MAX_ERRORS,
    OPT_SESSION_TIME,
    OPT_BODY_TIME,
    OPT_BARE_NEWLINE,
    OPT_XCLIENT,
    OPT_FUTURE_RELEASE_MAX,
    OPT_DELIVER_BY_MIN,
    OPT_TLS,
    OPT_TLS_FALLBACK,
    OPT_INJECTION,
    OPT_REQUIRE_STARTTLS,
    /* the module's own: client */
    OPT_BANNER_TIMEOUT,
    OPT_DATA_TIMEOUT,
    OPT_QUIT_TIMEOUT,
    OPT_PIPELINING,
    OPT_CHUNKING,
    OPT_EAGER_BODY,
    /* listener */
    OPT_MAX_LINE_LENGTH,
    OPT_VERDICT_TIMEOUT,
    OPT_ROWS
};

enum { TLS_NO, TLS_IFAVAILABLE, TLS_REQUIRED };
enum { SEND_8BITMIME_NO, SEND_8BITMIME_IFAVAILABLE };
enum { TRANSFORM_NO, TRANSFORM_IFNEEDED, TRANSFORM_STRICT, TRANSFORM_STRIP };
enum { INJECTION_REJECT, INJECTION_IGNORE };
enum { BARE_NEWLINE_PEDANTIC, BARE_NEWLINE_FIX };

extern const struct impel_option options_esmtp[OPT_ROWS];
extern const struct impel_option options_lmtp[OPT_ROWS];

/* A time limit in ms.  Every wait has one: 0, which means none to operators,
 * becomes a day. */
int64_t options_ms(const struct dialogue *e, const struct impel_scope *scope,
    enum option_row row);

/* What only these modules can say of one resolved scope. */
int options_check(
    const struct dialogue *e, const struct impel_scope *, struct impel_error *);

#endif
