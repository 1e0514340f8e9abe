/* SPDX-License-Identifier: Apache-2.0
 *
 * verify.c - results against the rules of the ABI and against the script.
 */
#include "world.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/banned.h"

void
verify_shape(struct world *w, const char *what, const struct impel_result *r)
{
    if (!IMPEL_HAS(struct impel_result, r, info))
        world_fault(w, "%s: a result without its size", what);
    if (r->verdict < IMPEL_DELIVERED || r->verdict > IMPEL_UNTRIED)
        world_fault(w, "%s: verdict %d", what, r->verdict);
    if (r->stage < 0 || r->stage > IMPEL_AT_DATA)
        world_fault(w, "%s: stage %d", what, r->stage);
    if (r->blame < 0 || r->blame > IMPEL_BLAME_ROUTE)
        world_fault(w, "%s: blame %d", what, r->blame);
    if (r->code && (r->code < 100 || r->code > 999))
        world_fault(w, "%s: code %u", what, r->code);
    if (r->verdict != IMPEL_RETRY && r->verdict != IMPEL_FAILED)
        return;
    if (!r->text.n)
        world_fault(w, "%s: a refusal without a word", what);
    if (!r->blame || !r->stage)
        world_fault(w, "%s: a refusal without blame or stage", what);
    if (r->blame == IMPEL_BLAME_RCPT && r->stage <= IMPEL_AT_SENDER)
        world_fault(w, "%s: a recipient blamed at stage %s", what,
            script_stage_name(r->stage));
    if (r->stage <= IMPEL_AT_LOGIN && r->blame == IMPEL_BLAME_MESSAGE)
        world_fault(w, "%s: a message blamed at stage %s", what,
            script_stage_name(r->stage));
}

static struct script_want
verify_got(const struct impel_result *r)
{
    return (struct script_want){.verdict = r->verdict,
        .blame = r->blame,
        .stage = r->stage,
        .code = r->code,
        .status = {r->status[0], r->status[1], r->status[2]},
        .uncertain = r->flags & IMPEL_UNCERTAIN};
}

/* What the peer had said when it took the message.  Where memory or words are
 * missing, it may have taken this one with the words for another. */
static uint64_t
verify_accepted(
    const struct impel_session *s, const struct script_message *message)
{
    const struct script *t = s->world->script;
    uint64_t at = s->peer.accepted[message - t->message];

    if (s->world->plan.inject < INJECT_MEMORY)
        return at;
    for (size_t i = 0; i < t->message_count; i++)
        if (s->peer.accepted[i] && (!at || s->peer.accepted[i] < at))
            at = s->peer.accepted[i];
    return at;
}

/* DELIVERED is a promise: the peer must have said so, and the module must
 * have been able to read it. */
static void
verify_taken(struct impel_batch *b, const char *what)
{
    struct impel_session *s = b->session;
    uint64_t at = verify_accepted(s, b->message);
    size_t i;

    if (b->world->plan.inject == INJECT_WORDS)
        return; /* it may have said anything */
    /* of several messages, another may have come in its place */
    if (b->world->plan.inject == INJECT_MEMORY && s->peer.odd &&
        b->world->script->message_count == 1)
        world_fault(b->world,
            "%s: delivered, but not as it would be with enough memory", what);
    for (i = 0; i < s->script->step_count; i++)
        if (s->script->step[i].message == b->message)
            break;
    if (i == s->script->step_count)
        return; /* the peer has no say in it */
    if (!at || s->peer.delivered < at)
        world_fault(
            b->world, "%s: delivered, but the peer has not said so", what);
}

/* Want of memory passes: nothing is refused for good by words of our own that
 * would have gone out. */
static void
verify_patience(struct impel_batch *b, const struct script_want *want,
    const struct impel_result *r, const char *what)
{
    if (b->world->plan.inject == INJECT_MEMORY && want->verdict &&
        want->verdict != r->verdict && r->text.n &&
        memmem(r->text.p, r->text.n, "[internal]", 10))
        world_fault(b->world, "%s: fails for good for want of memory: %.*s",
            what, (int)MIN_OF(r->text.n, 200u), r->text.p);
}

void
verify_result(struct impel_batch *b, size_t i, const struct impel_result *r,
    const char *call)
{
    struct report *p = &b->report[i];
    struct impel_str to = b->message->rcpt[i].rcpt.address;
    char what[200];

    snprintf(
        what, sizeof(what), "%s <%.*s>", b->message->name, (int)to.n, to.p);
    if (++p->times > 1) {
        world_fault(b->world, "%s: reported twice, by %s()", what, call);
        return;
    }
    if (!r) {
        world_fault(b->world, "%s: %s() without a result", what, call);
        return;
    }
    verify_shape(b->world, what, r);
    p->got = verify_got(r);
    buf_add(&p->text, r->text.p, r->text.n);
    if (r->verdict == IMPEL_DELIVERED)
        verify_taken(b, what);
    if (r->verdict == IMPEL_FAILED)
        verify_patience(b, &b->message->rcpt[i].want, r, what);
}

void
verify_why(struct impel_session *s, const struct impel_result *why)
{
    if (!why)
        return;
    verify_shape(s->world, "closed()", why);
    s->has_why = true;
    s->why = verify_got(why);
    buf_add(&s->why_text, why->text.p, why->text.n);
}

void
verify_always(struct world *w)
{
    for (size_t i = 0; i < w->batch_count; i++) {
        struct impel_batch *b = w->batch[i];
        for (size_t k = 0; k < b->message->rcpt_count; k++)
            if (!b->report[k].times)
                world_fault(w, "%s <%.*s>: never reported", b->message->name,
                    (int)b->message->rcpt[k].rcpt.address.n,
                    b->message->rcpt[k].rcpt.address.p);
    }
}

static void
verify_number(struct world *w, const char *what, const char *which, int want,
    int got, const char *want_name, const char *got_name)
{
    if (want && want != got)
        world_fault(w, "%s: %s is %d (%s), not %d (%s)", what, which, got,
            got_name, want, want_name);
}

static void
verify_want(struct world *w, const char *what, const struct script_want *want,
    const struct script_want *got, struct str text)
{
    size_t before = w->fault_count;

    verify_number(w, what, "verdict", want->verdict, got->verdict,
        script_verdict_name(want->verdict), script_verdict_name(got->verdict));
    verify_number(w, what, "blame", want->blame, got->blame,
        script_blame_name(want->blame), script_blame_name(got->blame));
    verify_number(w, what, "stage", want->stage, got->stage,
        script_stage_name(want->stage), script_stage_name(got->stage));
    verify_number(w, what, "code", want->code, got->code, "", "");
    for (int i = 0; i < 3 && want->status[0]; i++)
        if (want->status[i] != got->status[i]) {
            world_fault(w, "%s: status is %d.%d.%d", what, got->status[0],
                got->status[1], got->status[2]);
            break;
        }
    if (want->uncertain && !got->uncertain)
        world_fault(w, "%s: must be flagged UNCERTAIN", what);
    if (want->text &&
        !script_glob(want->text, (struct impel_str){text.p, text.n}))
        world_fault(w, "%s: text does not fit \"%s\"", what, want->text);
    if (w->fault_count != before)
        world_fault(w, "%s: the text was \"%.*s\"", what, STR_ARG(text));
}

void
verify_wanted(struct world *w, const char *what, const struct script_want *want,
    const struct impel_result *r)
{
    struct script_want got = verify_got(r);

    verify_want(w, what, want, &got, str_make(r->text.p, r->text.n));
}

static const struct impel_batch *
find_batch(const struct world *w, const struct script_message *m)
{
    for (size_t i = 0; i < w->batch_count; i++)
        if (w->batch[i]->message == m)
            return w->batch[i];
    return NULL;
}

static void
verify_message(struct world *w, const struct script_message *m)
{
    const struct impel_batch *b = find_batch(w, m);
    char what[200];

    for (size_t i = 0; i < m->rcpt_count; i++) {
        const struct script_want *want = &m->rcpt[i].want;
        snprintf(what, sizeof(what), "%s <%.*s>", m->name,
            (int)m->rcpt[i].rcpt.address.n, m->rcpt[i].rcpt.address.p);
        if (!b && want->verdict && want->verdict != SCRIPT_UNLENT)
            world_fault(w, "%s: the module never took it", what);
        else if (b && want->verdict == SCRIPT_UNLENT)
            world_fault(w, "%s: must not be asked for", what);
        else if (b)
            verify_want(
                w, what, want, &b->report[i].got, buf_get(&b->report[i].text));
    }
}

/* What the script does not say of the client may be anything; "-": nothing. */
static void
verify_word(struct world *w, const struct script_message *m, const char *which,
    const struct impel_str want, const struct buf *got)
{
    struct str is = buf_get(got), be = str_make(want.p, want.n);

    if (be.n && !str_eq(is, str_eq(be, STR("-")) ? STR("") : be))
        world_fault(
            w, "%s: the client's %s is \"%.*s\"", m->name, which, STR_ARG(is));
}

static void
verify_client(
    struct world *w, const struct client *c, const struct script_message *want)
{
    verify_word(w, want, "addr", want->client_addr, &c->addr);
    verify_word(w, want, "helo", want->client_helo, &c->helo);
    verify_word(w, want, "login", want->client_login, &c->login);
    verify_word(w, want, "proto", want->client_proto, &c->proto);
    if (want->client_port && want->client_port != c->port)
        world_fault(
            w, "%s: the client's port is %u", want->name, (unsigned)c->port);
}

static void
verify_received(struct world *w, const struct impel_incoming *m,
    const struct script_message *want)
{
    size_t n = 0;

    if (!str_eq(buf_get(&m->sender), str_make(want->sender.p, want->sender.n)))
        world_fault(w, "%s: sender is <%s>", want->name,
            m->sender.p ? m->sender.p : "");
    for (size_t i = 0; i < m->rcpt_count; i++) {
        if (m->refused[i])
            continue;
        if (n == want->rcpt_count ||
            !str_eq(buf_get(&m->rcpt[i]),
                str_make(want->rcpt[n].rcpt.address.p,
                    want->rcpt[n].rcpt.address.n)))
            world_fault(w, "%s: recipient <%s> unexpected", want->name,
                m->rcpt[i].p ? m->rcpt[i].p : "");
        else
            n++;
    }
    if (n < want->rcpt_count)
        world_fault(w, "%s: only %zu recipients", want->name, n);
    verify_client(w, &m->client, want);
    if (!str_eq(buf_get(&m->body), buf_get(&want->body)))
        world_fault(w, "%s: the body differs: \"%.*s\"", want->name,
            STR_ARG(str_sub(buf_get(&m->body), 0, 200)));
}

static void
verify_listener(struct world *w, const struct impel_session *s)
{
    const struct script_session *t = s->script;

    if (s->received != t->received_count)
        world_fault(w, "line %d: %zu messages came in, not %zu", t->line,
            s->received, t->received_count);
    for (size_t i = 0; i < w->incoming_count; i++) {
        const struct impel_incoming *m = w->incoming[i];
        if (m->session == s && m->committed && m->number < t->received_count)
            verify_received(w, m, t->received[m->number]);
    }
}

void
verify_script(struct world *w)
{
    for (size_t i = 0; i < w->session_count; i++) {
        struct impel_session *s = w->session[i];
        /* a goodbye that there is no room for need not be said */
        if (!peer_is_done(s) && !s->peer.failed && !w->injected)
            world_fault(w, "line %d: the peer still waits for this",
                s->script->step[s->peer.at].line);
        if (w->script->listener)
            verify_listener(w, s);
        if (w->script->filter)
            filter_verify(w, s);
        if (!s->script->has_closed)
            continue;
        if (!s->has_why)
            world_fault(w, "closed() without a reason");
        else
            verify_want(w, "closed()", &s->script->closed, &s->why,
                buf_get(&s->why_text));
    }
    for (size_t i = 0; i < w->script->message_count && !w->script->listener &&
         !w->script->filter;
         i++)
        verify_message(w, &w->script->message[i]);
}
