/* SPDX-License-Identifier: Apache-2.0
 *
 * summary.c - `summary` and `dns_cache stats`: one table of rows, printed as
 * Momentum's lines or as an object with the names of its HTTP statistics.
 */
#include "ctl/metrics.h"

#include <stdlib.h>
#include "base/clock.h"
#include "ctl/jsontext.h"
#include "base/banned.h"

enum { A, AAAA, MX, TXT };

struct sheet { /* one of the two is made */
    bool json;
    struct buf *text;
    json_t *doc;
};

static void
put(struct sheet *s, const char *label, const char *key, uint64_t n)
{
    if (s->json)
        json_object_set_new(s->doc, key, json_integer((json_int_t)n));
    else
        buf_printf(s->text, "%-26s %llu\n", label, (unsigned long long)n);
}

static void
put_rate(struct sheet *s, const char *label, const char *key, double n,
    const char *unit)
{
    if (s->json)
        json_object_set_new(s->doc, key, json_real(n));
    else
        buf_printf(s->text, "%-26s %.3f%s\n", label, n, unit);
}

static void
put_text(struct sheet *s, const char *label, const char *key, const char *text)
{
    if (s->json)
        json_object_set_new(s->doc, key, jsontext_value(str_of(text)));
    else
        buf_printf(s->text, "%-26s %s\n", label, text);
}

static void
put_flag(struct sheet *s, const char *label, const char *key, bool on)
{
    if (s->json)
        json_object_set_new(s->doc, key, json_boolean(on));
    else
        buf_printf(s->text, "%-26s %s\n", label, on ? "yes" : "no");
}

/* Per second since the counters were last set to zero. */
static double
rate(const struct metrics *m, uint64_t n)
{
    int64_t ms = m->now - m->queue.reset_at;
    return ms > 0 ? (double)n * 1000 / (double)ms : 0;
}

static void
put_queues(struct sheet *s, const struct metrics *m)
{
    const struct scheduler_stats *q = &m->queue;
    put(s, "Outbound Concurrency:", "OutboundConcurrency", q->sessions);
    put(s, "Inbound Concurrency:", "InboundConcurrency", m->intake.sessions);
    put(s, "Active Domains:", "ActiveDomains", q->domains);
    put(s, "Active Queue Size:", "ActiveQueueSize", q->active + q->lent);
    put(s, "Delayed Queue Size:", "DelayedQueueSize", q->delayed);
    put(s, "Total Queue Size:", "TotalQueueSize",
        q->active + q->lent + q->delayed);
    put(s, "Resident Messages:", "ResidentMessages", q->resident_messages);
    put(s, "Messages:", "Messages", q->messages);
}

static void
put_dns(struct sheet *s, const struct metrics *m)
{
    static const char *const name[] = {"A", "AAAA", "MX", "TXT"};
    const struct dns_stats *d = &m->dns;
    uint64_t queries = 0;
    char label[64], key[64];
    put_text(s, "DNS Resolver:", "DNSResolver", "c-ares");
    for (int t = A; t <= TXT; t++) {
        snprintf(label, sizeof(label), "DNS %s Queries:", name[t]);
        snprintf(key, sizeof(key), "DNS%sQueries", name[t]);
        put(s, label, key, d->queries[t]);
        snprintf(label, sizeof(label), "DNS %s Timeouts:", name[t]);
        snprintf(key, sizeof(key), "DNS%sTimeouts", name[t]);
        put(s, label, key, d->timeouts[t]);
        queries += d->queries[t];
    }
    int64_t up = m->now - m->queue.started_at;
    put(s, "DNS Pending Queries:", "DNSPendingQueries", d->pending);
    put(s, "DNS Limited Queries:", "DNSLimitedQueries", d->limited);
    put_rate(s, "DNS Query Rate:", "DNSQueryRate",
        up > 0 ? (double)queries * 1000 / (double)up : 0, " per second");
    put_rate(s, "DNS Response Time Peak:", "DNSResponseTimePeak",
        (double)d->response_us_peak / 1000, " ms");
    put_rate(s, "DNS Response Time Average:", "DNSResponseTimeAverage",
        (double)d->response_us_avg / 1000, " ms");
}

static void
put_results(struct sheet *s, const struct metrics *m)
{
    const struct scheduler_stats *q = &m->queue;
    double seen = (double)(m->received + m->rejected);
    put(s, "Delivered Messages:", "DeliveredMessages", q->delivered);
    put(s, "Failed Messages:", "FailedMessages", q->failed);
    put(s, "Expired Messages:", "ExpiredMessages", q->expired);
    put(s, "Transient Failures:", "TransientFailures", q->transient);
    put(s, "Uncertain Results:", "UncertainResults", q->uncertain);
    put(s, "Bounces Made:", "BouncesMade", q->bounced);
    put(s, "Rejected Messages:", "RejectedMessages", m->rejected);
    put(s, "Received Messages:", "ReceivedMessages", m->received);
    put_rate(s, "Delivery Rate:", "DeliveryRate", rate(m, q->delivered),
        " per second");
    put_rate(s, "Reception Rate:", "ReceptionRate", rate(m, m->received),
        " per second");
    put_rate(s, "Rejection Rate:", "RejectionRate", rate(m, m->rejected),
        " per second");
    put_rate(s, "Rejection Percentage:", "RejectionPercentage",
        seen > 0 ? (double)m->rejected * 100 / seen : 0, " %");
}

/* "3 days 04:05:06" */
static void
print_uptime(char *to, size_t size, int64_t s)
{
    int64_t days = s / 86400;
    snprintf(to, size, "%lld day%s %02d:%02d:%02d", (long long)days,
        days == 1 ? "" : "s", (int)(s / 3600 % 24), (int)(s / 60 % 60),
        (int)(s % 60));
}

/* "write since ..., number 2: reason", or when it was over */
static void
put_alarm(struct sheet *s, const struct spool_alarm *a)
{
    struct buf line = BUF_INIT;
    if (s->json) {
        json_t *row = json_pack("{ss,sb,sb,sb,sI,sI,sI,so}", "alarm", a->what,
            "on", (int)a->on, "refuses",
            (int)((a->effects & SPOOL_REFUSES) != 0), "pauses",
            (int)((a->effects & SPOOL_PAUSES) != 0), "since",
            (json_int_t)a->since, "until", (json_int_t)a->until, "count",
            (json_int_t)a->count, "reason", jsontext_value(str_of(a->text)));
        json_array_append_new(json_object_get(s->doc, "SpoolAlarms"), row);
        return;
    }
    buf_printf(&line, "%s, %llu time%s, since ", a->what,
        (unsigned long long)a->count, a->count == 1 ? "" : "s");
    clock_print_iso(&line, a->since);
    if (!a->on) {
        buf_cstr(&line, " until ");
        clock_print_iso(&line, a->until);
    }
    buf_printf(&line, ": %s", a->text);
    put_text(s, a->on ? "Spool Alarm On:" : "Spool Alarm Over:", "", line.p);
    buf_fini(&line);
}

/* Each kind that was ever raised, the newest time of it. */
static void
put_alarms(struct sheet *s, const struct spool_stats *st)
{
    if (s->json)
        json_object_set_new(s->doc, "SpoolAlarms", json_array());
    for (size_t i = 0; i < SPOOL_ALARMS && st->alarms[i].what; i++) {
        if (st->alarms[i].count)
            put_alarm(s, &st->alarms[i]);
    }
}

static void
put_times(struct sheet *s, const struct metrics *m)
{
    struct buf when = BUF_INIT;
    char uptime[64];
    int64_t up = (m->now - m->queue.started_at) / 1000;
    print_uptime(uptime, sizeof(uptime), up > 0 ? up : 0);
    clock_print_iso(&when, m->queue.reset_at);
    put_flag(s, "Recovering:", "Recovering", m->queue.recovering);
    put_flag(s, "Draining:", "Draining", m->queue.draining);
    put_text(s, "Spool Alarm:", "SpoolAlarm",
        m->spool.alarm[0] ? m->spool.alarm : "none");
    put_alarms(s, &m->spool);
    put_flag(s, "Delivery Paused:", "DeliveryPaused", m->queue.paused);
    put(s, "Unwritten Results:", "UnwrittenResults", m->spool.unwritten);
    put_text(s, "Memory:", "Memory",
        m->intake.refuses    ? "full, new mail is refused"
            : m->queue.tight ? "tight"
                             : "fine");
    put(s, "Overrides:", "Overrides", m->queue.overrides);
    put(s, "Configuration Generation:", "Generation", m->generation);
    put_text(s, "Statistics Last Reset:", "StatisticsLastReset", when.p);
    if (s->json)
        put(s, "", "Uptime", (uint64_t)(up > 0 ? up : 0));
    else
        put_text(s, "Uptime:", "", uptime);
    buf_fini(&when);
}

static void
begin(struct sheet *s, bool json, struct buf *to)
{
    *s = (struct sheet){.json = json, .text = to};
    if (json)
        s->doc = json_object();
}

static void
end(struct sheet *s)
{
    if (s->json)
        jsontext_take(s->text, s->doc);
}

void
metrics_summary(const struct control_config *on, bool json, struct buf *to)
{
    struct metrics m;
    struct sheet s;
    metrics_get(on, &m);
    begin(&s, json, to);
    put_queues(&s, &m);
    put_dns(&s, &m);
    put_results(&s, &m);
    put_times(&s, &m);
    end(&s);
}

void
metrics_dns(const struct control_config *on, bool json, struct buf *to)
{
    struct metrics m;
    struct sheet s;
    metrics_get(on, &m);
    begin(&s, json, to);
    put_dns(&s, &m);
    put(&s, "DNS Cache Entries:", "DNSCacheEntries", m.dns.cache_count);
    put(&s, "DNS Cache Hits:", "DNSCacheHits", m.dns.cache_hits);
    end(&s);
}
