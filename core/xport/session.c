/* SPDX-License-Identifier: Apache-2.0
 *
 * session.c - life of a session on its loop: states, deadlines, and the pump
 * that tells the module one thing at a time.
 */
#include "xport/session_int.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/magic.h"
#include "base/sum.h"
#include "base/xmem.h"
#include "loop/slow.h"
#include "xport/hostapi.h"
#include "xport/sessiontls.h"
#include "xport/xport_options.h"
#include "base/banned.h"

_Atomic uint64_t session_counts[SORTS];
static _Thread_local struct list all[SORTS];
static struct session_limits limits = {
    .open_ms = 60000, .close_ms = 10000, .batch_ms = 300000, .probe_ms = 30000};

#define SESSION_STATE_TEXT(id, text) text,
static const char *const state_names[] = {SESSION_STATES(SESSION_STATE_TEXT)};
#define TO(id) (1u << SESSION_##id)
static const unsigned may_follow[SESSION_STATE_COUNT] = {
    [SESSION_NEW] = TO(OPENING) | TO(CLOSED),
    [SESSION_OPENING] = TO(OPEN) | TO(CLOSING) | TO(CLOSED),
    [SESSION_OPEN] = TO(PROBING) | TO(CLOSING) | TO(CLOSED),
    [SESSION_PROBING] = TO(OPEN) | TO(CLOSING) | TO(CLOSED),
    [SESSION_CLOSING] = TO(CLOSED),
    [SESSION_CLOSED] = TO(GONE),
    [SESSION_GONE] = 0,
};

const char *
session_state_name(int state)
{
    return state >= 0 && state < SESSION_STATE_COUNT ? state_names[state] : "?";
}

void
session_set_limits(const struct session_limits *l)
{
    limits = *l;
}

enum session_sort
session_sort(const struct session_kind *kind)
{
    if (kind->filter)
        return SORT_FILTER;
    return kind->inbound ? SORT_INBOUND : SORT_OUTBOUND;
}

struct list *
session_all(enum session_sort sort)
{
    struct list *l = &all[sort];

    if (!l->next)
        list_init(l);
    return l;
}

void
session_broken(const struct impel_session *s, const char *rule)
{
    struct impel_instance *i = s->module->instance;

    atomic_fetch_add_explicit(&i->broken, 1, memory_order_relaxed);
    log_error(LOG_MOD, "module-broken",
        "module=%s session=%016" PRIx64 " state=%s rule=\"%s\"",
        s->module->name, s->id, session_state_name(s->state), rule);
}

int64_t
session_duration(const struct impel_session *s, int row, int64_t ms)
{
    int64_t v;

    if (!s->scope.scope || xport_options.first == UINT32_MAX)
        return ms;
    v = scope_int(s->scope.scope, OPT(xport_options, row));
    return v > 0 ? v : ms;
}

/* How long the state may last; 0: its end is somebody else's business. */
static int64_t
session_limit(const struct impel_session *s)
{
    switch ((int)s->state) { /* clang 14 takes no _Atomic here */
    case SESSION_OPENING:    /* banner, EHLO, HELO */
        return session_duration(s, XPORT_CONNECT_TIMEOUT, 300000) +
            3 * session_duration(s, XPORT_EHLO_TIMEOUT, limits.open_ms) +
            limits.open_ms;
    case SESSION_OPEN:
        if (s->lost)
            return limits.close_ms;
        if (!s->open_count || s->kind->inbound || s->kind->filter)
            return 0;
        return limits.batch_ms +
            MAX_OF(session_duration(s, XPORT_BODY_TIMEOUT, limits.batch_ms),
                session_duration(s, XPORT_RCPTTO_TIMEOUT, limits.batch_ms));
    case SESSION_PROBING:
        return session_duration(s, XPORT_RSET_TIMEOUT, limits.probe_ms) +
            limits.probe_ms;
    case SESSION_CLOSING:
        if (s->close_called > 1 || s->lost)
            return limits.close_ms;
        return session_duration(s, XPORT_RSET_TIMEOUT, limits.close_ms) +
            limits.close_ms;
    default:
        return 0;
    }
}

void
session_watch(struct impel_session *s)
{
    int64_t ms = session_limit(s);

    s->octets = link_octets(s);
    if (ms > 0)
        timer_start(&s->limit, ms);
    else
        timer_stop(&s->limit);
}

void
session_enter(struct impel_session *s, enum session_state to)
{
    int from = s->state;

    BUG_ON(!(may_follow[from] & (1u << to)));
    if (log_enabled(LOG_LEVEL_DEBUG, LOG_MOD))
        log_debug(LOG_MOD, "session-state",
            "module=%s session=%016" PRIx64 " from=%s to=%s", s->module->name,
            s->id, session_state_name(from), session_state_name(to));
    s->state = to;
    s->since = loop_now(s->loop);
    s->overdue = false;
    session_watch(s);
}

/* It takes too long: ask, then insist, then drop it. */
static void
session_is_late(void *arg)
{
    struct impel_session *s = arg;
    bool progress = link_octets(s) != s->octets;

    switch ((int)s->state) {
    case SESSION_OPENING:
        result_set(&s->why, IMPEL_RETRY, IMPEL_BLAME_HOST, IMPEL_AT_LOGIN, 451,
            "4.4.2", "[internal] session did not become ready in time");
        session_request_close(s, true);
        break;
    case SESSION_PROBING:
        result_set(&s->why, IMPEL_RETRY, IMPEL_BLAME_SESSION, IMPEL_AT_SENDER,
            451, "4.4.2", "[internal] no answer to the probe");
        session_request_close(s, true);
        break;
    case SESSION_OPEN:
        if (!s->lost && progress) {
            session_watch(s);
        } else if (!s->lost && !s->overdue) {
            s->overdue = true;
            lent_cancel_all(s);
            timer_start(&s->limit, limits.close_ms);
        } else {
            session_request_close(s, true);
        }
        break;
    case SESSION_CLOSING:
        if (s->close_called < 2) {
            session_request_close(s, true);
        } else {
            s->drop = true;
            session_kick(s);
        }
        break;
    default:
        break;
    }
}

/* --- timers of the module: sixteen numbers on one alarm --- */

static void
session_set_alarm(struct impel_session *s)
{
    int64_t first = INT64_MAX;

    for (int i = 0; i < SESSION_TIMERS; i++) {
        if ((s->timers_set >> i) & 1)
            first = MIN_OF(first, s->timer_at[i]);
    }
    if (first == INT64_MAX)
        timer_stop(&s->alarm);
    else
        timer_start_at(&s->alarm, first);
}

static void
session_alarm(void *arg)
{
    struct impel_session *s = arg;
    int64_t now = loop_now(s->loop);

    for (int i = 0; i < SESSION_TIMERS; i++) {
        if (((s->timers_set >> i) & 1) && s->timer_at[i] <= now) {
            s->timers_set &= (uint16_t) ~(1u << i);
            s->timers_due |= (uint16_t)(1u << i);
        }
    }
    session_set_alarm(s);
    session_kick(s);
}

void
session_timer(struct impel_session *s, int number, int64_t after)
{
    if (number < 0 || number >= SESSION_TIMERS) {
        session_broken(s, "timer number is none of 0 to 15");
        return;
    }
    s->timers_due &= (uint16_t) ~(1u << number);
    if (after < 0) {
        s->timers_set &= (uint16_t) ~(1u << number);
    } else {
        s->timers_set |= (uint16_t)(1u << number);
        if (!sum_add(loop_now(s->loop), after, &s->timer_at[number]))
            s->timer_at[number] = INT64_MAX - 1;
    }
    session_set_alarm(s);
}

void
session_request_close(struct impel_session *s, bool now)
{
    s->close_wanted = MAX_OF(s->close_wanted, now ? 2 : 1);
    session_kick(s);
}

void
session_return_waiting(struct impel_session *s, const char *text)
{
    struct list *node;

    while ((node = list_take(&s->waiting)) != NULL) {
        struct batch *b = LIST_ENTRY(node, struct batch, node);

        preparing_forget(b);
        batch_fill(b, IMPEL_UNTRIED, IMPEL_BLAME_SESSION, 0, 0, NULL, text);
        s->kind->back(s, b);
    }
}

void
session_init(struct impel_session *s, const struct session_kind *kind,
    struct loop *l, const struct module *m, const struct scope *scope)
{
    s->magic = SESSION_MAGIC;
    s->kind = kind;
    s->loop = l;
    s->module = m;
    s->scope = (struct impel_scope){m, scope, NULL};
    list_init(&s->waiting);
    list_init(&s->open);
    list_init(&s->spare);
    list_init(&s->wakes);
    list_init(&s->verdicts);
    s->why.retry_after = -1;
}

void
session_begin(struct impel_session *s)
{
    timer_init(&s->alarm, s->loop, session_alarm, s, "session timer");
    timer_init(&s->limit, s->loop, session_is_late, s, "session limit");
    list_push(session_all(session_sort(s->kind)), &s->node);
    s->since = loop_now(s->loop);
    session_kick(s);
}

/* --- what the module says of the session --- */

void
session_host_ready(struct impel_session *s, uint32_t open)
{
    if (s->kind->inbound || s->state >= SESSION_CLOSED)
        return session_broken(s, "ready() of a session that cannot be");
    if (s->kind->filter) {
        s->kind->ready(s, open);
        return;
    }
    if (open && !sessiontls_may_be_ready(s))
        return;
    s->ready = open;
    if (open && (s->state == SESSION_OPENING || s->state == SESSION_PROBING)) {
        s->was_ready = true;
        session_enter(s, SESSION_OPEN);
    }
    if (s->was_ready && s->state == SESSION_OPEN)
        s->kind->ready(s, open);
    session_kick(s);
}

void
session_host_draining(struct impel_session *s)
{
    if (s->kind->inbound || s->kind->filter || s->is_draining)
        return;
    s->is_draining = true;
    s->kind->draining(s);
    session_kick(s);
}

void
session_host_closed(struct impel_session *s, const struct impel_result *why)
{
    struct result r = {0};

    if (s->state >= SESSION_CLOSED)
        return session_broken(s, "closed() a second time");
    if (s->open_count) {
        session_broken(s, "closed() with a batch left open");
        lent_abandon(s, "ended the session without a report");
    }
    if (why && !s->tls_refused && result_copy(&r, why) == 0) {
        result_fini(&s->why);
        s->why = r;
    } else if (!s->why.verdict && (s->was_ready || s->close_called)) {
        result_set(&s->why, IMPEL_DELIVERED, IMPEL_BLAME_SESSION,
            IMPEL_AT_FINAL, 0, NULL, NULL);
    } else if (!s->why.verdict) {
        result_set(&s->why, IMPEL_RETRY, IMPEL_BLAME_HOST, IMPEL_AT_CONNECT,
            451, "4.4.2", "[internal] session ended before it was ready");
    }
    if (s->proxy.ip.family)
        link_explain(s);
    sessiontls_ends(s);
    session_enter(s, SESSION_CLOSED);
    session_kick(s);
}
