/* SPDX-License-Identifier: Apache-2.0
 *
 * client.c - an outbound connection: handshake, frames in, time, parting.
 *
 * The stream is one for a spool: its name is a durable value of the module,
 * and on disk before anybody hears it.
 */
#include "client.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { TIMER_WAIT };
enum { WAKE_STREAM, WAKE_TOLD }; /* settle()'s arg */
enum { PARTING_MS = 5000, BATCHES_MOST = 10000 };

static struct impel_str
stream_key(void)
{
    return line_str("stream");
}

void
client_end(struct client *c, const struct impel_result *why)
{
    struct impel_result lost =
        outcome_internal(IMPEL_RETRY, IMPEL_BLAME_SESSION, IMPEL_AT_FINAL,
            "451 4.4.2 [internal] connection closed by remote host");
    const struct impel_result *r = why ? why : &lost;
    struct parcel *p;
    size_t at = 0;

    c->state = CLIENT_DEAD;
    while ((p = tags_next(&c->tags, &at)) != NULL) {
        struct impel_result mine = *r;

        if (p->ended && p->batch) {
            mine.flags = IMPEL_UNCERTAIN;
            c->host->count(c->module->instance, COUNT_UNCERTAIN, 1);
        }
        sending_report(p, c, &mine);
    }
    for (p = c->todo.first; p; p = p->next)
        if (!p->tag) {
            struct impel_result untried = *r;

            untried.verdict = IMPEL_UNTRIED;
            sending_report(p, c, &untried);
        }
    c->host->closed(c->session, why);
}

static void
client_fail(struct client *c, int blame, int stage, const char *text)
{
    struct impel_result r = outcome_internal(IMPEL_RETRY, blame, stage, text);

    client_end(c, &r);
}

void
client_wrong(struct client *c, const char *text)
{
    c->host->count(c->module->instance, COUNT_PROTOCOL_ERRORS, 1);
    client_fail(c, IMPEL_BLAME_HOST, IMPEL_AT_CONNECT, text);
}

void
client_expect(struct client *c)
{
    bool waits = c->state != CLIENT_OPEN || c->tags.live || c->probing;

    c->host->timer(c->session, TIMER_WAIT,
        c->state == CLIENT_PARTING ? PARTING_MS
            : waits                ? c->host->opt_int(c->scope, OPT_TIMEOUT)
                                   : -1);
}

/* --- when answers are safe --- */

void
client_settle(struct client *c)
{
    if (c->settling || !c->told_count)
        return;
    c->settled_count = c->told_count;
    c->settling = c->host->settle(c->session, WAKE_TOLD) == 0;
}

static void
client_bye(struct client *c)
{
    if (!c->bye || c->state != CLIENT_OPEN || c->tags.live || c->told_count)
        return;
    frame_begin(&c->out, FRAME_BYE);
    frame_end(&c->out);
    c->state = CLIENT_PARTING;
    client_expect(c);
}

static void
client_settled(struct client *c)
{
    c->settling = false;
    sending_confirm(c, c->settled_count);
    client_settle(c);
    client_bye(c);
    sending_run(c);
}

/* --- the handshake --- */

static void
client_hello(struct client *c)
{
    struct impel_str name = c->host->info(c->session, IMPEL_INFO_EHLO_NAME);

    frame_begin(&c->out, FRAME_HELLO);
    frame_put(&c->out, FRAME_MAGIC, 8);
    frame_put_u8(&c->out, FRAME_VERSION);
    frame_put_u8(&c->out, FRAME_VERSION);
    frame_put_u32(&c->out, 0);
    frame_put(&c->out, c->stream, FRAME_STREAM);
    frame_put_text(&c->out, name);
    frame_put_text(&c->out, line_str("Impel"));
    frame_end(&c->out);
    c->state = CLIENT_WELCOME;
    client_expect(c);
    sending_run(c);
}

static bool
client_stream(struct client *c)
{
    struct impel_str is = c->host->state_get(c->module->instance, stream_key());

    if (is.n != FRAME_STREAM)
        return false;
    memcpy(c->stream, is.p, FRAME_STREAM);
    return true;
}

static int
client_new_stream(struct client *c)
{
    struct impel_str value = {(const char *)c->stream, FRAME_STREAM};

    if (getrandom(c->stream, FRAME_STREAM, 0) != FRAME_STREAM)
        return IMPEL_E_AGAIN;
    return c->host->state_put(c->module->instance, stream_key(), value, 0);
}

/* What state_get() gives may still be on its way to disk: the first connection
 * of each run waits until it is there. */
static void
client_connected(struct client *c)
{
    int rc = 0;
    bool safe;

    (void)pthread_mutex_lock(&c->module->flying.lock);
    if (!client_stream(c))
        rc = client_new_stream(c);
    safe = c->module->stream_safe;
    (void)pthread_mutex_unlock(&c->module->flying.lock);
    if (rc >= 0 && !safe)
        rc = c->host->settle(c->session, WAKE_STREAM);
    if (rc < 0)
        client_fail(c, IMPEL_BLAME_SESSION, IMPEL_AT_CONNECT,
            "451 4.3.0 [internal] the stream's name cannot be stored");
    else if (safe)
        client_hello(c);
    else
        c->state = CLIENT_SETTLES;
}

static void
client_settled_stream(struct client *c)
{
    (void)pthread_mutex_lock(&c->module->flying.lock);
    c->module->stream_safe = true;
    (void)pthread_mutex_unlock(&c->module->flying.lock);
    client_hello(c);
}

static void
client_announce(struct client *c)
{
    uint32_t open = c->window / 2 ? c->window / 2 : 1;

    c->announced = open < BATCHES_MOST ? open : BATCHES_MOST;
    if (!c->draining && !c->bye)
        c->host->ready(c->session, c->announced);
}

static bool
take_welcome(struct client *c, struct frame_in *in)
{
    uint8_t version = frame_u8(in);

    (void)frame_u32(in);
    c->window = frame_u32(in);
    c->octets_window = frame_u64(in);
    c->most = frame_u64(in);
    c->most_rcpts = frame_u32(in);
    (void)frame_u32(in);
    (void)frame_u32(in);
    (void)frame_text(in);
    if (!frame_is_done(in) || version != FRAME_VERSION || !c->window ||
        !c->most_rcpts)
        return false;
    c->state = CLIENT_OPEN;
    client_announce(c);
    return true;
}

/* --- frames --- */

static bool
take_window(struct client *c, struct frame_in *in)
{
    uint32_t window = frame_u32(in);
    uint64_t octets = frame_u64(in);

    if (!frame_is_done(in) || !window)
        return false;
    c->window = window;
    c->octets_window = octets;
    client_announce(c);
    return true;
}

/* The words of GOAWAY and ERROR. */
static bool
take_words(struct frame_in *in, struct impel_result *r)
{
    *r = (struct impel_result){.size = sizeof(*r),
        .verdict = IMPEL_RETRY,
        .blame = IMPEL_BLAME_HOST,
        .stage = IMPEL_AT_CONNECT,
        .retry_after = -1};
    r->code = frame_u16(in);
    for (int i = 0; i < 3; i++)
        r->status[i] = frame_u8(in);
    r->text = frame_text(in);
    return frame_is_done(in);
}

static bool
take_error(struct client *c, struct frame_in *in)
{
    struct impel_result r;

    if (!take_words(in, &r))
        return false;
    if (c->state == CLIENT_OPEN)
        r.blame = IMPEL_BLAME_SESSION;
    client_end(c, &r);
    return true;
}

static bool
take_goaway(struct client *c, struct frame_in *in)
{
    struct impel_result r;

    if (!take_words(in, &r))
        return false;
    c->draining = c->bye = true;
    c->host->draining(c->session);
    sending_give_back(c);
    client_bye(c);
    return true;
}

static bool
take_pong(struct client *c, const struct frame_in *in)
{
    if (in->n != 8)
        return false;
    if (c->probing) {
        c->probing = false;
        client_announce(c);
    }
    return true;
}

/* false: it makes no sense. */
static bool
take_frame(struct client *c, uint8_t type, struct impel_str payload)
{
    struct frame_in in = {(const uint8_t *)payload.p, payload.n, false};

    if (type == FRAME_ERROR)
        return take_error(c, &in);
    if (c->state == CLIENT_WELCOME)
        return type == FRAME_WELCOME && take_welcome(c, &in);
    switch (type) {
    case FRAME_RESULTS:
        return sending_results(c, payload);
    case FRAME_WINDOW:
        return take_window(c, &in);
    case FRAME_GOAWAY:
        return take_goaway(c, &in);
    case FRAME_PONG:
        return take_pong(c, &in);
    case FRAME_PARTED:
        client_end(c, NULL);
        return true;
    default:
        return type >= FRAME_OPTIONAL;
    }
}

/* Octets used; 0: more has to come. */
static size_t
client_take(struct client *c, struct impel_str in)
{
    struct impel_str payload;
    uint8_t type;
    size_t used;

    switch (frame_gather(&c->whole, in, &used, &type, &payload)) {
    case FRAME_MORE:
        break;
    case FRAME_WHOLE:
        if (!take_frame(c, type, payload))
            client_wrong(c, "451 4.4.2 [internal] wrong frame");
        frame_out_fini(&c->whole);
        break;
    case FRAME_TOO_LONG:
        client_wrong(c, "451 4.4.2 [internal] length of a frame");
        break;
    case FRAME_NO_MEMORY:
        client_fail(c, IMPEL_BLAME_SESSION, IMPEL_AT_CONNECT,
            "451 4.3.0 [internal] no memory");
        break;
    }
    return used;
}

static void
client_run(struct client *c)
{
    struct impel_str in = c->host->input(c->session);
    size_t at = 0, used;

    while (c->state != CLIENT_DEAD && at < in.n) {
        used = client_take(c, (struct impel_str){in.p + at, in.n - at});
        if (!used)
            break;
        at += used;
    }
    if (c->state == CLIENT_DEAD)
        return;
    if (at) {
        c->host->consume(c->session, at);
        client_expect(c);
    }
    client_bye(c);
    sending_run(c);
}

/* --- the host --- */

static int
client_open(void *ctx, struct impel_session *session,
    const struct impel_scope *scope, const struct impel_peer *peer, void **sp,
    struct impel_error *e)
{
    struct ecstream *m = ctx;
    struct client *c = calloc(1, sizeof(*c));
    struct impel_dial dial = {.size = sizeof(dial)};
    int rc;

    if (!c) {
        return outcome_refuse(e, IMPEL_E_NOMEM, "no memory");
    }
    c->module = m;
    c->host = m->host;
    c->session = session;
    c->scope = scope;
    dial.port =
        peer->port ? peer->port : (uint16_t)m->host->opt_int(scope, OPT_PORT);
    dial.tls = m->host->opt_int(scope, OPT_TLS) == TLS_REQUIRED
        ? IMPEL_TLS_NOW
        : IMPEL_TLS_NONE;
    rc = m->host->dial(session, &dial, e);
    if (rc < 0) {
        free(c);
        return rc;
    }
    m->host->timer(
        session, TIMER_WAIT, m->host->opt_int(scope, OPT_CONNECT_TIMEOUT));
    *sp = c;
    return 0;
}

static void
client_time(struct client *c)
{
    if (c->state == CLIENT_PARTING) {
        client_end(c, NULL);
        return;
    }
    c->host->count(c->module->instance, COUNT_TIMEOUTS, 1);
    client_fail(c,
        c->state == CLIENT_OPEN ? IMPEL_BLAME_SESSION : IMPEL_BLAME_HOST,
        c->state == CLIENT_OPEN ? IMPEL_AT_FINAL : IMPEL_AT_CONNECT,
        "451 4.4.2 [internal] no answer in time");
}

static void
client_lost(struct client *c)
{
    char text[OUTCOME_TEXT];
    struct impel_result why;

    if (c->state == CLIENT_PARTING) {
        client_end(c, NULL);
    } else if (c->state == CLIENT_DIALS) {
        why = outcome_unconnected(c->host, c->session, text);
        client_end(c, &why);
    } else {
        client_fail(c,
            c->state == CLIENT_OPEN ? IMPEL_BLAME_SESSION : IMPEL_BLAME_HOST,
            c->state == CLIENT_OPEN ? IMPEL_AT_FINAL : IMPEL_AT_CONNECT,
            "451 4.4.2 [internal] connection closed by remote host");
    }
}

static void
client_woken(struct client *c, int64_t arg)
{
    if (arg == WAKE_STREAM && c->state == CLIENT_SETTLES)
        client_settled_stream(c);
    else if (arg == WAKE_TOLD)
        client_settled(c);
}

static void
client_event(void *sp, struct impel_batch *b, int event, int64_t arg)
{
    struct client *c = sp;

    (void)b;
    if (c->state == CLIENT_DEAD)
        return;
    switch (event) {
    case IMPEL_EV_CONNECTED:
        client_connected(c);
        break;
    case IMPEL_EV_INPUT:
        client_run(c);
        break;
    case IMPEL_EV_DRAINED:
        c->full = false;
        sending_run(c);
        break;
    case IMPEL_EV_BODY:
        sending_run(c);
        break;
    case IMPEL_EV_TIMER:
        client_time(c);
        break;
    case IMPEL_EV_WAKE:
        client_woken(c, arg);
        break;
    case IMPEL_EV_LOST:
        client_run(c); /* the last answers */
        if (c->state != CLIENT_DEAD)
            client_lost(c);
        break;
    default:
        break;
    }
}

static void
client_deliver(
    void *sp, struct impel_batch *b, const struct impel_envelope *envelope)
{
    struct client *c = sp;
    struct parcel *p = calloc(1, sizeof(*p));

    if (p && envelope->rcpt_count == 1)
        p->told = &p->one;
    else if (p)
        p->told = calloc(envelope->rcpt_count, sizeof(*p->told));
    if (!p || !p->told) {
        struct impel_result r =
            outcome_internal(IMPEL_UNTRIED, IMPEL_BLAME_SESSION, IMPEL_AT_BODY,
                "451 4.3.0 [internal] no memory");

        free(p);
        c->host->rest_done(b, &r);
        return;
    }
    p->batch = b;
    p->envelope = envelope;
    p->rcpt_count = p->left = envelope->rcpt_count;
    c->host->batch_set(b, p);
    parcels_add(&c->todo, p);
    sending_run(c);
}

/* Of one that was sent whole the server may say yes: it is known again. */
static void
client_cancel(void *sp, struct impel_batch *b)
{
    struct client *c = sp;
    struct parcel *p = c->host->batch_get(b);
    struct impel_result r = outcome_internal(
        p->ended ? IMPEL_RETRY : IMPEL_UNTRIED, IMPEL_BLAME_SESSION,
        IMPEL_AT_FINAL, "451 4.4.2 [internal] cancelled");

    if (p->ended)
        r.flags = IMPEL_UNCERTAIN;
    sending_report(p, c, &r);
}

static void
client_probe(void *sp)
{
    static const uint8_t octets[8];
    struct client *c = sp;

    c->probing = true;
    frame_begin(&c->out, FRAME_PING);
    frame_put(&c->out, octets, sizeof(octets));
    frame_end(&c->out);
    client_expect(c);
    sending_run(c);
}

static void
client_close(void *sp, int now)
{
    struct client *c = sp;

    if (c->state == CLIENT_DEAD)
        return;
    if (now || c->state != CLIENT_OPEN) {
        client_end(c, NULL);
        return;
    }
    c->bye = true;
    client_bye(c);
    sending_run(c);
}

static void
client_release(void *sp)
{
    struct client *c = sp;
    struct parcel *p;
    size_t at = 0;

    while ((p = tags_next(&c->tags, &at)) != NULL)
        if (p != c->todo.first) /* half sent: it is in both */
            parcel_free(p);
    while ((p = parcels_take(&c->todo)) != NULL)
        parcel_free(p);
    while ((p = parcels_take(&c->told)) != NULL)
        parcel_free(p);
    tags_fini(&c->tags);
    frame_out_fini(&c->out);
    frame_out_fini(&c->whole);
    free(c);
}

const struct impel_transport ecstream_transport = {
    .size = sizeof(struct impel_transport),
    .open = client_open,
    .event = client_event,
    .deliver = client_deliver,
    .cancel = client_cancel,
    .probe = client_probe,
    .close = client_close,
    .release = client_release,
};
