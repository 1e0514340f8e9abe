/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/outcome.h"

#include <stdlib.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/magic.h"
#include "base/xmem.h"
#include "queue/active.h"
#include "queue/attempt.h"
#include "queue/doom.h"
#include "queue/limits.h"
#include "queue/maillog.h"
#include "queue/move.h"
#include "queue/notice.h"
#include "queue/pause.h"
#include "queue/queue.h"
#include "queue/queue_options.h"
#include "queue/rollup.h"
#include "queue/said.h"
#include "spool/content.h"
#include "base/banned.h"

enum outcome
outcome_of(const struct result *r, bool begun)
{
    bool early = result_stage_is_early(r->stage);

    switch (r->verdict) {
    case IMPEL_DELIVERED:
        return OUTCOME_DONE;
    case IMPEL_FAILED:
        return OUTCOME_FAIL;
    case IMPEL_RETRY:
        break;
    default: /* UNTRIED, or never reported */
        return OUTCOME_RETURN;
    }
    if (r->flags & IMPEL_UNCERTAIN)
        return OUTCOME_DELAY;
    switch (r->blame) {
    case IMPEL_BLAME_SESSION:
    case IMPEL_BLAME_ROUTE:
        return begun && !early ? OUTCOME_DELAY : OUTCOME_RETURN;
    case IMPEL_BLAME_HOST:
        return begun && !early ? OUTCOME_NEXT : OUTCOME_RETURN;
    default: /* RCPT, MESSAGE */
        return OUTCOME_DELAY;
    }
}

/* --- the end of a parcel --- */

static void
outcome_spool_finish(struct parcel *p, const uint32_t *rcpt, size_t count)
{
    struct scheduler *s = p->queue->s;
    bool all = count == p->rcpt_count;
    struct finish f = {.id = p->id, .accept = p->accept};

    if (all)
        f.attempt = p->attempt;
    if (!all || !parcel_is_last(&s->parcels, p)) {
        f.rcpt = rcpt;
        f.rcpt_count = count;
    } else {
        s->stats.messages--;
    }
    spool_finish(s->spool, &f, NULL, NULL);
}

void
outcome_finish(struct parcel *p)
{
    struct queue *q = p->queue;
    struct scheduler *s = q->s;

    outcome_spool_finish(p, parcel_rcpt(p), p->rcpt_count);
    queue_remove(p);
    s->stats.parcels--;
    parcel_free(&s->parcels, &p);
    queue_kick(q);
}

/* --- logs and numbers --- */

static void
outcome_describe(struct maillog_outcome *to, const struct parcel *p,
    const struct message *m, const struct outlet *o)
{
    const struct queue *q = rollup_home(p);
    int64_t received = m ? m->env.received : parcel_received(p);
    uint32_t pattern = OPT(queue_options, QUEUE_BOUNCE_PATTERN);

    *to = (struct maillog_outcome){.message = m,
        .id = p->id,
        .domain = str_of(q->zone->name),
        .binding = str_of(q->binding->name),
        .group = str_of(q->binding->group->name),
        .peer_addr = STR(""),
        .retries = p->retries,
        .age_ms = MAX_OF(clock_wall() - received, 0)};
    if (m && scope_is_set(q->scope, pattern))
        to->aside = !scope_regex_has(q->scope, pattern, m->env.sender);
    if (m && m->content) {
        struct content_facts f;

        content_get_facts(m->content, &f);
        to->size = f.size;
    }
    if (o) {
        to->connection = o->id;
        to->peer_addr = str_of(o->addr);
    }
}

static void
outcome_count(struct queue *q, const struct result *r, uint64_t n)
{
    struct scheduler_stats *st = &q->s->stats;

    switch (r->verdict) {
    case IMPEL_DELIVERED:
        st->delivered += n;
        q->delivered += n;
        q->zone->delivered += n;
        q->binding->delivered += n;
        break;
    case IMPEL_FAILED:
        st->failed += n;
        q->failed += n;
        q->zone->failed += n;
        q->binding->failed += n;
        break;
    default:
        st->transient += n;
        q->transient += n;
        q->zone->transient += n;
        q->binding->transient += n;
        break;
    }
    if (r->flags & IMPEL_UNCERTAIN)
        st->uncertain += n;
}

static void
outcome_log(struct maillog_outcome *d, uint32_t rcpt, const struct result *r)
{
    d->rcpt = rcpt;
    d->result = r;
    if (r->verdict == IMPEL_DELIVERED)
        maillog_delivery(d);
    else if (r->verdict == IMPEL_FAILED)
        maillog_permanent(d);
    else
        maillog_transient(d);
    if (r->flags & IMPEL_UNCERTAIN)
        log_notice(LOG_QUEUE, "result-uncertain",
            "message=%016llx rcpt=%u connection=%llu",
            (unsigned long long)d->id, rcpt, (unsigned long long)d->connection);
}

/* --- failing --- */

void
outcome_log_failed(const struct parcel *p, const struct message *m,
    const struct outlet *o, const struct result *result)
{
    struct maillog_outcome d;

    outcome_describe(&d, p, m, o);
    for (uint32_t i = 0; i < p->rcpt_count; i++) {
        outcome_log(&d, parcel_rcpt(p)[i], &result[i]);
        outcome_count(p->queue, &result[i], 1);
    }
}

void
outcome_free_results(struct result *r, size_t count)
{
    for (size_t i = 0; i < count; i++)
        result_fini(&r[i]);
    free(r);
}

/* The parcel is in no list (queue_remove() was called).  result: one each, in
 * order of its recipients; taken over.  doom: whose word it is, or NULL. */
static void
outcome_failed(struct parcel *p, struct message *m, const struct outlet *o,
    struct result *result, struct doom *doom)
{
    parcel_enter(p, PARCEL_FAILING);
    p->in.active = NULL;
    p->queue->failing++;
    if (m)
        outcome_log_failed(p, m, o, result);
    notice_fail(p, m, o ? o->hop.name : STR(""), result, doom);
}

static struct result *
outcome_results(const struct parcel *p, const struct result *r)
{
    struct result *all = xcalloc(p->rcpt_count, sizeof(*all));

    for (uint32_t i = 0; i < p->rcpt_count; i++)
        result_dup(&all[i], r);
    return all;
}

/* The message, if the parcel has it in memory: a reference. */
static struct message *
outcome_message(const struct parcel *p)
{
    if (p->state == PARCEL_DELAYED || !p->in.active || !p->in.active->message)
        return NULL;
    return message_ref(p->in.active->message);
}

static void
outcome_fail_result(
    struct parcel *p, const struct result *r, bool quiet, struct doom *doom)
{
    struct queue *q = p->queue;
    struct result *all = outcome_results(p, r);
    struct message *m = outcome_message(p);

    if (quiet)
        p->flags |= PARCEL_QUIET;
    queue_remove(p);
    outcome_failed(p, m, NULL, all, doom);
    if (m)
        message_unref(&m);
    queue_kick(q);
}

void
outcome_fail(struct parcel *p, int code, const char *status, const char *text,
    bool quiet)
{
    struct result r = {.retry_after = -1};

    result_set(&r, IMPEL_FAILED, IMPEL_BLAME_MESSAGE, 0, code, status, text);
    outcome_fail_result(p, &r, quiet, NULL);
    result_fini(&r);
}

void
outcome_doom(struct parcel *p, struct doom *doom)
{
    struct result r = {.retry_after = -1};

    result_set(&r, IMPEL_FAILED, IMPEL_BLAME_MESSAGE, 0, doom->code,
        doom->status, doom->text);
    outcome_fail_result(p, &r, doom->quiet, doom);
    result_fini(&r);
}

void
outcome_expire(struct parcel *p)
{
    p->queue->s->stats.expired += p->rcpt_count;
    outcome_fail(p, 554, "5.4.7",
        "[internal] exceeded max time without delivery", false);
}

/* --- delaying --- */

static int64_t
outcome_asked(const struct parcel *p, const struct result *r)
{
    int64_t asked = -1;

    for (uint32_t i = 0; i < p->rcpt_count; i++)
        asked = MAX_OF(asked, r[i].retry_after);
    return asked;
}

/* How much later than the others of its queue; ms.  Ids are in a row, so they
 * are mixed. */
static int64_t
outcome_spread(const struct parcel *p)
{
    uint64_t fuzz = (uint64_t)p->queue->opt->fuzz * 1000;

    return fuzz ? (int64_t)((p->id * 0x9e3779b97f4a7c15u >> 32) % fuzz) : 0;
}

/* An attempt at all of its recipients failed for now.  The parcel is in no
 * list; r: one each.  at_once: on another host, if the policy allows more.
 * later: ms added to the time of the next attempt. */
static void
outcome_retry(struct parcel *p, struct message *m, const struct result *r,
    bool at_once, int64_t later)
{
    struct queue *q = p->queue;
    int64_t next = 0, now = clock_wall();
    enum retry_answer answer;

    p->retries++;
    answer = retry_decide(&q->opt->retry, parcel_received(p), now, p->retries,
        outcome_asked(p, r), &next);
    if (answer == RETRY_LATER && p->deadline && !p->only_told &&
        now >= (int64_t)p->deadline * 1000)
        answer = RETRY_EXPIRED;
    if (answer != RETRY_LATER) {
        struct result end = {.retry_after = -1};

        if (answer == RETRY_EXPIRED)
            q->s->stats.expired += p->rcpt_count;
        result_set(&end, IMPEL_FAILED, IMPEL_BLAME_MESSAGE, r->stage, 554,
            "5.4.7",
            answer == RETRY_EXPIRED
                ? "[internal] exceeded max time without delivery"
                : "[internal] exceeded max retries without delivery");
        outcome_failed(p, m, NULL, outcome_results(p, &end), NULL);
        result_fini(&end);
    } else if (at_once && m) {
        active_hold(active_new(p), m);
        queue_put_back(p);
    } else {
        next = MIN_OF(next, INT64_MAX - later) + later;
        p->free_returns = 0;
        p->flags &= 7u & ~(unsigned)PARCEL_LAST_TRY;
        attempt_write(p, m, next, r, NULL);
        queue_delay(p, next);
    }
}

void
outcome_whole(struct parcel *p, const struct result *r, bool spread)
{
    uint32_t count = p->rcpt_count;
    struct maillog_outcome d;
    struct result *all;
    struct message *m;

    if (r->verdict == IMPEL_FAILED) {
        outcome_fail_result(p, r, false, NULL);
        return;
    }
    m = outcome_message(p);
    outcome_describe(&d, p, m, NULL);
    all = outcome_results(p, r);
    for (uint32_t i = 0; i < count; i++)
        outcome_log(&d, parcel_rcpt(p)[i], r);
    outcome_count(rollup_home(p), r, count);
    queue_remove(p);
    outcome_retry(p, m, all, false, spread ? outcome_spread(p) : 0);
    outcome_free_results(all, count);
    if (m)
        message_unref(&m);
}

/* p is in no list.  While an ATTEMPT is on its way another would not know its
 * place: whoever puts off what waits in a queue sees to that. */
static void
outcome_wait(struct parcel *p, struct message *m, struct doom *doom)
{
    struct result r = {.retry_after = -1};
    uint32_t count = p->rcpt_count;
    struct result *all;
    int64_t until;

    p->flags &= 7u & ~(unsigned)PARCEL_LAST_TRY;
    until = MIN_OF(doom->until, queue_expiry(p->queue, p));
    if (!p->writing) {
        result_set(&r, IMPEL_RETRY, IMPEL_BLAME_MESSAGE, 0, 450, "4.7.0",
            "[internal] delayed by hand");
        all = outcome_results(p, &r);
        attempt_write(p, m, until, all, doom);
        outcome_free_results(all, count);
        result_fini(&r);
    }
    queue_delay(p, until);
    queue_kick(p->queue);
}

void
outcome_put_off(struct parcel *p, struct doom *doom)
{
    struct message *m = outcome_message(p);

    queue_remove(p);
    outcome_wait(p, m, doom);
    if (m)
        message_unref(&m);
}

/* --- a batch --- */

/* Back to the active queue without an attempt; the third time in a row it has
 * to wait, longer each time.  What was lent ahead to a session that has
 * answered others does not count: hosts that take one message from each
 * connection get one after the other. */
static void
outcome_return(struct parcel *p, struct message *m, const struct outlet *o)
{
    struct queue *q = p->queue;
    int64_t wait;

    if (!o->ahead && !q->s->draining && !pause_is_on(q->s) &&
        p->free_returns < PARCEL_RETURNS_MOST)
        p->free_returns++;
    if (p->free_returns < SCHED_FREE_RETURNS) {
        active_hold(active_new(p), m);
        queue_put_back(p);
        return;
    }
    wait = retry_wait(
        &q->opt->retry, (uint32_t)p->free_returns - SCHED_FREE_RETURNS + 1);
    queue_delay(p, clock_wall() + wait);
}

static void
outcome_succeeded(
    struct parcel *p, struct message *m, struct str mta, const struct result *r)
{
    const uint32_t *rcpt = parcel_rcpt(p);

    for (uint32_t i = 0; i < p->rcpt_count; i++) {
        if (m->env.by || (m->env.rcpt[rcpt[i]].notify & NOTIFY_SUCCESS)) {
            notice_success(p->queue, m, mta, rcpt, r, p->rcpt_count);
            break;
        }
    }
    outcome_finish(p);
}

/* What an operator said while a session had it. */
static void
outcome_doomed(struct parcel *p, struct message *m, struct doom *d)
{
    struct queue *q = p->queue;
    struct result end = {.retry_after = -1};

    result_set(&end, IMPEL_FAILED, IMPEL_BLAME_MESSAGE, 0, d->code, d->status,
        d->text);
    outcome_failed(p, m, NULL, outcome_results(p, &end), d);
    result_fini(&end);
    queue_kick(q);
}

/* All recipients of p came out alike; it is in no list.  r: one each. */
static void
outcome_apply(struct parcel *p, struct outlet *o, struct message *m,
    const struct result *r, enum outcome what, struct doom *doom)
{
    struct result *copy;

    if (doom && doom->until) {
        if (what == OUTCOME_RETURN) {
            outcome_wait(p, m, doom);
            return;
        }
    } else if (doom && what != OUTCOME_DONE && what != OUTCOME_FAIL) {
        outcome_doomed(p, m, doom);
        return;
    }
    switch (what) {
    case OUTCOME_DONE:
        outcome_succeeded(p, m, o->hop.name, r);
        break;
    case OUTCOME_FAIL:
        copy = xcalloc(p->rcpt_count, sizeof(*copy));
        for (uint32_t i = 0; i < p->rcpt_count; i++)
            result_dup(&copy[i], &r[i]);
        outcome_failed(p, m, o, copy, doom);
        break;
    case OUTCOME_DELAY:
        outcome_retry(p, m, r, false, 0);
        break;
    case OUTCOME_NEXT:
        if (p->free_returns < PARCEL_RETURNS_MOST)
            p->free_returns++;
        outcome_retry(p, m, r, p->free_returns < SCHED_FREE_RETURNS, 0);
        break;
    default:
        outcome_return(p, m, o);
        break;
    }
}

/* What the blame says about others than the recipients. */
static void
outcome_blame(struct outlet *o, const struct result *r)
{
    if (r->verdict != IMPEL_RETRY)
        return;
    switch (r->blame) {
    case IMPEL_BLAME_HOST:
        o->bad = true;
        o->bad_for = MAX_OF(o->bad_for, r->retry_after);
        o->stop = true;
        break;
    case IMPEL_BLAME_ROUTE:
        said_hold(o->queue, r);
        break;
    case IMPEL_BLAME_SESSION:
        o->stop = true;
        break;
    default:
        break;
    }
}

/* Look at each result once: logs, counts, blame; how many of each kind. */
static void
outcome_review(struct parcel *p, struct outlet *o, struct batch *b,
    uint8_t *kinds, uint32_t count[OUTCOME_COUNT])
{
    struct maillog_outcome d;

    outcome_describe(&d, p, b->message, o);
    d.bytes_sent = b->bytes;
    for (uint32_t i = 0; i < b->rcpt_count; i++) {
        const struct result *r = &b->result[i];
        enum outcome what = outcome_of(r, b->begun);

        kinds[i] = (uint8_t)what;
        count[what]++;
        outcome_blame(o, r);
        if (what == OUTCOME_RETURN || what == OUTCOME_FAIL)
            continue; /* no record; written when it fails */
        outcome_log(&d, b->rcpt[i], r);
        outcome_count(rollup_home(p), r, 1);
    }
}

/* Those of one kind become a parcel of their own. */
static struct parcel *
outcome_part(struct parcel *p, const struct batch *b, const uint8_t *kinds,
    enum outcome what, struct result *r)
{
    struct scheduler *s = p->queue->s;
    uint32_t *rcpt = xcalloc(b->rcpt_count, sizeof(*rcpt));
    struct parcel *part;
    uint32_t n = 0;

    for (uint32_t i = 0; i < b->rcpt_count; i++) {
        if (kinds[i] != what)
            continue;
        rcpt[n] = b->rcpt[i];
        r[n++] = b->result[i];
    }
    if (n == p->rcpt_count) {
        part = p;
    } else {
        part = parcel_split(&s->parcels, p, rcpt, n);
        part->free_returns = p->free_returns;
        s->stats.parcels++;
    }
    /* what is left of a batch of which others were taken gets on: hosts have
     * limits for one transaction */
    if (what == OUTCOME_RETURN && n < b->rcpt_count)
        part->free_returns = 0;
    free(rcpt);
    return part;
}

static void
outcome_several(struct parcel *p, struct outlet *o, struct batch *b,
    const uint8_t *kinds, const uint32_t count[OUTCOME_COUNT],
    struct doom *doom)
{
    struct result *r = xcalloc(b->rcpt_count, sizeof(*r)); /* borrow texts */

    for (int k = 0; k < OUTCOME_COUNT; k++)
        if (count[k])
            outcome_apply(outcome_part(p, b, kinds, (enum outcome)k, r), o,
                b->message, r, (enum outcome)k, doom);
    free(r);
}

void
outcome_batch(struct outlet *o, struct batch *b)
{
    struct parcel *p = b->arg;
    uint32_t count[OUTCOME_COUNT] = {0};
    uint8_t few[16], *kinds = few;
    struct scheduler *s = p->queue->s;
    struct doom *doom = NULL;
    struct mover *mover;

    CHECK(p, PARCEL_MAGIC);
    if (b->rcpt_count > sizeof(few))
        kinds = xmalloc(b->rcpt_count);
    outcome_review(p, o, b, kinds, count);
    if (count[OUTCOME_DONE])
        o->deliveries++;
    o->did |= b->begun && count[OUTCOME_RETURN] < b->rcpt_count;
    o->ahead = !b->begun && o->did;
    if (b->begun) {
        limits_began(p->in.active->charge, b->begun_at, b->done_at);
        parcel_enter(p, PARCEL_BEGUN);
    } else {
        limits_refund_message(&p->in.active->charge);
        o->recipients -= b->rcpt_count;
    }
    if (p->in.active->doom)
        doom = doom_ref(p->in.active->doom);
    mover = move_take(p);
    queue_remove(p);
    if (count[kinds[0]] == b->rcpt_count)
        outcome_apply(
            p, o, b->message, b->result, (enum outcome)kinds[0], doom);
    else
        outcome_several(p, o, b, kinds, count, doom);
    doom_unref(&doom);
    move_resume(s, &mover, b);
    if (kinds != few)
        free(kinds);
    batch_free(&b);
}
