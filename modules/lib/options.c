/* SPDX-License-Identifier: Apache-2.0
 *
 * options.c - the option tables of the modules that speak so: the same rows,
 * those of their own under their own names.
 *
 * Time limits are IMPEL_OPT_DURATION: a plain number in a file means seconds,
 * and the host hands out milliseconds.  Rows without a type of their own are
 * the core's and imported by name.
 */
#include "options.h"

#include <string.h>

#include "optionrow.h"
#include "outcome.h"

#define OUTBOUND IMPEL_SCOPE_OUTBOUND

#define ROWS(own) \
    [OPT_CONNECT_TIMEOUT] = IMPORT("connect_timeout"), \
    [OPT_EHLO_TIMEOUT] = IMPORT("ehlo_timeout"), \
    [OPT_MAILFROM_TIMEOUT] = IMPORT("mailfrom_timeout"), \
    [OPT_RCPTTO_TIMEOUT] = IMPORT("rcptto_timeout"), \
    [OPT_BODY_TIMEOUT] = IMPORT("body_timeout"), \
    [OPT_RSET_TIMEOUT] = IMPORT("rset_timeout"), \
    [OPT_SEND_8BITMIME] = IMPORT("send_8bitmime"), \
    [OPT_TRANSFORM_8BITMIME] = IMPORT("transform_8bitmime_content"), \
    [OPT_IDLE_TIME] = IMPORT("idle_time"), \
    [OPT_MAX_RECIPIENTS] = IMPORT("max_recipients_per_message"), \
    [OPT_MAX_MESSAGE_SIZE] = IMPORT("max_message_size"), \
    [OPT_MAX_RECEPTIONS] = IMPORT("max_receptions_per_connection"), \
    [OPT_MAX_CONNECTION_RECIPIENTS] = IMPORT("max_recipients_per_connection"), \
    [OPT_BANNER_HOSTNAME] = IMPORT("banner_hostname"), \
    [OPT_STATIC_BANNER] = IMPORT("static_banner"), \
    [OPT_RECONFIG_MESSAGE] = IMPORT("reconfig_message"), \
    [OPT_REQUIRE_EHLO] = IMPORT("require_ehlo"), \
    [OPT_TRAILING_WHITESPACE] = \
        IMPORT("allow_trailing_whitespace_in_commands"), \
    [OPT_ENVELOPE_WHITESPACE] = \
        IMPORT("rfc2821_allow_whitespace_in_envelope"), \
    [OPT_SMTP_EXTENSIONS] = IMPORT("smtp_extensions"), \
    [OPT_MAX_COMMANDS] = IMPORT("max_commands"), \
    [OPT_MAX_ERRORS] = IMPORT("max_errors"), \
    [OPT_SESSION_TIME] = IMPORT("session_time"), \
    [OPT_BODY_TIME] = IMPORT("body_time"), \
    [OPT_BARE_NEWLINE] = IMPORT("rfc2822_lone_lf_in_body"), \
    [OPT_FUTURE_RELEASE_MAX] = IMPORT("future_release_max"), \
    [OPT_DELIVER_BY_MIN] = IMPORT("deliver_by_min"), \
    [OPT_XCLIENT] = IMPORT("xclient"), [OPT_TLS] = IMPORT("tls"), \
    [OPT_TLS_FALLBACK] = IMPORT("tls_ifavailable_fallback"), \
    [OPT_INJECTION] = IMPORT("starttls_injection_policy"), \
    [OPT_REQUIRE_STARTTLS] = IMPORT("require_starttls"), \
    [OPT_BANNER_TIMEOUT] = {.name = own "_banner_timeout", \
        .type = IMPEL_OPT_DURATION, \
        .scopes = OUTBOUND, \
        .initial = "300", \
        .min = 0, \
        .max = DAY_MS, \
        .brief = "how long to wait for the greeting of a host", \
        .manual = "Counted from the moment the connection is up. 0 is a day.", \
        .since = "0.1"}, \
    [OPT_DATA_TIMEOUT] = {.name = own "_data_timeout", \
        .type = IMPEL_OPT_DURATION, \
        .scopes = OUTBOUND, \
        .initial = "120", \
        .min = 0, \
        .max = DAY_MS, \
        .brief = "how long to wait for the reply to DATA", \
        .manual = "The reply after the body has body_timeout. 0 is a day.", \
        .since = "0.1"}, \
    [OPT_QUIT_TIMEOUT] = {.name = own "_quit_timeout", \
        .type = IMPEL_OPT_DURATION, \
        .scopes = OUTBOUND, \
        .initial = "5", \
        .min = 0, \
        .max = DAY_MS, \
        .brief = "how long to wait for the reply to QUIT", \
        .manual = "The connection is closed afterwards, reply or not.", \
        .since = "0.1"}, \
    [OPT_PIPELINING] = {.name = own "_pipelining", \
        .type = IMPEL_OPT_BOOL, \
        .scopes = OUTBOUND, \
        .initial = "true", \
        .brief = "send commands without waiting where a host offers " \
                 "PIPELINING", \
        .manual = "Off means one command at a time, for hosts that offer " \
                  "more than they can do.", \
        .since = "0.1"}, \
    [OPT_CHUNKING] = {.name = own "_chunking", \
        .type = IMPEL_OPT_BOOL, \
        .scopes = OUTBOUND, \
        .initial = "true", \
        .brief = "send bodies with BDAT where a host offers CHUNKING", \
        .manual = "With PIPELINING a whole message then takes one round " \
                  "trip. Off means DATA always.", \
        .since = "0.1"}, \
    [OPT_EAGER_BODY] = {.name = own "_eager_body", \
        .type = IMPEL_OPT_SIZE, \
        .scopes = OUTBOUND, \
        .initial = "131072", \
        .min = 0, \
        .max = INT64_MAX, \
        .brief = "largest body sent with BDAT before a recipient is accepted", \
        .manual = "A larger one waits for the replies to RCPT, so that it " \
                  "does not cross the wire for nothing.", \
        .since = "0.1"}, \
    [OPT_MAX_LINE_LENGTH] = {.name = own "_max_line_length", \
        .type = IMPEL_OPT_INT, \
        .scopes = INBOUND, \
        .initial = "2048", \
        .min = 512, \
        .max = 16384, \
        .brief = "longest command line taken, its CRLF included", \
        .manual = "RFC 5321 asks for 512 and some more for each extension. " \
                  "Lines of a message are not limited by this.", \
        .since = "0.1"}, \
    [OPT_VERDICT_TIMEOUT] = {.name = own "_verdict_timeout", \
        .type = IMPEL_OPT_DURATION, \
        .scopes = INBOUND, \
        .initial = "300", \
        .min = 0, \
        .max = DAY_MS, \
        .brief = "how long a peer is kept waiting for a decision", \
        .manual = "On policy, on storage, or for memory to come free. The " \
                  "connection is closed with 421 afterwards. 0 is a day.", \
        .since = "0.1"}

const struct impel_option options_esmtp[OPT_ROWS] = {
    [OPT_PORT] = IMPORT("remote_smtp_port"), ROWS("esmtp")};
const struct impel_option options_lmtp[OPT_ROWS] = {
    [OPT_PORT] = {.name = "lmtp_port",
        .type = IMPEL_OPT_INT,
        .scopes = OUTBOUND,
        .initial = "2003",
        .min = 1,
        .max = 65535,
        .brief = "port of hosts that mail goes to by LMTP",
        .manual = "A port in routes or gateway is stronger.",
        .since = "0.1"},
    ROWS("lmtp")};

int64_t
options_ms(const struct dialogue *e, const struct impel_scope *scope,
    enum option_row row)
{
    int64_t ms = e->host->opt_int(scope, row);

    return ms > 0 && ms < DAY_MS ? ms : DAY_MS;
}

int
options_check(const struct dialogue *e, const struct impel_scope *scope,
    struct impel_error *error)
{
    struct impel_str banner;
    size_t i;

    if (!e->host->opt_is_set(scope, OPT_STATIC_BANNER))
        return 0;
    banner = e->host->opt_str(scope, OPT_STATIC_BANNER, 0);
    if (banner.n < 4 || memcmp(banner.p, "220 ", 4) != 0) {
        return outcome_refuse(
            error, IMPEL_E_INVAL, "static_banner must begin with \"220 \"");
    }
    for (i = 0; i < banner.n; i++)
        if ((unsigned char)banner.p[i] < ' ' || banner.n > 500) {
            return outcome_refuse(error, IMPEL_E_INVAL,
                "static_banner must be one line of at most 500 bytes");
        }
    return 0;
}
