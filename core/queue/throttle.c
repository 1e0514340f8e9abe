/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/throttle.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/xmem.h"
#include "queue/busy.h"
#include "queue/limits.h"
#include "queue/queue.h"
#include "base/banned.h"

enum {
    THROTTLE_WAKE_MOST = 1024, /* queues in one go */
    THROTTLE_GRANTED_MS = 5,
    THROTTLE_TURN = 1000, /* one; as many come back in a ms as in a second */
    THROTTLE_TURNS_LEAST = 2,
    THROTTLE_TURNS_BURST = 32
};

static void throttle_pump(struct throttle *t);

static void
throttle_time(void *arg)
{
    throttle_pump(arg);
}

static struct throttle *
throttle_new(struct scheduler *s, struct str key, struct throttle_rate rate)
{
    struct throttle *t = xnew(struct throttle);

    t->s = s;
    (void)str_copy(t->key, sizeof(t->key), key);
    tokens_init(&t->tokens, rate, loop_now(s->loop));
    line_init(&t->waiting, limits_wake);
    t->turned_at = loop_now(s->loop);
    t->turns = INT64_C(1000) * INT32_MAX; /* as many as there may be */
    timer_init(&t->timer, s->loop, throttle_time, t, "throttle");
    (void)map_put(&s->throttles, str_of(t->key), t);
    return t;
}

struct throttle *
throttle_get(struct scheduler *s, const struct scope *scope, uint32_t option)
{
    const struct stanza *origin = scope_origin(scope, option);
    struct throttle_rate rate = scope_throttle(scope, option);
    uint64_t number = generation_number(s->generation);
    struct throttle *t;
    char key[sizeof(t->key)];

    if (!origin || rate.count <= 0)
        return NULL;
    (void)snprintf(key, sizeof(key), "%016llx/%u",
        (unsigned long long)str_hash(stanza_path(origin)), option);
    t = map_find(&s->throttles, str_of(key));
    if (!t)
        t = throttle_new(s, str_of(key), rate);
    if (t->generation == number && t->tokens.rate.count == rate.count &&
        t->tokens.rate.window_ms == rate.window_ms)
        return t;
    t->generation = number;
    tokens_set_rate(&t->tokens, rate, loop_now(s->loop));
    throttle_pump(t);
    return t;
}

/* Tokens that nobody has been promised. */
static int64_t
throttle_left(struct throttle *t)
{
    return tokens_left(&t->tokens, loop_now(t->s->loop)) - t->granted;
}

/* What is promised is used or given back within the turn, as a rule. */
static void
throttle_arm(struct throttle *t)
{
    if (tokens_left(&t->tokens, loop_now(t->s->loop)) > 0)
        timer_start(&t->timer, THROTTLE_GRANTED_MS);
    else
        timer_start_at(&t->timer, tokens_more_at(&t->tokens));
}

/* In a second. */
static int64_t
throttle_turns(const struct throttle *t)
{
    const struct throttle_rate *r = &t->tokens.rate;
    int64_t most =
        MIN_OF(r->count, INT32_MAX) * 2 * THROTTLE_TURN / r->window_ms;

    return MAX_OF(most, THROTTLE_TURNS_LEAST);
}

/* May one more connect for a token that may be gone by then? */
static bool
throttle_may_turn(struct throttle *t)
{
    int64_t now = loop_now(t->s->loop), most = throttle_turns(t);
    int64_t passed = MIN_OF(now - t->turned_at, THROTTLE_TURN);
    int64_t burst =
        MAX_OF(most, MIN_OF(t->tokens.rate.count, THROTTLE_TURNS_BURST));

    t->turns = MIN_OF(t->turns + passed * most, burst * THROTTLE_TURN);
    t->turned_at = now;
    return t->turns >= THROTTLE_TURN;
}

static int64_t
throttle_turn_at(const struct throttle *t)
{
    int64_t most = throttle_turns(t);

    return t->turned_at + (THROTTLE_TURN - t->turns + most - 1) / most;
}

/* The first of the line has a session, or may have one. */
static bool
throttle_first_may(struct throttle *t)
{
    const struct queue *q = LIMITS_QUEUE(line_first(&t->waiting));

    return t != q->messages || q->busy->outlet_count > q->busy->opening ||
        throttle_may_turn(t);
}

/* Each of the line gets the same; who gets one more takes turns. */
static void
throttle_grant(struct throttle *t, int64_t left)
{
    int64_t waiting = (int64_t)t->waiting.count;
    int64_t share = left / waiting, more = left % waiting;
    int64_t n = MIN_OF(share ? waiting : more, THROTTLE_WAKE_MOST);

    for (int64_t i = 0; i < n; i++) {
        bool extra = t->last_first && share ? i >= waiting - more : i < more;
        uint32_t grant =
            (uint32_t)MIN_OF(share + (extra ? 1 : 0), (int64_t)UINT32_MAX);
        struct queue *q = LIMITS_QUEUE(line_wake(&t->waiting));

        busy_get(q)->grant = grant;
        t->granted += grant;
    }
    t->last_first = !t->last_first;
}

static void
throttle_pump(struct throttle *t)
{
    int64_t left;

    if (!t->waiting.count)
        return;
    left = throttle_left(t);
    if (left > 0 && !throttle_first_may(t)) {
        timer_start_at(&t->timer, throttle_turn_at(t));
        return;
    }
    if (left > 0)
        throttle_grant(t, left);
    if (!t->waiting.count)
        return;
    if (left > THROTTLE_WAKE_MOST)
        timer_start(&t->timer, 1);
    else
        throttle_arm(t);
}

/* Those in front of q come first. */
static int64_t
throttle_turn(const struct throttle *t)
{
    const struct throttle_rate *r = &t->tokens.rate;
    int64_t ahead = (int64_t)t->waiting.count / MAX_OF(r->count, 1);

    return tokens_more_at(&t->tokens) + MIN_OF(ahead, INT32_MAX) * r->window_ms;
}

static void
throttle_use_grant(struct throttle *t, struct queue *q, uint32_t n)
{
    t->granted -= n;
    busy_get(q)->grant -= n;
    if (!q->busy->grant)
        line_done(&busy_get(q)->waiter);
}

/* q goes without it for now. */
static void
throttle_wait(struct throttle *t, struct queue *q, int64_t *until)
{
    bool first = t == q->messages && q->turn_kept;

    if (q->busy->waiter.in == &t->waiting) {
        *until = MAX_OF(q->until, tokens_more_at(&t->tokens));
    } else {
        *until = first ? tokens_more_at(&t->tokens) : throttle_turn(t);
        line_join(&t->waiting, &busy_get(q)->waiter, first);
    }
    if (t == q->messages)
        q->turn_kept = false;
    if (!timer_armed(&t->timer))
        throttle_arm(t);
}

/* If tokens are left while there is a line, then because the first of it has to
 * connect and may not yet: who is ready takes nothing from it. */
static bool
throttle_is_free(struct throttle *t, const struct queue *q, bool ready)
{
    if (throttle_left(t) <= 0)
        return false;
    if (t->waiting.count && !(q->turn_kept && t == q->messages))
        return ready && !throttle_first_may(t);
    return ready || throttle_may_turn(t);
}

bool
throttle_has(struct throttle *t, struct queue *q, bool ready, int64_t *until)
{
    bool granted = q->busy->grant && q->busy->waiter.from == &t->waiting;

    if (granted && tokens_left(&t->tokens, loop_now(t->s->loop)) <= 0) {
        throttle_use_grant(t, q, q->busy->grant); /* the rate is lower now */
        granted = false;
    }
    if (granted || throttle_is_free(t, q, ready))
        return true;
    throttle_wait(t, q, until);
    return false;
}

int64_t
throttle_take(struct throttle *t, struct queue *q)
{
    int64_t stamp, until;

    if (q->busy->grant && q->busy->waiter.from == &t->waiting)
        throttle_use_grant(t, q, 1);
    (void)tokens_take(&t->tokens, loop_now(t->s->loop), &stamp, &until);
    if (!t->granted && t->waiting.count)
        throttle_arm(t);
    return stamp;
}

void
throttle_turn_used(struct throttle *t)
{
    t->turns -= THROTTLE_TURN;
}

void
throttle_refund(struct throttle *t, int64_t stamp)
{
    tokens_refund(&t->tokens, stamp);
    throttle_pump(t);
}

void
throttle_pass_on(struct queue *q)
{
    struct throttle *t =
        CONTAINER_OF(q->busy->waiter.from, struct throttle, waiting);

    throttle_use_grant(t, q, q->busy->grant);
    q->turn_kept =
        t == q->messages && (q->busy->opening || q->reason == WAIT_DNS);
    throttle_pump(t);
}

void
throttle_fini(struct scheduler *s)
{
    struct throttle *t;
    size_t at;

    MAP_FOREACH (t, &s->throttles, at) {
        timer_stop(&t->timer);
        free(t);
    }
    map_fini(&s->throttles);
}
