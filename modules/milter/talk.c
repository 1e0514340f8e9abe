/* SPDX-License-Identifier: Apache-2.0
 *
 * talk.c - one conversation with one filter.
 *
 * What the host tells as a step becomes packets, one after the other; after
 * each that the filter answers the conversation waits.  When anything is wrong
 * (no connection, no answer in time, an answer that makes no sense) the rule of
 * the operator is the answer, and the connection ends: what follows it could
 * not be told from what was meant for something else.
 */
#include "talk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "outcome.h"

static void talk_run(struct talk *t);

/* --- answers --- */

void
talk_count(const struct talk *t, enum milter_counter c)
{
    t->host->count(t->module->instance, c, 1);
}

void
talk_result(
    struct impel_result *r, int code, const char *status, struct impel_str text)
{
    *r = (struct impel_result){.size = sizeof(*r),
        .verdict = code / 100 == 5 ? IMPEL_FAILED : IMPEL_RETRY,
        .blame = IMPEL_BLAME_MESSAGE,
        .stage = IMPEL_AT_FINAL,
        .code = (uint16_t)code,
        .retry_after = -1,
        .text = text};
    for (int i = 0; i < 3; i++)
        r->status[i] = (uint16_t)(status[2 * i] - '0');
}

struct impel_str
talk_words(const char *z)
{
    return (struct impel_str){z, strlen(z)};
}

void
talk_answer(struct talk *t, int what, const struct impel_result *r)
{
    int step = t->step.step;

    t->step.step = 0;
    t->waiting = t->credit = false;
    if (step == IMPEL_STEP_END || what == IMPEL_PASS || what == IMPEL_DISCARD ||
        what == IMPEL_HANG_UP ||
        (what == IMPEL_REFUSE && step != IMPEL_STEP_RCPT))
        t->message = false;
    if (step == IMPEL_STEP_END)
        talk_count(t, COUNT_MESSAGES);
    if (what == IMPEL_REFUSE || what == IMPEL_HANG_UP)
        talk_count(t, COUNT_REFUSED);
    if (what == IMPEL_DISCARD)
        talk_count(t, COUNT_DISCARDED);
    deadline_clear(&t->deadline);
    t->host->filtering->answer(t->session, what, r);
}

void
talk_refuse(
    struct talk *t, int what, int code, const char *status, const char *text)
{
    struct impel_result r;

    talk_result(&r, code, status, talk_words(text));
    talk_answer(t, what, &r);
}

static void
talk_end(struct talk *t)
{
    if (t->state == TALK_DEAD)
        return;
    t->state = TALK_DEAD;
    t->host->closed(t->session, NULL);
}

/* It is out of order: what the operator wants then, and the end. */
void
talk_fail(struct talk *t, const char *why)
{
    bool asked = t->step.step != 0 || t->message;
    struct impel_result r;

    if (t->state == TALK_DEAD)
        return;
    if (asked || t->state != TALK_OPEN) {
        talk_count(t, COUNT_FAILURES);
        t->host->log(t->module->instance, t->session, IMPEL_LOG_WARNING,
            "event=filter-failed addr=%s port=%u step=%d reason=\"%s\"",
            t->target.addr, t->target.port, t->step.step, why);
    }
    t->step.step = 0;
    t->message = false;
    if (t->target.action == ACTION_REJECT)
        talk_result(
            &r, 550, "5.5.0", talk_words("Service configuration error"));
    else
        talk_result(&r, 451, "4.7.1",
            talk_words("Service unavailable, try again later"));
    if (asked)
        t->host->filtering->answer(t->session, IMPEL_ABSENT,
            t->target.action == ACTION_ACCEPT ? NULL : &r);
    talk_end(t);
}

int64_t
talk_step_ms(const struct talk *t)
{
    return t->step.step >= IMPEL_STEP_HEADER ? t->target.content_ms
                                             : t->target.command_ms;
}

/* --- turns --- */

static void
talk_input(struct talk *t)
{
    enum packet_state got;
    struct impel_str in;
    size_t used;

    while (t->state != TALK_DEAD && !t->credit) {
        if (!t->command) {
            in = t->host->input(t->session);
            got = packet_take(&t->in, in.p, in.n, &used, &t->command, &t->data);
            if (used)
                t->host->consume(t->session, used);
            if (got == PACKET_BAD)
                talk_fail(t, "a packet of no length, or too long");
            if (got != PACKET_WHOLE)
                return;
        }
        if (!said_take(t))
            return;
        t->command = 0;
        packet_next(&t->in);
        talk_run(t);
    }
}

/* false: not now. */
static bool
talk_flush(struct talk *t)
{
    int rc;

    if (t->out.failed) {
        talk_fail(t, "no memory, or a NUL where none may be");
        return false;
    }
    if (!t->out.n)
        return true;
    rc = t->host->write(t->session, t->out.p, t->out.n);
    if (rc == IMPEL_E_FULL) {
        t->full = true;
        return false;
    }
    t->out.n = 0;
    if (t->out.size > 8192)
        packet_out_fini(&t->out);
    return rc == 0; /* else EV_LOST is under way */
}

/* Say what the step has to say, up to where the filter is to answer. */
static void
talk_run(struct talk *t)
{
    while (t->state == TALK_OPEN && !t->full && talk_flush(t) && t->step.step &&
        !t->waiting) {
        if (!put_part(t)) {
            talk_answer(t, IMPEL_GO_ON, NULL);
            return;
        }
        deadline_set(&t->deadline, t->host, t->session, talk_step_ms(t));
    }
}

static void
talk_options(struct talk *t)
{
    bool old = t->version < 3;

    t->state = TALK_OPTIONS;
    packet_begin(&t->out, SEND_OPTIONS);
    packet_u32(&t->out, t->version);
    packet_u32(&t->out, old ? ACT_ALL_V2 : ACT_ALL);
    packet_u32(&t->out, old ? STEP_ALL_V2 : STEP_ALL);
    packet_end(&t->out);
    deadline_set(&t->deadline, t->host, t->session, t->target.command_ms);
    (void)talk_flush(t);
}

/* --- the host's calls --- */

static struct impel_str
milter_name(void *ctx, const struct impel_scope *scope, uint32_t index)
{
    const struct milter *m = ctx;

    struct impel_str none = {NULL, 0}, name;

    if (index >= m->host->opt_count(scope, ROW_MILTERS))
        return none;
    name = target_name(m->host->opt_str(scope, ROW_MILTERS, index));
    return target_is_none(name) ? none : name;
}

static int
talk_dial(struct talk *t, struct impel_error *e)
{
    struct impel_dial d = {.size = sizeof(d),
        .port = t->target.port,
        .tls = IMPEL_TLS_NONE,
        .addr = talk_words(t->target.addr)};

    deadline_set(&t->deadline, t->host, t->session, t->target.connect_ms);
    return t->host->dial(t->session, &d, e);
}

static int
milter_open(void *ctx, struct impel_session *session,
    const struct impel_scope *scope, uint32_t index, void **sp,
    struct impel_error *e)
{
    const struct milter *m = ctx;
    struct talk *t = calloc(1, sizeof(*t));
    struct impel_str item = m->host->opt_str(scope, ROW_MILTERS, index);
    char why[200];
    int rc;

    if (!t) {
        return outcome_refuse(e, IMPEL_E_NOMEM, "no memory for a filter");
    }
    t->module = m;
    t->host = m->host;
    t->session = session;
    t->scope = scope;
    t->version = (uint32_t)m->host->opt_int(scope, ROW_PROTOCOL);
    if (!target_parse(m->host, scope, item, &t->target, why)) {
        rc = outcome_refuse(e, IMPEL_E_INVAL, "%.200s", why);
    } else {
        rc = talk_dial(t, e);
    }
    if (rc < 0) {
        free(t);
        return rc;
    }
    talk_count(t, COUNT_CONNECTIONS);
    *sp = t;
    return 0;
}

static void
step_abandon(struct talk *t)
{
    if (t->message && t->state == TALK_OPEN) {
        t->settled = false;
        put_plain(t, -1, SEND_ABORT);
        (void)talk_flush(t);
    }
    t->message = false;
}

/* The client has gone: the next one may have the connection, if the filter is
 * one that knows of it.  libmilter takes QUIT_NC only where it has said
 * CONTINUE to the end of a message; elsewhere it does not hear it, and then
 * not the next client either. */
static void
step_leave(struct talk *t)
{
    bool keep = t->state == TALK_OPEN && t->version >= 6 && t->settled &&
        t->host->opt_int(t->scope, ROW_REUSE) && !t->full;

    if (!keep) {
        t->leaving = true;
        if (t->state == TALK_OPEN && !t->full) {
            put_plain(t, -1, SEND_QUIT);
            (void)talk_flush(t);
        }
        talk_end(t);
        return;
    }
    put_plain(t, -1, SEND_QUIT_NC);
    if (!talk_flush(t)) {
        talk_end(t);
        return;
    }
    t->used = true;
    t->host->ready(t->session, 1);
}

static void
milter_step(void *sp, const struct impel_step *step)
{
    struct talk *t = sp;

    if (t->state == TALK_DEAD)
        return;
    if (step->step == IMPEL_STEP_ABANDON) {
        step_abandon(t);
        return;
    }
    if (step->step == IMPEL_STEP_LEAVE) {
        step_leave(t);
        return;
    }
    if (step->step == IMPEL_STEP_CONNECT && t->used)
        talk_count(t, COUNT_REUSED);
    t->step = *step;
    t->part = PART_FIRST;
    t->at = 0;
    t->waiting = t->settled = false;
    if (step->step == IMPEL_STEP_SENDER)
        t->message = true;
    talk_run(t);
}

static void
talk_lost(struct talk *t, int64_t arg)
{
    char why[80];

    talk_input(t); /* what came before */
    if (arg == IMPEL_E_CLOSED)
        snprintf(why, sizeof(why), "the connection was closed");
    else
        snprintf(why, sizeof(why), "%s", strerror((int)-arg));
    talk_fail(t, why);
}

static void
milter_event(void *sp, struct impel_batch *batch, int event, int64_t arg)
{
    struct talk *t = sp;

    (void)batch;
    if (t->state == TALK_DEAD)
        return;
    switch (event) {
    case IMPEL_EV_CONNECTED:
        talk_options(t);
        break;
    case IMPEL_EV_INPUT:
        talk_input(t);
        break;
    case IMPEL_EV_DRAINED:
        t->full = false;
        if (t->state == TALK_OPTIONS)
            (void)talk_flush(t);
        else
            talk_run(t);
        break;
    case IMPEL_EV_CREDIT:
        t->credit = false;
        talk_input(t);
        break;
    case IMPEL_EV_TIMER:
        if (arg == 0 && deadline_fired(&t->deadline, t->host, t->session)) {
            talk_count(t, COUNT_TIMEOUTS);
            talk_fail(t, "no answer in time");
        }
        break;
    case IMPEL_EV_LOST:
        talk_lost(t, arg);
        break;
    default:
        break;
    }
}

static void
milter_close(void *sp, int now)
{
    struct talk *t = sp;

    if (t->state == TALK_DEAD)
        return;
    if (!now && t->state == TALK_OPEN && !t->full) {
        put_plain(t, -1, SEND_QUIT);
        (void)talk_flush(t);
    }
    talk_end(t);
}

static void
milter_release(void *sp)
{
    struct talk *t = sp;

    packet_fini(&t->in);
    packet_out_fini(&t->out);
    for (int i = 0; i < MACRO_STAGES; i++)
        free(t->macros[i]);
    free(t);
}

const struct impel_filter milter_filter = {
    .size = sizeof(struct impel_filter),
    .name = milter_name,
    .open = milter_open,
    .event = milter_event,
    .step = milter_step,
    .close = milter_close,
    .release = milter_release,
};
