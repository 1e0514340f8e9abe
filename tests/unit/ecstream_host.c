/* SPDX-License-Identifier: Apache-2.0
 *
 * ecstream_host.c - the smallest host that runs the module ecstream.
 */
#include "ecstream_host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct ecstream_host *the; /* one at a time */

/* Room for one more behind count. */
static void *
grown(void *p, size_t count, size_t *size, size_t each)
{
    if (count == *size) {
        *size = *size ? 2 * *size : 16;
        p = realloc(p, *size * each);
        MUST(p != NULL);
    }
    return p;
}

static bool
is_text(struct impel_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '\0' || s.p[i] == '\r' || s.p[i] == '\n')
            return false;
    return true;
}

/* --- values --- */

struct kept *
ecstream_host_kept(struct ecstream_host *h, struct impel_str key)
{
    for (size_t i = 0; i < h->kept_count; i++)
        if (h->kept[i].key.n == key.n && key.n &&
            memcmp(h->kept[i].key.p, key.p, key.n) == 0)
            return &h->kept[i];
    return NULL;
}

static void
kept_set(struct impel_str key, struct impel_str value)
{
    struct kept *k = ecstream_host_kept(the, key);

    if (!k && !value.p)
        return;
    for (size_t i = 0; !k && i < the->kept_count; i++)
        if (!the->kept[i].key.n)
            k = &the->kept[i];
    if (!k) {
        the->kept = grown(
            the->kept, the->kept_count, &the->kept_size, sizeof(the->kept[0]));
        k = &the->kept[the->kept_count++];
        memset(k, 0, sizeof(*k));
    }
    k->key.n = k->value.n = 0;
    if (!value.p)
        return;
    text_add(&k->key, key.p, key.n);
    text_add(&k->value, value.p, value.n);
}

static int
host_state_put(struct impel_instance *i, struct impel_str key,
    struct impel_str value, int64_t expiry)
{
    (void)i, (void)expiry;
    MUST(key.n > 0);
    kept_set(key, value);
    return 0;
}

static struct impel_str
host_state_get(struct impel_instance *i, struct impel_str key)
{
    struct kept *k = ecstream_host_kept(the, key);

    (void)i;
    return k ? (struct impel_str){k->value.p, k->value.n}
             : (struct impel_str){NULL, 0};
}

static void
host_log(struct impel_instance *i, struct impel_session *s, int level,
    const char *fmt, ...)
{
    (void)i, (void)s, (void)level, (void)fmt;
}

static int64_t
host_now(void)
{
    return the->now;
}

static int
host_opt_is_set(const struct impel_scope *s, uint32_t row)
{
    (void)s;
    return row != OPT_BANNER_HOSTNAME;
}

static size_t
host_opt_count(const struct impel_scope *s, uint32_t row)
{
    (void)s;
    return row == OPT_CONTEXT && the->context;
}

static int64_t
host_opt_int(const struct impel_scope *s, uint32_t row)
{
    (void)s;
    return the->option[row];
}

static struct impel_str
host_opt_str(const struct impel_scope *s, uint32_t row, uint32_t item)
{
    (void)s;
    MUST(row == OPT_CONTEXT && item == 0 && the->context);
    return (struct impel_str){the->context, strlen(the->context)};
}

static void
host_count(struct impel_instance *i, uint32_t counter, int64_t by)
{
    (void)i;
    MUST(counter < COUNT_MAX);
    the->counts[counter] += by;
}

/* --- the connection --- */

static int
host_dial(
    struct impel_session *s, const struct impel_dial *d, struct impel_error *e)
{
    (void)e;
    MUST(!s->dialled && d->size == sizeof(*d) && d->port != 0);
    s->dialled = true;
    s->dial = *d;
    return 0;
}

static struct impel_str
host_input(struct impel_session *s)
{
    MUST(!s->closed);
    if (!s->in.p)
        return (struct impel_str){NULL, 0};
    return (struct impel_str){s->in.p + s->in_at, s->in.n - s->in_at};
}

static void
host_consume(struct impel_session *s, size_t n)
{
    MUST(!s->closed && n <= s->in.n - s->in_at);
    s->in_at += n;
}

static int
host_write(struct impel_session *s, const void *p, size_t n)
{
    MUST(!s->closed && n > 0 && !the->drained_due);
    if (the->full_every > 0 && ++the->writes % the->full_every == 0) {
        the->drained_due = true;
        return IMPEL_E_FULL;
    }
    text_add(&s->out, p, n);
    return 0;
}

static struct impel_str
host_info(struct impel_session *s, int what)
{
    (void)s;
    if (what == IMPEL_INFO_TLS_VERSION && the->tls)
        return (struct impel_str){"TLS1.3", 6};
    return what == IMPEL_INFO_EHLO_NAME ? (struct impel_str){"own.test", 8}
                                        : (struct impel_str){NULL, 0};
}

static void
host_timer(struct impel_session *s, int number, int64_t after)
{
    MUST(!s->closed && number == 0);
    s->due = after < 0 ? 0 : the->now + after;
}

static void
host_closed(struct impel_session *s, const struct impel_result *why)
{
    MUST(!s->closed);
    for (struct impel_incoming *m = the->incoming; m; m = m->next)
        MUST(!m->open);
    s->closed = true;
    s->has_why = why != NULL;
    if (why)
        s->why = *why;
}

/* --- batches --- */

static int64_t
host_body_size(struct impel_batch *b, int form)
{
    MUST(!b->ended && form == IMPEL_BODY_RAW);
    return (int64_t)strlen(b->body);
}

static int64_t
host_read_body(struct impel_batch *b, int form, uint64_t at, void *to, size_t n)
{
    size_t size = strlen(b->body);

    MUST(!b->ended && form == IMPEL_BODY_RAW && at <= size);
    if (the->unreadable)
        return IMPEL_E_INVAL;
    if (the->unread_every && ++the->reads % the->unread_every == 0) {
        the->body_due = b;
        return IMPEL_E_AGAIN;
    }
    n = n < size - at ? n : size - at;
    memcpy(to, b->body + at, n);
    return (int64_t)n;
}

static struct impel_str
host_meta(struct impel_batch *b, const char *key)
{
    MUST(!b->ended);
    return strcmp(key, "given") == 0 ? (struct impel_str){"a value", 7}
                                     : (struct impel_str){NULL, 0};
}

static void
host_batch_set(struct impel_batch *b, void *mine)
{
    b->mine = mine;
}

static void *
host_batch_get(struct impel_batch *b)
{
    return b->mine;
}

static void
host_ready(struct impel_session *s, uint32_t open)
{
    MUST(!s->closed);
    s->ready = open;
}

static void
host_draining(struct impel_session *s)
{
    MUST(!s->closed);
    s->draining = true;
}

static void
report(struct impel_batch *b, size_t i, const struct impel_result *r)
{
    MUST(!b->ended && i < b->envelope.rcpt_count && r->size == sizeof(*r));
    MUST(r->verdict >= IMPEL_DELIVERED && r->verdict <= IMPEL_UNTRIED);
    MUST(is_text(r->text));
    MUST(++b->reported[i] == 1);
    b->verdict[i] = r->verdict;
    b->code[i] = r->code;
    b->flags[i] = r->flags;
}

static void
end_if_last(struct impel_batch *b)
{
    for (size_t i = 0; i < b->envelope.rcpt_count; i++)
        if (!b->reported[i])
            return;
    b->ended = true;
    if (the->body_due == b)
        the->body_due = NULL;
}

static void
host_rcpt_done(struct impel_batch *b, size_t i, const struct impel_result *r)
{
    report(b, i, r);
    end_if_last(b);
}

static void
host_rest_done(struct impel_batch *b, const struct impel_result *r)
{
    size_t n = 0;

    for (size_t i = 0; i < b->envelope.rcpt_count; i++)
        if (!b->reported[i]) {
            report(b, i, r);
            n++;
        }
    MUST(n > 0);
    end_if_last(b);
}

static void
wake_put(int64_t arg)
{
    the->settles = grown(the->settles, the->settle_count, &the->settle_size,
        sizeof(the->settles[0]));
    the->settles[the->settle_count++] = arg;
}

static uint64_t
host_token(struct impel_session *s)
{
    MUST(!s->closed);
    return 1;
}

static int
host_wake(struct impel_instance *i, uint64_t token, int64_t arg)
{
    (void)i;
    MUST(token == 1);
    wake_put(arg);
    return 0;
}

static int
host_settle(struct impel_session *s, int64_t arg)
{
    MUST(!s->closed);
    wake_put(arg);
    return 0;
}

/* --- messages that come in --- */

static int
ask(struct impel_incoming *of, int stage, size_t rcpt, uint16_t code)
{
    the->asked = grown(
        the->asked, the->asked_count, &the->asked_size, sizeof(the->asked[0]));
    the->asked[the->asked_count++] =
        (struct asked){of, of ? of->tag : 0, stage, rcpt, code, false};
    return 0;
}

static int
intake_greet(struct impel_session *s, struct impel_str name)
{
    MUST(!s->closed && is_text(name));
    return ask(NULL, IMPEL_AT_CONNECT, SIZE_MAX, the->refuse_greet ? 421 : 250);
}

static struct impel_incoming *
intake_begin(struct impel_session *s, uint64_t tag)
{
    struct impel_incoming *m;

    MUST(!s->closed && tag != 0);
    for (m = the->incoming; m; m = m->next)
        MUST(!m->open || m->tag != tag);
    m = calloc(1, sizeof(*m));
    MUST(m != NULL);
    m->tag = tag;
    m->open = true;
    m->next = the->incoming;
    the->incoming = m;
    return m;
}

/* The first octet of an address says what becomes of it. */
static uint16_t
code_of(struct impel_str address)
{
    char first = address.n ? address.p[0] : 'x';

    return first == '!' ? 550 : first == '?' ? 451 : 250;
}

static int
intake_sender(struct impel_incoming *m, const struct impel_sender *from)
{
    MUST(m->open && !m->committing && from->size == sizeof(*from));
    MUST(is_text(from->address) && is_text(from->envid));
    text_str(&m->text, from->address);
    return ask(m, IMPEL_AT_SENDER, SIZE_MAX, code_of(from->address));
}

static int
intake_recipient(struct impel_incoming *m, const struct impel_rcpt *to)
{
    MUST(m->open && !m->committing && to->size == sizeof(*to));
    MUST(is_text(to->address) && is_text(to->original) && to->notify < 16);
    if (!to->address.n)
        return IMPEL_E_INVAL;
    if (code_of(to->address) == 250)
        text_str(&m->text, to->address);
    return ask(m, IMPEL_AT_RCPT, m->rcpts++, code_of(to->address));
}

static int
intake_set_meta(
    struct impel_incoming *m, struct impel_str key, struct impel_str value)
{
    MUST(m->open && !m->committing && key.n > 0 && is_text(value));
    return 0;
}

static int
intake_body(struct impel_incoming *m, const void *p, size_t n)
{
    MUST(m->open && !m->committing && n > 0 && !the->credit_due);
    if (the->again_every > 0 && ++the->body_calls % the->again_every == 0) {
        the->credit_due = true;
        return IMPEL_E_AGAIN;
    }
    text_add(&m->text, p, n);
    return 0;
}

static int
intake_keep(struct impel_incoming *m, struct impel_str value, int64_t expiry)
{
    MUST(m->open && !m->committing && expiry > 0 && value.n % 4 == 0);
    m->keep.n = 0;
    text_add(&m->keep, value.p, value.n);
    return 0;
}

static int
intake_commit(struct impel_incoming *m, struct impel_str key)
{
    MUST(m->open && !m->committing && key.n > FRAME_STREAM);
    for (struct impel_incoming *o = the->incoming; o; o = o->next)
        MUST(!o->open || !o->committing || o->key.n != key.n ||
            memcmp(o->key.p, key.p, key.n) != 0);
    m->committing = true;
    text_add(&m->key, key.p, key.n);
    return ask(m, IMPEL_AT_FINAL, SIZE_MAX, the->overfull ? 451 : 250);
}

static void
intake_abandon(struct impel_incoming *m)
{
    MUST(m->open && !m->committing);
    m->open = false;
    the->credit_due = false;
    for (size_t i = the->asked_first; i < the->asked_count; i++)
        if (the->asked[i].of == m)
            the->asked[i].gone = true;
}

static int
intake_may_relay(struct impel_session *s)
{
    MUST(!s->closed);
    return the->may_relay;
}

static const struct impel_intake intake = {.size = sizeof(intake),
    .greet = intake_greet,
    .begin = intake_begin,
    .sender = intake_sender,
    .recipient = intake_recipient,
    .set_meta = intake_set_meta,
    .body = intake_body,
    .keep = intake_keep,
    .commit = intake_commit,
    .abandon = intake_abandon,
    .may_relay = intake_may_relay};

/* --- the test's side --- */

struct ecstream_host *
ecstream_host_new(void)
{
    struct ecstream_host *h = calloc(1, sizeof(*h));

    MUST(h != NULL);
    the = h;
    h->host = (struct impel_host){.size = sizeof(h->host),
        .log = host_log,
        .now = host_now,
        .opt_is_set = host_opt_is_set,
        .opt_count = host_opt_count,
        .opt_int = host_opt_int,
        .opt_str = host_opt_str,
        .count = host_count,
        .state_put = host_state_put,
        .state_get = host_state_get,
        .dial = host_dial,
        .input = host_input,
        .consume = host_consume,
        .write = host_write,
        .info = host_info,
        .timer = host_timer,
        .body_size = host_body_size,
        .read_body = host_read_body,
        .meta = host_meta,
        .batch_set = host_batch_set,
        .batch_get = host_batch_get,
        .ready = host_ready,
        .draining = host_draining,
        .rcpt_done = host_rcpt_done,
        .rest_done = host_rest_done,
        .closed = host_closed,
        .settle = host_settle,
        .token = host_token,
        .wake = host_wake,
        .intake = &intake};
    h->module.host = &h->host;
    MUST(pthread_mutex_init(&h->module.flying.lock, NULL) == 0);
    h->now = 1000000;
    h->may_relay = true;
    h->option[OPT_CONNECT_TIMEOUT] = 30000;
    h->option[OPT_PORT] = 1825;
    h->option[OPT_MAX_MESSAGE_SIZE] = 100000;
    h->option[OPT_MAX_RECIPIENTS] = 1000;
    h->option[OPT_TIMEOUT] = h->option[OPT_IDLE_TIME] = 300000;
    h->option[OPT_MAX_BATCH_SIZE] = 10000;
    h->option[OPT_WINDOW] = 1 << 24;
    h->option[OPT_RESEND_TIME] = 86400000;
    return h;
}

static void
incoming_free(struct impel_incoming *m)
{
    free(m->text.p);
    free(m->keep.p);
    free(m->key.p);
    free(m);
}

void
ecstream_host_free(struct ecstream_host *h)
{
    struct impel_incoming *m;

    while ((m = h->incoming) != NULL) {
        h->incoming = m->next;
        incoming_free(m);
    }
    for (size_t i = 0; i < h->kept_count; i++) {
        free(h->kept[i].key.p);
        free(h->kept[i].value.p);
    }
    free(h->kept);
    free(h->asked);
    free(h->settles);
    flying_fini(&h->module.flying);
    free(h->session.in.p);
    free(h->session.out.p);
    free(h->taken.p);
    free(h);
    the = NULL;
}

void
ecstream_host_listen(struct ecstream_host *h)
{
    struct impel_peer peer = {.size = sizeof(peer)};
    struct impel_error e;

    MUST(ecstream_listener.accepted(
             &h->module, &h->session, NULL, &peer, &h->s, &e) == 0);
}

void
ecstream_host_connect(struct ecstream_host *h)
{
    struct impel_peer peer = {.size = sizeof(peer), .method = {"ECSTREAM", 8}};
    struct impel_error e;

    MUST(ecstream_transport.open(
             &h->module, &h->session, NULL, &peer, &h->s, &e) == 0);
    MUST(h->session.dialled);
    ecstream_transport.event(h->s, NULL, IMPEL_EV_CONNECTED, 0);
    ecstream_host_settle(h);
}

static void
session_event(
    struct ecstream_host *h, struct impel_batch *b, int event, int64_t arg)
{
    if (h->session.dialled)
        ecstream_transport.event(h->s, b, event, arg);
    else
        ecstream_listener.event(h->s, b, event, arg);
}

static void
commit_done(struct ecstream_host *h, struct impel_incoming *m, bool taken)
{
    m->open = false;
    if (!taken)
        return;
    text_add(&h->taken, m->text.p, m->text.n);
    text_add(&h->taken, "\0", 1);
    h->committed++;
    kept_set((struct impel_str){m->key.p, m->key.n},
        (struct impel_str){m->keep.p ? m->keep.p : "", m->keep.n});
}

static void
verdict(struct ecstream_host *h, const struct asked *a)
{
    struct impel_result r = {.size = sizeof(r),
        .verdict = a->code == 250 ? IMPEL_DELIVERED
            : a->code < 500       ? IMPEL_RETRY
                                  : IMPEL_FAILED,
        .stage = a->stage,
        .code = a->code,
        .text = {"said", 4},
        .retry_after = -1};

    r.status[0] = a->code / 100;
    if (a->stage == IMPEL_AT_FINAL)
        commit_done(h, a->of, a->code == 250);
    ecstream_listener.verdict(h->s, a->tag, a->rcpt, &r);
}

/* The first that is due; commits wait while they are held. */
static bool
settle_verdict(struct ecstream_host *h)
{
    for (size_t i = h->asked_first; i < h->asked_count; i++) {
        struct asked a = h->asked[i];

        if (a.gone || (a.stage == IMPEL_AT_FINAL && h->hold))
            continue;
        h->asked[i].gone = true;
        verdict(h, &a);
        while (h->asked_first < h->asked_count && h->asked[h->asked_first].gone)
            h->asked_first++;
        if (h->asked_first == h->asked_count)
            h->asked_first = h->asked_count = 0;
        return true;
    }
    return false;
}

static bool
settle_wake(struct ecstream_host *h)
{
    int64_t arg;

    if (!h->settle_count || h->keep_unsettled)
        return false;
    arg = h->settles[0];
    memmove(
        h->settles, h->settles + 1, --h->settle_count * sizeof(h->settles[0]));
    session_event(h, NULL, IMPEL_EV_WAKE, arg);
    return true;
}

static bool
settle_flag(struct ecstream_host *h, bool *flag, int event)
{
    if (!*flag)
        return false;
    *flag = false;
    session_event(h, NULL, event, 0);
    return true;
}

void
ecstream_host_settle(struct ecstream_host *h)
{
    struct impel_batch *b;
    bool more = true;

    while (more && !h->session.closed) {
        more = settle_verdict(h);
        if (!h->session.closed)
            more |= settle_flag(h, &h->drained_due, IMPEL_EV_DRAINED);
        if (!h->session.closed)
            more |= settle_flag(h, &h->credit_due, IMPEL_EV_CREDIT);
        if (!h->session.closed)
            more |= settle_wake(h);
        b = h->body_due;
        if (!h->session.closed && b) {
            h->body_due = NULL;
            session_event(h, b, IMPEL_EV_BODY, 0);
            more = true;
        }
    }
}

void
ecstream_host_feed(struct ecstream_host *h, const void *p, size_t n)
{
    struct impel_session *s = &h->session;

    if (s->closed)
        return;
    if (s->in_at == s->in.n)
        s->in_at = s->in.n = 0;
    text_add(&s->in, p, n);
    session_event(h, NULL, IMPEL_EV_INPUT, 0);
    ecstream_host_settle(h);
}

void
ecstream_host_lend(struct ecstream_host *h, struct impel_batch *b)
{
    MUST(!h->session.closed && h->session.ready > 0);
    ecstream_transport.deliver(h->s, b, &b->envelope);
    ecstream_host_settle(h);
}

void
ecstream_host_time(struct ecstream_host *h)
{
    if (h->session.closed || !h->session.due)
        return;
    h->now = h->session.due;
    h->session.due = 0;
    session_event(h, NULL, IMPEL_EV_TIMER, 0);
    ecstream_host_settle(h);
}

void
ecstream_host_end(struct ecstream_host *h)
{
    h->hold = false;
    if (!h->session.closed)
        session_event(h, NULL, IMPEL_EV_LOST, 0);
    ecstream_host_settle(h); /* commits under way end first */
    MUST(h->session.closed);
    (h->session.dialled ? ecstream_transport.release
                        : ecstream_listener.release)(h->s);
    MUST(h->module.flying.count == 0);
}

size_t
ecstream_host_frame(const void *p, size_t n)
{
    uint32_t length;
    uint8_t type;

    if (!frame_head(p, n, &length, &type))
        return n;
    return length < n - 4 ? length + 4u : n;
}
