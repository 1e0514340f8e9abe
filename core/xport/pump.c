/* SPDX-License-Identifier: Apache-2.0
 *
 * pump.c - tells a module what is pending for its session, one call at a time
 * and never from inside another.
 */
#include "xport/session_int.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/bug.h"
#include "base/log.h"
#include "base/magic.h"
#include "base/xmem.h"
#include "base/banned.h"

enum { PUMP_MAX = 64 /* callbacks of one session in one go */ };
enum step { STEP_NONE, STEP_DONE, STEP_GONE };

/* --- calls into the module --- */

int64_t
session_call_begin(struct impel_session *s, int call, struct impel_batch *b)
{
    s->current = b;
    return instance_call_begin(
        s->module->instance, (enum instance_call)call, s->id);
}

void
session_call_end(struct impel_session *s, int call, int64_t begun)
{
    instance_call_end(
        s->module->instance, (enum instance_call)call, s->id, begun);
    s->current = NULL;
}

static void
pump_tell(struct impel_session *s, int call, struct impel_batch *b, int event,
    int64_t arg)
{
    const struct module *m = s->module;
    int64_t t = session_call_begin(s, call, b);

    if (s->kind->filter)
        m->filter.event(s->mine, b, event, arg);
    else if (s->kind->inbound)
        m->listener.event(s->mine, b, event, arg);
    else
        m->transport.event(s->mine, b, event, arg);
    session_call_end(s, call, t);
}

static void
pump_close(struct impel_session *s, bool now)
{
    const struct module *m = s->module;
    int64_t t;

    s->close_called = now ? 2 : 1;
    if (s->state != SESSION_CLOSING)
        session_enter(s, SESSION_CLOSING);
    else
        session_watch(s);
    t = session_call_begin(s, CALL_CLOSE, NULL);
    if (s->kind->filter)
        m->filter.close(s->mine, now);
    else if (s->kind->inbound)
        m->listener.close(s->mine, now);
    else
        m->transport.close(s->mine, now);
    session_call_end(s, CALL_CLOSE, t);
}

/* --- the pump's steps --- */

/* open() or accepted(); a callback that fails leaves nothing to release. */
static enum step
pump_step_begin(struct impel_session *s)
{
    struct impel_error e = {0};
    int rc;

    if (s->close_wanted) {
        result_set(&s->why, IMPEL_DELIVERED, IMPEL_BLAME_SESSION,
            IMPEL_AT_CONNECT, 0, NULL, NULL);
        session_enter(s, SESSION_CLOSED);
        s->close_called = 3; /* nothing to release */
        return STEP_DONE;
    }
    session_enter(s, SESSION_OPENING);
    rc = s->kind->begin(s, &e);
    if (rc >= 0) {
        if ((s->kind->inbound || s->kind->filter) &&
            s->state == SESSION_OPENING)
            session_enter(s, SESSION_OPEN);
        return STEP_DONE;
    }
    e.text[sizeof(e.text) - 1] = '\0';
    result_set(&s->why, IMPEL_RETRY, IMPEL_BLAME_HOST, IMPEL_AT_CONNECT, 451,
        "4.4.0", e.text[0] ? e.text : "[internal] module would not begin");
    log_warn(LOG_MOD, "session-refused",
        "module=%s session=%016" PRIx64 " code=%d reason=\"%s\"",
        s->module->name, s->id, rc, s->why.text);
    if (s->state != SESSION_CLOSED)
        session_enter(s, SESSION_CLOSED);
    s->close_called = 3;
    return STEP_DONE;
}

static bool
pump_take(struct impel_session *s, uint32_t bit)
{
    bool had = s->pending & bit;

    s->pending &= ~bit;
    return had;
}

static bool
pump_step_body(struct impel_session *s)
{
    struct list *it;

    if (!(s->pending & PENDING_BODY))
        return false;
    LIST_FOREACH (it, &s->open) {
        struct impel_batch *b = LIST_ENTRY(it, struct impel_batch, node);

        if (b->body_due) {
            b->body_due = false;
            pump_tell(s, CALL_BODY, b, IMPEL_EV_BODY, 0);
            return true;
        }
    }
    s->pending &= ~(uint32_t)PENDING_BODY;
    return false;
}

static bool
pump_step_timer(struct impel_session *s)
{
    int i = s->timers_due ? __builtin_ctz(s->timers_due) : -1;

    if (i < 0)
        return false;
    s->timers_due &= (uint16_t) ~(1u << i);
    pump_tell(s, CALL_TIMER, NULL, IMPEL_EV_TIMER, i);
    return true;
}

static bool
pump_step_wake(struct impel_session *s)
{
    struct list *node = list_take(&s->wakes);
    struct wake *w;
    int64_t arg;

    if (!node)
        return false;
    w = LIST_ENTRY(node, struct wake, node);
    arg = w->arg;
    free(w);
    pump_tell(s, CALL_WAKE, NULL, IMPEL_EV_WAKE, arg);
    return true;
}

static bool
pump_step_event(struct impel_session *s)
{
    if (pump_take(s, PENDING_CONNECTED))
        pump_tell(s, CALL_CONNECTED, NULL, IMPEL_EV_CONNECTED, 0);
    else if (pump_take(s, PENDING_TLS))
        pump_tell(s, CALL_TLS, NULL, IMPEL_EV_TLS, s->tls_arg);
    else if (pump_take(s, PENDING_LOGIN))
        pump_tell(s, CALL_LOGIN, NULL, IMPEL_EV_LOGIN, 0);
    else if (pump_take(s, PENDING_INPUT))
        pump_tell(s, CALL_INPUT, NULL, IMPEL_EV_INPUT, 0);
    else if (pump_take(s, PENDING_DRAINED))
        pump_tell(s, CALL_DRAINED, NULL, IMPEL_EV_DRAINED, 0);
    else if (pump_step_body(s) || pump_step_timer(s) || pump_step_wake(s))
        return true;
    else if (!list_empty(&s->verdicts))
        s->kind->verdict(s);
    else if (pump_take(s, PENDING_STEP)) /* before LOST: it is answered */
        s->kind->step(s);
    else if (pump_take(s, PENDING_CREDIT))
        pump_tell(s, CALL_CREDIT, NULL, IMPEL_EV_CREDIT, 0);
    else if (pump_take(s, PENDING_LOST))
        pump_tell(s, CALL_LOST, NULL, IMPEL_EV_LOST, s->lost_arg);
    else
        return false;
    return true;
}

static bool
pump_step_cancel(struct impel_session *s)
{
    struct list *it;
    int64_t t;

    if (!(s->pending & PENDING_CANCEL))
        return false;
    LIST_FOREACH (it, &s->open) {
        struct impel_batch *b = LIST_ENTRY(it, struct impel_batch, node);

        if (b->cancel_due && !b->cancelled) {
            b->cancelled = true;
            t = session_call_begin(s, CALL_CANCEL, b);
            s->module->transport.cancel(s->mine, b);
            session_call_end(s, CALL_CANCEL, t);
            return true;
        }
    }
    s->pending &= ~(uint32_t)PENDING_CANCEL;
    return false;
}

static bool
pump_step_deliver(struct impel_session *s)
{
    struct impel_batch *b;
    struct list *node;
    int64_t t;

    if (s->state != SESSION_OPEN || s->open_count >= s->ready)
        return false;
    if (list_empty(&s->waiting) ||
        LIST_ENTRY(s->waiting.next, struct batch, node)->preparing)
        return false;
    node = list_take(&s->waiting);
    b = lent_open(s, LIST_ENTRY(node, struct batch, node));
    t = session_call_begin(s, CALL_DELIVER, b);
    s->module->transport.deliver(s->mine, b, &b->envelope);
    session_call_end(s, CALL_DELIVER, t);
    return true;
}

static bool
pump_step_work(struct impel_session *s)
{
    int64_t t;

    if (s->close_wanted > 1 && s->close_called < 2) {
        pump_close(s, true);
        return true;
    }
    if (pump_step_cancel(s))
        return true;
    if (s->lost)
        return false; /* closed() is all that it may say */
    if (s->close_wanted && !s->close_called && !s->open_count) {
        pump_close(s, false);
        return true;
    }
    if (s->close_wanted || s->is_draining)
        return false;
    if ((s->pending & PENDING_PROBE) && s->state == SESSION_OPEN &&
        !s->open_count) {
        s->pending &= ~(uint32_t)PENDING_PROBE;
        s->ready = 0;
        session_enter(s, SESSION_PROBING);
        t = session_call_begin(s, CALL_PROBE, NULL);
        s->module->transport.probe(s->mine);
        session_call_end(s, CALL_PROBE, t);
        return true;
    }
    return pump_step_deliver(s);
}

/* The module had its chance: everything of the session goes. */
static void
pump_drop(struct impel_session *s)
{
    log_warn(LOG_MOD, "session-dropped",
        "module=%s session=%016" PRIx64 " reason=\"did not close in time\"",
        s->module->name, s->id);
    atomic_fetch_add_explicit(
        &s->module->instance->broken, 1, memory_order_relaxed);
    lent_abandon(s, "did not end the session in time");
    if (!s->why.verdict)
        result_set(&s->why, IMPEL_RETRY, IMPEL_BLAME_SESSION, IMPEL_AT_FINAL,
            451, "4.4.2", "[internal] session did not close in time");
    s->close_wanted = 2;
    session_enter(s, SESSION_CLOSED);
}

static void
pump_free_wakes(struct impel_session *s)
{
    struct list *node;

    while ((node = list_take(&s->wakes)) != NULL)
        free(LIST_ENTRY(node, struct wake, node));
}

/* The last call, then all that the host holds for the session goes. */
static void
pump_release(struct impel_session *s)
{
    const struct module *m = s->module;
    int64_t t;

    session_return_waiting(s, "[internal] session is closed");
    timer_stop(&s->alarm);
    timer_stop(&s->limit);
    token_drop(s);
    pump_free_wakes(s);
    if (s->close_called < 3) {
        t = session_call_begin(s, CALL_RELEASE, NULL);
        if (s->kind->filter)
            m->filter.release(s->mine);
        else if (s->kind->inbound)
            m->listener.release(s->mine);
        else
            m->transport.release(s->mine);
        session_call_end(s, CALL_RELEASE, t);
    }
    defer_cancel(&s->pump);
    link_close(s, s->close_wanted > 1);
    lent_free_spare(s);
    list_remove(&s->node);
    atomic_fetch_sub(&session_counts[session_sort(s->kind)], 1);
    xfree(&s->local_text);
    xfree(&s->peer_text);
    xfree(&s->tls_why);
    link_keep_alpn(s, NULL);
    xfree(&s->tls_said);
    outlogin_free(&s->login);
    session_enter(s, SESSION_GONE);
    s->kind->gone(s);
}

static enum step
pump_step(struct impel_session *s)
{
    if (s->state == SESSION_NEW && s->shaking && !s->close_wanted)
        return STEP_NONE; /* the module comes in when it is over */
    if (s->state == SESSION_NEW)
        return pump_step_begin(s);
    if (s->state == SESSION_CLOSED) {
        pump_release(s);
        return STEP_GONE;
    }
    if (s->drop) {
        pump_drop(s);
        return STEP_DONE;
    }
    return pump_step_event(s) || pump_step_work(s) ? STEP_DONE : STEP_NONE;
}

void
pump_run(void *arg)
{
    struct impel_session *s = arg;

    CHECK(s, SESSION_MAGIC);
    for (int i = 0; i < PUMP_MAX; i++) {
        enum step step = pump_step(s);

        if (step == STEP_GONE)
            return;
        if (step == STEP_NONE) {
            if (s->lost || s->close_wanted || s->is_draining)
                session_return_waiting(s, "[internal] session is ending");
            return;
        }
    }
    session_kick(s); /* the rest after others had their turn */
}

void
session_kick(struct impel_session *s)
{
    if (s->state != SESSION_GONE)
        defer_post(s->loop, &s->pump, pump_run, s, "session");
}

void
session_mark(struct impel_session *s, uint32_t pending)
{
    s->pending |= pending;
    session_kick(s);
}
