/* SPDX-License-Identifier: Apache-2.0
 *
 * queue_options.c - the rows of the queue layer.
 */
#include "queue/queue_options.h"
#include "base/num.h"
#include "conf/checks.h"
#include "base/banned.h"

#define OUT IMPEL_SCOPE_OUTBOUND
#define GLOBAL IMPEL_SCOPE_GLOBAL
#define DOMAIN IMPEL_SCOPE_DOMAIN
#define BINDINGS (IMPEL_SCOPE_GLOBAL | IMPEL_SCOPE_GROUP | IMPEL_SCOPE_BINDING)

static const char *const unlimited[] = {"unlimited", NULL};
static const char *const growths[] = {"normal", "high", NULL};
static const char *const retries[] = {"auto", "none", NULL};
static const char *const blackholes[] = {"false|no|off|0|disabled",
    "inline|true|yes|on|1|enabled", "internal", NULL};
static const char *const originals[] = {"none", "headers", "all", NULL};
static const char *const lates[] = {"dsn", "log", NULL};
static const char *const behaviors[] = {"pass", "blackhole", NULL};
static const char *const defaults[] = {"normal", "suspended", "none", NULL};

static int
check_power(const struct option_value *v, struct err *e)
{
    int64_t n;

    if (num_i64(v->text, &n) || (n & (n - 1)) == 0)
        return 0; /* what is no number is said by the type */
    return err_set(e, ERR_CONF, "expected a power of two, or 0");
}

static const struct option rows[] = {
    [QUEUE_MAX_OUTBOUND_CONNECTIONS] = {.name = "max_outbound_connections",
        .type = IMPEL_OPT_INT,
        .scopes = OUT | IMPEL_SCOPE_HOST,
        .initial = "32",
        .min = -1,
        .max = 1000000000,
        .choices = unlimited,
        .brief = "most connections for each binding and domain; -1: no limit",
        .manual = "In a host stanza: to that host, from all of the scope "
                  "that the stanza stands in; a host stanza that is silent "
                  "has no limit, whatever wider scopes say. A regex domain "
                  "gives each matching domain a limit of its own.",
        .since = "0.1"},
    [QUEUE_SERVER_MAX_OUTBOUND_CONNECTIONS] =
        {.name = "server_max_outbound_connections",
            .type = IMPEL_OPT_INT,
            .scopes = BINDINGS,
            .initial = "20000",
            .min = -1,
            .max = 1000000000,
            .choices = unlimited,
            .brief = "most connections in all, or through a binding",
            .manual = "At the top level for the whole daemon, in a binding "
                      "through that binding, in a group through all its "
                      "bindings together.",
            .since = "0.1"},
    [QUEUE_SCOPE_MAX_OUTBOUND_CONNECTIONS] =
        {.name = "scope_max_outbound_connections",
            .type = IMPEL_OPT_INT,
            .scopes = OUT | IMPEL_SCOPE_HOST,
            .initial = "-1",
            .min = -1,
            .max = 1000000000,
            .choices = unlimited,
            .brief = "most connections of all that fall back to its stanza; "
                     "-1: no limit",
            .manual = "The stanza says what is counted together: at the top "
                      "level the whole server, in a group all its bindings, "
                      "in a domain that domain over all bindings (or over "
                      "those of the group or the binding that the stanza "
                      "stands in), in a host that host likewise. A regex "
                      "counts all its matches together. "
                      "It holds beside the "
                      "other limits, and keeps what it limits out of the "
                      "reserve of server_reserve_outbound_connections.",
            .since = "0.1",
            .flags = OPTION_REFERENCE},
    [QUEUE_SERVER_RESERVE_OUTBOUND_CONNECTIONS] =
        {.name = "server_reserve_outbound_connections",
            .type = IMPEL_OPT_INT,
            .scopes = GLOBAL,
            .initial = "200",
            .min = 0,
            .max = 1000000000,
            .brief = "connections beyond server_max_outbound_connections for "
                     "queues without one",
            .manual = "Only while the server is full, once in each "
                      "reserve_maintenance_interval, for queues that have no "
                      "connection at all. No other limit is passed.",
            .since = "0.1"},
    [QUEUE_RESERVE_MAINTENANCE_INTERVAL] = {.name =
                                                "reserve_maintenance_interval",
        .type = IMPEL_OPT_DURATION,
        .scopes = GLOBAL,
        .initial = "15",
        .min = OPTION_SECONDS(1),
        .max = OPTION_FOREVER,
        .brief = "how often queues without a connection may use the "
                 "reserve",
        .since = "0.1"},
    [QUEUE_CONNECTION_ALLOCATION_AGGRESSIVENESS] =
        {.name = "connection_allocation_aggressiveness",
            .type = OPTION_FLOAT,
            .scopes = OUT,
            .initial = "normal",
            .min = 0,
            .max = 1000,
            .choices = growths,
            .brief = "connections for each waiting message at first: normal "
                     "(0.3), high (0.75)",
            .manual = "A queue of length n below a limit of m has "
                      "m * (1 - exp(-a * n / m)) connections, at least one. "
                      "With 32: 12 at 50 messages and 27 at 200 with normal, "
                      "22 and 32 with high.",
            .since = "0.1"},
    [QUEUE_MAX_DELIVERIES_PER_CONNECTION] =
        {.name = "max_deliveries_per_connection",
            .type = IMPEL_OPT_INT,
            .scopes = OUT,
            .initial = "0",
            .min = 0,
            .max = 1000000000,
            .brief = "messages delivered over one connection; 0: no limit",
            .flags = OPTION_ZERO_IS_ALL,
            .since = "0.1"},
    [QUEUE_MAX_RECIPIENTS_PER_CONNECTION] =
        {.name = "max_recipients_per_connection",
            .type = IMPEL_OPT_INT,
            .scopes = OUT | SCOPE_ALL_LISTENERS,
            .initial = "0",
            .min = 0,
            .max = 1000000000,
            .brief = "recipients tried over one connection; 0: no limit",
            .manual = "In outbound scopes the recipients Impel names over one "
                      "connection, in listeners those that a peer may name.",
            .flags = OPTION_ZERO_IS_ALL,
            .since = "0.1"},
    [QUEUE_MAX_RECIPIENTS_PER_BATCH] = {.name = "max_recipients_per_batch",
        .type = IMPEL_OPT_INT,
        .scopes = OUT,
        .initial = "100",
        .min = 1,
        .max = 100000,
        .brief = "recipients of one transaction",
        .since = "0.1"},
    [QUEUE_IDLE_TIMEOUT] = {.name = "idle_timeout",
        .type = IMPEL_OPT_DURATION,
        .scopes = OUT,
        .initial = "5",
        .min = 0,
        .max = OPTION_FOREVER,
        .brief = "how long a connection without work is kept for more",
        .since = "0.1"},
    [QUEUE_OUTBOUND_THROTTLE_MESSAGES] = {.name = "outbound_throttle_messages",
        .type = OPTION_THROTTLE,
        .scopes = OUT | IMPEL_SCOPE_HOST,
        .brief = "messages sent in a window: \"N\" a second, or \"N/T\" in "
                 "T seconds",
        .manual = "Unset or 0: no limit. The stanza that sets it has one "
                  "count, shared by all that fall back to it; to give each "
                  "binding or domain its own, write it in each. A throttled "
                  "message waits; that is not a retry. In a host stanza: "
                  "messages to that host, beside the throttle of the domain; "
                  "while it is used up mail goes to another host, of the same "
                  "preference first.",
        .since = "0.1",
        .flags = OPTION_REFERENCE},
    [QUEUE_OUTBOUND_THROTTLE_CONNECTIONS] =
        {.name = "outbound_throttle_connections",
            .type = OPTION_THROTTLE,
            .scopes = OUT | IMPEL_SCOPE_HOST,
            .brief =
                "connections begun in a window: \"N\" a second, or \"N/T\"",
            .manual = "Counted as outbound_throttle_messages is.",
            .since = "0.1",
            .flags = OPTION_REFERENCE},
    [QUEUE_RETRY_INTERVAL] = {.name = "retry_interval",
        .type = IMPEL_OPT_DURATION,
        .scopes = OUT,
        .initial = "1200",
        .min = OPTION_SECONDS(1),
        .max = OPTION_FOREVER,
        .brief = "wait before the first retry; each further wait doubles",
        .since = "0.1"},
    [QUEUE_MAX_RETRY_INTERVAL] = {.name = "max_retry_interval",
        .type = IMPEL_OPT_DURATION,
        .scopes = OUT,
        .initial = "43200",
        .min = OPTION_SECONDS(1),
        .max = OPTION_FOREVER,
        .brief = "longest wait between two attempts",
        .manual = "Equal to retry_interval: all waits are alike.",
        .since = "0.1"},
    [QUEUE_MAX_RETRIES] = {.name = "max_retries",
        .type = IMPEL_OPT_INT,
        .scopes = OUT,
        .initial = "auto",
        .min = 0,
        .max = 1000000,
        .choices = retries,
        .brief = "retries before a message fails: auto, none or a number",
        .manual = "auto: as many as message_expiration has room for when "
                  "each wait doubles, without regard to max_retry_interval. "
                  "none: only expiry counts. A number: after so many, or at "
                  "expiry.",
        .since = "0.1"},
    [QUEUE_MESSAGE_EXPIRATION] = {.name = "message_expiration",
        .type = IMPEL_OPT_DURATION,
        .scopes = OUT,
        .initial = "86400",
        .min = OPTION_SECONDS(1),
        .max = OPTION_FOREVER,
        .brief = "age at which an undelivered message fails",
        .since = "0.1"},
    [QUEUE_NEVER_ATTEMPT_EXPIRED_MESSAGES] =
        {.name = "never_attempt_expired_messages",
            .type = IMPEL_OPT_BOOL,
            .scopes = OUT,
            .initial = "false",
            .brief = "fail an expired message without the last attempt",
            .manual = "Off: a message that comes to the head of its queue is "
                      "tried even if it is overdue.",
            .since = "0.1"},
    [QUEUE_NEVER_RETRY] = {.name = "never_retry",
        .type = IMPEL_OPT_BOOL,
        .scopes = OUT,
        .initial = "false",
        .brief = "take every temporary failure for a permanent one",
        .since = "0.1"},
    [QUEUE_MX_FAILURES_TO_DELAY] = {.name = "mx_failures_to_delay",
        .type = IMPEL_OPT_INT,
        .scopes = GLOBAL | DOMAIN,
        .initial = "50",
        .min = 0,
        .max = 1000000000,
        .brief = "failures in a row at every host of a domain that delay "
                 "all its mail; 0: off",
        .manual = "Counted for each address and binding, over all domains "
                  "that use it, until a connection to it works. The host "
                  "with the fewest decides.",
        .since = "0.1",
        .flags = OPTION_TOP},
    [QUEUE_CONNECT_TIMEOUT_TO_DELAY] = {.name = "connect_timeout_to_delay",
        .type = IMPEL_OPT_DURATION,
        .scopes = OUT,
        .initial = "900",
        .min = 0,
        .max = OPTION_FOREVER,
        .brief = "time without reaching a domain that delays all its mail",
        .since = "0.1"},
    [QUEUE_DELAYED_BINDING_DOMAIN_FUZZ] =
        {.name = "delayed_binding_domain_fuzz",
            .type = IMPEL_OPT_INT,
            .scopes = BINDINGS,
            .initial = "0",
            .min = 0,
            .max = 1 << 24,
            .brief = "seconds over which mail that is delayed as a whole is "
                     "spread; a power of two",
            .manual = "When all mail of a queue is delayed at once "
                      "(mx_failures_to_delay, connect_timeout_to_delay, DNS) "
                      "each message's next attempt is later by a part of "
                      "it that depends on the message alone. 0: all are due "
                      "together.",
            .since = "0.1",
            .check = check_power},
    [QUEUE_SUSPEND_DELIVERY] = {.name = "suspend_delivery",
        .type = IMPEL_OPT_BOOL,
        .scopes = OUT,
        .initial = "false",
        .brief = "attempt nothing in this scope; mail is kept and expires "
                 "as usual",
        .since = "0.1"},
    [QUEUE_ASSIGN_BINDING] = {.name = "assign_binding",
        .type = IMPEL_OPT_STRING,
        .scopes = GLOBAL | DOMAIN,
        .brief = "binding or group for the recipients of a domain",
        .manual = "For messages of which neither X-Binding nor context says "
                  "one. Of a group a member that is not suspended is taken "
                  "for each message and domain, evenly. A name of nothing "
                  "means binding default.",
        .since = "0.1",
        .flags = OPTION_TOP | OPTION_NO_OVERRIDE},
    [QUEUE_DEFAULT_BINDING] = {.name = "default_binding",
        .type = IMPEL_OPT_CHOICE,
        .scopes = GLOBAL,
        .initial = "normal",
        .choices = defaults,
        .brief = "mail that no binding was said for: normal, suspended, none",
        .manual = "suspended: it is taken and waits in binding default. none: "
                  "a message is refused with 451 if any of its recipients "
                  "would go through binding default; bounces made here and "
                  "what is queued already still do.",
        .since = "0.1"},
    [QUEUE_BLACKHOLE] = {.name = "blackhole",
        .type = IMPEL_OPT_CHOICE,
        .scopes = OUT,
        .initial = "false",
        .choices = blackholes,
        .brief = "fail the mail of this scope: false, inline (true), "
                 "internal",
        .manual = "inline: refused when it is received, with 551 5.7.1, if "
                  "the binding of the session says so. "
                  "internal: accepted, then failed and logged with 554 "
                  "5.7.0.",
        .since = "0.1"},
    [QUEUE_GENERATE_BOUNCES] = {.name = "generate_bounces",
        .type = IMPEL_OPT_BOOL,
        .scopes = OUT,
        .initial = "true",
        .brief = "tell the sender of a message that failed for good",
        .since = "0.1"},
    [QUEUE_BOUNCES_INLINE_ORIGINAL] = {.name = "bounces_inline_original",
        .type = IMPEL_OPT_CHOICE,
        .scopes = OUT,
        .initial = "headers",
        .choices = originals,
        .brief = "how much of the message a bounce returns: none, headers, "
                 "all",
        .manual = "The sender's RET=, where it is given, decides between "
                  "headers and all.",
        .since = "0.1"},
    [QUEUE_MAILERDAEMON] = {.name = "mailerdaemon",
        .type = IMPEL_OPT_STRING,
        .scopes = OUT,
        .brief = "From: of bounces; unset: mailer-daemon@ and hostname",
        .since = "0.1",
        .check = check_mailbox},
    [QUEUE_MDN_FAILURES_NOTIFY] = {.name = "mdn_failures_notify",
        .type = IMPEL_OPT_STRING,
        .scopes = OUT,
        .brief = "where failures of mail without a sender are reported; "
                 "unset: nowhere",
        .since = "0.1",
        .check = check_mailbox},
    [QUEUE_LATE_REPORTS] = {.name = "late_reports",
        .type = IMPEL_OPT_CHOICE,
        .scopes = OUT,
        .initial = "dsn",
        .choices = lates,
        .brief = "what a report that comes after the delivery becomes: dsn, "
                 "log",
        .manual = "Some services take a message and say later what became of "
                  "it, such as an MMSC that was asked for a delivery report. "
                  "dsn: the sender is told as of any delivery or failure, as "
                  "NOTIFY says, and of failures as generate_bounces says. log: "
                  "event late-report, and the bouncelog, have it alone.",
        .since = "0.1"},
    [QUEUE_GENERATE_DELAY_DSN] = {.name = "generate_delay_dsn",
        .type = IMPEL_OPT_BOOL,
        .scopes = OUT,
        .initial = "false",
        .brief = "tell the sender of a message that waits",
        .manual = "A report of RFC 3464 with action delayed, to the sender of "
                  "mail whose NOTIFY is not given or has DELAY. It does not "
                  "depend on the times of delivery.",
        .since = "0.1"},
    [QUEUE_DELAY_DSN_RETRY_INTERVAL] = {.name = "delay_dsn_retry_interval",
        .type = IMPEL_OPT_DURATION,
        .scopes = OUT,
        .initial = "3600",
        .min = OPTION_SECONDS(1),
        .max = OPTION_FOREVER,
        .brief = "age at which a message is first reported as delayed",
        .manual = "Further reports follow after gaps that double.",
        .since = "0.1"},
    [QUEUE_DELAY_DSN_MAX_RETRY_INTERVAL] =
        {.name = "delay_dsn_max_retry_interval",
            .type = IMPEL_OPT_DURATION,
            .scopes = OUT,
            .initial = "43200",
            .min = 0,
            .max = OPTION_FOREVER,
            .brief = "longest gap between two reports of delay; 0: no limit",
            .manual = "With 10800 and 86400 they are sent after 3, 9, 21, 45 "
                      "hours, then each 24.",
            .since = "0.1"},
    [QUEUE_BOUNCE_DOMAINS] = {.name = "bounce_domains",
        .type = IMPEL_OPT_LIST,
        .scopes = GLOBAL,
        .brief = "domains whose incoming mail is taken for bounces",
        .manual = "Accepted as relay_domains are. *.x.test matches names "
                  "below x.test; *x.test anything that ends so.",
        .since = "0.1",
        .flags = OPTION_NO_CASE},
    [QUEUE_BOUNCE_PATTERN] = {.name = "bounce_pattern",
        .type = OPTION_REGEX,
        .scopes = GLOBAL | DOMAIN,
        .brief = "pattern that an address must match to take part in bounces",
        .manual = "In-band the envelope sender: a failure of other mail is "
                  "not written to the bouncelog. Out of band the envelope "
                  "recipient: other mail to bounce_domains is mail like any "
                  "other. Unset: any.",
        .since = "0.1",
        .flags = OPTION_TOP},
    [QUEUE_BOUNCE_BEHAVIOR] = {.name = "bounce_behavior",
        .type = IMPEL_OPT_CHOICE,
        .scopes = GLOBAL | DOMAIN,
        .initial = "pass",
        .choices = behaviors,
        .brief = "what becomes of an incoming bounce: pass it on, or "
                 "blackhole it",
        .manual = "Either way it is logged. Mail to bounce_domains that is no "
                  "report of a failure or a delay (RFC 3464) is passed on.",
        .since = "0.1",
        .flags = OPTION_TOP},
    [QUEUE_BOUNCE_SUPPRESS_LIST] = {.name = "bounce_suppress_list",
        .type = IMPEL_OPT_STRING,
        .scopes = GLOBAL,
        .brief = "addresses and @domains, by comma, never taken for the "
                 "bounced one",
        .since = "0.1"},
    [QUEUE_MAX_RESIDENT_MESSAGES] = {.name = "max_resident_messages",
        .type = IMPEL_OPT_INT,
        .scopes = BINDINGS,
        .initial = "32768",
        .min = 0,
        .max = 1000000000,
        .brief = "messages whose content is kept in memory; 0: no limit",
        .manual = "The limit in bytes is max_resident_bytes.",
        .since = "0.1"},
    [QUEUE_MAX_RESIDENT_ACTIVE_QUEUE] = {.name = "max_resident_active_queue",
        .type = IMPEL_OPT_INT,
        .scopes = OUT,
        .initial = "250",
        .min = -1,
        .max = 1000000000,
        .brief = "length of an active queue beyond which content is not "
                 "kept in memory",
        .manual = "-1: no limit; 0: keep none.",
        .since = "0.1"},
};
struct option_set queue_options = OPTION_SET("queue", rows);
