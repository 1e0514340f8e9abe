/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/metrics.h"

#include <inttypes.h>
#include <stdlib.h>
#include "base/clock.h"
#include "loop/slow.h"
#include "xport/registry.h"
#include "base/banned.h"

/* What the intake had counted at the last reset; scheduler's thread. */
static struct {
    uint64_t received, rejected;
} before;

void
metrics_reset(const struct control_config *on)
{
    struct intake_stats i;
    intake_get_stats(on->intake, &i);
    before.received = i.received_recipients;
    before.rejected = i.rejected;
    scheduler_reset_stats(on->scheduler);
}

static uint64_t
since(uint64_t now, uint64_t then)
{
    return now > then ? now - then : 0;
}

void
metrics_get(const struct control_config *on, struct metrics *to)
{
    *to = (struct metrics){
        .now = clock_wall(), .generation = generation_number(on->generation)};
    scheduler_get_stats(on->scheduler, &to->queue);
    tlsrpt_get_stats(scheduler_tlsrpt(on->scheduler), &to->reports);
    intake_get_stats(on->intake, &to->intake);
    to->received = since(to->intake.received_recipients, before.received);
    to->rejected = since(to->intake.rejected, before.rejected);
    spool_get_stats(on->spool, &to->spool);
    dns_get_stats(on->dns, &to->dns);
    sts_get_stats(on->sts, &to->sts);
    fetcher_get_stats(on->fetcher, &to->fetch);
    signing_get_stats(&to->signing);
}

/* --- text format of Prometheus, version 0.0.4 --- */

static void
head(struct buf *to, const char *name, const char *type, const char *help)
{
    buf_printf(
        to, "# HELP impel_%s %s\n# TYPE impel_%s %s\n", name, help, name, type);
}

static void
counter(struct buf *to, const char *name, const char *help, uint64_t n)
{
    head(to, name, "counter", help);
    buf_printf(to, "impel_%s %" PRIu64 "\n", name, n);
}

static void
gauge(struct buf *to, const char *name, const char *help, int64_t n)
{
    head(to, name, "gauge", help);
    buf_printf(to, "impel_%s %" PRId64 "\n", name, n);
}

static void
label_row(struct buf *to, const char *name, const char *label,
    const char *value, uint64_t n)
{
    buf_printf(to, "impel_%s{%s=\"%s\"} %" PRIu64 "\n", name, label, value, n);
}

static void
print_queue(const struct metrics *m, struct buf *to)
{
    const struct scheduler_stats *q = &m->queue;
    gauge(to, "messages", "Messages in the spool", (int64_t)q->messages);
    head(to, "parcels", "gauge", "Recipients' shares of messages, by state");
    label_row(to, "parcels", "state", "active", q->active);
    label_row(to, "parcels", "state", "delayed", q->delayed);
    label_row(to, "parcels", "state", "lent", q->lent);
    gauge(to, "queues", "Queues", (int64_t)q->queues);
    gauge(to, "domains", "Routing domains", (int64_t)q->domains);
    gauge(to, "outbound_sessions", "Sessions to other hosts",
        (int64_t)q->sessions);
    gauge(to, "resident_bytes", "Bytes of messages in memory",
        (int64_t)q->resident_bytes);
    gauge(to, "resident_messages", "Messages in memory",
        (int64_t)q->resident_messages);
    gauge(to, "delivery_paused", "1 while results cannot be stored", q->paused);
    gauge(to, "overrides", "Values put before every stanza's",
        (int64_t)q->overrides);
    gauge(to, "draining", "1 while the daemon stops", q->draining);
    gauge(
        to, "recovering", "1 while the spool is read at start", q->recovering);
    head(
        to, "recipients_total", "counter", "Recipients by what became of them");
    label_row(to, "recipients_total", "result", "delivered", q->delivered);
    label_row(to, "recipients_total", "result", "failed", q->failed);
    label_row(to, "recipients_total", "result", "transient", q->transient);
    label_row(to, "recipients_total", "result", "expired", q->expired);
    label_row(to, "recipients_total", "result", "uncertain", q->uncertain);
    counter(to, "bounces_total", "Bounces made here", q->bounced);
}

static void
print_intake(const struct metrics *m, struct buf *to)
{
    const struct intake_stats *i = &m->intake;
    gauge(to, "inbound_sessions", "Sessions of clients", (int64_t)i->sessions);
    counter(to, "inbound_sessions_total", "Sessions of clients so far",
        i->sessions_total);
    counter(to, "received_messages_total", "Messages accepted", i->received);
    counter(to, "received_recipients_total", "Recipients accepted",
        i->received_recipients);
    counter(to, "received_bytes_total", "Bytes accepted", i->received_bytes);
    counter(to, "rejected_total", "Commands and messages refused", i->rejected);
    counter(to, "inbound_logins_total", "Logins of clients", i->logins);
    counter(to, "inbound_login_failures_total", "Logins that failed",
        i->login_failures);
    counter(to, "inbound_logins_refused_total",
        "Logins that were not looked at", i->logins_refused);
    counter(to, "inbound_tls_total", "Handshakes of TLS with clients", i->tls);
    counter(to, "inbound_tls_resumed_total",
        "Handshakes that resumed a session of before", i->tls_resumed);
    counter(to, "inbound_tls_verified_total",
        "Handshakes of clients whose certificate was verified",
        i->tls_verified);
    counter(to, "inbound_tls_failed_total",
        "Handshakes with clients that failed", i->tls_failed);
    gauge(to, "reception_bytes", "Bytes now in reception", i->credits_used);
    gauge(to, "reception_bytes_limit", "Bound of the former", i->credits_limit);
}

static void
print_spool(const struct metrics *m, struct buf *to)
{
    const struct spool_stats *s = &m->spool;
    counter(to, "spool_accepted_total", "Messages stored", s->accepted);
    counter(to, "spool_finished_total", "Messages removed", s->finished);
    counter(to, "spool_attempts_total", "Results stored", s->attempts);
    counter(to, "spool_commits_total", "Group commits", s->commits);
    counter(to, "spool_commit_microseconds_total", "Time spent in commits",
        s->commit_us);
    counter(to, "spool_failed_commits_total", "Commits that failed",
        s->failed_commits);
    counter(to, "spool_written_bytes_total", "Bytes written", s->bytes_written);
    counter(to, "spool_damaged_total", "Records quarantined", s->damaged);
    gauge(to, "spool_segments", "Segments in use", (int64_t)s->segments);
    gauge(to, "spool_spare_segments", "Segments ready for use",
        (int64_t)s->spare_segments);
    gauge(to, "spool_live_bytes", "Bytes of mail that waits",
        (int64_t)s->live_bytes);
    gauge(to, "spool_disk_bytes", "Bytes that the spool takes",
        (int64_t)s->disk_bytes);
    gauge(to, "spool_unwritten_results", "Results that are not durable yet",
        (int64_t)s->unwritten);
    head(to, "spool_alarm_on", "gauge", "1 while it lasts, by kind");
    for (size_t i = 0; i < SPOOL_ALARMS && s->alarms[i].what; i++)
        label_row(
            to, "spool_alarm_on", "alarm", s->alarms[i].what, s->alarms[i].on);
    head(to, "spool_alarms_total", "counter", "Alarms raised, by kind");
    for (size_t i = 0; i < SPOOL_ALARMS && s->alarms[i].what; i++)
        label_row(to, "spool_alarms_total", "alarm", s->alarms[i].what,
            s->alarms[i].count);
    gauge(to, "spool_alarm", "1 while mail is refused for the spool's sake",
        s->alarm[0] != '\0');
}

static void
print_dns(const struct metrics *m, struct buf *to)
{
    static const char *const type[] = {"A", "AAAA", "MX", "TXT"};
    const struct dns_stats *d = &m->dns;
    head(to, "dns_queries_total", "counter", "Questions sent, by type");
    for (size_t i = 0; i < ARRAY_SIZE(type); i++)
        label_row(to, "dns_queries_total", "type", type[i], d->queries[i]);
    head(to, "dns_timeouts_total", "counter", "Questions without an answer");
    for (size_t i = 0; i < ARRAY_SIZE(type); i++)
        label_row(to, "dns_timeouts_total", "type", type[i], d->timeouts[i]);
    gauge(to, "dns_pending", "Questions without an answer yet",
        (int64_t)d->pending);
    gauge(to, "dns_limited", "MX questions that wait for dns_rate_limit",
        (int64_t)d->limited);
    gauge(to, "dns_cache_answers", "Answers in the cache",
        (int64_t)d->cache_count);
    counter(
        to, "dns_cache_hits_total", "Answers from the cache", d->cache_hits);
    gauge(to, "dns_response_microseconds", "Average time of an answer",
        d->response_us_avg);
}

static void
print_https(const struct metrics *m, struct buf *to)
{
    counter(to, "https_requests_total", "HTTPS requests begun", m->fetch.begun);
    counter(to, "https_failures_total", "HTTPS requests without an answer",
        m->fetch.failed);
    gauge(to, "https_open", "HTTPS requests under way", m->fetch.open);
    gauge(to, "https_waiting", "HTTPS requests that wait for a place",
        m->fetch.waiting);
    gauge(to, "mta_sts_policies", "MTA-STS policies in force", m->sts.policies);
    gauge(to, "mta_sts_enforced", "Those of them in mode enforce",
        m->sts.enforced);
    counter(to, "mta_sts_fetches_total", "Requests for MTA-STS policies",
        m->sts.fetched);
    counter(to, "mta_sts_failures_total",
        "Requests for MTA-STS policies that came to none", m->sts.failed);
    counter(to, "mta_sts_testing_failures_total",
        "Sessions that an MTA-STS policy in force would not have made",
        m->queue.sts_testing);
    counter(to, "mta_sts_expired_total", "MTA-STS policies that ended",
        m->sts.expired);
}

/* Names come from modules: only what Prometheus allows is kept. */
static void
clean_name(struct buf *to, const char *name)
{
    for (; *name; name++) {
        char c = *name;
        bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
            (c >= '0' && c <= '9') || c == '_';
        buf_char(to, ok ? c : '_');
    }
}

static void
print_signing(const struct metrics *m, struct buf *to)
{
    counter(to, "dkim_signatures_total", "DKIM signatures made",
        m->signing.signatures);
    counter(to, "dkim_unsigned_total", "Deliveries that nobody can sign",
        m->signing.unsigned_);
    counter(to, "dkim_delayed_total", "Deliveries put off for want of a key",
        m->signing.waited);
}

static void
print_module_counter(void *arg, const struct module *m,
    const struct impel_counter *c, int64_t value)
{
    struct buf *to = arg;
    struct buf name = BUF_INIT;
    buf_cstr(&name, "module_");
    clean_name(&name, m->name);
    buf_char(&name, '_');
    clean_name(&name, c->name);
    head(to, name.p, c->gauge ? "gauge" : "counter",
        c->brief ? c->brief : "of a module");
    buf_printf(to, "impel_%s %" PRId64 "\n", name.p, value);
    buf_fini(&name);
}

static void
print_reports(const struct metrics *m, struct buf *to)
{
    const struct tlsrpt_stats *r = &m->reports;
    counter(to, "tls_report_sessions_total", "Sessions counted for reports",
        r->sessions);
    counter(to, "tls_report_failures_total",
        "Of these, sessions whose TLS was not as it should be", r->failures);
    counter(to, "tls_report_uncounted_total",
        "Sessions not counted for want of room", r->uncounted);
    counter(to, "tls_report_mailed_total", "Reports of TLS sent by mail",
        r->mailed);
    counter(to, "tls_report_posted_total", "Reports of TLS sent by HTTPS",
        r->posted);
    counter(to, "tls_report_retries_total",
        "Attempts to send a report that failed for now", r->retries);
    counter(to, "tls_report_given_up_total",
        "Reports that could not be sent in a day", r->given_up);
    gauge(to, "tls_report_domains", "Domains remembered for reports of TLS",
        (int64_t)r->domains);
    gauge(to, "tls_report_waiting", "Reports that wait, or are on their way",
        (int64_t)r->waiting);
}

void
metrics_print(const struct control_config *on, struct buf *to)
{
    struct metrics m;
    metrics_get(on, &m);
    head(to, "build_info", "gauge", "The version of the daemon");
    label_row(to, "build_info", "version", PACKAGE_VERSION, 1);
    gauge(to, "start_time_seconds", "When the daemon started",
        m.queue.started_at / 1000);
    gauge(to, "configuration_generation", "Number of the configuration",
        (int64_t)m.generation);
    counter(to, "slow_callbacks_total", "Callbacks that held a loop up",
        slow_count());
    print_queue(&m, to);
    print_intake(&m, to);
    print_spool(&m, to);
    print_dns(&m, to);
    print_https(&m, to);
    print_signing(&m, to);
    print_reports(&m, to);
    registry_counters(print_module_counter, to);
}
