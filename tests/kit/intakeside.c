/* SPDX-License-Identifier: Apache-2.0
 *
 * intakeside.c - struct impel_intake over the world of the kit: messages are
 * gathered and compared with the script's, verdicts come from its answers.
 */
#include "world.h"

#include <stdlib.h>
#include <string.h>

#include "base/cidr.h"
#include "base/str.h"
#include "base/xmem.h"
#include "base/banned.h"

enum { INTAKE_MAX_BODY = 64 * 1024 * 1024 };

static const struct script_want intake_yes = {
    .verdict = IMPEL_DELIVERED, .code = 250, .status = {2, 0, 0}};

static bool
intake_may(struct impel_session *s, const char *call)
{
    if (!threads_may(call))
        return false;
    if (s && s->state == SESSION_LIVE && s->world->script->listener)
        return true;
    world_fault(s ? s->world : world_current, "%s() %s", call,
        s ? "of a session that is over" : "of nothing");
    return false;
}

static bool
intake_may_message(struct impel_incoming *m, const char *call)
{
    if (!intake_may(m ? m->session : NULL, call))
        return false;
    if (!m->done && !m->committed)
        return true;
    world_fault(m->world, "%s() of a message that was %s", call,
        m->done ? "abandoned or answered" : "committed");
    return false;
}

/* The verdict comes later, by the first answer that fits. */
static void
intake_answer(struct impel_session *s, int stage, struct impel_str about,
    uint64_t tag, size_t rcpt)
{
    struct script *t = s->world->script;
    struct event *e = world_post(s->world, s, EVENT_VERDICT);

    e->stage = stage;
    e->tag = tag;
    e->rcpt = rcpt;
    e->say = &intake_yes;
    for (size_t i = 0; i < t->answer_count; i++) {
        struct script_answer *a = &t->answer[i];
        if (a->stage != stage || (a->glob && !script_glob(a->glob, about)))
            continue;
        e->say = &a->say;
        e->due = a->ms ? s->world->now + a->ms : 0;
        return;
    }
}

static void
client_word(struct buf *to, struct impel_str said)
{
    buf_fini(to);
    *to = (struct buf)BUF_INIT;
    buf_add(to, said.p, said.n);
}

static int
intake_greet(struct impel_session *s, struct impel_str name)
{
    if (!intake_may(s, "greet"))
        return IMPEL_E_CLOSED;
    if (!s->client.helo_said)
        client_word(&s->client.helo, name);
    intake_answer(s, IMPEL_AT_CONNECT, name, 0, SIZE_MAX);
    return 0;
}

/* No peer of a script may log in. */
static struct impel_str
intake_mechanisms(struct impel_session *s)
{
    (void)intake_may(s, "mechanisms");
    return (struct impel_str){NULL, 0};
}

static int
intake_sasl(
    struct impel_session *s, struct impel_sasl *q, struct impel_error *e)
{
    (void)q, (void)e;
    return intake_may(s, "sasl") ? IMPEL_E_UNSUP : IMPEL_E_CLOSED;
}

static void
intake_refused(struct impel_session *s, struct impel_str rcpt,
    const struct impel_result *r)
{
    (void)rcpt;
    if (intake_may(s, "refused") &&
        (!r->text.p || !IMPEL_HAS(struct impel_result, r, info)))
        world_fault(s->world, "refused() without a reason");
}

static bool
client_is_busy(const struct impel_session *s)
{
    for (size_t i = 0; i < s->world->incoming_count; i++)
        if (s->world->incoming[i]->session == s && !s->world->incoming[i]->done)
            return true;
    return false;
}

/* What is absent stays. */
static void
client_set(struct client *c, const struct impel_peer *p)
{
    if (p->addr.p)
        client_word(&c->addr, p->addr);
    if (p->helo.p || !c->helo_said)
        client_word(&c->helo, p->helo);
    c->helo_said |= p->helo.p != NULL;
    if (p->login.p)
        client_word(&c->login, p->login);
    c->port = p->port;
}

/* Is there a place for it?  There is, but for what the script says. */
static int
client_place(struct impel_session *s)
{
    struct script *t = s->world->script;
    struct str addr = buf_get(&s->client.addr);
    struct impel_str about = {addr.p, addr.n};
    struct event *e;

    for (size_t i = 0; i < t->answer_count; i++) {
        struct script_answer *a = &t->answer[i];
        if (a->stage != SCRIPT_AT_CLIENT ||
            (a->glob && !script_glob(a->glob, about)))
            continue;
        e = world_post(s->world, s, EVENT_VERDICT);
        e->stage = IMPEL_AT_CONNECT;
        e->rcpt = SIZE_MAX;
        e->say = &a->say;
        e->due = a->ms ? s->world->now + a->ms : 0;
        return IMPEL_E_AGAIN;
    }
    return 0;
}

static int
intake_set_peer(struct impel_session *s, const struct impel_peer *peer)
{
    struct cidr ip;

    if (!intake_may(s, "set_peer"))
        return IMPEL_E_CLOSED;
    if (!s->world->script->trusted)
        return IMPEL_E_UNSUP;
    if (!peer)
        return 0;
    if (!IMPEL_HAS(struct impel_peer, peer, local_port))
        world_fault(s->world, "set_peer() without a size");
    if (client_is_busy(s))
        return IMPEL_E_CLOSED;
    if (peer->addr.n &&
        cidr_parse(str_make(peer->addr.p, peer->addr.n), 0, &ip, NULL))
        return IMPEL_E_INVAL;
    client_set(&s->client, peer);
    return client_place(s);
}

static void
client_copy(struct client *to, const struct client *from)
{
    buf_add(&to->addr, from->addr.p, from->addr.n);
    buf_add(&to->helo, from->helo.p, from->helo.n);
    buf_add(&to->login, from->login.p, from->login.n);
    to->port = from->port;
}

static struct impel_incoming *
intake_begin(struct impel_session *s, uint64_t tag)
{
    struct world *w;
    struct impel_incoming *m;

    if (!intake_may(s, "begin"))
        return NULL;
    w = s->world;
    if (!tag)
        world_fault(w, "begin() with tag 0");
    for (size_t i = 0; i < w->incoming_count; i++)
        if (w->incoming[i]->session == s && w->incoming[i]->tag == tag &&
            !w->incoming[i]->done)
            world_fault(w, "begin() with a tag that is in use");
    m = xnew(struct impel_incoming);
    m->world = w;
    m->session = s;
    m->tag = tag;
    client_copy(&m->client, &s->client);
    w->incoming =
        xgrow(w->incoming, w->incoming_count + 1, sizeof(w->incoming[0]));
    w->incoming[w->incoming_count++] = m;
    return m;
}

static int
intake_sender(struct impel_incoming *m, const struct impel_sender *from)
{
    if (!intake_may_message(m, "sender"))
        return IMPEL_E_CLOSED;
    if (m->has_sender || !from ||
        !IMPEL_HAS(struct impel_sender, from, deadline))
        world_fault(m->world, "sender() twice, or without a size");
    m->has_sender = true;
    buf_add(&m->sender, from->address.p, from->address.n);
    intake_answer(m->session, IMPEL_AT_SENDER, from->address, m->tag, SIZE_MAX);
    return 0;
}

static int
intake_recipient(struct impel_incoming *m, const struct impel_rcpt *to)
{
    size_t n;

    if (!intake_may_message(m, "recipient"))
        return IMPEL_E_CLOSED;
    if (!m->has_sender || !to || !IMPEL_HAS(struct impel_rcpt, to, number))
        world_fault(m->world, "recipient() before sender(), or without size");
    n = m->rcpt_count++;
    m->rcpt = xgrow(m->rcpt, m->rcpt_count, sizeof(*m->rcpt));
    m->refused = xgrow(m->refused, m->rcpt_count, sizeof(*m->refused));
    m->rcpt[n] = (struct buf)BUF_INIT;
    m->refused[n] = true; /* until the verdict */
    buf_add(&m->rcpt[n], to->address.p, to->address.n);
    intake_answer(m->session, IMPEL_AT_RCPT, to->address, m->tag, n);
    return 0;
}

static int
intake_set_meta(
    struct impel_incoming *m, struct impel_str key, struct impel_str value)
{
    if (!intake_may_message(m, "set_meta"))
        return IMPEL_E_CLOSED;
    if (str_eq(str_make(key.p, key.n), STR("protocol")))
        client_word(&m->client.proto, value);
    return 0;
}

static int
intake_body(struct impel_incoming *m, const void *p, size_t n)
{
    if (!intake_may_message(m, "body"))
        return IMPEL_E_CLOSED;
    m->again = !m->again;
    if (m->world->plan.wire == WIRE_BYTES && m->again) {
        world_post(m->world, m->session, IMPEL_EV_CREDIT);
        return IMPEL_E_AGAIN;
    }
    if (m->body.n + n > INTAKE_MAX_BODY)
        return IMPEL_E_NOMEM;
    buf_add(&m->body, p, n);
    return 0;
}

static int
intake_keep(struct impel_incoming *m, struct impel_str value, int64_t expiry)
{
    (void)expiry;
    if (!intake_may_message(m, "keep"))
        return IMPEL_E_CLOSED;
    buf_cut(&m->keep, 0);
    buf_add(&m->keep, value.p, value.n);
    return 0;
}

static int
intake_may_relay(struct impel_session *s)
{
    return intake_may(s, "may_relay") && !s->world->script->stranger;
}

/* Two messages with one key are not committed at once. */
static void
check_key(const struct impel_incoming *m)
{
    for (size_t i = 0; i < m->world->incoming_count; i++) {
        const struct impel_incoming *o = m->world->incoming[i];

        if (o != m && o->committed && !o->done && o->key.n &&
            str_eq(buf_get(&o->key), buf_get(&m->key)))
            world_fault(m->world, "commit() of a key that is being committed");
    }
}

static int
intake_commit(struct impel_incoming *m, struct impel_str key)
{
    if (!intake_may_message(m, "commit"))
        return IMPEL_E_CLOSED;
    buf_add(&m->key, key.p, key.n);
    check_key(m);
    if (!m->taken)
        world_fault(m->world, "commit() without an accepted recipient");
    m->committed = true;
    m->number = m->session->received++;
    intake_answer(m->session, IMPEL_AT_FINAL,
        (struct impel_str){m->sender.p, m->sender.n}, m->tag, SIZE_MAX);
    return 0;
}

static void
intake_abandon(struct impel_incoming *m)
{
    if (!m || m->done)
        world_fault(m ? m->world : world_current,
            "abandon() of a message that is gone");
    else
        m->done = true;
}

const struct impel_intake world_intake = {
    .size = sizeof(struct impel_intake),
    .greet = intake_greet,
    .mechanisms = intake_mechanisms,
    .sasl = intake_sasl,
    .set_peer = intake_set_peer,
    .begin = intake_begin,
    .sender = intake_sender,
    .recipient = intake_recipient,
    .set_meta = intake_set_meta,
    .body = intake_body,
    .commit = intake_commit,
    .keep = intake_keep,
    .refused = intake_refused,
    .may_relay = intake_may_relay,
    .abandon = intake_abandon,
};
