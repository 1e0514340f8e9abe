/* SPDX-License-Identifier: Apache-2.0
 *
 * peer.c - the other end of a session, as the script has it.
 */
#include "world.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/banned.h"

enum { PEER_MAX_LINE = 4 * 1024 * 1024 };

static void
peer_fail(struct impel_session *s, const char *what, const char *p, size_t n)
{
    struct peer *peer = &s->peer;
    const struct script_session *t = s->script;

    peer->odd = true;
    if (s->world->plan.lenient || peer->failed)
        return;
    peer->failed = true;
    world_fault(s->world, "line %d: %s: \"%.*s\"",
        peer->at < t->step_count ? t->step[peer->at].line : t->line, what,
        (int)(n > 200 ? 200 : n), p);
}

/* Whether the script says itself when the message is taken. */
static bool
peer_has_mark(const struct impel_session *s, const struct script_message *m)
{
    for (size_t i = 0; i < s->script->step_count; i++)
        if (s->script->step[i].kind == STEP_ACCEPTED &&
            s->script->step[i].message == m)
            return true;
    return false;
}

/* The whole message is here: unless the script marks it, the next thing said
 * is its acceptance, if any recipient is to be delivered. */
static void
peer_has_message(struct impel_session *s, const struct script_message *m)
{
    if (peer_has_mark(s, m))
        return;
    for (size_t i = 0; i < m->rcpt_count; i++)
        if (m->rcpt[i].want.verdict == IMPEL_DELIVERED ||
            !m->rcpt[i].want.verdict)
            s->peer.awaiting = m;
}

static void
peer_accepted(struct impel_session *s, const struct script_message *m)
{
    size_t index = (size_t)(m - s->world->script->message);

    if (s->world->script->listener) {
        if (s->world->plan.inject >= INJECT_EARLY)
            return; /* it may not have been this one */
        for (size_t i = 0; i < s->world->incoming_count; i++)
            if (s->world->incoming[i]->session == s &&
                s->world->incoming[i]->final)
                return;
        world_fault(
            s->world, "%s was accepted before its FINAL verdict", m->name);
        return;
    }
    s->peer.accepted[index] = s->peer.said - s->peer.early_said;
}

static void
peer_say(struct impel_session *s, const struct script_step *step)
{
    struct peer *peer = &s->peer;
    size_t before = peer->to.n;

    mangle_say(s->world, s->script, step->text, &peer->to);
    peer->said += peer->to.n - before;
    if (peer->to.n > before)
        world_note(s, ">", peer->to.p + before, peer->to.n - before);
    if (peer->awaiting)
        peer_accepted(s, peer->awaiting);
    peer->awaiting = NULL;
}

/* What comes next is said before the module has said what it answers. */
static void
peer_hurry(struct impel_session *s)
{
    const struct script_session *t = s->script;
    size_t i = s->peer.at + 1;

    while (i < t->step_count && t->step[i].kind != STEP_SAY)
        i++;
    if (i == t->step_count)
        return;
    s->peer.early = i;
    s->peer.early_said = s->peer.said;
    peer_say(s, &t->step[i]);
    s->peer.early_said = s->peer.said - s->peer.early_said;
}

/* A step of words: said now, or already. */
static void
peer_words(struct impel_session *s, const struct script_step *step)
{
    struct peer *peer = &s->peer;

    if (peer->early && peer->early == peer->at) {
        peer->early = peer->early_said = 0;
        if (peer->awaiting)
            peer_accepted(s, peer->awaiting);
        peer->awaiting = NULL;
        return;
    }
    peer_say(s, step);
    if (mangle_hurries(s->world))
        peer_hurry(s);
}

/* In a disturbed run: go on with the next step that this line fits. */
static bool
peer_jump(struct impel_session *s, struct impel_str line)
{
    const struct script_session *t = s->script;

    for (size_t i = s->peer.at; i < t->step_count; i++) {
        if (t->step[i].kind != STEP_EXPECT && t->step[i].kind != STEP_MAYBE)
            continue;
        if (!script_step_matches(&t->step[i], line))
            continue;
        s->peer.at = i + 1;
        return true;
    }
    return false;
}

/* Leave out an optional line with what is said to it. */
static void
peer_skip(struct impel_session *s)
{
    const struct script_session *t = s->script;

    do {
        s->peer.at++;
    } while (s->peer.at < t->step_count &&
        (t->step[s->peer.at].kind == STEP_SAY ||
            t->step[s->peer.at].kind == STEP_ACCEPTED));
}

/* One line of the module; false: it is not whole yet. */
static bool
peer_expect(struct impel_session *s, const struct script_step *step)
{
    struct peer *peer = &s->peer;
    struct str all = buf_get(&peer->from);
    size_t end = str_chr(all, '\n', 0);
    struct impel_str line;

    if (end == SIZE_MAX) {
        if (all.n > PEER_MAX_LINE)
            peer_fail(s, "a line without end", all.p, 80);
        return false;
    }
    line = (struct impel_str){all.p, end};
    if (!end || all.p[end - 1] != '\r')
        peer_fail(s, "a line must end in CRLF", all.p, end);
    else
        line.n--;
    if (script_step_matches(step, line))
        peer->at++;
    else if (step->kind == STEP_MAYBE) {
        peer_skip(s);
        return true; /* the line is still there */
    } else if (!s->world->plan.lenient || !peer_jump(s, line)) {
        peer_fail(s, "the module said", line.p, line.n);
    }
    world_note(s, "<", line.p, line.n);
    buf_consume(&peer->from, end + 1);
    return true;
}

static bool
peer_body(struct impel_session *s, const struct script_step *step, bool dotted)
{
    struct peer *peer = &s->peer;
    struct buf want = BUF_INIT;
    const struct buf *raw = &step->message->body;
    bool whole;

    for (size_t i = 0; i < raw->n; i++) {
        if (dotted && raw->p[i] == '.' && (!i || raw->p[i - 1] == '\n'))
            buf_char(&want, '.');
        buf_char(&want, raw->p[i]);
    }
    if (dotted)
        buf_cstr(&want, ".\r\n");
    whole = peer->from.n >= want.n;
    if (whole) {
        if (want.n && memcmp(peer->from.p, want.p, want.n))
            peer_fail(s, "the body differs", peer->from.p, want.n);
        world_note(s, "<", "(body)", 6);
        buf_consume(&peer->from, want.n);
        peer->at++;
        peer_has_message(s, step->message);
    }
    buf_fini(&want);
    return whole;
}

/* Octets that end in no line, such as the body of a request by HTTP. */
static bool
peer_octets(struct impel_session *s, const struct script_step *step)
{
    struct peer *peer = &s->peer;

    if (peer->from.n < step->text.n)
        return false;
    if (memcmp(peer->from.p, step->text.p, step->text.n) != 0)
        peer_fail(s, "the module said", peer->from.p, step->text.n);
    world_note(s, "<", peer->from.p, step->text.n);
    buf_consume(&peer->from, step->text.n);
    peer->at++;
    return true;
}

/* A packet of the module: its length, highest octet first, and as many, and
 * those that are not counted.  In a disturbed run: go on with the next one that
 * this fits. */
static bool
peer_packet(struct impel_session *s)
{
    struct peer *peer = &s->peer;
    const struct script_session *t = s->script;
    size_t before = (size_t)t->frame_before, size = 0, i = peer->at;
    size_t head = before + (size_t)t->frame_length;
    struct impel_str packet;

    if (peer->from.n < head)
        return false;
    for (size_t k = before; k < head; k++)
        size = size << 8 | (unsigned char)peer->from.p[k];
    size += (size_t)t->frame_more;
    if (size > PEER_MAX_LINE)
        peer_fail(s, "a packet without end", "", 0);
    if (peer->from.n - head < size)
        return false;
    /* without the length */
    memmove(peer->from.p + head - before, peer->from.p, before);
    packet = (struct impel_str){peer->from.p + head - before, before + size};
    while (i < t->step_count &&
        (t->step[i].kind != STEP_PACKET ||
            !script_packet_fits(t->step[i].text, packet)))
        i++;
    if (i == peer->at || (i < t->step_count && s->world->plan.lenient))
        peer->at = i + 1;
    else
        peer_fail(s, "the module said", packet.p, packet.n);
    world_note(s, "<", packet.p, packet.n);
    buf_consume(&peer->from, head + size);
    return true;
}

static void
peer_end_tls(struct impel_session *s, bool fails)
{
    struct event *event;

    s->tls = !fails;
    s->tls_failed = fails;
    s->connected = !fails;
    s->tls_asked = false;
    world_note(s, "=", fails ? "no TLS" : "TLS", fails ? 6 : 3);
    event = world_post(s->world, s, IMPEL_EV_TLS);
    event->arg = fails ? IMPEL_E_CLOSED : 0;
}

static bool
peer_tls(struct impel_session *s, bool fails)
{
    if (!s->tls_asked)
        return false;
    s->peer.at++;
    peer_end_tls(s, fails);
    return true;
}

static bool
peer_wait(struct impel_session *s, const struct script_step *step)
{
    struct peer *peer = &s->peer;

    if (!peer->wake)
        peer->wake = s->world->now + step->ms;
    if (s->world->now < peer->wake)
        return false;
    peer->wake = 0;
    peer->at++;
    return true;
}

static bool
peer_step(struct impel_session *s, const struct script_step *step)
{
    switch (step->kind) {
    case STEP_SAY:
        peer_words(s, step);
        break;
    case STEP_EXPECT:
    case STEP_MAYBE:
        return peer_expect(s, step);
    case STEP_BODY:
        return peer_body(s, step, true);
    case STEP_CHUNK:
        return peer_body(s, step, false);
    case STEP_HALF:
        if (s->peer.from.n < step->message->body.n / 2)
            return false;
        break;
    case STEP_ACCEPTED:
        peer_accepted(s, step->message);
        break;
    case STEP_TLS:
        return peer_tls(s, false);
    case STEP_TLS_REQUIRETLS:
        s->tls_need = true;
        /* fall through */
    case STEP_TLS_VERIFIED:
        s->tls_verified = true;
        return peer_tls(s, false);
    case STEP_TLS_FAILS:
        (void)peer_tls(s, true);
        return false;
    case STEP_PACKET:
        return peer_packet(s);
    case STEP_OCTETS:
        return peer_octets(s, step);
    case STEP_WAIT:
        return peer_wait(s, step);
    case STEP_DROP:
        s->peer.dropped = true;
        break;
    }
    s->peer.at++;
    return true;
}

void
peer_run(struct impel_session *s)
{
    struct peer *peer = &s->peer;
    const struct script_session *t = s->script;

    if (s->tls_failed && !s->connected)
        return; /* the next step is for the next connection */
    while (!peer->failed && !peer->dropped && peer->at < t->step_count)
        if (!peer_step(s, &t->step[peer->at]))
            break;
    if (s->tls_asked && s->world->plan.lenient && !peer->dropped)
        peer_end_tls(s, true); /* a handshake ends one way or the other */
    if (!peer->failed && !peer->dropped && peer->at < t->step_count)
        return;
    if (!peer->from.n)
        return;
    if (!peer->dropped && !peer->failed && t->step_count)
        peer_fail(
            s, "the module said after the end", peer->from.p, peer->from.n);
    buf_cut(&peer->from, 0);
}

/* Steps that a peer need not reach before the session is over. */
static bool
peer_may_omit(const struct impel_session *s, size_t i)
{
    switch (s->script->step[i].kind) {
    case STEP_MAYBE:
    case STEP_WAIT:
    case STEP_DROP:
    case STEP_TLS_FAILS:
        return true;
    case STEP_SAY: /* in answer to a line that may be missing */
        return i > s->peer.at;
    default:
        return false;
    }
}

bool
peer_is_done(const struct impel_session *s)
{
    for (size_t i = s->peer.at; i < s->script->step_count; i++)
        if (!peer_may_omit(s, i))
            return false;
    return true;
}

void
peer_deliver(struct impel_session *s)
{
    struct peer *peer = &s->peer;
    size_t left = peer_left(peer), n = left;

    if (s->world->plan.wire == WIRE_BYTES)
        n = 1;
    else if (s->world->plan.wire != WIRE_WHOLE)
        n = MIN_OF(
            n, str_chr(buf_get(&peer->to), '\n', peer->given) - peer->given);
    n = MIN_OF(n + (n < left && s->world->plan.wire != WIRE_BYTES), left);
    buf_add(&s->in, peer->to.p + peer->given, n);
    peer->given += n;
    peer->delivered += n;
    if (!peer_left(peer))
        peer_forget(peer);
}

size_t
peer_left(const struct peer *peer)
{
    return peer->to.n - peer->given;
}

void
peer_forget(struct peer *peer)
{
    buf_cut(&peer->to, 0);
    peer->given = 0;
}
