/* SPDX-License-Identifier: Apache-2.0
 *
 * intake_options.c - the rows of the intake layer.
 */
#include "intake/intake_options.h"
#include "conf/checks.h"
#include "base/banned.h"

#define GLOBAL IMPEL_SCOPE_GLOBAL
#define SOCKETS SCOPE_LISTENERS
#define PEERS SCOPE_ALL_LISTENERS

static const char *const headers[] = {"ifneeded", "ignore", "pedantic", NULL};
static const char *const missing[] = {"allow", "reject", NULL};
static const char *const lone[] = {"pedantic", "fix", NULL};
static const char *const lengths[] = {"ignore", "pedantic", "fix", NULL};
static const char *const policies[] = {"none", "fix", "reject", NULL};

static int
check_lone_lf(const struct option_value *v, struct err *e)
{
    if (!str_ieq(v->text, STR("ignore")))
        return 0;
    return err_set(e, ERR_CONF,
        "ignore would let a message be read in two "
        "ways (SMTP smuggling): expected pedantic or fix");
}

static int
check_lines(const struct option_value *v, struct err *e)
{
    if (!str_ieq(v->text, STR("fix")))
        return 0;
    (void)err_set(e, ERR_CONF,
        "lines that are too long are passed on as they are: Impel does not "
        "break them");
    return OPTION_WARN;
}

static const char *const containers[] = {"passthru", "allow", "reject", NULL};

static const struct option rows[] = {
    [INTAKE_ENABLE] = {.name = "enable",
        .type = IMPEL_OPT_BOOL,
        .scopes = SOCKETS | SCOPE_CONTROL | SCOPE_CONTROL_LISTEN,
        .initial = "true",
        .brief = "whether a listener, or one of its sockets, is open",
        .since = "0.1"},
    [INTAKE_LISTEN_BACKLOG] = {.name = "listen_backlog",
        .type = IMPEL_OPT_INT,
        .scopes = SOCKETS | SCOPE_CONTROL | SCOPE_CONTROL_LISTEN,
        .initial = "500",
        .min = 1,
        .max = 65535,
        .brief = "connections that the system holds until they are accepted",
        .since = "0.1"},
    [INTAKE_FILE_MODE] = {.name = "file_mode",
        .type = OPTION_PERMS,
        .scopes = SOCKETS | SCOPE_CONTROL | SCOPE_CONTROL_LISTEN,
        .initial = "0660",
        .brief = "mode of a unix socket",
        .since = "0.1"},
    [INTAKE_EVENT_LOOP] = {.name = "event_loop",
        .type = IMPEL_OPT_STRING,
        .scopes = SOCKETS,
        .brief = "eventloop whose loops serve the listener; unset: all",
        .since = "0.1",
        .flags = OPTION_RESTART},
    [INTAKE_LISTENER_SESSIONS] = {.name = "listener_sessions",
        .type = IMPEL_OPT_INT,
        .scopes = PEERS,
        .initial = "0",
        .min = 0,
        .max = 1000000000,
        .brief = "sessions at once on a listener; 0: no limit",
        .manual = "Outside a peer stanza one budget for all, inside one a "
                  "budget for that stanza.",
        .since = "0.1"},
    [INTAKE_INBOUND_THROTTLE_MESSAGES] = {.name = "inbound_throttle_messages",
        .type = OPTION_THROTTLE,
        .scopes = GLOBAL | PEERS,
        .brief = "messages taken in a window: \"N\" a second, or \"N/T\" in "
                 "T seconds",
        .manual = "Unset or 0: no limit. The stanza that sets it has one "
                  "count for all its sessions. A message beyond it is refused "
                  "at MAIL with 451 4.3.2; one that is not taken in the end "
                  "does not count.",
        .since = "0.1",
        .flags = OPTION_REFERENCE},
    [INTAKE_SERVICE_SESSIONS] = {.name = "service_sessions",
        .type = IMPEL_OPT_INT,
        .scopes = PEERS,
        .initial = "0",
        .min = 0,
        .max = 1000000000,
        .brief = "sessions at once on all listeners of this kind; 0: no "
                 "limit",
        .since = "0.1"},
    [INTAKE_IDLE_TIME] = {.name = "idle_time",
        .type = IMPEL_OPT_DURATION,
        .scopes = PEERS,
        .initial = "300",
        .min = OPTION_SECONDS(1),
        .max = OPTION_SECONDS(86400),
        .brief = "how long a peer may say nothing",
        .since = "0.1"},
    [INTAKE_MAX_RECEPTIONS_PER_CONNECTION] =
        {.name = "max_receptions_per_connection",
            .type = IMPEL_OPT_INT,
            .scopes = PEERS,
            .initial = "0",
            .min = 0,
            .max = 1000000000,
            .brief = "messages in one session; 0: no limit",
            .since = "0.1"},
    [INTAKE_MAX_RECIPIENTS_PER_MESSAGE] = {.name = "max_recipients_per_message",
        .type = IMPEL_OPT_INT,
        .scopes = PEERS,
        .initial = "0",
        .min = 0,
        .max = 1000000,
        .brief = "recipients of one message; 0: no limit",
        .manual = "Impel has a limit of its own of 50,000.",
        .since = "0.1"},
    [INTAKE_MAX_MESSAGE_SIZE] = {.name = "max_message_size",
        .type = IMPEL_OPT_SIZE,
        .scopes = PEERS,
        .initial = "0",
        .min = 0,
        .max = 1099511627776,
        .brief = "bytes of one message; 0: no limit",
        .manual = "0 is bounded by the room in the spool. SIZE says the "
                  "number to the peer.",
        .since = "0.1"},
    [INTAKE_MAX_COMMANDS] = {.name = "max_commands",
        .type = IMPEL_OPT_INT,
        .scopes = PEERS,
        .initial = "1000",
        .min = 0,
        .max = 1000000000,
        .brief = "commands in a session since the last message; 0: no limit",
        .since = "0.1"},
    [INTAKE_MAX_ERRORS] = {.name = "max_errors",
        .type = IMPEL_OPT_INT,
        .scopes = PEERS,
        .initial = "20",
        .min = 0,
        .max = 1000000000,
        .brief = "commands refused in a session before it is closed; 0: no "
                 "limit",
        .since = "0.1"},
    [INTAKE_SESSION_TIME] = {.name = "session_time",
        .type = IMPEL_OPT_DURATION,
        .scopes = PEERS,
        .initial = "0",
        .min = 0,
        .max = OPTION_FOREVER,
        .brief = "longest life of a session; 0: no limit",
        .since = "0.1"},
    [INTAKE_PROXY_PROTOCOL] = {.name = "proxy_protocol",
        .type = IMPEL_OPT_BOOL,
        .scopes = PEERS,
        .initial = "false",
        .brief = "connections begin with a PROXY header, version 1 or 2",
        .manual = "A load balancer says in it whom it speaks for; that address "
                  "is then the peer's in every respect.  A connection "
                  "without one is closed.  Who can reach such a listener can "
                  "claim any address: let only the balancer reach it, or set "
                  "this in the peer stanza of its address.",
        .since = "0.1"},
    [INTAKE_PROXY_PROTOCOL_TIMEOUT] = {.name = "proxy_protocol_timeout",
        .type = IMPEL_OPT_DURATION,
        .scopes = PEERS,
        .initial = "60",
        .min = OPTION_SECONDS(1),
        .max = OPTION_SECONDS(86400),
        .brief = "how long to wait for the PROXY header",
        .since = "0.1"},
    [INTAKE_BODY_TIME] = {.name = "body_time",
        .type = IMPEL_OPT_DURATION,
        .scopes = PEERS,
        .initial = "3600",
        .min = OPTION_SECONDS(1),
        .max = OPTION_FOREVER,
        .brief = "longest time for the content of one message",
        .since = "0.1"},
    [INTAKE_RECEPTION_MEMORY] = {.name = "reception_memory",
        .type = IMPEL_OPT_SIZE,
        .scopes = GLOBAL,
        .initial = "64M",
        .min = 1048576,
        .max = 1099511627776,
        .brief = "bytes of messages being received that are held in memory",
        .since = "0.1"},
    [INTAKE_BANNER_HOSTNAME] = {.name = "banner_hostname",
        .type = IMPEL_OPT_STRING,
        .scopes = PEERS,
        .brief = "name in the banner and in the reply to EHLO; unset: "
                 "hostname",
        .since = "0.1",
        .check = check_hostname},
    [INTAKE_STATIC_BANNER] = {.name = "static_banner",
        .type = IMPEL_OPT_STRING,
        .scopes = PEERS,
        .brief = "whole banner, with its 220",
        .since = "0.1",
        .check = check_banner},
    [INTAKE_RECEIVED_HOSTNAME] = {.name = "received_hostname",
        .type = IMPEL_OPT_STRING,
        .scopes = PEERS,
        .brief = "name after \"by\" in Received:; unset: hostname",
        .since = "0.1",
        .check = check_hostname},
    [INTAKE_RECONFIG_MESSAGE] = {.name = "reconfig_message",
        .type = IMPEL_OPT_STRING,
        .scopes = SOCKETS,
        .initial = "4.3.2 Reconfiguration in progress",
        .brief = "text after 421 for sessions that a changed listener ends",
        .since = "0.1"},
    [INTAKE_CONTEXT] = {.name = "context",
        .type = IMPEL_OPT_DICT,
        .scopes = PEERS,
        .brief = "values given to each message from here",
        .manual = "The key binding assigns messages to that binding, or to "
                  "one of the bindings of that group.",
        .since = "0.1"},
    [INTAKE_RELAY_HOSTS] = {.name = "relay_hosts",
        .type = OPTION_CIDRS,
        .scopes = GLOBAL | PEERS,
        .brief = "peers that may send to any domain",
        .manual = "A list in a listener takes the place of the global one. "
                  "IPv6 bare or in brackets.",
        .since = "0.1"},
    [INTAKE_TRUSTED_PEERS] = {.name = "trusted_peers",
        .type = OPTION_CIDRS,
        .scopes = GLOBAL | PEERS,
        .brief = "peers that are believed what they say of a message",
        .manual = "Only they may choose a binding by X-Binding, and name "
                  "another client by XCLIENT, with whose rights and limits the "
                  "session goes on: also with that of an address in "
                  "relay_hosts. What a client so named says is believed if it "
                  "is in the list itself. A list in a listener takes the place "
                  "of the global one; unset: nobody is trusted, and "
                  "relay_hosts does not change that.",
        .since = "0.1"},
    [INTAKE_RELAY_DOMAINS] = {.name = "relay_domains",
        .type = IMPEL_OPT_LIST,
        .scopes = GLOBAL | PEERS,
        .brief = "domains that any peer may send to",
        .manual = "*.x.test matches names below x.test; *x.test anything "
                  "that ends so.",
        .since = "0.1",
        .flags = OPTION_NO_CASE},
    [INTAKE_RELAY_FOR_SENDING_DOMAINS] = {.name = "relay_for_sending_domains",
        .type = IMPEL_OPT_LIST,
        .scopes = PEERS,
        .brief = "sender domains that may send to any domain",
        .manual = "Anybody can write any sender: use it only where peers "
                  "are trusted.",
        .since = "0.1",
        .flags = OPTION_NO_CASE},
    [INTAKE_OPEN_RELAY] = {.name = "open_relay",
        .type = IMPEL_OPT_BOOL,
        .scopes = PEERS,
        .initial = "false",
        .brief = "accept mail for any domain from anybody",
        .manual = "Only for closed networks and tests.",
        .since = "0.1"},
    [INTAKE_POSTMASTER] = {.name = "postmaster",
        .type = IMPEL_OPT_STRING,
        .scopes = GLOBAL | PEERS,
        .brief = "address that gets mail to <postmaster>; unset: postmaster "
                 "at the hostname",
        .manual = "RFC 5321 4.5.1 has every server take mail to <postmaster>, "
                  "without a domain, from anybody. With "
                  "domain_for_unqualified_recipient_addresses it goes there, "
                  "if this is unset.",
        .since = "0.1",
        .check = check_mailbox},
    [INTAKE_FUTURE_RELEASE_MAX] = {.name = "future_release_max",
        .type = IMPEL_OPT_DURATION,
        .scopes = PEERS,
        .initial = "0",
        .min = 0,
        .max = OPTION_SECONDS(999999999),
        .brief = "longest time that a sender may have mail held for; 0: none",
        .manual = "With more than 0, FUTURERELEASE (RFC 4865) is offered: "
                  "HOLDFOR and HOLDUNTIL of MAIL. What is held waits on disk; "
                  "its age, for retries and expiry, counts from its release.",
        .since = "0.1"},
    [INTAKE_DELIVER_BY_MIN] = {.name = "deliver_by_min",
        .type = IMPEL_OPT_DURATION,
        .scopes = PEERS,
        .initial = "0",
        .min = 0,
        .max = OPTION_SECONDS(999999999),
        .brief = "shortest time by which a sender may want mail returned; 0: "
                 "any",
        .manual = "Said with DELIVERBY (RFC 2852): a shorter one with by-mode "
                  "R is refused.",
        .since = "0.1"},
    [INTAKE_SMTP_EXTENSIONS] = {.name = "smtp_extensions",
        .type = IMPEL_OPT_LIST,
        .scopes = PEERS,
        .brief = "extensions to offer; unset: all that Impel has",
        .manual = "XCLIENT is offered to trusted_peers only, and what their "
                  "own stanza says of it counts, not that of a client they "
                  "name.",
        .since = "0.1",
        .flags = OPTION_UPPER,
        .check = check_extensions},
    [INTAKE_REQUIRE_EHLO] = {.name = "require_ehlo",
        .type = IMPEL_OPT_BOOL,
        .scopes = GLOBAL | PEERS,
        .initial = "false",
        .brief = "refuse MAIL before EHLO or HELO",
        .since = "0.1"},
    [INTAKE_ALLOW_NULL_ENVELOPE_SENDER] = {.name = "allow_null_envelope_sender",
        .type = IMPEL_OPT_BOOL,
        .scopes = GLOBAL | PEERS,
        .initial = "true",
        .brief = "accept MAIL FROM:<>",
        .since = "0.1"},
    [INTAKE_ALLOW_TRAILING_WHITESPACE_IN_COMMANDS] =
        {.name = "allow_trailing_whitespace_in_commands",
            .type = IMPEL_OPT_BOOL,
            .scopes = GLOBAL | PEERS,
            .initial = "false",
            .brief = "accept spaces at the end of a command",
            .since = "0.1"},
    [INTAKE_DOMAIN_FOR_UNQUALIFIED_RECIPIENT_ADDRESSES] =
        {.name = "domain_for_unqualified_recipient_addresses",
            .type = IMPEL_OPT_STRING,
            .scopes = GLOBAL | PEERS,
            .brief = "domain put to a recipient that has none; unset: refused",
            .since = "0.1",
            .flags = OPTION_NO_CASE,
            .check = check_hostname},
    [INTAKE_DOMAIN_FOR_UNQUALIFIED_SENDER_ADDRESS] =
        {.name = "domain_for_unqualified_sender_address",
            .type = IMPEL_OPT_STRING,
            .scopes = GLOBAL | PEERS,
            .brief = "domain put to a sender that has none; unset: refused",
            .since = "0.1",
            .flags = OPTION_NO_CASE,
            .check = check_hostname},
    [INTAKE_ALLOW_IP_LITERAL] = {.name = "allow_ip_literal",
        .type = IMPEL_OPT_BOOL,
        .scopes = GLOBAL | PEERS,
        .initial = "true",
        .brief = "accept recipients such as user@[192.0.2.1]",
        .since = "0.1"},
    [INTAKE_RFC2821_ALLOW_WHITESPACE_IN_ENVELOPE] =
        {.name = "rfc2821_allow_whitespace_in_envelope",
            .type = IMPEL_OPT_BOOL,
            .scopes = GLOBAL | PEERS,
            .initial = "false",
            .brief = "accept spaces around addresses in MAIL and RCPT",
            .since = "0.1"},
    [INTAKE_RFC2822_DATE_HEADER] = {.name = "rfc2822_date_header",
        .type = IMPEL_OPT_CHOICE,
        .scopes = GLOBAL | PEERS,
        .initial = "ifneeded",
        .choices = headers,
        .brief = "Date: add it ifneeded, ignore, or pedantic (refuse "
                 "without)",
        .since = "0.1"},
    [INTAKE_RFC2822_MESSAGEID_HEADER] = {.name = "rfc2822_messageid_header",
        .type = IMPEL_OPT_CHOICE,
        .scopes = GLOBAL | PEERS,
        .initial = "ifneeded",
        .choices = headers,
        .brief = "Message-ID: add it ifneeded, ignore, or pedantic (refuse "
                 "without)",
        .since = "0.1"},
    [INTAKE_RFC2822_MISSING_HEADERS] = {.name = "rfc2822_missing_headers",
        .type = IMPEL_OPT_CHOICE,
        .scopes = GLOBAL | PEERS,
        .initial = "reject",
        .choices = missing,
        .brief = "a message without any header: allow, reject",
        .since = "0.1"},
    [INTAKE_RFC2822_LONE_LF_IN_BODY] = {.name = "rfc2822_lone_lf_in_body",
        .type = IMPEL_OPT_CHOICE,
        .scopes = GLOBAL | PEERS,
        .initial = "pedantic",
        .choices = lone,
        .brief = "bare LF or CR in a message: pedantic (refuse), fix",
        .manual = "In headers as in the body.  Momentum ignores them by "
                  "default, which lets two servers "
                  "see the end of a message in different places.",
        .since = "0.1",
        .check = check_lone_lf},
    [INTAKE_RFC2822_MAX_LINE_LENGTH] = {.name = "rfc2822_max_line_length",
        .type = IMPEL_OPT_INT,
        .scopes = GLOBAL | PEERS,
        .initial = "ignore",
        .min = 1,
        .max = 1048576,
        .choices = lengths,
        .brief = "longest line of a message: ignore, pedantic (refuse), "
                 "fix, a number",
        .manual = "A number is the length that "
                  "rfc2822_max_line_length_policy is about; pedantic and "
                  "fix mean 998. Lines are not broken: fix is warned about.",
        .since = "0.1",
        .check = check_lines},
    [INTAKE_RFC2822_MAX_LINE_LENGTH_POLICY] =
        {.name = "rfc2822_max_line_length_policy",
            .type = IMPEL_OPT_CHOICE,
            .scopes = GLOBAL | PEERS,
            .initial = "none",
            .choices = policies,
            .brief = "lines that are too long: none, fix, reject",
            .manual = "Lines are not broken: fix is warned about.",
            .since = "0.1",
            .check = check_lines},
    [INTAKE_RFC2822_TRACE_HEADERS] = {.name = "rfc2822_trace_headers",
        .type = IMPEL_OPT_BOOL,
        .scopes = GLOBAL | PEERS,
        .initial = "true",
        .brief = "put a Received: field before each message",
        .manual = "Return-Path is the business of whoever delivers to a "
                  "mailbox (RFC 5321 4.4), so none is put here, and one that "
                  "is there goes on as it is.",
        .since = "0.1"},
    [INTAKE_MAX_RECEIVED_HEADERS] = {.name = "max_received_headers",
        .type = IMPEL_OPT_INT,
        .scopes = GLOBAL | PEERS,
        .initial = "100",
        .min = 1,
        .max = 10000,
        .brief = "Received: headers at which a message is taken for a loop",
        .since = "0.1"},
    [INTAKE_MCMT_RECEPTION] = {.name = "mcmt_reception",
        .type = IMPEL_OPT_CHOICE,
        .scopes = GLOBAL | PEERS,
        .initial = "passthru",
        .choices = containers,
        .brief = "containers of several channels: passthru, allow, reject",
        .manual = "A message of the type multipart/vnd.msys.mcmt has a part "
                  "for each channel it may take, such as "
                  "message/vnd.msys.apn. allow: the delivery method of a "
                  "recipient's domain picks its part, and mail gets the "
                  "ordinary message; only for peers that may spend what a "
                  "push costs. reject: refused. passthru: a message like any "
                  "other, whose parts nobody looks at. Over ECSTREAM, which is "
                  "for peers that are trusted, passthru is allow.",
        .since = "0.1"},
};
struct option_set intake_options = OPTION_SET("intake", rows);
