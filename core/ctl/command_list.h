/* SPDX-License-Identifier: Apache-2.0
 *
 * command_list.h - the words of the console in one list: dispatch, `help`,
 * completion and the manual page are made of it.
 *
 * COMMANDS(X) is X(function, words, arguments, brief, changes): function
 * without its command_ (commands_int.h), brief one line without a full stop,
 * changes 1 for what is logged with who did it.  Order is that of help.
 */
#ifndef IMPEL_COMMAND_LIST_H
#define IMPEL_COMMAND_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* clang-format off */
#define SUSPEND_PLACE \
    "all|domain DOMAIN|binding BINDING [domain DOMAIN]|" \
    "binding_group GROUP [domain DOMAIN]"
#define MAIL_CHOSEN \
    "[--domain DOMAIN] [--binding BINDING] [--group GROUP] " \
    "[--sender PATTERN] [--header NAME:PATTERN] [--meta NAME=PATTERN] " \
    "[--older TIME] [--newer TIME] [--dry-run]"
#define COMMANDS(X) \
    X(summary, "summary", "", \
        "sessions, queues, DNS, deliveries and rates at a glance", 0) \
    X(summary_reset, "summary reset", "", \
        "set the counters of summary to zero", 1) \
    X(active, "active", "N", \
        "domains with more than N messages in the active queue", 0) \
    X(delayed, "delayed", "N", \
        "domains with more than N messages in the delayed queue", 0) \
    X(binding_active, "binding active", "BINDING N", \
        "the same on one binding", 0) \
    X(binding_delayed, "binding delayed", "BINDING N", \
        "the same on one binding", 0) \
    X(binding_summary, "binding summary", "[BINDING]", \
        "sessions, queues and deliveries of each binding", 0) \
    X(domain, "domain", "DOMAIN|all", \
        "routes, hosts, sessions and queues of a domain", 0) \
    X(domains, "domains", "", \
        "sessions, queues and deliveries of all domains", 0) \
    X(mailq, "mailq", "[-d DOMAIN]... [-b BINDING]... [-l N]", \
        "the longest queues, 20 unless -l says otherwise", 0) \
    X(showqueue, "showqueue", "[binding BINDING|all] DOMAIN [LIMIT[,OFFSET]]", \
        "the messages of a domain, 100 unless LIMIT says otherwise", 0) \
    X(message_details, "message details", "[full] ID", \
        "envelope, times and last results of a message; full: its text", 0) \
    X(message_retry, "message retry", "ID", \
        "try a message now", 1) \
    X(message_fail, "message fail", "[quiet] ID [TEXT...]", \
        "give a message up; quiet: without a bounce", 1) \
    X(flush_domain, "flush domain", "DOMAIN|all", \
        "try what is delayed now", 1) \
    X(binding_flush_domain, "binding flush domain", "BINDING DOMAIN|all", \
        "the same on one binding", 1) \
    X(fail_domain, "fail domain", "[quiet] DOMAIN [TEXT...]", \
        "give all mail of a domain up; quiet: without bounces", 1) \
    X(binding_fail_domain, "binding fail domain", \
        "[quiet] BINDING DOMAIN|all [TEXT...]", \
        "the same on one binding", 1) \
    X(fail_all, "fail all", MAIL_CHOSEN " [--quiet] [--text TEXT...]", \
        "give up the mail that is all of that; --dry-run: show what is meant", \
        1) \
    X(flush_all, "flush all", MAIL_CHOSEN, \
        "try it now, if it is delayed", 1) \
    X(delay, "delay", "TIME " MAIL_CHOSEN, \
        "not before that time has passed; no attempt is counted", 1) \
    X(rebind, "rebind", \
        "BINDING|all [DOMAIN] [to BINDING|GROUP] " MAIL_CHOSEN, \
        "move mail to that binding, or to the one that new mail would get", 1) \
    X(reroute_queue, "reroute queue", "DOMAIN|all [DOMAIN] " MAIL_CHOSEN, \
        "move mail to the second one's queues, or to where new mail would go", \
        1) \
    X(spool_import, "spool import", "DIR [--dry-run]", \
        "take over the mail of a spool that nobody uses; DIR stays as it is", \
        1) \
    X(suspend, "suspend", SUSPEND_PLACE " [for TIME|until TIME] [because...]", \
        "deliver nothing of that, until then or until resume", 1) \
    X(resume, "resume", SUSPEND_PLACE, \
        "take such a suspension back", 1) \
    X(override_set, "override set", \
        "[" SUSPEND_PLACE "] OPTION VALUE... [for TIME|until TIME] " \
        "[because...]", \
        "a value before every stanza's, kept over restarts and reloads", 1) \
    X(override_clear, "override clear", \
        "[adaptive] " SUSPEND_PLACE " OPTION|all", \
        "take it back; adaptive: one that no operator has set", 1) \
    X(override_list, "override list", "[" SUSPEND_PLACE "]", \
        "such values: until when, by whom, why", 0) \
    X(refresh_domain, "refresh domain", "DOMAIN|all", \
        "forget what is known of the hosts and ask DNS again", 1) \
    X(explain_message, "explain message", "ID", \
        "why a message waits, since when, and what comes next", 0) \
    X(explain_domain, "explain domain", "DOMAIN [binding BINDING]", \
        "why the mail of a domain waits", 0) \
    X(config_reload, "config reload", "[FILE]", \
        "load the configuration again, or another; a bad one changes nothing", \
        1) \
    X(config_file, "config check", "[--strict] [FILE]", \
        "check a file with the options of the installed modules", 0) \
    X(config_query, "config get", "[SCOPE...] OPTION", \
        "the value that exactly this scope sets", 0) \
    X(config_query, "config eval", "[SCOPE...] OPTION", \
        "the value in force there, fallback and default included", 0) \
    X(config_query, "config explain", "[SCOPE...] OPTION", \
        "the value in force, and the file and line it comes from", 0) \
    X(config_query, "config show", "[SCOPE...]", \
        "what a scope sets", 0) \
    X(config_query, "config showrecurse", "[SCOPE...]", \
        "the same with all scopes within", 0) \
    X(config_query, "config describe", "[OPTION] [--as=text|man|md|json]", \
        "what an option means, its type, default and scopes", 0) \
    X(config_file, "config convert", "FILE [yaml|conf]", \
        "print a configuration in the other notation", 0) \
    X(config_change, "config set", "[SCOPE...] OPTION [=] VALUE", \
        "change the running configuration, until the next reload", 1) \
    X(config_change, "config unset", "[SCOPE...] OPTION", \
        "take a value out of it, until the next reload", 1) \
    X(reopen_logs, "reopen logs", "", \
        "close and open every log, after they were rotated", 1) \
    X(module_list, "module list", "", \
        "modules: version, ABI, state, what they serve and have counted", 0) \
    X(show_inbound, "show inbound", "", \
        "sessions of clients, one per line", 0) \
    X(show_outbound, "show outbound", "", \
        "sessions to other hosts, one per line", 0) \
    X(count, "count", "outbound[/BINDING] [ADDRESS[/PREFIX]]", \
        "how many connections there are to hosts in a network", 0) \
    X(trace_smtp_add, "trace smtp add", \
        "BINDING|* DOMAIN|HOST|ADDRESS[/PREFIX]|* FILE", \
        "write what is said on such outbound connections to a file", 1) \
    X(trace_smtp_list, "trace smtp list", "", \
        "such tracers: number, choice, file, octets, sessions", 0) \
    X(trace_smtp_remove, "trace smtp remove", "NUMBER", \
        "end such a tracer; its file stays", 1) \
    X(listeners, "listeners", "", \
        "open listeners: name, address, sessions", 0) \
    X(dns_cache_stats, "dns_cache stats", "", \
        "questions, time-outs, answers in the cache", 0) \
    X(dns_cache_list, "dns_cache list", "[N]", \
        "the N answers that were used last, 100 unless said otherwise", 0) \
    X(dns_cache_show, "dns_cache show", "NAME", \
        "what the cache has of a name", 0) \
    X(dns_cache_flush, "dns_cache flush", "NAME|all", \
        "forget it; hosts of domains stay until refresh domain", 1) \
    X(dig, "dig", "NAME [A|AAAA|MX|TXT|PTR|TLSA]", \
        "ask DNS as delivery does, the cache included", 0) \
    X(mta_sts_list, "mta_sts list", "[N]", \
        "MTA-STS policies that are kept, 100 unless said otherwise", 0) \
    X(mta_sts_show, "mta_sts show", "DOMAIN", \
        "its policy, until when, and what the last look came to", 0) \
    X(mta_sts_refresh, "mta_sts refresh", "DOMAIN", \
        "ask for its record and fetch its policy now", 1) \
    X(tls_report_list, "tls_report list", "", \
        "domains whose TLS was counted for a report, and reports on their way", \
        0) \
    X(tls_report_show, "tls_report show", "DOMAIN", \
        "the report of a domain as it would go now, as JSON", 0) \
    X(tls_report_send, "tls_report send", "DOMAIN", \
        "send it now; counting begins anew", 1) \
    X(jobs, "jobs", "", \
        "long work that runs now, and how far it is", 0) \
    X(cancel_job, "cancel job", "N", \
        "stop such work; what it did stays done", 1) \
    X(health, "health", "", \
        "is all well: status 0 yes, 1 degraded, 2 ill, and why", 0) \
    X(metrics, "metrics", "", \
        "counters and gauges in the text format of Prometheus", 0) \
    X(version, "version", "", \
        "the version of the daemon", 0) \
    X(pid, "pid", "", \
        "the daemon's process id", 0) \
    X(help, "help", "[COMMAND...]", \
        "this list, or one command", 0) \
    X(shutdown, "shutdown", "", \
        "finish what was begun, then stop the daemon", 1)
/* clang-format on */

struct command_words {
    const char *words; /* "flush domain" */
    const char *args;  /* "DOMAIN|all" */
    const char *brief;
    bool changes;
};
const struct command_words *command_list(size_t *count);
/* The rows whose words begin with prefix, as `help` shows them; how many. */
struct buf;
struct str;
size_t command_list_print(struct str prefix, struct buf *to);
/* The same as an array of objects: words, args, brief, changes. */
size_t command_list_json(struct str prefix, struct buf *to);

#endif
