/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/delaydsn.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/num.h"
#include "base/sum.h"
#include "base/xmem.h"
#include "queue/active.h"
#include "queue/busy.h"
#include "queue/notice.h"
#include "queue/queue.h"
#include "queue/queue_options.h"
#include "base/banned.h"

enum {
    DELAYDSN_AT_ONCE = 64,  /* notices under way */
    DELAYDSN_A_TURN = 2048, /* parcels looked at */
    DELAYDSN_FULL_MS = 100,
    DELAYDSN_LENT_MS = 60000,    /* look again for those with a session */
    DELAYDSN_AGAIN_MS = 3600000, /* and at the latest */
    DELAYDSN_EVERY_MS = 1000,
    DELAYDSN_SAVE_MS = 30000
};

/* --- when --- */

void
delaydsn_read(struct delaydsn *d, const struct scope *s)
{
    d->interval = 0;
    if (scope_int(s, OPT(queue_options, QUEUE_GENERATE_DELAY_DSN)))
        d->interval =
            scope_int(s, OPT(queue_options, QUEUE_DELAY_DSN_RETRY_INTERVAL));
    d->max =
        scope_int(s, OPT(queue_options, QUEUE_DELAY_DSN_MAX_RETRY_INTERVAL));
}

/* The gap after one of `gap`. */
static int64_t
delaydsn_gap(const struct delaydsn *d, int64_t gap)
{
    if (!sum_mul(gap, 2, &gap))
        gap = INT64_MAX;
    return d->max > 0 ? MIN_OF(gap, d->max) : gap;
}

int64_t
delaydsn_due(const struct delaydsn *d, uint32_t n)
{
    int64_t at = d->interval, gap = d->interval;

    if (at <= 0 || n >= DELAYDSN_NEVER)
        return INT64_MAX;
    for (uint32_t i = 1; i < n; i++) {
        gap = delaydsn_gap(d, gap);
        if (!sum_add(at, gap, &at))
            return INT64_MAX;
    }
    return at;
}

uint32_t
delaydsn_count(const struct delaydsn *d, int64_t age)
{
    int64_t at = d->interval, gap = d->interval;
    uint32_t n = 0;

    if (at <= 0)
        return 0;
    while (at <= age && n < DELAYDSN_NEVER) {
        n++;
        gap = delaydsn_gap(d, gap);
        if (!sum_add(at, gap, &at))
            break;
    }
    return n;
}

/* Wall ms of the time by which the sender has to be told (RFC 2852 by-mode N);
 * INT64_MAX: none. */
static int64_t
delaydsn_deadline(const struct parcel *p)
{
    return p->only_told ? (int64_t)p->deadline * 1000 : INT64_MAX;
}

/* Wall ms of the parcel's next one. */
static int64_t
delaydsn_next(const struct queue *q, const struct parcel *p)
{
    uint32_t told = p->told == DELAYDSN_UNKNOWN ? 0 : p->told;
    int64_t age = delaydsn_due(&q->opt->delay, told + 1), at;

    if (!sum_add(parcel_received(p), age, &at))
        at = INT64_MAX;
    return MIN_OF(at, delaydsn_deadline(p));
}

static void
delaydsn_look_at(struct queue *q, int64_t mono)
{
    mono = MAX_OF(mono, q->delay_rest);
    if (!q->delay_at || mono < q->delay_at)
        q->delay_at = mono;
    queue_wake_at(q, q->delay_at);
}

void
delaydsn_adopt(struct queue *q)
{
    bool watched = q->delay_at != 0;

    q->delay_scanning = false;
    q->delay_at = q->delay_rest = 0;
    if ((watched || q->opt->delay.interval) && queue_parcels(q))
        delaydsn_look_at(q, loop_now(q->s->loop) + 1);
}

void
delaydsn_watch(struct queue *q, const struct parcel *p)
{
    int64_t next;

    if (!q->opt->delay.interval && !p->only_told)
        return;
    /* should the time pass while we are not there, it has to be known then */
    if (p->only_told && !timer_armed(&q->s->delay_timer))
        timer_start(&q->s->delay_timer, DELAYDSN_SAVE_MS);
    next = delaydsn_next(q, p);
    if (next != INT64_MAX)
        delaydsn_look_at(q, queue_wall_to_mono(q->s, next));
}

/* --- telling --- */

struct delayed { /* a message being read, to tell of it */
    struct spool_load load;
    struct queue *queue;
    uint32_t *rcpt;
    size_t count;
    int64_t until;
    bool deadline; /* the one of RFC 2852 has passed */
};

/* What the last attempt said of a recipient. */
static void
delayed_result(const struct spool_load *l, uint32_t rcpt, struct result *to)
{
    for (size_t i = 0; i < l->rcpt_count; i++) {
        const struct rcpt_state *st = &l->rcpt[i];
        char status[24] = "", *text;

        if (st->rcpt != rcpt || !st->code)
            continue;
        if (st->status[0])
            (void)snprintf(status, sizeof(status), "%u.%u.%u", st->status[0],
                st->status[1], st->status[2]);
        text = xdupn(st->text.n ? st->text.p : "", st->text.n);
        result_set(to, IMPEL_RETRY, IMPEL_BLAME_RCPT, st->stage, st->code,
            status, text);
        free(text);
        return;
    }
    result_set(to, IMPEL_RETRY, IMPEL_BLAME_MESSAGE, 0, 451, "4.4.1",
        "[internal] not tried yet");
}

static void
delayed_loaded(struct spool_load *l, int result, const struct err *e)
{
    struct delayed *d = CONTAINER_OF(l, struct delayed, load);
    struct queue *q = d->queue;
    struct scheduler *s = q->s;
    struct result *r;

    (void)e; /* most likely it was delivered meanwhile */
    if (result == 0 && l->message) {
        r = xcalloc(d->count, sizeof(*r));
        for (size_t i = 0; i < d->count; i++) {
            r[i].retry_after = -1;
            if (d->deadline)
                result_set(&r[i], IMPEL_RETRY, IMPEL_BLAME_MESSAGE, 0, 451,
                    "4.4.7", "[internal] not delivered by the time asked for");
            else
                delayed_result(l, d->rcpt[i], &r[i]);
        }
        notice_delay(q, l->message, d->rcpt, r, d->count, d->until);
    }
    message_unref(&l->message);
    free(l->rcpt);
    free(d->rcpt);
    free(d);
    busy_get(q)->delay_loads--;
    s->notices--;
    queue_kick(q);
    scheduler_check_drained(s);
}

static void delaydsn_save(void *arg);

static void
delaydsn_tell(struct queue *q, struct parcel *p, bool deadline)
{
    struct scheduler *s = q->s;
    struct delayed *d = xnew(struct delayed);

    log_debug(LOG_QUEUE, "delay-notice", "message=%016llx number=%u",
        (unsigned long long)p->id, p->told);
    d->queue = q;
    d->count = p->rcpt_count;
    d->rcpt = (uint32_t *)(void *)xdupn(
        parcel_rcpt(p), p->rcpt_count * sizeof(*d->rcpt));
    d->until = queue_expiry(q, p);
    d->deadline = deadline;
    d->load.id = p->id;
    d->load.accept = p->accept;
    d->load.attempt = p->attempt;
    d->load.want_content = true;
    d->load.home = loop_mailbox(s->loop);
    d->load.done = delayed_loaded;
    busy_get(q)->delay_loads++;
    s->notices++;
    spool_load(s->spool, &d->load);
    if (!timer_armed(&s->delay_timer))
        timer_start(&s->delay_timer, DELAYDSN_SAVE_MS);
}

/* --- looking --- */

/* Once; not again after a restart. */
static void
delaydsn_look_deadline(struct queue *q, struct parcel *p, int64_t now)
{
    int64_t at = delaydsn_deadline(p);

    if (at > now)
        return;
    p->only_told = 0;
    p->deadline = 0;
    if (p->told == DELAYDSN_UNKNOWN && at <= q->s->delay_since)
        return;
    if (!(p->flags & PARCEL_QUIET) && !q->s->draining)
        delaydsn_tell(q, p, true);
}

/* false: too many notices are under way. */
static bool
delaydsn_look(struct queue *q, struct parcel *p, int64_t now)
{
    int64_t received = parcel_received(p);
    uint32_t n = delaydsn_count(&q->opt->delay, now - received);

    if (q->s->notices >= DELAYDSN_AT_ONCE && delaydsn_deadline(p) <= now)
        return false;
    delaydsn_look_deadline(q, p, now);

    if (p->told == DELAYDSN_UNKNOWN)
        p->told = delaydsn_count(&q->opt->delay, q->s->delay_since - received) &
            UINT8_MAX;
    if (n > p->told) {
        if (q->s->notices >= DELAYDSN_AT_ONCE)
            return false;
        p->told = n & UINT8_MAX;
        if (!(p->flags & PARCEL_QUIET) && !q->s->draining)
            delaydsn_tell(q, p, false);
    }
    busy_get(q)->delay_first =
        MIN_OF(q->busy->delay_first, delaydsn_next(q, p));
    return true;
}

static bool
delaydsn_look_ready(struct queue *q, int64_t now)
{
    for (int i = 0; i < DELAYDSN_A_TURN; i++) {
        struct list *n = q->busy->delay_ready;

        if (!n)
            return true;
        if (!delaydsn_look(q, LIST_ENTRY(n, struct active, node)->parcel, now))
            return false;
        busy_get(q)->delay_ready = n->next == &q->busy->ready ? NULL : n->next;
    }
    return false;
}

/* The rest of the heap; may move under it between turns, hence the look at the
 * latest after an hour. */
static bool
delaydsn_look_delayed(struct queue *q, int64_t now)
{
    for (int i = 0; i < DELAYDSN_A_TURN; i++, busy_get(q)->delay_scan++) {
        if (q->busy->delay_scan >= q->delayed.count)
            return true;
        if (!delaydsn_look(q,
                CONTAINER_OF(q->delayed.nodes[q->busy->delay_scan],
                    struct parcel, in.due),
                now))
            return false;
    }
    return false;
}

bool
delaydsn_run(struct queue *q)
{
    int64_t mono = loop_now(q->s->loop), now = clock_wall(), at;
    bool full;

    if (!q->delay_at || mono < q->delay_at)
        return false;
    if (q->s->stats.recovering) { /* what was told is not known yet */
        q->delay_at = mono + DELAYDSN_EVERY_MS;
        return false;
    }
    if (!q->delay_scanning) {
        q->delay_scanning = true;
        busy_get(q)->delay_first = INT64_MAX;
        busy_get(q)->delay_ready = list_first(&q->busy->ready);
        busy_get(q)->delay_scan = 0;
    }
    if (!delaydsn_look_ready(q, now) || !delaydsn_look_delayed(q, now)) {
        full = q->s->notices >= DELAYDSN_AT_ONCE;
        q->delay_at = mono + (full ? DELAYDSN_FULL_MS : 0);
        return !full;
    }
    q->delay_scanning = false;
    q->delay_at = 0;
    q->delay_rest = mono + DELAYDSN_EVERY_MS + (int64_t)(queue_parcels(q) / 10);
    at = mono +
        (q->busy->lent + q->busy->loading ? DELAYDSN_LENT_MS
                                          : DELAYDSN_AGAIN_MS);
    if (q->busy->delay_first != INT64_MAX)
        at = MIN_OF(at, queue_wall_to_mono(q->s, q->busy->delay_first));
    if (queue_parcels(q))
        q->delay_at = MAX_OF(at, q->delay_rest);
    return false;
}

/* --- over restarts --- */

void
delaydsn_open(struct scheduler *s)
{
    timer_init(&s->delay_timer, s->loop, delaydsn_save, s, "delay notices");
    s->delay_since = clock_wall();
}

void
delaydsn_stop(struct scheduler *s)
{
    if (timer_armed(&s->delay_timer))
        delaydsn_save(s);
}

#define STATE_NS STR("core")
#define STATE_KEY STR("delay-notices-until")

void
delaydsn_recovered(struct scheduler *s)
{
    struct buf b = BUF_INIT;
    int64_t at;

    s->delay_since = clock_wall();
    if (spool_state_get(s->spool, STATE_NS, STATE_KEY, &b) == 0 &&
        num_i64(buf_get(&b), &at) == 0 && at > 0 && at < s->delay_since)
        s->delay_since = at;
    buf_fini(&b);
}

static void
delaydsn_save(void *arg)
{
    struct scheduler *s = arg;
    char text[24];
    struct err e;

    timer_stop(&s->delay_timer);
    (void)snprintf(text, sizeof(text), "%lld", (long long)clock_wall());
    if (spool_state_put(s->spool, STATE_NS, STATE_KEY, str_of(text), 0, &e) < 0)
        log_warn(
            LOG_QUEUE, "delay-notices-not-stored", "reason=\"%s\"", e.text);
}
