/* SPDX-License-Identifier: Apache-2.0
 *
 * milter.c - descriptor of the module: filters that speak the milter protocol,
 * versions 2 to 6, for mail on its way in.
 */
#include "milter.h"

#include <stdlib.h>

#include "outcome.h"

#define INBOUND \
    (IMPEL_SCOPE_GLOBAL | IMPEL_SCOPE_LISTENER | IMPEL_SCOPE_LISTEN | \
        IMPEL_SCOPE_PEER)
#define DAY_MS ((int64_t)86400 * 1000)

static const char *const actions[] = {"tempfail", "accept", "reject", NULL};
static const char *const quarantine[] = {
    "tempfail", "accept", "reject", "discard", NULL};

#define TIMEOUT(option, seconds, what, more) \
    { \
        .name = option, .type = IMPEL_OPT_DURATION, .scopes = INBOUND, \
        .initial = seconds, .min = 1000, .max = DAY_MS, .brief = what, \
        .manual = more, .since = "0.1" \
    }
#define MACROS(option, names, what) \
    { \
        .name = option, .type = IMPEL_OPT_LIST, .scopes = INBOUND, \
        .initial = names, .brief = what, \
        .manual = "Names with or without braces. A filter that asks for " \
                  "others is told those. What has no value is left out.", \
        .since = "0.1" \
    }

static const struct impel_option options[ROW_COUNT] = {
    [ROW_MILTERS] = {.name = "milters",
        .type = IMPEL_OPT_LIST,
        .scopes = INBOUND,
        .brief = "filters that mail is shown to, in this order; unset: none",
        .manual = "Each is inet:ADDRESS:PORT or unix:/PATH, and may have "
                  "settings of its own behind commas: connect_timeout=, "
                  "command_timeout=, content_timeout=, default_action=. "
                  "Addresses are numbers, but for localhost. The word none "
                  "alone takes away the filters of the scope above.",
        .since = "0.1"},
    [ROW_CONNECT_TIMEOUT] = TIMEOUT("milter_connect_timeout", "30",
        "how long to wait for the connection to a filter",
        "Then milter_default_action holds. An item of milters may say "
        "connect_timeout= for itself."),
    [ROW_COMMAND_TIMEOUT] = TIMEOUT("milter_command_timeout", "30",
        "how long a filter may think about a command of the client",
        "A filter that says that it is at work has as long again. An item "
        "of milters may say command_timeout= for itself."),
    [ROW_CONTENT_TIMEOUT] = TIMEOUT("milter_content_timeout", "300",
        "how long a filter may think about header, body or end of a message",
        "A filter that says that it is at work has as long again. An item "
        "of milters may say content_timeout= for itself. The listener's "
        "esmtp_verdict_timeout is for all filters of a message together."),
    [ROW_DEFAULT_ACTION] = {.name = "milter_default_action",
        .type = IMPEL_OPT_CHOICE,
        .scopes = INBOUND,
        .initial = "tempfail",
        .choices = actions,
        .brief = "when a filter is out of order: tempfail, reject, or accept "
                 "without it",
        .manual = "It is out of order when it cannot be reached, is too slow, "
                  "closes the connection or breaks the protocol. What it has "
                  "changed of a message by then is forgotten. With the next "
                  "message it is tried again.",
        .since = "0.1"},
    [ROW_PROTOCOL] = {.name = "milter_protocol",
        .type = IMPEL_OPT_INT,
        .scopes = INBOUND,
        .initial = "6",
        .min = 2,
        .max = 6,
        .brief = "highest version of the protocol to speak",
        .manual = "For filters that do not answer when they are offered 6.",
        .since = "0.1"},
    [ROW_QUARANTINE] = {.name = "milter_quarantine_action",
        .type = IMPEL_OPT_CHOICE,
        .scopes = INBOUND,
        .initial = "tempfail",
        .choices = quarantine,
        .brief =
            "when a filter asks for quarantine: tempfail, reject, discard, "
            "accept",
        .manual = "Impel has no queue for mail that is to be looked at.",
        .since = "0.1"},
    [ROW_REUSE] = {.name = "milter_reuse",
        .type = IMPEL_OPT_BOOL,
        .scopes = INBOUND,
        .initial = "false",
        .brief = "keep the connection to a filter for the next client",
        .manual =
            "For 30 seconds, with filters that speak version 6, and only "
            "where the last that they said was to go on, at the end of a "
            "message: elsewhere those built on libmilter would answer no "
            "more. Others than these, and rspamd, may not know it at all: "
            "then each client waits for the time limit.",
        .since = "0.1"},
    [ROW_DAEMON_NAME] = {.name = "milter_daemon_name",
        .type = IMPEL_OPT_STRING,
        .scopes = INBOUND,
        .brief = "what the macro {daemon_name} says; unset: hostname",
        .manual = "Filters tell listeners apart by it, as opendkim's MTA does.",
        .since = "0.1"},
    [ROW_CONNECT_MACROS] =
        MACROS("milter_connect_macros", "j {daemon_name} {daemon_addr} v _",
            "macros told before the client's address"),
    [ROW_HELO_MACROS] = MACROS("milter_helo_macros",
        "{tls_version} {cipher} {cipher_bits} {cert_subject} {cert_issuer}",
        "macros told before the client's greeting"),
    [ROW_MAIL_MACROS] = MACROS("milter_mail_macros",
        "i {auth_type} {auth_authen} {auth_author} {mail_addr} {mail_host} "
        "{mail_mailer} {client_addr} {client_name} {client_port}",
        "macros told before the sender"),
    [ROW_RCPT_MACROS] =
        MACROS("milter_rcpt_macros", "i {rcpt_addr} {rcpt_host} {rcpt_mailer}",
            "macros told before a recipient"),
    [ROW_DATA_MACROS] =
        MACROS("milter_data_macros", "i", "macros told before the content"),
    [ROW_END_MACROS] = MACROS("milter_end_of_data_macros", "i",
        "macros told before the end of the content"),
    [ROW_EOH_MACROS] = MACROS("milter_end_of_header_macros", "i",
        "macros told before the end of the header"),
};

static const struct impel_counter counters[COUNT_COUNT] = {
    [COUNT_CONNECTIONS] = {.name = "connections",
        .brief = "Connections to filters"},
    [COUNT_REUSED] = {.name = "reused",
        .brief = "Clients that were served on a connection of one before"},
    [COUNT_MESSAGES] = {.name = "messages",
        .brief = "Messages that a filter has seen to their end"},
    [COUNT_CHANGES] = {.name = "changes",
        .brief = "Changes of messages that filters asked for"},
    [COUNT_REFUSED] = {.name = "refused",
        .brief = "Clients, commands and messages that filters refused"},
    [COUNT_DISCARDED] = {.name = "discarded",
        .brief = "Messages that filters discarded"},
    [COUNT_FAILURES] = {.name = "failures",
        .brief = "Conversations with filters that failed"},
    [COUNT_TIMEOUTS] = {.name = "timeouts",
        .brief = "Conversations with filters ended by a time limit"},
};

static int
milter_load(const struct impel_host *host, struct impel_instance *instance,
    void **ctx, struct impel_error *e)
{
    struct milter *m;

    m = calloc(1, sizeof(*m));
    if (!m) {
        return outcome_refuse(e, IMPEL_E_NOMEM, "no memory");
    }
    m->host = host;
    m->instance = instance;
    *ctx = m;
    return 0;
}

static int
milter_check(void *ctx, const struct impel_scope *scope, struct impel_error *e)
{
    const struct milter *m = ctx;
    size_t n = m->host->opt_count(scope, ROW_MILTERS);
    struct target target;
    char why[200];

    for (size_t i = 0; i < n; i++) {
        struct impel_str item =
            m->host->opt_str(scope, ROW_MILTERS, (uint32_t)i);

        if (target_is_none(item) && n == 1)
            continue;
        if (target_parse(m->host, scope, item, &target, why))
            continue;
        return outcome_refuse(e, IMPEL_E_INVAL, "milters: %.200s", why);
    }
    return 0;
}

static void
milter_unload(void *ctx)
{
    free(ctx);
}

IMPEL_MODULE(milter) = {
    IMPEL_MODULE_STAMP,
    .option_count = ROW_COUNT,
    .counter_count = COUNT_COUNT,
    .name = "milter",
    .version = "0.1.0",
    .brief = "Filters by the milter protocol for mail on its way in",
    .options = options,
    .counters = counters,
    .load = milter_load,
    .check = milter_check,
    .unload = milter_unload,
    .filter = &milter_filter,
};
