/* SPDX-License-Identifier: Apache-2.0
 *
 * hostside.c - struct impel_host over the world of the kit.
 */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/xmem.h"
#include "base/banned.h"

static const struct impel_str absent = {NULL, 0};

/* Every call about a session comes through here. */
static bool
host_may(struct impel_session *s, const char *call)
{
    if (!threads_may(call))
        return false;
    if (!s) {
        world_fault(world_current, "%s() without a session", call);
        return false;
    }
    if (s->state == SESSION_LIVE)
        return true;
    world_fault(s->world, "%s() after %s", call,
        s->state == SESSION_CLOSED ? "closed()" : "release()");
    return false;
}

/* A batch and its envelope are lent until the last recipient is reported. */
static bool
host_may_batch(struct impel_batch *b, const char *call)
{
    if (!host_may(b ? b->session : NULL, call))
        return false;
    if (b->left)
        return true;
    world_fault(b->world, "%s() of %s, which is over", call, b->message->name);
    return false;
}

static void host_log(struct impel_instance *, struct impel_session *, int,
    const char *, ...) IMPEL_PRINTF(4, 5);

static void
host_log(struct impel_instance *i, struct impel_session *s, int level,
    const char *fmt, ...)
{
    char text[1000];
    va_list ap;

    (void)i, (void)level;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (s && threads_are_ours())
        world_note(s, "log", text, strlen(text));
}

static int
host_post(
    struct impel_instance *i, uint32_t loop, void (*fn)(void *), void *arg)
{
    (void)i;
    if (!fn || loop)
        return IMPEL_E_INVAL;
    if (threads_are_ours())
        world_posted(world_current, fn, arg);
    else
        threads_post(fn, arg, 0, 0);
    return 0;
}

void
world_posted(struct world *w, void (*fn)(void *), void *arg)
{
    struct event *e = world_post(w, NULL, EVENT_POST);

    e->fn = fn;
    e->fn_arg = arg;
}

void
world_wake(struct world *w, uint64_t token, int64_t arg)
{
    uint64_t number = token & UINT32_MAX;

    if (number < w->session_count && token >> 32 == w->serial)
        world_post(w, w->session[number], IMPEL_EV_WAKE)->arg = arg;
}

static int
host_wake(struct impel_instance *i, uint64_t token, int64_t arg)
{
    (void)i;
    if (threads_are_ours())
        world_wake(world_current, token, arg);
    else
        threads_post(NULL, NULL, token, arg);
    return 0;
}

static int64_t
host_now(void)
{
    return threads_may("now") ? world_current->now : 0;
}

static const struct value *
host_value(const struct impel_scope *scope, uint32_t option, const char *call)
{
    if (!threads_may(call))
        return NULL;
    if (scope && option < scope->m->option_count)
        return &scope->value[option];
    world_fault(world_current, "%s(%u): there is no such option", call, option);
    return NULL;
}

static int
host_opt_is_set(const struct impel_scope *scope, uint32_t option)
{
    const struct value *v = host_value(scope, option, "opt_is_set");

    return v && v->is_set;
}

static size_t
host_opt_count(const struct impel_scope *scope, uint32_t option)
{
    const struct value *v = host_value(scope, option, "opt_count");

    return v ? v->count : 0;
}

static int64_t
host_opt_int(const struct impel_scope *scope, uint32_t option)
{
    const struct value *v = host_value(scope, option, "opt_int");

    if (!v)
        return 0;
    if (!value_is_number(v->row->type))
        world_fault(
            world_current, "opt_int() of %s, which is no number", v->row->name);
    return v->number;
}

static struct impel_str
host_opt_item(
    const struct impel_scope *scope, uint32_t option, uint32_t item, bool key)
{
    const struct value *v = host_value(scope, option, "opt_str");
    struct str t;

    if (v && value_is_number(v->row->type))
        world_fault(
            world_current, "opt_str() of %s, which is a number", v->row->name);
    if (!v || item >= v->count)
        return absent;
    t = buf_get(key ? &v->key[item] : &v->item[item]);
    return (struct impel_str){t.p, t.n};
}

static struct impel_str
host_opt_str(const struct impel_scope *scope, uint32_t option, uint32_t item)
{
    return host_opt_item(scope, option, item, false);
}

static struct impel_str
host_opt_key(const struct impel_scope *scope, uint32_t option, uint32_t item)
{
    return host_opt_item(scope, option, item, true);
}

static void
host_count(struct impel_instance *i, uint32_t counter, int64_t by)
{
    const struct impel_module *m = &i->module->m;

    if (!threads_may("count"))
        return;
    if (counter >= m->counter_count)
        world_fault(world_current, "count(%u): no such counter", counter);
    else if (by < 0 && !m->counters[counter].gauge)
        world_fault(
            world_current, "counter %s falls", m->counters[counter].name);
}

/* The first row of the script that fits; later, as everything. */
static int
host_fetch(struct impel_instance *i, const struct impel_fetch *f,
    impel_fetched_f *fn, void *arg)
{
    static const struct script_fetch none = {
        .body = {"no row of the script fits", 25}};
    struct world *w = world_current;
    struct event *e;

    (void)i;
    if (!threads_may("fetch") || !fn ||
        !IMPEL_HAS(struct impel_fetch, f, header) || !f->url ||
        strncmp(f->url, "https://", 8) != 0 || f->timeout < 1)
        return IMPEL_E_INVAL;
    e = world_post(w, NULL, EVENT_FETCHED);
    e->fetched = fn;
    e->fn_arg = arg;
    e->fetch = &none;
    for (size_t k = 0; k < w->script->fetch_count; k++) {
        const struct script_fetch *row = &w->script->fetch[k];
        struct impel_str url = {f->url, strlen(f->url)};

        if (!script_glob(row->glob, url))
            continue;
        e->fetch = row;
        break;
    }
    return 0;
}

/* The disturbance that comes once, with call number count. */
static bool
host_is_pressed(struct world *w, enum world_inject how, uint32_t count)
{
    if (w->plan.inject != how || w->injected || count != w->plan.at)
        return false;
    return w->injected = true;
}

/* No room for one more value. */
static bool
host_is_full(struct world *w, struct impel_str key)
{
    return !values_get(w, key).p &&
        host_is_pressed(w, INJECT_STATE, w->values_made++);
}

static int
host_state_put(struct impel_instance *i, struct impel_str key,
    struct impel_str value, int64_t expiry)
{
    (void)i, (void)expiry;
    if (!threads_may("state_put"))
        return IMPEL_E_INVAL;
    if (!key.p || !key.n)
        world_fault(world_current, "state_put() without a key");
    else if (value.p && host_is_full(world_current, key))
        return IMPEL_E_FULL;
    else
        values_set(world_current, key, value);
    return 0;
}

static struct impel_str
host_state_get(struct impel_instance *i, struct impel_str key)
{
    (void)i;
    return threads_may("state_get") ? values_get(world_current, key) : absent;
}

/* The script goes on with the next connection where the last one ended. */
static void
host_hang_up(struct impel_session *s)
{
    s->redialled = true;
    s->connected = s->lost = s->tls_asked = s->input_queued = false;
    s->peer.dropped = false;
    buf_cut(&s->in, 0);
    buf_cut(&s->peer.from, 0);
    peer_forget(&s->peer);
}

static int
host_dial(
    struct impel_session *s, const struct impel_dial *d, struct impel_error *e)
{
    const struct script_session *t;
    struct world *w;
    struct event *event;
    bool refuse;

    if (!host_may(s, "dial"))
        return IMPEL_E_CLOSED;
    if (!d || !IMPEL_HAS(struct impel_dial, d, addr) || s->redialled ||
        s->ready || s->world->script->listener) {
        world_fault(s->world,
            "dial() thrice, when ready, by a listener or without a size");
        snprintf(e->text, sizeof(e->text), "refused");
        return e->code = IMPEL_E_INVAL;
    }
    t = s->script;
    w = s->world;
    if (w->plan.inject == INJECT_DIAL) {
        snprintf(e->text, sizeof(e->text), "no socket can be had");
        return e->code = IMPEL_E_NOMEM;
    }
    if (s->dialled)
        host_hang_up(s);
    s->dialled = true;
    s->tls = d->tls == IMPEL_TLS_NOW;
    s->alpn = s->tls && d->alpn ? d->alpn[0] : NULL;
    if (t->dial_port && d->port != t->dial_port)
        world_fault(w, "dial() to port %u, not %d", d->port, t->dial_port);
    if (t->dial_tls >= 0 && d->tls != t->dial_tls)
        world_fault(w, "dial() with tls %u, not %d", d->tls, t->dial_tls);
    /* a disturbed session gets no second chance: it would meet the script in
     * the middle */
    refuse = w->plan.inject == INJECT_REFUSE || t->dial_errno ||
        (s->redialled && w->plan.inject && w->plan.lenient);
    event = world_post(w, s, refuse ? IMPEL_EV_LOST : IMPEL_EV_CONNECTED);
    if (refuse)
        event->arg = t->dial_errno ? -t->dial_errno : -111;
    return 0;
}

static int
host_start_tls(struct impel_session *s, struct impel_error *e)
{
    if (!host_may(s, "start_tls"))
        return IMPEL_E_CLOSED;
    if (!s->connected)
        return e->code = IMPEL_E_CLOSED;
    if (s->tls || s->in.n) {
        snprintf(e->text, sizeof(e->text), "not now");
        return e->code = IMPEL_E_INVAL;
    }
    s->tls_asked = true;
    return 0;
}

static struct impel_str
host_input(struct impel_session *s)
{
    struct str t;

    if (!host_may(s, "input"))
        return absent;
    t = buf_get(&s->in);
    return (struct impel_str){t.p, t.n};
}

static void
host_consume(struct impel_session *s, size_t n)
{
    if (!host_may(s, "consume"))
        return;
    if (n > s->in.n)
        world_fault(s->world, "consume(%zu) of %zu", n, s->in.n);
    buf_consume(&s->in, MIN_OF(n, s->in.n));
}

/* One write, or half a body: what the cut lets through reaches the peer. */
static void
host_out(struct impel_session *s, const void *p, size_t n)
{
    struct world *w = s->world;

    w->writes++;
    if ((w->plan.inject != INJECT_CUT && w->plan.inject != INJECT_MUTE) ||
        w->writes <= w->plan.at)
        buf_add(s->halved ? &s->rest : &s->out, p, n);
}

static int
host_write(struct impel_session *s, const void *p, size_t n)
{
    if (!host_may(s, "write"))
        return IMPEL_E_CLOSED;
    if (!s->connected || s->lost)
        return IMPEL_E_CLOSED;
    if (s->out.n >= WORLD_HIGH_WATER ||
        host_is_pressed(s->world, INJECT_FULL, s->world->writes)) {
        s->full = true;
        return IMPEL_E_FULL;
    }
    host_out(s, p, n);
    return 0;
}

/* A script with a step of TLS has a certificate for it. */
static bool
host_may_tls(const struct impel_session *s)
{
    const struct script_session *t = s->script;

    if (!s->world->script->listener || s->tls)
        return false;
    for (size_t i = 0; i < t->step_count; i++)
        if (t->step[i].kind == STEP_TLS || t->step[i].kind == STEP_TLS_FAILS)
            return true;
    return false;
}

static struct impel_str
host_info(struct impel_session *s, int what)
{
    const char *z = NULL;

    if (!host_may(s, "info"))
        return absent;
    switch (what) {
    case IMPEL_INFO_LOCAL_ADDR:
        z = "192.0.2.100";
        break;
    case IMPEL_INFO_PEER_ADDR:
        return s->address.addr;
    case IMPEL_INFO_EHLO_NAME:
        z = "impel.example.com";
        break;
    case IMPEL_INFO_TLS_VERSION:
        z = s->tls ? "TLS1.3" : NULL;
        break;
    case IMPEL_INFO_TLS_HOW:
        z = !s->tls ? NULL : s->tls_verified ? "dane" : "none";
        break;
    case IMPEL_INFO_TLS_PEER:
        z = s->tls && s->tls_verified ? "mx.example.net" : NULL;
        break;
    case IMPEL_INFO_ALPN: /* the peer speaks whatever comes first */
        z = s->alpn;
        break;
    case IMPEL_INFO_TLS_NEED:
        z = s->tls_need ? "requiretls" : NULL;
        break;
    case IMPEL_INFO_TLS_MAY:
        z = host_may_tls(s) ? "yes" : NULL;
        break;
    case IMPEL_INFO_TLS_ERROR:
        z = s->tls_failed ? "bad certificate" : NULL;
        break;
    default:
        break;
    }
    return z ? (struct impel_str){z, strlen(z)} : absent;
}

static uint64_t
host_token(struct impel_session *s)
{
    return host_may(s, "token") ? s->world->serial << 32 | (uint64_t)s->number
                                : 0;
}

static void
host_timer(struct impel_session *s, int number, int64_t after)
{
    if (!host_may(s, "timer"))
        return;
    if (number < 0 || number >= WORLD_TIMERS) {
        world_fault(s->world, "timer(%d): numbers are 0 to 15", number);
        return;
    }
    s->armed[number] = after >= 0;
    s->due[number] = s->world->now + after;
}

static struct buf *
host_form(struct impel_batch *b, int form)
{
    if (form >= 0 && form <= (IMPEL_BODY_DOTTED | IMPEL_BODY_SEVENBIT))
        return &b->form[form];
    world_fault(b->world, "there is no body form %d", form);
    return &b->form[0];
}

static int64_t
host_body_size(struct impel_batch *b, int form)
{
    return host_may_batch(b, "body_size") ? (int64_t)host_form(b, form)->n : 0;
}

static int64_t
host_read_body(struct impel_batch *b, int form, uint64_t at, void *to, size_t n)
{
    struct buf *f;

    if (!host_may_batch(b, "read_body"))
        return IMPEL_E_CLOSED;
    f = host_form(b, form);
    b->again = !b->again;
    if ((b->world->plan.wire == WIRE_BYTES && b->again) ||
        host_is_pressed(b->world, INJECT_AGAIN, b->world->reads++)) {
        world_post(b->world, b->session, IMPEL_EV_BODY)->batch = b;
        return IMPEL_E_AGAIN;
    }
    if (at > f->n)
        return IMPEL_E_INVAL;
    n = MIN_OF(n, f->n - (size_t)at);
    if (n)
        memcpy(to, f->p + at, n);
    return (int64_t)n;
}

static int
host_send_body(struct impel_batch *b, int form)
{
    struct impel_session *s;
    struct buf *f;
    size_t half;

    if (!host_may_batch(b, "send_body"))
        return IMPEL_E_CLOSED;
    s = b->session;
    if (!s->connected || s->lost)
        return IMPEL_E_CLOSED;
    if (s->body_of) {
        world_fault(s->world, "send_body() while another is being sent");
        return IMPEL_E_INVAL;
    }
    f = host_form(b, form);
    half = f->n / 2;
    host_out(s, f->p, half);
    s->halved = s->world->plan.wire == WIRE_HALVES;
    host_out(s, f->p + half, f->n - half);
    s->body_of = b;
    return 0;
}

static struct impel_str
host_meta(struct impel_batch *b, const char *key)
{
    const struct script_message *m = b->message;

    if (!host_may_batch(b, "meta") || !m || !m->meta_key ||
        strcmp(m->meta_key, key) != 0)
        return absent;
    return m->meta_value;
}

static void
host_batch_set(struct impel_batch *b, void *p)
{
    if (host_may_batch(b, "batch_set"))
        b->set = p;
}

static void *
host_batch_get(struct impel_batch *b)
{
    return host_may_batch(b, "batch_get") ? b->set : NULL;
}

static void
host_ready(struct impel_session *s, uint32_t open)
{
    if (!host_may(s, "ready"))
        return;
    if (s->world->script->listener)
        world_fault(s->world, "ready() by a listener");
    if (s->world->script->filter && !s->filter.leaving)
        world_fault(s->world, "ready() by a filter that was not told to leave");
    s->ready = open;
    s->probing = false;
}

static void
host_draining(struct impel_session *s)
{
    if (host_may(s, "draining"))
        s->draining = true;
}

/* Whoever reads its envelope from now on finds that there is none. */
static void
host_end_batch(struct impel_batch *b)
{
    b->session->open_count--;
    memset(&b->envelope, 0xdb, sizeof(b->envelope));
    memset(b->rcpt, 0xdb, b->message->rcpt_count * sizeof(*b->rcpt));
}

static void
host_end_rcpt(struct impel_batch *b, size_t i, const struct impel_result *r,
    const char *call)
{
    if (!b->report[i].times && !--b->left)
        host_end_batch(b);
    verify_result(b, i, r, call);
}

static void
host_rcpt_done(struct impel_batch *b, size_t i, const struct impel_result *r)
{
    if (!host_may(b ? b->session : NULL, "rcpt_done"))
        return;
    if (i >= b->message->rcpt_count)
        world_fault(b->world, "rcpt_done(%zu): %s has %zu recipients", i,
            b->message->name, b->message->rcpt_count);
    else
        host_end_rcpt(b, i, r, "rcpt_done");
}

static void
host_rest_done(struct impel_batch *b, const struct impel_result *r)
{
    if (!host_may_batch(b, "rest_done"))
        return;
    for (size_t i = 0; i < b->message->rcpt_count; i++)
        if (!b->report[i].times)
            host_end_rcpt(b, i, r, "rest_done");
}

static void
host_closed(struct impel_session *s, const struct impel_result *why)
{
    if (!host_may(s, "closed"))
        return;
    if (s->open_count)
        world_fault(s->world, "closed() with %zu batches open", s->open_count);
    for (size_t i = 0; i < s->world->incoming_count; i++)
        if (s->world->incoming[i]->session == s &&
            !s->world->incoming[i]->done && !s->world->incoming[i]->committed)
            world_fault(s->world,
                "closed() with a message begun: neither "
                "commit() nor abandon()");
    verify_why(s, why);
    s->state = SESSION_CLOSED;
}

static void
host_event(struct impel_instance *i, struct impel_batch *b, const char *name,
    size_t n, const struct impel_pair *pair)
{
    (void)i, (void)b;
    if (!threads_may("event"))
        return;
    if (!name || (n && !pair))
        world_fault(world_current, "event() without a name or its pairs");
}

static int
host_report(struct impel_instance *i, struct impel_str id,
    struct impel_str rcpt, const struct impel_result *r)
{
    (void)i, (void)rcpt;
    if (!threads_may("report"))
        return IMPEL_E_INVAL;
    if (!id.p || !r || !IMPEL_HAS(struct impel_result, r, info))
        world_fault(world_current, "report() without an id or a result");
    return 0;
}

/* The kit's disk is fast, and everything is on it at once. */
static int
host_settle(struct impel_session *s, int64_t arg)
{
    if (!host_may(s, "settle"))
        return IMPEL_E_CLOSED;
    world_post(s->world, s, IMPEL_EV_WAKE)->arg = arg;
    return 0;
}

/* Nobody wants a login of a script's module. */
static int
host_login(struct impel_session *s, struct impel_sasl *q, struct impel_error *e)
{
    (void)q, (void)e;
    return host_may(s, "login") ? IMPEL_E_UNSUP : IMPEL_E_CLOSED;
}

/* Kept among the values, as "awaited/KEY". */
static struct buf
late_key(struct impel_str key)
{
    struct buf b = BUF_INIT;

    buf_cstr(&b, "awaited/");
    buf_add(&b, key.p, key.n);
    return b;
}

static bool
late_key_is_good(struct world *w, struct impel_str key, const char *function)
{
    if (key.p && key.n && key.n <= 256)
        return true;
    world_fault(w, "%s() without a key of 1 to 256 octets", function);
    return false;
}

static int
host_await(struct impel_batch *b, size_t i, struct impel_str key,
    int64_t within, uint32_t flags)
{
    struct buf name;
    struct impel_str is;
    bool full;

    if (!host_may_batch(b, "await"))
        return IMPEL_E_CLOSED;
    if (i >= b->message->rcpt_count || b->report[i].times || within <= 0 ||
        (flags & ~(uint32_t)IMPEL_AWAIT_LOG)) {
        world_fault(b->world,
            "await() of a recipient that is reported, or for no time, or with "
            "flags that there are not");
        return IMPEL_E_INVAL;
    }
    if (!late_key_is_good(b->world, key, "await"))
        return IMPEL_E_INVAL;
    name = late_key(key);
    is = (struct impel_str){name.p, name.n};
    full = host_is_full(b->world, is);
    if (!full)
        values_set(b->world, is, (struct impel_str){"", 0});
    buf_fini(&name);
    return full ? IMPEL_E_FULL : 0;
}

static int
host_late(struct impel_session *s, struct impel_str key,
    const struct impel_result *r, int64_t arg)
{
    struct buf name;
    bool known;

    if (!host_may(s, "late"))
        return IMPEL_E_CLOSED;
    if (!r || !IMPEL_HAS(struct impel_result, r, info) ||
        r->verdict < IMPEL_DELIVERED || r->verdict > IMPEL_UNTRIED)
        world_fault(s->world, "late() without a result");
    if (!late_key_is_good(s->world, key, "late"))
        return IMPEL_E_INVAL;
    name = late_key(key);
    known = values_get(s->world, (struct impel_str){name.p, name.n}).p != NULL;
    buf_fini(&name);
    if (!known)
        return IMPEL_E_INVAL;
    world_post(s->world, s, IMPEL_EV_WAKE)->arg = arg;
    return 0;
}

const struct impel_host world_host = {
    .abi = {IMPEL_ABI_MAGIC, IMPEL_ABI_MAJOR, IMPEL_ABI_MINOR},
    .size = sizeof(struct impel_host),
    .loops = 1,
    .log = host_log,
    .post = host_post,
    .wake = host_wake,
    .now = host_now,
    .opt_is_set = host_opt_is_set,
    .opt_count = host_opt_count,
    .opt_int = host_opt_int,
    .opt_str = host_opt_str,
    .opt_key = host_opt_key,
    .count = host_count,
    .fetch = host_fetch,
    .state_put = host_state_put,
    .state_get = host_state_get,
    .dial = host_dial,
    .start_tls = host_start_tls,
    .login = host_login,
    .input = host_input,
    .consume = host_consume,
    .write = host_write,
    .info = host_info,
    .token = host_token,
    .timer = host_timer,
    .body_size = host_body_size,
    .read_body = host_read_body,
    .send_body = host_send_body,
    .meta = host_meta,
    .batch_set = host_batch_set,
    .batch_get = host_batch_get,
    .ready = host_ready,
    .draining = host_draining,
    .rcpt_done = host_rcpt_done,
    .rest_done = host_rest_done,
    .closed = host_closed,
    .event = host_event,
    .report = host_report,
    .intake = &world_intake,
    .settle = host_settle,
    .filtering = &world_filtering,
    .await = host_await,
    .late = host_late,
};
