/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/reasons.h"

#include "base/clock.h"
#include "base/num.h"
#include "queue/active.h"
#include "queue/explain.h"
#include "queue/limits.h"
#include "queue/pause.h"
#include "queue/queue.h"
#include "queue/queue_options.h"
#include "queue/rollup.h"
#include "queue/said.h"
#include "queue/suspend.h"
#include "route/fit.h"
#include "base/banned.h"

/* What is asked; a probe that says yes may fill in the rest. */
struct probe {
    struct queue *q;
    struct domain *record;
    struct hop hop; /* of a look at the record's hosts */
    enum hop_result hosts;
    size_t count, failed; /* of hosts */
    struct str full;      /* the first host at a limit */
    int64_t mono, wall;   /* until, in one clock or the other; wall is sure */
    int64_t since;        /* monotonic; 0: not known */
    int64_t failed_at;    /* of the host that failed last */
    struct buf why;
};
typedef bool probe_f(struct probe *x);

/* --- that nothing is delivered --- */

static bool
state(struct probe *x)
{
    (void)x;
    return false;
}

static bool
draining(struct probe *x)
{
    return x->q->s->draining;
}

static bool
storing(struct probe *x)
{
    pause_print(x->q->s, &x->why);
    return pause_is_on(x->q->s);
}

/* Who said so, and until when. */
static void
probe_origin(struct probe *x, const struct scope *s, uint32_t option)
{
    const struct stanza *from = scope_origin(s, option);

    if (x->why.n)
        buf_cstr(&x->why, ", ");
    buf_printf(&x->why, "%s of ", option_get(option)->name);
    scope_print_origin(s, option, &x->why);
    if (!from)
        return;
    x->wall = stanza_expires(from);
    if (stanza_set_at(from))
        x->since = loop_now(x->q->s->loop) -
            MAX_OF(clock_wall() - stanza_set_at(from), 0);
}

static bool
stray(struct probe *x)
{
    buf_printf(&x->why, "there is no binding %s", x->q->binding->name);
    return x->q->stray;
}

static bool
blackhole(struct probe *x)
{
    probe_origin(x, x->q->scope, OPT(queue_options, QUEUE_BLACKHOLE));
    return x->q->opt->blackhole != QUEUE_BLACKHOLE_NO;
}

static bool
suspended(struct probe *x)
{
    probe_origin(x, x->q->scope, OPT(queue_options, QUEUE_SUSPEND_DELIVERY));
    return x->q->opt->suspended;
}

static bool
misfit(struct probe *x)
{
    struct queue *q = x->q;

    return !fit_routes(q->generation, str_of(q->zone->name), q->method,
        q->by_gateway, &x->why);
}

static bool
rollup(struct probe *x)
{
    return rollup_say(x->q, &x->why);
}

static bool
delaying(struct probe *x)
{
    if (x->q->said)
        result_print(&x->q->said->why, &x->why);
    return x->q->sweep;
}

static bool
module(struct probe *x)
{
    const struct module_found *found = suspend_module(x->q);

    buf_cstr(&x->why, found->why);
    x->mono = x->q->carrier->asked_at + SUSPEND_MODULE_AGAIN_MS;
    return found->state != MODULE_LOADED;
}

static bool
route_held(struct probe *x)
{
    if (x->q->said)
        result_print(&x->q->said->hold, &x->why);
    x->mono = said_holds_until(x->q);
    return x->mono > loop_now(x->q->s->loop);
}

/* --- hosts --- */

static bool
dns(struct probe *x)
{
    int64_t until;

    domain_why(x->record, &x->why, &until);
    return x->hosts == HOP_WAIT && queue_active(x->q);
}

static bool
dns_failed(struct probe *x)
{
    if (x->hop.code)
        buf_printf(&x->why, "%u %u.%u.%u %s", x->hop.code, x->hop.status[0],
            x->hop.status[1], x->hop.status[2], x->hop.text);
    if (!x->count) {
        buf_cstr(&x->why, x->why.n ? "; " : "");
        domain_why(x->record, &x->why, &x->mono);
    }
    return x->hosts == HOP_DELAY || x->hosts == HOP_FAIL;
}

static bool
hosts_down(struct probe *x)
{
    buf_printf(&x->why, "%zu of the %zu hosts of %.*s failed a short while ago",
        x->failed, x->count, STR_ARG(domain_name(x->record)));
    if (x->q->said && x->q->said->failures && x->q->said->why.verdict) {
        buf_cstr(&x->why, ", the last one: ");
        result_print(&x->q->said->why, &x->why);
    }
    x->mono = x->hop.until;
    x->since = x->failed_at;
    return x->hosts == HOP_DOWN;
}

static bool
probe_full_host(struct probe *x, bool throttled)
{
    if (x->full.p) {
        buf_printf(&x->why, "%.*s has ", STR_ARG(x->full));
        domain_say_full(x->record, x->q->generation,
            str_of(x->q->binding->name), x->full, &x->why);
    }
    if (x->hop.until && x->hop.until != INT64_MAX) /* better than when the
                                                      queue looks again */
        x->wall = clock_wall() + (x->hop.until - loop_now(x->q->s->loop));
    return x->hosts == HOP_LIMIT && throttled == (x->hop.until != 0);
}

static bool
host_limit(struct probe *x)
{
    return probe_full_host(x, false);
}

static bool
host_throttle(struct probe *x)
{
    return probe_full_host(x, true);
}

/* --- limits and throttles: a hindrance only to mail that nobody has --- */

static bool
probe_has_work(const struct queue *q)
{
    return q->busy->ready_count || q->overflow;
}

static bool
connection_limit(struct probe *x)
{
    int64_t most = x->q->opt->max_connections;
    uint64_t used = limits_pair_used(x->q);

    buf_printf(&x->why, "%llu of %lld connections", (unsigned long long)used,
        (long long)most);
    probe_origin(
        x, x->q->scope, OPT(queue_options, QUEUE_MAX_OUTBOUND_CONNECTIONS));
    return probe_has_work(x->q) && most >= 0 && used >= (uint64_t)most;
}

static bool
probe_limit(struct probe *x, enum wait_reason why, const struct scope *scope)
{
    const struct limit *l = limits_by(x->q, why);
    uint32_t option = why == WAIT_SCOPE_LIMIT
        ? OPT(queue_options, QUEUE_SCOPE_MAX_OUTBOUND_CONNECTIONS)
        : OPT(queue_options, QUEUE_SERVER_MAX_OUTBOUND_CONNECTIONS);

    if (!l || l->max < 0)
        return false;
    buf_printf(&x->why, "%llu of %lld connections", (unsigned long long)l->used,
        (long long)l->max);
    probe_origin(x, scope, option);
    if (l->line.count)
        buf_printf(&x->why, "; %llu queues wait for it",
            (unsigned long long)l->line.count);
    return probe_has_work(x->q) && limit_is_full(l);
}

static bool
scope_limit(struct probe *x)
{
    return probe_limit(x, WAIT_SCOPE_LIMIT, x->q->scope);
}

static bool
binding_limit(struct probe *x)
{
    return probe_limit(x, WAIT_BINDING_LIMIT,
        generation_scope(
            x->q->s->generation, str_of(x->q->binding->name), STR_NONE));
}

static bool
group_limit(struct probe *x)
{
    return probe_limit(x, WAIT_GROUP_LIMIT,
        generation_group_scope(
            x->q->s->generation, str_of(x->q->binding->group->name)));
}

static bool
server_limit(struct probe *x)
{
    return probe_limit(
        x, WAIT_SERVER_LIMIT, generation_global(x->q->s->generation));
}

static bool
probe_throttle(struct probe *x, struct throttle *t, uint32_t option)
{
    const struct throttle_rate *r;
    struct queue *q = x->q;
    bool used;

    if (!t)
        return false;
    r = &t->tokens.rate;
    used = tokens_left(&t->tokens, loop_now(q->s->loop)) - t->granted <= 0;
    buf_printf(&x->why, "%lld in %lld s", (long long)r->count,
        (long long)(r->window_ms / 1000));
    probe_origin(x, q->scope, option);
    if (t->waiting.count)
        buf_printf(&x->why, "; %llu queues wait for it",
            (unsigned long long)t->waiting.count);
    if (used)
        x->mono = tokens_more_at(&t->tokens);
    return probe_has_work(q) && (used || q->busy->waiter.in == &t->waiting);
}

static bool
message_throttle(struct probe *x)
{
    return probe_throttle(x, x->q->messages,
        OPT(queue_options, QUEUE_OUTBOUND_THROTTLE_MESSAGES));
}

static bool
connection_throttle(struct probe *x)
{
    return probe_throttle(x, x->q->connections,
        OPT(queue_options, QUEUE_OUTBOUND_THROTTLE_CONNECTIONS));
}

/* It may be that another connection is being opened as well, or may not be. */
static bool
probing(struct probe *x)
{
    struct list *n;

    if (!x->q->busy->ready_count || x->q->busy->lent)
        return false;
    LIST_FOREACH (n, &x->q->busy->outlets)
        if (LIST_ENTRY(n, struct outlet, node)->state == OUTLET_PROBING)
            return true;
    return false;
}

static bool
memory(struct probe *x)
{
    return x->q->overflow && !x->q->busy->loading &&
        active_say_full(x->q, &x->why);
}

/* --- asking all of them --- */

#define PROBE(id, key, text, next, probe) probe,
static probe_f *const probes[] = {WAIT_REASONS(PROBE)};

static void
probe_host(void *arg, const struct hop_look *h)
{
    struct probe *x = arg;

    x->count++;
    x->failed += h->seen == HOP_SEEN_FAILED;
    if (h->seen == HOP_SEEN_FAILED)
        x->failed_at = MAX_OF(x->failed_at, h->failed_at);
    if (h->seen == HOP_SEEN_FULL && !x->full.p)
        x->full = h->name;
}

/* A record for the time of the question only: a queue that waits keeps none. */
static struct domain *
probe_record(struct queue *q)
{
    struct destination to = queue_destination(q);

    return domain_get(q->s->resolver, &to);
}

static int64_t
probe_until(const struct probe *x)
{
    if (x->wall || !x->mono || x->mono == INT64_MAX)
        return x->wall;
    return clock_wall() + (x->mono - loop_now(x->q->s->loop));
}

static void
probe_tell(struct probe *x, enum wait_reason why, reasons_f *each, void *arg)
{
    struct explanation first;
    struct reason r = {.why = why};
    bool holds, known;

    explain_queue(x->q, &first);
    known = why == first.reason;
    x->mono = x->wall = x->since = 0;
    buf_cut(&x->why, 0);
    holds = probes[why](x);
    if (!holds && !known)
        return;
    r.detail = buf_get(&x->why);
    r.until = holds ? probe_until(x) : 0;
    r.since = holds ? x->since : 0;
    if (known) {
        r.since = first.since;
        if (first.until && !x->wall)
            r.until = first.until; /* its turn may come later */
    }
    each(arg, &r);
}

void
reasons_each(struct queue *q, reasons_f *each, void *arg)
{
    struct probe x = {.q = q, .why = BUF_INIT};
    struct explanation first;

    x.record = probe_record(q);
    x.hosts = domain_look(x.record, q->generation, q->scope,
        str_of(q->binding->name), q->port, &x.hop, probe_host, &x);
    explain_queue(q, &first);
    probe_tell(&x, first.reason, each, arg);
    for (int i = 0; i < WAIT_REASON_COUNT; i++)
        if (i != (int)first.reason)
            probe_tell(&x, (enum wait_reason)i, each, arg);
    domain_unref(&x.record);
    buf_fini(&x.why);
}

/* --- hosts in words --- */

struct host_lines {
    struct queue *q;
    struct domain *record;
    const char *indent;
    struct buf *to;
};

static void
host_line(void *arg, const struct hop_look *h)
{
    static const char *const words[] = {[HOP_SEEN_NEXT] = "next",
        [HOP_SEEN_FREE] = "usable",
        [HOP_SEEN_FAILED] = "failed",
        [HOP_SEEN_FULL] = "full",
        [HOP_SEEN_SKIPPED] = "passed over",
        [HOP_SEEN_PROHIBITED] = "prohibited",
        [HOP_SEEN_SELF] = "left out, it is this server",
        [HOP_SEEN_WORSE] = "left out, no better than this server",
        [HOP_SEEN_UNNAMED] = "left out, not in its MTA-STS policy"};
    struct host_lines *l = arg;
    int64_t now = loop_now(l->q->s->loop);

    buf_printf(l->to, "%s%s %.*s ", l->indent,
        h->seen == HOP_SEEN_NEXT         ? "=>"
            : h->seen == HOP_SEEN_FAILED ? " *"
                                         : "  ",
        STR_ARG(h->name));
    netaddr_print(&h->at, l->to);
    buf_printf(l->to, " (%d): %s", (int)h->preference, words[h->seen]);
    if (h->until) {
        buf_cstr(l->to, " ");
        num_print_duration(l->to, now - h->failed_at);
        buf_cstr(l->to, " ago, left alone for ");
        num_print_duration(l->to, h->until - now);
    }
    if (h->seen == HOP_SEEN_FULL) {
        buf_cstr(l->to, ", ");
        domain_say_full(l->record, l->q->generation,
            str_of(l->q->binding->name), h->name, l->to);
    }
    if (h->open)
        buf_printf(l->to, ", %lld open", (long long)h->open);
    buf_char(l->to, '\n');
}

void
reasons_print_hosts(struct queue *q, const char *indent, struct buf *to)
{
    struct host_lines l = {
        .q = q, .record = probe_record(q), .indent = indent, .to = to};
    struct hop hop;

    if (domain_is_old(l.record)) {
        buf_cstr(to, indent);
        domain_print_old(l.record, to);
        buf_char(to, '\n');
    }
    domain_print_sts(l.record, q->scope, indent, to);
    (void)domain_look(l.record, q->generation, q->scope,
        str_of(q->binding->name), q->port, &hop, host_line, &l);
    domain_unref(&l.record);
}
