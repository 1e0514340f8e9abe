/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/xmem.h"
#include "world_int.h"
#include "base/banned.h"

enum { WORLD_DAY = 86400 * 1000, WORLD_NOTE = 120 };

struct world *world_current;

void
world_fault(struct world *w, const char *fmt, ...)
{
    va_list ap;

    if (!w || w->fault_count++ >= WORLD_MAX_FAULTS)
        return;
    va_start(ap, fmt);
    buf_vprintf(&w->faults, fmt, ap);
    va_end(ap);
    buf_char(&w->faults, '\n');
}

void
world_note(struct impel_session *s, const char *mark, const char *p, size_t n)
{
    struct buf *b = &s->world->transcript;

    if (b->n > 100000)
        return;
    buf_printf(b, "%7lld s%d %s ", (long long)s->world->now, s->number, mark);
    for (size_t i = 0; i < n && i < WORLD_NOTE; i++) {
        if (p[i] == '\n' && i + 1 < n)
            buf_printf(b, "\n           %s ", mark);
        else if (p[i] >= ' ' && p[i] <= '~')
            buf_char(b, p[i]);
        else if (p[i] != '\r' && p[i] != '\n')
            buf_printf(b, "\\x%02x", (unsigned char)p[i]);
    }
    buf_cstr(b, n > WORLD_NOTE ? "...\n" : "\n");
}

struct event *
world_post(struct world *w, struct impel_session *s, int kind)
{
    struct event *e = xnew(struct event);

    e->session = s;
    e->kind = kind;
    *w->last = e;
    w->last = &e->next;
    return e;
}

/* --- callbacks --- */

static void
call_event(struct impel_session *s, struct impel_batch *b, int kind,
    int64_t arg, const char *name)
{
    struct kit_module *m = s->world->module;

    world_callback_begin(s->world, name);
    if (s->world->script->listener)
        m->listener.event(s->s, b, kind, arg);
    else if (s->world->script->filter)
        m->filter.event(s->s, b, kind, arg);
    else
        m->transport.event(s->s, b, kind, arg);
    world_callback_end(s->world);
}

static void
call_close(struct impel_session *s, int now)
{
    struct kit_module *m = s->world->module;

    s->close_asked = true;
    world_callback_begin(s->world, now ? "close(now)" : "close()");
    if (s->world->script->listener)
        m->listener.close(s->s, now);
    else if (s->world->script->filter)
        m->filter.close(s->s, now);
    else
        m->transport.close(s->s, now);
    world_callback_end(s->world);
    if (now && s->state == SESSION_LIVE) {
        world_fault(s->world, "close(now) returned without closed()");
        s->state = SESSION_CLOSED;
    }
}

void
filter_close(struct impel_session *s, int now)
{
    call_close(s, now);
}

static void
call_release(struct impel_session *s)
{
    struct kit_module *m = s->world->module;

    s->state = SESSION_RELEASED;
    for (size_t i = 0; i < s->world->incoming_count; i++)
        if (s->world->incoming[i]->session == s)
            s->world->incoming[i]->done = true;
    world_callback_begin(s->world, "release()");
    if (s->world->script->listener)
        m->listener.release(s->s);
    else if (s->world->script->filter)
        m->filter.release(s->s);
    else
        m->transport.release(s->s);
    world_callback_end(s->world);
}

static void
call_deliver(struct impel_session *s, struct script_message *message)
{
    struct impel_batch *b = world_batch_new(s, message);

    s->open_count++;
    world_note(s, "=", message->name, strlen(message->name));
    world_callback_begin(s->world, "deliver()");
    s->world->module->transport.deliver(s->s, b, &b->envelope);
    world_callback_end(s->world);
}

static void
call_cancel(struct impel_batch *b)
{
    struct impel_session *s = b->session;

    b->cancelled = true;
    world_callback_begin(s->world, "cancel()");
    s->world->module->transport.cancel(s->s, b);
    world_callback_end(s->world);
}

/* --- what the host does between callbacks --- */

static void
pump_act(struct impel_session *s, const struct script_act *a)
{
    switch (a->kind) {
    case ACT_LEND:
        s->act++;
        call_deliver(s, a->message);
        break;
    case ACT_PROBE:
        s->act++;
        s->probing = true;
        s->ready = 0;
        world_callback_begin(s->world, "probe()");
        s->world->module->transport.probe(s->s);
        world_callback_end(s->world);
        break;
    default: /* CANCEL waits for a quiet moment */
        s->act++;
        call_close(s, a->now);
        break;
    }
}

/* Whether the next thing the host wants to do may be done now. */
static bool
pump_may(const struct impel_session *s, const struct script_act *a)
{
    if (s->close_asked || s->probing || !s->ready)
        return false;
    if (!a)
        return !s->open_count;
    if (a->kind == ACT_LEND)
        return s->open_count < s->ready && !s->draining;
    return a->kind != ACT_CANCEL && !s->open_count;
}

static void
pump_host(struct impel_session *s)
{
    const struct script_session *t = s->script;

    while (s->state == SESSION_LIVE && !s->world->script->listener) {
        const struct script_act *a =
            s->act < t->act_count && !s->world->plan.idle ? &t->act[s->act]
                                                          : NULL;
        if (!pump_may(s, a))
            return;
        if (a)
            pump_act(s, a);
        else
            call_close(s, 0);
    }
}

/* The body is out as far as the host can tell. */
static void
pump_body(struct impel_session *s)
{
    struct event *e;

    if (!s->body_of)
        return;
    if (s->halved) /* as of a large one */
        world_post(s->world, s, IMPEL_EV_DRAINED);
    e = world_post(s->world, s, s->halved ? EVENT_REST : IMPEL_EV_BODY);
    e->batch = s->body_of;
    e->late = s->halved;
    s->body_of = NULL;
}

static void
pump_wire(struct impel_session *s)
{
    struct world *w = s->world;
    struct event *e;

    if (s->cut) {
        buf_cut(&s->out, 0);
        peer_forget(&s->peer);
        s->peer.dropped = true;
        pump_body(s);
        return;
    }
    buf_add(&s->peer.from, s->out.p, s->out.n);
    buf_cut(&s->out, 0);
    if (s->full)
        world_post(w, s, IMPEL_EV_DRAINED);
    s->full = false;
    pump_body(s);
    peer_run(s);
    if (s->input_queued || s->lost || s->state != SESSION_LIVE)
        return;
    if (!peer_left(&s->peer) && !s->peer.dropped)
        return;
    s->input_queued = true;
    e = world_post(w, s, peer_left(&s->peer) ? EVENT_INPUT : IMPEL_EV_LOST);
    e->arg = IMPEL_E_CLOSED;
}

static void
pump(struct impel_session *s)
{
    uint32_t before;

    do {
        before = s->world->callbacks;
        if (s->connected && !s->lost && s->state != SESSION_RELEASED)
            pump_wire(s);
        if (s->state == SESSION_LIVE && s->world->script->filter)
            filter_pump(s);
        else if (s->state == SESSION_LIVE)
            pump_host(s);
    } while (s->world->callbacks != before);
    if (s->state == SESSION_CLOSED)
        call_release(s);
}

/* --- events --- */

static void
dispatch_verdict(const struct event *e)
{
    struct impel_session *s = e->session;
    struct impel_incoming *m = world_incoming_find(s, e->tag);
    struct impel_result r = {.size = sizeof(r), .retry_after = -1};

    if (e->tag && !m)
        return; /* abandoned meanwhile */
    if (m && e->stage == IMPEL_AT_RCPT && e->say->verdict == IMPEL_DELIVERED) {
        m->refused[e->rcpt] = false;
        m->taken++;
    }
    if (m && e->stage == IMPEL_AT_FINAL) {
        m->final = e->say->verdict == IMPEL_DELIVERED;
        if (m->final && m->key.n)
            values_set(s->world, (struct impel_str){m->key.p, m->key.n},
                (struct impel_str){m->keep.p ? m->keep.p : "", m->keep.n});
        m->done = true;
    }
    r.verdict = e->say->verdict;
    r.blame = e->say->blame ? e->say->blame : IMPEL_BLAME_MESSAGE;
    r.stage = e->stage;
    r.code = (uint16_t)e->say->code;
    for (int i = 0; i < 3; i++)
        r.status[i] = (uint16_t)e->say->status[i];
    if (e->say->text)
        r.text = (struct impel_str){e->say->text, strlen(e->say->text)};
    world_callback_begin(s->world, "verdict()");
    s->world->module->listener.verdict(s->s, e->tag, e->rcpt, &r);
    world_callback_end(s->world);
}

static void
dispatch_lost(struct impel_session *s, int64_t arg)
{
    s->lost = true;
    s->connected = false;
    for (size_t i = 0; i < s->world->batch_count; i++)
        if (s->world->batch[i] == s->body_of)
            s->body_of = NULL;
    call_event(s, NULL, IMPEL_EV_LOST, arg, "event(LOST)");
}

/* The second half of a body, with all that was written behind it. */
static void
dispatch_rest(struct impel_session *s, struct impel_batch *b)
{
    s->halved = false;
    buf_add(&s->out, s->rest.p, s->rest.n);
    buf_cut(&s->rest, 0);
    world_post(s->world, s, IMPEL_EV_BODY)->batch = b;
}

static void
world_fetched(const struct event *e)
{
    const struct script_fetch *f = e->fetch;
    struct impel_fetched told = {.size = sizeof(told), .status = f->status};

    if (f->status)
        told.body = f->body;
    else
        told.error = f->body;
    e->fetched(e->fn_arg, &told);
}

static void
dispatch(struct world *w, const struct event *e)
{
    struct impel_session *s = e->session;

    if (e->kind == EVENT_POST) {
        world_callback_begin(w, "post()");
        e->fn(e->fn_arg);
        world_callback_end(w);
        return;
    }
    if (e->kind == EVENT_FETCHED) {
        world_callback_begin(w, "fetch()");
        world_fetched(e);
        world_callback_end(w);
        return;
    }
    if (e->kind == EVENT_INPUT || e->kind == IMPEL_EV_LOST)
        s->input_queued = false;
    if (e->kind == EVENT_REST) {
        dispatch_rest(s, e->batch);
        return;
    }
    if (s->state != SESSION_LIVE || (e->batch && !e->batch->left))
        return;
    if (s->lost && e->kind != EVENT_VERDICT && e->kind != IMPEL_EV_WAKE)
        return;
    switch (e->kind) {
    case EVENT_VERDICT:
        dispatch_verdict(e);
        break;
    case EVENT_INPUT:
        if (s->cut || !peer_left(&s->peer))
            break;
        peer_deliver(s);
        call_event(s, NULL, IMPEL_EV_INPUT, 0, "event(INPUT)");
        break;
    case IMPEL_EV_LOST:
        dispatch_lost(s, e->arg);
        break;
    case IMPEL_EV_CONNECTED:
        s->connected = true;
        call_event(s, NULL, e->kind, 0, "event(CONNECTED)");
        break;
    default:
        call_event(s, e->batch, e->kind, e->arg, "event()");
        break;
    }
}

/* Take the first event that is due. */
static struct event *
take_event(struct world *w, bool late)
{
    struct event **at = &w->first, *e;

    while ((e = *at) && (e->due > w->now || e->late != late))
        at = &e->next;
    if (!e)
        return NULL;
    *at = e->next;
    if (!e->next)
        w->last = at;
    return e;
}

static void
fire_timer(struct impel_session *s, int number)
{
    s->armed[number] = false;
    world_note(s, "=", "timer", 5);
    call_event(s, NULL, IMPEL_EV_TIMER, number, "event(TIMER)");
}

/* The armed timer of all live sessions that is due first, or NULL. */
static struct impel_session *
next_timer(struct world *w, int *number)
{
    struct impel_session *found = NULL;

    for (size_t i = 0; i < w->session_count; i++) {
        struct impel_session *s = w->session[i];
        for (int k = 0; k < WORLD_TIMERS && s->state == SESSION_LIVE; k++) {
            if (!s->armed[k])
                continue;
            if (found && s->due[k] >= found->due[*number])
                continue;
            found = s;
            *number = k;
        }
    }
    return found;
}

static int64_t
next_other(const struct world *w)
{
    int64_t next = INT64_MAX;

    for (const struct event *e = w->first; e; e = e->next)
        if (e->due > w->now)
            next = MIN_OF(next, e->due);
    for (size_t i = 0; i < w->session_count; i++) {
        const struct impel_session *s = w->session[i];
        if (s->state == SESSION_LIVE && s->peer.wake && !s->lost && !s->cut)
            next = MIN_OF(next, s->peer.wake);
    }
    return next;
}

/* Nothing is under way: let time pass.  False: nothing will ever happen. */
static bool
advance(struct world *w)
{
    int number = 0;
    struct impel_session *s = next_timer(w, &number);
    int64_t other = next_other(w), due = s ? s->due[number] : INT64_MAX;

    if (threads_wait(w))
        return true;
    if (MIN_OF(other, due) == INT64_MAX)
        return false;
    w->now = MAX_OF(w->now, MIN_OF(other, due));
    if (due <= other)
        fire_timer(s, number);
    return true;
}

/* What waits for a quiet moment: cancel, and the end of a listener's script. */
static bool
quiet_act(struct impel_session *s)
{
    const struct script_act *a =
        s->act < s->script->act_count ? &s->script->act[s->act] : NULL;
    struct world *w = s->world;

    if (s->state != SESSION_LIVE || s->close_asked)
        return false;
    if (a && a->kind == ACT_CANCEL) {
        for (size_t i = 0; i < w->batch_count; i++) {
            struct impel_batch *b = w->batch[i];
            if (b->message != a->message || b->session != s || !b->left)
                continue;
            s->act++;
            call_cancel(b);
            return true;
        }
    }
    if (!w->script->listener)
        return false;
    if (a) {
        s->act++;
        call_close(s, a->now);
        return true;
    }
    if (s->lost || s->peer.dropped || next_other(w) != INT64_MAX ||
        !peer_is_done(s))
        return false;
    s->peer.dropped = true; /* the client has nothing more to say */
    return true;
}

/* --- disturbances --- */

static struct impel_batch *
open_batch(const struct impel_session *s)
{
    for (size_t i = 0; i < s->world->batch_count; i++)
        if (s->world->batch[i]->session == s && s->world->batch[i]->left)
            return s->world->batch[i];
    return NULL;
}

static void
inject_cut(struct world *w)
{
    for (size_t i = 0; i < w->session_count; i++) {
        struct impel_session *s = w->session[i];
        if (s->state != SESSION_LIVE || !s->connected)
            continue;
        w->injected = true;
        /* what was let through still reaches the peer */
        buf_add(&s->peer.from, s->out.p, s->out.n);
        buf_cut(&s->out, 0);
        peer_run(s);
        s->cut = true;
        world_note(s, "=", "cut", 3);
        if (w->plan.inject == INJECT_CUT)
            world_post(w, s, IMPEL_EV_LOST)->arg = -ECONNRESET;
    }
}

static void
inject_call(struct world *w)
{
    struct impel_batch *b;
    int number = 0;

    w->injected = true;
    for (size_t i = 0; i < w->session_count; i++) {
        struct impel_session *s = w->session[i];
        if (s->state != SESSION_LIVE)
            continue;
        if ((w->plan.inject == INJECT_CLOSE || w->plan.inject == INJECT_STOP) &&
            !s->close_asked)
            call_close(s, 0);
        if (w->plan.inject == INJECT_CLOSE_NOW)
            call_close(s, 1);
        if ((w->plan.inject == INJECT_CANCEL ||
                w->plan.inject == INJECT_STOP) &&
            s->state == SESSION_LIVE && (b = open_batch(s)))
            call_cancel(b);
        pump(s);
    }
    if (w->plan.inject == INJECT_TIMER) {
        struct impel_session *s = next_timer(w, &number);
        if (!s)
            return;
        w->now = MAX_OF(w->now, s->due[number]);
        fire_timer(s, number);
    }
}

static void
inject(struct world *w)
{
    if (w->injected || w->plan.inject <= INJECT_REFUSE ||
        w->plan.inject > INJECT_CLOSE_NOW)
        return;
    if (w->plan.inject == INJECT_CUT || w->plan.inject == INJECT_MUTE) {
        if (w->writes >= w->plan.at)
            inject_cut(w);
    } else if (w->callbacks >= w->plan.at)
        inject_call(w);
}

/* --- the run --- */

static void
start_session(struct world *w, const struct script_session *t)
{
    struct impel_session *s = world_session_new(w, t);
    struct kit_module *m = w->module;
    struct impel_error e = {0};
    int rc;

    s->state = SESSION_LIVE;
    s->connected = w->script->listener != NULL;
    world_callback_begin(w, w->script->listener ? "accepted()" : "open()");
    if (w->script->listener)
        rc = m->listener.accepted(m->ctx, s, &w->scope, &s->address, &s->s, &e);
    else if (w->script->filter)
        rc = m->filter.open(m->ctx, s, &w->scope, 0, &s->s, &e);
    else
        rc = m->transport.open(m->ctx, s, &w->scope, &s->address, &s->s, &e);
    world_callback_end(w);
    if (rc == 0)
        return;
    e.text[sizeof(e.text) - 1] = '\0';
    if (rc > 0 || (w->plan.inject != INJECT_DIAL && !w->injected))
        world_fault(w, "open() fails with %d: %s", rc, e.text);
    s->state = SESSION_RELEASED;
}

/* Begin the next session of the script when those before are released. */
static bool
start_next(struct world *w)
{
    uint32_t copies = MAX_OF(w->plan.copies, 1);

    for (size_t i = 0; i < w->session_count; i++)
        if (w->session[i]->state != SESSION_RELEASED)
            return false;
    if (w->started == w->script->session_count)
        return false;
    for (uint32_t i = 0; i < copies; i++)
        start_session(w, &w->script->session[w->started]);
    w->started++;
    return true;
}

/* Whoever still lives has nothing to wait for. */
static bool
end_stuck(struct world *w)
{
    bool any = false;

    for (size_t i = 0; i < w->session_count; i++) {
        struct impel_session *s = w->session[i];
        if (s->state != SESSION_LIVE)
            continue;
        any = true;
        if (!s->close_asked && (s->open_count || !s->ready || s->probing))
            world_fault(w, "%s for ever: no timer is set",
                s->open_count ? "a batch waits" : "the session waits");
        if (s->close_asked)
            world_fault(w, "close() does not lead to closed()");
        call_close(s, s->close_asked);
        pump(s);
    }
    return any;
}

static bool
world_step(struct world *w)
{
    struct event *e;
    bool acted = false;

    (void)threads_take(w);
    inject(w);
    for (size_t i = 0; i < w->session_count; i++)
        pump(w->session[i]);
    inject(w);
    if (start_next(w))
        return true;
    e = take_event(w, false);
    if (e) {
        dispatch(w, e);
        free(e);
        return true;
    }
    for (size_t i = 0; i < w->session_count && !acted; i++)
        acted = quiet_act(w->session[i]);
    if (acted)
        return true;
    e = take_event(w, true);
    if (e) {
        dispatch(w, e);
        free(e);
        return true;
    }
    return advance(w) || end_stuck(w);
}

static void
world_run(struct world *w)
{
    while (world_step(w)) {
        if (++w->events < WORLD_MAX_EVENTS && w->now < 7 * (int64_t)WORLD_DAY)
            continue;
        world_fault(w, "the conversation does not end");
        break;
    }
    for (size_t i = 0; i < w->session_count; i++) {
        struct impel_session *s = w->session[i];
        if (s->state == SESSION_LIVE)
            call_close(s, 1);
        if (s->state == SESSION_CLOSED)
            call_release(s);
    }
}

struct world *
world_play(
    struct kit_module *m, struct script *s, const struct world_plan *plan)
{
    struct world *w = world_new(m, s, plan);
    struct world *before = world_current;

    world_current = w;
    if (!w->fault_count)
        world_run(w);
    verify_always(w);
    if (!plan->lenient && w->session_count)
        verify_script(w);
    world_current = before;
    return w;
}
