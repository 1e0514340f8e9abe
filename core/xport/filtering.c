/* SPDX-License-Identifier: Apache-2.0
 *
 * filtering.c - sessions of filters on an I/O loop.
 */
#include "xport/filtering.h"

#include <stdlib.h>

#include "base/bug.h"
#include "base/log.h"
#include "base/magic.h"
#include "base/xmem.h"
#include "conf/generation.h"
#include "loop/slow.h"
#include "xport/session_int.h"
#include "base/banned.h"

enum { KEEP_MS = 30000, KEEP_MOST = 64 /* on a loop */ };

struct filtering {
    uint32_t magic;
    uint32_t index;
    struct impel_session io;
    struct generation *generation;     /* pins the scope */
    const struct filtering_events *ev; /* NULL: nobody has it */
    void *arg;
    struct impel_step step;
    bool abandon_due; /* to be told before the step */
    bool asked;       /* the step waits for its answer */
    bool due;         /* the step was not told yet */
    bool at_end;      /* it is END: changes are taken */
    bool leaving;     /* ready() is waited for */
    struct list idle;
    struct timer idle_timer;
};

/* Of the calling thread's loop. */
static _Thread_local struct list idle;
static _Thread_local unsigned idle_count;
static _Thread_local bool stopping;
static _Atomic uint64_t next_id;

static struct filtering *
filtering_of(struct impel_session *io)
{
    struct filtering *f = CONTAINER_OF(io, struct filtering, io);

    CHECK(f, FILTERING_MAGIC);
    return f;
}

static void
idle_init(void)
{
    if (!idle.next)
        list_init(&idle);
}

static void
idle_remove(struct filtering *f)
{
    if (!list_linked(&f->idle))
        return;
    list_remove(&f->idle);
    timer_stop(&f->idle_timer);
    idle_count--;
}

/* Long enough without a client. */
static void
idle_over(void *arg)
{
    struct filtering *f = arg;

    CHECK(f, FILTERING_MAGIC);
    idle_remove(f);
    session_request_close(&f->io, false);
}

static void
idle_add(struct filtering *f)
{
    if (stopping || idle_count >= KEEP_MOST || f->io.lost) {
        session_request_close(&f->io, false);
        return;
    }
    idle_init();
    list_push(&idle, &f->idle);
    idle_count++;
    timer_start(&f->idle_timer, KEEP_MS);
}

/* --- what the session tells --- */

static int
filtering_begin(struct impel_session *io, struct impel_error *e)
{
    struct filtering *f = filtering_of(io);
    const struct module *m = io->module;
    int64_t t = session_call_begin(io, CALL_OPEN, NULL);
    int rc = m->filter.open(m->ctx, io, &io->scope, f->index, &io->mine, e);

    session_call_end(io, CALL_OPEN, t);
    return rc;
}

static void
filtering_tell(struct impel_session *io)
{
    struct filtering *f = filtering_of(io);
    struct impel_step abandon = {
        .size = sizeof(abandon), .step = IMPEL_STEP_ABANDON};
    const struct impel_step *step = &f->step;
    int64_t t;

    if (io->close_wanted || (!f->due && !f->abandon_due))
        return;
    if (f->abandon_due) {
        step = &abandon;
        f->abandon_due = false;
        if (f->due)
            session_mark(io, PENDING_STEP);
    } else {
        f->due = false;
    }
    t = session_call_begin(io, CALL_STEP, NULL);
    io->module->filter.step(io->mine, step);
    session_call_end(io, CALL_STEP, t);
}

/* It could have another client. */
static void
filtering_is_ready(struct impel_session *io, uint32_t open)
{
    struct filtering *f = filtering_of(io);

    if (!f->leaving || !open)
        return;
    f->leaving = false;
    if (!f->ev)
        idle_add(f);
}

static void
filtering_gone(struct impel_session *io)
{
    struct filtering *f = filtering_of(io);
    const struct filtering_events *ev = f->ev;

    idle_remove(f);
    f->ev = NULL;
    if (ev)
        ev->gone(f->arg);
    if (f->generation)
        generation_unref(&f->generation);
    result_fini(&io->why);
    free(io->name);
    f->magic = io->magic = 0;
    free(f);
}

static void
filtering_no_draining(struct impel_session *io)
{
    (void)io;
}

static const struct session_kind kind = {
    .filter = true,
    .begin = filtering_begin,
    .ready = filtering_is_ready,
    .draining = filtering_no_draining,
    .step = filtering_tell,
    .gone = filtering_gone,
};

/* --- what the intake layer calls --- */

static struct filtering *
idle_find(const struct loop *l, const struct module *m,
    const struct scope *scope, uint32_t index)
{
    struct list *n;

    idle_init();
    LIST_FOREACH (n, &idle) {
        struct filtering *f = LIST_ENTRY(n, struct filtering, idle);

        if (f->io.loop == l && f->io.module == m &&
            f->io.scope.scope == scope && f->index == index && !f->io.lost &&
            !f->io.close_wanted)
            return f;
    }
    return NULL;
}

struct filtering *
filtering_open(struct loop *l, const struct module *m,
    const struct scope *scope, uint32_t index, const char *name,
    const struct filtering_events *ev, void *arg)
{
    struct filtering *f = idle_find(l, m, scope, index);

    if (f) {
        idle_remove(f);
    } else {
        f = xnew(struct filtering);
        f->magic = FILTERING_MAGIC;
        f->index = index;
        session_init(&f->io, &kind, l, m, scope);
        f->io.id = UINT64_C(0xf) << 60 | atomic_fetch_add(&next_id, 1);
        f->io.name = xdup(name ? name : "");
        timer_init(&f->idle_timer, l, idle_over, f, "filter idle");
        if (scope)
            f->generation = generation_ref(scope_generation(scope));
        atomic_fetch_add(&session_counts[SORT_FILTER], 1);
        session_begin(&f->io);
    }
    f->ev = ev;
    f->arg = arg;
    f->leaving = false;
    return f;
}

void
filtering_step(struct filtering *f, const struct impel_step *step)
{
    CHECK(f, FILTERING_MAGIC);
    BUG_ON(f->due || f->asked);
    if (step->step == IMPEL_STEP_ABANDON) {
        f->abandon_due = true;
    } else {
        f->step = *step;
        f->step.size = sizeof(f->step);
        f->due = true;
        f->at_end = step->step == IMPEL_STEP_END;
        f->leaving = step->step == IMPEL_STEP_LEAVE;
        f->asked = !f->leaving;
    }
    session_mark(&f->io, PENDING_STEP);
}

void
filtering_credit(struct filtering *f)
{
    CHECK(f, FILTERING_MAGIC);
    session_mark(&f->io, PENDING_CREDIT);
}

void
filtering_close(struct filtering **to, bool polite)
{
    struct filtering *f = *to;
    struct impel_step leave = {.step = IMPEL_STEP_LEAVE};

    *to = NULL;
    if (!f)
        return;
    CHECK(f, FILTERING_MAGIC);
    f->ev = NULL;
    f->arg = NULL;
    if (f->io.state >= SESSION_CLOSED)
        return;
    if (!polite || f->asked || f->due || f->io.lost) {
        f->asked = f->due = f->at_end = f->abandon_due = false;
        session_request_close(&f->io, true);
        return;
    }
    filtering_step(f, &leave);
}

struct str
filtering_name(
    const struct module *m, const struct scope *scope, uint32_t index)
{
    struct impel_scope s = {.module = m, .scope = scope};
    struct impel_str name = m->filter.name(m->ctx, &s, index);

    return str_make(name.p, name.n);
}

unsigned
filtering_count(struct loop *l)
{
    struct list *n;
    unsigned count = 0;

    LIST_FOREACH (n, session_all(SORT_FILTER)) {
        if (LIST_ENTRY(n, struct impel_session, node)->loop == l)
            count++;
    }
    return count;
}

void
filtering_stop(struct loop *l, bool now)
{
    struct list *n;

    stopping = true;
    LIST_FOREACH (n, session_all(SORT_FILTER)) {
        struct impel_session *s = LIST_ENTRY(n, struct impel_session, node);

        if (s->loop == l && (now || !filtering_of(s)->ev))
            session_request_close(s, now);
    }
}

/* --- what modules call --- */

static void
api_answer(struct impel_session *s, int answer, const struct impel_result *r)
{
    struct filtering *f = filtering_of(s);

    if (s->state >= SESSION_CLOSED || !f->ev)
        return; /* nobody waits for it any more */
    /* without a question: what holds from now on, as the filter is lost */
    if (answer < IMPEL_GO_ON || answer > IMPEL_DISCARD ||
        ((!f->asked || f->due) && answer != IMPEL_ABSENT)) {
        session_broken(s, "an answer to nothing");
        return;
    }
    f->asked = f->at_end = false;
    f->ev->answer(f->arg, answer, r);
}

static int
api_change(struct impel_session *s, const struct filtering_change *c)
{
    struct filtering *f = filtering_of(s);

    if (s->state >= SESSION_CLOSED || !f->ev || !f->at_end || f->due)
        return IMPEL_E_INVAL;
    return f->ev->change(f->arg, c);
}

static int
api_add_field(struct impel_session *s, int64_t at, struct impel_str name,
    struct impel_str value)
{
    struct filtering_change c = {.kind = FILTERING_ADD_FIELD,
        .at = at,
        .name = str_make(name.p, name.n),
        .value = str_make(value.p ? value.p : "", value.n)};

    return api_change(s, &c);
}

static int
api_change_field(struct impel_session *s, uint32_t nth, struct impel_str name,
    struct impel_str value)
{
    struct filtering_change c = {.kind = FILTERING_CHANGE_FIELD,
        .at = nth,
        .name = str_make(name.p, name.n),
        .value = {value.p, value.n}};

    return api_change(s, &c);
}

static int
api_replace_body(struct impel_session *s, const void *p, size_t n)
{
    struct filtering_change c = {
        .kind = FILTERING_BODY, .value = str_make(p ? p : "", n)};

    return api_change(s, &c);
}

static int
api_set_sender(struct impel_session *s, const struct impel_sender *sender)
{
    struct filtering_change c = {.kind = FILTERING_SENDER, .sender = sender};

    return api_change(s, &c);
}

static int
api_add_rcpt(struct impel_session *s, const struct impel_rcpt *rcpt)
{
    struct filtering_change c = {.kind = FILTERING_ADD_RCPT, .rcpt = rcpt};

    return api_change(s, &c);
}

static int
api_remove_rcpt(struct impel_session *s, struct impel_str address)
{
    struct filtering_change c = {.kind = FILTERING_REMOVE_RCPT,
        .name = str_make(address.p ? address.p : "", address.n)};

    return api_change(s, &c);
}

const struct impel_filtering filtering_table = {
    .size = sizeof(struct impel_filtering),
    .answer = api_answer,
    .add_field = api_add_field,
    .change_field = api_change_field,
    .replace_body = api_replace_body,
    .set_sender = api_set_sender,
    .add_rcpt = api_add_rcpt,
    .remove_rcpt = api_remove_rcpt,
};
