/* SPDX-License-Identifier: Apache-2.0
 *
 * inbound.c - sessions that a peer began: accepted by a listener, parsed by a
 * module, judged by the intake layer.  Loop thread, but for the counts.
 */
#include "xport/session_int.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/magic.h"
#include "base/xmem.h"
#include "conf/generation.h"
#include "loop/slow.h"
#include "xport/hostapi.h"
#include "base/banned.h"

struct inbound {
    uint32_t magic;
    struct impel_session io;
    struct netaddr peer, local;
    char *host; /* as text, for the module */
    struct impel_peer seen;
    struct generation *generation;
    session_released_f *released;
    session_secured_f *secured;
    void *arg;
};

/* An answer of the intake layer on its way to the module. */
struct verdict {
    struct list node;
    uint64_t tag;
    size_t rcpt;
    struct impel_result result; /* text stands behind it */
};

static struct inbound *
inbound_of(const struct impel_session *io)
{
    struct inbound *s =
        (struct inbound *)((uintptr_t)io - offsetof(struct inbound, io));

    CHECK(s, INBOUND_MAGIC);
    return s;
}

static int
inbound_begin(struct impel_session *io, struct impel_error *e)
{
    struct inbound *s = inbound_of(io);
    const struct module *m = io->module;
    int64_t t = session_call_begin(io, CALL_ACCEPTED, NULL);
    int rc =
        m->listener.accepted(m->ctx, io, &io->scope, &s->seen, &io->mine, e);

    session_call_end(io, CALL_ACCEPTED, t);
    return rc;
}

static void
inbound_verdict(struct impel_session *io)
{
    struct list *node = list_take(&io->verdicts);
    struct verdict *v = LIST_ENTRY(node, struct verdict, node);
    int64_t t = session_call_begin(io, CALL_VERDICT, NULL);

    io->module->listener.verdict(io->mine, v->tag, v->rcpt, &v->result);
    session_call_end(io, CALL_VERDICT, t);
    free(v);
}

static void
inbound_gone(struct impel_session *io)
{
    struct inbound *s = inbound_of(io);
    struct list *node;

    while ((node = list_take(&io->verdicts)) != NULL)
        free(LIST_ENTRY(node, struct verdict, node));
    s->released(s->arg, io);
    result_fini(&io->why);
    if (s->generation)
        generation_unref(&s->generation);
    free(s->host);
    free(io->name);
    s->magic = io->magic = 0;
    free(s);
}

static void
inbound_shaken(struct impel_session *io, int error)
{
    struct inbound *s = inbound_of(io);

    if (error && io->shaking)
        session_request_close(io, true);
    if (s->secured)
        s->secured(s->arg, io, error ? io->tls_why : NULL);
}

static const struct session_kind inbound = {
    .inbound = true,
    .begin = inbound_begin,
    .verdict = inbound_verdict,
    .shaken = inbound_shaken,
    .gone = inbound_gone,
};

static void
inbound_fill_peer(struct inbound *s)
{
    struct buf b = BUF_INIT;

    netaddr_print_ip(&s->peer, &b);
    free(s->host);
    s->host = b.n ? buf_detach(&b, NULL) : xdup("");
    s->seen = (struct impel_peer){.size = sizeof(s->seen),
        .port = s->peer.port,
        .host = {s->host, strlen(s->host)},
        .addr = {s->host, strlen(s->host)}};
}

struct impel_session *
session_accept(struct loop *l, const struct module *module,
    const struct scope *scope, int fd, const struct netaddr *peer,
    const struct netaddr *local, uint64_t id, session_released_f *released,
    void *arg)
{
    struct inbound *s = xnew(struct inbound);

    CHECK(module, MODULE_MAGIC);
    BUG_ON(!module->has_listener);
    s->magic = INBOUND_MAGIC;
    session_init(&s->io, &inbound, l, module, scope);
    s->io.id = id;
    s->io.to = s->peer = *peer;
    s->local = *local;
    if (scope)
        s->generation = generation_ref(scope_generation(scope));
    inbound_fill_peer(s);
    s->released = released;
    s->arg = arg;
    atomic_fetch_add(&session_counts[SORT_INBOUND], 1);
    s->io.conn = conn_accepted(l, fd, peer, local, link_event, &s->io);
    s->io.up = true;
    session_begin(&s->io);
    return &s->io;
}

/* A copy in one block: results are few and small. */
static struct verdict *
inbound_copy(const struct impel_result *r)
{
    size_t text = r->text.p ? MIN_OF(r->text.n, (size_t)RESULT_TEXT_MAX) : 0;
    struct verdict *v = xcalloc(1, sizeof(*v) + text);

    memcpy(&v->result, r, MIN_OF((size_t)r->size, sizeof(v->result)));
    v->result.size = sizeof(v->result);
    v->result.info_count = 0;
    v->result.info = NULL;
    if (text) {
        memcpy(v + 1, r->text.p, text);
        v->result.text = (struct impel_str){(const char *)(v + 1), text};
    }
    return v;
}

void
session_verdict(struct impel_session *s, uint64_t tag, size_t rcpt,
    const struct impel_result *r)
{
    struct verdict *v;

    CHECK(s, SESSION_MAGIC);
    if (s->state >= SESSION_CLOSED)
        return; /* nobody is left to hear it */
    v = inbound_copy(r);
    v->tag = tag;
    v->rcpt = rcpt;
    list_push(&s->verdicts, &v->node);
    session_kick(s);
}

void
session_credit(struct impel_session *s)
{
    CHECK(s, SESSION_MAGIC);
    session_mark(s, PENDING_CREDIT);
}

void
session_end(struct impel_session *s, bool now)
{
    CHECK(s, SESSION_MAGIC);
    session_request_close(s, now);
}

void *
session_arg(const struct impel_session *s)
{
    return inbound_of(s)->arg;
}

void
session_on_secured(struct impel_session *s, session_secured_f *fn)
{
    inbound_of(s)->secured = fn;
}

const struct netaddr *
session_peer(const struct impel_session *s)
{
    return &inbound_of(s)->peer;
}

const struct netaddr *
session_local(const struct impel_session *s)
{
    return &inbound_of(s)->local;
}

struct impel_str
session_told(struct impel_session *s, int what)
{
    CHECK(s, SESSION_MAGIC);
    return link_info(s, what);
}

uint64_t
session_inbound_id(const struct impel_session *s)
{
    return s->id;
}

const char *
session_module_name(const struct impel_session *s)
{
    return s->module->name;
}

void
session_set_name(struct impel_session *s, const char *name)
{
    CHECK(s, SESSION_MAGIC);
    free(s->name);
    s->name = name ? xdup(name) : NULL;
}

void
session_set_peer(struct impel_session *s, const struct netaddr *peer)
{
    struct inbound *in = inbound_of(s);

    in->peer = s->to = *peer;
    xfree(&s->peer_text);
}

void
session_set_local(struct impel_session *s, const struct netaddr *local)
{
    inbound_of(s)->local = *local;
}

void
session_set_scope(struct impel_session *s, const struct scope *scope)
{
    struct inbound *in = inbound_of(s);
    struct generation *before = in->generation;

    in->generation = generation_ref(scope_generation(scope));
    s->scope.scope = scope;
    if (before)
        generation_unref(&before);
}

/* set_peer() for an intake layer that has no rules of its own. */
static int
inbound_set_peer(struct impel_session *s, const struct impel_peer *p)
{
    struct netaddr to = {0};
    struct cidr ip;

    CHECK(s, SESSION_MAGIC);
    if (!p)
        return IMPEL_E_UNSUP;
    if (cidr_parse(str_make(p->addr.p ? p->addr.p : "", p->addr.n),
            CIDR_BRACKETS, &ip, NULL) < 0)
        return IMPEL_E_INVAL;
    netaddr_from_ip(&to, &ip, p->port);
    session_set_peer(s, &to);
    return 0;
}

void
session_set_intake(const struct impel_intake *t)
{
    struct impel_intake copy = {0};

    memcpy(&copy, t, MIN_OF((size_t)t->size, sizeof(copy)));
    copy.size = sizeof(copy);
    if (!copy.set_peer)
        copy.set_peer = inbound_set_peer;
    hostapi_set_intake(&copy);
}

uint64_t
session_count_inbound(void)
{
    return atomic_load(&session_counts[SORT_INBOUND]);
}

void
session_end_all_inbound(struct loop *l, bool now)
{
    struct list *it, *head = session_all(SORT_INBOUND);

    LIST_FOREACH (it, head) {
        struct impel_session *s = LIST_ENTRY(it, struct impel_session, node);

        if (s->loop == l)
            session_request_close(s, now);
    }
}

/* --- show inbound | outbound --- */

struct listing {
    struct mail mail;
    struct loop *loop;
    struct mailbox *home;
    bool inbound;
    session_list_f *fn;
    void *arg;
    struct buf text;
};

static void
inbound_print(const struct impel_session *io, struct buf *to)
{
    const struct inbound *s = inbound_of(io);
    int64_t ms = clock_mono() - io->since;

    buf_printf(to, "[%016" PRIx64 "] %s ", io->id, io->module->name);
    netaddr_print(&s->peer, to);
    buf_cstr(to, " -> ");
    netaddr_print(&s->local, to);
    buf_printf(to, " State: %s (%" PRId64 " ms) Received: %" PRIu64 "",
        session_state_name(io->state), ms > 0 ? ms : 0,
        io->conn ? conn_received(io->conn) : 0);
    if (io->tls_said)
        buf_printf(to, " TLS: %s", io->tls_said);
    else if (io->shaking)
        buf_cstr(to, " TLS: handshake");
}

static void
listing_arrived(struct mail *m)
{
    struct listing *g = CONTAINER_OF(m, struct listing, mail);

    g->fn(g->arg, &g->text);
    buf_fini(&g->text);
    free(g);
}

static void
listing_make(struct mail *m)
{
    struct listing *g = CONTAINER_OF(m, struct listing, mail);
    struct list *it,
        *head = session_all(g->inbound ? SORT_INBOUND : SORT_OUTBOUND);

    LIST_FOREACH (it, head) {
        struct impel_session *s = LIST_ENTRY(it, struct impel_session, node);

        if (s->loop != g->loop)
            continue;
        if (g->inbound)
            inbound_print(s, &g->text);
        else
            outbound_print(s, &g->text);
        buf_char(&g->text, '\n');
    }
    mailbox_post(g->home, &g->mail, listing_arrived);
}

void
session_list(struct loop *l, bool in, struct mailbox *home, session_list_f *fn,
    void *arg)
{
    struct listing *g = xnew(struct listing);

    g->loop = l;
    g->home = home;
    g->inbound = in;
    g->fn = fn;
    g->arg = arg;
    mailbox_post(loop_mailbox(l), &g->mail, listing_make);
}
