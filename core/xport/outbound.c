/* SPDX-License-Identifier: Apache-2.0
 *
 * outbound.c - the scheduler's side of a session, and the hop between it and
 * the loop.
 *
 * Every hop is a mail inside an object that lives anyway: `first`, `command`,
 * `note` and `last` in the session, `mail` and `recall` in the batch.  What
 * may be said twice before it is heard (ready, probe, close) is a flag that
 * one mail carries.
 *
 * The end: the loop posts `last` with the number of mails it has received.  If
 * the scheduler has posted more, these are still on their way into memory that
 * is about to go, so the scheduler answers with `first` again, and the loop,
 * having received all, posts `last` once more.  closed() follows when nothing
 * is under way and every batch is back.
 */
#include "xport/session_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/magic.h"
#include "base/xmem.h"
#include "conf/generation.h"
#include "loop/slow.h"
#include "net/tlsdemand.h"
#include "spool/ordinary.h"
#include "base/banned.h"

enum { COMMAND_PROBE = 1, COMMAND_CLOSE = 2, COMMAND_CLOSE_NOW = 4 };

struct session {
    uint32_t magic;
    struct impel_session io; /* the loop's */

    /* written before `first`, read by the loop */
    char *host, *uri, *method, *binding, *domain;
    char addr_text[128];
    struct impel_peer peer;
    struct generation *generation; /* pins the scope */
    struct mailbox *home;

    /* to the loop */
    struct mail first; /* begin; later: has all arrived? */
    struct mail command;
    _Atomic unsigned commands;
    _Atomic bool command_posted;
    /* from the loop */
    struct mail note; /* ready, draining */
    _Atomic uint32_t note_ready, note_probes;
    _Atomic bool note_posted, note_has_ready, note_draining;
    struct mail last;
    uint64_t received; /* the loop's */
    uint64_t told;     /* the same when `last` was posted */

    /* the scheduler's */
    const struct session_events *ev;
    void *arg;
    uint64_t sent;
    uint32_t lent, recalls, probes;
    bool ended, asked, told_draining;
    bool tls_quiet;
};

static const struct session_kind outbound;

static struct session *
outbound_of(struct impel_session *io)
{
    struct session *s = CONTAINER_OF(io, struct session, io);

    CHECK(s, OUTBOUND_MAGIC);
    return s;
}

static void
outbound_to_loop(struct session *s, struct mail *m, mail_f *deliver)
{
    s->sent++;
    mailbox_post(loop_mailbox(s->io.loop), m, deliver);
}

/* --- on the loop --- */

static int
outbound_begin(struct impel_session *io, struct impel_error *e)
{
    struct session *s = outbound_of(io);
    const struct module *m = io->module;
    int64_t t = session_call_begin(io, CALL_OPEN, NULL);
    int rc = m->transport.open(m->ctx, io, &io->scope, &s->peer, &io->mine, e);

    session_call_end(io, CALL_OPEN, t);
    return rc;
}

static void outbound_noted(struct mail *m);

static void
outbound_post_note(struct session *s)
{
    if (!atomic_exchange(&s->note_posted, true))
        mailbox_post(s->home, &s->note, outbound_noted);
}

static void
outbound_ready(struct impel_session *io, uint32_t open)
{
    struct session *s = outbound_of(io);

    s->note_ready = open;
    s->note_has_ready = true;
    outbound_post_note(s);
}

static void
outbound_draining(struct impel_session *io)
{
    struct session *s = outbound_of(io);

    s->note_draining = true;
    outbound_post_note(s);
}

struct secured {
    struct mail mail;
    struct session *session;
    struct session_tls tls;
    char text[];
};

static void
outbound_secured_told(struct mail *m)
{
    struct secured *t = CONTAINER_OF(m, struct secured, mail);

    CHECK(t->session, OUTBOUND_MAGIC);
    t->session->ev->tls(t->session->arg, t->session, &t->tls);
    free(t);
}

/* Two at most: one for each connection.  It arrives before the end. */
static void
outbound_secured(
    struct impel_session *io, enum tls_reason why, const char *text)
{
    struct session *s = outbound_of(io);
    struct secured *t;

    if (!s->ev->tls || s->tls_quiet)
        return;
    t = xcalloc(1, sizeof(*t) + strlen(text) + 1);
    memcpy(t->text, text, strlen(text));
    t->session = s;
    t->tls = (struct session_tls){.why = why, .text = t->text};
    if (io->conn)
        t->tls.local = *conn_local(io->conn);
    mailbox_post(s->home, &t->mail, outbound_secured_told);
}

static void outbound_came_back(struct mail *m);

static void
outbound_back(struct impel_session *io, struct batch *b)
{
    mailbox_post(outbound_of(io)->home, &b->mail, outbound_came_back);
}

static void outbound_ended(struct mail *m);

static void
outbound_gone(struct impel_session *io)
{
    struct session *s = outbound_of(io);

    s->told = s->received;
    mailbox_post(s->home, &s->last, outbound_ended);
}

static void
outbound_first(struct mail *m)
{
    struct session *s = CONTAINER_OF(m, struct session, first);

    s->received++;
    if (s->io.state == SESSION_GONE)
        outbound_gone(&s->io);
    else
        session_begin(&s->io);
}

static void
outbound_prepared(struct batch *b, const char *why)
{
    struct impel_session *io = &b->session->io;

    if (why) {
        list_remove(&b->node);
        batch_fill(b, IMPEL_RETRY, IMPEL_BLAME_MESSAGE, IMPEL_AT_BODY, 451,
            "4.7.5", why);
        b->begun = true;
        outbound_back(io, b);
    }
    session_kick(io);
}

static void
outbound_cannot(struct batch *b, const struct err *e)
{
    bool ever = e->code != ERR_PROTO && e->code != ERR_LIMIT;
    char id[MESSAGE_ID_SIZE], text[sizeof(e->text) + 16];

    if (ever) {
        message_id_print(b->message->id, id);
        log_error(LOG_MOD, "body-unreadable",
            "message=%s code=%d reason=\"%s\"", id, e->code, e->text);
    }
    (void)snprintf(text, sizeof(text), "[internal] %s",
        ever ? "the message could not be read" : e->text);
    batch_fill(b, ever ? IMPEL_RETRY : IMPEL_FAILED, IMPEL_BLAME_MESSAGE,
        IMPEL_AT_BODY, ever ? 451 : 554, ever ? "4.3.0" : "5.6.0", text);
    b->begun = true;
}

static void
outbound_prepare(struct impel_session *io, struct batch *b)
{
    if (!batch_preparer ||
        !batch_preparer->begin(b, loop_mailbox(io->loop), outbound_prepared))
        session_kick(io);
}

/* o: the ordinary message, taken over; NULL: there is none, and the batch goes
 * back. */
static void
outbound_found(
    struct impel_session *io, struct batch *b, struct message *o, struct err *e)
{
    if (o) {
        b->sent = o;
        outbound_prepare(io, b);
        return;
    }
    list_remove(&b->node);
    outbound_cannot(b, e);
    outbound_back(io, b);
    session_kick(io); /* those behind it */
}

struct takeout {
    struct preparing of;
    struct ordinary_work work;
};

static void
outbound_took_out(struct ordinary_work *w)
{
    struct takeout *t = CONTAINER_OF(w, struct takeout, work);
    struct batch *b = preparing_end(&t->of);

    if (b)
        outbound_found(&b->session->io, b, w->found, &w->error);
    else
        message_unref(&w->found);
    free(t);
}

/* Of a container the ordinary message goes, unless the module reads these by
 * itself. */
static bool
outbound_takes_out(const struct impel_session *io, const struct batch *b)
{
    return io->module->desc.abi.minor >= 1 &&
        !(io->module->desc.flags & IMPEL_MODULE_CONTAINER) &&
        ordinary_is_in(b->message);
}

static void
outbound_take_out(struct impel_session *io, struct batch *b)
{
    struct takeout *t;
    struct err e;

    if (!ordinary_takes_long(b->message)) {
        struct message *o = ordinary_new(b->message, &e);

        outbound_found(io, b, o, &e);
        return;
    }
    t = xnew(struct takeout);
    t->work.container = message_ref(b->message);
    t->work.done = outbound_took_out;
    preparing_set(&t->of, b);
    ordinary_begin(&t->work, loop_mailbox(io->loop));
}

static void
outbound_lent(struct mail *m)
{
    struct batch *b = CONTAINER_OF(m, struct batch, mail);
    struct impel_session *io = &b->session->io;

    b->session->received++;
    list_push(&io->waiting, &b->node);
    if (io->state >= SESSION_CLOSED)
        session_return_waiting(io, "[internal] session is closed");
    else if (outbound_takes_out(io, b))
        outbound_take_out(io, b);
    else
        outbound_prepare(io, b);
}

static void outbound_recalled_back(struct mail *m);

static void
outbound_recalled(struct mail *m)
{
    struct batch *b = CONTAINER_OF(m, struct batch, recall);
    struct session *s = b->session;

    s->received++;
    if (list_linked(&b->node)) {
        list_remove(&b->node);
        preparing_forget(b);
        batch_fill(b, IMPEL_UNTRIED, IMPEL_BLAME_SESSION, 0, 0, NULL,
            "[internal] recalled");
        outbound_back(&s->io, b);
    } else if (b->lent && (b->recall_now || !lent_is_begun(b->lent))) {
        b->lent->cancel_due = true;
        session_mark(&s->io, PENDING_CANCEL);
    }
    mailbox_post(s->home, &b->recall, outbound_recalled_back);
}

static void
outbound_commanded(struct mail *m)
{
    struct session *s = CONTAINER_OF(m, struct session, command);
    unsigned c;

    s->received++;
    atomic_store(&s->command_posted, false);
    c = atomic_exchange(&s->commands, 0);
    if (s->io.state >= SESSION_CLOSED)
        return;
    if (c & COMMAND_PROBE) {
        s->note_has_ready = false; /* what is on its way is outdated */
        s->note_probes++;
        session_mark(&s->io, PENDING_PROBE);
    }
    if (c & (COMMAND_CLOSE | COMMAND_CLOSE_NOW))
        session_request_close(&s->io, c & COMMAND_CLOSE_NOW);
}

static void
outbound_place(struct impel_session *io, struct session_place *to)
{
    const struct session *s = outbound_of(io);

    *to = (struct session_place){.binding = s->binding,
        .domain = s->domain,
        .host = s->host,
        .method = s->method};
}

static const struct session_kind outbound = {
    .inbound = false,
    .begin = outbound_begin,
    .ready = outbound_ready,
    .draining = outbound_draining,
    .back = outbound_back,
    .gone = outbound_gone,
    .secured = outbound_secured,
    .place = outbound_place,
};

/* --- on the scheduler --- */

static void
outbound_free(struct session *s)
{
    result_fini(&s->io.why);
    if (s->generation)
        generation_unref(&s->generation);
    tlsdemand_unref(&s->io.demand);
    free(s->host);
    free(s->uri);
    free(s->method);
    free(s->binding);
    free(s->domain);
    free(s->io.name);
    s->magic = s->io.magic = 0;
    free(s);
}

/* Tell the end once nothing is under way; s may be gone afterwards. */
static void
outbound_try_end(struct session *s)
{
    if (!s->ended || s->asked || s->lent || s->recalls)
        return;
    if (s->told != s->sent) {
        s->asked = true;
        outbound_to_loop(s, &s->first, outbound_first);
        return;
    }
    s->ev->closed(s->arg, s, &s->io.why, s->io.was_ready);
    outbound_free(s);
}

static void
outbound_ended(struct mail *m)
{
    struct session *s = CONTAINER_OF(m, struct session, last);

    CHECK(s, OUTBOUND_MAGIC);
    s->ended = true;
    s->asked = false;
    outbound_try_end(s);
}

static void
outbound_noted(struct mail *m)
{
    struct session *s = CONTAINER_OF(m, struct session, note);
    bool has_ready;
    uint32_t open, probes;

    CHECK(s, OUTBOUND_MAGIC);
    atomic_store(&s->note_posted, false);
    /* An answer to what was true before the probe is none to the probe.  The
     * loop clears the answer and then counts the probe: look in this order. */
    probes = s->note_probes;
    has_ready = atomic_exchange(&s->note_has_ready, false);
    open = s->note_ready;
    if (has_ready && probes == s->probes)
        s->ev->ready(s->arg, s, open);
    if (s->note_draining && !s->told_draining) {
        s->told_draining = true;
        s->ev->draining(s->arg, s);
    }
}

static void
outbound_hand_back(struct session *s, struct batch *b)
{
    s->lent--;
    b->session = NULL;
    b->returned = false;
    s->ev->done(s->arg, s, b);
    outbound_try_end(s);
}

static void
outbound_came_back(struct mail *m)
{
    struct batch *b = CONTAINER_OF(m, struct batch, mail);

    CHECK(b, BATCH_MAGIC);
    if (b->recalling)
        b->returned = true; /* its other mail is still on the loop */
    else
        outbound_hand_back(b->session, b);
}

static void
outbound_recalled_back(struct mail *m)
{
    struct batch *b = CONTAINER_OF(m, struct batch, recall);
    struct session *s = b->session;

    CHECK(b, BATCH_MAGIC);
    if (b->recall_again && !b->returned) {
        b->recall_again = false;
        b->recall_now = true;
        outbound_to_loop(s, &b->recall, outbound_recalled);
        return;
    }
    b->recalling = b->recall_again = false;
    s->recalls--;
    if (b->returned)
        outbound_hand_back(s, b);
    else
        outbound_try_end(s);
}

/* The address as modules see it: a path, or digits without a port. */
static void
outbound_fill_peer(struct session *s, const struct session_request *r)
{
    struct buf b = BUF_INIT;

    if (r->to.path[0])
        buf_cstr(&b, r->to.path);
    else
        netaddr_print_ip(&r->to, &b);
    (void)str_copy(s->addr_text, sizeof(s->addr_text), buf_get(&b));
    buf_fini(&b);
    s->host = xdupn(r->host.p ? r->host.p : "", r->host.p ? r->host.n : 0);
    s->io.host = s->host;
    s->method = xdup(r->method ? r->method : "");
    s->binding = xdupn(r->binding.p ? r->binding.p : "", r->binding.n);
    s->domain = xdupn(r->domain.p ? r->domain.p : "", r->domain.n);
    s->io.domain = s->domain;
    s->uri = r->uri.p ? xdupn(r->uri.p, r->uri.n) : NULL;
    s->peer = (struct impel_peer){.size = sizeof(s->peer),
        .port = r->to.port,
        .method = {s->method, strlen(s->method)},
        .uri = {s->uri, s->uri ? r->uri.n : 0},
        .host = {s->host, r->host.p ? r->host.n : 0},
        .addr = {s->addr_text, strlen(s->addr_text)}};
}

struct session *
session_open(const struct session_request *r, struct mailbox *scheduler,
    const struct session_events *ev, void *arg)
{
    struct session *s = xnew(struct session);

    CHECK(r->module, MODULE_MAGIC);
    BUG_ON(!r->module->has_transport);
    s->magic = OUTBOUND_MAGIC;
    session_init(&s->io, &outbound, r->loop, r->module, r->scope);
    s->io.id = r->id;
    s->io.to = r->to;
    s->io.from = r->from;
    s->io.proxy = r->proxy;
    s->io.seen = r->seen;
    s->io.scope.tls = s->io.demand = tlsdemand_ref(r->tls);
    s->tls_quiet = r->tls_quiet;
    s->io.name = r->ehlo_name ? xdup(r->ehlo_name) : NULL;
    if (r->scope)
        s->generation = generation_ref(scope_generation(r->scope));
    outbound_fill_peer(s, r);
    s->home = scheduler;
    s->ev = ev;
    s->arg = arg;
    atomic_fetch_add(&session_counts[SORT_OUTBOUND], 1);
    outbound_to_loop(s, &s->first, outbound_first);
    return s;
}

void
session_lend(struct session *s, struct batch *b)
{
    CHECK(s, OUTBOUND_MAGIC);
    CHECK(b, BATCH_MAGIC);
    BUG_ON(b->session);
    b->session = s;
    s->lent++;
    if (!s->ended) {
        outbound_to_loop(s, &b->mail, outbound_lent);
        return;
    }
    batch_fill(b, IMPEL_UNTRIED, IMPEL_BLAME_SESSION, 0, 0, NULL,
        "[internal] session is closed");
    mailbox_post(s->home, &b->mail, outbound_came_back);
}

void
session_recall(struct session *s, struct batch *b, bool now)
{
    CHECK(s, OUTBOUND_MAGIC);
    CHECK(b, BATCH_MAGIC);
    BUG_ON(b->session != s);
    if (s->ended || b->returned)
        return; /* it is on its way back */
    if (b->recalling) {
        b->recall_again = b->recall_again || now;
        return;
    }
    b->recalling = true;
    b->recall_now = now;
    s->recalls++;
    outbound_to_loop(s, &b->recall, outbound_recalled);
}

static void
outbound_command(struct session *s, unsigned command)
{
    CHECK(s, OUTBOUND_MAGIC);
    if (s->ended)
        return;
    atomic_fetch_or(&s->commands, command);
    if (!atomic_exchange(&s->command_posted, true))
        outbound_to_loop(s, &s->command, outbound_commanded);
}

void
session_probe(struct session *s)
{
    if (s->probes != s->note_probes)
        return; /* one is under way */
    s->probes++;
    outbound_command(s, COMMAND_PROBE);
}

void
session_close(struct session *s, bool now)
{
    outbound_command(s, now ? COMMAND_CLOSE_NOW : COMMAND_CLOSE);
}

static const char *
outbound_doing(const struct impel_session *io)
{
    if (io->state == SESSION_OPEN)
        return io->open_count ? "delivering" : "idle";
    return session_state_name(io->state);
}

void
session_print(const struct session *s, struct buf *to)
{
    int64_t ms = clock_mono() - s->io.since;

    CHECK(s, OUTBOUND_MAGIC);
    buf_printf(to, "[%016" PRIx64 "] %s %s", s->io.id, s->method, s->host);
    if (s->addr_text[0])
        buf_printf(to, " [%s]:%u", s->addr_text, s->peer.port);
    if (s->io.proxy.ip.family) {
        buf_cstr(to, " by PROXY server ");
        proxyproto_print_server(&s->io.proxy, to);
    }
    buf_printf(to, " State: %s (%" PRId64 " ms)", outbound_doing(&s->io),
        ms > 0 ? ms : 0);
    if (s->io.open_count)
        buf_printf(to, " Batches: %u", s->io.open_count);
}

struct mailbox *
outbound_home(struct impel_session *io)
{
    return io->kind == &outbound ? outbound_of(io)->home : NULL;
}

void
outbound_print(struct impel_session *io, struct buf *to)
{
    session_print(outbound_of(io), to);
}

uint64_t
session_count_outbound(void)
{
    return atomic_load(&session_counts[SORT_OUTBOUND]);
}
