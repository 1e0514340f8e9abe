/* SPDX-License-Identifier: Apache-2.0
 *
 * filterside.c - struct impel_filtering over the world of the kit: steps are
 * told as the script says, answers and changes compared with it.
 */
#include "world.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/xmem.h"
#include "base/banned.h"

static struct impel_str
part(const struct buf *b, size_t from, size_t to)
{
    return (struct impel_str){b->p + from, to - from};
}

/* Where the body begins: behind the first empty line. */
static size_t
body_at(const struct buf *b)
{
    for (size_t i = 0; i + 1 < b->n; i++) {
        bool start = i == 0 || b->p[i - 1] == '\n';

        if (start && b->p[i] == '\r' && b->p[i + 1] == '\n')
            return i + 2;
    }
    return b->n;
}

/* Whether a field ends with the line end before i. */
static bool
field_ends(const struct buf *b, size_t i)
{
    return i == b->n || (b->p[i] != ' ' && b->p[i] != '\t');
}

static void
fill_fields(struct impel_session *s, const struct buf *b)
{
    size_t from = 0, end = body_at(b), count = 0;

    s->filter.field =
        xgrow(s->filter.field, b->n + 1, sizeof(struct impel_pair));
    for (size_t i = 1; i <= end; i++) {
        const char *colon;

        if (b->p[i - 1] != '\n' || !field_ends(b, i))
            continue;
        colon = memchr(b->p + from, ':', i - from);
        if (colon) {
            size_t at = (size_t)(colon - b->p);

            s->filter.field[count++] = (struct impel_pair){
                .key = part(b, from, at), .value = part(b, at + 1, i - 2)};
        }
        from = i;
    }
    s->filter.step.field = s->filter.field;
    s->filter.step.field_count = count;
}

static struct impel_str
not_empty(struct impel_str s)
{
    return s.n ? s : (struct impel_str){NULL, 0};
}

static void
fill_client(struct impel_session *s, const struct script_message *m)
{
    struct filter_side *f = &s->filter;

    f->client = (struct impel_peer){.size = sizeof(f->client),
        .port = (uint16_t)m->client_port,
        .addr = not_empty(m->client_addr),
        .helo = not_empty(m->client_helo),
        .login = not_empty(m->client_login),
        .local = {"192.0.2.100", 11},
        .local_port = 25};
    f->step.client = &f->client;
    f->step.mechanism = not_empty(m->client_mechanism);
    f->step.tls_version = not_empty(m->client_tls);
    if (m->client_tls.n)
        f->step.tls_cipher = (struct impel_str){"AES-256-GCM", 11};
}

static void
fill_message(struct impel_session *s, const struct script_message *m)
{
    struct filter_side *f = &s->filter;

    f->sender = (struct impel_sender){.size = sizeof(f->sender),
        .needs = m->needs,
        .ret = m->ret,
        .address = m->sender,
        .envid = m->envid,
        .declared_size = (int64_t)m->body.n};
    f->step.sender = &f->sender;
    f->step.proto = (struct impel_str){"esmtp", 5};
    if (f->step.step >= IMPEL_STEP_HEADER)
        f->step.id = (struct impel_str){m->name, strlen(m->name)};
}

static void
fill_step(struct impel_session *s, const struct script_act *a)
{
    const struct script_message *m = a->message;
    struct impel_step *step = &s->filter.step;

    memset(step, 0, sizeof(*step));
    step->size = sizeof(*step);
    step->step = a->step;
    if (!m)
        return;
    fill_client(s, m);
    if (a->step >= IMPEL_STEP_SENDER)
        fill_message(s, m);
    if (a->step == IMPEL_STEP_RCPT)
        step->rcpt = &m->rcpt[a->rcpt].rcpt;
    if (a->step == IMPEL_STEP_HEADER)
        fill_fields(s, &m->body);
    if (a->step == IMPEL_STEP_BODY)
        step->body = part(&m->body, body_at(&m->body), m->body.n);
}

static void
tell(struct impel_session *s, const struct script_act *a)
{
    struct filter_side *f = &s->filter;

    fill_step(s, a);
    f->act = a;
    f->asked = a->step != IMPEL_STEP_ABANDON && a->step != IMPEL_STEP_LEAVE;
    f->leaving = a->step == IMPEL_STEP_LEAVE;
    s->ready = 0;
    world_note(s, "=", "step", 4);
    world_callback_begin(s->world, "step()");
    s->world->module->filter.step(s->s, &f->step);
    world_callback_end(s->world);
}

/* What the host does next: the script's, then the end. */
static bool
next(struct impel_session *s)
{
    static const struct script_act leave = {.step = IMPEL_STEP_LEAVE};
    struct filter_side *f = &s->filter;
    const struct script_session *t = s->script;
    const struct script_act *a =
        s->act < t->act_count && !f->over && !s->world->plan.idle
        ? &t->act[s->act]
        : NULL;

    if (f->asked || (f->leaving && !s->ready))
        return false;
    if (f->absent) {
        filter_close(s, 1);
    } else if (a) {
        s->act++;
        if (a->kind == ACT_TELL)
            tell(s, a);
        else
            filter_close(s, a->now);
    } else if (!f->leaving) {
        tell(s, &leave);
    } else {
        filter_close(s, 0);
    }
    return true;
}

void
filter_pump(struct impel_session *s)
{
    while (s->state == SESSION_LIVE && !s->close_asked && next(s))
        ;
}

void
filter_free(struct impel_session *s)
{
    free(s->filter.field);
    buf_fini(&s->filter.pending);
    buf_fini(&s->filter.changes);
}

/* --- answers --- */

static bool
may(struct impel_session *s, const char *call)
{
    if (s && s->state == SESSION_LIVE && s->world->script->filter)
        return true;
    world_fault(s ? s->world : world_current, "%s() %s", call,
        s ? "of a session that is over, or no filter's" : "of nothing");
    return false;
}

static void
check_shape(struct impel_session *s, int answer, const struct impel_result *r)
{
    struct world *w = s->world;

    if (answer < IMPEL_GO_ON || answer > IMPEL_DISCARD)
        world_fault(w, "answer(): there is no answer %d", answer);
    if (!s->filter.asked && answer != IMPEL_ABSENT)
        world_fault(w, "an answer to nothing");
    if (answer == IMPEL_ENOUGH && s->filter.step.step != IMPEL_STEP_BODY)
        world_fault(w, "ENOUGH, but not of a body");
    if (answer == IMPEL_DISCARD && s->filter.step.step < IMPEL_STEP_SENDER)
        world_fault(w, "DISCARD, and there is no message");
    if (r)
        verify_shape(w, "answer()", r);
    if (!r && (answer == IMPEL_REFUSE || answer == IMPEL_HANG_UP))
        world_fault(w, "answer(): a refusal without a result");
}

static void
check_script(struct impel_session *s, int answer, const struct impel_result *r)
{
    const struct script_act *a = s->filter.act;
    struct world *w = s->world;

    if (!s->filter.asked || !a->answer)
        return;
    if (answer != a->answer && w->plan.lenient)
        s->filter.over = true;
    if (w->plan.lenient)
        return;
    if (answer != a->answer)
        world_fault(w, "line %d: the answer is %s, not %s", a->line,
            script_answer_name(answer), script_answer_name(a->answer));
    else if (r)
        verify_wanted(w, "answer()", &a->want, r);
    else if (a->want.verdict)
        world_fault(w, "line %d: an answer without a result", a->line);
}

static void
filter_answer(struct impel_session *s, int answer, const struct impel_result *r)
{
    struct filter_side *f = &s->filter;
    bool holds = answer == IMPEL_GO_ON || answer == IMPEL_PASS;

    if (!may(s, "answer"))
        return;
    world_note(
        s, "=", script_answer_name(answer), strlen(script_answer_name(answer)));
    check_shape(s, answer, r);
    check_script(s, answer, r);
    if (holds && f->step.step == IMPEL_STEP_END)
        buf_add(&f->changes, f->pending.p, f->pending.n);
    buf_cut(&f->pending, 0);
    f->absent = f->absent || answer == IMPEL_ABSENT;
    f->asked = false;
}

/* --- changes, in words --- */

static bool
may_change(struct impel_session *s, const char *call)
{
    if (!may(s, call))
        return false;
    if (s->filter.asked && s->filter.step.step == IMPEL_STEP_END)
        return true;
    world_fault(s->world, "%s() of a message that is not at its end", call);
    return false;
}

static void
add_shown(struct buf *to, const void *from, size_t n)
{
    const char *p = from;

    for (size_t i = 0; i < n; i++) {
        if (p[i] == '\r')
            buf_cstr(to, "\\r");
        else if (p[i] == '\n')
            buf_cstr(to, "\\n");
        else if (p[i] > ' ' && p[i] <= '~')
            buf_char(to, p[i]);
        else if (p[i] == ' ' && i + 1 < n) /* the last one would not be seen */
            buf_char(to, ' ');
        else
            buf_printf(to, "\\x%02x", (unsigned char)p[i]);
    }
}

static struct buf *
begin_change(struct impel_session *s, const char *what)
{
    struct buf *b = &s->filter.pending;

    if (b->n)
        buf_char(b, '\n');
    else if (s->filter.changes.n)
        buf_char(b, '\n');
    buf_cstr(b, what);
    s->filter.body = false;
    return b;
}

static int
filter_add_field(struct impel_session *s, int64_t at, struct impel_str name,
    struct impel_str value)
{
    struct buf *b;

    if (!may_change(s, "add_field"))
        return IMPEL_E_INVAL;
    b = begin_change(s, "add ");
    buf_printf(b, "%lld ", (long long)at);
    add_shown(b, name.p, name.n);
    buf_char(b, ':');
    add_shown(b, value.p, value.n);
    return 0;
}

static int
filter_change_field(struct impel_session *s, uint32_t nth,
    struct impel_str name, struct impel_str value)
{
    struct buf *b;

    if (!may_change(s, "change_field"))
        return IMPEL_E_INVAL;
    b = begin_change(s, value.p ? "change " : "remove ");
    buf_printf(b, "%u ", nth);
    add_shown(b, name.p, name.n);
    if (value.p)
        buf_char(b, ':');
    add_shown(b, value.p, value.n);
    return 0;
}

/* Pieces that follow each other are one body.  Where bytes come one at a time
 * the host has no room each other time. */
static int
filter_replace_body(struct impel_session *s, const void *p, size_t n)
{
    struct filter_side *f = &s->filter;

    if (!may_change(s, "replace_body"))
        return IMPEL_E_INVAL;
    f->again = !f->again;
    if (s->world->plan.wire == WIRE_BYTES && f->again) {
        world_post(s->world, s, IMPEL_EV_CREDIT);
        return IMPEL_E_AGAIN;
    }
    if (!f->body)
        begin_change(s, "body ");
    f->body = true;
    add_shown(&f->pending, p, n);
    return 0;
}

static int
filter_set_sender(struct impel_session *s, const struct impel_sender *sender)
{
    struct buf *b;

    if (!may_change(s, "set_sender"))
        return IMPEL_E_INVAL;
    b = begin_change(s, "sender <");
    add_shown(b, sender->address.p, sender->address.n);
    buf_char(b, '>');
    if (sender->ret)
        buf_printf(b, " ret=%d", sender->ret);
    if (sender->envid.n)
        buf_cstr(b, " envid=");
    add_shown(b, sender->envid.p, sender->envid.n);
    return 0;
}

static int
filter_add_rcpt(struct impel_session *s, const struct impel_rcpt *rcpt)
{
    struct buf *b;

    if (!may_change(s, "add_rcpt"))
        return IMPEL_E_INVAL;
    b = begin_change(s, "add-rcpt <");
    add_shown(b, rcpt->address.p, rcpt->address.n);
    buf_char(b, '>');
    if (rcpt->notify)
        buf_printf(b, " notify=%u", rcpt->notify);
    return 0;
}

static int
filter_remove_rcpt(struct impel_session *s, struct impel_str address)
{
    struct buf *b;

    if (!may_change(s, "remove_rcpt"))
        return IMPEL_E_INVAL;
    b = begin_change(s, "remove-rcpt <");
    add_shown(b, address.p, address.n);
    buf_char(b, '>');
    return 0;
}

const struct impel_filtering world_filtering = {
    .size = sizeof(struct impel_filtering),
    .answer = filter_answer,
    .add_field = filter_add_field,
    .change_field = filter_change_field,
    .replace_body = filter_replace_body,
    .set_sender = filter_set_sender,
    .add_rcpt = filter_add_rcpt,
    .remove_rcpt = filter_remove_rcpt,
};

/* --- what the script says of a session --- */

/* Whether the last thing it was told was to leave. */
static bool
filter_has_left(const struct impel_session *s)
{
    return s->filter.act && s->filter.act->step == IMPEL_STEP_LEAVE;
}

void
filter_verify(struct world *w, const struct impel_session *s)
{
    const struct script_session *t = s->script;
    struct str rest = buf_get(&s->filter.changes), got;

    for (size_t i = 0; i < t->change_count; i++) {
        struct str want = str_make(t->change[i].p, t->change[i].n);

        got = str_cut(&rest, '\n');
        if (!str_eq(got, want))
            world_fault(w, "a change is \"%.*s\", not \"%.*s\"", STR_ARG(got),
                STR_ARG(want));
    }
    if (rest.n)
        world_fault(w, "a change that the script does not have: \"%.*s\"",
            STR_ARG(rest));
    /* who has no room for a goodbye closes: there is no next client then */
    if (s->act < t->act_count && !(w->injected && filter_has_left(s)))
        world_fault(w, "line %d: was not told", t->act[s->act].line);
}
